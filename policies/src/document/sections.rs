//! What must hold for the whole rollout? The tables `exposure`, `guard-rails` and `timing`.

use std::ops::RangeInclusive;

use super::error::DocumentError;
use super::table::{Field, Table};
use super::value::Value;
use crate::policy::{Exposure, FailureShare, GuardRails, OnStall, Timing};
use crate::share::Share;
use crate::time::Millis;

/// The most hosts that a number in a policy may mean: beyond any fleet, short of a typing error.
pub(super) const MAX_HOSTS: u64 = 10_000_000;

const DAY: Millis = Millis::from_secs(86_400);
const BEAT: RangeInclusive<Millis> = Millis(100)..=Millis::from_secs(3_600);
const SILENT_AFTER_BEATS: RangeInclusive<u64> = 2..=100;
const LEASE: RangeInclusive<Millis> = Millis::from_secs(1)..=Millis::from_secs(600);
const OFFER: RangeInclusive<Millis> = Millis::from_secs(1)..=DAY.times(7);
const TRANSITION: RangeInclusive<Millis> = Millis::from_secs(1)..=DAY;
const MAX_HEALTH_CHECKS: usize = 16;

/// Reads `[exposure]`.
pub(super) fn read_exposure(value: &Value<'_>) -> Result<Exposure, DocumentError> {
    const BUDGET: Field = Field { key: "budget", example: r#"budget = "5%""# };
    const IN_FLIGHT: Field = Field { key: "in-flight", example: r#"in-flight = "10%""# };
    let table = value.table(&[BUDGET, IN_FLIGHT])?;
    let nobody = "with 0 no host could ever begin";
    Ok(Exposure {
        budget: table.required(&BUDGET)?.quantity(MAX_HOSTS, nobody)?,
        in_flight: table.required(&IN_FLIGHT)?.quantity(MAX_HOSTS, nobody)?,
    })
}

/// Reads `[guard-rails]`.
pub(super) fn read_guard_rails(value: &Value<'_>) -> Result<GuardRails, DocumentError> {
    const CRASHED: Field = Field { key: "crashed", example: "crashed = 3" };
    const FAILED: Field = Field { key: "failed", example: "failed = 5" };
    const STALLED: Field = Field { key: "stalled", example: "stalled = 5" };
    const SILENT: Field = Field { key: "silent", example: "silent = 6" };
    const FAILURE_SHARE: Field = Field {
        key: "failure-share",
        example: r#"failure-share = { at-least = 5, hold = "10%", halt = "20%" }"#,
    };
    let table = value.table(&[CRASHED, FAILED, STALLED, SILENT, FAILURE_SHARE])?;
    let nobody = "a guard rail of 0 would halt before the first host begins";
    let rail = |field| table.required(field)?.some_hosts(MAX_HOSTS, nobody);
    Ok(GuardRails {
        crashed: rail(&CRASHED)?,
        failed: rail(&FAILED)?,
        stalled: rail(&STALLED)?,
        silent: rail(&SILENT)?,
        failure_share: match table.optional(&FAILURE_SHARE) {
            Some(value) => Some(read_failure_share(&value)?),
            None => None,
        },
    })
}

fn read_failure_share(value: &Value<'_>) -> Result<FailureShare, DocumentError> {
    const AT_LEAST: Field = Field { key: "at-least", example: "at-least = 5" };
    const HOLD: Field = Field { key: "hold", example: r#"hold = "10%""# };
    const HALT: Field = Field { key: "halt", example: r#"halt = "20%""# };
    let table = value.table(&[AT_LEAST, HOLD, HALT])?;
    let at_least = table.required(&AT_LEAST)?.number("failures", 1..=MAX_HOSTS)?;
    let hold_value = table.required(&HOLD)?;
    let halt_value = table.required(&HALT)?;
    let (hold, halt) = (hold_value.share()?, halt_value.share()?);
    if halt == Share::ALL {
        return Err(halt_value.error(
            "no share is above 100%, so this would never halt".to_owned(),
            "Write less than 100%, or leave failure-share out".to_owned(),
        ));
    }
    if hold > halt {
        return Err(hold_value.error(
            format!("a hold above {hold} comes after the halt above {halt}"),
            "Write a hold that is not above the halt".to_owned(),
        ));
    }
    Ok(FailureShare { at_least, hold, halt })
}

/// Reads `[timing]`.
pub(super) fn read_timing(value: &Value<'_>) -> Result<Timing, DocumentError> {
    const BEAT_FIELD: Field = Field { key: "beat", example: r#"beat = "60s""# };
    const BEATS: Field = Field { key: "silent-after-beats", example: "silent-after-beats = 5" };
    const OFFER_FIELD: Field = Field { key: "offer", example: r#"offer = "5m""# };
    const LEASE_FIELD: Field = Field { key: "lease", example: r#"lease = "10s""# };
    const TRANSITION_FIELD: Field = Field { key: "transition", example: r#"transition = "15m""# };
    const CHECKS: Field =
        Field { key: "health-checks", example: r#"health-checks = ["0s", "1m", "5m", "15m"]"# };
    const ON_STALL: Field = Field { key: "on-stall", example: r#"on-stall = "revert""# };
    let table = value.table(&[
        BEAT_FIELD,
        BEATS,
        OFFER_FIELD,
        LEASE_FIELD,
        TRANSITION_FIELD,
        CHECKS,
        ON_STALL,
    ])?;
    let beat = table.required(&BEAT_FIELD)?.millis(BEAT)?;
    let silent_after_beats = table.required(&BEATS)?.number("beats", SILENT_AFTER_BEATS)?;
    let (offer, lease) = read_offer_and_lease(&table, &OFFER_FIELD, &LEASE_FIELD)?;
    let transition = table.required(&TRANSITION_FIELD)?.millis(TRANSITION)?;
    let health_checks = read_health_checks(&table.required(&CHECKS)?)?;
    let on_stall = match table.optional(&ON_STALL) {
        Some(value) => value.one_of(&[("keep", OnStall::Keep), ("revert", OnStall::Revert)])?,
        None => OnStall::default(),
    };
    Ok(Timing { beat, silent_after_beats, offer, lease, transition, health_checks, on_stall })
}

/// A host whose offer has ended must not hold a lease on it that goes on.
fn read_offer_and_lease(
    table: &Table<'_>,
    offer_field: &'static Field,
    lease_field: &'static Field,
) -> Result<(Millis, Millis), DocumentError> {
    let offer_value = table.required(offer_field)?;
    let offer = offer_value.millis(OFFER)?;
    let lease = table.required(lease_field)?.millis(LEASE)?;
    if offer < lease {
        return Err(offer_value.error(
            format!("an offer of {offer} ends before a lease of {lease}"),
            format!("Write at least {lease}"),
        ));
    }
    Ok((offer, lease))
}

fn read_health_checks(value: &Value<'_>) -> Result<Vec<Millis>, DocumentError> {
    let mut checks = Vec::new();
    for item in value.list("health checks", MAX_HEALTH_CHECKS)? {
        let check = item.any_millis()?;
        if let Some(&before) = checks.last()
            && check <= before
        {
            return Err(item.error(
                format!("a health check at {check} cannot follow one at {before}"),
                "Write the times after the end of the transition, each later than the one before"
                    .to_owned(),
            ));
        }
        checks.push(check);
    }
    Ok(checks)
}
