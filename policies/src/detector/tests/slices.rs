//! Are slices and weights what was frozen, whatever appears later?

use super::*;
use crate::detector::slices::{FEWEST_HOSTS, LATE_VALUES, MOST_SLICES, OTHER, pair};

fn frozen(values: &[(Dimension, &str, u64)]) -> Slices {
    let hosts = values.iter().map(|(kind, value, n)| ((*kind, (*value).to_owned()), *n));
    Slices::freeze(&hosts.collect())
}

fn names(slices: &Slices, of: &super::super::slices::Membership) -> Vec<String> {
    of.iter().map(|id| slices.name(id)).collect()
}

/// The sum of all weights, in parts of one.
fn weights(slices: &Slices) -> f64 {
    slices.iter().map(|(_, slice)| (-(slice.penalty.0 as f64) / 2_f64.powi(32)).exp2()).sum()
}

#[test]
fn weights_never_sum_to_more_than_one_whatever_comes_late() {
    let mut slices = frozen(&[
        (Dimension::Kernel, "5.15", 900),
        (Dimension::Kernel, "6.8", 90),
        (Dimension::Cpu, "genoa", 500),
        (Dimension::Zone, "a", 500),
        (Dimension::KernelAndCpu, &pair("5.15", "genoa"), 450),
    ]);
    let start = weights(&slices);
    assert!(start <= 1.0 && start > 0.75, "{start}");
    for n in 0..30 {
        let (kernel, cpu) = (format!("7.{n}"), format!("cpu-{n}"));
        slices.admit(&[(Dimension::Kernel, &kernel), (Dimension::Cpu, &cpu)]);
    }
    let end = weights(&slices);
    assert!(end <= 1.0 && end > start, "{end}");
}

#[test]
fn the_whole_cohort_has_half_the_facts_and_pairs_the_rest() {
    let slices = frozen(&[
        (Dimension::Kernel, "5.15", 900),
        (Dimension::KernelAndCpu, &pair("5.15", "genoa"), 450),
    ]);
    let cost: Vec<_> = slices.iter().map(|(_, slice)| slice.penalty.to_string()).collect();
    // 1/2, 0.35 / 2 with the reserve, 0.15 / 2 with the reserve.
    assert_eq!(cost, ["1.000", "2.515", "3.737"]);
}

#[test]
fn a_value_of_fewer_than_fifty_hosts_counts_as_other() {
    let mut slices = frozen(&[
        (Dimension::Kernel, "5.15", FEWEST_HOSTS),
        (Dimension::Kernel, "6.8", FEWEST_HOSTS - 1),
        (Dimension::Kernel, "6.9", 1),
    ]);
    let mut of = |kernel| {
        let member = slices.admit(&[(Dimension::Kernel, kernel)]);
        names(&slices, &member).join(", ")
    };
    assert_eq!(of("5.15"), "the whole cohort, kernel 5.15");
    assert_eq!(of("6.8"), "the whole cohort, kernel other");
    assert_eq!(of("6.9"), "the whole cohort, kernel other");
}

#[test]
fn what_comes_late_has_a_slice_from_the_reserve_until_that_is_used_up() {
    let mut slices = frozen(&[(Dimension::Kernel, "5.15", 900), (Dimension::Kernel, "6.8", 9)]);
    let mut of = |kernel: &str| {
        let member = slices.admit(&[(Dimension::Kernel, kernel)]);
        names(&slices, &member).pop().unwrap()
    };
    for n in 0..LATE_VALUES {
        assert_eq!(of(&format!("7.{n}")), format!("kernel 7.{n}"));
    }
    assert_eq!(of("8.0"), format!("kernel {OTHER}"));
    assert_eq!(of("7.0"), "kernel 7.0", "the same slice as before");
}

#[test]
fn a_host_without_a_fact_is_in_no_slice_of_it() {
    let mut slices = frozen(&[
        (Dimension::Kernel, "5.15", 900),
        (Dimension::Cpu, "genoa", 900),
        (Dimension::KernelAndCpu, &pair("5.15", "genoa"), 900),
    ]);
    let full = slices.admit(&[(Dimension::Kernel, "5.15"), (Dimension::Cpu, "genoa")]);
    assert_eq!(
        names(&slices, &full),
        ["the whole cohort", "kernel 5.15", "cpu genoa", "kernel and cpu 5.15 on genoa",]
    );
    let half = slices.admit(&[(Dimension::Cpu, "genoa"), (Dimension::Zone, "a")]);
    assert_eq!(names(&slices, &half), ["the whole cohort", "cpu genoa"]);
}

#[test]
fn there_are_never_more_slices_than_fit() {
    let mut hosts = BTreeMap::new();
    for n in 0..1_000_u64 {
        hosts.insert((Dimension::Kernel, format!("k{n}")), 50 + n);
        hosts.insert((Dimension::Zone, format!("z{n}")), 50 + n);
    }
    let mut slices = Slices::freeze(&hosts);
    assert!(slices.count() > 100, "{}", slices.count());
    for n in 0..1_000 {
        let kernel = format!("late-{n}");
        slices.admit(&[(Dimension::Kernel, &kernel), (Dimension::Zone, &kernel)]);
    }
    assert!(slices.count() <= MOST_SLICES, "{}", slices.count());
    assert!(weights(&slices) <= 1.0);
}
