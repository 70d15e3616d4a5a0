//! What may an operator ask for? A checked policy: ladder, waves, soaks, guard rails, budgets.

use serde::{Deserialize, Serialize};

use crate::cohort::CohortRule;
use crate::credit::CreditRule;
use crate::detector::EvidenceRule;
use crate::detector::signatures::SignatureRule;
use crate::evidence::Failure;
use crate::limits::Limits;
use crate::people::{Expedite, People, Proven};
use crate::proof::ProofRule;
use crate::share::{Quantity, Share};
use crate::time::Millis;

/// A rollout's policy, frozen when the rollout is created.
///
/// Only [`crate::document`] makes one, after every check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name, e.g. `standard`.
    pub name: String,
    /// What it is for, in a sentence or two.
    pub description: String,
    /// Caps on how many hosts are touched at a time.
    pub exposure: Exposure,
    /// Numbers of failures that stop everything.
    pub guard_rails: GuardRails,
    /// How long things take.
    pub timing: Timing,
    /// The tiers in their order; never empty.
    pub ladder: Vec<Stage>,
    /// How evidence is judged, and what it earns; `None`: guard rails and gates alone decide.
    pub judgement: Option<Judgement>,
    /// How many hosts of a zone, a rack, in an hour.
    pub limits: Limits,
    /// How many people it takes to go on and to widen.
    pub people: People,
    /// What haste may leave out; `None`: nothing.
    pub expedite: Option<Expedite>,
    /// What content that has soaked before may leave out; `None`: nothing.
    pub proven: Option<Proven>,
}

/// How evidence is judged, and what it earns. Everything here only narrows what the rest of a policy allows,
/// so that it has defaults: those of the preset `standard`, where a policy says a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// How often evidence may be wrong.
    pub evidence: EvidenceRule,
    /// From how many hosts on kernel evidence halts.
    pub signatures: SignatureRule,
    /// Hosts of a rollout from which on the guard rails do not count: a large fleet has crashes every hour,
    /// and evidence tells them from the patch's. [`GuardRails::NEVER`]: they always count.
    pub rails_below: u64,
    /// How credit is earned; `None`: by the size of the fleet, see [`CreditRule::for_fleet`].
    pub credit: Option<CreditRule>,
    /// How many hosts patched ones are compared with.
    pub cohorts: CohortRule,
    /// What is assumed of hosts' words, and asked of strata.
    pub proof: ProofRule,
}

/// Caps on how many hosts are touched at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Hosts in flight and gone wrong, until acknowledged; a share is of the rollout's eligible hosts.
    pub budget: Quantity,
    /// Hosts in flight at a time; a share is of the present tier's eligible hosts, and where hosts are judged
    /// by evidence and drawn from another tier, of that one's as well.
    pub in_flight: Quantity,
}

/// Numbers of distinct hosts that stop everything. Each is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRails {
    /// Crashed hosts that halt.
    pub crashed: u64,
    /// Failed hosts that halt.
    pub failed: u64,
    /// Stalled hosts that halt.
    pub stalled: u64,
    /// Silent hosts that halt.
    pub silent: u64,
    /// Share of resolved hosts that holds or halts; absent: no such rail.
    pub failure_share: Option<FailureShare>,
}

/// Share of resolved hosts (verified or gone wrong) that holds or halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureShare {
    /// Failures below which the share says nothing.
    pub at_least: u64,
    /// Above this share the rollout is held.
    pub hold: Share,
    /// Above this share it is halted; not below `hold`.
    pub halt: Share,
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How often a host with a live grant reports that it lives.
    pub beat: Millis,
    /// Beats of listening time after which a host with a begun grant is silent; at least 2.
    pub silent_after_beats: u64,
    /// How long an offer stands.
    pub offer: Millis,
    /// How long a host may insert after it first asked to begin.
    pub lease: Millis,
    /// After how long an unfinished transition counts as stalled.
    pub transition: Millis,
    /// When a soaking host reports its health, after its transition ended, rising.
    pub health_checks: Vec<Millis>,
    /// What a host does with a transition that has stalled, once it has reported it.
    pub on_stall: OnStall,
}

/// What a host does with a transition that has stalled. It is counted as stalled either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnStall {
    /// Leave it as it is. The kernel goes on trying, and mostly it ends late. The default: turning back is a
    /// second transition of a kernel that has not managed the first, and nobody asked for it.
    #[default]
    Keep,
    /// Turn it back, and remove the livepatch.
    Revert,
}

/// One tier's part of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The tier's name.
    pub tier: String,
    /// How a sampled tier draws its hosts; `None` for a tier with members.
    pub draw: Option<DrawRule>,
    /// Cumulative shares of the tier, rising, the last one everything; never empty.
    pub waves: Vec<Share>,
    /// What must be shown before the next wave or tier.
    pub gates: StageGates,
}

/// How a sampled tier draws its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawRule {
    /// Share of each stratum, rounded up.
    pub share: Share,
    /// Hosts of each stratum at least, where it has them.
    pub at_least_per_stratum: u64,
}

/// What must be shown before the next wave or tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageGates {
    /// How long a host is watched after its transition ended.
    pub soak: Millis,
    /// Share of the wave's eligible hosts that must have begun.
    pub coverage: Share,
    /// Share of the begun hosts that must be verified; where they are compared with sentinels, of as many as
    /// would have lived through the soak unpatched.
    pub verified: Share,
    /// Hosts of the tier that must be verified before the *tier* may be left.
    pub min_verified: u64,
    /// What happens in a tier with fewer eligible hosts than `min_verified`.
    pub when_fewer: WhenFewer,
    /// Who lets the rollout leave the tier.
    pub promotion: Promotion,
}

/// What happens in a tier that is too small for its minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenFewer {
    /// The rollout waits for a person.
    Hold,
    /// Every eligible host of the tier must be verified instead.
    EveryHost,
}

/// Who lets a rollout leave a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Promotion {
    /// The judge, when the gates are open.
    Automatic,
    /// A person, once the gates are open.
    Manual,
}

impl Judgement {
    /// What a policy has that says nothing else.
    pub const STANDARD: Self = Self {
        evidence: EvidenceRule::STANDARD,
        signatures: SignatureRule::STANDARD,
        rails_below: 500,
        credit: None,
        cohorts: CohortRule::STANDARD,
        proof: ProofRule::STANDARD,
    };
}

impl Policy {
    /// The guard rails of a rollout to so many hosts.
    pub const fn guard_rails_of(&self, hosts: u64) -> GuardRails {
        match &self.judgement {
            Some(judgement) if hosts >= judgement.rails_below => GuardRails::NONE,
            Some(_) | None => self.guard_rails,
        }
    }
}

impl GuardRails {
    /// A number of hosts that no fleet has.
    pub const NEVER: u64 = u64::MAX;

    /// No rails.
    pub const NONE: Self = Self {
        crashed: Self::NEVER,
        failed: Self::NEVER,
        stalled: Self::NEVER,
        silent: Self::NEVER,
        failure_share: None,
    };

    /// Hosts gone wrong this way that halt.
    pub const fn limit(&self, failure: Failure) -> u64 {
        match failure {
            Failure::Crashed => self.crashed,
            Failure::Failed => self.failed,
            Failure::Stalled => self.stalled,
            Failure::Silent => self.silent,
        }
    }
}

impl Timing {
    /// Within what a host must have said what became of an apply: lease, transition, and the time after
    /// which it would count as silent.
    pub const fn apply_takes(&self) -> Millis {
        let Millis(silent) = self.silent_after();
        Millis(self.lease.0.saturating_add(self.transition.0).saturating_add(silent))
    }

    /// Within what a host must have said that its soak is over: the soak, a transition, and twice the
    /// time after which it would count as silent.
    pub const fn soak_takes(&self, soak: Millis) -> Millis {
        let Millis(silent) = self.silent_after().times(2);
        Millis(soak.0.saturating_add(self.transition.0).saturating_add(silent))
    }

    /// Listening time after which a host with a begun grant is silent.
    pub const fn silent_after(&self) -> Millis {
        self.beat.times(self.silent_after_beats)
    }
}
