//! What does one replica do next? Raft around the machine, without network, clock, thread or logger.
//!
//! The runtime and the simulator drive the same type: give [`Node::step`] a batch of [`Input`]s,
//! carry out the [`Output`]s in order. A whole batch of proposals costs one append and one sync.
//! Nothing in here waits, and a seed gives the same run twice.

mod admission;
mod checkpoints;
mod commit;
mod config;
mod election;
mod fatal;
mod hearing;
mod io;
mod log_store;
mod membership;
mod offers;
mod proposals;
mod pull;
mod raft_loop;
mod reads;
mod snapshots;
mod status;
#[cfg(test)]
mod tests;
mod vouching;
mod waiters;

use std::sync::Arc;

use raft::eraftpb::{ConfState, HardState, MessageType};
use raft::{RawNode, StateRole};

use crate::journal::{Checkpoint, Journal, Recovered};
use crate::machine::Machine;
use crate::machine::frozen::PieceHash;
use checkpoints::Checkpoints;
use election::ElectionClock;
use hearing::Hearing;
use log_store::LogStore;
use membership::Lingering;
use offers::Offers;
use proposals::Proposals;
use pull::Pull;
use reads::Reads;
use vouching::Vouching;
use waiters::Waiters;

pub use crate::machine::ids::NodeId;
pub use admission::{MAX_PEER_MESSAGE_BYTES, Refused};
pub use config::{CHECKPOINT_BYTES, CHECKPOINT_ENTRIES, NodeConfig};
pub use election::SplitMix64;
pub use fatal::Fatal;
pub use io::{Answer, Input, Leadership, Output, Outputs, Room};
pub use membership::MAX_PROMOTION_LAG;
pub use status::{NodeStatus, PeerStatus, PullStatus, Role, Seat};

/// The index that a joining node asks the first leader it hears for a state of: the first there is.
const ANY_STATE: u64 = 1;

/// One replica: it votes, or follows as a learner, or waits to be added.
pub struct Node<J> {
    raft: RawNode<LogStore>,
    config: NodeConfig,
    journal: J,
    machine: Machine,
    election: ElectionClock,
    waiters: Waiters,
    reads: Reads,
    checkpoints: Checkpoints,
    pull: Option<Pull>,
    offers: Offers,
    hearing: Hearing,
    proposals: Proposals,
    vouching: Vouching,
    lingering: Option<Lingering>,
    /// Ticks since the node was opened.
    ticks: u64,
    /// The hard state that the journal was last given.
    journaled: HardState,
    /// What the outputs last said.
    told: Leadership,
    batches: u64,
    syncs: u64,
    ignored: u64,
    installed: u64,
}

impl<J: Journal> Node<J> {
    /// Starts or restarts a node from what its journal held. The first [`Node::step`] replays what
    /// is known to be committed before it looks at its inputs, and the rest follows when a leader
    /// says so.
    ///
    /// # Errors
    ///
    /// [`Fatal`] for a configuration or a recovered state that is none, and for a node that has left
    /// its cluster.
    pub fn open(
        config: NodeConfig,
        mut journal: J,
        mut recovered: Recovered,
    ) -> Result<Self, Fatal> {
        config.check()?;
        let checkpoint = match recovered.checkpoint.take() {
            Some(checkpoint) => checkpoint,
            None => found(&config, &mut journal)?,
        };
        let (machine, pieces) = checkpoints::thaw(&journal, &checkpoint)?;
        let HardState { term, commit, .. } = recovered.hard_state;
        let life = term.rotate_left(32) ^ commit ^ recovered.last_index().rotate_left(16);
        let applied = checkpoint.index;
        let journaled = recovered.hard_state.clone();
        let members = checkpoint.conf_state.clone();
        let store = LogStore::new(checkpoint, recovered)?;
        let mut node = Self {
            raft: RawNode::new(&config.raft(applied)?, store, &config.logger)?,
            journal,
            machine,
            election: ElectionClock::new(&config),
            waiters: Waiters::default(),
            reads: Reads::new(&config, life),
            checkpoints: Checkpoints::new(&config, pieces),
            pull: None,
            offers: Offers::default(),
            hearing: Hearing::default(),
            proposals: Proposals::default(),
            vouching: Vouching::new(commit),
            lingering: None,
            ticks: 0,
            journaled,
            told: Leadership { term, leader: None },
            batches: 0,
            syncs: 0,
            ignored: 0,
            installed: 0,
            config,
        };
        node.take_seat(&members)?;
        node.check_version()?;
        node.election.pin(&mut node.raft);
        Ok(node)
    }

    /// A node without a cluster asks for a state, since no log that it could be sent says who founded
    /// the cluster.
    fn take_seat(&mut self, members: &ConfState) -> Result<(), Fatal> {
        let id = self.raft.raft.id;
        if members.voters.is_empty() {
            self.raft.raft.pending_request_snapshot = ANY_STATE;
        } else if !log_store::names(members, id) {
            return Err(Fatal::Removed { id: NodeId(id), at: self.machine.applied() });
        }
        Ok(())
    }

    /// Handles `inputs` to completion: they share one append and one sync. What an output promises
    /// is durable before the output is given out. Pass a `&mut Vec<Output>`, or something that
    /// carries each output out at once: a leader's messages come before its own sync.
    ///
    /// # Errors
    ///
    /// [`Fatal`]: carry out the outputs given so far, and drop the node.
    pub fn step<O: Outputs>(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        self.settle(outputs)?; // At the first step: the replay.
        let before = self.hold_commit();
        for input in inputs {
            if !matches!(input, Input::Propose { .. }) {
                self.append_proposals(outputs);
            }
            if self.must_write_before(&input) {
                self.settle(outputs)?;
            }
            self.take(input, outputs);
            self.election.pin(&mut self.raft);
        }
        self.append_proposals(outputs);
        self.tell_commit(before);
        self.go_on_with_pull(outputs)?;
        self.begin_reads();
        self.settle(outputs)?;
        self.go_on_with_checkpoint()?;
        self.settle_reads(outputs);
        let stays = self.go_if_left();
        self.tell_leadership(outputs);
        stays
    }

    /// Carries out what raft has to write, send and apply, until nothing is left.
    fn settle<O: Outputs>(&mut self, outputs: &mut O) -> Result<(), Fatal> {
        while self.raft.has_ready() {
            self.forget_served_wishes();
            self.carry_out_ready(outputs)?;
        }
        Ok(())
    }

    /// A lone voter elects itself at a tick, and raft wants its log on the disk by then.
    fn must_write_before(&self, input: &Input) -> bool {
        let raft = &self.raft.raft;
        matches!(input, Input::Tick)
            && !raft.raft_log.unstable_entries().is_empty()
            && raft.prs().is_singleton()
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

    /// Does something to the state that no log entry did.
    #[cfg(test)]
    fn tamper(&mut self, how: impl FnOnce(&mut Machine)) {
        how(&mut self.machine);
    }

    /// Stops the node and gives its disk back.
    pub fn into_journal(self) -> J {
        self.journal
    }

    /// A piece of a state that this node offers to others, checked against its hash; `None` if it is
    /// not here.
    ///
    /// # Errors
    ///
    /// [`Fatal`]: the disk failed.
    pub fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, Fatal> {
        Ok(self.journal.piece(hash)?)
    }

    fn take<O: Outputs>(&mut self, input: Input, outputs: &mut O) {
        match input {
            Input::Tick => {
                self.ticks += 1;
                self.reads.tick();
                self.note_busy_peers();
                self.raft.tick();
            }
            Input::Peer(bytes) => self.take_message(&bytes, outputs),
            Input::Propose { ticket, command } => self.propose(ticket, &command, outputs),
            Input::Unreachable(peer) => self.raft.report_unreachable(peer.0),
            Input::Read { ticket } => self.reads.wait(ticket),
            Input::TransferLeader { to } => self.transfer_leader(to),
            Input::Pieces { pieces } => self.take_pieces(pieces, outputs),
            Input::Room(room) => self.checkpoints.room = room,
        }
    }

    fn take_message<O: Outputs>(&mut self, bytes: &[u8], outputs: &mut O) {
        let removed = self.machine.cluster().map(|cluster| &cluster.removed);
        let stepped = admission::admit(bytes, &self.raft, removed).and_then(|message| {
            self.note_heard(message.from);
            if message.get_msg_type() == MessageType::MsgSnapshot {
                return self.take_snapshot(message);
            }
            Ok(self.raft.step(message)?)
        });
        if let Err(why) = stepped {
            self.ignore(why, outputs);
        }
    }

    fn ignore<O: Outputs>(&mut self, why: Refused, outputs: &mut O) {
        self.ignored += 1;
        outputs.give(Output::Ignored { why }, &self.machine);
    }

    /// Stops a node that would not understand what the cluster may write from here on.
    fn check_version(&self) -> Result<(), Fatal> {
        let (cluster_version, speaks) = (self.machine.version(), self.config.speaks.newest);
        if cluster_version > speaks {
            return Err(Fatal::TooNew { cluster_version, speaks });
        }
        Ok(())
    }

    /// Begins a round for whoever waits to read, where it is time for one.
    fn begin_reads(&mut self) {
        if self.leadership() != self.told {
            self.reads.forget_rounds();
        }
        if let Some(name) = self.reads.begin_round() {
            self.raft.read_index(name);
        }
    }

    fn settle_reads<O: Outputs>(&mut self, outputs: &mut O) {
        let answers = self.reads.settle(self.applied(), self.leadership());
        for (ticket, answer) in answers {
            outputs.give(Output::Answer { ticket, answer }, &self.machine);
        }
    }

    /// Says what changed, and lets go of everybody who waits for another term's entry: whether
    /// such an entry lives on is the next leader's secret.
    fn tell_leadership<O: Outputs>(&mut self, outputs: &mut O) {
        let leadership = self.leadership();
        let leading_term = self.leads().then_some(leadership.term);
        for ticket in self.waiters.abandon_unless(leading_term) {
            outputs.give(Output::Answer { ticket, answer: Answer::Unknown }, &self.machine);
        }
        if leadership != self.told {
            self.told = leadership;
            outputs.give(Output::LeadershipChanged(leadership), &self.machine);
        }
    }
}

/// The first checkpoint of a new journal: the machine before its first entry, and the founders.
fn found<J: Journal>(config: &NodeConfig, journal: &mut J) -> Result<Checkpoint, Fatal> {
    let voters = config.initial_voters.iter().map(|voter| voter.0);
    let conf_state = ConfState::from((voters, []));
    let checkpoint = Checkpoint { index: 0, term: 0, conf_state, root: Arc::from([]) };
    journal.checkpoint(&checkpoint)?;
    Ok(checkpoint)
}
