//! What may be narrowed, what takes people, and what shortens a soak? The tables `[limits]`, `[people]`,
//! `[expedite]` and `[proven]`.

use std::ops::RangeInclusive;

use super::error::DocumentError;
use super::sections::MAX_HOSTS;
use super::table::{Field, Table};
use super::value::Value;
use crate::limits::{Limits, Rate};
use crate::people::{Expedite, MayAuthor, People, Proven, ToWiden};
use crate::policy::{Stage, Timing};
use crate::time::Millis;

const SOAK: Field = Field { key: "soak", example: r#"soak = "1h""# };
const MAX_DOMAINS: u64 = 100_000;
const PERIOD: RangeInclusive<Millis> = Millis::from_secs(10)..=Millis::from_secs(7 * 86_400);

/// Reads `[limits]`.
pub(super) fn read_limits(value: &Value<'_>) -> Result<Limits, DocumentError> {
    const RATE: Field = Field { key: "rate", example: r#"rate = { hosts = 100, every = "1h" }"# };
    const ZONES: Field = Field { key: "zones-at-once", example: "zones-at-once = 1" };
    const RACKS: Field = Field { key: "racks-at-once", example: "racks-at-once = 20" };
    const PER_ZONE: Field = Field { key: "per-zone", example: r#"per-zone = "10%""# };
    const PER_RACK: Field = Field { key: "per-rack", example: "per-rack = 2" };
    let nobody = "with 0 no host could ever begin";
    let table = value.table(&[RATE, ZONES, RACKS, PER_ZONE, PER_RACK])?;
    let domains = |field| -> Result<Option<u64>, DocumentError> {
        let value = table.optional(field);
        value.map(|value| value.number("domains", 1..=MAX_DOMAINS)).transpose()
    };
    let per_zone = table.optional(&PER_ZONE).map(|value| value.quantity(MAX_HOSTS, nobody));
    let per_rack = table.optional(&PER_RACK).map(|value| value.some_hosts(MAX_HOSTS, nobody));
    Ok(Limits {
        rate: table.optional(&RATE).map(|value| read_rate(&value)).transpose()?,
        zones_at_once: domains(&ZONES)?,
        racks_at_once: domains(&RACKS)?,
        per_zone: per_zone.transpose()?,
        per_rack: per_rack.transpose()?,
    })
}

fn read_rate(value: &Value<'_>) -> Result<Rate, DocumentError> {
    const HOSTS: Field = Field { key: "hosts", example: "hosts = 100" };
    const EVERY: Field = Field { key: "every", example: r#"every = "1h""# };
    let table = value.table(&[HOSTS, EVERY])?;
    let hosts = table.required(&HOSTS)?.quantity(MAX_HOSTS, "with 0 no host could ever begin")?;
    Ok(Rate { hosts, every: table.required(&EVERY)?.millis(PERIOD)? })
}

/// Reads `[people]`.
pub(super) fn read_people(value: &Value<'_>) -> Result<People, DocumentError> {
    const APPROVALS: Field = Field { key: "approvals", example: "approvals = 2" };
    const AUTHOR: Field =
        Field { key: "author-may-approve", example: "author-may-approve = false" };
    const TWO: Field = Field { key: "two-to-widen", example: "two-to-widen = true" };
    let table = value.table(&[APPROVALS, AUTHOR, TWO])?;
    let approvals = table.optional(&APPROVALS);
    let approvals = approvals.map(|value| value.number("people", 1..=10)).transpose()?;
    let author = table.optional(&AUTHOR).map(|value| value.flag()).transpose()?;
    let two = table.optional(&TWO).map(|value| value.flag()).transpose()?;
    Ok(People {
        approvals: approvals.unwrap_or(1),
        author: if author == Some(true) { MayAuthor::Approve } else { MayAuthor::NotApprove },
        to_widen: if two == Some(true) { ToWiden::Two } else { ToWiden::One },
    })
}

/// Reads `[expedite]`: a soak that no tier may undercut however great the haste.
pub(super) fn read_expedite(
    value: &Value<'_>,
    parts: (&Timing, &[Stage]),
) -> Result<Expedite, DocumentError> {
    let soak = short_soak(&value.table(&[SOAK])?, parts, "in haste")?;
    Ok(Expedite { soak })
}

/// Reads `[proven]`: the soak of what has soaked before.
pub(super) fn read_proven(
    value: &Value<'_>,
    parts: (&Timing, &[Stage]),
) -> Result<Proven, DocumentError> {
    const HOSTS: Field = Field { key: "hosts", example: "hosts = 20" };
    let table = value.table(&[SOAK, HOSTS])?;
    let soak = short_soak(&table, parts, "for what has soaked before")?;
    let hosts = table.required(&HOSTS)?.number("hosts", 1..=MAX_HOSTS)?;
    Ok(Proven { soak, hosts })
}

/// A soak that is shorter than that of a tier, and not too short `when`.
fn short_soak(
    table: &Table<'_>,
    (timing, ladder): (&Timing, &[Stage]),
    when: &str,
) -> Result<Millis, DocumentError> {
    let soak_value = table.required(&SOAK)?;
    let soak = soak_value.any_millis()?;
    let checks = timing.health_checks.last().copied().unwrap_or_default();
    let shortest = Expedite::SHORTEST.max(timing.silent_after()).max(checks);
    if soak < shortest {
        return Err(soak_value.error(
            format!("a soak of {soak} is too short even {when}"),
            format!("Write at least {shortest}: ten minutes, and what silence and the health checks take"),
        ));
    }
    if ladder.iter().all(|stage| stage.gates.soak <= soak) {
        return Err(soak_value.error(
            format!("no tier soaks for longer than {soak}, so that this would change nothing"),
            "Write less than the longest soak of the ladder, or leave the table out".to_owned(),
        ));
    }
    Ok(soak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{parse, preset};
    use crate::share::{Quantity, Share};

    fn standard_and(more: &str) -> Result<crate::policy::Policy, DocumentError> {
        parse("policy.toml", &format!("{}\n{more}", preset("standard").unwrap().text))
    }

    #[track_caller]
    fn refused(more: &str, expected: &str) {
        let error = standard_and(more).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_left_out_limits_nothing_and_asks_for_one_other_person() {
        let policy = standard_and("").unwrap();
        assert_eq!((policy.limits, policy.people), (Limits::NONE, People::default()));
        assert_eq!((policy.expedite, policy.proven), (None, None));
    }

    #[test]
    fn limits_people_and_haste_are_read() {
        let policy = standard_and(
            r#"
            [limits]
            rate = { hosts = "5%", every = "1h" }
            zones-at-once = 1
            racks-at-once = 20
            per-zone = 7
            per-rack = 2
            [people]
            approvals = 2
            author-may-approve = true
            two-to-widen = true
            [expedite]
            soak = "1h"
            [proven]
            soak = "2h"
            hosts = 20
            "#,
        )
        .unwrap();
        let hour = Millis::from_secs(3_600);
        let limits = Limits {
            rate: Some(Rate { hosts: Quantity::Share(Share::percent(5)), every: hour }),
            zones_at_once: Some(1),
            racks_at_once: Some(20),
            per_zone: Some(Quantity::Hosts(7)),
            per_rack: Some(2),
        };
        assert_eq!(policy.limits, limits);
        let people = People { approvals: 2, author: MayAuthor::Approve, to_widen: ToWiden::Two };
        assert_eq!((policy.people, policy.expedite), (people, Some(Expedite { soak: hour })));
        let proven = Proven { soak: Millis::from_secs(7_200), hosts: 20 };
        assert_eq!(policy.proven, Some(proven));
    }

    #[test]
    fn what_is_wrong_with_them_is_said() {
        refused("[limits]\nrate = { hosts = 0, every = \"1h\" }", "no host could ever begin");
        refused("[limits]\nrate = { hosts = 1, every = \"1s\" }", "out of range");
        refused("[limits]\nzones-at-once = 0", "Write 1 to");
        refused("[limits]\nper-rack = 0", "no host could ever begin");
        refused("[limits]\nzone-at-once = 1", "Did you mean `zones-at-once`?");
        refused("[people]\napprovals = 0", "Write 1 to 10");
        refused("[people]\nauthor-may-approve = \"no\"", "true or false");
        refused("[expedite]\nsoak = \"9m\"", "too short even in haste");
        refused("[expedite]\nsoak = \"14m\"", "Write at least 15m");
        refused("[expedite]\nsoak = \"24h\"", "this would change nothing");
        refused("[proven]\nsoak = \"9m\"\nhosts = 1", "too short even for what has soaked before");
        refused("[proven]\nsoak = \"24h\"\nhosts = 1", "this would change nothing");
        refused("[proven]\nsoak = \"1h\"\nhosts = 0", "Write 1 to");
        refused("[proven]\nsoak = \"1h\"", "proven.hosts: this key is missing");
    }
}
