//! How does a plan look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::{time, with};

/// A plan.
pub(crate) fn plan(plan: &v1::RolloutPlan) -> Value {
    let object = json!({
        "patchSet": plan.patch_set,
        "policyName": plan.policy_name,
        "tiers": plan.tiers.iter().map(tier).collect::<Value>(),
        "exposureBudgetHosts": plan.exposure_budget_hosts,
        "canaries": plan.canaries,
        "refusal": plan.refusal,
        "revision": plan.revision,
    });
    with(
        object,
        [
            ("earliestDoneMs", plan.earliest_done_ms.map(Value::from)),
            ("earliestDoneTime", time(plan.earliest_done_time.as_ref())),
        ],
    )
}

fn tier(tier: &v1::PlannedTier) -> Value {
    let waves = tier.waves.iter().map(|wave| {
        let object = json!({ "sharePpm": wave.share_ppm, "hosts": wave.hosts });
        let times = [
            ("beginsMs", wave.begins_ms.map(Value::from)),
            ("passesMs", wave.passes_ms.map(Value::from)),
        ];
        with(object, times)
    });
    let strata = tier.strata.iter().map(
        |stratum| json!({ "kernel": stratum.kernel, "zone": stratum.zone, "hosts": stratum.hosts }),
    );
    json!({
        "tier": tier.tier,
        "hosts": tier.hosts,
        "heldOutHosts": tier.held_out_hosts,
        "waves": waves.collect::<Value>(),
        "strata": strata.collect::<Value>(),
        "soakMs": tier.soak_ms,
        "takesAPerson": tier.takes_a_person,
        "tooFew": tier.too_few,
        "uncovered": tier.uncovered,
    })
}
