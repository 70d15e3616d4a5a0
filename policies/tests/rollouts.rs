//! Does a whole rollout of a small virtual fleet end as it should: a good one complete, a bad one early?
//!
//! The example `halting` runs the same world at full size and prints the tables.

#[path = "world/mod.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the example, which uses all of it")]
mod world;

use tidegate_policies::credit::CreditRule;
use world::ranks::{Rates, is_worse};
use world::setup::Outcome;
use world::tally::Tally;
use world::{Care, Fault, Fleet, Order, Rng, Setup, Strata, Trouble, credit_rollout, waves};

const GOOD: Setup = Setup::good(1e-3, 1);

fn credit(fleet: &Fleet, setup: Setup) -> Outcome {
    credit_rollout(fleet, setup, CreditRule::STANDARD)
}

#[test]
fn good_rollouts_complete_and_bad_ones_halt_with_few_harmed() {
    let fleet = Fleet::new(3_000);
    let mut held = 0;
    for seed in 0..4 {
        let good = credit(&fleet, Setup { seed, ..GOOD });
        assert!(!good.halted && good.exposed > 2_800, "{good:?}");
        let bad = credit(&fleet, Setup { fault: Fault::Hosts(0.2), seed, ..GOOD });
        assert!(bad.halted && bad.harmed < 25 && bad.exposed < 300, "{bad:?}");
        assert!(bad.minutes < good.minutes, "{bad:?} {good:?}");
        held += u32::from(good.held);
    }
    assert!(held <= 1, "good rollouts are seldom held: {held} of 4");
}

#[test]
fn a_bad_cpu_model_is_found_among_good_ones() {
    let fleet = Fleet::new(3_000);
    let bad = credit(&fleet, Setup { fault: Fault::Model(0.6), ..GOOD });
    assert!(bad.halted && bad.harmed < 20, "{bad:?}");
}

#[test]
fn a_seed_gives_the_same_rollout_twice() {
    let fleet = Fleet::new(1_500);
    let run = |seed| {
        let setup = Setup { fault: Fault::Hosts(0.02), seed, ..GOOD };
        format!("{:?} {:?}", credit(&fleet, setup), waves(&fleet, setup))
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
    assert_ne!(Rng::new(5).draw(), Rng::new(6).draw());
}

/// How many of some good rollouts of nine zones of ten racks are halted with this care.
fn good_halts(order: Order, trouble: Trouble, care: Care) -> usize {
    let fleet = Fleet::new(3_600);
    let setup = |seed| Setup { order, trouble, care, ..Setup::good(1e-3, seed) };
    (0..SEEDS).filter(|seed| credit(&fleet, setup(*seed)).halted).count()
}

const SEEDS: u64 = 10;

#[test]
fn zones_that_are_cut_off_look_like_harm_to_those_who_do_not_listen() {
    let halts = |listening| {
        // Two other things would help: a rack's failures are one, and within its zone a host is compared
        // with others that were cut off.
        let care = Care { listening, thinning: false, strata: Strata::One, ..Care::ALL };
        good_halts(Order::Zones, Trouble::ZoneInTurn(120), care)
    };
    let (right, trapped) = (halts(true), halts(false));
    println!("{trapped} of {SEEDS} halted in the trap, {right} without it");
    assert!(right == 0 && trapped >= 6, "{right} and {trapped} of {SEEDS}");
}

#[test]
fn racks_that_are_cut_off_look_like_harm_to_those_who_count_every_host() {
    let halts = |thinning| {
        let care = Care { thinning, ..Care::ALL };
        good_halts(Order::Racks, Trouble::Racks(30), care)
    };
    let (right, trapped) = (halts(true), halts(false));
    println!("{trapped} of {SEEDS} halted in the trap, {right} without it");
    assert!(right == 0 && trapped >= 6, "{right} and {trapped} of {SEEDS}");
}

#[test]
fn a_patch_that_takes_racks_down_is_seen_where_domains_are_compared() {
    let fleet = Fleet::new(40_000);
    let racks = |domains, seeds: u64| {
        let care = Care { domains, ..Care::ALL };
        let run = |seed| {
            let setup = Setup { fault: Fault::Racks(0.02), care, ..Setup::good(1e-3, seed) };
            credit(&fleet, setup)
        };
        Tally((0..seeds).map(run).collect())
    };
    let (with, without) = (racks(true, 3), racks(false, 1));
    assert_eq!(with.halted(), 3);
    assert!(with.harmed_mean() <= 5.0, "{with:?}");
    assert!(without.harmed_mean() >= 50.0, "until the fleet itself is not heard: {without:?}");
}

#[test]
fn a_rank_test_asks_for_more_than_a_minute_with_a_failure_now_and_then() {
    let minutes = |patched: f64| -> Vec<Rates> {
        let rates = |n: u32| Rates {
            patched: if n.is_multiple_of(2) { patched } else { 0.0 },
            control: if n.is_multiple_of(4) { 0.001 } else { 0.0 },
        };
        (0..30).map(rates).collect()
    };
    assert!(!is_worse(&minutes(0.01)));
    let every = minutes(0.01).into_iter().map(|rates| Rates { patched: 0.01, ..rates });
    assert!(is_worse(&every.collect::<Vec<_>>()));
}

#[test]
fn two_hundred_and_ninety_nine_rollouts_without_a_halt_show_one_percent_and_one_less_do_not() {
    let bound = |runs| Tally(vec![Outcome::default(); runs]).at_most().0;
    assert!(bound(299) <= 10_000_000 && bound(298) > 10_000_000, "{} {}", bound(299), bound(298));
}
