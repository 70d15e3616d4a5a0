//! A fleet of virtual hosts, a patch that may be bad, and the rules that watch it: what halts, and when?
//!
//! Everything is drawn from a seed. Hosts fail by themselves at a base rate; a bad patch makes a part of
//! those that have it fail besides, half of them within minutes and half within the hour. Seven in ten
//! failures are silent and noticed five minutes and a half later, the others are reported at once.

pub mod rules;

mod fleet;
mod rng;
mod rollout;

pub use self::fleet::Fleet;
pub use self::rng::Rng;
pub use self::rollout::{Outcome, Setup, credit_rollout, waves};
