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
    /// The controllers let a freeze end some seconds before the operator meant it to.
    FreezeEndsEarly,
    /// The controllers hold back for some seconds less than the operator meant.
    DelayTooShort,
    /// The controllers keep a window open for a minute longer than the operator meant.
    WindowTooLong,
    /// The controllers let one person widen where the operators meant two.
    OnePersonWidens,
    /// An operator agrees to what they proposed themselves, under another name.
    AuthorAgrees,
    /// The controllers let a tier pass with one approval less than the operators meant.
    ApprovalsOffByOne,
    /// The controllers let a wave pass with fewer verified hosts than the operator meant.
    VerifiedTooLow,
    /// The controllers let a tier pass that has shown less than the operator meant.
    SampleTooSmall,
    /// The controllers let a wave have more hosts than the operator meant.
    WaveTooLarge,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 27] = [
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
        Self::FreezeEndsEarly,
        Self::DelayTooShort,
        Self::WindowTooLong,
        Self::OnePersonWidens,
        Self::AuthorAgrees,
        Self::ApprovalsOffByOne,
        Self::VerifiedTooLow,
        Self::SampleTooSmall,
        Self::WaveTooLarge,
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
            Self::FreezeEndsEarly => "freeze-ends-early",
            Self::DelayTooShort => "delay-too-short",
            Self::WindowTooLong => "window-too-long",
            Self::OnePersonWidens => "one-person-widens",
            Self::AuthorAgrees => "author-agrees",
            Self::ApprovalsOffByOne => "approvals-off-by-one",
            Self::VerifiedTooLow => "verified-too-low",
            Self::SampleTooSmall => "sample-too-small",
            Self::WaveTooLarge => "wave-too-large",
        }
    }
}

/// A part of the story that a run with another defect planted goes without, so that nothing else gets in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Freezes, holdbacks and windows come and go.
    Dates,
    /// What widens takes several people.
    People,
}

impl Sabotage {
    /// Whether a run with this defect has a part of the story.
    pub(super) const fn has(self, part: Part) -> bool {
        match self {
            Self::None => true,
            Self::FreezeEndsEarly | Self::DelayTooShort | Self::WindowTooLong => {
                matches!(part, Part::Dates)
            }
            Self::OnePersonWidens | Self::AuthorAgrees | Self::ApprovalsOffByOne => {
                matches!(part, Part::People)
            }
            Self::SkippedSync
            | Self::TornWrites
            | Self::ForgottenVote
            | Self::UncheckedPieces
            | Self::CompactedTooFar
            | Self::ForgottenMembers
            | Self::StaleReads
            | Self::EarlyAck
            | Self::UnheardVouches
            | Self::LeaderClock
            | Self::StubbornLeader
            | Self::RestoredRunning
            | Self::NoEpochCheck
            | Self::ForgottenHistory
            | Self::NoLeaseCheck
            | Self::BudgetOffByOne
            | Self::CreditOffByOne
            | Self::TokenOffByOne
            | Self::VerifiedTooLow
            | Self::SampleTooSmall
            | Self::WaveTooLarge => false,
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
