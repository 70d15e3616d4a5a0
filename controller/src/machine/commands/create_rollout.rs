//! `CreateRollout`: a draft of a patch set's journey, with a policy that fits the cluster's ladder.

use std::collections::BTreeMap;

use tidegate_policies::evidence::Counts;
use tidegate_policies::policy::{Policy, Stage};

use super::Decided;
use crate::machine::command::{CreateRollout, TierSpec};
use crate::machine::domains::Domains;
use crate::machine::event::Event;
use crate::machine::rollouts::{Rollout, StageProgress, State, WaveProgress};
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn create_rollout(
        &self,
        at: Position,
        create: &CreateRollout,
        actor: &str,
    ) -> Decided {
        let id = create.rollout.clone();
        let patch_set = self.patch_set(&create.version)?;
        self.not_withdrawn(patch_set)?;
        self.not_blocked(&patch_set.version, &patch_set.artifacts)?;
        if self.rollouts().contains_key(&id) {
            return Err(Rejection::RolloutExists { rollout: id });
        }
        let rollout = self.draft(at, create, actor)?;
        let created = Event::RolloutCreated { rollout: Box::new(rollout), actor: actor.to_owned() };
        Ok((Reply::Rollout(id), vec![created]))
    }

    /// The draft that a person would create.
    pub(in crate::machine) fn draft(
        &self,
        at: Position,
        create: &CreateRollout,
        actor: &str,
    ) -> Result<Rollout, Rejection> {
        let id = create.rollout.clone();
        let cluster = self.cluster().ok_or(Rejection::NotBootstrapped)?;
        fits_ladder(&create.policy, &cluster.ladder)?;
        let progress = |stage: &Stage| StageProgress {
            waves: vec![WaveProgress::default(); stage.waves.len()],
            ..StageProgress::default()
        };
        Ok(Rollout {
            id,
            version: create.version.clone(),
            policy: create.policy.clone(),
            policy_toml: create.policy_toml.clone(),
            state: State::Draft,
            place: None,
            stages: create.policy.ladder.iter().map(progress).collect(),
            counts: Counts::default(),
            shut_out: Counts::default(),
            unacknowledged: Counts::default(),
            author: actor.to_owned(),
            approvals: Vec::new(),
            expedited: None,
            proven: BTreeMap::new(),
            verified_on: BTreeMap::new(),
            superseded_by: None,
            domains: Domains::default(),
            period: (0, 0),
            soaks_end: None,
            verdict: None,
            start_at: create.start_at,
            created: self.clock().wall,
            started: None,
            ended: None,
            created_index: at.index,
            revision: at.index,
        })
    }
}

/// A policy's ladder is the cluster's from the first tier on, and may stop early: a patch set never
/// reaches a tier that the one below has not passed.
pub(super) fn fits_ladder(policy: &Policy, ladder: &[TierSpec]) -> Result<(), Rejection> {
    for (step, stage) in policy.ladder.iter().enumerate() {
        let Some(tier) = ladder.get(step).filter(|tier| tier.name.as_str() == stage.tier) else {
            let expected = ladder.get(step).map_or("at its end", |tier| tier.name.as_str());
            return Err(Rejection::LadderMismatch {
                step: step + 1,
                found: stage.tier.clone(),
                expected: expected.to_owned(),
            });
        };
        let what = match (tier.sampled, stage.draw) {
            (true, Some(_)) | (false, None) => continue,
            (true, None) => "is sampled: give its step in the policy a `draw`",
            (false, Some(_)) => "has members of its own: take `draw` out of its step in the policy",
        };
        return Err(Rejection::DrawMismatch { tier: tier.name.clone(), what: what.to_owned() });
    }
    Ok(())
}
