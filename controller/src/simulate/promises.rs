//! Did a run keep what was promised? That it comes as it was planned, that canaries cover every stratum, that no host
//! flips out of a wave, that each begins in its turn, and when its tier's windows and delay let it.
//!
//! Hosts are counted here, one by one, and dates are looked up in this build's own time zones: not in what the
//! controllers wrote down to decide by.

use std::collections::BTreeMap;

use tidegate_policies::schedule::Ahead;
use tidegate_policies::tiers::TierRules;
use tidegate_policies::time::WallTime;

use super::scenario::Scenario;
use super::world::World;
use crate::machine::ids::GrantId;
use crate::machine::plan::Plan;
use crate::machine::rollouts::{Place, StageProgress};

/// So many broken promises of a run are told.
const TOLD: usize = 10;

/// What was promised, and what came so far.
#[derive(Debug)]
pub(super) struct Promises {
    /// The rules of tiers that have some.
    pub(super) rules: BTreeMap<String, TierRules>,
    /// The hosts inside each wave of each tier, as the plan counted them.
    pub(super) planned: Vec<Vec<u64>>,
    /// Whether it is, or was, the turn of each host.
    pub(super) inside: Vec<bool>,
    /// The grant by which each host began last, and how many hosts of each tier have.
    begun: Vec<Option<GrantId>>,
    begun_of: Vec<u64>,
    ahead: Ahead,
}

impl Promises {
    /// Nothing has come yet.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let rules = scenario.tiers.iter().map(|tier| (tier.name.clone(), tier.rules.clone()));
        Self {
            rules: rules.collect(),
            planned: Vec::new(),
            inside: Vec::new(),
            begun: Vec::new(),
            begun_of: Vec::new(),
            ahead: Ahead::default(),
        }
    }

    /// Whether the calendar lets a host of `tier` begin at `wall`; what forbids it otherwise.
    fn forbids(&mut self, tier: &str, (published, wall): (WallTime, WallTime)) -> Option<String> {
        let rules = self.rules.get(tier)?;
        let through = rules.holdback.lets_through_from(published);
        if through.is_none_or(|through| wall < through) {
            return Some(format!("before its tier's delay or after its cut-off, at {wall}"));
        }
        let open = self.ahead.is_open(&rules.windows, wall);
        (!open).then(|| format!("outside of its tier's windows, at {wall}"))
    }
}

impl World<'_> {
    /// The rollout has started: it is as it was planned, and whoever is drawn covers every stratum.
    pub(super) fn promised(&mut self, plan: Option<&Plan>) {
        let hosts = self.scene.fleet.members.len();
        (self.promises.inside, self.promises.begun) = (vec![false; hosts], vec![None; hosts]);
        let Some((plan, rollout)) = plan.zip(self.controllers.rollout()) else {
            return self.broke(|| "there is no plan, or no rollout".to_owned());
        };
        let waves = |stages: &[StageProgress]| -> Vec<Vec<u64>> {
            let hosts = |stage: &StageProgress| stage.waves.iter().map(|wave| wave.hosts).collect();
            stages.iter().map(hosts).collect()
        };
        let (planned, came) = (waves(&plan.rollout.stages), waves(&rollout.stages));
        if planned != came {
            self.broke(|| format!("planned were {planned:?}, and {came:?} came"));
        }
        self.promises.begun_of = vec![0; planned.len()];
        self.promises.planned = planned;
        self.strata_are_covered();
        if let Some(place) = self.controllers.rollout().and_then(|rollout| rollout.place) {
            self.wave_started(place);
        }
    }

    /// Of each kernel and zone of the tier that a sampled one draws from, somebody is drawn.
    fn strata_are_covered(&mut self) {
        let machine = &self.controllers.machine;
        let Some(rollout) = self.controllers.rollout() else { return };
        // By step, kernel and zone.
        let mut hosts = BTreeMap::new();
        for member in &self.scene.fleet.members {
            let host = machine.hosts().get(&member.id);
            let part = host.and_then(|host| machine.place_of(rollout, &host).ok());
            if let Some(part) = part {
                *hosts.entry((part.stage, member.kernel, member.zone)).or_insert(0_u64) += 1;
            }
        }
        let sampled = |step: &usize| rollout.policy.ladder[*step].draw.is_some();
        let steps = (0..rollout.policy.ladder.len()).filter(sampled);
        let bare: Vec<(usize, usize, usize)> = steps
            .flat_map(|step| {
                let source = hosts.keys().filter(move |(of, ..)| *of == step + 1);
                source.map(move |&(_, kernel, zone)| (step, kernel, zone))
            })
            .filter(|stratum| !hosts.contains_key(stratum))
            .collect();
        for (step, kernel, zone) in bare {
            self.broke(|| format!("step {step} drew nobody of kernel {kernel} and zone {zone}"));
        }
    }

    /// A wave has started: whoever was inside an earlier one still is.
    pub(super) fn wave_started(&mut self, place: Place) {
        if self.promises.inside.is_empty() {
            return;
        }
        let machine = &self.controllers.machine;
        let Some(rollout) = self.controllers.rollout() else { return };
        let members = self.scene.fleet.members.iter();
        let inside: Vec<bool> = members
            .map(|member| {
                let host = machine.hosts().get(&member.id);
                let part = host.and_then(|host| machine.place_of(rollout, &host).ok());
                part.is_some_and(|part| {
                    let wave = Place { stage: part.stage, wave: part.first_wave(rollout) };
                    wave <= place
                })
            })
            .collect();
        let flipped = self.promises.inside.iter().zip(&inside).filter(|(was, is)| **was && !**is);
        match flipped.count() {
            0 => (),
            hosts => self.broke(|| format!("{hosts} hosts flipped out with {place:?}")),
        }
        self.promises.inside = inside;
    }

    /// A host has begun.
    pub(super) fn begun(&mut self, grant: GrantId) {
        let machine = &self.controllers.machine;
        let (Some(n), Some(rollout)) = (self.host_of(grant), self.controllers.rollout()) else {
            return;
        };
        let before = self.promises.begun[n];
        if before == Some(grant) {
            // It was heard, and is waited for anew.
            return;
        }
        let Some((grant, place)) = machine.grants().get(&grant).zip(rollout.place) else { return };
        let set = machine.patch_sets().get(&rollout.version);
        let dates = (set.map_or(WallTime(0), |set| set.published), machine.clock().wall);
        let tier = rollout.policy.ladder[grant.stage].tier.clone();
        self.outcome.begins += 1;
        if let Some(why) = self.promises.forbids(&tier, dates) {
            self.broke(|| format!("host {n} of {tier} began {why}"));
        }
        if !self.promises.inside[n] {
            self.broke(|| format!("host {n} of {tier} began before its turn, in {place:?}"));
        }
        self.promises.begun[n] = Some(grant.id);
        if before.is_none() {
            self.promises.begun_of[grant.stage] += 1;
        }
        let wave = if grant.stage < place.stage { usize::MAX } else { place.wave };
        let waves = &self.promises.planned[grant.stage];
        let (most, begun) = (waves[wave.min(waves.len() - 1)], self.promises.begun_of[grant.stage]);
        if begun > most {
            self.broke(|| format!("{begun} hosts of {tier} have begun, planned were {most}"));
        }
    }

    /// Every wave has passed: no sooner than it was planned.
    pub(super) fn completed(&mut self) {
        let sooner = self.outcome.planned.zip(self.outcome.to_full);
        if let Some((planned, took)) = sooner.filter(|(planned, took)| took < planned) {
            self.broke(|| format!("it took {took} ms, and {planned} ms were planned at the least"));
        }
    }

    /// A promise was broken.
    fn broke(&mut self, how: impl FnOnce() -> String) {
        if self.outcome.broken.len() < TOLD {
            self.outcome.broken.push(how());
        }
    }
}
