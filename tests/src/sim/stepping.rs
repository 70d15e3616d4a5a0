//! What happens around one step of a controller's node? As the runtime does it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tidegate_controller::machine::command::VouchState;
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::machine::{Command, Machine, Tick};
use tidegate_controller::node::{Answer, Input, Output, Room};
use tidegate_policies::time::{Millis, WallTime};

use super::checks::Violation;
use super::checks::log::Entry;
use super::controllers::{Asker, Life, Standing};
use super::glue::Kind;
use super::happening::{Caller, Happening, PeerMessage};
use super::network::End;
use super::sabotage::Sabotage;
use super::world::World;

/// How much longer everything takes a controller that does everything late.
const LATE_FACTOR: u64 = 3;
/// Every so many raft ticks a follower passes on whom it heard.
const FLUSH_EVERY: u64 = 8;
/// Every so many raft ticks a controller looks whether the cluster knows it as it is.
const REGISTER_EVERY: u64 = 32;

impl World {
    /// One raft tick, and whatever the runtime does besides.
    pub(super) fn raft_tick(&mut self, id: u64, run: u64) {
        let (now, hands_over) = (self.now(), self.hands_over(id, run));
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        if controller.run != run {
            return;
        }
        if controller.machine().is_none() {
            return;
        }
        let room = if controller.meter.borrow().is_full { Room::Scarce } else { Room::Enough };
        let mut inputs = Vec::new();
        inputs.extend(hands_over);
        inputs.extend([Input::Room(room), Input::Tick]);
        controller.desk.ticks += 1;
        let ticks = controller.desk.ticks;
        let Some((desk, machine)) = controller.desk_and_machine() else { return };
        if let Some((step, noted)) = desk.pace.due(now, machine) {
            let ticket = controller.desk.id();
            controller.desk.tickets.insert(ticket, Asker::Tick);
            let readings = self.read_clocks(id);
            self.compare_clocks(id, &readings);
            let command = Command::Tick(Tick {
                step: Millis(step),
                wall: readings.get(&NodeId(id)).copied().unwrap_or(WallTime(0)),
                heard: noted.heard.into_iter().collect(),
                asking: noted.asking.into_iter().collect(),
                readings,
                missed: noted.missed,
            });
            inputs.push(Input::Propose { ticket, command });
        }
        self.step_node(id, inputs);
        if ticks.is_multiple_of(FLUSH_EVERY) {
            self.flush_beats(id);
        }
        if ticks.is_multiple_of(REGISTER_EVERY) {
            self.keep_known(id);
        }
        let late = self.network.is_late(now, End::Node(id));
        let wait = self.scenario.raft_tick * if late { LATE_FACTOR } else { 1 };
        self.queue.after(wait, Happening::RaftTick { node: id, run });
    }

    /// The clocks that a leader puts into its tick.
    fn read_clocks(&mut self, id: u64) -> BTreeMap<NodeId, WallTime> {
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return BTreeMap::new() };
        let own = controller.clock.reads(now);
        let mut readings = controller.desk.readings.fresh(now, (id, own));
        if self.scenario.sabotage == Sabotage::LeaderClock {
            let cluster = controller.machine().and_then(Machine::cluster);
            let voters = cluster.iter().flat_map(|cluster| cluster.voters());
            readings.extend(voters.map(|voter| (voter, WallTime(own))).collect::<Vec<_>>());
        }
        readings
    }

    /// Steps a node, carries out what it asks for, and lets the checks look.
    pub(super) fn step_node(&mut self, id: u64, inputs: Vec<Input>) {
        let gathered = self.controllers.get_mut(&id).and_then(|one| one.desk.gathered.as_mut());
        if let Some(gathered) = gathered {
            return gathered.extend(inputs);
        }
        let isolated = self.is_isolated(id);
        self.checks.before_step(id, isolated);
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Life::Up(node) = &mut controller.life else { return };
        let votes = controller.meter.borrow().votes();
        let syncs = node.syncs();
        let mut outputs = Vec::new();
        let stepped = catch_unwind(AssertUnwindSafe(|| node.step(inputs, &mut outputs)));
        let leading = node.leads().then(|| node.leadership().term);
        let held_back = if self.syncs(id) == syncs { 0 } else { self.has_synced(id) };
        for output in outputs {
            self.held_back = held_back;
            self.carry_out(id, output);
        }
        self.held_back = 0;
        match stepped {
            Ok(Ok(())) => (),
            Ok(Err(fatal)) => return self.stopped(id, &fatal),
            Err(panic) => {
                if let Some(controller) = self.controllers.get_mut(&id) {
                    controller.life = Life::Gone;
                }
                let words = panic_words(&*panic);
                return self.violated(Violation::new("PANIC", format!("node {id}: {words}")));
            }
        }
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        if controller.desk.pace.lead(leading) {
            controller.desk.hand_over.begin_term();
        }
        let voted = controller.meter.borrow().votes() > votes;
        let misdeed = controller.meter.borrow_mut().misdeed.take();
        if let Some((promise, what)) = misdeed {
            self.violated(Violation::new(promise, format!("node {id}: {what}")));
        }
        if let Some(term) = leading
            && let Err(violation) = self.checks.leads(id, term)
        {
            self.violated(violation);
        }
        self.look_at(id);
        if voted && self.scenario.sabotage == Sabotage::ForgottenVote && self.luck.below(2) == 0 {
            self.crash_node(id, "it has just voted");
        }
    }

    /// The checks look at a controller that was stepped.
    fn look_at(&mut self, id: u64) {
        let now = self.now();
        let Some(controller) = self.controllers.get(&id) else { return };
        let Some(node) = controller.node() else { return };
        let looked = self.checks.after_step(now, (id, controller.standing), node);
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
                let entry = Entry { term: position.term, command, outcome, events };
                self.note_applied(id, position.index, entry);
            }
            Output::Replaced { index } => {
                self.stats.installs += 1;
                self.trace.line(now, format_args!("node {id} takes a snapshot at index {index}"));
                self.checks.replaced(id, index);
                self.catch_from_leader(id);
            }
            Output::FetchPieces { from, hashes } => {
                self.send_peer(id, from.0, &PeerMessage::FetchPieces { hashes });
            }
            Output::Vouch { index, hash } => self.vouch(id, index, hash),
            Output::LeadershipChanged(leadership) => {
                let (term, leader) = (leadership.term, leadership.leader.map(|leader| leader.0));
                self.trace.line(now, format_args!("node {id}: term {term}, leader {leader:?}"));
            }
            Output::Ignored { why } => {
                self.trace.line(now, format_args!("node {id} ignores a message: {why}"));
            }
        }
    }

    fn note_applied(&mut self, id: u64, index: u64, entry: Entry) {
        let now = self.now();
        let standing = self.controllers.get(&id).map_or(Standing::Sound, |one| one.standing);
        match self.checks.applied(now, (id, standing), index, entry) {
            Ok(Some(line)) => self.trace.line(now, format_args!("{line}")),
            Ok(None) => (),
            Err(violation) => self.violated(violation),
        }
    }

    fn vouch(&mut self, id: u64, index: u64, hash: [u8; 32]) {
        self.stats.vouches += 1;
        if self.scenario.sabotage == Sabotage::UnheardVouches {
            return;
        }
        let command = Command::VouchState(VouchState { node: NodeId(id), index, hash });
        self.submit(id, Caller::Upkeep, Kind::Command, command);
    }

    /// Somebody learns what became of a proposal or of a wish to read.
    fn settle_ticket(&mut self, id: u64, ticket: u64, answer: Answer) {
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        match controller.desk.tickets.remove(&ticket) {
            None => (),
            Some(Asker::Tick) => {
                if matches!(answer, Answer::Applied { .. }) {
                    controller.desk.pace.settled();
                } else {
                    controller.desk.pace.refused();
                }
            }
            Some(Asker::Here(caller, kind)) => self.answer(id, &caller, kind, answer),
            Some(Asker::There(node, forward)) => {
                self.send_peer(id, node, &PeerMessage::Forwarded { id: forward, answer });
            }
            Some(Asker::Reader(caller)) => self.read(id, &caller, &answer),
        }
    }

    /// Sends a message to another controller, if the network lets it through.
    pub(super) fn send_peer(&mut self, from: u64, to: u64, message: &PeerMessage) {
        let is_raft = matches!(message, PeerMessage::Raft(_));
        if is_raft && self.network.is_stalled(self.now(), to) {
            return;
        }
        let Some(incarnation) = self.controllers.get(&from).map(|one| one.incarnation) else {
            return;
        };
        let fates = self.network.fates(self.now(), End::Node(from), End::Node(to));
        for delay in fates {
            let message = message.clone();
            let delay = delay + self.held_back;
            self.queue.after(delay, Happening::Peer { from, incarnation, to, message });
        }
    }

    /// Whether a controller neither hears nor reaches any other, and others vote, too.
    fn is_isolated(&self, id: u64) -> bool {
        let now = self.now();
        let mut others = self.controllers.keys().filter(|&&other| other != id).peekable();
        others.peek().is_some()
            && others.all(|&other| {
                self.network.is_cut(now, End::Node(id), End::Node(other))
                    && self.network.is_cut(now, End::Node(other), End::Node(id))
            })
    }
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}
