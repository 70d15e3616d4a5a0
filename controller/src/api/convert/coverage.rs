//! Coverage tables and deadlines, in and out.

use std::collections::BTreeMap;

use tidegate_policies::coverage::{CoverageTable, Day, Line, Supported};
use tidegate_policies::document::{self, parse_coverage, write_coverage};
use tidegate_policies::time::Millis;
use tidegate_proto::v1 as pb;

use super::check::bounded;
use super::rollout::MAX_REASON_BYTES;
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::ApplyCoverage;
use crate::machine::coverage::Deadline;

/// A table to apply.
///
/// # Errors
///
/// [`BadField`], also for a document that is none.
pub fn apply(request: &pb::ApplyCoverageRequest) -> Result<ApplyCoverage, BadField> {
    use pb::apply_coverage_request::Table as Asked;
    let (source, text) = match &request.table {
        Some(Asked::Preset(name)) => {
            let Some(preset) = document::coverage_preset(name) else {
                let known: Vec<&str> =
                    document::COVERAGES.iter().map(|preset| preset.name).collect();
                let what =
                    format!("is no coverage table that ships; there is {}", known.join(", "));
                return Err(BadField::new("preset", name, &what));
            };
            (preset.name, preset.text)
        }
        Some(Asked::CoverageToml(text)) => {
            let source = if request.source.is_empty() { "coverage" } else { &request.source };
            (source, text.as_str())
        }
        None => {
            let what = "is missing: name a preset or send a document";
            return Err(BadField::new("table", "", what));
        }
    };
    let table = parse_coverage(source, text)
        .map_err(|error| BadField::new("coverage_toml", "…", &error.to_string()))?;
    Ok(ApplyCoverage { table, reason: bounded("reason", &request.reason, MAX_REASON_BYTES)? })
}

/// The table for the wire.
pub fn table(machine: &Machine) -> pb::Coverage {
    let coverage = machine.coverage();
    let bare = pb::Coverage {
        version: coverage.version,
        hosts: supported(&machine.hosts_by_coverage()),
        etag: coverage.etag().to_string(),
        ..pb::Coverage::default()
    };
    let Some(applied) = &coverage.applied else { return bare };
    let CoverageTable { lines, builds } = &applied.table;
    pb::Coverage {
        coverage_toml: write_coverage(&applied.table),
        kernels: lines.iter().map(kernel).collect(),
        builds: builds.iter().map(build).collect(),
        actor: applied.actor.clone(),
        reason: applied.reason.clone(),
        apply_time: Some(timestamp(applied.at)),
        ..bare
    }
}

fn kernel(line: &Line) -> pb::CoveredKernel {
    pb::CoveredKernel {
        series: line.series.clone(),
        kind: line.kind.word().to_owned(),
        distro_release: line.release.clone(),
        released: line.released.to_string(),
        covered_until: line.covered_until.to_string(),
        upgrade_every_months: line.upgrade_every,
    }
}

fn build((kernel, day): (&String, &Day)) -> pb::KernelBuild {
    pb::KernelBuild { kernel_release: kernel.clone(), published: day.to_string() }
}

fn supported(hosts: &BTreeMap<Supported, u64>) -> Vec<pb::SupportedHosts> {
    let row = |(supported, &hosts): (&Supported, &u64)| pb::SupportedHosts {
        supported: supported.word().to_owned(),
        hosts,
    };
    hosts.iter().map(row).collect()
}

/// How the fleet's kernels stand, or those alone that are not covered `within` that time.
pub fn deadlines(machine: &Machine, within: Option<Millis>) -> pb::DeadlineReport {
    let wall = machine.clock().wall;
    let hosts = machine.hosts_by_coverage();
    let soon = |row: &Deadline<'_>| {
        let last = within.map(|within| Day::of(wall.after(within)));
        let until = row.standing.until;
        last.is_none_or(|last| {
            !row.standing.supported.lets_patch() || until.is_some_and(|until| until <= last)
        })
    };
    pb::DeadlineReport {
        time: Some(timestamp(wall)),
        version: machine.coverage().version,
        hosts: hosts.values().sum(),
        supported: supported(&hosts),
        kernels: machine.deadlines().into_iter().filter(soon).map(deadline).collect(),
    }
}

fn deadline(row: Deadline<'_>) -> pb::KernelDeadline {
    pb::KernelDeadline {
        kernel_release: row.kernel,
        distro_release: row.distro,
        hosts: row.hosts,
        supported: row.standing.supported.word().to_owned(),
        upgrade_required_date: row.standing.until.map_or_else(String::new, |day| day.to_string()),
        explanation: row.words,
    }
}
