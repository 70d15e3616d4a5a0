//! Was this request answered before? The replicated memory that makes retries safe.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::rejection::Rejection;
use super::reply::Reply;

/// Accepted requests that are remembered; the oldest is forgotten first.
pub const MAX_REQUESTS: usize = 100_000;

/// The accepted requests and what they answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    answered: BTreeMap<String, Answered>,
    order: VecDeque<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    body: [u8; 32],
    reply: Reply,
}

impl Requests {
    /// The answer that `request` got before; `None` if it is new.
    ///
    /// # Errors
    ///
    /// [`Rejection::RequestIdReused`] if it was used with another body.
    pub fn recall(&self, request: &str, body: &[u8; 32]) -> Result<Option<&Reply>, Rejection> {
        match self.answered.get(request) {
            None => Ok(None),
            Some(answered) if answered.body == *body => Ok(Some(&answered.reply)),
            Some(_) => Err(Rejection::RequestIdReused { request: request.to_owned() }),
        }
    }

    /// Remembers what `request` was answered.
    pub fn remember(&mut self, request: String, body: [u8; 32], reply: Reply) {
        if self.order.len() == MAX_REQUESTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.answered.remove(&oldest);
        }
        self.order.push_back(request.clone());
        self.answered.insert(request, Answered { body, reply });
    }
}
