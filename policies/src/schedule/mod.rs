//! When may hosts begin? In windows: a cron expression, how long each lasts, and a time zone.
//!
//! The rules of time zones change, and two builds may know different ones. So no replica asks them: a leader
//! computes [`Openings`] from its own and puts them into the log, and every replica looks the wall clock up there.

mod ahead;
mod cron_text;
mod local;
mod openings;
#[cfg(test)]
mod tests;
mod window;

pub use ahead::Ahead;
pub use openings::{AHEAD, At, Openings, Span};
pub use window::{NotAWindow, Window};
