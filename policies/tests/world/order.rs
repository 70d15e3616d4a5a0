//! In which order do hosts have their turn, and who has none?

#![expect(clippy::cast_possible_truncation, reason = "a fleet has fewer hosts than 2³²")]

use tidegate_policies::cohort::CohortRule;

use super::fates::ORDER;
use super::fleet::RACK;
use super::setup::{Order, Setup};
use super::{Fleet, Rng};

/// The hosts that may begin, in their order. Whom chance holds out is control to the end.
pub fn draw(fleet: &Fleet, setup: &Setup) -> Vec<u32> {
    let all = fleet.hosts.len();
    let mut rng = Rng::of(setup.seed, ORDER);
    let mut order: Vec<u32> = (0..all as u32).collect();
    rng.shuffle(&mut order);
    order.truncate(all - CohortRule::STANDARD.holdout(all as u64) as usize);
    // Racks, zones and kernels come one after another, in an order of chance.
    let mut rank: Vec<usize> = (0..all).collect();
    rng.shuffle(&mut rank);
    let group = |host: u32| match setup.order {
        Order::Chance => 0,
        Order::Racks => rank[host as usize / RACK],
        Order::Zones => rank[Fleet::zone(host as usize)],
        Order::Kernels => rank[fleet.kernel[host as usize]],
    };
    order.sort_by_key(|host| group(*host));
    order
}
