//! Should another node lead, and which? A leader whose disk is slow or whose clock is wrong holds up
//! everybody, and any caught-up voter does better.

use std::time::Duration;

use super::clock_yield::ClockYield;
use super::slow_disk::SlowDisk;
use crate::node::{NodeId, NodeStatus, Seat};

/// For how long a leader that tried to hand over does not try again: where all are slow, the
/// leadership must not go round.
const REST: Duration = Duration::from_secs(60);
/// A successor lacks at most so many entries of the leader's log.
const MAX_BEHIND: u64 = 10_000;

/// What a leader watches of itself.
#[derive(Debug, Default)]
pub struct HandOver {
    /// How long its writes take.
    pub disk: SlowDisk,
    /// How its clock compares.
    pub clock: ClockYield,
    tried: Option<Duration>,
}

impl HandOver {
    /// Whether it may try to hand over `now`.
    #[must_use]
    pub fn is_rested(&self, now: Duration) -> bool {
        self.tried.is_none_or(|tried| now >= tried + REST)
    }

    /// It tried.
    pub fn tried(&mut self, now: Duration) {
        self.tried = Some(now);
    }

    /// Forgets what was seen in the term before. When it last tried stays.
    pub fn begin_term(&mut self) {
        self.disk.clear();
        self.clock.clear();
    }
}

/// The voter that should lead instead: of those that `may`, the one that holds most of the log.
#[must_use]
pub fn successor(status: &NodeStatus, may: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let able = status.peers.iter().filter(|&(&node, peer)| {
        let votes = match peer.seat {
            Seat::Voter => true,
            Seat::Learner => false,
        };
        let is_near = peer.matched.saturating_add(MAX_BEHIND) >= status.last_index;
        votes && peer.recently_active && is_near && may(node)
    });
    able.max_by_key(|&(&node, peer)| (peer.matched, std::cmp::Reverse(node))).map(|(&node, _)| node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{PeerStatus, Role};

    fn peer(seat: Seat, matched: u64, recently_active: bool) -> PeerStatus {
        PeerStatus { seat, matched, recently_active, pending_snapshot: None }
    }

    /// A leader that is node 1 and knows nobody.
    fn alone() -> NodeStatus {
        NodeStatus {
            id: NodeId(1),
            term: 1,
            leader: Some(NodeId(1)),
            role: Role::Leader,
            commit: 0,
            applied: 0,
            last_index: 0,
            first_index: 1,
            checkpoint: 0,
            members: [].into(),
            peers: [].into(),
            pull: None,
            waiting: 0,
            batches: 0,
            syncs: 0,
            ignored: 0,
            mismatches: 0,
            installed: 0,
        }
    }

    /// Who follows a leader whose log ends at 20,000 and who has these peers, numbered from 2.
    fn check(peers: &[PeerStatus], expected: Option<u64>) {
        let mut status = alone();
        status.last_index = 20_000;
        status.peers = (2..).map(NodeId).zip(peers.iter().copied()).collect();
        assert_eq!(successor(&status, |_| true), expected.map(NodeId), "{peers:?}");
    }

    #[test]
    fn the_most_caught_up_active_voter_follows() {
        let voter = |matched, active| peer(Seat::Voter, matched, active);
        check(&[voter(19_000, true), voter(19_999, true)], Some(3));
        check(&[voter(20_000, true), voter(20_000, true)], Some(2));
        check(&[voter(19_000, true), voter(20_000, false)], Some(2));
        check(&[voter(19_000, true), peer(Seat::Learner, 20_000, true)], Some(2));
        check(&[voter(10_000, true), voter(9_999, true)], Some(2));
        check(&[voter(9_999, true)], None);
        check(&[], None);
    }

    #[test]
    fn only_those_that_may_follow_do() {
        let mut status = alone();
        status.peers = [2, 3].map(|id| (NodeId(id), peer(Seat::Voter, 0, true))).into();
        assert_eq!(successor(&status, |node| node == NodeId(3)), Some(NodeId(3)));
        assert_eq!(successor(&status, |_| false), None);
    }

    #[test]
    fn a_leader_that_tried_rests_before_it_tries_again_in_whichever_term() {
        let mut hand_over = HandOver::default();
        assert!(hand_over.is_rested(Duration::ZERO));
        hand_over.tried(Duration::from_secs(5));
        hand_over.begin_term();
        assert!(!hand_over.is_rested(Duration::from_millis(64_999)));
        assert!(hand_over.is_rested(Duration::from_secs(65)));
    }
}
