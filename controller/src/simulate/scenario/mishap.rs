//! What goes wrong besides the patch: outages, partitions, bad hours, hosts that lie?

use tidegate_policies::document::{DocumentError, Field, Value};
use tidegate_policies::share::Share;
use tidegate_policies::time::Millis;

use super::values;

/// Something that goes wrong, and is over after a while.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Mishap {
    /// What.
    pub what: What,
    /// When, from the start of the rollout.
    pub at: Millis,
    /// For how long.
    pub lasts: Millis,
    /// How long after its beginning it begins again; `None`: once.
    pub every: Option<Millis>,
    /// Which share it concerns: of racks, zones (one at least) or hosts. Default everything.
    pub share: Share,
    /// How many times as often hosts fail by themselves in a spike. Default 10.
    pub times: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum What {
    /// Racks lose their power, and come back.
    RackOutage,
    /// Zones lose their power, and come back.
    ZoneOutage,
    /// Nobody leads, and no controller answers.
    ControllerOutage,
    /// Some hosts reach no controller.
    Partition,
    /// Hosts fail by themselves more often.
    Spike,
}

/// Hosts that do not say what is.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Liars {
    /// How many of all hosts.
    pub share: Share,
    /// What they say.
    pub say: Lie,
}

/// What a liar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Lie {
    /// That the patch crashed its kernel.
    Crashed,
    /// That all is well.
    Well,
}

const WHAT: Field = Field { key: "what", example: r#"what = "rack-outage""# };
const AT: Field = Field { key: "at", example: r#"at = "2h""# };
const FOR: Field = Field { key: "for", example: r#"for = "30m""# };
const EVERY: Field = Field { key: "every", example: r#"every = "6h""# };
const SHARE: Field = Field { key: "share", example: r#"share = "2%""# };
const TIMES: Field = Field { key: "times", example: "times = 20" };
const SAY: Field = Field { key: "say", example: r#"say = "crashed""# };

const WHATS: &[(&str, What)] = &[
    ("rack-outage", What::RackOutage),
    ("zone-outage", What::ZoneOutage),
    ("controller-outage", What::ControllerOutage),
    ("partition", What::Partition),
    ("spike", What::Spike),
];

/// Reads one `[[mishap]]` of a rollout that is given up after a while.
pub(super) fn read(value: &Value<'_>, give_up_after: Millis) -> Result<Mishap, DocumentError> {
    let table = value.table(&[WHAT, AT, FOR, EVERY, SHARE, TIMES])?;
    let second = Millis::from_secs(1);
    let lasts_value = table.required(&FOR)?;
    let lasts = lasts_value.millis(second..=give_up_after)?;
    let every = table.optional(&EVERY).map(|value| value.millis(second..=give_up_after));
    let every = every.transpose()?;
    if every.is_some_and(|every| every <= lasts) {
        return Err(lasts_value.error(
            "it begins again before it is over".to_owned(),
            "Write less than what `every` says".to_owned(),
        ));
    }
    let times = table.optional(&TIMES).map(|value| value.number("times", 2..=100_000));
    Ok(Mishap {
        what: table.required(&WHAT)?.one_of(WHATS)?,
        at: table.required(&AT)?.millis(Millis(0)..=give_up_after)?,
        lasts,
        every,
        share: match table.optional(&SHARE) {
            Some(value) => values::share(&value)?,
            None => Share::ALL,
        },
        times: times.transpose()?.unwrap_or(10),
    })
}

/// Reads `[liars]`.
pub(super) fn read_liars(value: &Value<'_>) -> Result<Liars, DocumentError> {
    let table = value.table(&[SHARE, SAY])?;
    let lies = [("crashed", Lie::Crashed), ("well", Lie::Well)];
    Ok(Liars {
        share: values::share(&table.required(&SHARE)?)?,
        say: table.required(&SAY)?.one_of(&lies)?,
    })
}
