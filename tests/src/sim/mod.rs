//! Does the system keep its promises when everything goes wrong at once? Real controllers that come and
//! go, and a fleet of real agents, in one thread, with virtual time, from one seed.
//!
//! The nodes, the machine, the agents, the conversions between wire and domain and the answers to
//! beats are the shipped code. The world around them is played: a network that loses, doubles,
//! delays, reorders and is cut; disks that forget or tear what was not synced, fail, fill up, become
//! slow, are lost, wiped and tampered with; clocks that drift, jump and stop; hosts that crash, hang, reboot and return;
//! operators who halt, resume, freeze, hold back, propose, agree, retry, and change the members; clients who read and write at once;
//! binaries of two releases. After every step the invariants are checked against the committed log and
//! against what the hosts really did ([`checks`]); once the faults are over everything must come to
//! rest, and the clients' histories must have an order ([`histories`]). Which faults a run knows, and
//! how often they come, is drawn from the seed, too.

mod agents;
mod calendar;
pub mod chance;
pub mod checks;
pub mod clients;
pub mod clocks;
pub mod controllers;
pub mod disk;
mod driver;
mod exam;
pub mod faults;
pub mod glue;
pub mod happening;
pub mod histories;
pub mod hosts;
pub mod kernel;
mod life;
pub mod meaning;
pub mod members;
mod mishaps;
pub mod network;
pub mod operators;
pub mod pace;
mod past;
mod people;
mod pieces;
mod places;
pub mod queue;
mod relaying;
pub mod report;
mod restore;
pub mod sabotage;
pub mod scenario;
pub mod seeds;
mod stepping;
pub mod storage;
pub mod stored;
mod torn;
pub mod trace;
mod troubles;
mod upkeep;
mod walls;
pub mod world;
mod yielding;

pub use report::{Failure, Report, Stats};
pub use sabotage::{NoSabotage, Sabotage};
pub use seeds::{Plan, PlanError};
pub use trace::Show;

/// Plays the run of `seed`, with a defect planted or none.
#[must_use]
pub fn play(seed: u64, sabotage: Sabotage, show: Show) -> Report {
    world::World::play((seed, sabotage), None, show)
}

/// Plays the run of `seed`, in which things go wrong for so many minutes instead of as long as the seed
/// says.
#[must_use]
pub fn play_for(seed: u64, sabotage: Sabotage, minutes: Option<u64>, show: Show) -> Report {
    world::World::play((seed, sabotage), minutes, show)
}
