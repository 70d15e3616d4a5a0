//! Does the number of series stay the same, however large the fleet and whatever it calls itself?

use std::time::Duration;

use super::read;
use crate::machine::event::Event;
use crate::machine::ids::{NodeId, RolloutId};
use crate::machine::measure::Measured;
use crate::machine::{Command, Reply};
use crate::meters::{Call, Meters};
use crate::metrics::book::Book;
use crate::metrics::family::{Family, Value};
use crate::metrics::gauges::of_machine;
use crate::metrics::tally::value_of;
use crate::metrics::text::write;
use crate::metrics::{ratios, seen};

/// Most series of one controller.
const BUDGET: usize = 5_000;

/// A histogram is a series for each bucket, its sum and its count.
fn series(families: &[Family]) -> usize {
    let all = families.iter().flat_map(|family| &family.series);
    let lines = all.map(|series| match &series.value {
        Value::Number(_) => 1,
        Value::Histogram(times) => times.counts().len() + 2,
    });
    lines.sum()
}

fn gauges(hosts: u64) -> Vec<Family> {
    let mut fleet = Measured::fleet(hosts).unwrap();
    fleet.roll_out(2).unwrap();
    let (mut families, shown) = of_machine(&fleet.machine);
    families.extend(ratios::families(&shown));
    families
}

/// As many calls, tiers and labels as there can be.
fn busiest() -> Vec<Family> {
    let meters = Meters::default();
    for number in 0..1_000 {
        let call = Call { method: format!("a.B/{number}"), status: "OK", error: "" };
        meters.call_ended(call, Duration::from_millis(1));
        meters.checked_in(&format!("tier-{number}"), Duration::ZERO);
    }
    seen::of_meters(meters.seen())
}

#[test]
fn a_larger_fleet_with_more_kernels_and_racks_has_no_more_series() {
    let (small, large) = (gauges(50), gauges(5_000));
    assert_eq!(series(&small), series(&large));
    let mut told = large;
    told.sort_by_key(|family| family.described.name);
    let scrape = read(&write(&told, NodeId(1))).unwrap();
    let enrolled = "tidegate_agents_enrolled{node=\"1\",tier=\"free\"}";
    assert_eq!(scrape.value(enrolled), Some(5_000.0));
    let unjudged = "tidegate_coverage_hosts{node=\"1\",supported=\"unknown\"}";
    assert_eq!(scrape.value(unjudged), Some(5_000.0));
    let exposure = "tidegate_rollout_exposure_ratio{node=\"1\",rollout=\"113.1\",tier=\"free\"}";
    assert_eq!(scrape.value(exposure), Some(0.5));
}

#[test]
fn what_has_no_row_of_its_own_is_counted_as_other_and_nothing_is_lost() {
    let mut book = Book::default();
    let rollouts = 3_000;
    for number in 0..rollouts {
        let rollout: RolloutId = format!("r-{number}").parse().unwrap();
        let (actor, reason) = ("ada".to_owned(), String::new());
        let paused = Event::RolloutPaused { rollout, actor, reason };
        book.note(&Command::LeaveJoint, &Ok(Reply::Done), &[paused]);
    }
    let mut families = book.families();
    families.sort_by_key(|family| family.described.name);
    let scrape = read(&write(&families, NodeId(1))).unwrap();
    assert!((scrape.sum("tidegate_rollout_decisions_total") - f64::from(rollouts)).abs() < 0.5);
    let other = "tidegate_rollout_decisions_total{node=\"1\",rollout=\"other\",decision=\"other\",\
                 actor=\"other\"}";
    assert_eq!(scrape.value(other), Some(2_000.0));
    let most = [families, gauges(50), busiest()].map(|families| series(&families));
    assert!(most.iter().sum::<usize>() < BUDGET, "{most:?}");
}

#[test]
fn a_label_has_an_end_and_never_breaks_a_letter() {
    assert_eq!(value_of("free"), "free");
    assert_eq!(value_of(&"ü".repeat(200)).len(), 128);
    assert_eq!(value_of(&format!("a{}", "ü".repeat(200))).len(), 127);
}
