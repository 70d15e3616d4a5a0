//! What does one replica do next? Raft around the machine, without network, clock, thread or logger.
//!
//! The runtime and the simulator drive the same type: give [`Node::step`] a batch of [`Input`]s,
//! carry out the [`Output`]s in order. A whole batch of proposals costs one append and one sync.
//! Nothing in here waits, and a seed gives the same run twice.

mod admission;
mod config;
mod election;
mod io;
mod raft_loop;
mod status;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::BTreeSet;

use raft::eraftpb::{ConfState, HardState};
use raft::storage::MemStorage;
use raft::{RawNode, StateRole};

use crate::journal::{Batch, Journal, JournalFailed, MAX_ENTRY_BYTES, Recovered};
use crate::machine::{Command, Machine, Position, UnknownEntry};
use config::MAX_UNCOMMITTED_AGENT_BYTES;
use election::ElectionClock;
use waiters::Waiters;

pub use crate::machine::ids::NodeId;
pub use admission::{MAX_PEER_MESSAGE_BYTES, Refused};
pub use config::NodeConfig;
pub use election::SplitMix64;
pub use io::{Answer, Input, Leadership, Output};
pub use status::{NodeStatus, PeerStatus, Role};

/// Why a node had to stop. There is no way on; restart it from its journal.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The configuration contradicts itself.
    #[error("could not start the node: {0}; correct the configuration")]
    Config(String),
    /// The journal was written under another membership.
    #[error(
        "could not start the node: the journal says that the voters are {journal:?}, the \
         configuration says {config:?}; configure the members that the cluster was made with"
    )]
    Members {
        /// The voters in the journal.
        journal: Vec<u64>,
        /// The voters in the configuration.
        config: Vec<u64>,
    },
    /// The disk failed.
    #[error("could not write before speaking")]
    Journal(#[from] JournalFailed),
    /// Raft refused its own state.
    #[error("could not go on with the recovered raft state")]
    Raft(#[from] raft::Error),
    /// A committed entry is of a kind that this binary does not know.
    #[error(
        "could not apply log entry {} of term {}: this binary does not know its kind; start the \
         newer binary that wrote it", .at.index, .at.term
    )]
    UnknownEntry {
        /// The entry's place.
        at: Position,
        /// Why it did not decode; `None` for an entry that is no command.
        #[source]
        cause: Option<UnknownEntry>,
    },
    /// An outgoing message could not be encoded.
    #[error("could not encode a raft message")]
    Encode(#[source] protobuf::ProtobufError),
}

/// One voter.
pub struct Node<J> {
    raft: RawNode<MemStorage>,
    voters: BTreeSet<NodeId>,
    journal: J,
    machine: Machine,
    election: ElectionClock,
    waiters: Waiters,
    /// The hard state that the journal was last given.
    journaled: HardState,
    /// What the outputs last said.
    told: Leadership,
    batches: u64,
    syncs: u64,
    ignored: u64,
}

impl<J: Journal> Node<J> {
    /// Starts or restarts a voter from what its journal held. The machine must be new: the first
    /// [`Node::step`] replays to it what is known to be committed, and the rest follows when a
    /// leader says so.
    ///
    /// # Errors
    ///
    /// [`Fatal`] for a configuration or a recovered state that is none.
    pub fn open(
        config: NodeConfig,
        mut journal: J,
        recovered: Recovered,
        machine: Machine,
    ) -> Result<Self, Fatal> {
        let raft_config = config.check()?;
        let voters: Vec<u64> = config.voters.iter().map(|voter| voter.0).collect();
        let is_new = recovered.conf_state.is_none();
        let conf_state = match recovered.conf_state {
            Some(conf_state) if conf_state.voters == voters => conf_state,
            Some(ConfState { voters: journal, .. }) => {
                return Err(Fatal::Members { journal, config: voters });
            }
            None => ConfState::from((voters, Vec::new())),
        };
        if is_new {
            let conf_state = Some(conf_state.clone());
            journal.append(&Batch { conf_state, ..Batch::default() })?;
            journal.sync()?;
        }
        let storage = MemStorage::new_with_conf_state(conf_state);
        storage.wl().append(&recovered.entries)?;
        storage.wl().set_hardstate(recovered.hard_state.clone());
        let mut node = Self {
            raft: RawNode::new(&raft_config, storage, &config.logger)?,
            election: ElectionClock::new(&config),
            voters: config.voters,
            journal,
            machine,
            waiters: Waiters::default(),
            told: Leadership { term: recovered.hard_state.term, leader: None },
            journaled: recovered.hard_state,
            batches: u64::from(is_new),
            syncs: u64::from(is_new),
            ignored: 0,
        };
        node.election.pin(&mut node.raft);
        Ok(node)
    }

    /// Handles `inputs` to completion: they share one append and one sync. What an output promises
    /// is durable before the output is given out. Pass a `&mut Vec<Output>`, or something that
    /// carries each output out at once: a leader's messages come before its own sync.
    ///
    /// # Errors
    ///
    /// [`Fatal`]: carry out the outputs given so far, and drop the node.
    pub fn step<O: Extend<Output>>(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        for input in inputs {
            self.take(input, outputs);
            self.election.pin(&mut self.raft);
        }
        while self.raft.has_ready() {
            self.carry_out_ready(outputs)?;
        }
        self.tell_leadership(outputs);
        Ok(())
    }

    /// Whether this node believes that it leads.
    pub fn leads(&self) -> bool {
        self.raft.raft.state == StateRole::Leader
    }

    /// Who leads, as far as this node knows.
    pub fn leadership(&self) -> Leadership {
        let leader = match self.raft.raft.leader_id {
            raft::INVALID_ID => None,
            leader => Some(NodeId(leader)),
        };
        Leadership { term: self.raft.raft.term, leader }
    }

    /// The index of the last entry that the machine has applied.
    pub fn applied(&self) -> u64 {
        self.raft.raft.raft_log.applied()
    }

    /// The replicated state as of [`Node::applied`].
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// How often the journal was synced since the node was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// How many batches the journal took since the node was opened.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// Stops the node and gives its disk back.
    pub fn into_journal(self) -> J {
        self.journal
    }

    fn take<O: Extend<Output>>(&mut self, input: Input, outputs: &mut O) {
        match input {
            Input::Tick => {
                self.raft.tick();
            }
            Input::Peer(bytes) => self.take_message(&bytes, outputs),
            Input::Propose { ticket, command } => self.propose(ticket, &command, outputs),
            Input::Unreachable(peer) => self.raft.report_unreachable(peer.0),
        }
    }

    fn take_message<O: Extend<Output>>(&mut self, bytes: &[u8], outputs: &mut O) {
        let stepped = admission::admit(bytes, &self.raft, &self.voters)
            .and_then(|message| Ok(self.raft.step(message)?));
        if let Err(why) = stepped {
            self.ignored += 1;
            outputs.extend([Output::Ignored { why }]);
        }
    }

    fn propose<O: Extend<Output>>(&mut self, ticket: u64, command: &Command, outputs: &mut O) {
        let mut refuse = |answer| outputs.extend([Output::Answer { ticket, answer }]);
        if !self.leads() {
            return refuse(Answer::NotLeader { leader: self.leadership().leader });
        }
        let entry = command.encode();
        if entry.len() > MAX_ENTRY_BYTES {
            return refuse(Answer::TooLarge { bytes: entry.len() });
        }
        let uncommitted = self.raft.raft.uncommitted_size().saturating_add(entry.len());
        if !may_use_reserve(command) && uncommitted > MAX_UNCOMMITTED_AGENT_BYTES {
            return refuse(Answer::Busy);
        }
        if self.raft.propose(Vec::new(), entry).is_err() {
            return refuse(Answer::Busy);
        }
        let index = self.raft.raft.raft_log.last_index();
        self.waiters.wait(Position { index, term: self.raft.raft.term }, ticket);
    }

    /// Says what changed, and lets go of everybody who waits for another term's entry: whether
    /// such an entry lives on is the next leader's secret.
    fn tell_leadership<O: Extend<Output>>(&mut self, outputs: &mut O) {
        let leadership = self.leadership();
        let leading_term = self.leads().then_some(leadership.term);
        for ticket in self.waiters.abandon_unless(leading_term) {
            outputs.extend([Output::Answer { ticket, answer: Answer::Unknown }]);
        }
        if leadership != self.told {
            self.told = leadership;
            outputs.extend([Output::LeadershipChanged(leadership)]);
        }
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
