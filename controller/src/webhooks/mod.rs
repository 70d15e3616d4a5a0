//! How do people who are not looking hear of an incident? The leader delivers the outbox: signed, retried, at least
//! once.
//!
//! What is to be told stands in the replicated outbox from the entry in which it happened. Whoever leads reads it
//! ([`deliver`]), asks a [`schedule`] what is due, calls the receivers (`call`) with a `message` that is signed
//! (`sign`), and says in the log what became of it. A leader that dies between a receiver's answer and that entry
//! leaves the notification in the outbox, and the next one delivers it again under the same id.
//!
//! Which receivers there are is replicated ([`document`] reads it). Whom this node may call, and the secrets that it
//! signs with, are the node's own ([`egress`]): no entry, no state, no backup and no answer ever has a secret.

mod call;
pub mod deliver;
pub mod document;
pub mod egress;
mod message;
pub mod schedule;
mod sign;

pub use egress::{Egress, Forbidden};
