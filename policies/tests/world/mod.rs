//! A fleet of virtual hosts, a patch that may be bad, and the rules that watch it: what halts, and when?
//!
//! Everything is drawn from a seed, and what befalls a host does not depend on who watches. Hosts fail by
//! themselves at a base rate; a bad patch makes a part of those that have it fail besides, half of them
//! within minutes and half within the hour. Seven in ten failures are silent and noticed five minutes and a
//! half later, the others are reported at once.

pub mod fleet;
pub mod paces;
pub mod ranks;
pub mod rules;
pub mod setup;
pub mod tally;

mod fates;
mod hearing;
mod notice;
mod order;
mod queue;
mod rng;
mod run;
mod sequential;
mod trouble;

pub use self::fleet::Fleet;
pub use self::paces::{credit_rollout, waves};
pub use self::rng::Rng;
pub use self::setup::{Care, Fault, Order, Setup, Strata, Trouble};

const MINUTE: u64 = 60_000;
const SOAK: u64 = 60 * MINUTE;
