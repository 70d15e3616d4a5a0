//! What does a document whose evidence, credit, cohorts or proof are wrong get to hear?

use expect_test::expect;

use super::refusals::check;

#[test]
fn evidence_is_wrong_sometimes_and_holds_before_it_halts() {
    let changes = [
        ("false-halt = \"0.5%\"", "false-halt = \"0%\""),
        ("false-halt = \"0.5%\"", "false-halt = \"50.0001%\""),
        ("false-halt = \"0.5%\"", "false-halt = \"5.1%\""),
        ("false-halt = \"0.5%\"", "false-halt = \"5%\""),
        ("on-slice = \"quarantine\"", "on-slice = \"nothing\""),
        ("named = 2", "named = 0"),
        ("named = 2", ""),
        ("named = 2", "names = 2"),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:43:14: evidence.false-halt: evidence that may never be wrong would never stop anything. Write more than 0%.
        p.toml:43:14: evidence.false-halt: 50.0001% would halt more harmless patches than not. Write at most 50%.
        p.toml:44:14: evidence.false-hold: a hold at 5% comes after the halt at 5.1%. Write a false-hold that is not below the false-halt.
        good is accepted
        p.toml:45:12: evidence.on-slice: `nothing` means nothing here. Write "everything" or "quarantine".
        p.toml:46:9: evidence.named: 0 would halt before any kernel names the patch. Write at least 1.
        p.toml:42:2: evidence.named: this key is missing. Write for example `named = 3`: there is no default.
        p.toml:46:1: evidence.names: there is no such key here. Did you mean `named`?
    "#]],
    );
}

#[test]
fn credit_costs_more_than_it_earns_and_never_runs_dry() {
    let changes = [
        ("start = 40", "start = 0"),
        ("start = 40", "start = 8"),
        ("start = 40", "start = 9"),
        ("slice-floor = 3", "slice-floor = 16"),
        ("\nfloor = 9", "\nfloor = 0"),
        ("gain = 2", "gain = 0"),
        ("gain = 2", "gain = 9"),
        ("gain = 2", "gain = 8"),
        ("cost = 8", "cost = 1001"),
        ("ramp = \"20m\"", "ramp = \"0s\""),
        ("ramp = \"20m\"", "ramp = \"2d\""),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:49:9: credit.start: with 0 no host could ever begin. Write at least 1.
        p.toml:53:9: credit.floor: a floor of 9 is above the start of 8. Write at most 8.
        good is accepted
        p.toml:54:15: credit.slice-floor: a floor of 16 is above the start of 15. Write at most 15.
        p.toml:53:9: credit.floor: with 0 a bad slice would starve without a verdict. Write at least 1.
        p.toml:51:8: credit.gain: with 0 the rollout would never grow. Write at least 1.
        p.toml:52:8: credit.cost: a failed host costs 8, less than the 9 that a verified one earns. Write at least 9.
        good is accepted
        p.toml:52:8: credit.cost: 1001 is out of range. Write 1 to 1000 hosts.
        p.toml:55:8: credit.ramp: 0ms is out of range. Write 1ms to 1d.
        p.toml:55:8: credit.ramp: 2d is out of range. Write 1ms to 1d.
    "#]],
    );
}

#[test]
fn there_is_always_somebody_to_compare_with() {
    let changes = [
        ("sentinels = 4000", "sentinels = 0"),
        ("in-flight = \"20%\"", "in-flight = \"0%\""),
        ("share = \"4%\", at-least = 40", "share = \"4%\""),
        ("share = \"4%\", at-least = 40", "share = \"0%\", at-least = 0"),
        ("liars = 1", "liars = 1001"),
        ("per-stratum = 30", "per-stratum = \"30\""),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:59:13: cohorts.sentinels: with 0 there would be nobody to compare with. Write at least 1.
        p.toml:60:13: cohorts.in-flight: with 0% no host could ever begin. Write more than 0%.
        p.toml:61:1: cohorts.holdout.at-least: this key is missing. Write for example `at-least = 50`: there is no default.
        good is accepted
        p.toml:64:9: proof.liars: 1001 is out of range. Write 0 to 1000 hosts.
        p.toml:65:15: proof.per-stratum: a whole number belongs here, not the type string. Write for example `per-stratum = 59`.
    "#]],
    );
}
