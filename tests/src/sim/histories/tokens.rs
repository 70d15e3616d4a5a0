//! The model that the clients' histories are held against: a set of tokens that only grows.

use std::collections::BTreeSet;

use super::record::Model;

/// A set of numbered tokens. Each can be created once.
#[derive(Clone, Copy, Debug)]
pub struct Tokens;

/// What clients ask of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Create this token.
    Create(u8),
    /// Which tokens are there?
    Read,
}

/// What clients hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was created.
    Created,
    /// It was there already.
    Exists,
    /// These are there.
    There(BTreeSet<u8>),
}

impl Model for Tokens {
    type State = BTreeSet<u8>;
    type Ask = Ask;
    type Heard = Heard;

    fn start() -> Self::State {
        BTreeSet::new()
    }

    fn step(state: &Self::State, ask: &Ask, heard: Option<&Heard>) -> Option<Self::State> {
        match (ask, heard) {
            (Ask::Create(token), Some(Heard::Created)) if !state.contains(token) => {
                Some(with(state, *token))
            }
            (Ask::Create(token), None) => Some(with(state, *token)),
            (Ask::Create(token), Some(Heard::Exists)) => {
                state.contains(token).then(|| state.clone())
            }
            (Ask::Read, Some(Heard::There(there))) => (there == state).then(|| state.clone()),
            (Ask::Read, None) => Some(state.clone()),
            (Ask::Create(_), Some(Heard::Created | Heard::There(_)))
            | (Ask::Read, Some(Heard::Created | Heard::Exists)) => None,
        }
    }
}

fn with(state: &BTreeSet<u8>, token: u8) -> BTreeSet<u8> {
    let mut state = state.clone();
    state.insert(token);
    state
}
