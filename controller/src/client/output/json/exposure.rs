//! How does a report of open fixes look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::{enumeration, time, with};

/// The whole report.
pub(crate) fn report(of: &v1::ExposureReport) -> Value {
    let object = json!({
        "tier": of.tier,
        "hosts": of.hosts,
        "openHosts": of.open_hosts,
        "fixes": of.fixes.iter().map(fix).collect::<Value>(),
        "causes": of.causes.iter().map(kept_out).collect::<Value>(),
        "levels": of.levels.iter().map(level).collect::<Value>(),
    });
    with(object, [("time", time(of.time.as_ref()))])
}

/// What a tier was promised.
pub(crate) fn objective(of: &v1::Objective) -> Value {
    json!({
        "severity": enumeration::<v1::Severity>(of.severity),
        "sharePpm": of.share_ppm,
        "withinMs": of.within_ms,
    })
}

fn fix(of: &v1::FixReport) -> Value {
    let object = json!({
        "name": of.name,
        "severity": enumeration::<v1::Severity>(of.severity),
        "hosts": of.hosts,
        "openHosts": of.open_hosts,
    });
    with(object, [("publishedAt", time(of.published_at.as_ref()))])
}

fn kept_out(of: &v1::KeptOut) -> Value {
    let open = |open: &v1::OpenSeverity| {
        let object = json!({
            "severity": enumeration::<v1::Severity>(open.severity),
            "fixes": open.fixes,
            "hosts": open.hosts,
        });
        with(object, [("oldestPublishedAt", time(open.oldest_published_at.as_ref()))])
    };
    json!({
        "cause": enumeration::<v1::Cause>(of.cause),
        "resource": of.resource,
        "hosts": of.hosts,
        "open": of.open.iter().map(open).collect::<Value>(),
    })
}

fn level(of: &v1::ServiceLevel) -> Value {
    let object = json!({
        "tier": of.tier,
        "objective": of.objective.as_ref().map(objective),
        "hosts": of.hosts,
        "lateHosts": of.late_hosts,
        "toleratedHosts": of.tolerated_hosts,
        "dueHosts": of.due_hosts,
        "standing": enumeration::<v1::LevelStanding>(of.standing),
    });
    let next = time(of.next_due_time.as_ref());
    with(object, [("nextDueTime", next), ("burnPpm", of.burn_ppm.map(Value::from))])
}
