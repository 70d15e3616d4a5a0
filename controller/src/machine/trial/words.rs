//! How does a person see what the evidence rests on? Line by line: cohorts, hearing, credit, arithmetic.

use tidegate_policies::detector::signatures::SMALL_FLEET;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::Window;

use super::Trial;
use crate::machine::Machine;
use crate::machine::rollouts::Rollout;

impl Machine {
    /// What the judgement of a rollout rests on, in lines for people; empty before it has started.
    pub fn explain_evidence(&self, rollout: &Rollout) -> Vec<String> {
        if rollout.place.is_none() {
            return Vec::new();
        }
        let Some(trial) = self.trial(rollout) else {
            let alone = "guard rails and gates alone decide: the policy has none of the tables evidence, \
                         credit, cohorts and proof, so that patched hosts are compared with nobody";
            return vec![alone.to_owned()];
        };
        let mut lines = trial.small_fleet(rollout.hosts());
        lines.extend(trial.cohorts());
        lines.extend(trial.held(self, rollout));
        let arithmetic = self.whole_basis(rollout).and_then(|basis| basis.arithmetic());
        lines.extend(arithmetic.unwrap_or_default().lines().map(str::to_owned));
        lines
    }
}

impl Trial {
    fn small_fleet(&self, hosts: u64) -> Vec<String> {
        let small = hosts < SMALL_FLEET;
        let line = || {
            format!(
                "{hosts} eligible hosts: fewer than {SMALL_FLEET} seldom show enough for the evidence to \
                 halt, so that the guard rails and kernel evidence decide"
            )
        };
        small.then(line).into_iter().collect()
    }

    fn cohorts(&self) -> Vec<String> {
        let whole = self.detector.risk().of_slice(SliceId(0));
        let in_soak = whole.treated[Window::Soak.index()];
        let fleet = self.hearing.fleet();
        let credit = self.book.of(SliceId(0));
        let deaf = self.hearing.deaf().count();
        let mut lines = vec![
            format!(
                "compared: {in_soak} patched hosts inside their soak with {} sentinels of their strata",
                whole.control
            ),
            format!(
                "heard: {} of {} reference hosts in the last beat and a half; 4 of 5 are needed",
                fleet.heard, fleet.hosts
            ),
        ];
        if deaf > 0 {
            lines.push(format!("not heard: {deaf} racks or zones; silence in them says nothing"));
        }
        lines.push(format!(
            "credit: {} in flight, {} verified, {} failed",
            credit.in_flight, credit.verified, credit.failed
        ));
        lines
    }

    fn held(&self, machine: &Machine, rollout: &Rollout) -> Vec<String> {
        let Some(hold) = self.hold else { return Vec::new() };
        let span = machine.clock().elapsed.since(hold.since);
        let person = if machine.calls_person(rollout) {
            "; a person should look: halt it, or resume after a halt, with a reason"
        } else {
            "; it ends by itself when the evidence falls, or when nobody is in flight and none has failed since"
        };
        vec![format!("held for {span}{person}")]
    }
}
