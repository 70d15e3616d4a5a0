//! How are the node's outputs carried out? At once, in order: a leader's messages are on their way
//! before its own sync begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::inbox::Reply;
use super::outbound::{PiecesWanted, Vouch};
use super::reads::{ReadReply, Reads};
use super::sights::{See, Sights};
use super::tap::Tap;
use super::{AppliedEntry, Clock, Outbound, ProposeError};
use crate::machine::event::Event;
use crate::machine::{Machine, Outcome, Position};
use crate::meters::Meters;
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
    /// Who waits for an answer since when, by ticket.
    replies: BTreeMap<u64, (Reply, Duration)>,
    last_ticket: u64,
    /// The ticket of the runtime's own tick, and when it was given out.
    tick: Option<(u64, Duration)>,
    tick_answer: Option<Answer>,
    stopwatch: Stopwatch,
    /// The last entry that halted something.
    halted_at: Option<Position>,
}

/// Times what was asked of the node.
#[derive(Debug)]
pub(super) struct Stopwatch {
    pub(super) clock: Clock,
    pub(super) meters: Meters,
}

impl Carrier {
    pub(super) fn new(
        outbound: Outbound,
        entries: broadcast::Sender<Arc<AppliedEntry>>,
        leadership: watch::Sender<Leadership>,
        stopwatch: Stopwatch,
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
            stopwatch,
            halted_at: None,
        }
    }

    /// A ticket whose answer goes to `reply`, for what was `asked` at that time.
    pub(super) fn ticket_for(&mut self, reply: Reply, asked: Duration) -> u64 {
        self.last_ticket += 1;
        self.replies.insert(self.last_ticket, (reply, asked));
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
        self.tick = Some((self.last_ticket, self.stopwatch.clock.monotonic()));
        self.last_ticket
    }

    /// What became of the runtime's own tick, once it is known.
    pub(super) fn take_tick_answer(&mut self) -> Option<Answer> {
        self.tick_answer.take()
    }

    fn answer(&mut self, ticket: u64, answer: Answer, machine: &Machine) {
        if let Some((_, asked)) = self.tick.take_if(|(tick, _)| *tick == ticket) {
            self.time(asked, &answer);
            self.tick_answer = Some(answer);
            return;
        }
        let readable = readable_at(&answer);
        if self.reads.settle(ticket, readable) {
            return;
        }
        let Some((reply, asked)) = self.replies.remove(&ticket) else { return };
        self.time(asked, &answer);
        reply(settled(answer), machine);
    }

    /// Notes how long it took from when something was `asked` until it was applied.
    fn time(&self, asked: Duration, answer: &Answer) {
        let Some(position) = applied_at(answer) else { return };
        let took = self.stopwatch.clock.monotonic().saturating_sub(asked);
        self.stopwatch.meters.proposal_applied(took);
        if self.halted_at == Some(position) {
            self.stopwatch.meters.halt_applied(took);
        }
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
                if events.iter().any(halts) {
                    self.halted_at = Some(position);
                }
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

/// Whether from then on somebody may not begin who might have.
const fn halts(event: &Event) -> bool {
    matches!(event, Event::Halted { .. } | Event::SliceHalted { .. })
}

/// Where the entry is that became of a proposal.
const fn applied_at(answer: &Answer) -> Option<Position> {
    match answer {
        Answer::Applied { position, .. } => Some(*position),
        Answer::Readable { .. }
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
