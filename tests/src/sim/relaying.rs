//! What does a controller do for those who ask it? Answers beats from its own state, and takes
//! commands to whoever leads.

use tidegate_agent::core::{CallFailed, CallFailure};
use tidegate_controller::machine::Command;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::node::{Answer, Input, Node};
use tidegate_controller::relay::answers;
use tidegate_policies::time::Millis;
use tidegate_proto::v1::{SyncRequest, SyncResponse};

use super::checks::Violation;
use super::controllers::{Asker, Controller};
use super::glue::{self, Kind};
use super::happening::{Beat, Caller, Happening, PeerMessage, Question, Reply};
use super::network::End;
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
        match (question, command, Kind::of(question)) {
            (Question::Sync(request), _, _) => {
                let answer = self.answer_sync(id, host, request);
                self.reply(id, &caller, &Reply::Sync(answer));
            }
            (
                Question::Begin(_) | Question::Report(_) | Question::Command(_),
                Some(command),
                Some(kind),
            ) => self.submit(id, caller, kind, command),
            (Question::Begin(_) | Question::Report(_) | Question::Command(_), _, _) => (),
        }
    }

    fn host_of(&self, caller: &Caller) -> Option<HostId> {
        match caller {
            Caller::Agent { host, .. } | Caller::Installer { host } => {
                self.hosts.get(*host).map(|host| host.id)
            }
            Caller::Desk { .. } => None,
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

    /// A message of another controller has arrived.
    pub(super) fn peer_message(&mut self, from: u64, to: u64, message: PeerMessage) {
        if self.network.is_cut(self.now(), End::Node(from), End::Node(to)) {
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
            PeerMessage::Beats { id, beats } => self.take_beats(to, from, id, &beats),
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
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Some(leadership) = controller.node().map(Node::leadership) else { return };
        let Some(leader) = leadership.leader.filter(|leader| leader.0 != id) else { return };
        let batch = controller.desk.id();
        let beats = controller.desk.beats.clone();
        controller.desk.batch = Some((batch, beats.len()));
        self.send_peer(id, leader.0, &PeerMessage::Beats { id: batch, beats });
    }

    /// Answers `caller` with what became of its command.
    pub(super) fn answer(&mut self, id: u64, caller: &Caller, kind: Kind, answer: Answer) {
        let reply = kind.answer(caller, answer);
        self.reply(id, caller, &reply);
    }

    /// Sends an answer to whoever asked.
    fn reply(&mut self, id: u64, caller: &Caller, answer: &Reply) {
        let end = match caller {
            Caller::Agent { host, .. } | Caller::Installer { host } => End::Host(*host),
            Caller::Desk { .. } => End::Desk,
        };
        for delay in self.network.fates(self.now(), End::Node(id), end) {
            let (caller, answer) = (caller.clone(), answer.clone());
            self.queue.after(delay, Happening::Answered { node: id, caller, answer });
        }
    }
}

/// Notes what a leader heard, as the relay does: only beats of the boot that is known count, and only
/// those that the next tick has a use for.
fn note(controller: &mut Controller, beats: &[Beat]) {
    let Some(machine) = controller.machine() else { return };
    let useful = beats.iter().filter_map(|beat| {
        let host = machine.hosts().get(&beat.host).filter(|host| host.boot == beat.boot)?;
        let grant = host.live_grant.and_then(|grant| machine.grants().get(&grant));
        Some((beat.host, grant.is_some_and(|grant| grant.phase.in_flight().is_some()), beat.asks))
    });
    for (host, in_flight, asks) in useful.collect::<Vec<_>>() {
        controller.desk.pace.note(host, in_flight, asks);
    }
}
