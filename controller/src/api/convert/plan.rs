//! What a rollout would do, in and out.

use std::collections::BTreeMap;

use tidegate_policies::pace::{Span, takes_a_person};
use tidegate_proto::v1 as pb;

use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::CreateRollout;
use crate::machine::ids::RolloutId;
use crate::machine::plan::{Plan, Stratum};

/// The rollout that is asked about.
///
/// # Errors
///
/// [`BadField`], also for a policy document that is none.
pub fn create(request: &pb::PlanRolloutRequest) -> Result<CreateRollout, BadField> {
    use pb::create_rollout_request::Policy as Asked;
    use pb::plan_rollout_request::Policy as Given;
    let policy = request.policy.clone().map(|policy| match policy {
        Given::Preset(preset) => Asked::Preset(preset),
        Given::PolicyToml(text) => Asked::PolicyToml(text),
    });
    let create = pb::CreateRolloutRequest {
        patch_set: request.patch_set.clone(),
        policy,
        policy_source: request.policy_source.clone(),
        start_at: request.start_at,
        ..pb::CreateRolloutRequest::default()
    };
    // Another rollout may have the name that this one would take, and yet it can be planned.
    let mut create = super::rollout::create(&create)?;
    if let Ok(id) = "rollout.that.is.only.planned".parse::<RolloutId>() {
        create.rollout = id;
    }
    Ok(create)
}

/// A plan for the wire.
pub fn plan(machine: &Machine, plan: &Plan) -> pb::RolloutPlan {
    let rollout = &plan.rollout;
    let done = plan.earliest();
    pb::RolloutPlan {
        patch_set: format!("patchSets/{}", rollout.version),
        policy_name: rollout.policy.name.clone(),
        tiers: (0..rollout.stages.len()).map(|step| tier(plan, step)).collect(),
        exposure_budget_hosts: rollout.policy.exposure.budget.of(rollout.hosts()),
        canaries: plan.canaries.as_ref().map(|of| of.sentences()).unwrap_or_default(),
        refusal: plan.refusal.as_ref().map_or_else(String::new, ToString::to_string),
        earliest_done_ms: done.map(|done| done.0),
        revision: machine.applied(),
        earliest_done_time: done.map(|done| timestamp(machine.clock().wall.after(done))),
    }
}

fn tier(plan: &Plan, step: usize) -> pb::PlannedTier {
    let (stage, progress) = (&plan.rollout.policy.ladder[step], &plan.rollout.stages[step]);
    let spans = plan.pace.waves.get(step).map(Vec::as_slice).unwrap_or_default();
    let wave = |(n, share): (usize, &tidegate_policies::share::Share)| {
        let Span { from, until } = spans.get(n).copied().unwrap_or_default();
        pb::PlannedWave {
            share_ppm: share.ppm(),
            hosts: progress.waves.get(n).map_or(0, |wave| wave.hosts),
            begins_ms: from.map(|from| from.0),
            passes_ms: until.map(|until| until.0),
        }
    };
    let strata = plan.strata.get(step).map(strata).unwrap_or_default();
    let uncovered = if stage.draw.is_some() { plan.uncovered(step) } else { Vec::new() };
    pb::PlannedTier {
        tier: format!("tiers/{}", stage.tier),
        hosts: progress.hosts,
        held_out_hosts: progress.held_out,
        waves: stage.waves.iter().enumerate().map(wave).collect(),
        strata,
        soak_ms: stage.gates.soak.0,
        takes_a_person: takes_a_person(stage),
        too_few: plan.pace.too_few.contains(&step),
        uncovered: uncovered
            .into_iter()
            .map(|(kernel, zone)| format!("{kernel} in {zone}"))
            .collect(),
    }
}

fn strata(of: &BTreeMap<Stratum, u64>) -> Vec<pb::PlannedStratum> {
    let stratum = |((kernel, zone), hosts): (&Stratum, &u64)| pb::PlannedStratum {
        kernel: kernel.to_string(),
        zone: zone.clone(),
        hosts: *hosts,
    };
    of.iter().map(stratum).collect()
}
