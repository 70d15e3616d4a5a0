//! What of the board does a watcher want to see?

use tidegate_proto::v1 as pb;

use crate::machine::ids::RolloutId;

/// What a stream tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// This rollout alone, `rollouts/{rollout}`.
    rollout: Option<String>,
    records_only: bool,
}

impl Filter {
    /// All rollouts, or one; with what belongs to it.
    pub fn of(rollout: Option<&RolloutId>) -> Self {
        let rollout = rollout.map(|id| format!("rollouts/{id}"));
        Self { rollout, records_only: false }
    }

    /// The same, the records alone.
    #[must_use]
    pub fn records_only(self) -> Self {
        Self { records_only: true, ..self }
    }

    /// Whether it is about all rollouts.
    pub(super) const fn is_about_all(&self) -> bool {
        self.rollout.is_none()
    }

    /// Whether it shows things, or records alone.
    pub(super) const fn shows_things(&self) -> bool {
        !self.records_only
    }

    /// Whether it shows this rollout.
    pub(super) fn shows(&self, rollout: &str) -> bool {
        self.rollout.as_deref().is_none_or(|wanted| wanted == rollout)
    }

    /// The one rollout that it is about.
    pub(super) fn rollout(&self) -> Option<&str> {
        self.rollout.as_deref()
    }

    /// Whether it shows this record; `patch_set` is that of the one rollout.
    pub(super) fn shows_record(&self, record: &pb::DecisionRecord, patch_set: &str) -> bool {
        self.rollout
            .as_deref()
            .is_none_or(|wanted| record.subject == wanted || record.subject == patch_set)
    }

    /// What tells it from others in a token.
    pub(super) fn hash(&self) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[u8::from(self.records_only), u8::from(self.rollout.is_some())]);
        hasher.update(self.rollout.as_deref().unwrap_or_default().as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        first
    }
}
