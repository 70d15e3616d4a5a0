//! What is wrong with the patch: whom does it hit, how does it show, and when?

use tidegate_policies::document::{DocumentError, Field, Table, Value, plain};
use tidegate_policies::share::Share;
use tidegate_policies::time::Millis;

use super::fleet::{FleetPlan, Valued};
use super::values;

/// One thing that is wrong with the patch. A host is looked at fault by fault, and has the first that hits
/// it.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Fault {
    /// Which share of the hosts that it can hit it does hit.
    pub share: Share,
    /// Which hosts it can hit.
    pub hits: Hits,
    /// How it shows.
    pub shows: Shows,
    /// How long after the transition it shows, in the mean; of no use where the apply itself fails.
    pub after: Millis,
    /// What it takes down.
    pub takes: Reach,
}

/// Which hosts a fault can hit: those that have every value that is named here.
#[derive(Clone, Debug, Default)]
pub(in crate::simulate) struct Hits {
    /// A tier.
    pub tier: Option<String>,
    /// A kernel release.
    pub kernel: Option<String>,
    /// A CPU model.
    pub cpu_model: Option<String>,
    /// A zone.
    pub zone: Option<String>,
}

/// How a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Shows {
    /// The kernel panics, and the next boot finds its words.
    Crash,
    /// The host reboots without a word.
    Reboot,
    /// The host hangs: it is never heard again.
    Silent,
    /// The kernel refuses the module.
    ApplyFailed,
    /// The transition does not end.
    Stalled,
    /// A probe of the host fails.
    Degraded,
}

/// What a fault takes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Reach {
    /// The host that has the patch.
    Host,
    /// Its whole rack, with the patch or without.
    Rack,
}

const SHARE: Field = Field { key: "share", example: r#"share = "1%""# };
const TIER: Field = Field { key: "tier", example: r#"tier = "paid""# };
const KERNEL: Field = Field { key: "kernel", example: r#"kernel = "5.15.0-107.117""# };
const CPU_MODEL: Field = Field { key: "cpu-model", example: r#"cpu-model = "6-143""# };
const ZONE: Field = Field { key: "zone", example: r#"zone = "a""# };
const SHOWS: Field = Field { key: "shows", example: r#"shows = "crash""# };
const AFTER: Field = Field { key: "after", example: r#"after = "2m""# };
const TAKES: Field = Field { key: "takes", example: r#"takes = "rack""# };

const SHOWN: &[(&str, Shows)] = &[
    ("crash", Shows::Crash),
    ("reboot", Shows::Reboot),
    ("silent", Shows::Silent),
    ("apply-failed", Shows::ApplyFailed),
    ("stalled", Shows::Stalled),
    ("degraded", Shows::Degraded),
];

/// When a fault shows, where the scenario does not say.
const SOON: Millis = Millis::from_secs(120);

/// Reads one `[[fault]]` of a patch for `fleet`.
pub(super) fn read(value: &Value<'_>, fleet: &FleetPlan) -> Result<Fault, DocumentError> {
    let table = value.table(&[SHARE, TIER, KERNEL, CPU_MODEL, ZONE, SHOWS, AFTER, TAKES])?;
    let longest = Millis::from_secs(30 * 86_400);
    let after = table.optional(&AFTER).map(|value| value.millis(Millis(0)..=longest));
    let shows_value = table.required(&SHOWS)?;
    let shows = shows_value.one_of(SHOWN)?;
    let takes = match table.optional(&TAKES) {
        Some(value) => value.one_of(&[("host", Reach::Host), ("rack", Reach::Rack)])?,
        None => Reach::Host,
    };
    let goes_down = match shows {
        Shows::Crash | Shows::Reboot | Shows::Silent => true,
        Shows::ApplyFailed | Shows::Stalled | Shows::Degraded => false,
    };
    if takes == Reach::Rack && !goes_down {
        return Err(shows_value.error(
            "a rack cannot go down with a host that stays up".to_owned(),
            "Write \"crash\", \"reboot\" or \"silent\", or leave takes out".to_owned(),
        ));
    }
    Ok(Fault {
        share: values::share(&table.required(&SHARE)?)?,
        hits: Hits {
            tier: of_fleet(&table, &TIER, &fleet.tiers)?,
            kernel: of_fleet(&table, &KERNEL, &fleet.kernels)?,
            cpu_model: of_fleet(&table, &CPU_MODEL, &fleet.cpu_models)?,
            zone: of_fleet(&table, &ZONE, &fleet.zones)?,
        },
        shows,
        after: after.transpose()?.unwrap_or(SOON),
        takes,
    })
}

/// A value that some host of the fleet has.
fn of_fleet(
    table: &Table<'_>,
    field: &'static Field,
    known: &[Valued],
) -> Result<Option<String>, DocumentError> {
    let Some(value) = table.optional(field) else { return Ok(None) };
    let text = value.text()?;
    if known.iter().any(|one| one.name == text) {
        return Ok(Some(text.to_owned()));
    }
    let names: Vec<&str> = known.iter().map(|one| one.name.as_str()).collect();
    Err(value.error(
        format!("no host of the fleet has `{}`", plain(text)),
        format!("Write {}", names.join(" or ")),
    ))
}
