//! In which order does a node write, speak and apply? The one place that hands raft's work on.

use std::sync::Arc;

use protobuf::Message as _;
use raft::Ready;
use raft::eraftpb::{Entry, EntryType, Message};

use super::{Answer, Fatal, Node, NodeId, Output, Outputs};
use crate::journal::{Batch, Journal};
use crate::machine::{Applied, Command, Position};

impl<J: Journal> Node<J> {
    /// Carries out one `Ready`. Nothing may be stepped or proposed before it is done.
    ///
    /// A leader's messages leave first, so that followers write while it does. Everybody else's
    /// wait for the sync, since they promise what was written.
    pub(super) fn carry_out_ready<O: Outputs>(&mut self, outputs: &mut O) -> Result<(), Fatal> {
        let mut ready = self.raft.ready();
        self.send(ready.take_messages(), outputs)?;
        for read in ready.take_read_states() {
            self.reads.confirm(&read.request_ctx, read.index);
        }
        if !ready.snapshot().is_empty() {
            self.install(ready.snapshot(), outputs)?;
        }
        let applied = self.apply(ready.take_committed_entries(), outputs);
        self.persist(&ready)?;
        self.remember_if_fatal(&applied)?;
        applied?;
        self.send(ready.take_persisted_messages(), outputs)?;
        let mut light = self.raft.advance(ready);
        self.election.pin(&mut self.raft);
        self.send(light.take_messages(), outputs)?;
        let applied = self.apply(light.take_committed_entries(), outputs);
        self.remember_if_fatal(&applied)?;
        applied?;
        self.raft.advance_apply();
        self.election.pin(&mut self.raft);
        Ok(())
    }

    /// Writes one batch, and syncs it where raft asks for it. A mere new commit index waits for the
    /// next batch: losing it costs nothing, since the next leader says it again.
    fn persist(&mut self, ready: &Ready) -> Result<(), Fatal> {
        let entries = ready.entries();
        let hard_state = self.raft.raft.hard_state();
        let is_same_vote =
            (hard_state.term, hard_state.vote) == (self.journaled.term, self.journaled.vote);
        if entries.is_empty() && ready.snapshot().is_empty() && is_same_vote {
            return Ok(());
        }
        let changed = (hard_state != self.journaled).then(|| hard_state.clone());
        let batch = Batch { entries: entries.clone(), hard_state: changed };
        self.journal.append(&batch)?;
        self.batches += 1;
        if ready.must_sync() {
            self.journal.sync()?;
            self.syncs += 1;
        }
        self.raft.mut_store().append(&batch.entries);
        self.journaled = hard_state;
        Ok(())
    }

    /// What stops a node is known to be committed: it shall stop again when it is started again.
    fn remember_if_fatal(&mut self, applied: &Result<(), Fatal>) -> Result<(), Fatal> {
        if applied.is_ok() {
            return Ok(());
        }
        let hard_state = Some(self.raft.raft.hard_state());
        self.journal.append(&Batch { entries: Vec::new(), hard_state })?;
        Ok(self.journal.sync()?)
    }

    fn apply<O: Outputs>(&mut self, entries: Vec<Entry>, outputs: &mut O) -> Result<(), Fatal> {
        for entry in entries {
            let position = Position { index: entry.index, term: entry.term };
            self.checkpoints.note_applied(entry.data.len() + entry.context.len());
            match entry.get_entry_type() {
                // The entry with which a leader opens its term.
                EntryType::EntryNormal if entry.data.is_empty() => (),
                EntryType::EntryNormal => self.apply_bytes(position, &entry.data, outputs)?,
                // The entry with which a leader ends a joint change.
                EntryType::EntryConfChangeV2 if entry.context.is_empty() => {
                    if self.is_joint() {
                        self.apply_command(position, Command::LeaveJoint, outputs)?;
                    }
                }
                EntryType::EntryConfChangeV2 => {
                    self.apply_bytes(position, &entry.context, outputs)?;
                }
                EntryType::EntryConfChange => {
                    return Err(Fatal::UnknownEntry { at: position, cause: None });
                }
            }
        }
        Ok(())
    }

    fn apply_bytes<O: Outputs>(
        &mut self,
        position: Position,
        bytes: &[u8],
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let command = Command::decode(bytes)
            .map_err(|cause| Fatal::UnknownEntry { at: position, cause: Some(cause) })?;
        self.apply_command(position, command, outputs)
    }

    fn apply_command<O: Outputs>(
        &mut self,
        position: Position,
        command: Command,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let applied = self.machine.apply(position, &command);
        let followed = self.follow(&command, &applied, outputs);
        let Applied { outcome, events } = applied;
        let waiter = self.waiters.settle(position).map(|ticket| (ticket, outcome.clone()));
        let command = Arc::new(command);
        outputs.give(Output::Applied { position, command, outcome, events }, &self.machine);
        if let Some((ticket, outcome)) = waiter {
            let answer = Answer::Applied { position, outcome };
            outputs.give(Output::Answer { ticket, answer }, &self.machine);
        }
        followed
    }

    fn send<O: Outputs>(&self, messages: Vec<Message>, outputs: &mut O) -> Result<(), Fatal> {
        for message in messages {
            let to = NodeId(message.to);
            let message = message.write_to_bytes().map_err(Fatal::Encode)?;
            outputs.give(Output::Send { to, message }, &self.machine);
        }
        Ok(())
    }

    /// What the entry that did `applied` means for this node itself: whether it goes on, and how.
    fn follow<O: Outputs>(
        &mut self,
        command: &Command,
        applied: &Applied,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        self.follow_members(command, applied, outputs)?;
        self.check_version()?;
        self.vouch(command, applied, outputs)
    }
}
