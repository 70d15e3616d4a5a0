//! Which commands does a leader take into its log, and what does it say to the others?

use super::config::MAX_UNCOMMITTED_AGENT_BYTES;
use super::{Answer, Node, Output, membership};
use crate::journal::{Journal, MAX_ENTRY_BYTES};
use crate::machine::{Command, Position};

impl<J: Journal> Node<J> {
    pub(super) fn propose<O: Extend<Output>>(
        &mut self,
        ticket: u64,
        command: &Command,
        outputs: &mut O,
    ) {
        let mut refuse = |answer| outputs.extend([Output::Answer { ticket, answer }]);
        if !self.leads() {
            return refuse(Answer::NotLeader { leader: self.leadership().leader });
        }
        if self.raft.raft.lead_transferee.is_some() {
            // It is about to give the lead away, and takes nothing more: whoever asks looks for a leader.
            return refuse(Answer::NotLeader { leader: None });
        }
        let (needs, cluster) = (command.needs_version(), self.machine.version());
        if needs > cluster {
            return refuse(Answer::NeedsVersion { needs, cluster });
        }
        let change = command.member_change();
        if let Some(objection) = change.and_then(|change| self.objection_to(change)) {
            return refuse(objection);
        }
        let entry = command.encode();
        if entry.len() > MAX_ENTRY_BYTES {
            return refuse(Answer::TooLarge { bytes: entry.len() });
        }
        let uncommitted = self.raft.raft.uncommitted_size().saturating_add(entry.len());
        if !may_use_reserve(command) && uncommitted > MAX_UNCOMMITTED_AGENT_BYTES {
            return refuse(Answer::Busy);
        }
        let proposed = match change {
            None => self.raft.propose(Vec::new(), entry),
            Some(change) => self.raft.propose_conf_change(entry, membership::conf_change(change)),
        };
        if proposed.is_err() {
            return refuse(Answer::Busy);
        }
        let index = self.raft.raft.raft_log.last_index();
        self.waiters.wait(Position { index, term: self.raft.raft.term }, ticket);
    }
}

/// Whether a command may take the room in the log that agents cannot fill. Ticks may, so that time
/// goes on: one is under way at a time.
fn may_use_reserve(command: &Command) -> bool {
    match command {
        Command::Bootstrap(_)
        | Command::Tick(_)
        | Command::Operate(_)
        | Command::RegisterNode(_)
        | Command::VouchState(_) => true,
        #[cfg(feature = "next-version")]
        Command::NextProbe(_) => true,
        Command::StoreBlob(_)
        | Command::EnrollHost(_)
        | Command::BeginGrant(_)
        | Command::RecordReports(_) => false,
    }
}
