//! What must hold tier by tier? The tables `[[ladder]]`, in the order of the rollout.

use std::ops::RangeInclusive;

use super::error::DocumentError;
use super::sections::MAX_HOSTS;
use super::table::{Field, Table};
use super::value::Value;
use crate::policy::{DrawRule, Promotion, Stage, StageGates, Timing, WhenFewer};
use crate::share::Share;
use crate::time::Millis;

const MAX_TIERS: usize = 16;
const MAX_WAVES: usize = 32;
const SOAK: RangeInclusive<Millis> = Millis(1)..=Millis::from_secs(30 * 86_400);

const TIER: Field = Field { key: "tier", example: r#"tier = "free""# };
const DRAW: Field =
    Field { key: "draw", example: r#"draw = { share = "1%", at-least-per-stratum = 1 }"# };
const WAVES: Field = Field { key: "waves", example: r#"waves = ["1%", "10%", "50%", "100%"]"# };
const SOAK_FIELD: Field = Field { key: "soak", example: r#"soak = "4h""# };
const COVERAGE: Field = Field { key: "coverage", example: r#"coverage = "80%""# };
const VERIFIED: Field = Field { key: "verified", example: r#"verified = "95%""# };
const MIN_VERIFIED: Field = Field { key: "min-verified", example: "min-verified = 299" };
const WHEN_FEWER: Field = Field { key: "when-fewer", example: r#"when-fewer = "every-host""# };
const PROMOTION: Field = Field { key: "promotion", example: r#"promotion = "manual""# };
const FIELDS: &[Field] =
    &[TIER, DRAW, WAVES, SOAK_FIELD, COVERAGE, VERIFIED, MIN_VERIFIED, WHEN_FEWER, PROMOTION];

/// Reads every `[[ladder]]`.
pub(super) fn read_ladder(value: &Value<'_>, timing: &Timing) -> Result<Vec<Stage>, DocumentError> {
    let mut stages: Vec<Stage> = Vec::new();
    let tiers = value.list("tiers", MAX_TIERS)?;
    for (index, item) in tiers.iter().enumerate() {
        let table = item.named_table(value, &TIER, FIELDS)?;
        let stage = read_stage(&table, timing)?;
        if stages.iter().any(|earlier| earlier.tier == stage.tier) {
            return Err(table.required(&TIER)?.error(
                format!("the tier `{}` is on the ladder twice", stage.tier),
                "Write each tier once, with more waves if it needs more steps".to_owned(),
            ));
        }
        if let Some(draw) = table.optional(&DRAW) {
            check_source(&draw, stages.last(), tiers.len() - index)?;
        }
        stages.push(stage);
    }
    Ok(stages)
}

fn read_stage(table: &Table<'_>, timing: &Timing) -> Result<Stage, DocumentError> {
    let tier = table.required(&TIER)?.name()?;
    let draw = match table.optional(&DRAW) {
        Some(value) => Some(read_draw(&value)?),
        None => None,
    };
    let waves = match (table.optional(&WAVES), draw) {
        (Some(value), _) => read_waves(&value)?,
        (None, Some(_)) => vec![Share::ALL],
        (None, None) => return Err(table.missing(&WAVES, "a tier that is not drawn needs waves")),
    };
    let gates = read_gates(table, timing)?;
    Ok(Stage { tier, draw, waves, gates })
}

fn read_draw(value: &Value<'_>) -> Result<DrawRule, DocumentError> {
    const SHARE: Field = Field { key: "share", example: r#"share = "1%""# };
    const AT_LEAST: Field =
        Field { key: "at-least-per-stratum", example: "at-least-per-stratum = 1" };
    let table = value.table(&[SHARE, AT_LEAST])?;
    let share_value = table.required(&SHARE)?;
    let share = share_value.share()?;
    let at_least_per_stratum = table.required(&AT_LEAST)?.number("hosts", 0..=MAX_HOSTS)?;
    if share == Share::ALL {
        return Err(share_value.error(
            "a draw of 100% leaves no host in the tier it draws from".to_owned(),
            "Write less than 100%".to_owned(),
        ));
    }
    if share == Share::default() && at_least_per_stratum == 0 {
        return Err(value.error(
            "a draw of 0% and at least 0 hosts draws nobody".to_owned(),
            format!("Write for example `{}`", DRAW.example),
        ));
    }
    Ok(DrawRule { share, at_least_per_stratum })
}

/// A sampled tier draws from the next one, which must exist and have members of its own.
///
/// `tiers_left` counts this one and those after it.
fn check_source(
    draw: &Value<'_>,
    above: Option<&Stage>,
    tiers_left: usize,
) -> Result<(), DocumentError> {
    if tiers_left == 1 {
        return Err(draw.error(
            "this is the last tier, so there is no next one to draw from".to_owned(),
            "Leave `draw` out and write `waves`, or add the tier to draw from below".to_owned(),
        ));
    }
    if let Some(above) = above
        && above.draw.is_some()
    {
        return Err(draw.error(
            format!("the tier `{}` draws from this one, which has no members itself", above.tier),
            "Leave `draw` out of one of the two".to_owned(),
        ));
    }
    Ok(())
}

fn read_waves(value: &Value<'_>) -> Result<Vec<Share>, DocumentError> {
    let cumulative = || {
        "Waves are cumulative: write each larger than the one before, such as \
            [\"1%\", \"10%\", \"50%\", \"100%\"]"
            .to_owned()
    };
    let mut waves: Vec<Share> = Vec::new();
    for item in value.list("waves", MAX_WAVES)? {
        let wave = item.share_of_some("a wave of 0% has no hosts")?;
        let (before, number) = (waves.last().copied(), waves.len() + 1);
        let against = match before {
            Some(before) if wave < before => Some((before, "is smaller than")),
            Some(before) if wave == before => Some((before, "repeats")),
            Some(_) | None => None,
        };
        if let Some((before, how)) = against {
            let problem = format!("wave {number} ({wave}) {how} wave {} ({before})", number - 1);
            return Err(item.error(problem, cumulative()));
        }
        waves.push(wave);
    }
    match waves.last() {
        Some(&last) if last != Share::ALL => Err(value.error(
            format!("the last wave ({last}) is not 100%, so the tier would never be done"),
            "Add \"100%\" at the end".to_owned(),
        )),
        Some(_) | None => Ok(waves),
    }
}

fn read_gates(table: &Table<'_>, timing: &Timing) -> Result<StageGates, DocumentError> {
    let soak = read_soak(&table.required(&SOAK_FIELD)?, timing)?;
    let coverage = table
        .required(&COVERAGE)?
        .share_of_some("a coverage of 0% would pass a wave in which no host began")?;
    let verified = table
        .required(&VERIFIED)?
        .share_of_some("0% verified would pass a wave of which nothing is known")?;
    let min_verified = table.required(&MIN_VERIFIED)?.number("hosts", 0..=MAX_HOSTS)?;
    let when_fewer = match (table.optional(&WHEN_FEWER), min_verified) {
        (Some(value), _) => {
            value.one_of(&[("every-host", WhenFewer::EveryHost), ("hold", WhenFewer::Hold)])?
        }
        (None, 0) => WhenFewer::Hold,
        (None, 1..) => {
            let problem = "this key is missing, for a tier with fewer hosts than min-verified";
            return Err(table.missing(&WHEN_FEWER, problem));
        }
    };
    let promotion = table
        .required(&PROMOTION)?
        .one_of(&[("automatic", Promotion::Automatic), ("manual", Promotion::Manual)])?;
    Ok(StageGates { soak, coverage, verified, min_verified, when_fewer, promotion })
}

/// A soak must be long enough to miss a silent host, and for every health check.
fn read_soak(value: &Value<'_>, timing: &Timing) -> Result<Millis, DocumentError> {
    let soak = value.millis(SOAK)?;
    let silent_after = timing.silent_after();
    if soak < silent_after {
        let (beats, beat) = (timing.silent_after_beats, timing.beat);
        return Err(value.error(
            format!("a soak of {soak} ends before a silent host is noticed, after {silent_after}"),
            format!("Write at least {silent_after} ({beats} beats of {beat}), or beat faster"),
        ));
    }
    if let Some(&check) = timing.health_checks.last()
        && soak < check
    {
        return Err(value.error(
            format!("a soak of {soak} ends before the last health check, at {check}"),
            format!("Write at least {check}, or drop that check from timing.health-checks"),
        ));
    }
    Ok(soak)
}
