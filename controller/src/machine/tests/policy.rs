//! Which policy does a `create` line of a script mean? Keys with defaults that let a test say little.
//!
//! `budget= in-flight= crashed= failed= stalled= silent= beat=1s beats=3 offer=10s soak=4s coverage=100%
//! verified=100% min=0 fewer=every|hold promotion=manual share=N,hold%,halt% judged=START,GAIN,FLOOR
//! on-slice=quarantine`, and the ladder:
//! `free=50%,100%`, `canary=draw1` (a draw of at least 1 per stratum). Without a ladder: `free=100%`.

use tidegate_policies::cohort::CohortRule;
use tidegate_policies::credit::CreditRule;
use tidegate_policies::detector::EvidenceRule;
use tidegate_policies::detector::ruling::OnSlice;
use tidegate_policies::limits::{Limits, Rate};
use tidegate_policies::people::{Expedite, MayAuthor, People, Proven, ToWiden};
use tidegate_policies::policy::{
    DrawRule, Exposure, FailureShare, GuardRails, Judgement, OnStall, Policy, Promotion, Stage,
    StageGates, Timing, WhenFewer,
};
use tidegate_policies::share::{Quantity, Share};
use tidegate_policies::time::Millis;

use super::script::{Words, millis, read};

/// The policy of a `create` line.
pub(super) fn policy(words: &Words<'_>) -> Policy {
    let quantity = |key| match words.get(key) {
        Some(text) if text.ends_with('%') => Quantity::Share(read(text)),
        Some(text) => Quantity::Hosts(read(text)),
        None => Quantity::Hosts(100),
    };
    let rail = |key| words.read(key).unwrap_or(100);
    let span = |key, default| words.get(key).map_or_else(|| Millis::from_secs(default), millis);
    let on_slice = match words.get("on-slice") {
        Some("quarantine") => OnSlice::Quarantine,
        Some(_) | None => OnSlice::Everything,
    };
    Policy {
        name: "test".to_owned(),
        description: "For a test.".to_owned(),
        exposure: Exposure { budget: quantity("budget"), in_flight: quantity("in-flight") },
        guard_rails: GuardRails {
            crashed: rail("crashed"),
            failed: rail("failed"),
            stalled: rail("stalled"),
            silent: rail("silent"),
            failure_share: words.get("share").map(failure_share),
        },
        timing: Timing {
            beat: span("beat", 1),
            silent_after_beats: words.read("beats").unwrap_or(3),
            offer: span("offer", 10),
            lease: Millis::from_secs(5),
            transition: Millis::from_secs(5),
            health_checks: vec![Millis(0)],
            on_stall: OnStall::Keep,
        },
        ladder: ladder(words),
        judgement: words.get("judged").map(|text| judgement(text, on_slice)),
        limits: limits(words),
        people: people(words),
        expedite: words.get("haste").map(|soak| Expedite { soak: millis(soak) }),
        proven: words.get("proven").map(proven),
    }
}

/// `proven=2s,3`: content that has soaked on three hosts soaks for two seconds.
fn proven(text: &str) -> Proven {
    let (soak, hosts) = text.split_once(',').expect("a soak and a number of hosts");
    Proven { soak: millis(soak), hosts: read(hosts) }
}

/// `rate=3/10s zones=1 racks=2 per-zone=3 per-rack=1`
fn limits(words: &Words<'_>) -> Limits {
    let rate = words.get("rate").and_then(|rate| rate.split_once('/'));
    Limits {
        rate: rate.map(|(hosts, every)| Rate {
            hosts: Quantity::Hosts(read(hosts)),
            every: millis(every),
        }),
        zones_at_once: words.read("zones"),
        racks_at_once: words.read("racks"),
        per_zone: words.get("per-zone").map(|most| match most.ends_with('%') {
            true => Quantity::Share(read(most)),
            false => Quantity::Hosts(read(most)),
        }),
        per_rack: words.read("per-rack"),
    }
}

/// `approvals=2 author=not two=yes`; the author may approve, where a script does not say.
fn people(words: &Words<'_>) -> People {
    People {
        approvals: words.read("approvals").unwrap_or(1),
        author: match words.get("author") {
            Some(_) => MayAuthor::NotApprove,
            None => MayAuthor::Approve,
        },
        to_widen: match words.get("two") {
            Some(_) => ToWiden::Two,
            None => ToWiden::One,
        },
    }
}

/// `standard`, or credit: `start,gain,floor`, with every place of a cap to be taken at once.
fn judgement(text: &str, on_slice: OnSlice) -> Judgement {
    let numbers: Vec<u64> = text.split(',').filter_map(|number| number.parse().ok()).collect();
    let [start, gain, floor] = numbers[..] else { return Judgement::STANDARD };
    let credit = CreditRule {
        start,
        slice_start: start,
        gain,
        cost: gain,
        floor,
        slice_floor: floor,
        ramp: Millis(1),
    };
    let evidence = EvidenceRule { on_slice, ..EvidenceRule::STANDARD };
    // As it was when the stored entries were written: defaults may change, they may not.
    let cohorts = CohortRule { sentinels: 5_000, ..CohortRule::STANDARD };
    Judgement { credit: Some(credit), evidence, cohorts, ..Judgement::STANDARD }
}

fn failure_share(text: &str) -> FailureShare {
    let parts: Vec<&str> = text.split(',').collect();
    FailureShare { at_least: read(parts[0]), hold: read(parts[1]), halt: read(parts[2]) }
}

fn ladder(words: &Words<'_>) -> Vec<Stage> {
    let gates = gates(words);
    let tiers = ["canary", "free", "paid"].into_iter();
    let said: Vec<Stage> = tiers
        .filter_map(|tier| {
            let text = words.get(tier)?;
            let drawn = text
                .strip_prefix("draw")
                .map(|n| DrawRule { share: Share::default(), at_least_per_stratum: read(n) });
            let waves = match drawn {
                Some(_) => vec![Share::ALL],
                None => text.split(',').map(read).collect(),
            };
            Some(Stage { tier: tier.to_owned(), draw: drawn, waves, gates })
        })
        .collect();
    if said.is_empty() {
        return vec![Stage { tier: "free".to_owned(), draw: None, waves: vec![Share::ALL], gates }];
    }
    said
}

fn gates(words: &Words<'_>) -> StageGates {
    StageGates {
        soak: words.get("soak").map_or(Millis::from_secs(4), millis),
        coverage: words.read("coverage").unwrap_or(Share::ALL),
        verified: words.read("verified").unwrap_or(Share::ALL),
        min_verified: words.read("min").unwrap_or(0),
        when_fewer: match words.get("fewer") {
            Some("hold") => WhenFewer::Hold,
            _ => WhenFewer::EveryHost,
        },
        promotion: match words.get("promotion") {
            Some("manual") => Promotion::Manual,
            _ => Promotion::Automatic,
        },
    }
}
