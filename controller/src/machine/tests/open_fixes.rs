//! Is every fix that a host lacks seen, whatever keeps the host from it, and is a promise that is broken?

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use crate::machine::ids::TierName;
use crate::machine::open_fixes::{Level, OpenFixes};

use super::script::run;
use super::world::World;

/// Four hosts of kernel k1 and two of k2; a patch set for k1 was published an hour after midnight.
const FLEET: &str = "bootstrap free
     token free free 40
     enrol h1..h4 free
     enrol h5,h6 free kernel=k2
     tick 0s wall=3600000
     blob 113.1 k1
     publish 113.1 k1 fixes=cve-1:critical,cve-2:low";

/// The same after h1 has it applied.
const STARTED: &str = "create r1 113.1 budget=40
     start r1
     tick 1s asking=h1 wall=3601000
     begin h1
     report h1 applied";

fn drawn(of: &OpenFixes) -> String {
    let mut text = format!("{} of {} hosts\n", of.open_hosts, of.hosts);
    for fix in &of.fixes {
        let (severity, since) = (fix.severity.word(), fix.since);
        let (open, hosts) = (fix.open_hosts, fix.hosts);
        writeln!(text, "{} {severity} since {since}: {open} of {hosts}", fix.name).unwrap();
    }
    for kept in &of.causes {
        write!(text, "{} {}: {}", kept.cause.word(), kept.cause.resource(), kept.hosts).unwrap();
        for open in &kept.open {
            write!(text, ", {} {} on {}", open.fixes, open.severity.word(), open.hosts).unwrap();
        }
        text.push('\n');
    }
    for level in &of.levels {
        let Level { late_hosts: late, tolerated_hosts: may, due_hosts: due, hosts, .. } = level;
        let (standing, objective) = (level.standing(), level.objective.words());
        let next = level.next_due.map_or_else(|| "-".to_owned(), |at| at.to_string());
        write!(text, "{} {objective}: {standing:?}, {late} late of {hosts}", level.tier).unwrap();
        let burn = level.burn_ppm();
        writeln!(text, ", may {may} ({burn:?} ppm), {due} due, first {next}").unwrap();
    }
    text
}

/// What is open after the fleet, and `script` on top of it.
#[track_caller]
fn open(script: &str, expected: &Expect) {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\n{script}"));
    expected.assert_eq(&drawn(&world.machine.open_fixes(None)));
    world.finish();
}

#[test]
fn a_fix_is_open_on_every_host_whose_kernel_it_was_published_for_until_the_host_runs_it() {
    open(
        "",
        &expect![[r#"
        4 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 4 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 4 of 4
        not-started patchSets/113.1: 4, 1 critical on 4, 1 low on 4
    "#]],
    );
    open(
        STARTED,
        &expect![[r#"
        3 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 3 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 3 of 4
        turn rollouts/r1: 3, 1 critical on 3, 1 low on 3
    "#]],
    );
    // A boot takes the livepatch out.
    open(
        &format!("{STARTED}\nreport h1 goodbye\nreport h1 started boot=b2"),
        &expect![[r#"
            4 of 6 hosts
            cve-1 critical since 1970-01-01T01:00:00Z: 4 of 4
            cve-2 low since 1970-01-01T01:00:00Z: 4 of 4
            turn rollouts/r1: 4, 1 critical on 4, 1 low on 4
        "#]],
    );
}

#[test]
fn patch_sets_are_cumulative_and_what_was_withdrawn_holds_nothing() {
    let newer = "blob 114.1 k1\nblob 114.1 k2\ntick 0s wall=7200000\npublish 114.1 k1 k2 fixes=cve-1:critical,cve-3:high";
    open(
        &format!("{STARTED}\n{newer}"),
        &expect![[r#"
        6 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 5 of 6
        cve-3 high since 1970-01-01T02:00:00Z: 6 of 6
        cve-2 low since 1970-01-01T01:00:00Z: 3 of 4
        not-started patchSets/114.1: 6, 1 critical on 5, 1 high on 6, 1 low on 3
    "#]],
    );
    open(
        &format!("{STARTED}\n{newer}\nrollback r1 reason=bad"),
        &expect![[r#"
        6 of 6 hosts
        cve-1 critical since 1970-01-01T02:00:00Z: 6 of 6
        cve-3 high since 1970-01-01T02:00:00Z: 6 of 6
        not-started patchSets/114.1: 6, 1 critical on 6, 1 high on 6
    "#]],
    );
}

#[test]
fn every_thing_that_keeps_hosts_out_is_named_with_what_it_leaves_open() {
    let cases = [
        ("halt r1 reason=bad", "halt rollouts/r1"),
        ("halt r1 slice=kernel=k1", "slice-halt rollouts/r1"),
        ("pause r1", "pause rollouts/r1"),
        ("freeze f1 reason=xmas", "freeze freezes/f1"),
        ("ladder free cut-off=free:1000", "cut-off tiers/free"),
        ("ladder free delay=free:604800s", "delay tiers/free"),
        ("ladder free windows=free:0_22_*_*_*/2h", "window tiers/free"),
        ("hold-back free delay=604800s", "holdback tokens/free"),
        ("revoke free reason=stolen", "token tokens/free"),
        ("", "turn rollouts/r1"),
    ];
    for (script, expected) in cases {
        let mut world = World::new();
        run(&mut world, &format!("{FLEET}\n{STARTED}\n{script}"));
        let of = world.machine.open_fixes(None);
        let [kept] = &of.causes[..] else { panic!("{script}: {:?}", of.causes) };
        assert_eq!(format!("{} {}", kept.cause.word(), kept.cause.resource()), expected);
        let open: Vec<_> = kept.open.iter().map(|open| (open.fixes, open.hosts)).collect();
        assert_eq!((kept.hosts, open), (3, vec![(1, 3), (1, 3)]), "{script}");
        world.finish();
    }
}

#[test]
fn what_is_about_one_host_is_told_apart_from_what_is_about_all() {
    open(
        &format!(
            "enrol h7 free mode=no-apply
             {STARTED}
             hold-back h2 delay=604800s
             tick 1s asking=h3 wall=3602000
             begin h3
             report h3 failed"
        ),
        &expect![[r#"
            4 of 7 hosts
            cve-1 critical since 1970-01-01T01:00:00Z: 4 of 5
            cve-2 low since 1970-01-01T01:00:00Z: 4 of 5
            holdback hosts/e4fe705d2546e890: 1, 1 critical on 1, 1 low on 1
            no-apply : 1, 1 critical on 1, 1 low on 1
            went-wrong rollouts/r1: 1, 1 critical on 1, 1 low on 1
            turn rollouts/r1: 1, 1 critical on 1, 1 low on 1
        "#]],
    );
}

#[test]
fn an_objective_burns_from_publication_and_is_missed_by_one_host_more_than_tolerated() {
    let ladder = "ladder free objective=free:critical/75%/86400s";
    open(
        &format!("{ladder}\n{STARTED}"),
        &expect![[r#"
        3 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 3 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 3 of 4
        turn rollouts/r1: 3, 1 critical on 3, 1 low on 3
        free critical: 75% within 1d: Burning, 0 late of 4, may 1 (Some(0) ppm), 3 due, first 1970-01-02T01:00:00Z
    "#]],
    );
    let applied = |hosts: &str| {
        format!(
            "{ladder}\n{STARTED}\ntick 1s asking={hosts} wall=3602000\nbegin {hosts}\nreport {hosts} applied"
        )
    };
    open(
        &format!("{}\ntick 1s wall=89999999", applied("h2")),
        &expect![[r#"
        2 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 2 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 2 of 4
        turn rollouts/r1: 2, 1 critical on 2, 1 low on 2
        free critical: 75% within 1d: Burning, 0 late of 4, may 1 (Some(0) ppm), 2 due, first 1970-01-02T01:00:00Z
    "#]],
    );
    open(
        &format!("{}\ntick 1s wall=90000000", applied("h2")),
        &expect![[r#"
        2 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 2 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 2 of 4
        turn rollouts/r1: 2, 1 critical on 2, 1 low on 2
        free critical: 75% within 1d: Missed, 2 late of 4, may 1 (Some(2000000) ppm), 0 due, first -
    "#]],
    );
    open(
        &format!("{}\ntick 1s wall=90000000", applied("h2,h3")),
        &expect![[r#"
        1 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 1 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 1 of 4
        turn rollouts/r1: 1, 1 critical on 1, 1 low on 1
        free critical: 75% within 1d: Burning, 1 late of 4, may 1 (Some(1000000) ppm), 0 due, first -
    "#]],
    );
    open(
        &format!("{}\ntick 1s wall=90000000", applied("h2..h4")),
        &expect![[r#"
        0 of 6 hosts
        cve-1 critical since 1970-01-01T01:00:00Z: 0 of 4
        cve-2 low since 1970-01-01T01:00:00Z: 0 of 4
        free critical: 75% within 1d: Met, 0 late of 4, may 1 (Some(0) ppm), 0 due, first -
    "#]],
    );
}

#[test]
fn a_tier_is_counted_alone() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\n{STARTED}"));
    let tier = |name: &str| name.parse::<TierName>().unwrap();
    assert_eq!(world.machine.open_fixes(Some(&tier("paid"))).hosts, 0);
    let free = world.machine.open_fixes(Some(&tier("free")));
    assert_eq!((free.hosts, free.open_hosts), (6, 3));
    world.finish();
}
