//! In which order does a node write, speak and apply? The one place that hands raft's work on.

use std::sync::Arc;

use protobuf::Message as _;
use raft::Ready;
use raft::eraftpb::{Entry, EntryType, Message};

use super::{Answer, Fatal, Node, NodeId, Output};
use crate::journal::{Batch, Journal};
use crate::machine::{Command, Position};

impl<J: Journal> Node<J> {
    /// Carries out one `Ready`. Nothing may be stepped or proposed before it is done.
    ///
    /// A leader's messages leave first, so that followers write while it does. Everybody else's
    /// wait for the sync, since they promise what was written.
    pub(super) fn carry_out_ready<O: Extend<Output>>(
        &mut self,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let mut ready = self.raft.ready();
        send(ready.take_messages(), outputs)?;
        self.apply(ready.take_committed_entries(), outputs)?;
        self.persist(&ready)?;
        send(ready.take_persisted_messages(), outputs)?;
        let mut light = self.raft.advance(ready);
        self.election.pin(&mut self.raft);
        send(light.take_messages(), outputs)?;
        self.apply(light.take_committed_entries(), outputs)?;
        self.raft.advance_apply();
        self.election.pin(&mut self.raft);
        Ok(())
    }

    /// Writes one batch, and syncs it where raft asks for it. A mere new commit index is appended
    /// and rides with the next sync: losing it costs nothing.
    fn persist(&mut self, ready: &Ready) -> Result<(), Fatal> {
        let entries = ready.entries();
        if entries.is_empty() && ready.hs().is_none() {
            return Ok(());
        }
        let hard_state = self.raft.raft.hard_state();
        let changed = (hard_state != self.journaled).then(|| hard_state.clone());
        let batch = Batch { entries: entries.clone(), hard_state: changed, conf_state: None };
        self.journal.append(&batch)?;
        self.batches += 1;
        if ready.must_sync() {
            self.journal.sync()?;
            self.syncs += 1;
        }
        let mut log = self.raft.store().wl();
        log.append(&batch.entries)?;
        log.set_hardstate(hard_state.clone());
        self.journaled = hard_state;
        Ok(())
    }

    fn apply<O: Extend<Output>>(
        &mut self,
        entries: Vec<Entry>,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        for entry in entries {
            let position = Position { index: entry.index, term: entry.term };
            if entry.get_entry_type() != EntryType::EntryNormal {
                return Err(Fatal::UnknownEntry { at: position, cause: None });
            }
            if entry.data.is_empty() {
                continue; // The entry with which a leader opens its term.
            }
            let command = Command::decode(&entry.data)
                .map_err(|cause| Fatal::UnknownEntry { at: position, cause: Some(cause) })?;
            let applied = self.machine.apply(position, &command);
            let outcome = applied.outcome.clone();
            outputs.extend([Output::Applied {
                position,
                command: Arc::new(command),
                outcome: applied.outcome,
                events: applied.events,
            }]);
            if let Some(ticket) = self.waiters.settle(position) {
                let answer = Answer::Applied { position, outcome };
                outputs.extend([Output::Answer { ticket, answer }]);
            }
        }
        Ok(())
    }
}

fn send<O: Extend<Output>>(messages: Vec<Message>, outputs: &mut O) -> Result<(), Fatal> {
    for message in messages {
        let to = NodeId(message.to);
        let message = message.write_to_bytes().map_err(Fatal::Encode)?;
        outputs.extend([Output::Send { to, message }]);
    }
    Ok(())
}
