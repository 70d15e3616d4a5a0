//! Does a whole rollout of a small virtual fleet end as it should: a good one complete, a bad one early?
//!
//! The example `halting` runs the same world at full size and prints the tables.

#[path = "world/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the example")]
mod world;

use tidegate_policies::credit::CreditRule;
use world::setup::Outcome;
use world::{Fault, Fleet, Rng, Setup, credit_rollout, waves};

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
