//! What is left of a write that the power cut off? All, nothing, or some of its sectors.

use tidegate_controller::journal::Batch;

use super::chance::Chance;

/// What became of a batch that was not synced when the power failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// All of it is there.
    Whole,
    /// Some of its sectors are there.
    Torn,
    /// Nothing of it is there.
    Missing,
}

impl Fate {
    pub(super) fn draw(luck: &mut Chance) -> Self {
        luck.pick(&[Self::Whole, Self::Torn, Self::Missing]).unwrap_or(Self::Missing)
    }
}

/// What a reader that believes everything makes of a torn batch: its last entry ends too early.
pub(super) fn torn(mut batch: Batch) -> Batch {
    if let Some(last) = batch.entries.last_mut() {
        let half = last.data.len() / 2;
        last.data = last.data[..half].to_vec().into();
    }
    batch
}
