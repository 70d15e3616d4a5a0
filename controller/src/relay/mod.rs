//! What does an agent get from the node that it speaks to, without a trip through the log?
//!
//! Each node answers beats from its own state ([`answers`]) and passes on what it heard to the leader
//! ([`Relay`]). Nothing here decides: an offer is only permission to ask.

pub mod answers;
mod heard;
mod turns;

pub use heard::{Relay, Relayed, take_over};
