//! Is there an order of one at a time that explains what the clients heard?
//!
//! The search of Wing and Gong with the memory of Lowe: a place is which questions have had their
//! effect and what the data was then; no place is visited twice.

use std::collections::BTreeSet;
use std::fmt;

use super::record::{Asked, History, Model};

/// After how many places the search gives up. Keep the histories of one key short.
pub const MAX_PLACES: usize = 20_000_000;

/// No order explains the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// However the questions are ordered, this one's answer does not follow.
    Stuck {
        /// The question, answer and times that the longest order ended before.
        at: String,
        /// How many questions the longest order explains.
        explained: usize,
    },
    /// The search was given up: the history is too long to be judged.
    GivenUp,
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stuck { at, explained } => {
                write!(f, "{explained} answers can be put in order, and then never: {at}")
            }
            Self::GivenUp => {
                write!(f, "no judgement after {MAX_PLACES} places; make the history shorter")
            }
        }
    }
}

/// Which questions have had their effect, one bit each.
type Done = Vec<u64>;

/// Looks for an order that explains `history`.
///
/// # Errors
///
/// [`Unexplained`].
pub fn linearize<M: Model>(history: &History<M>) -> Result<(), Unexplained> {
    let asked = history.asked();
    let mut start: Done = vec![0; asked.len().div_ceil(64)];
    take_free(asked, &mut start, &M::start());
    let mut seen = BTreeSet::from([(start.clone(), M::start())]);
    let mut ways = vec![(start, M::start())];
    let (mut explained, mut stuck_at) = (0, None);
    while let Some((done, state)) = ways.pop() {
        let Some((deadline, first)) = first_answered(asked, &done) else { return Ok(()) };
        let count = done.iter().map(|word| word.count_ones() as usize).sum();
        if stuck_at.is_none() || count > explained {
            (explained, stuck_at) = (count, Some(first));
        }
        // The questions without an answer are tried last: most are not needed.
        let mut next: Vec<(usize, &Asked<M>)> = open_until(asked, &done, deadline).collect();
        next.sort_by_key(|(_, one)| {
            std::cmp::Reverse(one.answered.as_ref().map_or(u64::MAX, |(at, _)| *at))
        });
        for (number, one) in next {
            let Some(after) = stepped(one, &state) else { continue };
            let mut done = with(&done, number);
            take_free(asked, &mut done, &after);
            let place = (done, after);
            if seen.insert(place.clone()) {
                ways.push(place);
            }
        }
        if seen.len() > MAX_PLACES {
            return Err(Unexplained::GivenUp);
        }
    }
    let at = stuck_at.map_or_else(String::new, |one| {
        format!("{:?}, asked at {} ms: {:?}", one.ask, one.called, one.answered)
    });
    Err(Unexplained::Stuck { at, explained })
}

/// Puts every question next whose answer follows now and changes nothing: whatever comes after it could
/// as well have come with it done.
fn take_free<M: Model>(asked: &[Asked<M>], done: &mut Done, state: &M::State) {
    while let Some((deadline, _)) = first_answered(asked, done) {
        let free = open_until(asked, done, deadline).find(|(_, one)| {
            one.answered.is_some() && stepped(one, state).is_some_and(|after| after == *state)
        });
        let Some((number, _)) = free else { return };
        *done = with(done, number);
    }
}

/// Of the questions that are not done, the one that was answered first, and when: whatever was asked
/// later comes after it.
fn first_answered<'a, M: Model>(asked: &'a [Asked<M>], done: &Done) -> Option<(u64, &'a Asked<M>)> {
    let pending = asked.iter().enumerate().filter(|(number, _)| !is_done(done, *number));
    pending.filter_map(|(_, one)| Some((one.answered.as_ref()?.0, one))).min_by_key(|(at, _)| *at)
}

/// The questions that are not done and may be next.
fn open_until<'a, M: Model>(
    asked: &'a [Asked<M>],
    done: &'a Done,
    deadline: u64,
) -> impl Iterator<Item = (usize, &'a Asked<M>)> {
    let pending = asked.iter().enumerate().filter(|(number, _)| !is_done(done, *number));
    pending.filter(move |(_, one)| one.called <= deadline)
}

/// The data after this question, if its answer follows from `state`.
fn stepped<M: Model>(one: &Asked<M>, state: &M::State) -> Option<M::State> {
    M::step(state, &one.ask, one.answered.as_ref().map(|(_, heard)| heard))
}

fn is_done(done: &Done, number: usize) -> bool {
    done.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
}

fn with(done: &Done, number: usize) -> Done {
    let mut done = done.clone();
    if let Some(word) = done.get_mut(number / 64) {
        *word |= 1 << (number % 64);
    }
    done
}
