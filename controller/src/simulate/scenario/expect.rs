//! What must come out of a scenario?

use tidegate_policies::document::{DocumentError, Field, Table, Value};
use tidegate_policies::share::Share;

use super::values;

/// What must come out; what is not named may be anything.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulate) struct Expect {
    /// Share of the runs that halt.
    pub halted: Option<Limits>,
    /// Share of the runs that halt, or hold to their end.
    pub stopped: Option<Limits>,
    /// Share of the runs that reach every host.
    pub completed: Option<Limits>,
    /// Hosts harmed in the mean, at most.
    pub harmed_mean: Option<u64>,
    /// Hosts harmed in 19 of 20 runs, at most.
    pub harmed_p95: Option<u64>,
}

/// From where to where a share may be.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Limits {
    /// At least; default nothing.
    pub at_least: Share,
    /// At most; default everything.
    pub at_most: Share,
}

const HALTED: Field = Field { key: "halted", example: r#"halted = { at-most = "1%" }"# };
const STOPPED: Field = Field { key: "stopped", example: r#"stopped = { at-least = "100%" }"# };
const COMPLETED: Field = Field { key: "completed", example: r#"completed = { at-least = "99%" }"# };
const MEAN: Field = Field { key: "harmed-mean", example: "harmed-mean = 9" };
const P95: Field = Field { key: "harmed-p95", example: "harmed-p95 = 15" };
const AT_LEAST: Field = Field { key: "at-least", example: r#"at-least = "99%""# };
const AT_MOST: Field = Field { key: "at-most", example: r#"at-most = "1%""# };

/// Reads `[expect]`.
pub(super) fn read(value: &Value<'_>) -> Result<Expect, DocumentError> {
    let table = value.table(&[HALTED, STOPPED, COMPLETED, MEAN, P95])?;
    let hosts = |field| {
        let number = table.optional(field).map(|value| value.number("hosts", 0..=1_000_000));
        number.transpose()
    };
    Ok(Expect {
        halted: limits(&table, &HALTED)?,
        stopped: limits(&table, &STOPPED)?,
        completed: limits(&table, &COMPLETED)?,
        harmed_mean: hosts(&MEAN)?,
        harmed_p95: hosts(&P95)?,
    })
}

fn limits(table: &Table<'_>, field: &'static Field) -> Result<Option<Limits>, DocumentError> {
    let Some(value) = table.optional(field) else { return Ok(None) };
    let table = value.table(&[AT_LEAST, AT_MOST])?;
    let share = |field, default| match table.optional(field) {
        Some(value) => values::share(&value),
        None => Ok(default),
    };
    let at_least = share(&AT_LEAST, Share::default())?;
    let at_most = share(&AT_MOST, Share::ALL)?;
    if at_least > at_most {
        return Err(value.error(
            format!("nothing is at least {at_least} and at most {at_most}"),
            "Write an at-least that is not above the at-most".to_owned(),
        ));
    }
    Ok(Some(Limits { at_least, at_most }))
}
