//! Is each report counted once, and only for its own host, grant and boot?

use expect_test::expect;

use super::check;
use super::script::run;
use super::world::World;
use crate::machine::fleet::Host;

const SOAKING: &str = "fleet 3
     create r1 113.1
     start r1
     tick 0s
     tick 1s asking=h1,h2
     begin h1,h2
     report h1 applied
     ---
     ";

fn soaking(script: &str) -> String {
    format!("{SOAKING}{script}")
}

#[test]
fn a_report_that_comes_again_is_answered_again_and_not_counted() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         ---
         report h1 applied seq=1
         report h1 applied seq=1
         report h1 crashed seq=2
         report h1 applied crashed health seq=1",
        &expect![[r#"
            report h1 applied seq=1
                counted; g1 of h1 applied
            report h1 applied seq=1
                counted
            report h1 crashed seq=2
                counted; g1 of h1 crashed: why
            report h1 applied crashed health seq=1
                counted counted stale
        "#]],
    );
}

#[test]
fn a_report_in_a_new_spool_is_a_new_report() {
    check(
        &soaking(
            "report h1 applied spool=2 seq=1
             report h1 crashed spool=2 seq=2
             report h1 crashed spool=3 seq=1",
        ),
        &expect![[r#"
            report h1 applied seq=1 spool=2
                stale
            report h1 crashed seq=2 spool=2
                counted; g2 of h1 crashed: why
            report h1 crashed seq=1 spool=3
                counted
        "#]],
    );
}

#[test]
fn an_old_spool_that_comes_again_later_counts_nothing() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s
         report h1 started boot=b1 spool=1 seq=7
         report h1 started boot=b2 spool=2 seq=1
         tick 1s asking=h1
         begin h1
         ---
         report h1 started boot=b1 spool=1 seq=7
         report h1 applied spool=2 seq=2
         report h1 started boot=b1 spool=1 seq=7
         report h1 crashed spool=2 seq=2",
        &expect![[r#"
            report h1 started boot=b1 seq=7 spool=1
                counted
            report h1 applied seq=2 spool=2
                counted; g1 of h1 applied
            report h1 started boot=b1 seq=7 spool=1
                counted
            report h1 crashed seq=2 spool=2
                counted
        "#]],
    );
}

#[test]
fn a_report_on_the_grant_of_another_host_is_refused_and_changes_nothing() {
    let mut world = World::new();
    run(&mut world, &soaking("tick 1s"));
    let before = world.machine.clone();
    let transcript = run(&mut world, "report h2 crashed grant=h1\nreport h2 health grant=99");
    expect![[r#"
        report h2 crashed grant=h1
            refused(NOT_YOUR_GRANT)
        report h2 health grant=99
            refused(NOT_YOUR_GRANT)
    "#]]
    .assert_eq(&transcript);
    let mut after = world.machine.clone();
    after.applied = before.applied;
    let h2 = super::world::host("h2");
    let spools = before.hosts.get(&h2).unwrap().spools;
    let marked = after.hosts.get(&h2).unwrap();
    after.hosts.put(Host { spools, ..marked });
    assert_eq!(after.state_hash(), before.state_hash());
}

#[test]
fn a_soak_that_is_not_over_on_the_clusters_clock_does_not_count() {
    check(
        &soaking(
            "report h1 soaked
             tick 3s heard=h1,h2
             tick 999ms
             report h1 soaked
             tick 1ms
             report h1 soaked",
        ),
        &expect![[r#"
            report h1 soaked
                not-yet(4s)
            tick 3s heard=h1,h2
                ok; g2 of h1 heard; g1 of h2 heard
            tick 999ms
                ok
            report h1 soaked
                not-yet(1ms); g2 of h1 heard
            tick 1ms
                ok
            report h1 soaked
                counted; g2 of h1 soaked
        "#]],
    );
}

#[test]
fn a_soak_in_another_boot_than_the_grants_verifies_nobody() {
    check(
        &soaking(
            "tick 4s heard=h1,h2
             report h1 soaked boot=b2
             report h1 health boot=b2
             report h1 soaked",
        ),
        &expect![[r#"
            tick 4s heard=h1,h2
                ok; g2 of h1 heard; g1 of h2 heard
            report h1 soaked boot=b2
                stale
            report h1 health boot=b2
                stale
            report h1 soaked
                counted; g2 of h1 soaked
        "#]],
    );
}

#[test]
fn an_apply_in_another_boot_than_the_grants_starts_no_soak() {
    check(
        &soaking("report h2 applied boot=b2"),
        &expect![[r#"
        report h2 applied boot=b2
            stale
    "#]],
    );
}

#[test]
fn a_soak_that_ends_without_the_livepatch_is_a_failure() {
    check(
        &soaking("report h1 soaked-gone"),
        &expect![[r#"
        report h1 soaked-gone
            counted; g2 of h1 failed: at the end of the soak the livepatch is not enabled
    "#]],
    );
}

#[test]
fn a_livepatch_that_is_gone_in_mid_soak_is_a_failure() {
    check(
        &soaking("report h1 health\nreport h1 health-gone"),
        &expect![[r#"
        report h1 health
            counted
        report h1 health-gone
            counted; g2 of h1 failed: while soaking the livepatch is not enabled any more
    "#]],
    );
}

#[test]
fn a_failure_only_ever_gets_worse() {
    check(
        &soaking(
            "report h1 failed
             report h1 stalled
             report h1 applied
             report h1 soaked
             report h1 refused
             report h1 crashed
             report h1 failed",
        ),
        &expect![[r#"
            report h1 failed
                counted; g2 of h1 failed: why
            report h1 stalled
                counted
            report h1 applied
                stale
            report h1 soaked
                stale
            report h1 refused
                stale
            report h1 crashed
                counted; g2 of h1 crashed: why
            report h1 failed
                counted
        "#]],
    );
}

#[test]
fn a_host_that_did_not_begin_has_nothing_to_report() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         report h1 applied crashed soaked health",
        &expect![[r#"
            report h1 applied crashed soaked health
                stale stale stale stale
        "#]],
    );
}

#[test]
fn a_begun_host_may_refuse_for_reasons_of_its_own_and_a_soaking_one_may_not() {
    check(
        &soaking("report h2 refused boot=b2\nreport h2 refused\nreport h1 refused"),
        &expect![[r#"
        report h2 refused boot=b2
            stale
        report h2 refused
            counted; g1 of h2 refused: why
        report h1 refused
            stale
    "#]],
    );
}

#[test]
fn reports_of_a_host_that_is_not_enrolled_are_refused() {
    check(
        &soaking("report h40 started"),
        &expect![[r#"
        report h40 started
            UNKNOWN_HOST
    "#]],
    );
}
