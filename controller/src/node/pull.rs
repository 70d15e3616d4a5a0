//! How does a node take in a state that it is too far behind to reach by entries?
//!
//! The leader's message names the state and is held here until every piece of it is on this node's
//! disk: those that the journal or this node's own state has, and the rest from any peer. Only then
//! does raft see the message. A change of leader costs nothing that is stored already.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use raft::eraftpb::{Message, Snapshot};

use super::checkpoints::{self, Pieces};
use super::{Fatal, Node, NodeId, Output, Outputs, PullStatus, Refused};
use crate::journal::{Checkpoint, Journal};
use crate::machine::frozen::{PieceHash, named_by};

/// Most pieces that one question asks for.
const MAX_ASKED: usize = 64;
/// Most names that one step looks for on this node.
const MAX_LOOKED_FOR: usize = 1_024;
/// Most bytes of pieces that one step reads from this node's disk.
const MAX_READ_BYTES: usize = 4 * 1024 * 1024;

/// Ticks that a peer has to answer before another one is asked.
const ASK_AGAIN_AFTER: u64 = 20;
/// Ticks before another one is asked where a peer had nothing to give.
const ASK_ANOTHER_AFTER: u64 = 2;

/// How deep below the root a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The root names it, and it may name others.
    First,
    /// A page names it, and it names none.
    Second,
}

/// A state that is being taken in.
#[derive(Debug)]
pub(super) struct Pull {
    /// What raft will see.
    message: Message,
    root: Vec<u8>,
    /// The pieces of this node's own state.
    own: BTreeMap<PieceHash, Arc<[u8]>>,
    /// Every name that was met.
    named: BTreeSet<PieceHash>,
    /// Names that were not looked for yet.
    unseen: VecDeque<(PieceHash, Depth)>,
    /// Pieces that only peers have.
    missing: BTreeMap<PieceHash, Depth>,
    /// Pieces that are here and not on the disk.
    unstored: Pieces,
    /// Who may have them, and whose turn it is to be asked.
    peers: VecDeque<NodeId>,
    /// The tick until which an open question may be answered.
    asked_until: Option<u64>,
}

impl Pull {
    fn index(&self) -> u64 {
        self.message.get_snapshot().get_metadata().index
    }

    /// The newest offer counts; at equal terms the newer state.
    fn yields_to(&self, message: &Message) -> bool {
        let index = message.get_snapshot().get_metadata().index;
        (message.term, index) >= (self.message.term, self.index())
    }

    fn name(&mut self, names: Vec<PieceHash>, depth: Depth) {
        let new = names.into_iter().filter(|name| self.named.insert(*name));
        self.unseen.extend(new.map(|name| (name, depth)));
    }

    /// A piece was found: whatever it names is wanted too.
    fn open(&mut self, piece: &[u8], depth: Depth) -> Result<(), &'static str> {
        let names = named_by(piece).map_err(|_| "its state names what is no piece")?;
        match depth {
            Depth::First => self.name(names, Depth::Second),
            Depth::Second if names.is_empty() => (),
            Depth::Second => return Err("its state is nested deeper than any"),
        }
        Ok(())
    }

    /// Takes in a peer's piece, and says whether it was missing.
    fn take(&mut self, piece: Vec<u8>) -> Result<bool, &'static str> {
        let hash = PieceHash::of(&piece);
        let Some(depth) = self.missing.remove(&hash) else { return Ok(false) };
        self.open(&piece, depth)?;
        self.unstored.push_back((hash, piece.into()));
        Ok(true)
    }

    /// The next question, if it is time for one.
    fn ask(&mut self, now: u64) -> Option<Output> {
        let is_open = self.asked_until.is_some_and(|until| now < until);
        if self.missing.is_empty() || !self.unstored.is_empty() || is_open {
            return None;
        }
        if self.asked_until.is_some() {
            self.peers.rotate_left(1);
        }
        self.asked_until = Some(now + ASK_AGAIN_AFTER);
        let from = *self.peers.front()?;
        let hashes = self.missing.keys().take(MAX_ASKED).copied().collect();
        Some(Output::FetchPieces { from, hashes })
    }

    fn is_complete(&self) -> bool {
        self.unseen.is_empty() && self.missing.is_empty() && self.unstored.is_empty()
    }

    pub(super) fn status(&self) -> PullStatus {
        let away = self.unseen.len() + self.missing.len() + self.unstored.len();
        PullStatus {
            index: self.index(),
            stored: self.named.len() - away,
            missing: self.missing.len(),
        }
    }
}

impl<J: Journal> Node<J> {
    /// A leader offers its state. It is held while its pieces are fetched, unless raft does not need
    /// it or has a better one.
    pub(super) fn take_snapshot(&mut self, message: Message) -> Result<(), Refused> {
        if !self.needs_snapshot(&message) {
            return self.pass_on(message);
        }
        if let Some(pull) = &mut self.pull {
            if !pull.yields_to(&message) {
                return Ok(());
            }
            if pull.root == message.get_snapshot().data[..] {
                pull.message = message;
                return Ok(());
            }
        }
        self.checkpoints.give_up();
        self.pull = Some(self.begin_pull(message)?);
        Ok(())
    }

    /// Hands on a snapshot that raft will not take: no correct leader has another entry at the commit
    /// index, and raft would believe it.
    fn pass_on(&mut self, message: Message) -> Result<(), Refused> {
        let log = &self.raft.raft.raft_log;
        let metadata = message.get_snapshot().get_metadata();
        if metadata.index == log.committed && !log.match_term(metadata.index, metadata.term) {
            let what = "its snapshot contradicts a committed entry";
            return Err(Refused::Impossible { from: message.from, what });
        }
        Ok(self.raft.step(message)?)
    }

    /// Raft answers by itself where it has all entries of the snapshot, or follows a newer leader.
    fn needs_snapshot(&self, message: &Message) -> bool {
        let raft = &self.raft.raft;
        let metadata = message.get_snapshot().get_metadata();
        let is_new = message.term >= raft.term && metadata.index > raft.raft_log.committed;
        let has_log = raft.pending_request_snapshot == raft::INVALID_INDEX
            && raft.raft_log.match_term(metadata.index, metadata.term);
        is_new && !has_log
    }

    fn begin_pull(&self, message: Message) -> Result<Pull, Refused> {
        let from = message.from;
        let snapshot = message.get_snapshot();
        let root = snapshot.data.to_vec();
        let impossible = |what| Refused::Impossible { from, what };
        let conf_state = snapshot.get_metadata().get_conf_state();
        let peers = conf_state.voters.iter().chain(&conf_state.learners);
        let others = peers.filter(|&&id| id != from && id != self.raft.raft.id);
        let peers = std::iter::once(&from).chain(others).map(|&id| NodeId(id)).collect();
        let names = named_by(&root).map_err(|_| impossible("its state is no root"))?;
        let mut pull = Pull {
            own: self.machine.freeze().pieces().collect(),
            named: BTreeSet::new(),
            unseen: VecDeque::new(),
            missing: BTreeMap::new(),
            unstored: Pieces::new(),
            peers,
            asked_until: None,
            root,
            message,
        };
        pull.name(names, Depth::First);
        Ok(pull)
    }

    /// A peer answered.
    pub(super) fn take_pieces<O: Outputs>(&mut self, pieces: Vec<Vec<u8>>, outputs: &mut O) {
        let Some(pull) = &mut self.pull else { return };
        let mut is_useful = false;
        for piece in pieces {
            match pull.take(piece) {
                Ok(was_missing) => is_useful |= was_missing,
                Err(what) => return self.refuse_pull(what, outputs),
            }
        }
        // Whoever had nothing to give is not asked again at once.
        let soon = self.ticks + ASK_ANOTHER_AFTER;
        pull.asked_until = pull.asked_until.filter(|_| !is_useful).map(|until| until.min(soon));
    }

    /// Goes on with the pull: looks around, writes a slice, asks, and hands the message to raft once
    /// nothing is missing.
    pub(super) fn go_on_with_pull<O: Outputs>(&mut self, outputs: &mut O) -> Result<(), Fatal> {
        let committed = self.raft.raft.raft_log.committed;
        if self.leads() || self.pull.as_ref().is_none_or(|pull| pull.index() <= committed) {
            self.pull = None;
            return Ok(());
        }
        if let Some(what) = self.look_around()? {
            self.refuse_pull(what, outputs);
            return Ok(());
        }
        let Some(pull) = &mut self.pull else { return Ok(()) };
        let slice = checkpoints::take_slice(&mut pull.unstored);
        if !slice.is_empty() {
            self.journal.store(&slice)?;
        }
        if let Some(ask) = pull.ask(self.ticks) {
            outputs.give(ask, &self.machine);
        }
        // A message of an older term would be lost on raft; the new leader will send another.
        if pull.is_complete() && pull.message.term >= self.raft.raft.term {
            let message = std::mem::take(&mut pull.message);
            self.pull = None;
            if let Err(error) = self.raft.step(message) {
                self.ignore(error.into(), outputs);
            }
            self.election.pin(&mut self.raft);
        }
        Ok(())
    }

    /// Looks for named pieces in this node's own state and on its disk. Whatever is in neither has
    /// to come from peers. Says what is wrong with the state, if anything is.
    fn look_around(&mut self) -> Result<Option<&'static str>, Fatal> {
        let Some(pull) = &mut self.pull else { return Ok(None) };
        let mut read = 0;
        for _ in 0..MAX_LOOKED_FOR {
            let Some((hash, depth)) = pull.unseen.pop_front() else { break };
            let is_stored = self.checkpoints.holds(&hash);
            if is_stored && depth == Depth::Second {
                continue;
            }
            let own = pull.own.get(&hash).cloned();
            let Some(piece) = own.map_or_else(|| self.journal.piece(&hash), |own| Ok(Some(own)))?
            else {
                pull.missing.insert(hash, depth);
                continue;
            };
            read += piece.len();
            let opened = pull.open(&piece, depth);
            if !is_stored {
                // What no checkpoint names may be let go: the journal shall know that it is wanted.
                pull.unstored.push_back((hash, piece));
            }
            if let Err(what) = opened {
                return Ok(Some(what));
            }
            if read > MAX_READ_BYTES {
                break;
            }
        }
        Ok(None)
    }

    fn refuse_pull<O: Outputs>(&mut self, what: &'static str, outputs: &mut O) {
        let Some(pull) = self.pull.take() else { return };
        self.ignore(Refused::Impossible { from: pull.message.from, what }, outputs);
    }

    /// Raft took a snapshot, and every piece of it is on the disk: from here on it is the state, and
    /// the log begins behind it.
    pub(super) fn install<O: Outputs>(
        &mut self,
        snapshot: &Snapshot,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let metadata = snapshot.get_metadata();
        let checkpoint = Checkpoint {
            index: metadata.index,
            term: metadata.term,
            conf_state: metadata.get_conf_state().clone(),
            root: Arc::from(&snapshot.data[..]),
        };
        let (machine, pieces) = checkpoints::thaw(&self.journal, &checkpoint)?;
        self.journal.checkpoint(&checkpoint)?;
        self.journal.reset_log()?;
        self.checkpoints.turn(pieces);
        self.vouching.forget();
        self.machine = machine;
        self.installed += 1;
        outputs.give(Output::Replaced { index: checkpoint.index }, &self.machine);
        self.raft.mut_store().replace(checkpoint);
        self.check_version()
    }
}
