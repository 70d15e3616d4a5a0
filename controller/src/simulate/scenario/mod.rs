//! What is simulated? A scenario: a fleet, a policy, what is wrong with the patch, and what goes wrong
//! besides.
//!
//! ```toml
//! name = "one-cpu-model"
//! about = "A patch that takes down three hosts in ten of one CPU model."
//! policy = "standard"             # a preset, or a file beside this one: "ours.toml"
//! on-slice = "quarantine"         # optional: instead of what the policy says in [evidence]
//! give-up-after = "14d"           # a rollout that goes on then is counted as one that did not end
//!
//! [fleet]
//! hosts = 100_000
//! hosts-per-rack = 40
//! tiers = [{ name = "free", share = "60%" }, { name = "paid", share = "40%" }]
//! kernels = [{ name = "5.15.0-107.117", share = "70%" }, { name = "6.8.0-40.40", share = "30%" }]
//! cpu-models = [{ name = "6-143", share = "2%" }, { name = "6-106", share = "98%" }]
//! zones = [{ name = "a", share = "50%" }, { name = "b", share = "50%" }]
//!
//! [fleet.by-itself]               # of all hosts in an hour, with no patch
//! crash = "0.03%"
//! silent = "0.07%"
//! reboot = "0.01%"
//! back-after = "1h"               # when a silent host is heard again, in the mean
//!
//! [[tier]]                        # rules of a tier, as `tidegate tier apply` takes them; left out: none
//! name = "paid"
//! delay = "1d"
//! windows = [{ opens = "0 22 * * *", lasts = "8h", zone = "Europe/Berlin" }]
//!
//! [[fault]]                       # what the patch does
//! share = "30%"                   # of the hosts that it can hit
//! cpu-model = "6-143"             # it can hit these: also kernel, zone, tier
//! shows = "crash"                 # reboot, silent, apply-failed, stalled, degraded
//! after = "2m"                    # in the mean, from the end of the transition
//! takes = "host"                  # or "rack"
//!
//! [[mishap]]                      # what goes wrong besides
//! what = "rack-outage"            # zone-outage, controller-outage, partition, spike
//! at = "2h"                       # from the start of the rollout
//! for = "30m"
//! every = "6h"                    # again and again; left out: once
//! share = "2%"                    # of the racks, zones or hosts
//!
//! [liars]                         # hosts that do not say what is
//! share = "0.1%"
//! say = "crashed"                 # or "well"
//!
//! [expect]                        # what must come out
//! halted = { at-least = "0%", at-most = "1%" }
//! ```

mod expect;
mod fault;
mod fleet;
mod mishap;
mod values;

pub(super) use expect::{Expect, Limits};
pub(super) use fault::{Fault, Hits, Reach, Shows};
pub(super) use fleet::{FleetPlan, Valued};
pub(super) use mishap::{Liars, Lie, Mishap, What};

use tidegate_policies::detector::ruling::OnSlice;
use tidegate_policies::document::{self, DocumentError, Field, Place, Table, Value};
use tidegate_policies::policy::Policy;
use tidegate_policies::tiers::Tier;
use tidegate_policies::time::Millis;

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is about, in a sentence or two.
    pub about: String,
    /// Which policy it is played with, and what it was read from.
    pub policy: PolicyText,
    /// When a rollout that has not ended is given up, from its start. Default 14 d.
    pub give_up_after: Millis,
    /// The fleet.
    pub fleet: FleetPlan,
    /// Tiers with rules of their own.
    pub tiers: Vec<Tier>,
    /// What the patch does.
    pub faults: Vec<Fault>,
    /// What goes wrong besides.
    pub mishaps: Vec<Mishap>,
    /// Hosts that lie.
    pub liars: Option<Liars>,
    /// What must come out.
    pub expect: Expect,
}

/// A policy, and the text that it was read from.
#[derive(Clone, Debug)]
pub(super) struct PolicyText {
    /// The policy.
    pub policy: Policy,
    /// The text.
    pub text: String,
}

const NAME: Field = Field { key: "name", example: r#"name = "one-cpu-model""# };
const ABOUT: Field = Field { key: "about", example: r#"about = "What it is about.""# };
const POLICY: Field = Field { key: "policy", example: r#"policy = "standard""# };
const ON_SLICE: Field = Field { key: "on-slice", example: r#"on-slice = "quarantine""# };
const GIVE_UP_AFTER: Field = Field { key: "give-up-after", example: r#"give-up-after = "14d""# };
const FLEET: Field = Field { key: "fleet", example: "[fleet]" };
const TIER: Field = Field { key: "tier", example: "[[tier]]" };
const FAULT: Field = Field { key: "fault", example: "[[fault]]" };
const MISHAP: Field = Field { key: "mishap", example: "[[mishap]]" };
const LIARS: Field = Field { key: "liars", example: "[liars]" };
const EXPECT: Field = Field { key: "expect", example: "[expect]" };
const FIELDS: &[Field] =
    &[NAME, ABOUT, POLICY, ON_SLICE, GIVE_UP_AFTER, FLEET, TIER, FAULT, MISHAP, LIARS, EXPECT];

const DAY: Millis = Millis::from_secs(86_400);
/// When a rollout is given up that has not ended, where the scenario does not say.
const GIVE_UP: Millis = DAY.times(14);
/// Most faults, and most mishaps.
const MOST: usize = 32;

/// Reads the scenario in `text`. `source` is what messages call it; `policy_at` finds the text of a
/// policy that is a file of that name.
///
/// # Errors
///
/// The first thing that is wrong with it, where it is, and the way out.
pub(super) fn parse(
    source: &str,
    text: &str,
    policy_at: impl FnOnce(&str) -> Result<String, String>,
) -> Result<Scenario, DocumentError> {
    let document = Place::document(source, text);
    let most = document::MAX_DOCUMENT_BYTES;
    if text.len() > most {
        let what = format!("the document has {} bytes", text.len());
        return Err(document.error(what, format!("A scenario has at most {most}")));
    }
    let root = document.parse()?;
    let root = Table::open(document, root.get_ref(), FIELDS)?;
    let name = root.required(&NAME)?.text()?.to_owned();
    let about = root.required(&ABOUT)?.text()?.trim().to_owned();
    let mut policy = read_policy(&root.required(&POLICY)?, policy_at)?;
    if let Some(value) = root.optional(&ON_SLICE) {
        let on_slice = value.one_of(&OnSlice::WORDS)?;
        policy.policy.judgement.iter_mut().for_each(|of| of.evidence.on_slice = on_slice);
    }
    let give_up_after = match root.optional(&GIVE_UP_AFTER) {
        Some(value) => value.millis(Millis::from_secs(1)..=DAY.times(365))?,
        None => GIVE_UP,
    };
    let fleet = fleet::read(&root.required(&FLEET)?, &policy.policy)?;
    let tiers = root.optional(&TIER).map(|list| read_tiers(&list, &policy.policy)).transpose()?;
    let tiers = tiers.unwrap_or_default();
    let faults = several(&root, &FAULT, |value| fault::read(value, &fleet))?;
    let mishaps = several(&root, &MISHAP, |value| mishap::read(value, give_up_after))?;
    let liars = root.optional(&LIARS).map(|value| mishap::read_liars(&value)).transpose()?;
    let expect = root.optional(&EXPECT).map(|value| expect::read(&value)).transpose()?;
    let expect = expect.unwrap_or_default();
    Ok(Scenario {
        name,
        about,
        policy,
        give_up_after,
        fleet,
        tiers,
        faults,
        mishaps,
        liars,
        expect,
    })
}

/// Rules of tiers that are on the ladder of `policy`, which says itself which ones are sampled.
fn read_tiers(list: &Value<'_>, policy: &Policy) -> Result<Vec<Tier>, DocumentError> {
    let tiers = document::read_tiers(list)?;
    for tier in &tiers {
        if !policy.ladder.iter().any(|stage| stage.tier == tier.name) || tier.sampled {
            let names: Vec<&str> = policy.ladder.iter().map(|stage| stage.tier.as_str()).collect();
            return Err(list.error(
                format!("`{}` is no tier of the policy, or is said to be sampled", tier.name),
                format!("Write rules of {}; the policy says who is drawn", names.join(", ")),
            ));
        }
    }
    Ok(tiers)
}

/// Every table of the list `field`, where there is one.
fn several<T>(
    root: &Table<'_>,
    field: &'static Field,
    read: impl Fn(&Value<'_>) -> Result<T, DocumentError>,
) -> Result<Vec<T>, DocumentError> {
    let Some(list) = root.optional(field) else { return Ok(Vec::new()) };
    list.list("tables", MOST)?.iter().map(read).collect()
}

fn read_policy(
    value: &Value<'_>,
    policy_at: impl FnOnce(&str) -> Result<String, String>,
) -> Result<PolicyText, DocumentError> {
    let name = value.text()?;
    if let Some(preset) = document::preset(name) {
        let policy = document::parse(name, preset.text)?;
        return Ok(PolicyText { policy, text: preset.text.to_owned() });
    }
    let presets: Vec<&str> = document::PRESETS.iter().map(|preset| preset.name).collect();
    if !name.ends_with(".toml") {
        return Err(value.error(
            format!("there is no preset `{}`", document::plain(name)),
            format!("Write {}, or the name of a file that ends in .toml", presets.join(", ")),
        ));
    }
    let text = policy_at(name).map_err(|why| {
        let problem = format!("the policy in `{}` cannot be read: {why}", document::plain(name));
        value.error(problem, "Write its path as it is seen from this file".to_owned())
    })?;
    let policy = document::parse(name, &text)?;
    Ok(PolicyText { policy, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small scenario that is good, to be spoilt.
    const GOOD: &str = r#"
name = "small"
about = "Three hosts in ten of one CPU model."
policy = "standard"
[fleet]
hosts = 1_000
tiers = [{ name = "free", share = "60%" }, { name = "paid", share = "40%" }]
[fleet.by-itself]
crash = "0.1%"
[[fault]]
share = "30%"
tier = "paid"
shows = "crash"
after = "2m"
[[mishap]]
what = "rack-outage"
at = "2h"
for = "30m"
share = "2%"
"#;

    fn read(text: &str) -> Result<Scenario, DocumentError> {
        parse("small.toml", text, |_| Err("no such file".to_owned()))
    }

    #[test]
    fn a_good_scenario_is_read_with_its_defaults() {
        let scenario = read(GOOD).unwrap();
        assert_eq!((scenario.fleet.hosts, scenario.fleet.hosts_per_rack), (1_000, 40));
        assert_eq!(scenario.give_up_after, DAY.times(14));
        assert_eq!(scenario.policy.policy.name, "standard");
        assert_eq!(scenario.fleet.by_itself.crash, 1_000);
        assert_eq!((scenario.faults.len(), scenario.mishaps.len()), (1, 1));
    }

    #[test]
    fn the_scenario_that_documents_the_form_is_good() {
        let lines = include_str!("mod.rs").lines();
        let form = lines.skip_while(|line| *line != "//! ```toml").skip(1);
        let form = form.take_while(|line| *line != "//! ```");
        let text: Vec<&str> = form.map(|line| line.trim_start_matches("//!")).collect();
        let scenario = read(&text.join("\n")).unwrap();
        assert_eq!(scenario.faults.len() + scenario.mishaps.len(), 2);
        assert!(scenario.liars.is_some() && scenario.expect.halted.is_some());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_the_way_out() {
        let check = |from: &str, to: &str, expected: &str| {
            let error = read(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert_eq!(error, expected);
        };
        check(
            "\"standard\"",
            "\"standart\"",
            "small.toml:4:10: policy: there is no preset `standart`. Write standard, critical, \
             frozen, small-fleet, compressed, edge, proposed, or the name of a file that ends in .toml.",
        );
        check(
            "\"standard\"",
            "\"ours.toml\"",
            "small.toml:4:10: policy: the policy in `ours.toml` cannot be read: no such file. Write \
             its path as it is seen from this file.",
        );
        check(
            "share = \"40%\"",
            "share = \"50%\"",
            "small.toml:7:9: fleet.tiers: the shares come to 110%, not to 100%. Write shares that \
             come to 100%.",
        );
        check(
            "name = \"paid\"",
            "name = \"gold\"",
            "small.toml:7:9: fleet.tiers: the policy has no tier `gold`. Write some of canary, free, \
             paid.",
        );
        check(
            "tier = \"paid\"",
            "tier = \"pain\"",
            "small.toml:12:8: fault[#1].tier: no host of the fleet has `pain`. Write free or paid.",
        );
        check(
            "[[fault]]",
            "[[tier]]\nname = \"gold\"\n[[fault]]",
            "small.toml:10:1: tier: `gold` is no tier of the policy, or is said to be sampled. Write rules of \
             canary, free, paid; the policy says who is drawn.",
        );
        check(
            "shows = \"crash\"",
            "shows = \"crush\"",
            "small.toml:13:9: fault[#1].shows: `crush` means nothing here. Write \"crash\" or \
             \"reboot\" or \"silent\" or \"apply-failed\" or \"stalled\" or \"degraded\".",
        );
        check(
            "for = \"30m\"",
            "fore = \"30m\"",
            "small.toml:18:1: mishap[#1].fore: there is no such key here. Did you mean `for`?",
        );
        check(
            "at = \"2h\"",
            "at = \"400d\"",
            "small.toml:17:6: mishap[#1].at: 400d is out of range. Write 0ms to 14d.",
        );
    }
}
