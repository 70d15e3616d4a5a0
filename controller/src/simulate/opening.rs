//! How does a run begin? The controllers hear the fleet, a patch set is published, its rollout starts.

use std::collections::BTreeMap;

use tidegate_policies::policy::Stage;
use tidegate_policies::tiers::Tier;

use super::controllers::Controllers;
use super::fleet::{ARTIFACT_BYTES, OPERATOR, artifact_of, kernel};
use super::world::World;
use crate::machine::Command;
use crate::machine::clock::TICK;
use crate::machine::command::{
    Action, ApplyLadder, CreateRollout, KnowOpenings, OfProposal, Operate, Promote, PromoteRollout,
    PublishPatchSet, TierSpec, WithReason,
};
use crate::machine::ids::{RolloutId, TierName};
use crate::machine::patch_sets::Artifact;
use crate::machine::plan::Plan;

/// The module of every artifact.
pub(super) const MODULE: &str = "livepatch_simulated";

/// The name of the rollout of a seed. The draws are salted with it, so that each seed has its own.
#[expect(clippy::expect_used, reason = "digits and a dot keep the rule of names")]
pub(super) fn version(seed: u64) -> RolloutId {
    format!("113.{seed}").parse().expect("digits and a dot are a name")
}

impl World<'_> {
    /// Everything up to the start of the rollout, and the plan of what goes wrong.
    pub(super) fn begin(&mut self) {
        self.listen();
        self.declare();
        self.publish();
        self.start();
        self.plan_mishaps();
        self.plan_next_fate();
    }

    /// The controllers lead, and listen for a full beat: what follows begins on a fleet that is heard.
    fn listen(&mut self) {
        let beat = self.turns.beat();
        self.controllers.tick(0, Vec::new());
        while self.now <= beat {
            self.now += TICK.0;
            self.controllers.tick(self.now, Vec::new());
        }
        self.start = self.now;
        if let Some(course) = &mut self.course {
            course.began = self.controllers.machine.clock().elapsed;
        }
    }

    fn publish(&mut self) {
        let version = self.controllers.rollout.clone();
        #[expect(clippy::expect_used, reason = "a rollout's name keeps the same rule")]
        let of_patch_set = version.as_str().parse().expect("a rollout's name is a version's");
        let releases = self.scene.fleet.plan.kernels.iter().map(|of| of.name.as_str());
        let artifact = |release| Artifact {
            digest: artifact_of(release),
            size: ARTIFACT_BYTES,
            module: MODULE.to_owned(),
        };
        let artifacts: BTreeMap<_, _> =
            releases.map(|release| (kernel(release), artifact(release))).collect();
        let publish = PublishPatchSet {
            version: of_patch_set,
            notice: "LSN-0113-1".to_owned(),
            artifacts,
            fixes: Vec::new(),
        };
        let policy = self.scene.scenario.policy.clone();
        let create = CreateRollout {
            rollout: version,
            version: publish.version.clone(),
            policy: policy.policy,
            policy_toml: policy.text,
            start_at: None,
        };
        self.operate(Action::PublishPatchSet(publish));
        self.operate(Action::CreateRollout(Box::new(create)));
    }

    /// What its plan says of the draft.
    fn plan(&self) -> Option<Plan> {
        let machine = &self.controllers.machine;
        let draft = machine.rollouts().get(&self.controllers.rollout)?;
        let create = CreateRollout {
            // Any name that is free.
            rollout: "planned".parse().ok()?,
            version: draft.version.clone(),
            policy: draft.policy.clone(),
            policy_toml: String::new(),
            start_at: None,
        };
        machine.plan(&create).ok()
    }

    /// The rollout starts, and so does its first wave.
    fn start(&mut self) {
        let plan = self.plan();
        self.outcome.planned = plan.as_ref().and_then(Plan::earliest).map(|earliest| earliest.0);
        self.operate(Action::StartRollout(self.controllers.rollout.clone()));
        self.agree();
        self.promised(plan.as_ref());
        let machine = &self.controllers.machine;
        if let Some(rollout) = machine.rollouts().get(&self.controllers.rollout) {
            self.turns.draw(&self.scene.fleet, machine, rollout);
            // The wave's start was told before it was known who is in it.
            if let Some(place) = rollout.place {
                self.turns.start_wave(place);
            }
        }
    }

    /// The ladder of the policy, with the rules of the scenario's tiers.
    fn declare(&mut self) {
        let scenario = &self.scene.scenario;
        if scenario.tiers.is_empty() {
            return;
        }
        let name = |name: &str| name.parse::<TierName>().ok();
        let tier = |stage: &Stage| {
            Some(TierSpec { name: name(&stage.tier)?, sampled: stage.draw.is_some() })
        };
        let rules = |tier: &Tier| Some((name(&tier.name)?, tier.rules.clone()));
        let tiers = scenario.policy.policy.ladder.iter().filter_map(tier).collect();
        let rules = scenario.tiers.iter().filter_map(rules).collect();
        self.operate(Action::ApplyLadder(Box::new(ApplyLadder { tiers, rules })));
        self.know_openings();
    }

    /// A leader says when windows will be open.
    pub(super) fn know_openings(&mut self) {
        let wall = self.controllers.machine.clock().wall;
        for window in self.controllers.machine.windows_run_out() {
            if let Some(openings) = window.openings(wall) {
                self.controllers.apply(&Command::KnowOpenings(KnowOpenings { window, openings }));
            }
        }
    }

    /// A person does something.
    pub(super) fn operate(&mut self, action: Action) {
        self.operate_as(OPERATOR, action);
    }

    fn operate_as(&mut self, actor: &str, action: Action) {
        let request = format!("operate-{}", self.controllers.machine.applied());
        let actor = actor.to_owned();
        let applied = self.controllers.apply(&Command::Operate(Operate { request, actor, action }));
        self.learn(&applied.events);
    }

    /// A person promotes at once where the policy wants one to.
    pub(super) fn approve(&mut self) {
        if !std::mem::take(&mut self.outcome.approval_due) {
            return;
        }
        let needed = self.scene.scenario.policy.policy.people.approvals;
        for n in 1..=needed {
            let promote = PromoteRollout {
                rollout: self.controllers.rollout.clone(),
                how: Promote::WhenOpen,
                from_tier: None,
                from_wave: None,
            };
            self.operate_as(&format!("colleague {n}"), Action::PromoteRollout(promote));
        }
    }

    /// A second person agrees at once to what takes one.
    fn agree(&mut self) {
        let open = self.controllers.machine.proposals().open.keys().copied();
        for number in open.collect::<Vec<_>>() {
            let of = OfProposal { number, remark: String::new() };
            self.operate_as("colleague", Action::AgreeToProposal(of));
        }
    }

    /// The evidence has held the rollout for hours and calls a person, who finds what is true: a patch that
    /// harms is halted, and what was no fault of it is acknowledged.
    pub(super) fn look(&mut self) {
        let Controllers { machine, rollout, .. } = &self.controllers;
        let of = machine.rollouts().get(rollout);
        let calls = self.end.is_none() && self.outcome.held;
        if !calls || !of.is_some_and(|of| machine.calls_person(of)) {
            return;
        }
        let of = |reason: &str| WithReason { rollout: rollout.clone(), reason: reason.to_owned() };
        let halt = of("a person was called, and looked");
        let resume = of("no fault of the patch");
        self.outcome.looked += 1;
        self.clears = self.outcome.harmed == 0;
        self.operate(Action::HaltRollout(halt));
        if std::mem::take(&mut self.clears) {
            self.operate(Action::ResumeRollout(resume));
            self.agree();
        }
    }

    /// Every mishap is planned.
    fn plan_mishaps(&mut self) {
        for (nth, mishap) in self.scene.scenario.mishaps.iter().enumerate() {
            self.plan_mishap(nth, self.start, self.start + mishap.at.0);
        }
    }
}
