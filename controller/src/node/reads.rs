//! When may this node's machine be read, so that the reader sees whatever was acknowledged before?
//!
//! Readers share rounds: the leader notes its commit index, and a majority confirms that it still
//! leads. Raft drops such requests without a word (in a term without a committed entry, or when a
//! message is lost), so the rounds are repeated under fresh names, and a round confirms every reader
//! who asked before it began.

use std::collections::VecDeque;

use super::{Answer, Leadership, NodeConfig, SplitMix64};

/// Most rounds that are waited for; older ones are forgotten.
const MAX_ROUNDS: usize = 8;
/// Length of a round's name, in bytes.
pub(super) const ROUND_NAME_BYTES: usize = 24;

/// The readers of one node.
#[derive(Debug)]
pub(super) struct Reads {
    /// Ticks since the node was opened.
    now: u64,
    /// Ticks after which another round is begun although one is under way.
    repeat_after: u64,
    /// Ticks that a reader waits at most.
    patience: u64,
    /// Who reads: the node, and a number that no earlier life of it used.
    name: [u8; 16],
    begun: u64,
    repeat_at: u64,
    /// The rounds under way, oldest first.
    rounds: VecDeque<u64>,
    waiting: Vec<Reader>,
    /// Readers who may read once the index is applied, and that index.
    confirmed: Vec<(u64, Reader)>,
}

#[derive(Clone, Copy, Debug)]
struct Reader {
    ticket: u64,
    /// The first round that counts for it.
    round: u64,
    /// The tick at which it is sent away.
    until: u64,
}

impl Reads {
    /// `life` tells this start of the node from its earlier ones.
    pub(super) fn new(config: &NodeConfig, life: u64) -> Self {
        let mut chance = SplitMix64::new(config.seed ^ life.rotate_left(17));
        let mut name = [0; 16];
        name[..8].copy_from_slice(&config.id.0.to_be_bytes());
        name[8..].copy_from_slice(&chance.next_u64().to_be_bytes());
        let timeout = u64::try_from(config.election_ticks_max).unwrap_or(u64::MAX);
        Self {
            now: 0,
            repeat_after: (timeout / 4).max(1),
            patience: timeout.saturating_mul(2),
            name,
            begun: 0,
            repeat_at: 0,
            rounds: VecDeque::new(),
            waiting: Vec::new(),
            confirmed: Vec::new(),
        }
    }

    /// A reader came.
    pub(super) fn wait(&mut self, ticket: u64) {
        let until = self.now.saturating_add(self.patience);
        self.waiting.push(Reader { ticket, round: self.begun + 1, until });
    }

    /// A tick passed.
    pub(super) fn tick(&mut self) {
        self.now += 1;
    }

    /// The rounds under way are void: another node leads, or none.
    pub(super) fn forget_rounds(&mut self) {
        self.rounds.clear();
    }

    /// The name of a round that is to begin now, if one is.
    pub(super) fn begin_round(&mut self) -> Option<Vec<u8>> {
        let is_idle = self.rounds.is_empty() || self.now >= self.repeat_at;
        if self.waiting.is_empty() || !is_idle {
            return None;
        }
        self.begun += 1;
        self.repeat_at = self.now.saturating_add(self.repeat_after);
        self.rounds.push_back(self.begun);
        if self.rounds.len() > MAX_ROUNDS {
            self.rounds.pop_front();
        }
        let mut name = self.name.to_vec();
        name.extend(self.begun.to_be_bytes());
        Some(name)
    }

    /// A round was confirmed: whoever it counts for may read once `index` is applied.
    pub(super) fn confirm(&mut self, name: &[u8], index: u64) {
        let Some(round) = self.number(name) else { return };
        if !self.rounds.contains(&round) {
            return;
        }
        self.rounds.retain(|&other| other > round);
        let waiting = std::mem::take(&mut self.waiting);
        let (covered, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|reader| reader.round <= round);
        self.waiting = later;
        self.confirmed.extend(covered.into_iter().map(|reader| (index, reader)));
    }

    /// The readers who may read now, and those who waited for too long, with their answers.
    pub(super) fn settle(&mut self, applied: u64, leadership: Leadership) -> Vec<(u64, Answer)> {
        let now = self.now;
        let mut answers = Vec::new();
        self.confirmed.retain(|&(index, reader)| {
            let is_open = applied < index && now < reader.until;
            if applied >= index {
                answers.push((reader.ticket, Answer::Readable { index }));
            } else if !is_open {
                answers.push((reader.ticket, Answer::Unknown));
            }
            is_open
        });
        let sent_away = match leadership.leader {
            Some(_) => Answer::Unknown,
            None => Answer::NotLeader { leader: None },
        };
        self.waiting.retain(|reader| {
            let is_open = now < reader.until;
            if !is_open {
                answers.push((reader.ticket, sent_away.clone()));
            }
            is_open
        });
        answers
    }

    /// How many readers wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.confirmed.len()
    }

    /// The number of a round of this life of this node.
    fn number(&self, name: &[u8]) -> Option<u64> {
        let number = name.strip_prefix(&self.name)?;
        Some(u64::from_be_bytes(number.try_into().ok()?))
    }
}
