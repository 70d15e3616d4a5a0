//! A thin hand on each host: asks, applies, reports. Every safety decision is the controller's;
//! what an agent adds is that it never acts on old or unverified word.
//!
//! `core` decides and touches nothing. `shell` runs it over `storage` (`spool` and `state` on
//! disk), a `driver` and the `transport`. `fleet` runs many of them on simulated kernels; `cli` is
//! what a person types.

pub mod cli;
pub mod clock;
pub mod core;
pub mod driver;
pub mod fleet;
pub mod shell;
pub mod spool;
pub mod state;
pub mod storage;
pub mod transport;
#[cfg(test)]
mod yes_controller;
