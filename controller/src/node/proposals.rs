//! Which commands does a leader take into its log, and what does it say to the others?

use raft::eraftpb::{Entry, Message, MessageType};

use super::config::{MAX_APPEND_BYTES, MAX_UNCOMMITTED_AGENT_BYTES, MAX_UNCOMMITTED_BYTES};
use super::{Answer, Node, Output, Outputs, membership};
use crate::journal::{Journal, MAX_ENTRY_BYTES};
use crate::machine::command::MemberChange;
use crate::machine::{Command, Position};

/// What a leader took of the present step's inputs and has not appended yet. It is, before anything
/// else is stepped.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    tickets: Vec<u64>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Proposals {
    fn add(&mut self, ticket: u64, data: Vec<u8>) {
        self.bytes += data.len();
        self.tickets.push(ticket);
        self.entries.push(Entry { data: data.into(), ..Entry::default() });
    }
}

impl<J: Journal> Node<J> {
    /// Takes a command, or says why not.
    pub(super) fn propose<O: Outputs>(&mut self, ticket: u64, command: &Command, outputs: &mut O) {
        let mut refuse = |answer| outputs.give(Output::Answer { ticket, answer }, &self.machine);
        if let Some(objection) = self.objection(command) {
            return refuse(objection);
        }
        let change = self.new_change(command);
        let data = command.encode();
        if data.len() > MAX_ENTRY_BYTES {
            return refuse(Answer::TooLarge { bytes: data.len() });
        }
        let uncommitted = self.raft.raft.uncommitted_size() + self.proposals.bytes + data.len();
        if uncommitted > most_uncommitted(command) {
            return refuse(Answer::Busy);
        }
        match change {
            None => {
                if self.proposals.bytes + data.len() > MAX_APPEND_BYTES {
                    self.append_proposals(outputs);
                }
                self.proposals.add(ticket, data);
            }
            Some(change) => {
                self.append_proposals(outputs);
                let change = membership::conf_change(change);
                let proposed = self.raft.propose_conf_change(data, change);
                self.wait_for(&[ticket], proposed.is_ok(), outputs);
            }
        }
    }

    /// Why this node would not take a command now, before the machine is asked; `None`: it would.
    pub fn objection(&self, command: &Command) -> Option<Answer> {
        if !self.leads() {
            return Some(Answer::NotLeader { leader: self.leadership().leader });
        }
        if self.raft.raft.lead_transferee.is_some() {
            // It is about to give the lead away, and takes nothing more: whoever asks looks for a leader.
            return Some(Answer::NotLeader { leader: None });
        }
        let change = self.new_change(command);
        self.too_new(command).or_else(|| change.and_then(|change| self.objection_to(change)))
    }

    /// Whether some member may not understand `command`.
    pub fn too_new(&self, command: &Command) -> Option<Answer> {
        let (needs, cluster) = (command.needs_version(), self.machine.version());
        (needs > cluster).then_some(Answer::NeedsVersion { needs, cluster })
    }

    /// What a command wants of the group. A request that was answered before changes nobody's seat, whatever
    /// has become of them since.
    fn new_change(&self, command: &Command) -> Option<MemberChange> {
        command.member_change().filter(|_| !self.machine.remembers(command))
    }

    /// Appends what was proposed since the last time: one message to each follower carries all of it.
    pub(super) fn append_proposals<O: Outputs>(&mut self, outputs: &mut O) {
        if self.proposals.tickets.is_empty() {
            return;
        }
        let Proposals { tickets, entries, .. } = std::mem::take(&mut self.proposals);
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgPropose);
        message.from = self.raft.raft.id;
        message.set_entries(entries.into());
        let proposed = self.raft.step(message);
        self.election.pin(&mut self.raft);
        self.wait_for(&tickets, proposed.is_ok(), outputs);
    }

    /// Has `tickets` wait for the last entries of the log, if those are what they asked for.
    fn wait_for<O: Outputs>(&mut self, tickets: &[u64], is_appended: bool, outputs: &mut O) {
        let term = self.raft.raft.term;
        let last = self.raft.raft.raft_log.last_index();
        for (&ticket, before_last) in tickets.iter().rev().zip(0..) {
            if is_appended {
                self.waiters.wait(Position { index: last - before_last, term }, ticket);
            } else {
                outputs.give(Output::Answer { ticket, answer: Answer::Busy }, &self.machine);
            }
        }
    }
}

/// How many bytes may be uncommitted with this command among them. Agents cannot fill all the room;
/// ticks may, so that time goes on: one is under way at a time.
fn most_uncommitted(command: &Command) -> usize {
    match command {
        Command::Bootstrap(_)
        | Command::Tick(_)
        | Command::Operate(_)
        | Command::RegisterNode(_)
        | Command::VouchState(_)
        | Command::KnowOpenings(_)
        | Command::SettleNotifications(_)
        | Command::LeaveJoint => MAX_UNCOMMITTED_BYTES,
        #[cfg(feature = "next-version")]
        Command::NextProbe(_) => MAX_UNCOMMITTED_BYTES,
        Command::StoreBlob(_)
        | Command::EnrollHost(_)
        | Command::BeginGrant(_)
        | Command::RecordReports(_) => MAX_UNCOMMITTED_AGENT_BYTES,
    }
}
