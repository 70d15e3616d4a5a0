//! How does a machine with so many hosts come to be? By the entries that make it so in a cluster, applied
//! one after another: nothing is put into the state that no command could put there.

use tidegate_policies::document;
use tidegate_policies::time::{Millis, WallTime};

use super::host::{POLICY, TIER};
use super::operator::{ARCH, FLAVOUR, KERNEL, VERSION};
use super::{BenchError, facts};
use crate::machine::command::{
    Action, BeginGrant, Bootstrap, Command, CreateRollout, CreateToken, EnrollHost, Operate,
    PublishPatchSet, RecordReports, StoreBlob, Tick, TierSpec,
};
use crate::machine::fleet::{Facts, Mode};
use crate::machine::ids::{Digest, GrantId, HostId, NodeId, TierName};
use crate::machine::patch_sets::{Artifact, KernelKey};
use crate::machine::report::{Body, Outcome as HostOutcome, Report};
use crate::machine::{Applied, Machine, Position};
use crate::runtime::Clock;

/// The secret of the one token, hashed.
const SECRET: Digest = Digest([7; 32]);
/// The digest of the one artifact.
const ARTIFACT: Digest = Digest([9; 32]);
/// Size of the artifact in bytes.
const ARTIFACT_BYTES: u64 = 100_000;
/// Most hosts that one tick names: what one entry of the log can carry.
pub(super) const HOSTS_PER_TICK: usize = 6_000;

/// A machine, and the fleet that it knows.
pub(super) struct Fleet {
    pub(super) machine: Machine,
    /// Every host, in the order of enrolment.
    pub(super) hosts: Vec<HostId>,
}

impl Fleet {
    /// A bootstrapped cluster in which so many hosts are enrolled.
    pub(super) fn enrolled(hosts: u64) -> Result<Self, BenchError> {
        let mut fleet = Self { machine: Machine::new(), hosts: Vec::new() };
        fleet.apply(&bootstrap()?)?;
        let token = CreateToken {
            token: name("bench")?,
            tier: tier()?,
            max_hosts: hosts.max(1),
            secret: SECRET,
        };
        fleet.operate("token", Action::CreateToken(token))?;
        for number in 0..hosts {
            let enrol = enrol(number);
            fleet.hosts.push(enrol.host);
            fleet.apply(&Command::EnrollHost(Box::new(enrol)))?;
        }
        Ok(fleet)
    }

    /// Publishes a patch set and starts its rollout; the clock has run long enough for the judge.
    pub(super) fn start_rollout(&mut self) -> Result<(), BenchError> {
        let (node, digest, size) = (NodeId(1), ARTIFACT, ARTIFACT_BYTES);
        self.apply(&Command::StoreBlob(StoreBlob { node, digest, size }))?;
        let artifact = Artifact { digest, size, module: "livepatch_113_1".to_owned() };
        let publish = PublishPatchSet {
            version: name(VERSION)?,
            notice: "LSN-0113-1".to_owned(),
            artifacts: [(kernel(), artifact)].into(),
            fixes: Vec::new(),
        };
        self.operate("publish", Action::PublishPatchSet(publish))?;
        let policy = document::parse("bench", POLICY)
            .map_err(|error| BenchError::setup("read the benchmark's policy", &error))?;
        let create = CreateRollout {
            rollout: name(VERSION)?,
            version: name(VERSION)?,
            policy,
            policy_toml: POLICY.to_owned(),
        };
        self.operate("create", Action::CreateRollout(Box::new(create)))?;
        self.operate("start", Action::StartRollout(name(VERSION)?))?;
        for _ in 0..3 {
            self.tick(Vec::new(), Vec::new())?;
        }
        Ok(())
    }

    /// Offers the rollout to these hosts.
    pub(super) fn offer_to(&mut self, hosts: &[HostId]) -> Result<(), BenchError> {
        for asking in hosts.chunks(HOSTS_PER_TICK) {
            self.tick(Vec::new(), asking.to_vec())?;
        }
        Ok(())
    }

    /// Five seconds pass; these were heard, and these would take an offer.
    pub(super) fn tick(
        &mut self,
        heard: Vec<HostId>,
        asking: Vec<HostId>,
    ) -> Result<Applied, BenchError> {
        let wall = WallTime(self.machine.clock().wall.0 + 5_000);
        let readings = [(NodeId(1), wall)].into();
        self.apply(&Command::Tick(Tick { step: Millis(5_000), wall, heard, asking, readings }))
    }

    /// The grant of a host.
    pub(super) fn grant(&self, host: HostId) -> Result<GrantId, BenchError> {
        let grant = self.machine.hosts().get(&host).and_then(|host| host.live_grant);
        grant.ok_or_else(|| BenchError::Setup {
            what: "give a host a grant",
            detail: format!("{host} has none"),
        })
    }

    /// Applies the next entry; a refusal is an error.
    pub(super) fn apply(&mut self, command: &Command) -> Result<Applied, BenchError> {
        let at = Position { index: self.machine.applied() + 1, term: 1 };
        let applied = self.machine.apply(at, command);
        match &applied.outcome {
            Ok(_) => Ok(applied),
            Err(rejection) => Err(BenchError::setup("apply an entry", rejection)),
        }
    }

    fn operate(&mut self, request: &str, action: Action) -> Result<Applied, BenchError> {
        let (request, actor) = (request.to_owned(), "bench".to_owned());
        self.apply(&Command::Operate(Operate { request, actor, action }))
    }
}

/// A host asks to go.
pub(super) fn begin(host: HostId, grant: GrantId) -> Result<Command, BenchError> {
    let (version, boot) = (name(VERSION)?, boot_of(host));
    Ok(Command::BeginGrant(BeginGrant { host, grant, version, epoch: 1, boot, digest: ARTIFACT }))
}

/// A host reports that its livepatch is in effect.
pub(super) fn applied(host: HostId, grant: GrantId) -> Command {
    let outcome = HostOutcome::Applied { transition: Millis(900) };
    report(host, 1, Body::Outcome { grant, outcome })
}

/// A host reports that it still is.
pub(super) fn healthy(host: HostId, grant: GrantId, sequence: u64) -> Command {
    report(host, sequence, Body::Health { grant, in_effect: true })
}

fn report(host: HostId, sequence: u64, body: Body) -> Command {
    let report = Report { sequence, boot: boot_of(host), body };
    Command::RecordReports(RecordReports { host, spool: 0x5eed, reports: vec![report] })
}

fn bootstrap() -> Result<Command, BenchError> {
    let drawing = TierSpec { name: tier()?, sampled: true };
    let drawn = TierSpec { name: name("free")?, sampled: false };
    let members = [(NodeId(1), "127.0.0.1:7443".to_owned())].into();
    let ladder = vec![drawing, drawn];
    let (cluster, id) = ("bench".to_owned(), [7; 16]);
    Ok(Command::Bootstrap(Bootstrap { cluster, id, members, ladder }))
}

fn enrol(number: u64) -> EnrollHost {
    let machine_id = format!("{:032x}", u128::from(number) + (0xb0b << 64));
    let host = HostId::of_machine(&machine_id);
    EnrollHost {
        request: format!("{number:08x}-0000-4000-8000-000000000000"),
        secret: SECRET,
        machine: *blake3::hash(machine_id.as_bytes()).as_bytes(),
        host,
        facts: facts_of(number),
        boot: boot_of(host),
        mode: Mode::Normal,
    }
}

/// What the hosts of a fleet say of themselves: names of their own, and the rest shared by many.
fn facts_of(number: u64) -> Facts {
    Facts {
        hostname: format!("web-{number:07}.eu-west.example.net"),
        kernel: kernel(),
        cpu_vendor: "GenuineIntel".to_owned(),
        cpu_family: "6".to_owned(),
        cpu_model: format!("Xeon Platinum 8{}75C", number % 5),
        distro_release: "22.04".to_owned(),
        zone: format!("eu-west-{}", number % 3),
        region: "eu-west".to_owned(),
        cloud: "example".to_owned(),
        rack: format!("r{:04}", number % 2_000),
        labels: [("team".to_owned(), format!("team-{}", number % 40))].into(),
        agent_version: facts::VERSION.to_owned(),
    }
}

fn boot_of(host: HostId) -> String {
    format!("{host}-0000-4000-8000-00000000b007")
}

fn kernel() -> KernelKey {
    KernelKey { release: KERNEL.to_owned(), flavour: FLAVOUR.to_owned(), arch: ARCH.to_owned() }
}

fn tier() -> Result<TierName, BenchError> {
    name(TIER)
}

fn name<N: std::str::FromStr<Err: std::error::Error>>(text: &str) -> Result<N, BenchError> {
    text.parse().map_err(|error: N::Err| BenchError::setup("name a thing", &error))
}

/// Time since `clock` was started, per one of `count` things, in nanoseconds.
pub(super) fn ns_each(clock: Clock, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count.max(1) as f64;
    clock.monotonic().as_secs_f64() * 1e9 / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_fleet_gets_as_far_as_a_real_one() {
        let mut fleet = Fleet::enrolled(50).unwrap();
        assert_eq!(fleet.machine.hosts().len(), 50);
        fleet.start_rollout().unwrap();
        let hosts = fleet.hosts.clone();
        fleet.offer_to(&hosts[..20]).unwrap();
        for &host in &hosts[..20] {
            let grant = fleet.grant(host).unwrap();
            fleet.apply(&begin(host, grant).unwrap()).unwrap();
            fleet.apply(&applied(host, grant)).unwrap();
            fleet.apply(&healthy(host, grant, 2)).unwrap();
        }
        let rollout = fleet.machine.rollouts().values().next().unwrap();
        assert_eq!((rollout.counts.in_flight, rollout.counts.offered), (20, 0));
        assert!(fleet.grant(hosts[20]).is_err(), "nobody else was asked");
    }
}
