//! What does a new boot mean: a crash, or a reboot that was announced?

use expect_test::expect;

use super::check;

const IN_FLIGHT: &str = "fleet 3
     create r1 113.1
     start r1
     tick 0s
     tick 1s asking=h1,h2
     begin h1
     report h1 applied
     ---
     ";

fn in_flight(script: &str) -> String {
    format!("{IN_FLIGHT}{script}")
}

#[test]
fn a_new_boot_without_a_goodbye_is_a_crash_with_or_without_evidence() {
    check(
        &in_flight(
            "report h1 started boot=b2
             begin h2
             report h2 started boot=b2 marker=h2 evidence=oops",
        ),
        &expect![[r#"
            report h1 started boot=b2
                counted; g2 of h1 crashed: the host rebooted without a goodbye, and left no kernel evidence; h1 runs k1 in b2
            begin h2
                go, epoch 1, lease 5s; g1 of h2 begun
            report h2 started boot=b2 evidence=oops marker=h2
                counted; g1 of h2 crashed: oops; h2 runs k1 in b2
        "#]],
    );
}

#[test]
fn a_start_in_the_same_boot_is_an_agent_that_was_restarted() {
    check(
        &in_flight("report h1 started marker=h1\nreport h1 started kernel=k2"),
        &expect![[r#"
        report h1 started marker=h1
            counted
        report h1 started kernel=k2
            counted; h1 runs k2 in b1
    "#]],
    );
}

#[test]
fn a_new_boot_of_an_offered_host_is_no_crash() {
    check(
        &in_flight("report h2 started boot=b2\nbegin h2"),
        &expect![[r#"
        report h2 started boot=b2
            counted; h2 runs k1 in b2
        begin h2
            go, epoch 1, lease 5s; g1 of h2 begun
    "#]],
    );
}

#[test]
fn a_new_boot_after_the_soak_is_no_crash_unless_the_kernel_left_evidence() {
    check(
        &in_flight(
            "tick 4s heard=h1
             report h1 soaked
             report h1 started boot=b2 marker=h1
             report h1 started boot=b3 marker=h1 evidence=oops",
        ),
        &expect![[r#"
            tick 4s heard=h1
                ok; g2 of h1 heard
            report h1 soaked
                counted; g2 of h1 soaked
            report h1 started boot=b2 marker=h1
                counted; h1 runs k1 in b2
            report h1 started boot=b3 evidence=oops marker=h1
                counted; g2 of h1 crashed: oops; h1 runs k1 in b3
        "#]],
    );
}

#[test]
fn a_silent_host_that_comes_back_in_a_new_boot_has_crashed() {
    check(
        &in_flight(
            "tick 1s x3
             report h1 started boot=b2 marker=h1",
        ),
        &expect![[r#"
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok; g2 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
            report h1 started boot=b2 marker=h1
                counted; g2 of h1 crashed: the host rebooted without a goodbye, and left no kernel evidence; h1 runs k1 in b2
        "#]],
    );
}

#[test]
fn a_crash_is_found_by_its_marker_even_if_the_host_has_another_offer() {
    check(
        "fleet 1
         blob 113.2 k1
         publish 113.2 k1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 1s x3
         halt r1
         create r2 113.2
         start r2
         tick 1s asking=h1
         ---
         report h1 started boot=b2 marker=1 evidence=oops",
        &expect![[r#"
            report h1 started boot=b2 evidence=oops marker=1
                counted; g1 of h1 crashed: oops; h1 runs k1 in b2
        "#]],
    );
}

#[test]
fn a_marker_that_names_the_grant_of_another_host_accuses_nobody() {
    check(
        &in_flight("report h3 started boot=b2 marker=h1 evidence=oops"),
        &expect![[r#"
        report h3 started boot=b2 evidence=oops marker=h1
            counted; h3 runs k1 in b2
    "#]],
    );
}

#[test]
fn a_goodbye_is_no_failure_and_the_host_may_have_another_grant() {
    check(
        &in_flight(
            "report h1 goodbye
             report h1 started boot=b2 marker=h1
             tick 1s asking=h1
             begin h1",
        ),
        &expect![[r#"
            report h1 goodbye
                counted; g2 of h1 refused: the host said goodbye: reboot
            report h1 started boot=b2 marker=h1
                counted; h1 runs k1 in b2
            tick 1s asking=h1
                ok; g3 offered to h1, epoch 1
            begin h1
                go, epoch 1, lease 5s; g3 of h1 begun
        "#]],
    );
}

#[test]
fn a_goodbye_takes_an_offer_back() {
    check(
        &in_flight("report h2 goodbye\nbegin h2\nreport h3 goodbye"),
        &expect![[r#"
        report h2 goodbye
            counted; g1 of h2 withdrawn
        begin h2
            no-go Withdrawn, again never
        report h3 goodbye
            counted
    "#]],
    );
}

#[test]
fn a_goodbye_of_another_boot_ends_no_grant() {
    check(
        &in_flight("report h1 goodbye boot=b0\nreport h2 goodbye boot=b0"),
        &expect![[r#"
        report h1 goodbye boot=b0
            stale
        report h2 goodbye boot=b0
            stale
    "#]],
    );
}

#[test]
fn a_crash_on_the_way_down_counts_in_spite_of_the_goodbye() {
    check(
        &in_flight(
            "report h1 goodbye
             report h1 started boot=b2 marker=h1 evidence=oops
             tick 1s asking=h1",
        ),
        &expect![[r#"
            report h1 goodbye
                counted; g2 of h1 refused: the host said goodbye: reboot
            report h1 started boot=b2 evidence=oops marker=h1
                counted; g2 of h1 crashed: oops; h1 runs k1 in b2
            tick 1s asking=h1
                ok
        "#]],
    );
}

#[test]
fn enrolling_again_cannot_hide_a_reboot() {
    check(
        &in_flight(
            "enrol h1 free boot=b2
             begin h1 boot=b2
             report h1 started boot=b2",
        ),
        &expect![[r#"
            enrol h1 free boot=b2
                h1 in free; h1 enrolled with free in free
            begin h1 boot=b2
                no-go BootChanged, again in 1s
            report h1 started boot=b2
                counted; g2 of h1 crashed: the host rebooted without a goodbye, and left no kernel evidence; h1 runs k1 in b2
        "#]],
    );
}
