//! What is a host here? The real agent core, files that survive, and a kernel that tells no lies.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_agent::core::{
    Agent, AgentConfig, Boot, BootTime, CallId, Chance as AgentChance, Input, Millis, Mode, Setup,
};
use tidegate_controller::machine::ids::{HostId, TierName};
use tidegate_proto::v1::{HostFacts, KernelEvidence};

use super::chance::Chance;
use super::clocks::Drift;
use super::happening::{Happening, HostHappening, Permission};
use super::kernel::Kernel;
use super::storage::Storage;
use super::world::World;

/// One host.
#[derive(Debug)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// The tier of its token.
    pub tier: TierName,
    /// Its facts.
    pub facts: HostFacts,
    /// Its own luck.
    pub luck: Chance,
    /// How fast its clock runs away from the truth.
    pub drift: Drift,
    /// Whether it is a member of the fleet, as far as it knows.
    pub enrolled: bool,
    /// How often its agent was told that the cluster does not know it.
    pub enrolments: u64,
    /// Its files.
    pub storage: Storage,
    /// Counts its boots from 1.
    pub boot: u64,
    /// When the present boot began, in milliseconds of the run.
    pub boot_began: u64,
    /// Whether it runs.
    pub power: Power,
    /// Its kernel.
    pub kernel: Kernel,
    /// The words that a crash left for the next boot.
    pub evidence: Option<KernelEvidence>,
    /// Counts the runs of its agent.
    pub run: u64,
    /// Its agent, while it runs.
    pub agent: Option<Agent>,
    /// When the agent wants to be woken.
    pub wake: Option<BootTime>,
    /// The controller that it speaks to.
    pub controller: usize,
    /// When each `Begin` of this run was sent.
    pub begins: BTreeMap<CallId, u64>,
    /// The permission that the agent heard last.
    pub permission: Option<Permission>,
    /// Calls of this run that were answered.
    pub answered: BTreeSet<CallId>,
    /// It said that it goes down in this boot.
    pub said_goodbye: bool,
}

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It does.
    On,
    /// It is down, and comes back.
    Off,
    /// It hangs, or is gone for good.
    Gone,
}

impl Host {
    /// A host that has never been switched on.
    #[must_use]
    pub fn new(number: usize, tier: TierName, facts: HostFacts, mut luck: Chance) -> Self {
        let (spool_id, drift) = (luck.draw(), Drift::draw(&mut luck));
        Self {
            id: HostId::of_machine(&format!("machine-{number}")),
            tier,
            facts,
            luck,
            drift,
            enrolled: false,
            enrolments: 0,
            storage: Storage::new(spool_id),
            boot: 0,
            boot_began: 0,
            power: Power::Off,
            kernel: Kernel::default(),
            evidence: None,
            run: 0,
            agent: None,
            wake: None,
            controller: 0,
            begins: BTreeMap::new(),
            permission: None,
            answered: BTreeSet::new(),
            said_goodbye: false,
        }
    }

    /// What the host's clock shows at `now`.
    #[must_use]
    pub fn clock(&self, now: u64) -> BootTime {
        BootTime::from_millis(self.drift.shown(now.saturating_sub(self.boot_began)))
    }

    /// In how many milliseconds from `now` the host's clock shows `due`.
    #[must_use]
    pub fn until(&self, due: BootTime, now: u64) -> u64 {
        let span = due.since(BootTime::from_millis(0)).0;
        (self.boot_began + self.drift.until(span)).saturating_sub(now)
    }

    /// The id of its present boot.
    #[must_use]
    pub fn boot_id(&self) -> String {
        boot_id(self.boot)
    }
}

fn boot_id(number: u64) -> String {
    format!("boot-{number}")
}

impl World {
    /// The power of a host comes on.
    pub(super) fn power_on(&mut self, at: usize) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.power == Power::Off) else {
            return;
        };
        host.power = Power::On;
        host.boot += 1;
        host.boot_began = now;
        host.kernel = Kernel::default();
        host.said_goodbye = false;
        let boot = host.boot;
        let agent_after = host.luck.between(200, 1_500);
        let what =
            if host.enrolled { HostHappening::AgentStarts { boot } } else { HostHappening::Enrol };
        self.trace.line(now, format_args!("host {at} boots, boot {boot}"));
        self.queue.after(agent_after, Happening::Host { host: at, what });
    }

    /// The power of a host goes, by itself or by a patch. `evidence` is what the next boot finds.
    pub(super) fn power_fails(&mut self, at: usize, evidence: Option<KernelEvidence>, why: &str) {
        let (now, never) = (self.now(), self.faults.hosts.never_returns);
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.power == Power::On) else {
            return;
        };
        let down = host.luck.between(1_000, 12_000);
        let returns = !host.luck.happens(never);
        host.power = if returns { Power::Off } else { Power::Gone };
        host.evidence = evidence;
        host.agent = None;
        host.run += 1;
        self.checks.host_went_down(host.id, host.boot);
        self.stats.host_crashes += 1;
        let word = if returns { "comes back" } else { "never comes back" };
        self.trace.line(now, format_args!("host {at} goes down: {why}; {word}"));
        if returns {
            self.queue.after(down, Happening::Host { host: at, what: HostHappening::PowerOn });
        }
    }

    /// A host is never heard again, though its power is on.
    pub(super) fn hangs(&mut self, at: usize) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at) else { return };
        host.power = Power::Gone;
        host.agent = None;
        host.run += 1;
        self.trace.line(now, format_args!("host {at} hangs"));
    }

    /// The agent starts, from the host's files.
    pub(super) fn start_agent(&mut self, at: usize, boot: u64) {
        let (now, sabotage) = (self.now(), self.scenario.agent_sabotage());
        let Some(host) = self.hosts.get_mut(at) else { return };
        if host.boot != boot || host.power != Power::On || host.agent.is_some() {
            return;
        }
        host.run += 1;
        host.wake = None;
        host.begins.clear();
        host.permission = None;
        host.answered.clear();
        host.controller = usize::try_from(host.luck.below(3)).unwrap_or(0);
        let clock = host.clock(now);
        let mut config = AgentConfig {
            backoff_cap: Millis(4_000),
            call_timeout: Millis(4_000),
            fetch_timeout: Millis(15_000),
            watch_interval: Millis(2_000),
            ..AgentConfig::default()
        };
        config.sabotage = sabotage;
        let setup = Setup {
            config,
            seed: AgentChance::new(host.luck.draw()).draw(),
            boot: Boot {
                boot_id: host.boot_id(),
                facts: host.facts.clone(),
                mode: Mode::Normal,
                evidence: host.evidence.take(),
                observation: host.kernel.observe(clock),
            },
            restored: host.storage.restored(),
        };
        let mut outputs = Vec::new();
        host.agent = Some(Agent::start(clock, setup, &mut outputs));
        self.trace.line(now, format_args!("host {at}: the agent starts"));
        self.carry_out_for(at, outputs);
    }

    /// The agent's process dies; the host runs on and starts another.
    pub(super) fn kill_agent(&mut self, at: usize) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.agent.is_some()) else {
            return;
        };
        host.agent = None;
        host.run += 1;
        let after = host.luck.between(50, 2_000);
        let what = HostHappening::AgentStarts { boot: host.boot };
        self.trace.line(now, format_args!("host {at}: the agent dies"));
        self.queue.after(after, Happening::Host { host: at, what });
    }

    /// Gives the agent of `run` an input, and carries out what it asks for. Tells whether it did
    /// all of it.
    pub(super) fn step_agent(&mut self, at: usize, run: u64, input: Input) -> bool {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.run == run) else {
            return false;
        };
        let clock = host.clock(now);
        let Some(agent) = &mut host.agent else { return false };
        let mut outputs = Vec::new();
        agent.step(clock, input, &mut outputs);
        self.carry_out_for(at, outputs)
    }
}
