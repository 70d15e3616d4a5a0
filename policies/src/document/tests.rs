//! Does a document mean what it says, and does it say everything?

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{PRESETS, parse};
use crate::credit::CreditRule;
use crate::detector::ruling::OnSlice;
use crate::limits::{Limits, Rate};
use crate::people::{Expedite, MayAuthor, People, Proven, ToWiden};
use crate::policy::{GuardRails, Judgement, OnStall, Policy, Promotion, Stage, WhenFewer};
use crate::share::{Quantity, Share};
use crate::time::Millis;

pub(super) const GOOD: &str = r#"name = "good"
description = "A document that is right."

[exposure]
budget = 20
in-flight = "10%"

[guard-rails]
crashed = 3
failed = 5
stalled = 5
silent = 6
failure-share = { at-least = 5, hold = "10%", halt = "20%" }

[timing]
beat = "60s"
silent-after-beats = 5
offer = "5m"
lease = "10s"
transition = "15m"
health-checks = ["0s", "1m", "15m"]

[[ladder]]
tier = "canary"
draw = { share = "1%", at-least-per-stratum = 2 }
soak = "24h"
coverage = "80%"
verified = "95%"
min-verified = 299
when-fewer = "every-host"
promotion = "automatic"

[[ladder]]
tier = "free"
waves = ["1%", "12.5%", "100%"]
soak = "1h30m"
coverage = "70%"
verified = "90%"
min-verified = 0
promotion = "manual"

[evidence]
false-halt = "0.5%"
false-hold = "5%"
on-slice = "quarantine"
named = 2

[credit]
start = 40
slice-start = 15
gain = 2
cost = 8
floor = 9
slice-floor = 3
ramp = "20m"

[cohorts]
everybody-up-to = 20000
sentinels = 4000
in-flight = "20%"
holdout = { share = "4%", at-least = 40 }

[proof]
liars = 1
per-stratum = 30
"#;

#[test]
fn a_good_document_says_what_it_means() {
    let policy = parse("p.toml", GOOD).unwrap();
    assert_eq!(policy.exposure.budget, Quantity::Hosts(20));
    assert_eq!(policy.guard_rails.failure_share.unwrap().at_least, 5);
    assert_eq!(policy.timing.silent_after(), Millis::from_secs(300));
    let [canary, free] = policy.ladder.as_slice() else { panic!("two tiers") };
    assert_eq!(canary.draw.unwrap().at_least_per_stratum, 2);
    assert_eq!(canary.waves, [Share::ALL], "a drawn tier is one wave unless it says otherwise");
    assert_eq!(canary.gates.when_fewer, WhenFewer::EveryHost);
    assert_eq!(
        free.waves.iter().map(|wave| wave.ppm()).collect::<Vec<_>>(),
        [10_000, 125_000, 1_000_000]
    );
    assert_eq!(free.gates.soak, Millis::from_secs(5_400));
    assert_eq!(free.gates.promotion, Promotion::Manual);
}

#[test]
fn a_stalled_transition_is_kept_unless_the_document_says_revert() {
    let on_stall = |line: &str| {
        let transition = "transition = \"15m\"\n";
        let text = GOOD.replace(transition, &format!("{transition}{line}"));
        parse("p.toml", &text).unwrap().timing.on_stall
    };
    assert_eq!(on_stall(""), OnStall::Keep);
    assert_eq!(on_stall("on-stall = \"keep\"\n"), OnStall::Keep);
    assert_eq!(on_stall("on-stall = \"revert\"\n"), OnStall::Revert);
}

#[test]
fn the_tables_of_judgement_say_what_they_mean_and_may_be_left_out() {
    let judgement = parse("p.toml", GOOD).unwrap().judgement.unwrap();
    assert_eq!(judgement.evidence.false_halt, Share::from_ppm(5_000).unwrap());
    assert_eq!(judgement.evidence.on_slice, OnSlice::Quarantine);
    assert_eq!(judgement.signatures.named, 2);
    assert_eq!(judgement.credit.unwrap().ramp, Millis::from_secs(1_200));
    assert_eq!((judgement.cohorts.sentinels, judgement.cohorts.holdout_hosts), (4_000, 40));
    assert_eq!((judgement.proof.liars, judgement.proof.per_stratum), (1, 30));
    let (without, _) = GOOD.split_once("[evidence]").unwrap();
    assert_eq!(parse("p.toml", without).unwrap().judgement, None);
}

#[test]
fn nothing_has_a_default_but_what_only_narrows() {
    let may_be_left_out = ["failure-share"];
    for (index, line) in GOOD.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        let rest: String = GOOD
            .lines()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, line)| [line, "\n"])
            .collect();
        let error = parse("p.toml", &rest).err();
        let missed = error.is_some_and(|error| {
            // A tier that is not drawn is asked for its waves.
            let asked_for = if key == "draw" { "waves" } else { key };
            error.key.is_some_and(|path| path.ends_with(asked_for))
        });
        assert_eq!(missed, !may_be_left_out.contains(&key), "without `{line}`");
    }
}

#[test]
fn a_document_reads_back_as_it_is_written() {
    for text in PRESETS.iter().map(|preset| preset.text).chain([GOOD]) {
        let policy = parse("p.toml", text).unwrap();
        assert_eq!(parse("written", &written(&policy)).unwrap(), policy);
    }
}

#[test]
fn the_example_in_the_documentation_is_right() {
    let example: String = include_str!("mod.rs")
        .lines()
        .skip_while(|line| *line != "//! ```toml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .flat_map(|line| [line.trim_start_matches("//!"), "\n"])
        .collect();
    assert_eq!(parse("mod.rs", &example).unwrap().name, "example");
}

proptest! {
    #[test]
    fn a_document_damaged_anywhere_gets_an_answer_of_one_line(
        at in 0..GOOD.len(),
        gone in 0..40_usize,
        put in "[\\x00-\\x7fä%\"\\[\\]{}=.\n]{0,6}",
    ) {
        let (before, after) = (&GOOD[..at], GOOD.get(at + gone..).unwrap_or_default());
        if let Err(error) = parse("p.toml", &format!("{before}{put}{after}")) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}

/// The document that says what `policy` says.
fn written(policy: &Policy) -> String {
    let Policy { name, description, exposure, guard_rails, timing, ladder, .. } = policy;
    let Policy { judgement, limits, people, expedite, proven, .. } = policy;
    let mut text = format!("name = {name:?}\ndescription = {description:?}\n");
    let (budget, in_flight) =
        (written_quantity(exposure.budget), written_quantity(exposure.in_flight));
    write!(text, "[exposure]\nbudget = {budget}\nin-flight = {in_flight}\n[guard-rails]\n")
        .unwrap();
    for failure in crate::evidence::Failure::ALL {
        writeln!(text, "{} = {}", failure.word(), guard_rails.limit(failure)).unwrap();
    }
    if let Some(share) = guard_rails.failure_share {
        let (at_least, hold, halt) = (share.at_least, share.hold, share.halt);
        writeln!(text, "[guard-rails.failure-share]").unwrap();
        writeln!(text, "at-least = {at_least}\nhold = \"{hold}\"\nhalt = \"{halt}\"").unwrap();
    }
    let checks: Vec<_> = timing.health_checks.iter().map(ToString::to_string).collect();
    let (beat, beats, offer) = (timing.beat, timing.silent_after_beats, timing.offer);
    let (lease, transition) = (timing.lease, timing.transition);
    let on_stall = match timing.on_stall {
        OnStall::Keep => "keep",
        OnStall::Revert => "revert",
    };
    write!(
        text,
        "[timing]\nbeat = \"{beat}\"\nsilent-after-beats = {beats}\noffer = \"{offer}\"\n\
        lease = \"{lease}\"\ntransition = \"{transition}\"\nhealth-checks = {checks:?}\n\
        on-stall = \"{on_stall}\"\n"
    )
    .unwrap();
    text.extend(ladder.iter().map(written_stage));
    text.extend(judgement.as_ref().map(written_judgement));
    text + &written_limits(limits) + &written_people(people, *expedite) + &written_proven(*proven)
}

fn written_quantity(quantity: Quantity) -> String {
    match quantity {
        Quantity::Hosts(hosts) => hosts.to_string(),
        Quantity::Share(share) => format!("\"{share}\""),
    }
}

fn written_limits(limits: &Limits) -> String {
    let Limits { rate, zones_at_once, racks_at_once, per_zone, per_rack } = *limits;
    let rate = rate.map(|Rate { hosts, every }| {
        format!("{{ hosts = {}, every = \"{every}\" }}", written_quantity(hosts))
    });
    let lines = [
        ("rate", rate),
        ("zones-at-once", zones_at_once.map(|zones| zones.to_string())),
        ("racks-at-once", racks_at_once.map(|racks| racks.to_string())),
        ("per-zone", per_zone.map(written_quantity)),
        ("per-rack", per_rack.map(|hosts| hosts.to_string())),
    ];
    let lines = lines.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}\n", value?)));
    format!("[limits]\n{}", lines.collect::<String>())
}

fn written_people(people: &People, expedite: Option<Expedite>) -> String {
    let People { approvals, author, to_widen } = *people;
    let author = author == MayAuthor::Approve;
    let two = to_widen == ToWiden::Two;
    let expedite = expedite.map(|Expedite { soak }| format!("[expedite]\nsoak = \"{soak}\"\n"));
    format!(
        "[people]\napprovals = {approvals}\nauthor-may-approve = {author}\ntwo-to-widen = {two}\n{}",
        expedite.unwrap_or_default(),
    )
}

fn written_proven(proven: Option<Proven>) -> String {
    let written =
        |Proven { soak, hosts }| format!("[proven]\nsoak = \"{soak}\"\nhosts = {hosts}\n");
    proven.map(written).unwrap_or_default()
}

fn written_judgement(judgement: &Judgement) -> String {
    let Judgement { evidence, signatures, rails_below, credit, cohorts, proof } = judgement;
    let rails_below = match *rails_below {
        GuardRails::NEVER => String::new(),
        hosts => format!("rails-below = {hosts}\n"),
    };
    let on_slice = match evidence.on_slice {
        OnSlice::Everything => "everything",
        OnSlice::Quarantine => "quarantine",
    };
    let credit = credit.map_or_else(String::new, |credit| {
        let CreditRule { start, slice_start, gain, cost, floor, slice_floor, ramp } = credit;
        format!(
            "[credit]\nstart = {start}\nslice-start = {slice_start}\ngain = {gain}\ncost = {cost}\n\
            floor = {floor}\nslice-floor = {slice_floor}\nramp = \"{ramp}\"\n"
        )
    });
    format!(
        "[evidence]\nfalse-halt = \"{}\"\nfalse-hold = \"{}\"\non-slice = \"{on_slice}\"\nnamed = {}\n\
        {rails_below}{credit}[cohorts]\neverybody-up-to = {}\nsentinels = {}\nin-flight = \"{}\"\n\
        holdout = {{ share = \"{}\", at-least = {} }}\n[proof]\nliars = {}\nper-stratum = {}\n",
        evidence.false_halt,
        evidence.false_hold,
        signatures.named,
        cohorts.everybody_up_to,
        cohorts.sentinels,
        cohorts.in_flight,
        cohorts.holdout,
        cohorts.holdout_hosts,
        proof.liars,
        proof.per_stratum,
    )
}

fn written_stage(stage: &Stage) -> String {
    let Stage { tier, draw, waves, gates } = stage;
    let draw = draw.map_or_else(String::new, |draw| {
        let (share, at_least) = (draw.share, draw.at_least_per_stratum);
        format!("draw = {{ share = \"{share}\", at-least-per-stratum = {at_least} }}\n")
    });
    let waves: Vec<_> = waves.iter().map(ToString::to_string).collect();
    let when_fewer = match gates.when_fewer {
        WhenFewer::Hold => "hold",
        WhenFewer::EveryHost => "every-host",
    };
    let promotion = match gates.promotion {
        Promotion::Automatic => "automatic",
        Promotion::Manual => "manual",
    };
    format!(
        "[[ladder]]\ntier = {tier:?}\n{draw}waves = {waves:?}\nsoak = \"{}\"\ncoverage = \"{}\"\n\
        verified = \"{}\"\nmin-verified = {}\nwhen-fewer = \"{when_fewer}\"\n\
        promotion = \"{promotion}\"\n",
        gates.soak, gates.coverage, gates.verified, gates.min_verified,
    )
}
