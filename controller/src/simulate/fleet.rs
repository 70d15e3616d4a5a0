//! Who is in the fleet? Hosts with facts, drawn once and enrolled once; each run takes a copy of the
//! machine that knows them.

use std::collections::BTreeMap;

use tidegate_policies::policy::Policy;

use super::chance::Chance;
use super::error::SimulateError;
use super::scenario::{FleetPlan, Hits, Valued};
use crate::machine::cluster::Speaks;
use crate::machine::command::{
    Action, CreateToken, EnrollHost, Expiry, Operate, RegisterNode, StoreBlob, TierSpec,
};
use crate::machine::fleet::{Facts, Mode};
use crate::machine::ids::{Digest, HostId, NodeId};
use crate::machine::patch_sets::KernelKey;
use crate::machine::tokens::Scope;
use crate::machine::{Bootstrap, Command, Machine, Position};

/// The one controller.
pub(super) const NODE: NodeId = NodeId(1);
/// Where it would listen.
const ADDRESS: &str = "127.0.0.1:7443";
/// Who does what a person has to do.
pub(super) const OPERATOR: &str = "simulation";
/// Bytes of an artifact; nobody downloads them.
pub(super) const ARTIFACT_BYTES: u64 = 40_000;

/// The draws of the fleet: the same for every seed, so that seeds differ in what happens alone.
const FLEET_SEED: u64 = 113;

/// A fleet that is enrolled.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Its hosts; others name them by their place here.
    pub members: Vec<Member>,
    /// How many racks.
    pub racks: usize,
    /// The values of their facts.
    pub plan: FleetPlan,
    /// A machine that knows all of them, and no patch set.
    pub machine: Machine,
    by_id: BTreeMap<HostId, usize>,
}

/// One host: its id, and which of the fleet's values it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Its id.
    pub id: HostId,
    /// Its tier.
    pub tier: usize,
    /// Its kernel release.
    pub kernel: usize,
    /// Its CPU model.
    pub cpu_model: usize,
    /// Its zone.
    pub zone: usize,
    /// Its rack.
    pub rack: usize,
}

impl Fleet {
    /// How many times as often as others a host fails by itself.
    pub(super) fn times(&self, n: usize) -> u64 {
        let (member, plan) = (&self.members[n], &self.plan);
        plan.tiers[member.tier].times
            * plan.kernels[member.kernel].times
            * plan.cpu_models[member.cpu_model].times
            * plan.zones[member.zone].times
    }

    /// Draws the hosts of `plan` and enrols them, in tiers of the ladder of `policy`.
    ///
    /// # Errors
    ///
    /// The machine takes a name for none, or refuses a host.
    pub(super) fn enrolled(plan: &FleetPlan, policy: &Policy) -> Result<Self, SimulateError> {
        let per_rack = usize::try_from(plan.hosts_per_rack).unwrap_or(usize::MAX);
        let hosts = usize::try_from(plan.hosts).unwrap_or(usize::MAX);
        let members: Vec<Member> = (0..hosts).map(|n| member(n, n / per_rack, plan)).collect();
        let by_id = members.iter().enumerate().map(|(n, member)| (member.id, n)).collect();
        let racks = hosts.div_ceil(per_rack);
        let machine = Machine::new();
        let mut fleet = Self { members, racks, plan: plan.clone(), machine, by_id };
        fleet.found(policy)?;
        for n in 0..hosts {
            fleet.enrol(n)?;
        }
        Ok(fleet)
    }

    /// The place of the host with this id.
    pub(super) fn place_of(&self, id: HostId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The facts of a host.
    pub(super) fn facts(&self, n: usize) -> Facts {
        let member = &self.members[n];
        Facts {
            hostname: format!("host-{n:06}"),
            kernel: kernel(&self.plan.kernels[member.kernel].name),
            cpu_vendor: "GenuineIntel".to_owned(),
            cpu_family: "6".to_owned(),
            cpu_model: self.plan.cpu_models[member.cpu_model].name.clone(),
            distro_release: "22.04".to_owned(),
            zone: self.plan.zones[member.zone].name.clone(),
            rack: format!("r{:05}", member.rack),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Facts::default()
        }
    }

    /// Whether a fault that hits these can hit a host.
    pub(super) fn is_hit(&self, n: usize, hits: &Hits) -> bool {
        let (member, plan) = (&self.members[n], &self.plan);
        let has = |wanted: &Option<String>, of: &[Valued], nth: usize| {
            wanted.as_ref().is_none_or(|wanted| of[nth].name == *wanted)
        };
        has(&hits.tier, &plan.tiers, member.tier)
            && has(&hits.kernel, &plan.kernels, member.kernel)
            && has(&hits.cpu_model, &plan.cpu_models, member.cpu_model)
            && has(&hits.zone, &plan.zones, member.zone)
    }

    /// Founds the cluster: its ladder, a token for each tier, an artifact for each kernel.
    fn found(&mut self, policy: &Policy) -> Result<(), SimulateError> {
        let tier =
            |name: &str| name.parse().map_err(|error| SimulateError::scene("name a tier", &error));
        let mut ladder = Vec::new();
        for stage in &policy.ladder {
            ladder.push(TierSpec { name: tier(&stage.tier)?, sampled: stage.draw.is_some() });
        }
        self.apply(&Command::Bootstrap(Bootstrap {
            cluster: "simulated".to_owned(),
            id: [7; 16],
            members: BTreeMap::from([(NODE, ADDRESS.to_owned())]),
            ladder,
        }))?;
        self.apply(&Command::RegisterNode(RegisterNode {
            node: NODE,
            incarnation: [7; 16],
            address: ADDRESS.to_owned(),
            speaks: Speaks::of_this_build(),
        }))?;
        let tiers = self.plan.tiers.clone();
        for (nth, of) in tiers.iter().enumerate() {
            let token = format!("token-{nth}");
            let token =
                token.parse().map_err(|error| SimulateError::scene("name a token", &error))?;
            let (tier, max_hosts) = (tier(&of.name)?, self.plan.hosts);
            let (expiry, scope) = (Expiry::Never, Scope::default());
            let secret = secret(nth);
            let action = CreateToken { token, tier, max_hosts, secret, expiry, scope };
            self.apply(&Command::Operate(Operate {
                request: format!("token-{nth}"),
                actor: OPERATOR.to_owned(),
                action: Action::CreateToken(Box::new(action)),
            }))?;
        }
        for of in self.plan.kernels.clone() {
            let digest = artifact_of(&of.name);
            self.apply(&Command::StoreBlob(StoreBlob {
                node: NODE,
                digest,
                size: ARTIFACT_BYTES,
            }))?;
        }
        Ok(())
    }

    fn enrol(&mut self, n: usize) -> Result<(), SimulateError> {
        let member = self.members[n];
        self.apply(&Command::EnrollHost(Box::new(EnrollHost {
            request: format!("enrol-{n}"),
            secret: secret(member.tier),
            machine: *blake3::hash(&member.id.0.to_le_bytes()).as_bytes(),
            host: member.id,
            facts: self.facts(n),
            boot: boot_id(n, 1),
            mode: Mode::Normal,
        })))
    }

    fn apply(&mut self, command: &Command) -> Result<(), SimulateError> {
        let at = Position { index: self.machine.applied() + 1, term: 1 };
        let applied = self.machine.apply(at, command);
        applied.outcome.map(drop).map_err(|refused| SimulateError::scene("set the scene", &refused))
    }
}

/// Draws a host.
fn member(n: usize, rack: usize, plan: &FleetPlan) -> Member {
    let number = u64::try_from(n).unwrap_or(u64::MAX);
    let mut of_host = Chance::new(FLEET_SEED, number << 1);
    let mut of_rack = Chance::new(FLEET_SEED, (u64::try_from(rack).unwrap_or(u64::MAX) << 1) | 1);
    Member {
        id: HostId::of_machine(&format!("simulated-{n}")),
        tier: drawn(&mut of_host, &plan.tiers),
        kernel: drawn(&mut of_host, &plan.kernels),
        cpu_model: drawn(&mut of_host, &plan.cpu_models),
        zone: drawn(&mut of_rack, &plan.zones),
        rack,
    }
}

/// Draws one of the values, each by its share.
fn drawn(chance: &mut Chance, values: &[Valued]) -> usize {
    let mut left = chance.below(1_000_000);
    for (nth, value) in values.iter().enumerate() {
        let share = u64::from(value.share.ppm());
        if left < share {
            return nth;
        }
        left -= share;
    }
    // The shares come to everything, so that one of them was drawn.
    values.len().saturating_sub(1)
}

/// The kernel of this release.
pub(super) fn kernel(release: &str) -> KernelKey {
    let (flavour, arch) = ("generic".to_owned(), "amd64".to_owned());
    KernelKey { release: release.to_owned(), flavour, arch }
}

/// The artifact for a kernel release.
pub(super) fn artifact_of(release: &str) -> Digest {
    Digest(*blake3::hash(release.as_bytes()).as_bytes())
}

/// The id of a host's boot: a UUID, as a kernel writes it.
pub(super) fn boot_id(n: usize, boot: u32) -> String {
    format!("{n:08x}-0000-4000-8000-{boot:012x}")
}

fn secret(nth: usize) -> Digest {
    Digest(*blake3::hash(format!("secret {nth}").as_bytes()).as_bytes())
}
