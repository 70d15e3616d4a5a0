//! By which fields can the rows of each list be asked for? By those that the row shows, under the names that it
//! has on the wire, and a few shorter ones.

use tidegate_proto::v1 as pb;

use crate::filter::{Field, Filterable, Kind, Value};

const ROLLOUT_STATES: &[&str] = &[
    "DRAFT",
    "RUNNING",
    "AWAITING_APPROVAL",
    "PAUSED",
    "HALTED",
    "COMPLETED",
    "SUPERSEDED",
    "ROLLING_BACK",
    "ROLLED_BACK",
];
const PATCH_SET_STATES: &[&str] = &["REPLICATING", "READY", "HALTED", "WITHDRAWN"];
const INCIDENT_STATES: &[&str] = &["OPEN", "WIDENED", "RESOLVED"];
const SUPPORTED: &[&str] =
    &["supported", "kernel-upgrade-required", "kernel-end-of-life", "unsupported", "unknown"];
const LEAVES_BY: &[&str] = &["REVERT", "REBOOT"];
const MODES: &[&str] = &["NORMAL", "NO_APPLY"];
const VERDICTS: &[&str] = &["CONTINUE", "PROMOTE", "HOLD", "HALT"];
const SEVERITIES: &[&str] = &["LOW", "MEDIUM", "HIGH", "CRITICAL"];
const PHASES: &[&str] = &[
    "OFFERED",
    "BEGUN",
    "APPLIED",
    "SOAKED",
    "EXPIRED",
    "REFUSED",
    "FAILED",
    "STALLED",
    "CRASHED",
    "SILENT",
    "WITHDRAWN",
    "REVERTED",
];

/// One field, by the name that it has in a filter.
const fn field<R>(name: &'static str, kind: Kind, of: for<'a> fn(&'a R) -> Value<'a>) -> Field<R> {
    Field { name, kind, of }
}

/// A resource's name without its collection.
fn id(name: &str) -> Value<'_> {
    Value::text(name.split_once('/').map_or(name, |(_, id)| id))
}

fn time(time: Option<&prost_types::Timestamp>) -> Value<'_> {
    time.map_or(Value::Unknown, |time| {
        Value::Time(i128::from(time.seconds) * 1_000 + i128::from(time.nanos) / 1_000_000)
    })
}

/// A word of an enum, without the prefix of its type.
fn word(name: &'static str, prefix: &'static str) -> Value<'static> {
    Value::text(name.strip_prefix(prefix).unwrap_or(name))
}

macro_rules! fact {
    ($name:literal, $fact:ident) => {
        field($name, Kind::Text, |host: &pb::Host| {
            host.facts.as_ref().map_or(Value::Unknown, |facts| Value::text(&facts.$fact))
        })
    };
}

impl Filterable for pb::Holdback {
    const FIELDS: &'static [Field<Self>] =
        &[field("name", Kind::Text, |holdback| Value::text(&holdback.name))];
}

impl Filterable for pb::Host {
    const FIELDS: &'static [Field<Self>] = &[
        field("name", Kind::Name("hosts/"), |host| id(&host.name)),
        fact!("hostname", hostname),
        field("tier", Kind::Name("tiers/"), |host| id(&host.tier)),
        field("token", Kind::Name("tokens/"), |host| id(&host.token)),
        fact!("kernel", kernel_release),
        fact!("kernel_release", kernel_release),
        fact!("flavour", flavour),
        fact!("arch", arch),
        fact!("cpu_vendor", cpu_vendor),
        fact!("cpu_family", cpu_family),
        fact!("cpu_model", cpu_model),
        fact!("distro_release", distro_release),
        fact!("zone", zone),
        fact!("region", region),
        fact!("cloud", cloud),
        fact!("rack", rack),
        field("labels", Kind::Labels, |host| {
            host.facts.as_ref().map_or(Value::Unknown, |facts| Value::Labels(&facts.labels))
        }),
        fact!("agent_version", agent_version),
        field("boot_id", Kind::Text, |host| Value::text(&host.boot_id)),
        field("mode", Kind::Word(MODES), |host| word(host.mode().as_str_name(), "AGENT_MODE_")),
        field("enroll_time", Kind::Time, |host| time(host.enroll_time.as_ref())),
        field("heard_ago_ms", Kind::Number, |host| {
            host.heard_ago_ms.map_or(Value::Unknown, Value::number)
        }),
        field("supported", Kind::Word(SUPPORTED), |host| Value::text(&host.supported)),
        field("upgrade_required_date", Kind::Text, |host| Value::text(&host.upgrade_required_date)),
    ];
}

impl Filterable for pb::Grant {
    const FIELDS: &'static [Field<Self>] = &[
        field("grant_id", Kind::Number, |grant| Value::number(grant.grant_id)),
        field("host", Kind::Name("hosts/"), |grant| id(&grant.host)),
        field("hostname", Kind::Text, |grant| Value::text(&grant.hostname)),
        field("tier", Kind::Name("tiers/"), |grant| id(&grant.tier)),
        field("phase", Kind::Word(PHASES), |grant| {
            word(grant.phase().as_str_name(), "GRANT_PHASE_")
        }),
        field("epoch", Kind::Number, |grant| Value::number(grant.epoch)),
        field("begun_index", Kind::Number, |grant| Value::number(grant.begun_index)),
        field("detail", Kind::Text, |grant| Value::text(&grant.detail)),
    ];
}

impl Filterable for pb::DecisionRecord {
    const FIELDS: &'static [Field<Self>] = &[
        field("sequence", Kind::Number, |record| Value::number(record.sequence)),
        field("log_index", Kind::Number, |record| Value::number(record.log_index)),
        field("time", Kind::Time, |record| time(record.time.as_ref())),
        field("actor", Kind::Text, |record| Value::text(&record.actor)),
        field("event", Kind::Text, |record| Value::text(&record.event)),
        field("subject", Kind::Text, |record| Value::text(&record.subject)),
        field("detail", Kind::Text, |record| Value::text(&record.detail)),
        field("request_id", Kind::Text, |record| Value::text(&record.request_id)),
    ];
}

impl Filterable for pb::Rollout {
    const FIELDS: &'static [Field<Self>] = &[
        field("name", Kind::Name("rollouts/"), |rollout| id(&rollout.name)),
        field("patch_set", Kind::Name("patchSets/"), |rollout| id(&rollout.patch_set)),
        field("state", Kind::Word(ROLLOUT_STATES), |rollout| {
            word(rollout.state().as_str_name(), "ROLLOUT_STATE_")
        }),
        field("policy_name", Kind::Text, |rollout| Value::text(&rollout.policy_name)),
        field("tier", Kind::Name("tiers/"), |rollout| id(&rollout.tier)),
        field("wave", Kind::Number, |rollout| Value::number(rollout.wave)),
        field("verdict", Kind::Word(VERDICTS), |rollout| {
            rollout.verdict.as_ref().map_or(Value::Unknown, |verdict| {
                word(verdict.kind().as_str_name(), "VERDICT_KIND_")
            })
        }),
        field("waiting_on", Kind::Text, |rollout| {
            rollout.verdict.as_ref().map_or(Value::Unknown, |of| Value::text(&of.waiting_on))
        }),
        field("in_flight_hosts", Kind::Number, |rollout| Value::number(rollout.in_flight_hosts)),
        field("exposed_hosts", Kind::Number, |rollout| Value::number(rollout.exposed_hosts)),
        field("epoch", Kind::Number, |rollout| Value::number(rollout.epoch)),
        field("revision", Kind::Number, |rollout| Value::number(rollout.revision)),
        field("create_time", Kind::Time, |rollout| time(rollout.create_time.as_ref())),
        field("start_time", Kind::Time, |rollout| time(rollout.start_time.as_ref())),
        field("end_time", Kind::Time, |rollout| time(rollout.end_time.as_ref())),
    ];
}

impl Filterable for pb::PatchSet {
    const FIELDS: &'static [Field<Self>] = &[
        field("name", Kind::Name("patchSets/"), |set| id(&set.name)),
        field("notice", Kind::Text, |set| Value::text(&set.notice)),
        field("state", Kind::Word(PATCH_SET_STATES), |set| {
            word(set.state().as_str_name(), "PATCH_SET_STATE_")
        }),
        field("kernel", Kind::Text, |set| {
            let kernels = set.artifacts.iter().map(|of| of.kernel_release.as_str().into());
            Value::Texts(kernels.collect())
        }),
        field("arch", Kind::Text, |set| {
            Value::Texts(set.artifacts.iter().map(|of| of.arch.as_str().into()).collect())
        }),
        field("fix", Kind::Text, |set| {
            Value::Texts(set.fixes.iter().map(|fix| fix.name.as_str().into()).collect())
        }),
        field("severity", Kind::Word(SEVERITIES), |set| {
            let words = set.fixes.iter().map(|fix| fix.severity().as_str_name());
            Value::Texts(words.map(|word| word.trim_start_matches("SEVERITY_").into()).collect())
        }),
        field("epoch", Kind::Number, |set| Value::number(set.epoch)),
        field("published_at", Kind::Time, |set| time(set.published_at.as_ref())),
    ];
}

impl Filterable for pb::LedgerEntry {
    const FIELDS: &'static [Field<Self>] = &[
        field("host", Kind::Name("hosts/"), |entry| id(&entry.host)),
        field("hostname", Kind::Text, |entry| Value::text(&entry.hostname)),
        field("grant_id", Kind::Number, |entry| Value::number(entry.grant_id)),
        field("leaves_by", Kind::Word(LEAVES_BY), |entry| {
            word(entry.leaves_by().as_str_name(), "LEAVES_BY_")
        }),
        field("detail", Kind::Text, |entry| Value::text(&entry.detail)),
        field("kernel_release", Kind::Text, |entry| Value::text(&entry.kernel_release)),
        field("zone", Kind::Text, |entry| Value::text(&entry.zone)),
    ];
}

impl Filterable for pb::Incident {
    const FIELDS: &'static [Field<Self>] = &[
        field("name", Kind::Name("incidents/"), |incident| id(&incident.name)),
        field("rollout", Kind::Name("rollouts/"), |incident| id(&incident.rollout)),
        field("patch_set", Kind::Name("patchSets/"), |incident| id(&incident.patch_set)),
        field("scope", Kind::Text, |incident| Value::text(&incident.scope)),
        field("state", Kind::Word(INCIDENT_STATES), |incident| {
            word(incident.state().as_str_name(), "INCIDENT_STATE_")
        }),
        field("actor", Kind::Text, |incident| {
            incident.halt.as_ref().map_or(Value::Unknown, |halt| Value::text(&halt.actor))
        }),
        field("reason", Kind::Text, |incident| {
            incident.halt.as_ref().map_or(Value::Unknown, |halt| Value::text(&halt.reason))
        }),
        field("halt_time", Kind::Time, |incident| {
            incident.halt.as_ref().map_or(Value::Unknown, |halt| time(halt.time.as_ref()))
        }),
        field("end_time", Kind::Time, |incident| time(incident.end_time.as_ref())),
        field("acknowledged_by", Kind::Text, |incident| {
            let of = incident.acknowledgement.as_ref();
            of.map_or(Value::Unknown, |said| Value::text(&said.actor))
        }),
    ];
}

impl Filterable for pb::Token {
    const FIELDS: &'static [Field<Self>] = &[
        field("name", Kind::Name("tokens/"), |token| id(&token.name)),
        field("tier", Kind::Name("tiers/"), |token| id(&token.tier)),
        field("max_hosts", Kind::Number, |token| Value::number(token.max_hosts)),
        field("enrolled_hosts", Kind::Number, |token| Value::number(token.enrolled_hosts)),
        field("create_time", Kind::Time, |token| time(token.create_time.as_ref())),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    /// Every value of an enum but the one that is never sent.
    fn words<E: TryFrom<i32>>(name: fn(&E) -> &'static str, prefix: &str) -> Vec<&'static str> {
        let known = (1..100).map_while(|value| E::try_from(value).ok());
        let names = known.map(|value| name(&value));
        names.map(|name| name.trim_start_matches(prefix)).collect()
    }

    #[test]
    fn every_word_of_an_enum_can_be_asked_for() {
        assert_eq!(words(pb::RolloutState::as_str_name, "ROLLOUT_STATE_"), ROLLOUT_STATES);
        assert_eq!(words(pb::PatchSetState::as_str_name, "PATCH_SET_STATE_"), PATCH_SET_STATES);
        assert_eq!(words(pb::IncidentState::as_str_name, "INCIDENT_STATE_"), INCIDENT_STATES);
        assert_eq!(words(pb::LeavesBy::as_str_name, "LEAVES_BY_"), LEAVES_BY);
        assert_eq!(words(pb::AgentMode::as_str_name, "AGENT_MODE_"), MODES);
        assert_eq!(words(pb::VerdictKind::as_str_name, "VERDICT_KIND_"), VERDICTS);
        assert_eq!(words(pb::Severity::as_str_name, "SEVERITY_"), SEVERITIES);
        let mut phases = words(pb::GrantPhase::as_str_name, "GRANT_PHASE_");
        phases.sort_unstable();
        let mut known = PHASES.to_vec();
        known.sort_unstable();
        assert_eq!(phases, known);
    }

    #[test]
    fn the_filters_that_the_wire_names_as_examples_can_be_read() {
        assert!(Filter::<pb::Host>::parse("tier=\"free\" AND kernel:\"6.8*\"").is_ok());
        assert!(Filter::<pb::Rollout>::parse("state=RUNNING AND patch_set=\"113.1\"").is_ok());
        assert!(Filter::<pb::Grant>::parse("phase=CRASHED OR phase=SILENT").is_ok());
        assert!(Filter::<pb::Token>::parse("tier=\"free\" AND enrolled_hosts>0").is_ok());
        assert!(Filter::<pb::PatchSet>::parse("state=READY AND fix=\"cve-2026-12345\"").is_ok());
        assert!(Filter::<pb::LedgerEntry>::parse("leaves_by=REBOOT AND zone=\"a\"").is_ok());
        assert!(Filter::<pb::Incident>::parse("state=OPEN AND scope!=everything").is_ok());
    }

    #[test]
    fn a_host_is_asked_for_by_its_facts() {
        let facts = pb::HostFacts {
            kernel_release: "6.8.0-41.41".to_owned(),
            labels: [("role".to_owned(), "db".to_owned())].into(),
            ..pb::HostFacts::default()
        };
        let judged = pb::Host {
            supported: "kernel-upgrade-required".to_owned(),
            upgrade_required_date: "2025-03-07".to_owned(),
            ..pb::Host::default()
        };
        let host = pb::Host { tier: "tiers/free".to_owned(), facts: Some(facts), ..judged };
        for (filter, expected) in [
            ("tier=free AND kernel:\"6.8*\"", true),
            ("tier=paid", false),
            ("labels.role=db", true),
            ("zone:*", false),
            ("heard_ago_ms<5000", false),
            ("supported=kernel-upgrade-required", true),
            ("supported=supported OR upgrade_required_date:2024*", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().matches(&host), expected, "{filter}");
        }
    }
}
