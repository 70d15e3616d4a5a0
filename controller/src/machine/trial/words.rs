//! How does a person see what the evidence rests on? Line by line: the arithmetic, then who is compared and
//! heard now.

use tidegate_policies::detector::Record;
use tidegate_policies::detector::ruling::recompute;
use tidegate_policies::detector::signatures::SMALL_FLEET;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::Window;
use tidegate_policies::plural::count;

use super::{Basis, Trial};
use crate::machine::Machine;
use crate::machine::ids::HostId;
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
        let halt = self.patch_sets.get(&rollout.version).and_then(|set| set.halt.as_ref());
        let mut lines = Vec::new();
        match halt {
            Some(halt) => lines.push(format!("AT THE HALT, log index {}", halt.index)),
            None => lines.push("NOW".to_owned()),
        }
        lines.extend(self.hold_words(rollout));
        let basis = self.whole_basis(rollout);
        lines.extend(basis.iter().flat_map(|basis| self.arithmetic(basis)));
        if halt.is_some() {
            lines.push("NOW".to_owned());
        }
        lines.extend(trial.cohorts(rollout));
        lines.extend(trial.small_fleet(rollout.hosts()));
        lines
    }

    /// The arithmetic of a verdict's evidence, line by line, so that a person can do it again; empty where
    /// guard rails alone decide.
    pub fn arithmetic(&self, basis: &Basis) -> Vec<String> {
        match basis {
            Basis::Books(_) => Vec::new(),
            Basis::Evidence { case, steps } => {
                let (inputs, ruling) = (case.evidence.clone(), recompute(&case.evidence));
                let record = Record { inputs, ruling, steps: steps.clone() };
                let text = record.arithmetic(&|host| self.whereabouts(HostId(host)));
                text.lines().map(str::to_owned).collect()
            }
        }
    }

    /// The rack or zone of a host.
    fn whereabouts(&self, host: HostId) -> Option<String> {
        let host = self.hosts.get(&host)?;
        let (rack, zone) = (&host.facts.rack, &host.facts.zone);
        match (rack.is_empty(), zone.is_empty()) {
            (false, true) => Some(format!("rack {rack}")),
            (false, false) => Some(format!("rack {rack} of zone {zone}")),
            (true, false) => Some(format!("zone {zone}")),
            (true, true) => None,
        }
    }
}

impl Trial {
    fn small_fleet(&self, hosts: u64) -> Vec<String> {
        let small = hosts < SMALL_FLEET;
        let line = || {
            format!(
                "small      {hosts} eligible hosts: fewer than {SMALL_FLEET} seldom show enough for the \
                 evidence to halt, so that the guard rails and kernel evidence decide"
            )
        };
        small.then(line).into_iter().collect()
    }

    fn cohorts(&self, rollout: &Rollout) -> Vec<String> {
        let whole = self.detector.risk().of_slice(SliceId(0));
        let in_soak = u64::from(whole.treated[Window::Soak.index()]);
        let fleet = self.hearing.fleet();
        let deaf = self.hearing.deaf().count();
        let mut lines = vec![
            format!(
                "compared   {} inside the soak with {} of the same tier, kernel or zone that have not begun",
                count(in_soak, "patched host"),
                count(whole.control.into(), "sentinel")
            ),
            format!(
                "heard      {} of {} in the last beat and a half; 4 of 5 are needed",
                fleet.heard,
                count(fleet.hosts.into(), "reference host")
            ),
        ];
        if deaf > 0 {
            lines.push(format!(
                "not heard  {}; silence there says nothing",
                count(u64::try_from(deaf).unwrap_or(u64::MAX), "rack or zone")
            ));
        }
        lines.extend(self.not_evidence(rollout));
        lines
    }

    /// Why fewer hosts may count as evidence than went wrong.
    fn not_evidence(&self, rollout: &Rollout) -> Option<String> {
        let wrong = rollout.counts.all_failures();
        let line = || {
            format!(
                "counted    {} went wrong before they were verified; no evidence are those that failed in a \
                 rack within two minutes of another, or had nobody of their stratum to be compared with, and \
                 failed applies are counted by themselves",
                count(wrong, "host")
            )
        };
        (wrong > 0).then(line)
    }
}
