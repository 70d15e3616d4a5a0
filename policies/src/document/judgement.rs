//! How is evidence judged? The tables `evidence`, `credit`, `cohorts` and `proof`, which may be left out.

use std::ops::RangeInclusive;

use super::error::DocumentError;
use super::sections::MAX_HOSTS;
use super::table::{Field, Table};
use super::value::Value;
use crate::cohort::CohortRule;
use crate::credit::CreditRule;
use crate::detector::EvidenceRule;
use crate::detector::ruling::OnSlice;
use crate::detector::signatures::SignatureRule;
use crate::policy::GuardRails;
use crate::proof::ProofRule;
use crate::share::Share;
use crate::time::Millis;

/// The most that a verified host may earn, or a failed one cost.
const MAX_FACTOR: u64 = 1_000;

/// The most hosts that may be assumed to lie.
const MAX_LIARS: u64 = 1_000;

/// The most often that evidence may be wrong: one harmless patch in two.
const MAX_ERROR: Share = Share::percent(50);

const RAMP_RANGE: RangeInclusive<Millis> = Millis(1)..=Millis::from_secs(86_400);

const FALSE_HALT: Field = Field { key: "false-halt", example: r#"false-halt = "1%""# };
const FALSE_HOLD: Field = Field { key: "false-hold", example: r#"false-hold = "10%""# };
const ON_SLICE: Field = Field { key: "on-slice", example: r#"on-slice = "everything""# };
const NAMED: Field = Field { key: "named", example: "named = 3" };
const RAILS_BELOW: Field = Field { key: "rails-below", example: "rails-below = 500" };

const START: Field = Field { key: "start", example: "start = 50" };
const SLICE_START: Field = Field { key: "slice-start", example: "slice-start = 20" };
const GAIN: Field = Field { key: "gain", example: "gain = 3" };
const COST: Field = Field { key: "cost", example: "cost = 10" };
const FLOOR: Field = Field { key: "floor", example: "floor = 10" };
const SLICE_FLOOR: Field = Field { key: "slice-floor", example: "slice-floor = 4" };
const RAMP: Field = Field { key: "ramp", example: r#"ramp = "30m""# };

/// Reads `[evidence]`.
pub(super) fn read_evidence(
    value: &Value<'_>,
) -> Result<(EvidenceRule, SignatureRule, u64), DocumentError> {
    let table = value.table(&[FALSE_HALT, FALSE_HOLD, ON_SLICE, NAMED, RAILS_BELOW])?;
    let never = "evidence that may never be wrong would never stop anything";
    let halt_value = table.required(&FALSE_HALT)?;
    let false_halt = halt_value.share_of_some(never)?;
    let hold_value = table.required(&FALSE_HOLD)?;
    let false_hold = hold_value.share_of_some(never)?;
    if false_halt > MAX_ERROR {
        return Err(halt_value.error(
            format!("{false_halt} would halt more harmless patches than not"),
            format!("Write at most {MAX_ERROR}"),
        ));
    }
    if false_hold < false_halt {
        return Err(hold_value.error(
            format!("a hold at {false_hold} comes after the halt at {false_halt}"),
            "Write a false-hold that is not below the false-halt".to_owned(),
        ));
    }
    let on_slice = table.required(&ON_SLICE)?.one_of(&OnSlice::WORDS)?;
    let nobody = "0 would halt before any kernel names the patch";
    let named = table.required(&NAMED)?.some_hosts(MAX_FACTOR, nobody)?;
    let named = u32::try_from(named).unwrap_or(u32::MAX);
    let rails_below = match table.optional(&RAILS_BELOW) {
        Some(value) => value.number("hosts", 1..=MAX_HOSTS)?,
        None => GuardRails::NEVER,
    };
    Ok((EvidenceRule { false_halt, false_hold, on_slice }, SignatureRule { named }, rails_below))
}

/// Reads `[credit]`.
pub(super) fn read_credit(value: &Value<'_>) -> Result<CreditRule, DocumentError> {
    let table = value.table(&[START, SLICE_START, GAIN, COST, FLOOR, SLICE_FLOOR, RAMP])?;
    let (start, floor) = read_pair(&table, &START, &FLOOR)?;
    let (slice_start, slice_floor) = read_pair(&table, &SLICE_START, &SLICE_FLOOR)?;
    let gain_value = table.required(&GAIN)?;
    let gain = gain_value.some_hosts(MAX_FACTOR, "with 0 the rollout would never grow")?;
    let cost_value = table.required(&COST)?;
    let cost = cost_value.some_hosts(MAX_FACTOR, "with 0 a failure would cost nothing")?;
    if cost < gain {
        return Err(cost_value.error(
            format!("a failed host costs {cost}, less than the {gain} that a verified one earns"),
            format!("Write at least {gain}"),
        ));
    }
    let ramp = table.required(&RAMP)?.millis(RAMP_RANGE)?;
    Ok(CreditRule { start, slice_start, gain, cost, floor, slice_floor, ramp })
}

/// A start and the floor below it.
fn read_pair(
    table: &Table<'_>,
    start: &'static Field,
    floor: &'static Field,
) -> Result<(u64, u64), DocumentError> {
    let starts = table.required(start)?.some_hosts(MAX_HOSTS, "with 0 no host could ever begin")?;
    let floor_value = table.required(floor)?;
    let starve = "with 0 a bad slice would starve without a verdict";
    let floors = floor_value.some_hosts(MAX_HOSTS, starve)?;
    if floors > starts {
        return Err(floor_value.error(
            format!("a floor of {floors} is above the start of {starts}"),
            format!("Write at most {starts}"),
        ));
    }
    Ok((starts, floors))
}

/// Reads `[cohorts]`.
pub(super) fn read_cohorts(value: &Value<'_>) -> Result<CohortRule, DocumentError> {
    const EVERYBODY: Field = Field { key: "everybody-up-to", example: "everybody-up-to = 50000" };
    const SENTINELS: Field = Field { key: "sentinels", example: "sentinels = 20000" };
    const IN_FLIGHT: Field = Field { key: "in-flight", example: r#"in-flight = "25%""# };
    const HOLDOUT: Field =
        Field { key: "holdout", example: r#"holdout = { share = "5%", at-least = 50 }"# };
    const SHARE: Field = Field { key: "share", example: r#"share = "5%""# };
    const AT_LEAST: Field = Field { key: "at-least", example: "at-least = 50" };
    let table = value.table(&[EVERYBODY, SENTINELS, IN_FLIGHT, HOLDOUT])?;
    let holdout = table.required(&HOLDOUT)?.table(&[SHARE, AT_LEAST])?;
    let nobody = "with 0 there would be nobody to compare with";
    Ok(CohortRule {
        everybody_up_to: table.required(&EVERYBODY)?.number("hosts", 0..=MAX_HOSTS)?,
        sentinels: table.required(&SENTINELS)?.some_hosts(MAX_HOSTS, nobody)?,
        in_flight: table.required(&IN_FLIGHT)?.share_of_some("with 0% no host could ever begin")?,
        holdout: holdout.required(&SHARE)?.share()?,
        holdout_hosts: holdout.required(&AT_LEAST)?.number("hosts", 0..=MAX_HOSTS)?,
    })
}

/// Reads `[proof]`.
pub(super) fn read_proof(value: &Value<'_>) -> Result<ProofRule, DocumentError> {
    const LIARS: Field = Field { key: "liars", example: "liars = 0" };
    const PER_STRATUM: Field = Field { key: "per-stratum", example: "per-stratum = 59" };
    let table = value.table(&[LIARS, PER_STRATUM])?;
    Ok(ProofRule {
        liars: table.required(&LIARS)?.number("hosts", 0..=MAX_LIARS)?,
        per_stratum: table.required(&PER_STRATUM)?.number("hosts", 0..=MAX_HOSTS)?,
    })
}
