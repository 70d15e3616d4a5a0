//! Does the patch harm the hosts of this rollout? The comparison that the machine keeps books of.
//!
//! Every judged rollout is a randomized experiment, a *trial*: patched hosts against *sentinels*, hosts
//! of the same stratum that have not begun and are heard at the same beat. `policies` weighs; this room
//! knows who is in which cohort, who is heard, and whose time runs. A rollout whose policy says nothing
//! of evidence has no trial.

mod apart;
mod case;
mod effects;
pub(in crate::machine) mod facts;
mod follow;
mod hearing;
mod holds;
mod moves;
mod open;
mod reboots;
mod roll_call;
mod sentinels;
mod silences;
mod strata;
mod subjects;
mod tick;
mod traces;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::credit::hold::Hold;
use tidegate_policies::credit::{CreditBook, CreditRule};
use tidegate_policies::detector::Detector;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::time::Millis;

pub use self::case::Basis;
pub use self::effects::Effect;
pub use self::hearing::Hearing;
pub use self::holds::HoldMove;
pub use self::moves::TrialMove;
pub use self::roll_call::{RollCall, heard_for};
pub use self::sentinels::{Sentinels, source_of};
pub use self::silences::Silences;
use self::strata::Strata;
pub use self::subjects::{Role, Subjects, Watch};

/// The comparison of one rollout. Plain data: a part of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    detector: Detector,
    book: CreditBook,
    credit: CreditRule,
    hold: Option<Hold>,
    strata: Strata,
    hearing: Hearing,
    /// Whom hosts of each tier are compared with, for the tiers that the rollout has reached.
    sentinels: BTreeMap<String, Sentinels>,
    since: SinceTierBegan,
    silences: Silences,
    /// Eligible hosts of each slice, step by step, when the rollout started.
    hosts: Vec<BTreeMap<SliceId, u64>>,
}

/// What was seen since the present tier began, to compare rates: for how long sentinels were watched, and who
/// failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SinceTierBegan {
    /// Hosts times milliseconds.
    watched: u64,
    failed: u64,
    /// Patched hosts that failed before they were verified, of whichever tier.
    lost: u64,
}

impl Trial {
    /// The evidence.
    pub const fn detector(&self) -> &Detector {
        &self.detector
    }

    /// What verified hosts have earned.
    pub const fn book(&self) -> &CreditBook {
        &self.book
    }

    /// How credit is earned.
    pub const fn credit(&self) -> &CreditRule {
        &self.credit
    }

    /// The hold that goes on.
    pub const fn hold(&self) -> Option<Hold> {
        self.hold
    }

    /// Who fell silent in its soak, and would be in it still.
    pub const fn silences(&self) -> &Silences {
        &self.silences
    }

    /// Who is heard.
    pub const fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// Time goes on while sentinels are watched.
    fn watch_control(&mut self, step: Millis) {
        let control = u64::from(self.detector.risk().of_slice(SliceId(0)).control);
        self.since.watched = self.since.watched.saturating_add(control.saturating_mul(step.0));
    }
}
