//! Given evidence and a policy, what should happen, and why?
//!
//! Everything here is a total function of its arguments: no clock, no randomness of its own, no file,
//! socket, thread or logger, no floating point. The replicated machine calls it inside `apply`, so
//! every replica decides alike, and a recorded decision can be computed again to the same bits.
//!
//! - [`policy`]: what an operator may ask for, checked once; [`document`] reads it from TOML.
//! - [`bucket`] and [`draw`]: which hosts are inside a share, by salted hash.
//! - [`evidence`]: what was counted.
//! - [`decide`]: the verdict, gate by gate; [`begin`]: whether one more host may go.

pub mod begin;
pub mod bucket;
pub mod decide;
pub mod document;
pub mod draw;
pub mod evidence;
pub mod gate;
pub mod policy;
pub mod share;
pub mod time;
