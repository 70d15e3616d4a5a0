//! How large and how quick is the state of a real fleet? A fleet to measure, made by entries alone.
//!
//! Hosts as they are: short names, a score of kernels, random boot ids, forty zones, racks of forty, a
//! few labels; two tokens. Nothing here reads a clock: who measures does.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::cohort::CohortRule;
use tidegate_policies::credit::CreditRule;
use tidegate_policies::limits::Limits;
use tidegate_policies::people::People;
use tidegate_policies::policy::{
    Exposure, GuardRails, Judgement, OnStall, Policy, Promotion, Stage, StageGates, Timing,
    WhenFewer,
};
use tidegate_policies::share::{Quantity, Share};
use tidegate_policies::time::{Millis, WallTime};

use super::command::{
    Action, BeginGrant, Bootstrap, Command, CreateRollout, CreateToken, EnrollHost, Expiry,
    Operate, PublishPatchSet, RecordReports, StoreBlob, Tick, TierSpec,
};
use super::fleet::{Facts, Mode};
use super::ids::{Digest, GrantId, HostId, NodeId, NotAName, RolloutId};
use super::patch_sets::{Artifact, Fix, KernelKey, Severity};
use super::report::{Body, Outcome, Report, Started};
use super::tokens::Scope;
use super::{Applied, Machine, Position};

/// Hosts that one tick tells of.
const TOLD_AT_ONCE: u64 = 4_096;

const KERNELS: u64 = 20;

/// A machine, and the entries that it has seen.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The machine.
    pub machine: Machine,
    hosts: u64,
    judgement: Option<Judgement>,
}

impl Measured {
    /// A cluster in whose fleet `hosts` hosts have enrolled.
    ///
    /// # Errors
    ///
    /// Never: the names here are names.
    pub fn fleet(hosts: u64) -> Result<Self, NotAName> {
        let mut fleet = Self { machine: Machine::new(), hosts, judgement: None };
        let free = TierSpec { name: "free".parse()?, sampled: false };
        fleet.apply(&Command::Bootstrap(Bootstrap {
            cluster: "measured".to_owned(),
            id: [7; 16],
            members: BTreeMap::from([(NodeId(1), "127.0.0.1:1".to_owned())]),
            ladder: vec![free],
        }));
        for token in ["a", "b"] {
            fleet.operate(Action::CreateToken(Box::new(CreateToken {
                token: token.parse()?,
                tier: "free".parse()?,
                max_hosts: u64::MAX,
                secret: digest(token),
                expiry: Expiry::Never,
                scope: Scope::default(),
            })));
        }
        for nth in 0..hosts {
            fleet.apply(&enroll(nth));
        }
        Ok(fleet)
    }

    /// The same fleet, whose rollout is judged by evidence, with credit for everybody.
    #[must_use]
    pub fn judged(self) -> Self {
        let (start, slice_start, ramp) = (self.hosts, self.hosts, Millis(1));
        let credit = CreditRule { start, slice_start, ramp, ..CreditRule::STANDARD };
        let cohorts = CohortRule { in_flight: Share::ALL, ..CohortRule::STANDARD };
        let judgement = Judgement { credit: Some(credit), cohorts, ..Judgement::STANDARD };
        Self { judgement: Some(judgement), ..self }
    }

    /// Rolls a patch set out: every `every`-th host has an offer and has begun it.
    ///
    /// # Errors
    ///
    /// Never: the names here are names.
    pub fn roll_out(&mut self, every: u64) -> Result<(), NotAName> {
        let artifact = |nth| Artifact {
            digest: artifact_of(nth),
            size: 10_000,
            module: format!("lkp_measured_{nth}"),
        };
        let artifacts = (0..KERNELS).map(|nth| (kernel(nth), artifact(nth))).collect();
        for nth in 0..KERNELS {
            let (node, digest) = (NodeId(1), artifact_of(nth));
            self.apply(&Command::StoreBlob(StoreBlob { node, digest, size: 10_000 }));
        }
        let (version, rollout): (_, RolloutId) = ("113.1".parse()?, "113.1".parse()?);
        self.operate(Action::PublishPatchSet(PublishPatchSet {
            version,
            notice: "LSN-0113-1".to_owned(),
            artifacts,
            fixes: vec![Fix {
                name: "cve-2026-1".to_owned(),
                severity: Severity::Critical,
                description: String::new(),
            }],
        }));
        self.operate(Action::CreateRollout(Box::new(CreateRollout {
            rollout: rollout.clone(),
            version: "113.1".parse()?,
            policy: policy(self.judgement),
            policy_toml: String::new(),
            start_at: None,
        })));
        self.operate(Action::StartRollout(rollout));
        (0..3).for_each(|_| drop(self.tick(Vec::new(), Vec::new())));
        let mut next = 0;
        while next < self.hosts {
            let some = (next..self.hosts).step_by(usize::try_from(every).unwrap_or(1));
            let asking: Vec<u64> = some.take(usize::try_from(TOLD_AT_ONCE).unwrap_or(1)).collect();
            self.tick(Vec::new(), asking.iter().map(|&nth| host(nth)).collect());
            for &nth in &asking {
                self.begin(nth)?;
            }
            next += every * TOLD_AT_ONCE;
        }
        Ok(())
    }

    /// A host begins the grant that it was offered.
    fn begin(&mut self, nth: u64) -> Result<(), NotAName> {
        let Some(grant) = self.grant(nth) else { return Ok(()) };
        self.apply(&Command::BeginGrant(BeginGrant {
            host: host(nth),
            grant,
            version: "113.1".parse()?,
            epoch: 1,
            boot: boot(nth),
            digest: artifact_of(nth % KERNELS),
        }));
        Ok(())
    }

    /// The report of a host that its grant was applied, for [`Measured::apply`].
    pub fn applied_report(&self, nth: u64) -> Option<Command> {
        let outcome = Outcome::Applied { transition: Millis(900) };
        let body = Body::Outcome { grant: self.grant(nth)?, outcome };
        Some(reports(nth, 1, body))
    }

    /// The report of a soaking host that it is well, for [`Measured::apply`].
    pub fn health_report(&self, nth: u64, sequence: u64) -> Option<Command> {
        Some(reports(nth, sequence, Body::Health { grant: self.grant(nth)?, in_effect: true }))
    }

    /// The report of a host that it has rebooted without a word, for [`Measured::apply`].
    pub fn reboot_report(&self, nth: u64, sequence: u64) -> Option<Command> {
        let facts = self.machine.hosts().get(&host(nth))?.facts;
        let started = Started { facts, mode: Mode::Normal, interrupted: None, evidence: None };
        let report = Report {
            sequence,
            boot: boot(nth + (1 << 50)),
            body: Body::Started(Box::new(started)),
        };
        let reports = vec![report];
        let command = RecordReports { host: host(nth), spool: host(nth).0 ^ 7, reports };
        Some(Command::RecordReports(command))
    }

    /// A tick in which these hosts were heard and those ask for an offer.
    pub fn tick(&mut self, heard: Vec<HostId>, asking: Vec<HostId>) -> Applied {
        let (step, wall) = (Millis::from_secs(1), WallTime(1_700_000_000_000));
        let readings = BTreeMap::from([(NodeId(1), wall)]);
        let missed = Vec::new();
        self.apply(&Command::Tick(Tick { step, wall, heard, asking, readings, missed }))
    }

    /// Applies a command as the next entry.
    pub fn apply(&mut self, command: &Command) -> Applied {
        let at = Position { index: self.machine.applied() + 1, term: 1 };
        self.machine.apply(at, command)
    }

    /// The grant of a host that is not over.
    fn grant(&self, nth: u64) -> Option<GrantId> {
        self.machine.hosts().live_grant(host(nth))
    }

    fn operate(&mut self, action: Action) {
        let request = format!("operate-{}", self.machine.applied());
        self.apply(&Command::Operate(Operate { request, actor: "ada".to_owned(), action }));
    }
}

/// The id of the host with this number.
pub fn host(nth: u64) -> HostId {
    HostId::of_machine(&format!("{nth:032x}"))
}

/// The entry that enrols the host with this number.
pub fn enroll(nth: u64) -> Command {
    let zone = nth % 40;
    let labels =
        [("env", ["prod", "test"][usize::from(nth.is_multiple_of(10))]), ("team", "kernel")];
    Command::EnrollHost(Box::new(EnrollHost {
        request: boot(nth + (1 << 40)),
        secret: digest(["a", "b"][usize::from(nth.is_multiple_of(2))]),
        machine: *blake3::hash(&nth.to_le_bytes()).as_bytes(),
        host: host(nth),
        facts: Facts {
            hostname: format!("web-{nth:08}"),
            kernel: kernel(nth % KERNELS),
            cpu_vendor: "GenuineIntel".to_owned(),
            cpu_family: "6".to_owned(),
            cpu_model: format!("{}", 80 + nth % 5),
            distro_release: "22.04".to_owned(),
            zone: format!("region-{}-{}", zone / 4, zone % 4),
            region: format!("region-{}", zone / 4),
            cloud: "own".to_owned(),
            rack: format!("r{:05}", nth / 40),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            agent_version: "0.2.0".to_owned(),
        },
        boot: boot(nth),
        mode: Mode::Normal,
    }))
}

fn reports(nth: u64, sequence: u64, body: Body) -> Command {
    let reports = vec![Report { sequence, boot: boot(nth), body }];
    Command::RecordReports(RecordReports { host: host(nth), spool: host(nth).0 ^ 7, reports })
}

/// A boot id as the kernel makes them.
fn boot(nth: u64) -> String {
    let hash = blake3::hash(&nth.to_be_bytes()).to_hex();
    format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32])
}

fn kernel(nth: u64) -> KernelKey {
    let release = format!("5.15.0-{}.{}", 100 + nth, 110 + nth);
    KernelKey { release, flavour: "generic".to_owned(), arch: "amd64".to_owned() }
}

fn artifact_of(nth: u64) -> Digest {
    digest(&format!("artifact {nth}"))
}

fn digest(text: &str) -> Digest {
    Digest(*blake3::hash(text.as_bytes()).as_bytes())
}

fn policy(judgement: Option<Judgement>) -> Policy {
    let gates = StageGates {
        soak: Millis::from_secs(3_600),
        coverage: Share::ALL,
        verified: Share::ALL,
        min_verified: 0,
        when_fewer: WhenFewer::EveryHost,
        promotion: Promotion::Automatic,
    };
    let all = Quantity::Share(Share::ALL);
    let (crashed, never) = (3, u64::MAX);
    Policy {
        name: "measured".to_owned(),
        description: String::new(),
        exposure: Exposure { budget: all, in_flight: all },
        guard_rails: GuardRails {
            crashed,
            failed: never,
            stalled: never,
            silent: never,
            failure_share: None,
        },
        timing: Timing {
            beat: Millis::from_secs(1),
            silent_after_beats: 100_000,
            offer: Millis::from_secs(3_600),
            lease: Millis::from_secs(10),
            transition: Millis::from_secs(100_000),
            health_checks: vec![Millis(0)],
            on_stall: OnStall::Keep,
        },
        ladder: vec![Stage { tier: "free".to_owned(), draw: None, waves: vec![Share::ALL], gates }],
        judgement,
        limits: Limits::NONE,
        people: People::default(),
        expedite: None,
        proven: None,
    }
}

/// Bytes of all pieces of the machine's state: what its tables and its head weigh on a disk.
pub fn bytes_of_pieces(machine: &Machine) -> usize {
    let frozen = machine.freeze();
    let seen: BTreeSet<_> = frozen.pieces().map(|(hash, piece)| (hash, piece.len())).collect();
    seen.into_iter().map(|(_, length)| length).sum()
}
