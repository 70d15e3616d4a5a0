//! How does a person see what the evidence rests on? Line by line: the arithmetic, then who is compared and
//! heard now.

use tidegate_policies::detector::Record;
use tidegate_policies::detector::ruling::recompute;
use tidegate_policies::detector::signatures::SMALL_FLEET;
use tidegate_policies::detector::slices::{Dimension, SliceId};
use tidegate_policies::detector::stream::Window;
use tidegate_policies::plural::count;

use super::facts::facts_of;
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
            Some(halt) => {
                lines.push(format!("AT THE HALT, log index {}", halt.index));
                lines.push(what_follows(rollout));
            }
            None => {
                lines.push("NOW".to_owned());
                lines.extend(self.hold_words(rollout));
            }
        }
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
                let text = record.arithmetic(&|host| self.facts_in_words(HostId(host)));
                text.lines().map(str::to_owned).collect()
            }
        }
    }

    /// The facts of a host that a person looks for: kernel, CPU, zone and rack.
    fn facts_in_words(&self, host: HostId) -> Option<String> {
        let facts = self.host_of_old(host)?.facts;
        let mut words: Vec<String> = facts_of(&facts)
            .into_iter()
            .filter(|(dimension, _)| {
                [Dimension::Kernel, Dimension::Cpu, Dimension::Zone].contains(dimension)
            })
            .map(|(_, value)| value)
            .collect();
        words.extend(Some(facts.rack).filter(|rack| !rack.is_empty()));
        (!words.is_empty()).then(|| words.join(", "))
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
                "compared   {} that soak, or did until just now, with {} of the same tier, kernel or zone",
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
            lines.push(format!("not heard  {deaf} racks or zones; silence there says nothing"));
        }
        lines.extend(self.not_evidence(rollout));
        lines
    }

    /// Why fewer hosts may count as evidence than went wrong.
    fn not_evidence(&self, rollout: &Rollout) -> Option<String> {
        let counts = rollout.counts;
        let wrong = counts.all_failures();
        let line = || {
            format!(
                "counted    {} went wrong before they were verified: {} crashed, {} failed, {} stalled, {} silent. \
                 Evidence counts verified ones that fail later, too; it leaves out who fails within two minutes \
                 of another in its rack, or has nobody to be compared with; applies are counted apart",
                count(wrong, "host"),
                counts.crashed,
                counts.failed,
                counts.stalled,
                counts.silent
            )
        };
        (wrong > 0).then(line)
    }
}

/// What comes after a halt.
fn what_follows(rollout: &Rollout) -> String {
    format!(
        "{:<10} nothing begins until a person lifts it, `tidegate rollout resume {} --reason REASON`; of {} \
         each that has the patch keeps it",
        "next",
        rollout.id,
        count(rollout.counts.begun, "begun host")
    )
}
