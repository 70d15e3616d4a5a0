//! Does a peer that was offered a snapshot get on with it? The leader's side.

use std::collections::BTreeMap;

use raft::{ProgressState, SnapshotStatus};

use super::Node;
use crate::journal::Journal;

/// Ticks after which a peer that still has not taken a snapshot is offered the newest one.
const OFFER_AGAIN_AFTER: u64 = 100;

/// Since how many ticks each peer is busy with a snapshot.
#[derive(Debug, Default)]
pub(super) struct Offers {
    busy: BTreeMap<u64, u64>,
}

impl<J: Journal> Node<J> {
    /// A tick passed: peers that were offered a snapshot long ago are given up on, and raft offers
    /// them another. The offer or its answer was lost, or its pieces are nowhere to be had any more.
    pub(super) fn note_busy_peers(&mut self) {
        let progress = self.raft.raft.prs().iter();
        let busy: Vec<u64> = progress
            .filter(|(_, peer)| peer.state == ProgressState::Snapshot)
            .map(|(&id, _)| id)
            .collect();
        if !self.leads() || busy.is_empty() {
            return self.offers.busy.clear();
        }
        self.offers.busy.retain(|id, _| busy.contains(id));
        for id in busy {
            let ticks = self.offers.busy.entry(id).or_default();
            *ticks += 1;
            if *ticks >= OFFER_AGAIN_AFTER {
                *ticks = 0;
                self.raft.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }

    /// Raft would offer a snapshot again and again to a peer that asked for one and is busy with it.
    pub(super) fn forget_served_wishes(&mut self) {
        if !self.leads() {
            return;
        }
        for (_, peer) in self.raft.raft.mut_prs().iter_mut() {
            if peer.state == ProgressState::Snapshot {
                peer.pending_request_snapshot = raft::INVALID_INDEX;
            }
        }
    }
}
