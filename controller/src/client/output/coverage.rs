//! How do coverage tables and deadlines look to a person?

use chrono::{DateTime, Utc};
use serde_json::Value;
use tidegate_proto::v1;

use super::Show;
use super::json;
use super::rollout::pair;
use super::rows::Resource;
use super::table::grid;
use super::text::{counted, hosts, or_dash};
use super::time::{rfc3339, when};

impl Resource for v1::Coverage {
    fn name(&self) -> String {
        "coverage".to_owned()
    }

    fn json(&self) -> Value {
        json::coverage(self)
    }
}

impl Resource for v1::DeadlineReport {
    fn name(&self) -> String {
        "deadlines".to_owned()
    }

    fn json(&self) -> Value {
        json::deadlines(self)
    }
}

/// `40 supported, 2 kernel-upgrade-required`.
pub(crate) fn stand(of: &[v1::SupportedHosts]) -> String {
    let words: Vec<String> = of.iter().map(|of| format!("{} {}", of.hosts, of.supported)).collect();
    if words.is_empty() { "no hosts".to_owned() } else { words.join(", ") }
}

/// The whole table, and how the hosts stand by it.
pub(crate) fn table_whole(of: &v1::Coverage, show: Show, now: DateTime<Utc>) -> String {
    if of.version == 0 {
        return "no coverage table was applied: nothing is judged".to_owned();
    }
    let head = [
        pair("hosts", &stand(&of.hosts)),
        pair("applied", &format!("{} by {}", when(of.apply_time.as_ref(), now), of.actor)),
        pair("reason", &or_dash(&of.reason)),
        pair("version", &of.version.to_string()),
    ];
    let line = |of: &v1::CoveredKernel| {
        let every = counted(of.upgrade_every_months, "month");
        vec![
            of.series.clone(),
            of.kind.clone(),
            of.distro_release.clone(),
            of.released.clone(),
            of.covered_until.clone(),
            every,
        ]
    };
    let titles = ["SERIES", "KIND", "RELEASE", "RELEASED", "COVERED UNTIL", "UPGRADE EVERY"];
    let titles = titles.map(str::to_owned);
    let mut blocks =
        vec![head.join("\n"), grid(Some(&titles), of.kernels.iter().map(line).collect())];
    blocks.extend(builds(of, show));
    blocks.join("\n\n")
}

/// When kernel releases were published: with `-o wide`, else how many are dated.
fn builds(of: &v1::Coverage, show: Show) -> Option<String> {
    if of.builds.is_empty() {
        return Some(
            "no kernel release is dated: each counts from when it was first seen".to_owned(),
        );
    }
    if show != Show::Wide {
        let dated = counted(of.builds.len(), "kernel release");
        return Some(format!("{dated} dated; -o wide shows when they were published"));
    }
    let line = |of: &v1::KernelBuild| vec![of.kernel_release.clone(), of.published.clone()];
    let titles = ["KERNEL", "PUBLISHED"].map(str::to_owned);
    Some(grid(Some(&titles), of.builds.iter().map(line).collect()))
}

/// How the fleet's kernels stand, those first that need something.
pub(crate) fn deadlines(of: &v1::DeadlineReport, show: Show) -> String {
    let at = of.time.as_ref().and_then(rfc3339);
    let head = format!(
        "{} at {}: {}",
        hosts(of.hosts),
        or_dash(&at.unwrap_or_default()),
        stand(&of.supported)
    );
    if of.version == 0 {
        return format!("{head}\nno coverage table was applied: nothing is judged");
    }
    let line = |row: &v1::KernelDeadline| {
        let mut cells = vec![
            or_dash(&row.upgrade_required_date),
            row.supported.clone(),
            row.hosts.to_string(),
            row.kernel_release.clone(),
            or_dash(&row.distro_release),
        ];
        if show == Show::Wide {
            cells.push(row.explanation.clone());
        }
        cells
    };
    let mut titles = vec!["COVERED UNTIL", "SUPPORTED", "HOSTS", "KERNEL", "RELEASE"];
    if show == Show::Wide {
        titles.push("WHY");
    }
    let titles: Vec<String> = titles.into_iter().map(str::to_owned).collect();
    let lines: Vec<_> = of.kernels.iter().map(line).collect();
    if lines.is_empty() {
        return format!("{head}\nnothing is due");
    }
    format!("{head}\n\n{}", grid(Some(&titles), lines))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn row(kernel: &str, date: &str, supported: &str) -> v1::KernelDeadline {
        v1::KernelDeadline {
            kernel_release: kernel.to_owned(),
            distro_release: "22.04".to_owned(),
            hosts: 40,
            supported: supported.to_owned(),
            upgrade_required_date: date.to_owned(),
            explanation: format!("{supported}: why"),
        }
    }

    fn report() -> v1::DeadlineReport {
        let of =
            |supported: &str, hosts| v1::SupportedHosts { supported: supported.to_owned(), hosts };
        v1::DeadlineReport {
            time: Some(prost_types::Timestamp { seconds: 1_741_392_000, nanos: 0 }),
            version: 1,
            hosts: 80,
            supported: vec![of("supported", 40), of("kernel-upgrade-required", 40)],
            kernels: vec![
                row("5.15.0-100.110", "2025-03-07", "kernel-upgrade-required"),
                row("5.15.0-107.117", "2025-05-17", "supported"),
            ],
        }
    }

    #[test]
    fn deadlines_are_told_line_by_line_the_overdue_first() {
        expect![[r#"
            80 hosts at 2025-03-08T00:00:00Z: 40 supported, 40 kernel-upgrade-required

            COVERED UNTIL  SUPPORTED                HOSTS  KERNEL          RELEASE
            2025-03-07     kernel-upgrade-required  40     5.15.0-100.110  22.04
            2025-05-17     supported                40     5.15.0-107.117  22.04
        "#]]
        .assert_eq(&(deadlines(&report(), Show::Always) + "\n"));
        let nothing = v1::DeadlineReport { kernels: Vec::new(), ..report() };
        assert!(deadlines(&nothing, Show::Always).ends_with("\nnothing is due"));
        let unjudged = v1::DeadlineReport { version: 0, ..report() };
        assert!(deadlines(&unjudged, Show::Always).ends_with("nothing is judged"));
    }

    #[test]
    fn deadlines_as_json_have_the_names_that_scripts_know() {
        expect![[r#"
            {
              "hosts": 80,
              "kernels": [
                {
                  "distroRelease": "22.04",
                  "explanation": "kernel-upgrade-required: why",
                  "hosts": 40,
                  "kernelRelease": "5.15.0-100.110",
                  "supported": "kernel-upgrade-required",
                  "upgradeRequiredDate": "2025-03-07"
                },
                {
                  "distroRelease": "22.04",
                  "explanation": "supported: why",
                  "hosts": 40,
                  "kernelRelease": "5.15.0-107.117",
                  "supported": "supported",
                  "upgradeRequiredDate": "2025-05-17"
                }
              ],
              "supported": [
                {
                  "hosts": 40,
                  "supported": "supported"
                },
                {
                  "hosts": 40,
                  "supported": "kernel-upgrade-required"
                }
              ],
              "time": "2025-03-08T00:00:00Z",
              "version": 1
            }
        "#]]
        .assert_eq(&format!("{:#}\n", report().json()));
    }
}
