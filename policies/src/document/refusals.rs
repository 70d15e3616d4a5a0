//! What does a document that is wrong get to hear?

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::tests::GOOD;
use super::{MAX_DOCUMENT_BYTES, parse};

/// Checks what the good document gets to hear, change by change: each replaces the first text by the
/// second, once.
pub(super) fn check(changes: &[(&str, &str)], expected: &Expect) {
    let mut heard = String::new();
    for (find, replace) in changes {
        assert!(GOOD.contains(find), "the good document has no `{find}`");
        match parse("p.toml", &GOOD.replacen(find, replace, 1)) {
            Ok(policy) => writeln!(heard, "{} is accepted", policy.name).unwrap(),
            Err(error) => writeln!(heard, "{error}").unwrap(),
        }
    }
    expected.assert_eq(&heard);
}

#[test]
fn an_unknown_key_is_told_the_nearest_known_one() {
    let changes = [
        ("soak =", "sok ="),
        ("in-flight =", "in_flight ="),
        ("[guard-rails]", "[guardrails]"),
        ("at-least = 5", "atleast = 5"),
        ("crashed = 3", "zebras = 3"),
        ("lease =", "\"le\\u001base\" ="),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:26:1: ladder[canary].sok: there is no such key here. Did you mean `soak`?
            p.toml:6:1: exposure.in_flight: there is no such key here. Did you mean `in-flight`?
            p.toml:8:2: guardrails: there is no such key here. Did you mean `guard-rails`?
            p.toml:13:19: guard-rails.failure-share.atleast: there is no such key here. Did you mean `at-least`?
            p.toml:9:1: guard-rails.zebras: there is no such key here. Known here: `crashed`, `failed`, `stalled`, `silent`, `failure-share`.
            p.toml:19:1: timing.le\u{1b}ase: there is no such key here. Known here: `beat`, `silent-after-beats`, `offer`, `lease`, `transition`, `health-checks`, `on-stall`.
        "#]],
    );
}

#[test]
fn a_missing_key_is_told_with_its_table_and_line() {
    let changes = [
        ("in-flight = \"10%\"", ""),
        ("hold = \"10%\", ", ""),
        ("waves = [\"1%\", \"12.5%\", \"100%\"]", ""),
        ("when-fewer = \"every-host\"", ""),
        ("tier = \"free\"", ""),
        ("[exposure]\nbudget = 20\nin-flight = \"10%\"", ""),
        (GOOD, ""),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:4:2: exposure.in-flight: this key is missing. Write for example `in-flight = "10%"`: there is no default.
            p.toml:13:1: guard-rails.failure-share.hold: this key is missing. Write for example `hold = "10%"`: there is no default.
            p.toml:33:1: ladder[free].waves: a tier that is not drawn needs waves. Write for example `waves = ["1%", "10%", "50%", "100%"]`: there is no default.
            p.toml:23:1: ladder[canary].when-fewer: this key is missing, for a tier with fewer hosts than min-verified. Write for example `when-fewer = "every-host"`: there is no default.
            p.toml:33:1: ladder[#2].tier: this key is missing. Write for example `tier = "free"`: there is no default.
            p.toml:1:1: exposure: this key is missing. Write for example `[exposure]`: there is no default.
            p.toml:1:1: name: this key is missing. Write for example `name = "standard"`: there is no default.
        "#]],
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_told_the_right_one() {
    let changes = [
        ("name = \"good\"", "name = 7"),
        ("budget = 20", "budget = 0.05"),
        ("\"10%\"", "\"10\""),
        ("crashed = 3", "crashed = \"3\""),
        ("crashed = 3", "crashed = -3"),
        ("crashed = 3", "crashed = 10_000_000"),
        ("crashed = 3", "crashed = 10_000_001"),
        ("[timing]", "timing = 5\n[t]"),
        ("[[ladder]]\ntier = \"free\"", "[other]\ntier = \"free\""),
        ("\"manual\"", "\"sometimes\""),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:1:8: name: text in quotes belongs here, not the type integer. Write for example `name = "standard"`.
            p.toml:5:10: exposure.budget: a number of hosts or a percentage in quotes belongs here, not the type float. Write for example `budget = "5%"`.
            p.toml:6:13: exposure.in-flight: `10` is not a percentage. Write 0% to 100% with at most 4 decimals, such as "12.5%".
            p.toml:9:11: guard-rails.crashed: a whole number belongs here, not the type string. Write for example `crashed = 3`.
            p.toml:9:11: guard-rails.crashed: -3 is out of range. Write 1 to 10000000 hosts.
            good is accepted
            p.toml:9:11: guard-rails.crashed: 10000001 is out of range. Write 1 to 10000000 hosts.
            p.toml:16:2: t: there is no such key here. Known here: `name`, `description`, `exposure`, `guard-rails`, `timing`, `ladder`, `evidence`, `credit`, `cohorts`, `proof`, `limits`, `people`, `expedite`, `proven`.
            p.toml:33:2: other: there is no such key here. Known here: `name`, `description`, `exposure`, `guard-rails`, `timing`, `ladder`, `evidence`, `credit`, `cohorts`, `proof`, `limits`, `people`, `expedite`, `proven`.
            p.toml:40:13: ladder[free].promotion: `sometimes` means nothing here. Write "automatic" or "manual".
        "#]],
    );
    let one_table = format!("{}[ladder]\n", before_ladder());
    check(
        &[(GOOD, &one_table)],
        &expect![[r#"
        p.toml:23:2: ladder: a list belongs here, not the type table. Write for example `[[ladder]]`.
    "#]],
    );
}

#[test]
fn a_length_of_time_needs_units_that_exist() {
    let changes = [
        ("\"24h\"", "24"),
        ("\"24h\"", "\"24\""),
        ("\"24h\"", "\"1.5h\""),
        ("\"24h\"", "\"24 hours\""),
        ("\"24h\"", "\"24hours\""),
        ("\"24h\"", "\"30m1h\""),
        ("\"24h\"", "\"99999999999999w\""),
        ("\"24h\"", "24.0"),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:26:8: ladder[canary].soak: `24` has no unit. Write which: "24s", "24m" or "24h".
            p.toml:26:8: ladder[canary].soak: `24` has no unit. Write which: "24s", "24m" or "24h".
            p.toml:26:8: ladder[canary].soak: `1.5h` is no length of time. Write whole numbers with the units w, d, h, m, s, ms, the largest first, such as "30s" or "1h30m".
            p.toml:26:8: ladder[canary].soak: `24 hours` is no length of time. Write whole numbers with the units w, d, h, m, s, ms, the largest first, such as "30s" or "1h30m".
            p.toml:26:8: ladder[canary].soak: `24hours` has the unit `hours`, which does not exist. Write whole numbers with the units w, d, h, m, s, ms, the largest first, such as "30s" or "1h30m".
            p.toml:26:8: ladder[canary].soak: `30m1h` has the unit `h` twice, or after a smaller one. Write whole numbers with the units w, d, h, m, s, ms, the largest first, such as "30s" or "1h30m".
            p.toml:26:8: ladder[canary].soak: `99999999999999w` is longer than can be counted. Write whole numbers with the units w, d, h, m, s, ms, the largest first, such as "30s" or "1h30m".
            p.toml:26:8: ladder[canary].soak: a length of time in quotes belongs here, not the type float. Write for example `soak = "4h"`.
        "#]],
    );
}

#[test]
fn names_are_short_and_plain() {
    let changes = [
        ("\"good\"", "\"Good one\""),
        ("\"good\"", "\"\""),
        ("\"good\"", &format!("\"{}\"", "a".repeat(63))),
        ("\"good\"", &format!("\"{}\"", "a".repeat(64))),
        ("tier = \"free\"", "tier = \"free tier\""),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:1:8: name: `Good one` is not a name. Write 1 to 63 of the characters a-z, 0-9 and -.
        p.toml:1:8: name: `` is not a name. Write 1 to 63 of the characters a-z, 0-9 and -.
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is accepted
        p.toml:1:8: name: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` is not a name. Write 1 to 63 of the characters a-z, 0-9 and -.
        p.toml:34:8: ladder[#2].tier: `free tier` is not a name. Write 1 to 63 of the characters a-z, 0-9 and -.
    "#]],
    );
}

#[test]
fn a_description_is_fit_for_a_screen() {
    let description = "\"A document that is right.\"";
    let changes = [
        (description, "\" \""),
        (description, "\"\\u001b[2J\""),
        (description, &format!("\"{}\"", "a".repeat(1_000))),
        (description, &format!("\"{}\"", "a".repeat(1_001))),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:2:15: description: the description has 0 bytes. Say in 1 to 1000 bytes what the policy is for.
        p.toml:2:15: description: the description has a control character in it. Write plain text and line breaks.
        good is accepted
        p.toml:2:15: description: the description has 1001 bytes. Say in 1 to 1000 bytes what the policy is for.
    "#]],
    );
}

#[test]
fn a_ladder_has_1_to_16_tiers_each_once() {
    let changes = [
        ("\"free\"", "\"canary\""),
        (GOOD, &format!("ladder = []\n{}", before_ladder())),
        (GOOD, &tiers(16)),
        (GOOD, &tiers(17)),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:34:8: ladder[canary].tier: the tier `canary` is on the ladder twice. Write each tier once, with more waves if it needs more steps.
            p.toml:1:10: ladder: there are 0 tiers. Write 1 to 16, for example `[[ladder]]`.
            good is accepted
            p.toml:23:1: ladder: there are 17 tiers. Write 1 to 16, for example `[[ladder]]`.
        "#]],
    );
}

#[test]
fn a_drawn_tier_draws_somebody_from_the_members_of_the_next() {
    let (draw, waves) =
        ("draw = { share = \"1%\", at-least-per-stratum = 2 }", "waves = [\"100%\"]");
    let drawn_twice =
        [before_ladder(), &tier("a", draw), &tier("b", draw), &tier("c", waves)].concat();
    let changes = [
        ("waves =", &*format!("{draw}\nwaves =")),
        (GOOD, &*drawn_twice),
        (draw, "draw = { share = \"0%\", at-least-per-stratum = 0 }"),
        (draw, "draw = { share = \"0%\", at-least-per-stratum = 1 }"),
        (draw, "draw = { share = \"0.1%\", at-least-per-stratum = 0 }"),
        (draw, "draw = { share = \"100%\", at-least-per-stratum = 0 }"),
    ];
    check(
        &changes,
        &expect![[r#"
        p.toml:35:1: ladder[free].draw: this is the last tier, so there is no next one to draw from. Leave `draw` out and write `waves`, or add the tier to draw from below.
        p.toml:33:1: ladder[b].draw: the tier `a` draws from this one, which has no members itself. Leave `draw` out of one of the two.
        p.toml:25:1: ladder[canary].draw: a draw of 0% and at least 0 hosts draws nobody. Write for example `draw = { share = "1%", at-least-per-stratum = 1 }`.
        good is accepted
        good is accepted
        p.toml:25:18: ladder[canary].draw.share: a draw of 100% leaves no host in the tier it draws from. Write less than 100%.
    "#]],
    );
}

#[test]
fn waves_rise_to_everything() {
    let waves = "[\"1%\", \"12.5%\", \"100%\"]";
    let rising = |n: u32| {
        let steps = (1..n).map(|n| format!("\"{n}%\", ")).collect::<String>();
        format!("[{steps}\"100%\"]")
    };
    let changes = [
        (waves, "[\"1%\", \"50%\", \"10%\", \"100%\"]"),
        (waves, "[\"1%\", \"50%\", \"50%\", \"100%\"]"),
        (waves, "[\"1%\", \"50%\"]"),
        (waves, "[\"0%\", \"100%\"]"),
        (waves, "[\"101%\"]"),
        (waves, "[]"),
        (waves, &rising(32)),
        (waves, &rising(33)),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:35:23: ladder[free].waves[#3]: wave 3 (10%) is smaller than wave 2 (50%). Waves are cumulative: write each larger than the one before, such as ["1%", "10%", "50%", "100%"].
            p.toml:35:23: ladder[free].waves[#3]: wave 3 (50%) repeats wave 2 (50%). Waves are cumulative: write each larger than the one before, such as ["1%", "10%", "50%", "100%"].
            p.toml:35:9: ladder[free].waves: the last wave (50%) is not 100%, so the tier would never be done. Add "100%" at the end.
            p.toml:35:10: ladder[free].waves[#1]: a wave of 0% has no hosts. Write more than 0%.
            p.toml:35:10: ladder[free].waves[#1]: `101%` is not a percentage. Write 0% to 100% with at most 4 decimals, such as "12.5%".
            p.toml:35:9: ladder[free].waves: there are 0 waves. Write 1 to 32, for example `waves = ["1%", "10%", "50%", "100%"]`.
            good is accepted
            p.toml:35:9: ladder[free].waves: there are 33 waves. Write 1 to 32, for example `waves = ["1%", "10%", "50%", "100%"]`.
        "#]],
    );
}

#[test]
fn caps_and_guard_rails_leave_room_for_the_first_host_and_for_an_end() {
    let changes = [
        ("budget = 20", "budget = 1"),
        ("budget = 20", "budget = 0"),
        ("in-flight = \"10%\"", "in-flight = \"0%\""),
        ("crashed = 3", "crashed = 1"),
        ("crashed = 3", "crashed = 0"),
        ("hold = \"10%\"", "hold = \"20%\""),
        ("hold = \"10%\"", "hold = \"20.0001%\""),
        ("halt = \"20%\"", "halt = \"100%\""),
        ("at-least = 5", "at-least = 0"),
        ("coverage = \"80%\"", "coverage = \"0%\""),
        ("verified = \"95%\"", "verified = \"0%\""),
    ];
    check(
        &changes,
        &expect![[r#"
            good is accepted
            p.toml:5:10: exposure.budget: with 0 no host could ever begin. Write at least 1.
            p.toml:6:13: exposure.in-flight: with 0 no host could ever begin. Write more than 0%.
            good is accepted
            p.toml:9:11: guard-rails.crashed: a guard rail of 0 would halt before the first host begins. Write at least 1.
            good is accepted
            p.toml:13:40: guard-rails.failure-share.hold: a hold above 20.0001% comes after the halt above 20%. Write a hold that is not above the halt.
            p.toml:13:54: guard-rails.failure-share.halt: no share is above 100%, so this would never halt. Write less than 100%, or leave failure-share out.
            p.toml:13:30: guard-rails.failure-share.at-least: 0 is out of range. Write 1 to 10000000 failures.
            p.toml:27:12: ladder[canary].coverage: a coverage of 0% would pass a wave in which no host began. Write more than 0%.
            p.toml:28:12: ladder[canary].verified: 0% verified would pass a wave of which nothing is known. Write more than 0%.
        "#]],
    );
}

#[test]
fn times_stay_within_what_works() {
    let changes = [
        ("beat = \"60s\"", "beat = \"100ms\""),
        ("beat = \"60s\"", "beat = \"99ms\""),
        ("beat = \"60s\"", "beat = \"61m\""),
        ("silent-after-beats = 5", "silent-after-beats = 2"),
        ("silent-after-beats = 5", "silent-after-beats = 1"),
        ("silent-after-beats = 5", "silent-after-beats = 101"),
        ("lease = \"10s\"", "lease = \"1s\""),
        ("lease = \"10s\"", "lease = \"999ms\""),
        ("lease = \"10s\"", "lease = \"601s\""),
        ("offer = \"5m\"", "offer = \"10s\""),
        ("offer = \"5m\"", "offer = \"9s\""),
        ("offer = \"5m\"", "offer = \"8d\""),
        ("transition = \"15m\"", "transition = \"0s\""),
        ("transition = \"15m\"", "transition = \"15m\"\non-stall = \"force\""),
    ];
    check(
        &changes,
        &expect![[r#"
            good is accepted
            p.toml:16:8: timing.beat: 99ms is out of range. Write 100ms to 1h.
            p.toml:16:8: timing.beat: 1h1m is out of range. Write 100ms to 1h.
            good is accepted
            p.toml:17:22: timing.silent-after-beats: 1 is out of range. Write 2 to 100 beats.
            p.toml:17:22: timing.silent-after-beats: 101 is out of range. Write 2 to 100 beats.
            good is accepted
            p.toml:19:9: timing.lease: 999ms is out of range. Write 1s to 10m.
            p.toml:19:9: timing.lease: 10m1s is out of range. Write 1s to 10m.
            good is accepted
            p.toml:18:9: timing.offer: an offer of 9s ends before a lease of 10s. Write at least 10s.
            p.toml:18:9: timing.offer: 8d is out of range. Write 1s to 7d.
            p.toml:20:14: timing.transition: 0ms is out of range. Write 1s to 1d.
            p.toml:21:12: timing.on-stall: `force` means nothing here. Write "keep" or "revert".
        "#]],
    );
}

#[test]
fn health_checks_rise_and_are_at_most_16() {
    let checks = "[\"0s\", \"1m\", \"15m\"]";
    let seconds = |n: u32| {
        let seconds: Vec<_> = (0..n).map(|n| format!("{n}s")).collect();
        format!("{seconds:?}")
    };
    let changes = [
        (checks, "[\"0s\", \"5m\", \"1m\"]"),
        (checks, "[\"1m\", \"1m\"]"),
        (checks, &seconds(16)),
        (checks, &seconds(17)),
        (checks, "[]"),
    ];
    check(
        &changes,
        &expect![[r#"
            p.toml:21:30: timing.health-checks[#3]: a health check at 1m cannot follow one at 5m. Write the times after the end of the transition, each later than the one before.
            p.toml:21:24: timing.health-checks[#2]: a health check at 1m cannot follow one at 1m. Write the times after the end of the transition, each later than the one before.
            good is accepted
            p.toml:21:17: timing.health-checks: there are 17 health checks. Write 1 to 16, for example `health-checks = ["0s", "1m", "5m", "15m"]`.
            p.toml:21:17: timing.health-checks: there are 0 health checks. Write 1 to 16, for example `health-checks = ["0s", "1m", "5m", "15m"]`.
        "#]],
    );
}

#[test]
fn a_soak_outlasts_silence_and_every_health_check() {
    let changes = [
        ("\"24h\"", "\"15m\""),
        ("\"24h\"", "\"14m\""),
        ("beat = \"60s\"", "beat = \"18m\""),
        ("beat = \"60s\"", "beat = \"20m\""),
        ("\"24h\"", "\"30d\""),
        ("\"24h\"", "\"31d\""),
    ];
    check(
        &changes,
        &expect![[r#"
        good is accepted
        p.toml:26:8: ladder[canary].soak: a soak of 14m ends before the last health check, at 15m. Write at least 15m, or drop that check from timing.health-checks.
        good is accepted
        p.toml:36:8: ladder[free].soak: a soak of 1h30m ends before a silent host is noticed, after 1h40m. Write at least 1h40m (5 beats of 20m), or beat faster.
        good is accepted
        p.toml:26:8: ladder[canary].soak: 31d is out of range. Write 1ms to 30d.
    "#]],
    );
}

#[test]
fn what_is_no_toml_is_told_where() {
    let changes = [("name = \"good\"", "name = good"), ("crashed = 3", "crashed = 3\ncrashed = 4")];
    check(
        &changes,
        &expect![[r#"
        p.toml:1:8: string values must be quoted, expected literal string. Mend the TOML: see https://toml.io for its rules.
        p.toml:10:1: duplicate key. Mend the TOML: see https://toml.io for its rules.
    "#]],
    );
}

#[test]
fn a_document_has_an_end() {
    let filled = |bytes: usize| format!("{GOOD}#{}", "x".repeat(bytes - GOOD.len() - 1));
    let changes = [(GOOD, &*filled(MAX_DOCUMENT_BYTES)), (GOOD, &*filled(MAX_DOCUMENT_BYTES + 1))];
    check(
        &changes,
        &expect![[r#"
        good is accepted
        p.toml:1:1: the document has 65537 bytes. A policy has at most 65536.
    "#]],
    );
}

fn before_ladder() -> &'static str {
    GOOD.split_once("[[ladder]]").unwrap().0
}

fn tier(name: &str, how: &str) -> String {
    format!(
        "[[ladder]]\ntier = \"{name}\"\n{how}\nsoak = \"1h\"\ncoverage = \"80%\"\n\
        verified = \"95%\"\nmin-verified = 0\npromotion = \"manual\"\n"
    )
}

fn tiers(count: usize) -> String {
    let tiers: String = (0..count).map(|n| tier(&format!("t{n}"), "waves = [\"100%\"]")).collect();
    format!("{}{tiers}", before_ladder())
}
