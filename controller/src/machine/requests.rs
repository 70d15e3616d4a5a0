//! Was this request answered before? The replicated memory that makes retries safe.

use serde::{Deserialize, Serialize};

use super::frozen::ThawError;
use super::frozen::sections::{ANSWERED, REQUEST_NUMBERS};
use super::interned::first_half;
use super::rejection::Rejection;
use super::reply::Reply;
use super::table::Table;

/// Accepted requests that are remembered; the oldest is forgotten first.
pub const MAX_REQUESTS: usize = 100_000;

/// The accepted requests and what they answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Oldest first.
    pub(super) answered: Table<u64, Answered>,
    /// Where each request's answer stands, by the first half of the BLAKE3 of its id.
    pub(super) numbers: Table<u128, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::machine) struct Answered {
    id: u128,
    body: [u8; 32],
    reply: Reply,
}

impl Default for Requests {
    /// No requests yet.
    fn default() -> Self {
        Self { answered: Table::new(ANSWERED), numbers: Table::new(REQUEST_NUMBERS) }
    }
}

impl Requests {
    /// The answer that `request` got before; `None` if it is new.
    ///
    /// # Errors
    ///
    /// [`Rejection::RequestIdReused`] if it was used with another body.
    pub fn recall(&self, request: &str, body: &[u8; 32]) -> Result<Option<Reply>, Rejection> {
        let number = self.numbers.get(id_of(request));
        match number.and_then(|number| self.answered.get(number)) {
            None => Ok(None),
            Some(answered) if answered.body == *body => Ok(Some(answered.reply)),
            Some(_) => Err(Rejection::RequestIdReused { request: request.to_owned() }),
        }
    }

    /// Remembers what `request` was answered.
    pub(super) fn remember(&mut self, request: &str, body: [u8; 32], reply: Reply) {
        if self.answered.len() == MAX_REQUESTS
            && let Some(oldest) = self.answered.first_key()
        {
            let id: Option<u128> = self.answered.peek(oldest);
            id.map(|id| self.numbers.remove(id));
            self.answered.remove(oldest);
        }
        let (id, number) = (id_of(request), self.answered.last_key().map_or(0, |last| last + 1));
        self.answered.insert(number, &Answered { id, body, reply });
        self.numbers.insert(id, &number);
    }

    /// Every answer is found by its request.
    pub(super) fn check(&self) -> Result<(), ThawError> {
        let named =
            |(number, answered): (u64, Answered)| self.numbers.get(answered.id) == Some(number);
        if self.answered.iter().all(named) && self.answered.len() == self.numbers.len() {
            return Ok(());
        }
        Err(ThawError::Torn { what: "requests are not numbered as they are kept".to_owned() })
    }
}

fn id_of(request: &str) -> u128 {
    first_half(blake3::hash(request.as_bytes()).as_bytes())
}
