//! Which hosts are there, and how do they fare with no patch?

use tidegate_policies::document::{DocumentError, Field, Value, plain};
use tidegate_policies::policy::Policy;
use tidegate_policies::share::Share;
use tidegate_policies::time::Millis;

use super::values;

/// A fleet, before its hosts are drawn.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct FleetPlan {
    /// How many hosts; 10 to 1,000,000.
    pub hosts: u64,
    /// Hosts of one rack; default 40.
    pub hosts_per_rack: u64,
    /// Tiers of the hosts' tokens.
    pub tiers: Vec<Valued>,
    /// Kernel releases; default one.
    pub kernels: Vec<Valued>,
    /// CPU models; default one.
    pub cpu_models: Vec<Valued>,
    /// Zones; default one. All hosts of a rack are in one.
    pub zones: Vec<Valued>,
    /// What happens with no patch, to hosts of values that say no times.
    pub by_itself: ByItself,
}

/// A value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulate) struct Valued {
    /// The value.
    pub name: String,
    /// Which share of the hosts has it.
    pub share: Share,
    /// How many times as often as others they fail by themselves; 1 to 1,000, default 1.
    pub times: u64,
}

impl FleetPlan {
    /// How many times as often as the least do those fail by themselves that do so most.
    pub(in crate::simulate) fn most_times(&self) -> u64 {
        let facts = [&self.tiers, &self.kernels, &self.cpu_models, &self.zones];
        facts.iter().map(|fact| fact.iter().map(|one| one.times).max().unwrap_or(1)).product()
    }
}

/// What happens to hosts with no patch: parts per million of all hosts in an hour.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct ByItself {
    /// Their kernel crashes; default none.
    pub crash: u64,
    /// They are not heard any more; default none.
    pub silent: u64,
    /// They reboot, and say so before; default none.
    pub reboot: u64,
    /// When a silent host is heard again, in the mean; default 1 h.
    pub back_after: Millis,
}

const HOSTS: Field = Field { key: "hosts", example: "hosts = 100_000" };
const PER_RACK: Field = Field { key: "hosts-per-rack", example: "hosts-per-rack = 40" };
const TIERS: Field = Field {
    key: "tiers",
    example: r#"tiers = [{ name = "free", share = "60%" }, { name = "paid", share = "40%" }]"#,
};
const KERNELS: Field =
    Field { key: "kernels", example: r#"kernels = [{ name = "5.15.0-107.117", share = "100%" }]"# };
const CPU_MODELS: Field =
    Field { key: "cpu-models", example: r#"cpu-models = [{ name = "6-143", share = "100%" }]"# };
const ZONES: Field = Field { key: "zones", example: r#"zones = [{ name = "a", share = "100%" }]"# };
const BY_ITSELF: Field = Field { key: "by-itself", example: r#"by-itself = { crash = "0.1%" }"# };
const CRASH: Field = Field { key: "crash", example: r#"crash = "0.1%""# };
const SILENT: Field = Field { key: "silent", example: r#"silent = "0.1%""# };
const REBOOT: Field = Field { key: "reboot", example: r#"reboot = "0.1%""# };
const BACK_AFTER: Field = Field { key: "back-after", example: r#"back-after = "1h""# };

/// When a silent host is heard again, where the scenario does not say.
const BACK: Millis = Millis::from_secs(3_600);

/// Reads `[fleet]`, whose tiers must be on the ladder of `policy`.
pub(super) fn read(value: &Value<'_>, policy: &Policy) -> Result<FleetPlan, DocumentError> {
    let table = value.table(&[HOSTS, PER_RACK, TIERS, KERNELS, CPU_MODELS, ZONES, BY_ITSELF])?;
    let hosts = table.required(&HOSTS)?.number("hosts", 10..=1_000_000)?;
    let per_rack = table.optional(&PER_RACK).map(|value| value.number("hosts", 1..=10_000));
    let fact = |field, default: &str| match table.optional(field) {
        Some(value) => values::valued(&value),
        None => Ok(vec![Valued { name: default.to_owned(), share: Share::ALL, times: 1 }]),
    };
    Ok(FleetPlan {
        hosts,
        hosts_per_rack: per_rack.transpose()?.unwrap_or(40),
        tiers: read_tiers(&table.required(&TIERS)?, policy)?,
        kernels: fact(&KERNELS, "5.15.0-107.117")?,
        cpu_models: fact(&CPU_MODELS, "6-106")?,
        zones: fact(&ZONES, "a")?,
        by_itself: match table.optional(&BY_ITSELF) {
            Some(value) => read_by_itself(&value)?,
            None => ByItself { crash: 0, silent: 0, reboot: 0, back_after: BACK },
        },
    })
}

fn read_tiers(value: &Value<'_>, policy: &Policy) -> Result<Vec<Valued>, DocumentError> {
    let tiers = values::valued(value)?;
    let ladder: Vec<&str> = policy.ladder.iter().map(|stage| stage.tier.as_str()).collect();
    match tiers.iter().find(|tier| !ladder.contains(&tier.name.as_str())) {
        None => Ok(tiers),
        Some(stranger) => Err(value.error(
            format!("the policy has no tier `{}`", plain(&stranger.name)),
            format!("Write some of {}", ladder.join(", ")),
        )),
    }
}

fn read_by_itself(value: &Value<'_>) -> Result<ByItself, DocumentError> {
    let table = value.table(&[CRASH, SILENT, REBOOT, BACK_AFTER])?;
    let rate = |field| match table.optional(field) {
        Some(value) => values::share(&value).map(|share| u64::from(share.ppm())),
        None => Ok(0),
    };
    let back = table.optional(&BACK_AFTER);
    let longest = Millis::from_secs(30 * 86_400);
    let back = back.map(|value| value.millis(Millis::from_secs(1)..=longest)).transpose()?;
    Ok(ByItself {
        crash: rate(&CRASH)?,
        silent: rate(&SILENT)?,
        reboot: rate(&REBOOT)?,
        back_after: back.unwrap_or(BACK),
    })
}
