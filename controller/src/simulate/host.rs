//! What is a host here? The real agent while it has something to do, files that survive, a kernel that
//! tells no lies.

use tidegate_agent::core::{
    Agent, AgentConfig, Boot, BootTime, Millis, Mode, ModuleName, Observation, Output, Setup,
};
use tidegate_proto::v1::{HostFacts, KernelEvidence, LivepatchState};

use super::files::Files;
use super::fleet::boot_id;

/// What every host's clock shows when a run begins: it was up for a day.
const UP_BEFORE: u64 = 86_400_000;

/// How often an agent looks at its kernel by itself while a livepatch soaks. The driver tells it of
/// trouble at once, so that this is for what nobody told.
const WATCH: Millis = Millis(3_600_000);

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    /// Whether it runs.
    pub power: Power,
    /// Counts its boots from 1.
    pub boot: u32,
    /// Its agent, while it has something to do.
    pub agent: Option<Box<Agent>>,
    /// When the agent wishes to be woken next.
    pub wishes: Option<BootTime>,
    /// When it is.
    pub wake: Option<BootTime>,
    /// Its files, once it has written any.
    pub files: Option<Box<Files>>,
    /// The livepatch in its kernel.
    pub module: Option<Module>,
    /// The kernel's words that the next boot finds.
    pub evidence: Option<KernelEvidence>,
    /// How many troubles keep it from the controllers: its own, and partitions.
    pub cut_off: u32,
    /// The patch harms it.
    pub harmed: bool,
    boot_began: u64,
}

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It does.
    On,
    /// It is down, and comes back.
    Off,
    /// It hangs for good.
    Gone,
}

/// A livepatch in a kernel.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Its name.
    pub name: ModuleName,
    /// When it went in, on the host's clock.
    pub since: BootTime,
    /// When its transition ends, on the host's clock; `None`: it stalls.
    pub settles: Option<BootTime>,
}

impl Host {
    /// A host that has been up for a day.
    pub(super) const fn new() -> Self {
        Self {
            power: Power::On,
            boot: 1,
            agent: None,
            wishes: None,
            wake: None,
            files: None,
            module: None,
            evidence: None,
            cut_off: 0,
            harmed: false,
            boot_began: 0,
        }
    }

    /// What its clock shows at `now`.
    pub(super) fn clock(&self, now: u64) -> BootTime {
        let before = if self.boot == 1 { UP_BEFORE } else { 0 };
        BootTime::from_millis(now - self.boot_began + before)
    }

    /// When in the run its clock shows `due`.
    pub(super) fn when(&self, due: BootTime) -> u64 {
        let before = if self.boot == 1 { UP_BEFORE } else { 0 };
        (self.boot_began + due.as_millis()).saturating_sub(before)
    }

    /// Whether it could be heard, were there a controller.
    pub(super) fn is_up(&self) -> bool {
        self.power == Power::On && self.cut_off == 0
    }

    /// It goes down; whatever its agent had not written is lost.
    pub(super) fn goes_down(&mut self, power: Power, evidence: Option<KernelEvidence>) {
        self.power = power;
        self.evidence = evidence;
        self.agent = None;
        self.wishes = None;
        self.wake = None;
        self.module = None;
    }

    /// It boots.
    pub(super) fn boots(&mut self, now: u64) {
        self.power = Power::On;
        self.boot += 1;
        self.boot_began = now;
    }

    /// What its agent sees of the kernel.
    pub(super) fn observe(&self, now: u64) -> Observation {
        let at = self.clock(now);
        let livepatches = self.module.iter().map(|module| LivepatchState {
            module: module.name.to_string(),
            enabled: true,
            transition: module.settles.is_none_or(|settles| at < settles),
        });
        Observation { at, livepatches: livepatches.collect(), taint: 0, trouble: None }
    }

    /// Starts its agent from its files. `n` is its place in the fleet, `seed` the agent's chance.
    pub(super) fn start_agent(
        &mut self,
        n: usize,
        now: u64,
        facts: HostFacts,
        seed: u64,
    ) -> Vec<Output> {
        let clock = self.clock(now);
        let config = AgentConfig {
            start_jitter: Millis(0),
            watch_interval: WATCH,
            ..AgentConfig::default()
        };
        let observation = self.observe(now);
        let boot = Boot {
            boot_id: boot_id(n, self.boot),
            facts,
            mode: Mode::Normal,
            evidence: self.evidence.take(),
            observation,
        };
        let files = self.files.get_or_insert_with(|| Box::new(Files::new(seed)));
        let setup = Setup { config, seed, boot, restored: files.restored() };
        let mut outputs = Vec::new();
        self.agent = Some(Box::new(Agent::start(clock, setup, &mut outputs)));
        outputs
    }
}
