//! What would a rollout do, if it started now? Drawn, counted and paced on a copy of the state, by the code that
//! would do it.

use std::collections::BTreeMap;

use tidegate_policies::pace::{FARTHEST, Pace};
use tidegate_policies::proof::ProofRule;
use tidegate_policies::proof::canaries::{Canaries, canaries};
use tidegate_policies::time::Millis;

use super::command::CreateRollout;
use super::membership::Eligible;
use super::patch_sets::KernelKey;
use super::rollouts::Rollout;
use super::{Machine, Position, Rejection};

/// A kernel and a zone.
pub type Stratum = (KernelKey, String);

/// What a rollout would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// It, as it would stand right after its start.
    pub rollout: Rollout,
    /// For each tier, the hosts of each stratum in it.
    pub strata: Vec<BTreeMap<Stratum, u64>>,
    /// What the canaries of a sampled first tier can show, and cannot; `None`: nobody is drawn.
    pub canaries: Option<Canaries>,
    /// When waves begin and pass at the earliest.
    pub pace: Pace,
    /// Why it could not start now; `None`: it could.
    pub refusal: Option<Rejection>,
}

impl Machine {
    /// What a rollout would do that is created and started now. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Rejection`]: there is no such patch set, or the policy does not fit the ladder.
    pub fn plan(&self, create: &CreateRollout) -> Result<Plan, Rejection> {
        let patch_set = self.patch_set(&create.version)?.clone();
        let at = Position { index: self.applied + 1, term: self.clock.term };
        let draft = self.draft(at, create, "plan")?;
        let refusal = self.may_start(&draft, &patch_set).err();
        let mut copy = self.clone();
        copy.grants.name(draft.created_index, &draft.id);
        copy.rollouts.insert(draft.id.clone(), draft.clone());
        let started = copy.start_events(&draft, &patch_set, "plan");
        copy.take(at, started, &mut Vec::new());
        let rollout = copy.rollout(&draft.id)?.clone();
        let strata = copy.strata(&rollout);
        let pace = copy.pace_of(&rollout);
        let first = rollout.policy.ladder.first().filter(|stage| stage.draw.is_some());
        let proof = rollout.policy.judgement.as_ref().map(|judgement| judgement.proof);
        let drawn = rollout.stages.first().map_or(0, |stage| stage.hosts);
        let canaries = first.map(|_| canaries(drawn, proof.unwrap_or(ProofRule::STANDARD)));
        Ok(Plan { rollout, strata, canaries, pace, refusal })
    }

    /// The hosts of each tier by kernel and zone.
    fn strata(&self, rollout: &Rollout) -> Vec<BTreeMap<Stratum, u64>> {
        let stratum_of: BTreeMap<u64, Stratum> = self
            .hosts
            .profiles()
            .map(|(number, _, profile)| (number, (profile.kernel, profile.zone)))
            .collect();
        let mut strata = vec![BTreeMap::new(); rollout.stages.len()];
        for (profile, part, eligible) in self.profiled_parts(rollout) {
            if eligible == Eligible::Yes
                && let Some(stratum) = stratum_of.get(&profile)
                && let Some(of) = strata.get_mut(part.stage)
            {
                *of.entry(stratum.clone()).or_insert(0) += 1;
            }
        }
        strata
    }
}

impl Plan {
    /// Strata of a tier that a sampled tier draws from, of which it drew nobody.
    pub fn uncovered(&self, step: usize) -> Vec<&Stratum> {
        let drawn = self.strata.get(step);
        let source = self.strata.get(step + 1).into_iter().flat_map(BTreeMap::keys);
        source.filter(|stratum| drawn.is_none_or(|drawn| !drawn.contains_key(*stratum))).collect()
    }

    /// When it is done at the earliest, after its start; `None`: a person has to act first, or it is farther
    /// than anybody plans.
    pub fn earliest(&self) -> Option<Millis> {
        self.pace.done.filter(|done| *done < FARTHEST)
    }
}
