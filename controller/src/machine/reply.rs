//! What does an accepted command answer?

use serde::{Deserialize, Serialize};
use tidegate_policies::time::Millis;

use super::ids::{HostId, RolloutId, TierName, TokenId, Version};
use super::report::Disposition;

/// The answer to an accepted command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// A host is a member of the fleet.
    Host {
        /// The host.
        host: HostId,
        /// Its tier.
        tier: TierName,
    },
    /// Whether a host may go.
    Begin(Begin),
    /// What became of each report, in the order of the command.
    Reports(Vec<(u64, Disposition)>),
    /// A token.
    Token(TokenId),
    /// A patch set.
    PatchSet(Version),
    /// A rollout.
    Rollout(RolloutId),
    /// What was wanted of a rollout waits for a second person.
    Proposed {
        /// The number of the proposal.
        number: u64,
        /// The rollout.
        rollout: RolloutId,
    },
    /// A host was evicted.
    Evicted {
        /// The host.
        host: HostId,
        /// The token whose place is free.
        token: TokenId,
        /// In how many rollouts it was awaited, and counts as silent.
        counted_silent: u64,
    },
}

/// Whether a host may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begin {
    /// It may.
    Go {
        /// The patch set's epoch.
        epoch: u64,
        /// How long it may still insert, from the first send of its request.
        lease: Millis,
    },
    /// It may not.
    NoGo(NoGo),
}

/// Why a host may not go, in words and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoGo {
    /// Why.
    pub reason: NoGoReason,
    /// With the numbers.
    pub message: String,
    /// When asking again makes sense; `None`: never for this grant.
    pub retry_after: Option<Millis>,
}

/// Why a host may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoGoReason {
    /// A halt stands on the patch set.
    Halted,
    /// A person paused the rollout.
    Paused,
    /// The judge holds the rollout.
    Held,
    /// The exposure budget or the in-flight cap is full.
    Budget,
    /// The offer expired.
    Expired,
    /// The offer is of an older epoch.
    StaleEpoch,
    /// The grant is over, unknown, or not this host's.
    Withdrawn,
    /// The artifact does not fit the host's kernel.
    ArtifactMismatch,
    /// The host speaks of another boot than the one that is known.
    BootChanged,
    /// It is not the time: a freeze, a date, a delay, or a window.
    Closed,
}
