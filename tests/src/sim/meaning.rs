//! What do the operators mean by what they say? Just that, unless a defect is planted: then the controllers do what
//! is said, and the checks know what was meant.

use super::chance::Chance;
use super::sabotage::{Part, Sabotage};

/// What the meaning is drawn for.
const MEANING: u64 = 0x4d45_414e;
/// By how much holdbacks and freezes are meant to last longer than is said, with a defect planted, in milliseconds.
const SHORTER: u64 = 8_000;

/// What the operators mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Whether what widens takes two people.
    pub two_widen: bool,
    /// Different people, the author not among them, that let the hosts of `free` be passed; `None`: it takes nobody.
    pub approvals: Option<u64>,
    /// Of the hosts that began so many must be verified, in percent.
    pub verified: u64,
    /// Verified hosts of a tier without which the next one does not have its turn.
    pub least_verified: u64,
    /// The cumulative shares of each tier, in percent.
    pub waves: [&'static [u64]; 3],
    /// When hosts may begin at the earliest, in milliseconds of the run; `None`: at once.
    pub start_at: Option<u64>,
    sabotage: Sabotage,
}

impl Meaning {
    /// What the operators of a run mean, by a chance of its own, so that all else of a seed is drawn as ever.
    #[must_use]
    pub fn draw(seed: u64, sabotage: Sabotage) -> Self {
        let mut luck = Chance::new(seed ^ MEANING);
        let (two, approvals) = (luck.below(2) == 0, luck.below(4));
        let (starts_late, start_at) = (luck.below(3) == 0, luck.between(15_000, 40_000));
        let is = |one: Sabotage| sabotage == one;
        let needs_two = is(Sabotage::OnePersonWidens) || is(Sabotage::AuthorAgrees);
        let has_people = sabotage.has(Part::People);
        let approvals = if is(Sabotage::ApprovalsOffByOne) { 2 } else { approvals };
        let small = is(Sabotage::SampleTooSmall);
        Self {
            two_widen: has_people && (two || needs_two) && !is(Sabotage::ApprovalsOffByOne),
            approvals: Some(approvals).filter(|&people| has_people && (1..=2).contains(&people)),
            verified: 60,
            least_verified: if small { 6 } else { 1 },
            waves: [&[100], &[30, 100], &[50, 100]],
            start_at: (starts_late && sabotage.has(Part::Dates)).then_some(start_at),
            sabotage,
        }
    }

    /// What the policy says of people; empty where it says nothing.
    pub(super) fn said_of_people(&self) -> String {
        let two = self.two_widen && self.sabotage != Sabotage::OnePersonWidens;
        let fewer = u64::from(self.sabotage == Sabotage::ApprovalsOffByOne);
        let approvals = self.approvals.map_or(1, |people| people - fewer);
        if !self.two_widen && self.approvals.is_none() {
            return String::new();
        }
        format!("[people]\napprovals = {approvals}\ntwo-to-widen = {two}\n")
    }

    /// How the policy has a tier passed.
    pub(super) fn said_of_promotion(&self, tier: &str) -> &'static str {
        if tier == "free" && self.approvals.is_some() { "manual" } else { "automatic" }
    }

    /// The share of verified hosts that the policy says, in percent.
    pub(super) fn said_of_verified(&self) -> u64 {
        if self.sabotage == Sabotage::VerifiedTooLow { 10 } else { self.verified }
    }

    /// The waves that the policy says.
    pub(super) fn said_of_waves(&self, stage: usize) -> String {
        let more = if self.sabotage == Sabotage::WaveTooLarge { 15 } else { 0 };
        let shares = self.waves.get(stage).copied().unwrap_or_default();
        let said = shares.iter().map(|share| format!("\"{}%\"", (share + more).min(100)));
        format!("waves = [{}]", said.collect::<Vec<_>>().join(", "))
    }

    /// By how many milliseconds a freeze is meant to last longer than is said.
    pub(super) fn freeze_lasts_longer(&self) -> u64 {
        if self.sabotage == Sabotage::FreezeEndsEarly { SHORTER } else { 0 }
    }

    /// By how many milliseconds a delay is meant to be longer than is said.
    pub(super) fn delay_is_longer(&self) -> u64 {
        if self.sabotage == Sabotage::DelayTooShort { SHORTER } else { 0 }
    }

    /// By how many milliseconds a window is meant to be shorter than is said.
    pub(super) fn window_is_shorter(&self) -> u64 {
        if self.sabotage == Sabotage::WindowTooLong { 60_000 } else { 0 }
    }
}
