//! How does a resource look as JSON? The proto3 JSON mapping: lower-camel keys, RFC 3339 times,
//! absent messages left out, empty lists and zeros written. Three things differ, for the ease of
//! those who filter it: 64-bit integers are numbers, enums lose the prefix of their type, and
//! bytes are lower-case hex. Keys are only ever added.

mod calendar;
mod coverage;
mod exposure;
mod fleet;
mod incident;
mod plan;
mod rollout;
mod webhook;
mod withdrawal;

use prost_types::Timestamp;
use serde_json::{Map, Value};
use tidegate_proto::v1;

use super::time;

pub(crate) use calendar::{block, freeze, holdback, ladder};
pub(crate) use coverage::{coverage, deadlines};
pub(crate) use exposure::report as exposure;
pub(crate) use fleet::{evicted, grant, host, patch_set, tier, token};
pub(crate) use incident::incident;
pub(crate) use plan::plan;
pub(crate) use rollout::{change, explanation, proposal, record, replay, rollout};
pub(crate) use webhook::{webhook, webhooks};
pub(crate) use withdrawal::ledger_entry;

/// An enum's word without the prefix of its type; an unknown number stays a number.
pub(crate) trait Word: TryFrom<i32> {
    /// Prefix of all its values, e.g. `ROLLOUT_STATE_`.
    const PREFIX: &'static str;

    /// The value as the `.proto` file spells it.
    fn spelled(&self) -> &'static str;
}

macro_rules! words {
    ($($kind:ty: $prefix:literal),* $(,)?) => {$(
        impl Word for $kind {
            const PREFIX: &'static str = $prefix;

            fn spelled(&self) -> &'static str {
                self.as_str_name()
            }
        }
    )*};
}

words! {
    v1::AgentMode: "AGENT_MODE_",
    v1::Cause: "CAUSE_",
    v1::CheckVerdict: "CHECK_VERDICT_",
    v1::DiskState: "DISK_STATE_",
    v1::GateState: "GATE_STATE_",
    v1::GrantPhase: "GRANT_PHASE_",
    v1::HostState: "HOST_STATE_",
    v1::IncidentState: "INCIDENT_STATE_",
    v1::LeavesBy: "LEAVES_BY_",
    v1::LevelStanding: "LEVEL_STANDING_",
    v1::PatchSetState: "PATCH_SET_STATE_",
    v1::RolloutState: "ROLLOUT_STATE_",
    v1::Severity: "SEVERITY_",
    v1::StageState: "STAGE_STATE_",
    v1::TokenState: "TOKEN_STATE_",
    v1::VerdictKind: "VERDICT_KIND_",
    v1::WebhookState: "WEBHOOK_STATE_",
}

/// The word for people: `RUNNING`, or the bare number where this version does not know it.
pub(crate) fn word<E: Word>(value: i32) -> String {
    E::try_from(value).map_or_else(
        |_| value.to_string(),
        |known| known.spelled().trim_start_matches(E::PREFIX).to_owned(),
    )
}

/// The word for programs: `"RUNNING"`, or the bare number where this version does not know it.
pub(crate) fn enumeration<E: Word>(value: i32) -> Value {
    if E::try_from(value).is_ok() { word::<E>(value).into() } else { value.into() }
}

/// Leaves absent fields out.
pub(crate) fn with(
    mut object: Value,
    optional: impl IntoIterator<Item = (&'static str, Option<Value>)>,
) -> Value {
    if let Value::Object(map) = &mut object {
        let present =
            optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        map.extend(present.collect::<Map<_, _>>());
    }
    object
}

pub(super) fn time(value: Option<&Timestamp>) -> Option<Value> {
    value.and_then(time::rfc3339).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_this_version_does_not_know_stays_a_number() {
        let sample = v1::Rollout { state: 99, ..Default::default() };
        assert_eq!(rollout(&sample)["state"], Value::from(99));
        assert_eq!(word::<v1::RolloutState>(99), "99");
    }

    #[test]
    fn no_word_keeps_the_prefix_of_its_type() {
        for value in 0..=12 {
            assert!(!word::<v1::GrantPhase>(value).contains("GRANT"), "{value}");
            assert!(!word::<v1::RolloutState>(value).contains("ROLLOUT"), "{value}");
            assert!(!word::<v1::PatchSetState>(value).contains("PATCH"), "{value}");
        }
    }
}
