//! What has each slice shown? Patched hosts beside unpatched ones, for screens and metrics.

use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::{Stream, Window};
use tidegate_policies::proof::bound::Group;

use super::Trial;

/// What one slice has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The slice.
    pub slice: SliceId,
    /// Patched hosts that are watched in their soak, and those that failed, as far as they are evidence.
    pub patched: Group,
    /// Unpatched hosts that are watched, and those that failed since the start.
    pub unpatched: Group,
}

impl Trial {
    /// The whole, then the slices with patched hosts that failed, the most failures first; at most `most`.
    pub fn effects(&self, most: usize) -> Vec<Effect> {
        let all = self.detector().slices().iter();
        let mut shown: Vec<Effect> = all
            .map(|(slice, _)| self.effect(slice))
            .enumerate()
            .filter(|(at, of)| *at == 0 || of.patched.failed > 0)
            .map(|(_, of)| of)
            .collect();
        // The order of slices decides among equals, and the whole has the most failures and comes first.
        shown.sort_by_key(|of| std::cmp::Reverse(of.patched.failed));
        shown.truncate(most);
        shown
    }

    fn effect(&self, slice: SliceId) -> Effect {
        let detector = self.detector();
        let shown = detector.ledger().shown(slice, Stream::Union);
        let at_risk = detector.risk().of_slice(slice);
        let group = |failed: u32, watched: u32| Group {
            hosts: u64::from(watched) + u64::from(failed),
            failed: failed.into(),
        };
        Effect {
            slice,
            patched: group(shown.treated, at_risk.treated[Window::Soak.index()]),
            unpatched: group(shown.control, at_risk.control),
        }
    }
}
