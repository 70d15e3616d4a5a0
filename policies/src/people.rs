//! How many people does it take to widen a rollout? Stopping never takes more than one.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// What a policy asks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// Different people that promote where the policy's promotion is manual; at least 1.
    pub approvals: u64,
    /// Who created the rollout may be one of them.
    pub author: MayAuthor,
    /// What widens the rollout – a start, a resume after a halt, a forced promotion, haste – needs a second person.
    pub to_widen: ToWiden,
}

/// Whether who created a rollout may approve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MayAuthor {
    /// They may not.
    NotApprove,
    /// They may.
    Approve,
}

/// How many people it takes to widen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWiden {
    /// One.
    One,
    /// Two different ones.
    Two,
}

/// What a rollout may leave out when it is expedited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expedite {
    /// The soak of each tier, where it is longer otherwise.
    pub soak: Millis,
}

/// How short the soak is of content that has soaked before, in a patch set that was published under an older
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The soak of each tier, where it is longer otherwise.
    pub soak: Millis,
    /// Verified hosts on a kernel from which on its artifact counts as proven; at least 1.
    pub hosts: u64,
}

impl Default for People {
    /// One other person.
    fn default() -> Self {
        Self { approvals: 1, author: MayAuthor::NotApprove, to_widen: ToWiden::One }
    }
}

impl Expedite {
    /// The shortest soak that haste, or proven content, may ask for.
    pub const SHORTEST: Millis = Millis::from_secs(600);
}
