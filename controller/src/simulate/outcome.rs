//! What came out of one run?

use tidegate_policies::time::Elapsed;
use tidegate_proto::v1;

use crate::machine::records::Record;

/// What came out of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub end: End,
    /// Hosts that the patch harms and that had it by the end, and those that went down with them.
    pub harmed: u64,
    /// When the first of them showed it, from the start; `None`: none did.
    pub first_harm: Option<u64>,
    /// Hosts in flight and gone wrong when it halted.
    pub exposed_at_halt: Option<u64>,
    /// From the first harm that showed to the halt; from the start where none did.
    pub to_halt: Option<u64>,
    /// The gates that halted it.
    pub halted_by: Vec<String>,
    /// A person halted it, called by a hold of hours.
    pub by_person: bool,
    /// How often a person was called.
    pub looked: u64,
    /// The slices that were halted by themselves, in the order of their halts.
    pub slices: Vec<String>,
    /// From the start to its completion.
    pub to_full: Option<u64>,
    /// From the start to its completion at the earliest, as it was planned; `None`: nobody could say.
    pub planned: Option<u64>,
    /// How often it held.
    pub holds: u64,
    /// It holds.
    pub held: bool,
    /// It waits for a person to promote it.
    pub approval_due: bool,
    /// Promises that were broken, the first ones; none should be.
    pub broken: Vec<String>,
    /// Begins that were held against them.
    pub begins: u64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every wave has passed.
    Completed,
    /// It halted.
    Halted,
    /// It held when it was given up.
    Held,
    /// It was still under way when it was given up.
    WentOn,
}

/// How one run went.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// The numbers, every few minutes.
    pub samples: Vec<Sample>,
    /// The machine's running time when the rollout started.
    pub began: Elapsed,
    /// The decisions, oldest first.
    pub records: Vec<Record>,
    /// What a person would be told at its end who asks why.
    pub explained: Option<v1::ExplainRolloutResponse>,
}

/// The numbers at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When, in milliseconds from the start.
    pub at: u64,
    /// Hosts in flight.
    pub in_flight: u64,
    /// Hosts verified.
    pub verified: u64,
    /// Hosts gone wrong, as the machine counts them.
    pub gone_wrong: u64,
    /// Hosts that the patch harms.
    pub harmed: u64,
}

impl Outcome {
    /// What has come out before the first moment.
    pub(super) const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            end: End::WentOn,
            harmed: 0,
            first_harm: None,
            exposed_at_halt: None,
            to_halt: None,
            halted_by: Vec::new(),
            by_person: false,
            looked: 0,
            slices: Vec::new(),
            to_full: None,
            planned: None,
            holds: 0,
            held: false,
            approval_due: false,
            broken: Vec::new(),
            begins: 0,
        }
    }

    /// Whether every wave has passed.
    pub(super) fn has_completed(&self) -> bool {
        self.end == End::Completed
    }

    /// Whether something was halted: everything, or a slice.
    pub(super) fn has_halted(&self) -> bool {
        self.end == End::Halted || !self.slices.is_empty()
    }

    /// Whether something was halted and the patch had harmed nobody.
    pub(super) fn is_false_halt(&self) -> bool {
        self.has_halted() && self.harmed == 0
    }
}

impl End {
    /// The word for it on screens.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Halted => "halted",
            Self::Held => "held",
            Self::WentOn => "did not end",
        }
    }
}
