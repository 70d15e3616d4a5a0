//! Where do a million hosts stay? In rows of some hundred bytes, with what they share kept once.

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::boot::Boot;
use super::fleet::{Facts, Host, MAX_SPOOLS, Mode, SpoolMark};
use super::frozen::ThawError;
use super::frozen::sections::{HOSTS, LABEL_NUMBERS, LABELS, PROFILE_NUMBERS, PROFILES};
use super::ids::{GrantId, HostId, TierName, TokenId};
use super::interned::Interned;
use super::patch_sets::KernelKey;
use super::table::Table;

/// The hosts. They are read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    pub(super) rows: Table<HostId, Row>,
    pub(super) profiles: Interned<Profile>,
    pub(super) labels: Interned<Labels>,
}

/// The operator's labels.
pub type Labels = std::collections::BTreeMap<String, String>;

/// What many hosts have in common. Token and tier come first: they are read alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The token that they enrolled with.
    pub token: TokenId,
    /// The tier that the token gives.
    pub tier: TierName,
    /// Kernel release, flavour and architecture.
    pub kernel: KernelKey,
    /// CPU vendor.
    pub cpu_vendor: String,
    /// CPU family.
    pub cpu_family: String,
    /// CPU model.
    pub cpu_model: String,
    /// Distribution release.
    pub distro_release: String,
    /// Availability zone.
    pub zone: String,
    /// Region.
    pub region: String,
    /// Cloud or site.
    pub cloud: String,
    /// The agent's version.
    pub agent_version: String,
}

/// How a host stands: what its row begins with, and what changes from report to report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether its agent may touch the kernel.
    pub mode: Mode,
    /// Number of its profile.
    pub profile: u64,
    /// Its grant that is not over, if it has one.
    pub live_grant: Option<GrantId>,
    /// The boot that is known.
    pub boot: Boot,
    /// The spools that it reported from, the present one last.
    pub spools: Vec<SpoolMark>,
    /// The last boot in which it said goodbye.
    pub goodbye: Option<Boot>,
}

/// What a row begins with that decides whether a host is eligible.
pub(super) type Eligibility = (Mode, u64);

/// A host's row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::machine) struct Row {
    standing: Standing,
    machine: [u8; 32],
    enrolled: WallTime,
    labels: u64,
    hostname: String,
    rack: String,
}

impl Default for Hosts {
    /// No hosts yet.
    fn default() -> Self {
        Self {
            rows: Table::new(HOSTS),
            profiles: Interned::new(PROFILES, PROFILE_NUMBERS),
            labels: Interned::new(LABELS, LABEL_NUMBERS),
        }
    }
}

impl Standing {
    /// Whether the report was counted before.
    pub fn has_counted(&self, spool: u64, sequence: u64) -> bool {
        self.spools.iter().any(|mark| mark.spool == spool && sequence <= mark.sequence)
    }

    /// Marks how far a spool is counted; the one that was left longest ago is forgotten.
    fn mark(&mut self, mark: SpoolMark) {
        self.spools.retain(|kept| kept.spool != mark.spool);
        if self.spools.len() == MAX_SPOOLS {
            self.spools.remove(0);
        }
        self.spools.push(mark);
    }
}

impl Hosts {
    /// How many.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The host with this id.
    pub fn get(&self, id: &HostId) -> Option<Host> {
        self.rows.get(*id).and_then(|row| self.whole(*id, row))
    }

    /// How a host stands, without the facts about it: a fraction of the price of [`Hosts::get`].
    pub fn standing(&self, id: HostId) -> Option<Standing> {
        self.rows.peek(id)
    }

    /// The tier of a host that stands so.
    pub fn tier(&self, standing: &Standing) -> Option<TierName> {
        self.profiles.peek(standing.profile).map(|(_, tier): (TokenId, TierName)| tier)
    }

    /// The host's grant that is not over, if it has one.
    pub fn live_grant(&self, id: HostId) -> Option<GrantId> {
        let (_, live): (Eligibility, Option<GrantId>) = self.rows.peek(id)?;
        live
    }

    /// What the host runs.
    pub fn kernel(&self, id: HostId) -> Option<KernelKey> {
        let (_, profile): Eligibility = self.rows.peek(id)?;
        self.profiles.get(profile).map(|profile| profile.kernel)
    }

    /// Every host, by id.
    pub fn values(&self) -> impl Iterator<Item = Host> {
        self.rows.iter().filter_map(|(id, row)| self.whole(id, row))
    }

    /// The hosts whose id is above `after`, or all of them, by id.
    pub fn after(&self, after: Option<HostId>) -> impl Iterator<Item = Host> {
        let rows = self.rows.range(after.unwrap_or(HostId(0)), HostId(u64::MAX));
        let rows = rows.filter(move |(id, _)| Some(*id) != after);
        rows.filter_map(|(id, row)| self.whole(id, row))
    }

    /// The hosts with this machine name, by id.
    pub fn named<'a>(&'a self, hostname: &'a str) -> impl Iterator<Item = HostId> + 'a {
        type Named<'a> = (Standing, [u8; 32], WallTime, u64, &'a str);
        let rows = self.rows.peeks::<Named<'a>>();
        rows.filter(move |(_, row)| row.4 == hostname).map(|(id, _)| id)
    }

    /// How many hosts are of this tier.
    pub fn of_tier(&self, tier: &TierName) -> u64 {
        let profiles = self.profiles.iter().filter(|(_, _, profile)| profile.tier == *tier);
        profiles.map(|(_, uses, _)| uses).sum()
    }

    /// What hosts have in common: the number of each profile, how many hosts share it, and it.
    pub fn profiles(&self) -> impl Iterator<Item = (u64, u64, Profile)> {
        self.profiles.iter()
    }

    /// Every host's id, mode and profile, by id.
    pub(super) fn eligibilities(&self) -> impl Iterator<Item = (HostId, Eligibility)> {
        self.rows.peeks()
    }

    fn whole(&self, id: HostId, row: Row) -> Option<Host> {
        let Row { standing, machine, enrolled, labels, hostname, rack } = row;
        let profile = self.profiles.get(standing.profile)?;
        Some(Host {
            id,
            machine,
            token: profile.token,
            tier: profile.tier,
            facts: Facts {
                hostname,
                kernel: profile.kernel,
                cpu_vendor: profile.cpu_vendor,
                cpu_family: profile.cpu_family,
                cpu_model: profile.cpu_model,
                distro_release: profile.distro_release,
                zone: profile.zone,
                region: profile.region,
                cloud: profile.cloud,
                rack,
                labels: self.labels.get(labels)?,
                agent_version: profile.agent_version,
            },
            boot: standing.boot,
            mode: standing.mode,
            enrolled,
            spools: standing.spools,
            goodbye: standing.goodbye,
            live_grant: standing.live_grant,
        })
    }

    /// Puts a host in its row.
    pub(super) fn put(&mut self, host: Host) {
        let before = self.rows.get(host.id);
        let facts = host.facts;
        let profile = self.profiles.take(Profile {
            token: host.token,
            tier: host.tier,
            kernel: facts.kernel,
            cpu_vendor: facts.cpu_vendor,
            cpu_family: facts.cpu_family,
            cpu_model: facts.cpu_model,
            distro_release: facts.distro_release,
            zone: facts.zone,
            region: facts.region,
            cloud: facts.cloud,
            agent_version: facts.agent_version,
        });
        let labels = self.labels.take(facts.labels);
        let standing = Standing {
            mode: host.mode,
            profile,
            live_grant: host.live_grant,
            boot: host.boot,
            spools: host.spools,
            goodbye: host.goodbye,
        };
        let (machine, enrolled) = (host.machine, host.enrolled);
        let (hostname, rack) = (facts.hostname, facts.rack);
        let row = Row { standing, machine, enrolled, labels, hostname, rack };
        self.rows.insert(host.id, &row);
        if let Some(before) = before {
            self.profiles.release(before.standing.profile);
            self.labels.release(before.labels);
        }
    }

    /// Takes a host's row away.
    pub(super) fn remove(&mut self, id: HostId) {
        let Some(row) = self.rows.get(id) else { return };
        self.rows.remove(id);
        self.profiles.release(row.standing.profile);
        self.labels.release(row.labels);
    }

    /// Marks how far a spool of the host is counted.
    pub(super) fn mark(&mut self, id: HostId, mark: SpoolMark) {
        self.rows.update_front(id, |standing: &mut Standing| standing.mark(mark));
    }

    /// The host said goodbye in this boot.
    pub(super) fn say_goodbye(&mut self, id: HostId, boot: &str) {
        self.rows.update_front(id, |standing: &mut Standing| standing.goodbye = Some(boot.into()));
    }

    /// The host's grant that is not over is this one, or none.
    pub(super) fn set_live_grant(&mut self, id: HostId, grant: Option<GrantId>) {
        type Front = (Eligibility, Option<GrantId>);
        self.rows.update_front(id, |(_, live): &mut Front| *live = grant);
    }

    /// Every row's shared facts are there, and counted.
    pub(super) fn check(&self) -> Result<(), ThawError> {
        let (mut profiles, mut labels) = (Counted::default(), Counted::default());
        for (_, row) in self.rows.iter() {
            *profiles.entry(row.standing.profile).or_default() += 1;
            *labels.entry(row.labels).or_default() += 1;
        }
        let known = self.profiles.iter().map(|(number, uses, _)| (number, uses));
        let known_labels = self.labels.iter().map(|(number, uses, _)| (number, uses));
        if known.eq(profiles) && known_labels.eq(labels) {
            return Ok(());
        }
        Err(ThawError::Torn { what: "hosts do not use the shared facts as counted".to_owned() })
    }
}

/// How often a number is used.
type Counted = std::collections::BTreeMap<u64, u64>;
