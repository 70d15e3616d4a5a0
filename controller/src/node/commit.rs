//! When does a leader tell the others what is committed? With the entries of the same step, if there are
//! any; raft alone would send a message of its own each time, and a follower would answer it.

use super::Node;
use crate::journal::Journal;
use crate::machine::Position;

impl<J: Journal> Node<J> {
    /// Has raft keep a new commit index to itself for now. Answers what was known before.
    pub(super) fn hold_commit(&mut self) -> Told {
        self.raft.skip_bcast_commit(true);
        self.told()
    }

    /// Tells the others of a new commit index, unless entries that were appended since `before` have
    /// told it.
    pub(super) fn tell_commit(&mut self, before: Told) {
        self.raft.skip_bcast_commit(false);
        let now = self.told();
        if self.leads() && now.commit > before.commit && now.last == before.last {
            self.raft.raft.bcast_append();
        }
    }

    fn told(&self) -> Told {
        let log = &self.raft.raft.raft_log;
        let last = Position { index: log.last_index(), term: self.raft.raft.term };
        Told { commit: log.committed, last }
    }
}

/// How far the log went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    commit: u64,
    /// Its last index, and the node's term.
    last: Position,
}
