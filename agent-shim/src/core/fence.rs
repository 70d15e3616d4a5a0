//! Is this word newer than all that was heard before? The one place where epochs are compared.

use crate::core::config::Check;

/// Whether an offer or a permission of `epoch` may be acted upon by a host that has seen
/// `highest`.
pub(crate) fn admits(highest: u64, epoch: u64, check: Check) -> bool {
    match check {
        Check::Made => epoch >= highest,
        Check::Skipped => true,
    }
}

#[cfg(test)]
mod tests {
    use super::admits;
    use crate::core::config::Check;

    #[test]
    fn an_epoch_below_the_highest_is_refused_and_its_equal_is_not() {
        assert!(!admits(3, 2, Check::Made));
        assert!(admits(3, 3, Check::Made));
        assert!(admits(3, 4, Check::Made));
    }
}
