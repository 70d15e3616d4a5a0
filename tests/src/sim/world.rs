//! How does a run go? One thread takes what is next from the queue until the story is over.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::rollouts::State;

use super::calendar::Dates;
use super::chance::Chance;
use super::checks::{Checks, Violation};
use super::clients::Clients;
use super::controllers::{Controller, Origin, Standing};
use super::disk::SimDisk;
use super::exam::Exam;
use super::faults::Faults;
use super::happening::{Caller, Drill, Happening, HostHappening, Reply};
use super::hosts::Host;
use super::life::FOUNDERS;
use super::members::Moves;
use super::network::{End, Network};
use super::operators::Operators;
use super::people::People;
use super::places::Whims;
use super::queue::Queue;
use super::report::{Report, Stats};
use super::sabotage::Sabotage;
use super::scenario::{Patch, Scenario};
use super::trace::{Show, Trace};
use super::upkeep::UPGRADE_EVERY;

/// How often the desk looks after the rollouts once the faults are over, in milliseconds.
const CARE_EVERY: u64 = 2_000;
/// When the examiner comes first after the faults, in milliseconds.
const EXAM_AFTER: u64 = 3_000;

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
    pub(super) clients: Clients,
    pub(super) moves: Moves,
    pub(super) places: Whims,
    pub(super) dates: Dates,
    pub(super) people: People,
    pub(super) checks: Checks,
    pub(super) stats: Stats,
    violation: Option<Violation>,
    pub(super) is_calm: Rc<Cell<bool>>,
    /// Reads answered when the faults were over.
    reads_in_trouble: u64,
    is_over: bool,
    pub(super) exam: Exam,
    /// How long what the controller that is stepped has to say waits for its disk, in milliseconds.
    pub(super) held_back: u64,
    /// More was tampered with than the promises bear.
    is_hopeless: bool,
}

impl World {
    /// Plays the run of a seed, with a defect planted or none; things go wrong for so many `minutes`, or
    /// as long as the seed says.
    #[must_use]
    pub fn play((seed, sabotage): (u64, Sabotage), minutes: Option<u64>, show: Show) -> Report {
        let mut world = Self::new((seed, sabotage), minutes, show);
        world.begin();
        let end = world.scenario.troubled + world.scenario.grace;
        while world.violation.is_none()
            && !world.is_over
            && !world.is_hopeless
            && world.now() <= end
        {
            let Some(next) = world.queue.take() else { break };
            world.happens(next);
        }
        if world.violation.is_none()
            && !world.is_hopeless
            && let Err(violation) = world.has_settled().and_then(|()| world.clients.judge())
        {
            world.violated(violation);
        }
        world.into_report()
    }

    fn new((seed, sabotage): (u64, Sabotage), minutes: Option<u64>, show: Show) -> Self {
        let mut luck = Chance::new(seed);
        let mut scenario = Scenario::draw(seed, &mut luck, sabotage);
        scenario.minutes = minutes;
        scenario.troubled = minutes.map_or(scenario.troubled, |minutes| minutes * 60_000);
        let faults = Faults::draw(&mut luck, sabotage);
        let is_calm = Rc::new(Cell::new(false));
        let node = |luck: &mut Chance| {
            let disks = faults.disks.clone();
            let disk = SimDisk::new(disks, sabotage, Rc::clone(&is_calm), luck.split());
            Controller::new(Origin::Founder, disk, luck)
        };
        let controllers = FOUNDERS.map(|id| (id, node(&mut luck))).collect();
        let host = |number: usize, luck: &mut Chance| {
            let tier = if luck.below(3) == 0 { "paid" } else { "free" };
            Some(Host::new(number, tier.parse().ok()?, Scenario::facts(number), luck.split()))
        };
        let hosts = (0..scenario.hosts).filter_map(|number| host(number, &mut luck)).collect();
        let network = Network::new(&faults, luck.split());
        Self {
            checks: Checks::new(&scenario),
            operators: Operators::new(luck.split()),
            clients: Clients::new(luck.split()),
            moves: Moves::default(),
            places: Whims::new(seed),
            dates: Dates::new(seed),
            people: People::new(seed),
            queue: Queue::default(),
            trace: Trace::new(show),
            stats: Stats::default(),
            violation: None,
            is_calm: Rc::clone(&is_calm),
            reads_in_trouble: 0,
            is_over: false,
            exam: Exam::default(),
            held_back: 0,
            is_hopeless: false,
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
        for id in FOUNDERS {
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
        self.begin_mishaps();
        self.begin_members();
        self.begin_clients();
        self.begin_backups();
        self.begin_whims_about_places();
        self.begin_whims_about_dates();
        self.begin_colleagues();
        self.queue.after(UPGRADE_EVERY, Happening::Upgrade);
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
        self.is_hopeless = self.stats.tampered > 0 && self.is_hopeless();
        self.trace.fold_number(self.now());
        if let Some(happening) = self.unless_busy(happening) {
            self.carry_through(happening);
        }
    }

    /// Lets something happen.
    pub(super) fn carry_through(&mut self, happening: Happening) {
        match happening {
            Happening::DiskDone { node, run } => self.disk_done(node, run),
            Happening::RaftTick { node, run } => self.raft_tick(node, run),
            Happening::NodeStarts(node) => self.start_node(node),
            Happening::Peer { from, incarnation, to, message } => {
                self.peer_message((from, incarnation), to, message);
            }
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
            Happening::PlaceWhim => self.place_whim(),
            Happening::DateWhim => self.date_whim(),
            Happening::Colleague => self.colleague(),
            Happening::Care => self.care(),
            Happening::Client => self.client(),
            Happening::ClientAsks { question, attempt } => self.client_asks(question, attempt),
            Happening::Members => self.look_after_members(),
            Happening::MemberWhim => self.member_whim(),
            Happening::CheckState => self.check_state(),
            Happening::Backup => self.backup(),
            Happening::Upgrade => self.upgrade(),
            Happening::DiskLoss => self.disk_loss(),
            Happening::DiskFull => self.disk_full(),
            Happening::DiskRoom(node) => self.disk_has_room(node),
            Happening::SlowNode => self.slow_node(),
            Happening::DiskQuick(node) => self.set_slow_disk(node, false),
            Happening::Examine => self.examine(),
            Happening::ClockTrouble => self.clock_trouble(),
            Happening::ClockSet(node) => self.set_clock(node),
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
            (Caller::Client { question }, Reply::Command(Some((position, outcome)))) => {
                self.client_answered(*question, position, &outcome);
            }
            (Caller::Client { question }, Reply::Read(Some((index, names)))) => {
                self.client_read(*question, index, &names);
            }
            // Unknown, or nobody leads: whoever asked asks again when its patience is over.
            (
                Caller::Installer { .. }
                | Caller::Desk { .. }
                | Caller::Client { .. }
                | Caller::Upkeep,
                Reply::Command(_)
                | Reply::Read(_)
                | Reply::Sync(_)
                | Reply::Begin(_)
                | Reply::Report(_),
            ) => (),
        }
    }

    /// The faults are over.
    fn calm(&mut self) {
        let now = self.now();
        self.trace.line(now, format_args!("the faults are over"));
        self.is_calm.set(true);
        self.faults = Faults::calm();
        self.network.set_faults(&self.faults);
        self.network.heal();
        self.mend_machines();
        self.reads_in_trouble = self.stats.reads;
        self.queue.after(CARE_EVERY, Happening::Care);
        self.queue.after(EXAM_AFTER, Happening::Examine);
    }

    /// The desk lifts what keeps the good rollout from going on, and ends the run once it may end.
    fn care(&mut self) {
        self.look_after_rollouts();
        self.look_after_places();
        self.look_after_dates();
        self.look_after_proposals();
        self.is_over = self.has_settled().is_ok();
        self.queue.after(CARE_EVERY, Happening::Care);
    }

    /// The replicated state as the controller that has applied the most sees it.
    pub(super) fn newest(&self) -> Option<&Machine> {
        let sound = self.controllers.values().filter(|one| one.standing == Standing::Sound);
        let machines = sound.filter_map(Controller::machine);
        machines.max_by_key(|machine| machine.applied())
    }

    /// The controllers that somebody may turn to.
    pub(super) fn nodes_there(&self) -> Vec<u64> {
        self.controllers.iter().filter(|(_, one)| !one.is_lost()).map(|(&id, _)| id).collect()
    }

    /// Reads answered since the faults were over.
    pub(super) fn reads_in_peace(&self) -> u64 {
        self.stats.reads - self.reads_in_trouble
    }

    fn into_report(self) -> Report {
        let good = self.newest().and_then(|machine| machine.rollouts().get(&Patch::Good.rollout()));
        let completed = good.is_some_and(|rollout| rollout.state == State::Completed);
        let waits = good.and_then(|rollout| self.newest()?.verdict(rollout));
        let waits_on = waits
            .and_then(|verdict| verdict.waiting_on().map(|gate| gate.detail.clone()))
            .unwrap_or_default();
        let failed = self.violation.is_some();
        let torn = self.controllers.values().map(|one| one.meter.borrow().torn).sum();
        let checkpoints = self.controllers.values().map(|one| one.meter.borrow().checkpoints).sum();
        Report {
            seed: self.scenario.seed,
            sabotage: self.scenario.sabotage,
            minutes: self.scenario.minutes,
            hosts: self.scenario.hosts,
            lasted: self.queue.now(),
            hash: self.trace.hash(),
            stats: Stats { checks: self.checks.counts(), checkpoints, torn, ..self.stats },
            completed,
            waits_on,
            violation: self.violation,
            trace: if failed { self.trace.into_lines() } else { Vec::new() },
        }
    }
}

fn end_of(caller: &Caller) -> End {
    match caller {
        Caller::Agent { host, .. } | Caller::Installer { host } => End::Host(*host),
        Caller::Desk { .. } | Caller::Client { .. } | Caller::Upkeep => End::Desk,
    }
}
