//! Does credit grow, fall and stop where it should? Both sides of each edge.

use std::collections::BTreeMap;

use super::*;

fn slices() -> Slices {
    let hosts = [
        ((Dimension::Kernel, "5.15".to_owned()), 900),
        ((Dimension::Kernel, "6.8".to_owned()), 100),
        ((Dimension::Zone, "a".to_owned()), 1_000),
    ];
    Slices::freeze(&BTreeMap::from(hosts))
}

/// A book after so many hosts of the kernel 6.8 were verified and failed.
fn book(verified: u64, failed: u64) -> (CreditBook, Slices, Membership) {
    let mut slices = slices();
    let member = slices.admit(&[(Dimension::Kernel, "6.8"), (Dimension::Zone, "a")]);
    let mut book = CreditBook::default();
    for end in [(verified, FlightEnd::Verified), (failed, FlightEnd::Failed)] {
        for _ in 0..end.0 {
            book.begin(&member, Elapsed(0));
            book.end(&member, end.1);
        }
    }
    (book, slices, member)
}

#[track_caller]
fn check(verified: u64, failed: u64, whole: u64, slice: u64) {
    let (book, slices, member) = book(verified, failed);
    let rule = CreditRule::STANDARD;
    let kernel = member.iter().nth(1).unwrap();
    assert_eq!(slices.name(kernel), "kernel 6.8");
    assert_eq!(rule.cap(SliceId(0), &book.of(SliceId(0)), 1_000), whole);
    assert_eq!(rule.cap(kernel, &book.of(kernel), 1_000), slice);
}

#[test]
fn credit_starts_grows_by_three_and_falls_by_ten() {
    check(0, 0, 50, 20);
    check(1, 0, 53, 23);
    check(10, 1, 70, 40);
}

#[test]
fn credit_stays_between_its_floor_and_its_most() {
    check(0, 4, 10, 4);
    check(0, 400, 10, 4);
    check(400, 0, 1_000, 1_000);
    assert_eq!(CreditRule::STANDARD.cap(SliceId(0), &Credit::default(), 3), 3);
    assert_eq!(CreditRule::STANDARD.cap(SliceId(0), &Credit::default(), 0), 1);
}

#[test]
fn a_small_fleet_doubles_from_two() {
    assert_eq!(CreditRule::for_fleet(499), CreditRule::SMALL);
    assert_eq!(CreditRule::for_fleet(500), CreditRule::STANDARD);
    let (mut caps, mut credit) = (Vec::new(), Credit::default());
    for _ in 0..4 {
        let cap = CreditRule::SMALL.cap(SliceId(0), &credit, 100);
        credit.verified += cap;
        caps.push(cap);
    }
    assert_eq!(caps, [2, 4, 8, 16]);
}

#[test]
fn the_tightest_slice_stops_a_begin_and_others_go_on() {
    let (mut book, mut slices, member) = book(0, 0);
    let other = slices.admit(&[(Dimension::Kernel, "5.15")]);
    for minute in 0..20 {
        book.begin(&member, Elapsed(minute * 60_000));
    }
    let now = Elapsed(20 * 60_000);
    let room = |book: &CreditBook, member: &Membership, reserved| {
        book.room(&CreditRule::STANDARD, (&slices, member), (reserved, 1_000), now)
    };
    let kernel = member.iter().nth(1).unwrap();
    assert_eq!(
        room(&book, &member, 0),
        Err(NoCredit::Cap { slice: kernel, in_flight: 20, cap: 20 })
    );
    assert_eq!(room(&book, &other, 29), Ok(()));
    assert_eq!(
        room(&book, &other, 30),
        Err(NoCredit::Cap { slice: SliceId(0), in_flight: 50, cap: 50 })
    );
    assert_eq!(book.tightest(&CreditRule::STANDARD, &slices, 1_000), kernel);
    assert_eq!(
        CreditRule::STANDARD.arithmetic(kernel, &book.of(kernel), 1_000),
        "20 = 20 + 3 x 0 verified - 10 x 0 failed, at least 4, at most 1000"
    );
}

#[test]
fn a_cap_is_filled_over_its_ramp_and_not_at_once() {
    let (mut book, slices, member) = book(0, 0);
    let rule = CreditRule::STANDARD;
    let room =
        |book: &CreditBook, ms| book.room(&rule, (&slices, &member), (0, 1_000), Elapsed(ms));
    assert_eq!(rule.per_minute(50), 1);
    assert_eq!((rule.per_minute(89), rule.per_minute(90)), (2, 3));
    assert_eq!(room(&book, 60_000), Ok(()));
    book.begin(&member, Elapsed(60_000));
    assert_eq!(room(&book, 119_999), Err(NoCredit::Rate { begun: 1, most: 1 }));
    assert_eq!(room(&book, 120_000), Ok(()));
    assert_eq!(CreditRule { ramp: Millis(0), ..rule }.per_minute(50), u64::MAX);
}

#[test]
fn after_a_probe_a_quarter_is_left_and_after_a_resume_the_start() {
    let (mut book, _, _) = book(80, 2);
    let cap = |book: &CreditBook| CreditRule::STANDARD.cap(SliceId(0), &book.of(SliceId(0)), 1_000);
    assert_eq!(cap(&book), 50 + 240 - 20);
    book.quarter();
    assert_eq!(cap(&book), 50 + 60);
    book.quarter();
    assert_eq!(cap(&book), 50 + 15);
    book.renew();
    assert_eq!(cap(&book), 50);
}

#[test]
fn what_is_left_is_the_cap_less_who_flies_and_who_was_promised_a_place() {
    let (mut book, _, member) = book(1, 0);
    let rule = CreditRule::STANDARD;
    assert_eq!(book.left(&rule, (0, 1_000)), 53);
    book.begin(&member, Elapsed(0));
    assert_eq!(book.left(&rule, (2, 1_000)), 50);
    assert_eq!(book.left(&rule, (100, 1_000)), 0);
    assert_eq!(book.left(&rule, (2, 10)), 7);
}
