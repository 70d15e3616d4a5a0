//! What does a controller do for those who ask it? Answers beats from its own state, and takes
//! commands to whoever leads.

use tidegate_agent::core::{CallFailed, CallFailure};
use tidegate_controller::machine::ids::{HostId, NodeId};
use tidegate_controller::machine::{self, Command, Machine, Position};
use tidegate_controller::node::{Answer, Input, Node};
use tidegate_controller::relay::answers;
use tidegate_policies::time::Millis;
use tidegate_proto::v1::{SyncRequest, SyncResponse};

use super::checks::Violation;
use super::controllers::{Asker, Controller};
use super::glue::{self, Kind};
use super::happening::{Beat, Caller, Happening, PeerMessage, Question, Reply};
use super::network::End;
use super::sabotage::Sabotage;
use super::world::World;

/// For how long a controller answers beats after it last reached the leader, in milliseconds.
const FRESH_FOR: u64 = 2_000;
/// How often hosts sync that no rollout concerns.
const IDLE_SYNC: Millis = Millis::from_secs(8);

impl World {
    /// A question has arrived at a controller.
    pub(super) fn asked(&mut self, id: u64, caller: Caller, question: &Question) {
        if self.controllers.get(&id).and_then(Controller::node).is_none() {
            return; // Nobody is there; the caller will run out of patience.
        }
        let host = self.host_of(&caller);
        let command = match glue::command(host, question) {
            Ok(command) => command,
            Err(what) => {
                let what = format!("an honest request of {caller:?} was refused: {what}");
                return self.violated(Violation::new("WIRE", what));
            }
        };
        match question {
            Question::Sync(request) => {
                let answer = self.answer_sync(id, host, request);
                self.reply(id, &caller, &Reply::Sync(answer));
            }
            Question::Read => self.wish_to_read(id, caller),
            Question::Begin(_) | Question::Report(_) | Question::Command(_) => {
                if let (Some(command), Some(kind)) = (command, Kind::of(question)) {
                    self.submit(id, caller, kind, command);
                }
            }
        }
    }

    fn host_of(&self, caller: &Caller) -> Option<HostId> {
        match caller {
            Caller::Agent { host, .. } | Caller::Installer { host } => {
                self.hosts.get(*host).map(|host| host.id)
            }
            Caller::Desk { .. } | Caller::Client { .. } | Caller::Upkeep => None,
        }
    }

    fn answer_sync(
        &mut self,
        id: u64,
        host: Option<HostId>,
        request: &SyncRequest,
    ) -> Result<SyncResponse, CallFailed> {
        let now = self.now();
        let unavailable = |message: &str| CallFailed {
            kind: CallFailure::Unavailable,
            retry_after: None,
            message: message.to_owned(),
        };
        let (Some(controller), Some(host)) = (self.controllers.get_mut(&id), host) else {
            return Err(unavailable("nobody is there"));
        };
        let leads = controller.leads();
        let is_fresh = controller.desk.reached_leader.is_some_and(|at| now <= at + FRESH_FOR);
        let Some(machine) = controller.machine().filter(|_| leads || is_fresh) else {
            return Err(unavailable("this node has not reached the leader of late"));
        };
        let answer = answers::sync(machine, host, &request.boot_id, IDLE_SYNC)
            .map_err(|rejection| glue::refused(&rejection))?;
        let beat = Beat { host, boot: request.boot_id.clone(), asks: answer.asks };
        if leads {
            note(controller, &[beat]);
        } else {
            controller.desk.beats.push(beat);
        }
        Ok(answer.response)
    }

    /// Has a command replicated: here, or by whoever leads.
    pub(super) fn submit(&mut self, id: u64, caller: Caller, kind: Kind, command: Command) {
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Some(leadership) = controller.node().map(Node::leadership) else { return };
        if controller.leads() {
            let ticket = controller.desk.id();
            if self.scenario.sabotage == Sabotage::EarlyAck && kind == Kind::Command {
                self.acknowledge_early(id, &caller);
            }
            let Some(controller) = self.controllers.get_mut(&id) else { return };
            controller.desk.tickets.insert(ticket, Asker::Here(caller, kind));
            return self.step_node(id, vec![Input::Propose { ticket, command }]);
        }
        match leadership.leader {
            None => self.reply(id, &caller, &kind.unavailable("nobody leads")),
            Some(leader) => {
                let forward = controller.desk.id();
                controller.desk.forwarded.insert(forward, (caller, kind));
                let command = Box::new(command);
                let message = PeerMessage::Forward { id: forward, command };
                self.send_peer(id, leader.0, &message);
            }
        }
    }

    /// Tells a caller that its command was taken, though nobody has it yet: for sabotage only.
    fn acknowledge_early(&mut self, id: u64, caller: &Caller) {
        let Some(node) = self.controllers.get(&id).and_then(Controller::node) else { return };
        let status = node.status();
        let position = Position { index: status.last_index + 1, term: status.term };
        let reply = Reply::Command(Some((position, Ok(machine::Reply::Done))));
        self.reply(id, caller, &reply);
    }

    /// Whether a controller lets a message in: not from an id that is gone, and not from one whose
    /// disk is another than the cluster knows.
    fn door_opens(&self, from: u64, incarnation: [u8; 16], to: u64) -> bool {
        let machine = self.controllers.get(&to).and_then(Controller::machine);
        let Some(cluster) = machine.and_then(Machine::cluster) else { return true };
        let known = cluster.members.get(&NodeId(from)).and_then(|member| member.incarnation);
        !cluster.removed.contains(&NodeId(from)) && known.is_none_or(|known| known == incarnation)
    }

    /// A message of another controller has arrived.
    pub(super) fn peer_message(
        &mut self,
        (from, incarnation): (u64, [u8; 16]),
        to: u64,
        message: PeerMessage,
    ) {
        if self.network.is_cut(self.now(), End::Node(from), End::Node(to)) {
            return;
        }
        if !self.door_opens(from, incarnation, to) {
            self.stats.turned_away += 1;
            return;
        }
        match message {
            PeerMessage::Raft(bytes) => self.step_node(to, vec![Input::Peer(bytes)]),
            PeerMessage::Forward { id, command } => self.take_forward(to, (from, id), *command),
            PeerMessage::Forwarded { id, answer } => {
                let Some(controller) = self.controllers.get_mut(&to) else { return };
                if let Some((caller, kind)) = controller.desk.forwarded.remove(&id) {
                    self.answer(to, &caller, kind, answer);
                }
            }
            PeerMessage::Beats { id, beats, wall } => {
                let now = self.now();
                if let Some(controller) = self.controllers.get_mut(&to) {
                    controller.desk.readings.note(now, from, wall);
                }
                self.take_beats(to, from, id, &beats);
            }
            PeerMessage::FetchPieces { hashes } => self.give_pieces(to, from, &hashes),
            PeerMessage::Pieces { pieces } => {
                self.stats.pieces += u64::try_from(pieces.len()).unwrap_or(0);
                self.step_node(to, vec![Input::Pieces { pieces }]);
            }
            PeerMessage::BeatsTaken { id } => {
                let now = self.now();
                let Some(controller) = self.controllers.get_mut(&to) else { return };
                if let Some((_, count)) = controller.desk.batch.take_if(|batch| batch.0 == id) {
                    controller.desk.beats.drain(..count);
                    controller.desk.reached_leader = Some(now);
                }
            }
        }
    }

    fn take_forward(&mut self, id: u64, (node, forward): (u64, u64), command: Command) {
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        if controller.node().is_none() {
            return;
        }
        let ticket = controller.desk.id();
        controller.desk.tickets.insert(ticket, Asker::There(node, forward));
        self.step_node(id, vec![Input::Propose { ticket, command }]);
    }

    fn take_beats(&mut self, id: u64, from: u64, batch: u64, beats: &[Beat]) {
        let Some(controller) = self.controllers.get_mut(&id).filter(|one| one.leads()) else {
            return;
        };
        note(controller, beats);
        self.send_peer(id, from, &PeerMessage::BeatsTaken { id: batch });
    }

    /// A follower passes on whom it heard. An empty batch asks whether the leader is there.
    pub(super) fn flush_beats(&mut self, id: u64) {
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Some(leadership) = controller.node().map(Node::leadership) else { return };
        let Some(leader) = leadership.leader.filter(|leader| leader.0 != id) else { return };
        let wall = controller.clock.reads(now);
        let batch = controller.desk.id();
        let beats = controller.desk.beats.clone();
        controller.desk.batch = Some((batch, beats.len()));
        self.send_peer(id, leader.0, &PeerMessage::Beats { id: batch, beats, wall });
    }

    /// Answers `caller` with what became of its command.
    pub(super) fn answer(&mut self, id: u64, caller: &Caller, kind: Kind, answer: Answer) {
        let machine = self.controllers.get(&id).and_then(Controller::machine);
        let generation = machine.and_then(Machine::cluster).map_or(0, |cluster| cluster.generation);
        let reply = kind.answer(caller, generation, answer);
        self.reply(id, caller, &reply);
    }

    /// Sends an answer to whoever asked.
    pub(super) fn reply(&mut self, id: u64, caller: &Caller, answer: &Reply) {
        let end = match caller {
            Caller::Agent { host, .. } | Caller::Installer { host } => End::Host(*host),
            Caller::Desk { .. } | Caller::Client { .. } => End::Desk,
            Caller::Upkeep => return,
        };
        for delay in self.network.fates(self.now(), End::Node(id), end) {
            let (caller, answer) = (caller.clone(), answer.clone());
            let delay = delay + self.held_back;
            self.queue.after(delay, Happening::Answered { node: id, caller, answer });
        }
    }
}

/// Notes what a leader heard, as the relay does: only beats of the boot that is known count, and only
/// those that the next tick has a use for.
fn note(controller: &mut Controller, beats: &[Beat]) {
    let Some(machine) = controller.machine() else { return };
    let useful = beats.iter().filter_map(|beat| {
        let host = machine.hosts().get(&beat.host)?;
        (host.boot == beat.boot).then_some((beat.host, machine.listens_to(beat.host), beat.asks))
    });
    for (host, is_listened_to, asks) in useful.collect::<Vec<_>>() {
        controller.desk.pace.note(host, is_listened_to, asks);
    }
}
