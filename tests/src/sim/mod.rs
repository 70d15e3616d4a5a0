//! Does the system keep its promises when everything goes wrong at once? Three real controllers and a
//! fleet of real agents in one thread, with virtual time, from one seed.
//!
//! The nodes, the machine, the agents, the conversions between wire and domain and the answers to
//! beats are the shipped code. The world around them is played: a network that loses, doubles,
//! delays, reorders and is cut; disks that forget what was not synced; hosts that crash, hang, reboot
//! and return; operators who halt, resume and retry. After every step the invariants are checked
//! against the committed log and against what the hosts really did ([`checks`]). The odds of every
//! fault are drawn from the seed, too, so that a run knows some of them well and others not at all.

mod agents;
pub mod chance;
pub mod checks;
pub mod controllers;
pub mod disk;
mod driver;
pub mod faults;
pub mod glue;
pub mod happening;
pub mod hosts;
pub mod kernel;
pub mod network;
pub mod operators;
pub mod pace;
pub mod queue;
mod relaying;
pub mod report;
pub mod scenario;
pub mod seeds;
pub mod storage;
pub mod trace;
mod troubles;
pub mod world;

pub use faults::Sabotage;
pub use report::{Report, Stats};
pub use seeds::{Plan, PlanError};
pub use trace::Show;

/// Plays the run of `seed`, with a defect planted or none.
#[must_use]
pub fn play(seed: u64, sabotage: Sabotage, show: Show) -> Report {
    world::World::play(seed, sabotage, show)
}
