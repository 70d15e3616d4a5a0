//! How do open fixes look to a person? The fixes, what keeps hosts from them, and the promises.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tidegate_proto::v1;

use super::Show;
use super::json::{self, word};
use super::rows::Resource;
use super::table::grid;
use super::text::{counted, hosts, or_dash, ppm, share_of};
use super::time::{ago, rfc3339, span, utc};
use crate::client::names::id_of;

/// Fixes that are named without `-o wide`.
const FEW: usize = 20;

impl Resource for v1::ExposureReport {
    fn name(&self) -> String {
        "exposure".to_owned()
    }

    fn json(&self) -> Value {
        json::exposure(self)
    }
}

/// The whole report.
pub(crate) fn whole(report: &v1::ExposureReport, show: Show, now: DateTime<Utc>) -> String {
    let mut blocks = vec![head(report)];
    blocks.extend(fixes(report, show, now));
    blocks.extend(causes(report, now));
    blocks.extend(levels(report, now));
    blocks.join("\n\n")
}

fn head(report: &v1::ExposureReport) -> String {
    let whose = match id_of(&report.tier) {
        "" => "hosts".to_owned(),
        tier => format!("hosts of {tier}"),
    };
    let at = report.time.as_ref().and_then(rfc3339);
    format!(
        "{} of {} {whose} have a fix open at {}",
        report.open_hosts,
        report.hosts,
        or_dash(&at.unwrap_or_default())
    )
}

fn fixes(report: &v1::ExposureReport, show: Show, now: DateTime<Utc>) -> Option<String> {
    let most = if show == Show::Wide { usize::MAX } else { FEW };
    let line = |fix: &v1::FixReport| {
        let open = share_of(fix.open_hosts, fix.hosts);
        let severity = word::<v1::Severity>(fix.severity);
        vec![fix.name.clone(), severity, ago(fix.published_at.as_ref(), now), open]
    };
    let lines: Vec<_> = report.fixes.iter().take(most).map(line).collect();
    let titles = ["FIX", "SEVERITY", "PUBLISHED", "OPEN ON HOSTS"].map(str::to_owned);
    let mut text = (!lines.is_empty()).then(|| grid(Some(&titles), lines))?;
    let hidden = report.fixes.len().saturating_sub(most);
    if hidden > 0 {
        text.push_str(&format!("\nand {hidden} more; -o wide shows them"));
    }
    Some(text)
}

fn causes(report: &v1::ExposureReport, now: DateTime<Utc>) -> Option<String> {
    let line = |of: &v1::KeptOut| vec![cause(of), of.hosts.to_string(), open(&of.open, now)];
    let lines: Vec<_> = report.causes.iter().map(line).collect();
    let titles = ["KEPT FROM HOSTS BY", "HOSTS", "LEAVES OPEN"].map(str::to_owned);
    (!lines.is_empty()).then(|| grid(Some(&titles), lines))
}

/// `halt rollouts/113.1`.
fn cause(of: &v1::KeptOut) -> String {
    let word = word::<v1::Cause>(of.cause).to_lowercase().replace('_', "-");
    if of.resource.is_empty() { word } else { format!("{word} {}", of.resource) }
}

/// `1 critical (3h old), 2 low`.
fn open(of: &[v1::OpenSeverity], now: DateTime<Utc>) -> String {
    let words = |of: &v1::OpenSeverity| {
        let severity = word::<v1::Severity>(of.severity).to_lowercase();
        let severity = severity.replace("unspecified", "of unknown severity");
        let since = of.oldest_published_at.as_ref().and_then(utc);
        let age = since.and_then(|since| u64::try_from((now - since).num_milliseconds()).ok());
        let age = age.map_or_else(String::new, |age| format!(" ({} old)", span(age)));
        format!("{} {severity}{age}", of.fixes)
    };
    of.iter().map(words).collect::<Vec<_>>().join(", ")
}

fn levels(report: &v1::ExposureReport, now: DateTime<Utc>) -> Option<String> {
    let line = |of: &v1::ServiceLevel| {
        let late = format!("{} of {}, {} may", of.late_hosts, hosts(of.hosts), of.tolerated_hosts);
        let burn = match of.burn_ppm {
            Some(burn) => format!("{} %", burn / 10_000),
            None => "all of none".to_owned(),
        };
        let next = of.next_due_time.as_ref().and_then(utc);
        let left = next.and_then(|at| u64::try_from((at - now).num_milliseconds()).ok());
        let due = match left {
            None => or_dash(""),
            Some(left) => format!("{}, the first in {}", of.due_hosts, span(left)),
        };
        let promised = of.objective.as_ref().map_or_else(|| or_dash(""), promise);
        let standing = word::<v1::LevelStanding>(of.standing);
        vec![id_of(&of.tier).to_owned(), promised, standing, late, burn, due]
    };
    let lines: Vec<_> = report.levels.iter().map(line).collect();
    let titles = ["TIER", "PROMISED", "STANDS", "LATE", "BURN", "DUE"].map(str::to_owned);
    (!lines.is_empty()).then(|| grid(Some(&titles), lines))
}

/// `critical: 95% within 1d`.
pub(crate) fn promise(of: &v1::Objective) -> String {
    let severity = word::<v1::Severity>(of.severity).to_lowercase();
    format!("{severity}: {} within {}", ppm(of.share_ppm), span(of.within_ms))
}

/// What one thing leaves open, in one sentence: `freezes/xmas leaves 1 critical (3h old) open on 3 hosts`.
pub(crate) fn leaves(of: &v1::KeptOut, now: DateTime<Utc>) -> String {
    let fixes: u64 = of.open.iter().map(|open| open.fixes).sum();
    format!(
        "{} leaves {} open on {}: {}",
        cause(of),
        counted(fixes, "fix").replace("fixs", "fixes"),
        hosts(of.hosts),
        open(&of.open, now)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report() -> v1::ExposureReport {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let critical = i32::from(v1::Severity::Critical);
        let open = v1::OpenSeverity {
            severity: critical,
            fixes: 1,
            hosts: 40,
            oldest_published_at: at(1_000_000),
        };
        let low = v1::OpenSeverity { severity: 1, fixes: 2, ..open };
        v1::ExposureReport {
            time: at(1_090_000),
            tier: String::new(),
            hosts: 100,
            open_hosts: 43,
            fixes: vec![v1::FixReport {
                name: "cve-2026-1".to_owned(),
                severity: critical,
                published_at: at(1_000_000),
                hosts: 90,
                open_hosts: 43,
            }],
            causes: vec![
                v1::KeptOut {
                    cause: v1::Cause::SliceHalt.into(),
                    resource: "rollouts/113.1".to_owned(),
                    hosts: 40,
                    open: vec![open, low],
                },
                v1::KeptOut {
                    cause: v1::Cause::NoApply.into(),
                    resource: String::new(),
                    hosts: 3,
                    open: vec![open],
                },
            ],
            levels: vec![v1::ServiceLevel {
                tier: "tiers/paid".to_owned(),
                objective: Some(v1::Objective {
                    severity: critical,
                    share_ppm: 950_000,
                    within_ms: 86_400_000,
                }),
                hosts: 90,
                late_hosts: 2,
                tolerated_hosts: 4,
                due_hosts: 41,
                next_due_time: at(1_093_600),
                standing: v1::LevelStanding::Burning.into(),
                burn_ppm: Some(500_000),
            }],
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_090_000, 0).unwrap()
    }

    #[test]
    fn a_report_names_what_is_open_what_keeps_it_so_and_what_was_promised() {
        expect![[r#"
            43 of 100 hosts have a fix open at 1970-01-13T14:46:40Z

            FIX         SEVERITY  PUBLISHED  OPEN ON HOSTS
            cve-2026-1  CRITICAL  1d ago     43/90 (47.7 %)

            KEPT FROM HOSTS BY         HOSTS  LEAVES OPEN
            slice-halt rollouts/113.1  40     1 critical (1d1h old), 2 low (1d1h old)
            no-apply                   3      1 critical (1d1h old)

            TIER  PROMISED                  STANDS   LATE                  BURN  DUE
            paid  critical: 95 % within 1d  BURNING  2 of 90 hosts, 4 may  50 %  41, the first in 1h"#]].assert_eq(&whole(&report(), Show::Always, now()));
    }

    #[test]
    fn what_a_thing_leaves_open_is_said_in_a_sentence() {
        let said = leaves(&report().causes[0], now());
        expect!["slice-halt rollouts/113.1 leaves 3 fixes open on 40 hosts: 1 critical (1d1h old), 2 low (1d1h old)"].assert_eq(&said);
    }

    #[test]
    fn programs_read_the_same_numbers() {
        let json = json::exposure(&report());
        assert_eq!(json["causes"][0]["cause"], "SLICE_HALT");
        assert_eq!(json["causes"][0]["open"][1]["fixes"], 2);
        assert_eq!(json["levels"][0]["burnPpm"], 500_000);
        assert_eq!(json["fixes"][0]["openHosts"], 43);
        let nothing = v1::ServiceLevel { burn_ppm: None, ..report().levels.remove(0) };
        let unbounded = v1::ExposureReport { levels: vec![nothing], ..report() };
        assert!(json::exposure(&unbounded)["levels"][0].get("burnPpm").is_none());
    }
}
