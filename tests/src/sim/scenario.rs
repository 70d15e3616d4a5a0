//! What is the story of a run? The fleet, the two patch sets, and the policy that rolls them out.

use std::collections::BTreeMap;

use tidegate_agent::core::Sabotage as AgentSabotage;
use tidegate_controller::machine::ids::{Digest, RolloutId, Version};
use tidegate_controller::machine::patch_sets::{Artifact, KernelKey};
use tidegate_proto::v1::HostFacts;

use super::chance::Chance;
use super::kernel::Bite;
use super::meaning::Meaning;
use super::sabotage::Sabotage;

/// Size of every artifact, in bytes. Nobody looks inside.
const ARTIFACT_BYTES: u64 = 4_096;
/// How long a host may insert after it asked, in milliseconds.
const LEASE: u64 = 3_000;
/// What the credit is drawn for.
const CREDIT: u64 = 0x4352_4544_4954;
/// Beats after which a host is silent.
const SILENT_AFTER_BEATS: u64 = 6;

/// A patch set of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patch {
    /// It harms nobody.
    Good,
    /// It harms some of the hosts that insert it.
    Bad,
}

impl Patch {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Good, Self::Bad];

    /// Its version, which is the name of its rollout, too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "113.1",
            Self::Bad => "112.7",
        }
    }

    pub(in crate::sim) const fn module(self) -> &'static str {
        match self {
            Self::Good => "lkp_good",
            Self::Bad => "lkp_bad",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Good => 0x60,
            Self::Bad => 0xBA,
        }
    }

    /// Its version.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names above keep the rule for names")]
    pub fn version(self) -> Version {
        self.name().parse().expect("a name of digits and a dot is a name")
    }

    /// Its rollout.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names above keep the rule for names")]
    pub fn rollout(self) -> RolloutId {
        self.name().parse().expect("a name of digits and a dot is a name")
    }
}

/// How many hosts the operator wants to risk at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Hosts exposed at most.
    pub budget: u64,
    /// Hosts in flight at most.
    pub in_flight: u64,
}

/// How verified hosts make room for others, where evidence is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Hosts in flight at the start, at most.
    pub start: u64,
    /// What each verified one adds.
    pub gain: u64,
}

impl Credit {
    /// Half of the runs are judged by evidence.
    fn draw(seed: u64, sabotage: Sabotage) -> Option<Self> {
        let mut luck = Chance::new(seed ^ CREDIT);
        let is_credit = sabotage == Sabotage::CreditOffByOne;
        let is_plain = matches!(sabotage, Sabotage::BudgetOffByOne | Sabotage::VerifiedTooLow);
        let is_judged = is_credit || (!is_plain && luck.below(2) == 0);
        let most = if is_credit { 3 } else { 8 };
        is_judged.then(|| Self { start: luck.between(2, most), gain: luck.between(1, 3) })
    }
}

/// The story of one run, drawn from its seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// The planted defect.
    pub sabotage: Sabotage,
    /// Hosts of the fleet.
    pub hosts: usize,
    /// How long things were asked to go wrong, in minutes.
    pub minutes: Option<u64>,
    /// How long things go wrong, in milliseconds.
    pub troubled: u64,
    /// How long they may take to settle afterwards.
    pub grace: u64,
    /// Length of a raft tick.
    pub raft_tick: u64,
    /// How often the leader proposes a tick.
    pub machine_tick: u64,
    /// How many entries a checkpoint is made after: few, so that each run knows many.
    pub checkpoint_entries: u64,
    /// What the operator asked for.
    pub limits: Limits,
    /// Whether patched hosts are compared with others, and how credit is earned then.
    pub credit: Option<Credit>,
    /// What else the operator means.
    pub meaning: Meaning,
    /// How long a host soaks.
    pub soak: u64,
    /// How long a host may insert after it asked.
    pub lease: u64,
    /// Which patch set is rolled out first.
    pub first: Patch,
    /// Percent of the hosts that the bad patch harms.
    harm: u64,
    beat: u64,
    guard_rails: [u64; 4],
}

impl Scenario {
    /// Draws a story.
    #[must_use]
    pub fn draw(seed: u64, luck: &mut Chance, sabotage: Sabotage) -> Self {
        let epochs = sabotage == Sabotage::NoEpochCheck;
        let beat = if epochs { 1 } else { luck.between(1, 3) };
        let mut limits = Limits { budget: luck.between(8, 14), in_flight: luck.between(3, 16) };
        // What must stop a begin is what the defect is in, and nothing else.
        if sabotage == Sabotage::BudgetOffByOne {
            limits = Limits { budget: luck.between(4, 6), in_flight: 20 };
        } else if sabotage == Sabotage::CreditOffByOne {
            limits = Limits { budget: 20, in_flight: 20 };
        }
        let troubled = luck.between(90_000, 240_000);
        let credit = Credit::draw(seed, sabotage);
        Self {
            seed,
            sabotage,
            hosts: usize::try_from(luck.between(24, 60)).unwrap_or(24),
            minutes: None,
            troubled,
            grace: 360_000,
            raft_tick: if epochs { 200 } else { luck.between(30, 80) },
            machine_tick: if epochs { 250 } else { 1_000 },
            checkpoint_entries: luck.between(20, 400),
            limits,
            credit,
            meaning: Meaning::draw(seed, sabotage),
            // Long enough for silence to be noticed.
            soak: (beat * SILENT_AFTER_BEATS + luck.below(6)) * 1_000,
            lease: LEASE,
            first: if luck.below(2) == 0 || epochs { Patch::Good } else { Patch::Bad },
            harm: luck.between(25, 90),
            beat,
            guard_rails: std::array::from_fn(|_| luck.between(2, 4)),
        }
    }

    /// How often hosts report, in milliseconds.
    #[must_use]
    pub const fn beat(&self) -> u64 {
        self.beat * 1_000
    }

    /// The defect that the agents have.
    #[must_use]
    pub const fn agent_sabotage(&self) -> AgentSabotage {
        match self.sabotage {
            Sabotage::NoEpochCheck => AgentSabotage::SkipEpochCheck,
            Sabotage::NoLeaseCheck => AgentSabotage::SkipLeaseCheck,
            Sabotage::ForgottenHistory => AgentSabotage::ForgetHistory,
            Sabotage::None
            | Sabotage::SkippedSync
            | Sabotage::TornWrites
            | Sabotage::StubbornLeader
            | Sabotage::ForgottenVote
            | Sabotage::UncheckedPieces
            | Sabotage::CompactedTooFar
            | Sabotage::ForgottenMembers
            | Sabotage::StaleReads
            | Sabotage::EarlyAck
            | Sabotage::UnheardVouches
            | Sabotage::LeaderClock
            | Sabotage::RestoredRunning
            | Sabotage::CreditOffByOne
            | Sabotage::TokenOffByOne
            | Sabotage::FreezeEndsEarly
            | Sabotage::DelayTooShort
            | Sabotage::WindowTooLong
            | Sabotage::OnePersonWidens
            | Sabotage::AuthorAgrees
            | Sabotage::ApprovalsOffByOne
            | Sabotage::VerifiedTooLow
            | Sabotage::SampleTooSmall
            | Sabotage::WaveTooLarge
            | Sabotage::BudgetOffByOne => AgentSabotage::None,
        }
    }

    /// The policy as it reaches the controllers.
    #[must_use]
    pub fn policy(&self) -> String {
        let widened = u64::from(self.sabotage == Sabotage::BudgetOffByOne);
        let budget = self.limits.budget + widened;
        let [crashed, failed, stalled, silent] = self.guard_rails;
        let (in_flight, beat, soak) = (self.limits.in_flight, self.beat, self.soak / 1_000);
        let lease = self.lease / 1_000;
        let on_stall = if self.keeps_stalls() { "keep" } else { "revert" };
        let verified = self.meaning.said_of_verified();
        let stage = |tier: &str, rest: &str| {
            let promotion = self.meaning.said_of_promotion(tier);
            format!(
                "[[ladder]]\ntier = \"{tier}\"\n{rest}\nsoak = \"{soak}s\"\ncoverage = \"60%\"\n\
                 verified = \"{verified}%\"\nmin-verified = 0\npromotion = \"{promotion}\"\n"
            )
        };
        format!(
            "name = \"simulated\"\ndescription = \"For the simulator.\"\n\
             [exposure]\nbudget = {budget}\nin-flight = {in_flight}\n\
             [guard-rails]\ncrashed = {crashed}\nfailed = {failed}\nstalled = {stalled}\n\
             silent = {silent}\n\
             [timing]\nbeat = \"{beat}s\"\nsilent-after-beats = {SILENT_AFTER_BEATS}\noffer = \"20s\"\n\
             lease = \"{lease}s\"\ntransition = \"4s\"\nhealth-checks = [\"0s\", \"2s\"]\n\
             on-stall = \"{on_stall}\"\n{}{}{}{}{}",
            stage("canary", "draw = { share = \"10%\", at-least-per-stratum = 1 }"),
            stage("free", &self.meaning.said_of_waves(1)),
            stage("paid", &self.meaning.said_of_waves(2)),
            self.credit.map_or_else(String::new, |credit| self.judgement(credit)),
            self.meaning.said_of_people(),
        )
    }

    /// Whether a transition that has stalled is kept. No draw of its own, so that the other stories stay what
    /// they were.
    #[must_use]
    pub const fn keeps_stalls(&self) -> bool {
        self.seed.is_multiple_of(4)
    }

    /// Whether the driver of a host takes nothing out again.
    #[must_use]
    pub const fn never_reverts(&self, host: usize) -> bool {
        host % 5 == 4
    }

    /// What the policy says of evidence and credit.
    fn judgement(&self, credit: Credit) -> String {
        let Credit { start, gain } = credit;
        let start = start + u64::from(self.sabotage == Sabotage::CreditOffByOne);
        let cost = gain.max(2);
        format!(
            "[evidence]\nfalse-halt = \"1%\"\nfalse-hold = \"10%\"\non-slice = \"everything\"\nnamed = 2\n\
             [credit]\nstart = {start}\nslice-start = {start}\ngain = {gain}\ncost = {cost}\n\
             floor = 1\nslice-floor = 1\nramp = \"1s\"\n\
             [cohorts]\neverybody-up-to = 50000\nsentinels = 20000\nin-flight = \"100%\"\n\
             holdout = {{ share = \"10%\", at-least = 2 }}\n"
        )
    }

    /// What a patch set does to a host.
    #[must_use]
    pub fn bite(&self, patch_set: &str, host: usize) -> Bite {
        let is_bad = patch_set.strip_prefix("patchSets/") == Some(Patch::Bad.name());
        if is_bad { self.bad_bite(host) } else { Bite::None }
    }

    /// What a module does to a host.
    #[must_use]
    pub fn bite_of_module(&self, module: &str, host: usize) -> Bite {
        if module == Patch::Bad.module() { self.bad_bite(host) } else { Bite::None }
    }

    fn bad_bite(&self, host: usize) -> Bite {
        let host = u64::try_from(host).unwrap_or(0);
        let mut luck = Chance::new(self.seed.rotate_left(17) ^ host);
        Bite::draw(&mut luck, self.harm)
    }

    /// The artifacts of a patch set.
    #[must_use]
    pub fn artifacts(patch: Patch) -> BTreeMap<KernelKey, Artifact> {
        let artifact = |kernel: usize| Artifact {
            digest: digest(patch, kernel),
            size: ARTIFACT_BYTES,
            module: patch.module().to_owned(),
        };
        (0..KERNELS.len()).map(|kernel| (kernel_key(kernel), artifact(kernel))).collect()
    }

    /// The facts of a host.
    #[must_use]
    pub fn facts(number: usize) -> HostFacts {
        let kernel = kernel_key(number % KERNELS.len());
        HostFacts {
            hostname: format!("host-{number}"),
            kernel_release: kernel.release,
            flavour: kernel.flavour,
            arch: kernel.arch,
            zone: format!("zone-{}", number % 3),
            agent_version: "0.1.0".to_owned(),
            ..HostFacts::default()
        }
    }

    /// The size of every artifact, in bytes.
    #[must_use]
    pub const fn artifact_bytes() -> u64 {
        ARTIFACT_BYTES
    }
}

const KERNELS: [&str; 2] = ["5.15.0-107.117", "6.8.0-31.31"];

fn kernel_key(kernel: usize) -> KernelKey {
    KernelKey {
        release: KERNELS.get(kernel).copied().unwrap_or(KERNELS[0]).to_owned(),
        flavour: "generic".to_owned(),
        arch: "amd64".to_owned(),
    }
}

fn digest(patch: Patch, kernel: usize) -> Digest {
    Digest([patch.byte() ^ u8::try_from(kernel).unwrap_or(0); 32])
}
