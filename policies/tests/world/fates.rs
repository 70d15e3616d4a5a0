//! When does which host die, and how does that show? Fixed by the seed alone, whoever watches.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a simulation of chance needs floating point"
)]

use tidegate_policies::detector::stream::Symptom;

use super::setup::{Fault, Setup};
use super::{Fleet, MINUTE, Rng};

/// What is drawn, besides the hosts' own fates.
pub const ORDER: u64 = 1 << 40;
pub const BASE: u64 = ORDER + 1;
pub const TIES: u64 = ORDER + 2;
pub const TROUBLE: u64 = ORDER + 3;
pub const SPIKES: u64 = ORDER + 4;
const SENTINELS: u64 = 1 << 41;

/// How a host dies.
#[derive(Clone, Copy)]
pub struct Death {
    /// Milliseconds from the begin, or from now, to the death.
    pub after: u64,
    pub symptom: Symptom,
    /// Milliseconds from the death until it is noticed.
    pub late: u64,
}

impl Death {
    /// Seven in ten deaths are silent and noticed after five beats, the others are reported at once.
    pub fn draw(rng: &mut Rng, after: u64) -> Self {
        let late = (5.0 + rng.unit()) * MINUTE as f64;
        if rng.chance(0.7) {
            Self { after, symptom: Symptom::Silence, late: late as u64 }
        } else {
            Self { after, symptom: Symptom::Hard, late: 0 }
        }
    }

    /// What the patch does to this host: half of the deaths come within minutes, half within the hour.
    pub fn by_patch(setup: &Setup, fleet: &Fleet, host: usize) -> Option<Self> {
        let chance = match setup.fault {
            Fault::None => 0.0,
            Fault::Hosts(chance) | Fault::Racks(chance) => chance,
            Fault::Model(chance) if fleet.rare[host] => chance,
            Fault::Model(_) => 0.0,
        };
        let mut rng = Rng::of(setup.seed, host as u64);
        if !rng.chance(chance) {
            return None;
        }
        let mean = if rng.chance(0.5) { 2 } else { 20 };
        let after = rng.wait((mean * MINUTE) as f64);
        Some(Self::draw(&mut rng, after))
    }
}

/// Whether a host is drawn as a sentinel.
pub fn is_sentinel(setup: &Setup, host: usize, share: f64) -> bool {
    Rng::of(setup.seed, SENTINELS + host as u64).chance(share)
}

/// How often a host fails by itself, of the rate of those that fail most often.
pub fn frailty(kernel: usize) -> f64 {
    [1.0, 0.25, 0.5][kernel % 3]
}
