//! What is a controller here? The real node with its machine, and what the runtime is around it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tidegate_controller::machine::{Command, Machine, Tick};
use tidegate_controller::node::{Answer, Input, Node, NodeConfig, NodeId, Output};
use tidegate_policies::time::{Millis, WallTime};

use super::checks::Violation;
use super::disk::SimDisk;
use super::glue::Kind;
use super::happening::{Beat, Caller, Happening, PeerMessage};
use super::network::End;
use super::pace::Pace;
use super::world::World;

/// The run's first moment on the wall clock, in milliseconds since the epoch.
const EPOCH: u64 = 1_800_000_000_000;

/// One controller.
#[derive(Debug)]
pub struct Controller {
    /// Counts its starts.
    pub run: u64,
    /// What of it is there.
    pub life: Life,
    /// What a crash forgets.
    pub desk: Desk,
    /// How wrong its wall clock is: read at `EPOCH` plus the time of the run plus this.
    pub skew: u64,
}

/// What of a controller is there.
pub enum Life {
    /// It runs.
    Up(Box<Node<SimDisk>>),
    /// Only its disk.
    Down(Box<SimDisk>),
    /// It is being stepped, or its disk is damaged beyond use.
    Gone,
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Gone => "gone",
        })
    }
}

/// Who waits for what at one controller, and whom it heard.
#[derive(Debug)]
pub struct Desk {
    /// Who waits for a proposal's answer, by ticket.
    pub tickets: BTreeMap<u64, Asker>,
    /// Who waits for a forwarded command's answer, by its id.
    pub forwarded: BTreeMap<u64, (Caller, Kind)>,
    /// The last ticket or id that was given out.
    pub last_id: u64,
    /// The leader's ticks.
    pub pace: Pace,
    /// Beats that the leader has not taken yet.
    pub beats: Vec<Beat>,
    /// The batch of beats under way, and how many beats it holds.
    pub batch: Option<(u64, usize)>,
    /// When the leader last took a batch.
    pub reached_leader: Option<u64>,
    /// Raft ticks of this run.
    pub ticks: u64,
}

/// Who waits for a proposal's answer.
#[derive(Clone, Debug)]
pub enum Asker {
    /// The runtime's own tick.
    Tick,
    /// Somebody who asked here.
    Here(Caller, Kind),
    /// Another controller, which forwarded a command under this id.
    There(u64, u64),
}

impl Desk {
    /// An empty desk for a controller's `run`, whose ticks come every `tick` milliseconds.
    #[must_use]
    pub fn new(run: u64, tick: u64) -> Self {
        Self {
            tickets: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            // A late answer to another run's question must find nobody.
            last_id: run << 32,
            pace: Pace::new(tick),
            beats: Vec::new(),
            batch: None,
            reached_leader: None,
            ticks: 0,
        }
    }

    /// A number that was not used in this run.
    pub fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Controller {
    /// The node, while it runs.
    #[must_use]
    pub fn node(&self) -> Option<&Node<SimDisk>> {
        match &self.life {
            Life::Up(node) => Some(node),
            Life::Down(_) | Life::Gone => None,
        }
    }

    /// The replicated state as this controller has it.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine> {
        self.node().map(Node::machine)
    }

    /// Whether it believes that it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.node().is_some_and(Node::leads)
    }
}

impl World {
    /// Starts a controller from its disk.
    pub(super) fn start_node(&mut self, id: u64) {
        let (now, seed, tick) = (self.now(), self.luck.draw(), self.scenario.machine_tick);
        let voters: Vec<NodeId> = self.controllers.keys().copied().map(NodeId).collect();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let life = std::mem::replace(&mut controller.life, Life::Gone);
        let disk = match life {
            Life::Down(disk) => disk,
            life @ (Life::Up(_) | Life::Gone) => {
                controller.life = life;
                return;
            }
        };
        let recovered = match disk.recover() {
            Ok(recovered) => recovered,
            Err(damaged) => {
                return self.violated(Violation::new("I4", format!("node {id}: {}", damaged.0)));
            }
        };
        let commit = recovered.hard_state.commit;
        controller.run += 1;
        controller.desk = Desk::new(controller.run, tick);
        let run = controller.run;
        let config = NodeConfig::new(NodeId(id), voters, seed);
        match Node::open(config, *disk, recovered, Machine::new()) {
            Ok(node) => controller.life = Life::Up(Box::new(node)),
            Err(fatal) => {
                return self.violated(Violation::new("I4", format!("node {id}: {fatal}")));
            }
        }
        self.trace.line(now, format_args!("node {id} starts, run {run}"));
        self.checks.node_starts(id, commit);
        self.step_node(id, Vec::new());
        self.queue.after(1, Happening::RaftTick { node: id, run });
    }

    /// The power of a controller fails.
    pub(super) fn crash_node(&mut self, id: u64, why: &str) {
        let down = self.luck.between(300, self.faults.node_down_most.max(301));
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let mut disk = match std::mem::replace(&mut controller.life, Life::Gone) {
            Life::Up(node) => node.into_journal(),
            life @ (Life::Down(_) | Life::Gone) => {
                controller.life = life;
                return;
            }
        };
        disk.crash();
        controller.life = Life::Down(Box::new(disk));
        self.stats.node_crashes += 1;
        self.trace.line(now, format_args!("node {id} crashes: {why}, back in {down} ms"));
        self.queue.after(down, Happening::NodeStarts(id));
    }

    /// One raft tick, and whatever the runtime does besides.
    pub(super) fn raft_tick(&mut self, id: u64, run: u64) {
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        if controller.run != run {
            return;
        }
        let Some(is_live) = controller.machine().map(Machine::is_live) else { return };
        let mut inputs = vec![Input::Tick];
        controller.desk.ticks += 1;
        let flush = controller.desk.ticks.is_multiple_of(8);
        if let Some((step, noted)) = controller.desk.pace.due(now, is_live) {
            let ticket = controller.desk.id();
            controller.desk.tickets.insert(ticket, Asker::Tick);
            let command = Command::Tick(Tick {
                step: Millis(step),
                wall: WallTime(EPOCH + now + controller.skew),
                heard: noted.heard.into_iter().collect(),
                asking: noted.asking.into_iter().collect(),
                ..Tick::default()
            });
            inputs.push(Input::Propose { ticket, command });
        }
        self.step_node(id, inputs);
        if flush {
            self.flush_beats(id);
        }
        self.queue.after(self.scenario.raft_tick, Happening::RaftTick { node: id, run });
    }

    /// Steps a node, carries out what it asks for, and lets the checks look.
    pub(super) fn step_node(&mut self, id: u64, inputs: Vec<Input>) {
        let now = self.now();
        let isolated = self.is_isolated(id);
        self.checks.before_step(id, isolated);
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Life::Up(node) = &mut controller.life else { return };
        let mut outputs = Vec::new();
        let stepped = catch_unwind(AssertUnwindSafe(|| node.step(inputs, &mut outputs)));
        let leading = node.leads().then(|| node.leadership().term);
        for output in outputs {
            self.carry_out(id, output);
        }
        match stepped {
            Ok(Ok(())) => (),
            Ok(Err(fatal)) => return self.crash_node(id, &fatal.to_string()),
            Err(panic) => {
                if let Some(controller) = self.controllers.get_mut(&id) {
                    controller.life = Life::Gone;
                }
                let words = panic_words(&*panic);
                return self.violated(Violation::new("PANIC", format!("node {id}: {words}")));
            }
        }
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        controller.desk.pace.lead(leading);
        if let Some(term) = leading
            && let Err(violation) = self.checks.leads(id, term)
        {
            self.violated(violation);
        }
        let Some(node) = self.controllers.get(&id).and_then(Controller::node) else { return };
        let looked = self.checks.after_step(now, id, node);
        if let Err(violation) = looked {
            self.violated(violation);
        }
    }

    fn carry_out(&mut self, id: u64, output: Output) {
        let now = self.now();
        match output {
            Output::Send { to, message } => {
                self.trace.fold(&message);
                self.send_peer(id, to.0, &PeerMessage::Raft(message));
            }
            Output::Answer { ticket, answer } => self.settle_ticket(id, ticket, answer),
            Output::Applied { position, command, outcome, events } => {
                self.trace.fold_number(position.index ^ id << 48);
                let entry =
                    super::checks::log::Entry { term: position.term, command, outcome, events };
                let news = self.checks.applied(now, id, position.index, entry);
                match news {
                    Ok(Some(line)) => self.trace.line(now, format_args!("{line}")),
                    Ok(None) => (),
                    Err(violation) => self.violated(violation),
                }
            }
            Output::LeadershipChanged(leadership) => {
                let (term, leader) = (leadership.term, leadership.leader.map(|leader| leader.0));
                self.trace.line(now, format_args!("node {id}: term {term}, leader {leader:?}"));
            }
            Output::Ignored { why } => {
                self.trace.line(now, format_args!("node {id} ignores a message: {why}"));
            }
        }
    }

    /// Somebody learns what became of a proposal.
    fn settle_ticket(&mut self, id: u64, ticket: u64, answer: Answer) {
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        match controller.desk.tickets.remove(&ticket) {
            None => (),
            Some(Asker::Tick) => match answer {
                Answer::Applied { .. } => controller.desk.pace.settled(),
                Answer::NotLeader { .. }
                | Answer::Unknown
                | Answer::TooLarge { .. }
                | Answer::Busy => controller.desk.pace.refused(),
            },
            Some(Asker::Here(caller, kind)) => self.answer(id, &caller, kind, answer),
            Some(Asker::There(node, forward)) => {
                self.send_peer(id, node, &PeerMessage::Forwarded { id: forward, answer });
            }
        }
    }

    /// Sends a message to another controller, if the network lets it through.
    pub(super) fn send_peer(&mut self, from: u64, to: u64, message: &PeerMessage) {
        let is_raft = matches!(message, PeerMessage::Raft(_));
        if is_raft && self.network.is_stalled(self.now(), to) {
            return;
        }
        let fates = self.network.fates(self.now(), End::Node(from), End::Node(to));
        for delay in fates {
            let message = message.clone();
            self.queue.after(delay, Happening::Peer { from, to, message });
        }
    }

    /// Whether a controller neither hears nor reaches any other.
    fn is_isolated(&self, id: u64) -> bool {
        let now = self.now();
        let mut others = self.controllers.keys().filter(|&&other| other != id);
        others.all(|&other| {
            self.network.is_cut(now, End::Node(id), End::Node(other))
                && self.network.is_cut(now, End::Node(other), End::Node(id))
        })
    }
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}
