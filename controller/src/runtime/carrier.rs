//! How are the node's outputs carried out? At once, in order: a leader's messages are on their way
//! before its own sync begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::inbox::Reply;
use super::outbound::{PiecesWanted, Vouch};
use super::reads::{ReadReply, Reads};
use super::sights::{See, Sights};
use super::tap::Tap;
use super::{AppliedEntry, Outbound, ProposeError};
use crate::machine::{Machine, Outcome, Position};
use crate::node::{Answer, Leadership, Output, Outputs};

/// Carries outputs out.
pub(super) struct Carrier {
    pub(super) outbound: Outbound,
    pub(super) entries: broadcast::Sender<Arc<AppliedEntry>>,
    pub(super) leadership: watch::Sender<Leadership>,
    /// The index of the last state that replaced the one before as a whole.
    pub(super) replaced: watch::Sender<u64>,
    pub(super) tap: Arc<Tap>,
    reads: Reads,
    sights: Sights,
    /// Who waits for an answer, by ticket.
    replies: BTreeMap<u64, Reply>,
    last_ticket: u64,
    /// The ticket of the runtime's own tick.
    tick: Option<u64>,
    tick_answer: Option<Answer>,
}

impl Carrier {
    pub(super) fn new(
        outbound: Outbound,
        entries: broadcast::Sender<Arc<AppliedEntry>>,
        leadership: watch::Sender<Leadership>,
    ) -> Self {
        Self {
            outbound,
            entries,
            leadership,
            replaced: watch::Sender::new(0),
            tap: Arc::default(),
            reads: Reads::default(),
            sights: Sights::default(),
            replies: BTreeMap::new(),
            last_ticket: 0,
            tick: None,
            tick_answer: None,
        }
    }

    /// A ticket whose answer goes to `reply`.
    pub(super) fn ticket_for(&mut self, reply: Reply) -> u64 {
        self.last_ticket += 1;
        self.replies.insert(self.last_ticket, reply);
        self.last_ticket
    }

    /// A ticket whose answer goes to all these readers.
    pub(super) fn ticket_for_readers(&mut self, readers: Vec<ReadReply>) -> u64 {
        self.last_ticket += 1;
        self.reads.wait(self.last_ticket, readers);
        self.last_ticket
    }

    /// A ticket whose answer [`Carrier::take_tick_answer`] gives.
    pub(super) fn ticket_for_tick(&mut self) -> u64 {
        self.last_ticket += 1;
        self.tick = Some(self.last_ticket);
        self.last_ticket
    }

    /// What became of the runtime's own tick, once it is known.
    pub(super) fn take_tick_answer(&mut self) -> Option<Answer> {
        self.tick_answer.take()
    }

    fn answer(&mut self, ticket: u64, answer: Answer, machine: &Machine) {
        if self.tick == Some(ticket) {
            self.tick = None;
            self.tick_answer = Some(answer);
            return;
        }
        let readable = readable_at(&answer);
        if self.reads.settle(ticket, readable) {
            return;
        }
        let Some(reply) = self.replies.remove(&ticket) else { return };
        reply(settled(answer), machine);
    }

    /// Has `see` look at the machine once the entry at `index` is applied.
    pub(super) fn see(&mut self, index: u64, see: See, machine: &Machine) {
        self.sights.wait(index, see, machine);
    }
}

impl Outputs for Carrier {
    fn give(&mut self, output: Output, machine: &Machine) {
        match output {
            Output::Send { to, message } => self.outbound.push(to, message),
            Output::Answer { ticket, answer } => self.answer(ticket, answer, machine),
            Output::Applied { position, command, outcome, events } => {
                self.sights.settle(machine);
                self.tap.note(machine, position, &events);
                let entry = AppliedEntry { position, command, outcome, events };
                // It fails where nobody listens, which is fine.
                drop(self.entries.send(Arc::new(entry)));
            }
            Output::LeadershipChanged(leadership) => {
                let leader = leadership.leader.map(|leader| leader.0);
                tracing::info!(term = leadership.term, leader, "leadership changed");
                self.leadership.send_replace(leadership);
            }
            Output::Replaced { index } => {
                tracing::info!(index, "state.replaced");
                self.replaced.send_replace(index);
                self.tap.note_replaced();
                self.sights.settle(machine);
            }
            Output::FetchPieces { from, hashes } => {
                self.outbound.want(PiecesWanted { from, hashes });
            }
            Output::Vouch { index, hash } => self.outbound.vouch(Vouch { index, hash }),
            Output::Ignored { why } => tracing::debug!(%why, "peer message dropped"),
        }
    }
}

/// What became of a proposal, for whoever made it.
pub(super) fn settled(answer: Answer) -> Result<(Position, Outcome), ProposeError> {
    Err(match answer {
        Answer::Applied { position, outcome } => return Ok((position, outcome)),
        Answer::NotLeader { leader } => ProposeError::NotLeader { leader },
        // A node answers no proposal with an index to read at.
        Answer::Unknown | Answer::Readable { .. } => ProposeError::Unknown,
        Answer::TooLarge { bytes } => ProposeError::TooLarge { bytes },
        Answer::Busy => ProposeError::Busy,
        Answer::ChangePending => ProposeError::ChangePending,
        Answer::WouldLoseQuorum { active, needed } => {
            ProposeError::WouldLoseQuorum { active, needed }
        }
        Answer::LeaderMustMove => ProposeError::LeaderMustMove,
        Answer::NotCaughtUp { behind } => ProposeError::NotCaughtUp { behind },
        Answer::NeedsVersion { needs, cluster } => ProposeError::NeedsVersion { needs, cluster },
    })
}

/// The index that a reader may read at.
const fn readable_at(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Readable { index } => Some(*index),
        Answer::Applied { .. }
        | Answer::NotLeader { .. }
        | Answer::Unknown
        | Answer::TooLarge { .. }
        | Answer::Busy
        | Answer::ChangePending
        | Answer::WouldLoseQuorum { .. }
        | Answer::LeaderMustMove
        | Answer::NotCaughtUp { .. }
        | Answer::NeedsVersion { .. } => None,
    }
}
