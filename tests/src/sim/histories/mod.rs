//! Did the cluster answer its clients as one machine would, asked one thing at a time?
//!
//! What clients asked and heard is written down with its times, by key; [`linearize`] then looks for
//! an order that one copy of the data could have followed. A question that was never answered may
//! have had its effect at any later time, or never.

mod linearize;
mod record;
mod tokens;

pub use linearize::{MAX_PLACES, Unexplained, linearize};
pub use record::{Asked, History, Model};
pub use tokens::{Ask, Heard, Tokens};
