//! Which scenarios come with Tidegate? One for each thing that a rollout should get right.

use std::path::Path;

use tidegate_policies::document::DocumentError;

use super::error::SimulateError;
use super::scenario::{self, PolicyText, Scenario};

/// A scenario that comes with Tidegate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// The document.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Every scenario, in the order in which they are played.
        pub(super) const LIBRARY: &[Shipped] = &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../../../policies/scenarios/", $name, ".toml")),
        }),*];
    };
}

shipped![
    "null-one-in-10000",
    "null-one-in-1000",
    "null-one-in-100",
    "night-windows",
    "unequal-tiers",
    "unequal-models",
    "fault-half-percent",
    "fault-1-percent",
    "fault-5-percent",
    "fault-50-percent",
    "one-cpu-model",
    "one-cpu-model-alone",
    "one-kernel-and-model",
    "late-fault",
    "below-notice",
    "silent-death",
    "apply-failures",
    "stalls",
    "whole-racks",
    "rack-outages",
    "zone-outage",
    "controller-outages",
    "partition",
    "spikes",
    "planned-reboots",
    "liars",
];

impl Shipped {
    /// The scenario; played with `policy` where there is one.
    ///
    /// # Errors
    ///
    /// The policy has not the tiers that the scenario's hosts are in.
    pub(super) fn read(&self, policy: Option<&PolicyText>) -> Result<Scenario, DocumentError> {
        let none = |_: &str| Err("a scenario that comes with Tidegate uses presets".to_owned());
        let mut scenario = scenario::parse(self.name, self.text, none)?;
        if let Some(policy) = policy {
            scenario.policy = policy.clone();
        }
        Ok(scenario)
    }
}

/// The scenario in the file `asked`, or the shipped one of that name.
///
/// # Errors
///
/// There is none, or it is wrong.
pub(super) fn find(asked: &str) -> Result<Scenario, SimulateError> {
    if let Some(shipped) = LIBRARY.iter().find(|shipped| shipped.name == asked) {
        return Ok(shipped.read(None)?);
    }
    let text = std::fs::read_to_string(asked).map_err(|source| {
        let names: Vec<&str> = LIBRARY.iter().map(|shipped| shipped.name).collect();
        let way_out = format!("Name a TOML file, or one of {}", names.join(", "));
        SimulateError::Read { path: asked.to_owned(), source, way_out }
    })?;
    let folder = Path::new(asked).parent().unwrap_or_else(|| Path::new("."));
    let policy =
        |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    Ok(scenario::parse(asked, &text, policy)?)
}

#[cfg(test)]
mod tests {
    use tidegate_policies::share::Share;

    use super::super::scenario::Limits;
    use super::*;

    #[test]
    fn every_scenario_is_good_and_says_what_must_come_out() {
        for shipped in LIBRARY {
            let scenario = shipped.read(None).unwrap();
            assert_eq!(scenario.name, shipped.name);
            assert!(!scenario.about.is_empty(), "{}", shipped.name);
            let expect = scenario.expect;
            let limits = [expect.halted, expect.stopped, expect.completed];
            let says = |of: &Limits| of.at_least > Share::default() || of.at_most < Share::ALL;
            assert!(limits.iter().flatten().any(says), "{} expects nothing", shipped.name);
            assert_eq!(scenario.fleet.hosts, 100_000, "{}", shipped.name);
        }
    }

    #[test]
    fn a_scenario_that_is_not_there_is_answered_with_those_that_are() {
        let error = find("no-such-scenario").unwrap_err().to_string();
        assert!(error.contains("cannot read `no-such-scenario`"), "{error}");
        assert!(error.contains("null-one-in-1000, "), "{error}");
    }
}
