//! How does a run go? One thread takes what is next from the queue until the story is over.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::rollouts::State;

use super::chance::Chance;
use super::checks::{Checks, Violation};
use super::controllers::{Controller, Desk, Life};
use super::disk::SimDisk;
use super::faults::{Faults, Sabotage};
use super::happening::{Caller, Drill, Happening, HostHappening, Reply};
use super::hosts::Host;
use super::network::{End, Network};
use super::operators::Operators;
use super::queue::Queue;
use super::report::{Report, Stats};
use super::scenario::{Patch, Scenario};
use super::trace::{Show, Trace};

/// How many controllers there are.
const CONTROLLERS: u64 = 3;
/// How often the desk looks after the rollouts once the faults are over, in milliseconds.
const CARE_EVERY: u64 = 2_000;

/// Everything that is.
#[derive(Debug)]
pub struct World {
    pub(super) scenario: Scenario,
    pub(super) faults: Faults,
    pub(super) queue: Queue<Happening>,
    pub(super) trace: Trace,
    pub(super) luck: Chance,
    pub(super) network: Network,
    pub(super) controllers: BTreeMap<u64, Controller>,
    pub(super) hosts: Vec<Host>,
    pub(super) operators: Operators,
    pub(super) checks: Checks,
    pub(super) stats: Stats,
    violation: Option<Violation>,
    is_calm: Rc<Cell<bool>>,
    is_over: bool,
}

impl World {
    /// Plays the run of `seed`.
    #[must_use]
    pub fn play(seed: u64, sabotage: Sabotage, show: Show) -> Report {
        let mut world = Self::new(seed, sabotage, show);
        world.begin();
        let end = world.scenario.troubled + world.scenario.grace;
        while world.violation.is_none() && !world.is_over && world.now() <= end {
            let Some(next) = world.queue.take() else { break };
            world.happens(next);
        }
        if world.violation.is_none()
            && let Err(violation) = world.has_settled()
        {
            world.violated(violation);
        }
        world.into_report()
    }

    fn new(seed: u64, sabotage: Sabotage, show: Show) -> Self {
        let mut luck = Chance::new(seed);
        let scenario = Scenario::draw(seed, &mut luck, sabotage);
        let faults = Faults::draw(&mut luck, sabotage);
        let is_calm = Rc::new(Cell::new(false));
        let node = |luck: &mut Chance| {
            let disk = SimDisk::new(&faults, Rc::clone(&is_calm), luck.split());
            let skew = luck.below(120_000);
            Controller { run: 0, life: Life::Down(Box::new(disk)), desk: Desk::new(0, 0), skew }
        };
        let controllers = (1..=CONTROLLERS).map(|id| (id, node(&mut luck))).collect();
        let host = |number: usize, luck: &mut Chance| {
            let tier = if luck.below(3) == 0 { "paid" } else { "free" };
            Some(Host::new(number, tier.parse().ok()?, Scenario::facts(number), luck.split()))
        };
        let hosts = (0..scenario.hosts).filter_map(|number| host(number, &mut luck)).collect();
        let network = Network::new(&faults, luck.split());
        Self {
            checks: Checks::new(&scenario),
            operators: Operators::new(luck.split()),
            queue: Queue::default(),
            trace: Trace::new(show),
            stats: Stats::default(),
            violation: None,
            is_calm: Rc::clone(&is_calm),
            is_over: false,
            scenario,
            faults,
            luck,
            network,
            controllers,
            hosts,
        }
    }

    /// Switches everything on.
    fn begin(&mut self) {
        let now = self.now();
        self.trace.line(now, format_args!("{:?}", self.scenario));
        self.trace.line(now, format_args!("{:?}", self.faults));
        for id in 1..=CONTROLLERS {
            self.start_node(id);
        }
        self.begin_script();
        for at in 0..self.hosts.len() {
            // Most are there from the start; some join while hosts are patched already.
            let late = if self.luck.below(6) == 0 { self.scenario.troubled / 2 } else { 6_000 };
            let after = 2_000 + self.luck.below(late);
            self.queue.after(after, Happening::Host { host: at, what: HostHappening::PowerOn });
        }
        self.queue.after(self.scenario.troubled, Happening::Calm);
        self.begin_troubles();
        if self.scenario.sabotage == Sabotage::NoEpochCheck {
            self.queue.after(20_000, Happening::Drill(Drill::CutAndHalt));
        }
    }

    /// The time of the run, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.queue.now()
    }

    /// Whether the faults are over.
    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.get()
    }

    /// Something must not be. The first such thing ends the run.
    pub(super) fn violated(&mut self, violation: Violation) {
        let now = self.now();
        self.trace.line(now, format_args!("VIOLATION {violation}"));
        self.violation.get_or_insert(violation);
    }

    fn happens(&mut self, happening: Happening) {
        self.stats.happenings += 1;
        self.trace.fold_number(self.now());
        match happening {
            Happening::RaftTick { node, run } => self.raft_tick(node, run),
            Happening::NodeStarts(node) => self.start_node(node),
            Happening::Peer { from, to, message } => self.peer_message(from, to, message),
            Happening::Asked { node, caller, question } => {
                if !self.network.is_cut(self.now(), end_of(&caller), End::Node(node)) {
                    self.asked(node, caller, &question);
                }
            }
            Happening::Answered { node, caller, answer } => {
                if !self.network.is_cut(self.now(), End::Node(node), end_of(&caller)) {
                    self.answered(&caller, answer);
                }
            }
            Happening::Host { host, what } => self.host_happens(host, what),
            Happening::Drill(step) => self.drill(step),
            Happening::Job { job, attempt } => self.try_job(job, attempt),
            Happening::Whim => self.whim(),
            Happening::Care => self.care(),
            Happening::NodeCrash => self.node_crash(),
            Happening::Partition => self.partition(),
            Happening::HostTrouble => self.host_trouble(),
            Happening::Calm => self.calm(),
        }
    }

    fn answered(&mut self, caller: &Caller, answer: Reply) {
        match (caller, answer) {
            (Caller::Agent { .. }, answer) => self.agent_answered(caller, answer),
            (Caller::Installer { host }, Reply::Command(Some((_, outcome)))) => {
                self.enrolled(*host, outcome.is_ok());
            }
            (Caller::Desk { job }, Reply::Command(Some((position, outcome)))) => {
                self.job_answered(*job, position, &outcome);
            }
            // Unknown, or nobody leads: whoever asked asks again when its patience is over.
            (
                Caller::Installer { .. } | Caller::Desk { .. },
                Reply::Command(None) | Reply::Sync(_) | Reply::Begin(_) | Reply::Report(_),
            ) => (),
        }
    }

    /// The faults are over.
    fn calm(&mut self) {
        let now = self.now();
        self.trace.line(now, format_args!("the faults are over"));
        self.is_calm.set(true);
        self.faults = self.faults.calm();
        self.network.set_faults(&self.faults);
        self.network.heal();
        self.queue.after(CARE_EVERY, Happening::Care);
    }

    /// The desk lifts what keeps the good rollout from going on, and ends the run once it may end.
    fn care(&mut self) {
        self.look_after_rollouts();
        self.is_over = self.has_settled().is_ok();
        self.queue.after(CARE_EVERY, Happening::Care);
    }

    /// The replicated state as the controller that has applied the most sees it.
    pub(super) fn newest(&self) -> Option<&Machine> {
        let machines = self.controllers.values().filter_map(Controller::machine);
        machines.max_by_key(|machine| machine.applied())
    }

    fn into_report(self) -> Report {
        let good = self.newest().and_then(|machine| machine.rollouts().get(&Patch::Good.rollout()));
        let completed = good.is_some_and(|rollout| rollout.state == State::Completed);
        let waits = good.and_then(|rollout| self.newest()?.verdict(rollout));
        let waits_on = waits
            .and_then(|verdict| verdict.waiting_on().map(|gate| gate.detail.clone()))
            .unwrap_or_default();
        Report {
            seed: self.scenario.seed,
            sabotage: self.scenario.sabotage,
            hosts: self.scenario.hosts,
            lasted: self.queue.now(),
            hash: self.trace.hash(),
            stats: Stats { checks: self.checks.counts(), ..self.stats },
            completed,
            waits_on,
            violation: self.violation,
            last_lines: self.trace.last(40).map(str::to_owned).collect(),
        }
    }
}

fn end_of(caller: &Caller) -> End {
    match caller {
        Caller::Agent { host, .. } | Caller::Installer { host } => End::Host(*host),
        Caller::Desk { .. } => End::Desk,
    }
}
