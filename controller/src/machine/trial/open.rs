//! How does a trial begin? Slices, strata and credit are frozen before the first host begins.

use std::collections::BTreeMap;

use tidegate_policies::credit::{CreditBook, CreditRule};
use tidegate_policies::detector::Detector;
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::{Dimension, SliceId, Slices, value_of};
use tidegate_policies::share::Share;

use super::facts::{borrowed, class_of, facts_of_profile};
use super::sentinels::compared_with;
use super::strata::{Kind, Strata};
use super::{Hearing, Silences, SinceTierBegan, Trial};
use crate::machine::Machine;
use crate::machine::hosts::Profile;
use crate::machine::ids::RolloutId;
use crate::machine::membership::stage_of;
use crate::machine::rollouts::{Place, Rollout};

/// What many eligible hosts share, the step that they count in unless another drew them, and how many.
type Shared = (Profile, usize, u64);

impl Machine {
    /// A rollout has started: if its policy judges by evidence, its trial begins.
    pub(in crate::machine) fn open_trial(&mut self, id: &RolloutId) {
        let Some(rollout) = self.rollouts.get(id) else { return };
        let Some(judgement) = rollout.policy.judgement else { return };
        let shared = self.shared(rollout);
        let mut slices = Slices::freeze(&self.hosts_by_fact(&shared));
        let mut strata: BTreeMap<Kind, u64> = BTreeMap::new();
        let mut hosts = vec![BTreeMap::new(); rollout.policy.ladder.len()];
        for (profile, stage, uses) in &shared {
            let kind = (profile.tier.clone(), profile.kernel.clone(), profile.zone.clone());
            *strata.entry(kind).or_default() += uses;
            let facts = facts_of_profile(profile);
            for slice in slices.admit(&borrowed(&facts)).iter() {
                *hosts[*stage].entry(slice).or_default() += uses;
            }
        }
        let credit = judgement.credit.unwrap_or_else(|| CreditRule::for_fleet(rollout.hosts()));
        let trial = Trial {
            detector: Detector::new(judgement.evidence, slices),
            book: CreditBook::default(),
            credit,
            hold: None,
            strata: Strata::freeze(&strata, &judgement.cohorts),
            hearing: Hearing::default(),
            sentinels: BTreeMap::new(),
            since: SinceTierBegan::default(),
            silences: Silences::default(),
            hosts,
        };
        let number = rollout.created_index;
        self.trials.insert(number, trial);
    }

    /// The part of each tier that is held out, step by step; no sampled tier holds anybody out.
    pub(in crate::machine) fn holdouts(rollout: &Rollout) -> Vec<Share> {
        let Some(judgement) = &rollout.policy.judgement else { return Vec::new() };
        let steps = rollout.policy.ladder.iter().zip(&rollout.stages);
        let share = |out: u64, of: u64| {
            let ppm = u128::from(out) * 1_000_000 / u128::from(of.max(1));
            u32::try_from(ppm).ok().and_then(Share::from_ppm).unwrap_or_default()
        };
        let of_step = steps.map(|(stage, progress)| match stage.draw {
            Some(_) => Share::default(),
            None => share(judgement.cohorts.holdout(progress.hosts), progress.hosts),
        });
        of_step.collect()
    }

    /// A wave starts: where it is the first of its step, the hosts that it is compared with are watched from
    /// now on; at each later one so many more as have begun.
    pub(in crate::machine) fn reach_wave(&mut self, id: &RolloutId, before: Option<Place>) {
        let Some(rollout) = self.rollouts.get(id) else { return };
        let Some(place) = rollout.place else { return };
        let Some(tier) = compared_with(rollout, place.stage).map(|stage| stage.tier.clone()) else {
            return;
        };
        let of_tier = rollout.policy.ladder.iter().zip(&rollout.stages).enumerate();
        let of_tier = of_tier
            .filter(|(step, _)| compared_with(rollout, *step).is_some_and(|of| of.tier == tier));
        let (hosts, begun) = of_tier.fold((0, 0), |(hosts, begun), (_, (_, progress))| {
            (hosts + progress.hosts, begun + progress.counts.begun)
        });
        let Some(trial) = self.trials.get_mut(&rollout.created_index) else { return };
        trial.reach(tier, rollout, (hosts, u64::saturating_sub(hosts, begun)));
        if before.is_none_or(|before| before.stage != place.stage) {
            trial.since = SinceTierBegan::default();
        }
    }

    fn shared(&self, rollout: &Rollout) -> Vec<Shared> {
        let Some(patch_set) = self.patch_sets.get(&rollout.version) else { return Vec::new() };
        let profiles = self.hosts.profiles();
        let fits = profiles.filter(|(_, _, of)| {
            patch_set.artifacts.contains_key(&of.kernel) && self.entitles_all(of)
        });
        fits.filter_map(|(_, uses, of)| {
            let stage = stage_of(rollout, None, of.tier.as_str())?;
            Some((of, stage, uses))
        })
        .collect()
    }

    /// Hosts by each fact, and by kernel and CPU together.
    fn hosts_by_fact(&self, shared: &[Shared]) -> BTreeMap<(Dimension, String), u64> {
        let mut hosts: BTreeMap<(Dimension, String), u64> = BTreeMap::new();
        for (profile, _, uses) in shared {
            let facts = facts_of_profile(profile);
            let facts = borrowed(&facts);
            for dimension in Dimension::CUTS {
                if let Some(value) = value_of(dimension, &facts) {
                    *hosts.entry((dimension, value.into_owned())).or_default() += uses;
                }
            }
        }
        for (_, uses, labels) in self.hosts.labels.iter() {
            if let Some(class) = class_of(&labels) {
                *hosts.entry((Dimension::Class, class.clone())).or_default() += uses;
            }
        }
        hosts
    }
}

impl Trial {
    /// Kinds of hosts that a step has – kernel and CPU together – and of them those of which too few are
    /// verified to say anything of the others.
    /// Kinds that halted slices shut out are left out.
    pub(super) fn strata_of(&self, rollout: &Rollout, step: usize, halted: &[Cut]) -> (u64, u64) {
        use tidegate_policies::proof::StratumSeen;
        let Some(judgement) = &rollout.policy.judgement else { return (0, 0) };
        let paired = |slice: &SliceId| {
            let slice = self.detector.slices().get(*slice);
            slice.is_some_and(|slice| slice.dimension == Dimension::KernelAndCpu)
        };
        let kinds = self.hosts.get(step).into_iter().flatten();
        let kinds = kinds.filter(|(slice, _)| paired(slice) && !self.is_shut_out(**slice, halted));
        kinds.fold((0, 0), |(strata, short), (slice, hosts)| {
            let verified = self.book.of(*slice).verified;
            let covers = judgement.proof.covers(StratumSeen { hosts: *hosts, verified });
            (strata + 1, short + u64::from(!covers))
        })
    }
}
