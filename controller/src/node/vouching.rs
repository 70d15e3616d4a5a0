//! Has this node the same state as the others? It says its hash now and then, remembers it, and stops
//! once the voters' words say otherwise.

use std::collections::BTreeMap;

use super::{Fatal, Node, NodeId, Output, Outputs};
use crate::journal::Journal;
use crate::machine::vouches::MAX_VOUCHED_INDEXES;
use crate::machine::{Applied, Command};

/// Own hashes that are remembered: more than the machine keeps words of, since words come late.
const MAX_REMEMBERED: usize = 4 * MAX_VOUCHED_INDEXES;

/// What this node would vouch for.
#[derive(Debug)]
pub(super) struct Vouching {
    /// Its own hashes, by index.
    own: BTreeMap<u64, [u8; 32]>,
    /// Entries up to this index are applied again after a start; it said its word before.
    said_until: u64,
    /// Words of other nodes that were not this node's own.
    pub(super) mismatches: u64,
}

impl Vouching {
    /// Entries up to `said_until` will be replayed.
    pub(super) fn new(said_until: u64) -> Self {
        Self { own: BTreeMap::new(), said_until, mismatches: 0 }
    }

    /// The state was replaced by one that others vouch for.
    pub(super) fn forget(&mut self) {
        self.own.clear();
    }
}

impl<J: Journal> Node<J> {
    /// Says this node's hash where one is due, and compares its hashes with what `command` told.
    pub(super) fn vouch<O: Outputs>(
        &mut self,
        command: &Command,
        applied: &Applied,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        if self.machine.vouch_is_due(applied) {
            let (index, hash) = (self.machine.applied(), self.machine.state_hash());
            self.vouching.own.insert(index, hash);
            if self.vouching.own.len() > MAX_REMEMBERED {
                self.vouching.own.pop_first();
            }
            if index > self.vouching.said_until {
                outputs.give(Output::Vouch { index, hash }, &self.machine);
            }
        }
        let Command::VouchState(vouch) = command else { return Ok(()) };
        let Some(own) = self.vouching.own.get(&vouch.index) else { return Ok(()) };
        self.vouching.mismatches += u64::from(*own != vouch.hash);
        match self.machine.diverged(vouch.index, *own) {
            Some(divergence) => Err(Fatal::Diverged { id: NodeId(self.raft.raft.id), divergence }),
            None => Ok(()),
        }
    }
}
