//! How do coverage tables and deadlines look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::{time, with};

/// A coverage table.
pub(crate) fn coverage(of: &v1::Coverage) -> Value {
    let kernel = |of: &v1::CoveredKernel| {
        json!({
            "series": of.series,
            "kind": of.kind,
            "distroRelease": of.distro_release,
            "released": of.released,
            "coveredUntil": of.covered_until,
            "upgradeEveryMonths": of.upgrade_every_months,
        })
    };
    let build = |of: &v1::KernelBuild| json!({ "kernelRelease": of.kernel_release, "published": of.published });
    let object = json!({
        "version": of.version,
        "coverageToml": of.coverage_toml,
        "kernels": of.kernels.iter().map(kernel).collect::<Value>(),
        "builds": of.builds.iter().map(build).collect::<Value>(),
        "actor": of.actor,
        "reason": of.reason,
        "hosts": supported(&of.hosts),
        "etag": of.etag,
        "proposal": of.proposal,
    });
    with(object, [("applyTime", time(of.apply_time.as_ref()))])
}

/// How the fleet's kernels stand.
pub(crate) fn deadlines(of: &v1::DeadlineReport) -> Value {
    let kernel = |of: &v1::KernelDeadline| {
        json!({
            "kernelRelease": of.kernel_release,
            "distroRelease": of.distro_release,
            "hosts": of.hosts,
            "supported": of.supported,
            "upgradeRequiredDate": of.upgrade_required_date,
            "explanation": of.explanation,
        })
    };
    let object = json!({
        "version": of.version,
        "hosts": of.hosts,
        "supported": supported(&of.supported),
        "kernels": of.kernels.iter().map(kernel).collect::<Value>(),
    });
    with(object, [("time", time(of.time.as_ref()))])
}

fn supported(of: &[v1::SupportedHosts]) -> Value {
    of.iter().map(|of| json!({ "supported": of.supported, "hosts": of.hosts })).collect()
}
