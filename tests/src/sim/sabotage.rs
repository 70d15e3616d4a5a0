//! Which defect is planted? None in an honest run. Each has a name by which a run is played again.

use std::fmt;
use std::str::FromStr;

/// A defect planted on purpose, so that a test can show that the checks would notice one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Everything as it is.
    None,
    /// The controllers' disks skip syncs.
    SkippedSync,
    /// The controllers' disks take a write that the power cut in two for a whole one.
    TornWrites,
    /// The controllers' disks forget for whom they voted.
    ForgottenVote,
    /// The controllers' disks give back damaged pieces unchecked.
    UncheckedPieces,
    /// The controllers' disks drop more of the log than the checkpoint holds.
    CompactedTooFar,
    /// The controllers' disks give back the membership that the cluster began with.
    ForgottenMembers,
    /// The controllers answer reads from what they have, without asking a majority.
    StaleReads,
    /// The controllers acknowledge commands before they are committed.
    EarlyAck,
    /// A replica's state was changed behind its back, and nobody's word on states gets through.
    UnheardVouches,
    /// The leader passes its own clock off as everybody's.
    LeaderClock,
    /// A leader stays whatever its disk and its clock are like.
    StubbornLeader,
    /// A cluster is restored from a backup as if nothing had happened.
    RestoredRunning,
    /// The agents take offers and permissions of an old epoch.
    NoEpochCheck,
    /// The agents do not compare an answer with what they heard before.
    ForgottenHistory,
    /// The agents insert after their lease ran out.
    NoLeaseCheck,
    /// The controllers work with an exposure budget of one host more than the operator asked for.
    BudgetOffByOne,
    /// The controllers let one host more begin at the start than the operator asked for.
    CreditOffByOne,
    /// The controllers let one host more enrol with a token than the operator asked for.
    TokenOffByOne,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::SkippedSync,
        Self::TornWrites,
        Self::ForgottenVote,
        Self::UncheckedPieces,
        Self::CompactedTooFar,
        Self::ForgottenMembers,
        Self::StaleReads,
        Self::EarlyAck,
        Self::UnheardVouches,
        Self::LeaderClock,
        Self::StubbornLeader,
        Self::RestoredRunning,
        Self::ForgottenHistory,
        Self::NoEpochCheck,
        Self::NoLeaseCheck,
        Self::BudgetOffByOne,
        Self::CreditOffByOne,
        Self::TokenOffByOne,
    ];

    /// Its name, as `TIDEGATE_SIM_SABOTAGE` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SkippedSync => "skipped-sync",
            Self::TornWrites => "torn-writes",
            Self::ForgottenVote => "forgotten-vote",
            Self::UncheckedPieces => "unchecked-pieces",
            Self::CompactedTooFar => "compacted-too-far",
            Self::ForgottenMembers => "forgotten-members",
            Self::StaleReads => "stale-reads",
            Self::EarlyAck => "early-ack",
            Self::UnheardVouches => "unheard-vouches",
            Self::LeaderClock => "leader-clock",
            Self::StubbornLeader => "stubborn-leader",
            Self::RestoredRunning => "restored-running",
            Self::ForgottenHistory => "forgotten-history",
            Self::NoEpochCheck => "no-epoch-check",
            Self::NoLeaseCheck => "no-lease-check",
            Self::BudgetOffByOne => "budget-off-by-one",
            Self::CreditOffByOne => "credit-off-by-one",
            Self::TokenOffByOne => "token-off-by-one",
        }
    }
}

impl fmt::Display for Sabotage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no defect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no planted defect; they are none, {}", names())]
pub struct NoSabotage {
    word: String,
}

impl FromStr for Sabotage {
    type Err = NoSabotage;

    fn from_str(word: &str) -> Result<Self, NoSabotage> {
        let found = Self::ALL.into_iter().chain([Self::None]).find(|one| one.name() == word);
        found.ok_or_else(|| NoSabotage { word: word.to_owned() })
    }
}

fn names() -> String {
    Sabotage::ALL.map(Sabotage::name).join(", ")
}
