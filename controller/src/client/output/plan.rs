//! How does a plan look to a person? Tier by tier, wave by wave, and when it could be done.

use serde_json::Value;
use tidegate_proto::v1;

use super::Show;
use super::json;
use super::rollout::pair;
use super::rows::Resource;
use super::text::hosts;
use super::time::{rfc3339, span};
use crate::client::names::id_of;

/// Strata that are named without `-o wide`.
const FEW: usize = 8;

impl Resource for v1::RolloutPlan {
    fn name(&self) -> String {
        self.patch_set.clone()
    }

    fn json(&self) -> Value {
        json::plan(self)
    }
}

/// The whole plan.
pub(crate) fn whole(plan: &v1::RolloutPlan, show: Show) -> String {
    let all: u64 = plan.tiers.iter().map(|tier| tier.hosts).sum();
    let budget = plan.exposure_budget_hosts;
    let mut lines = vec![
        pair("plan of", &format!("{}, policy {}", plan.patch_set, plan.policy_name)),
        pair("hosts", &format!("{all} in all, at most {budget} of them exposed at a time")),
        pair("done", &done(plan)),
    ];
    if !plan.refusal.is_empty() {
        lines.push(pair("but now", &plan.refusal));
    }
    let mut blocks = vec![lines.join("\n")];
    blocks.extend(plan.tiers.iter().map(|tier| tier_lines(tier, show)));
    if !plan.canaries.is_empty() {
        blocks.push(plan.canaries.join("\n"));
    }
    blocks.join("\n\n")
}

fn done(plan: &v1::RolloutPlan) -> String {
    let at = plan.earliest_done_time.as_ref().and_then(rfc3339);
    match (plan.earliest_done_ms, at) {
        (Some(after), Some(at)) => {
            format!("{} after its start at the earliest, {at} if it started now", span(after))
        }
        (Some(after), None) => format!("{} after its start at the earliest", span(after)),
        (None, _) => "nobody can say: a person has to act first, or no window opens".to_owned(),
    }
}

fn tier_lines(tier: &v1::PlannedTier, show: Show) -> String {
    let mut head =
        format!("{}: {}, soak {}", id_of(&tier.tier), hosts(tier.hosts), span(tier.soak_ms));
    if tier.held_out_hosts > 0 {
        head.push_str(&format!(", {} of them last", tier.held_out_hosts));
    }
    if tier.takes_a_person {
        head.push_str(", a person promotes past it");
    }
    if tier.too_few {
        head.push_str(", too few for the policy: it waits for a person");
    }
    let mut lines = vec![head];
    lines.extend(tier.waves.iter().enumerate().map(|(n, wave)| wave_line(n, wave)));
    let most = if show == Show::Wide { usize::MAX } else { FEW };
    for stratum in tier.strata.iter().take(most) {
        let zone = if stratum.zone.is_empty() { "an unknown zone" } else { &stratum.zone };
        lines.push(format!("    {:>8}  {} in {zone}", stratum.hosts, stratum.kernel));
    }
    let hidden = tier.strata.len().saturating_sub(most);
    if hidden > 0 {
        lines.push(format!("    and {hidden} more kinds of hosts; -o wide shows them"));
    }
    let uncovered = tier.uncovered.iter().take(most);
    lines.extend(uncovered.map(|kind| format!("  nobody is drawn of {kind}")));
    lines.join("\n")
}

fn wave_line(n: usize, wave: &v1::PlannedWave) -> String {
    let share = f64::from(wave.share_ppm) / 10_000.0;
    let at = |after: Option<u64>| {
        after.map_or_else(|| "?".to_owned(), |after| format!("+{}", span(after)))
    };
    format!(
        "  wave {} ({share}%): {} in all, {} to {}",
        n + 1,
        hosts(wave.hosts),
        at(wave.begins_ms),
        at(wave.passes_ms)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_plan_says_who_comes_when_and_what_its_canaries_cannot_show() {
        let wave = |share_ppm, hosts, begins_ms, passes_ms| v1::PlannedWave {
            share_ppm,
            hosts,
            begins_ms,
            passes_ms,
        };
        let stratum = |zone: &str, hosts| v1::PlannedStratum {
            kernel: "5.15.0-107.117-generic amd64".to_owned(),
            zone: zone.to_owned(),
            hosts,
        };
        let plan = v1::RolloutPlan {
            patch_set: "patchSets/113.1".to_owned(),
            policy_name: "standard".to_owned(),
            tiers: vec![
                v1::PlannedTier {
                    tier: "tiers/canary".to_owned(),
                    hosts: 3,
                    waves: vec![wave(1_000_000, 3, Some(0), Some(86_400_000))],
                    strata: vec![stratum("z1", 2), stratum("", 1)],
                    soak_ms: 86_400_000,
                    uncovered: vec!["6.8.0-41.41-generic amd64 in z1".to_owned()],
                    ..v1::PlannedTier::default()
                },
                v1::PlannedTier {
                    tier: "tiers/free".to_owned(),
                    hosts: 60,
                    held_out_hosts: 3,
                    waves: vec![
                        wave(15_000, 1, Some(86_400_000), None),
                        wave(1_000_000, 60, None, None),
                    ],
                    soak_ms: 14_400_000,
                    takes_a_person: true,
                    too_few: true,
                    ..v1::PlannedTier::default()
                },
            ],
            exposure_budget_hosts: 6,
            canaries: vec!["3 canaries cannot show much.".to_owned()],
            refusal: "the rollout `112.1` is live".to_owned(),
            ..v1::RolloutPlan::default()
        };
        expect![[r#"
            plan of      patchSets/113.1, policy standard
            hosts        63 in all, at most 6 of them exposed at a time
            done         nobody can say: a person has to act first, or no window opens
            but now      the rollout `112.1` is live

            canary: 3 hosts, soak 1d
              wave 1 (100%): 3 hosts in all, +0ms to +1d
                       2  5.15.0-107.117-generic amd64 in z1
                       1  5.15.0-107.117-generic amd64 in an unknown zone
              nobody is drawn of 6.8.0-41.41-generic amd64 in z1

            free: 60 hosts, soak 4h, 3 of them last, a person promotes past it, too few for the policy: it waits for a person
              wave 1 (1.5%): 1 host in all, +1d to ?
              wave 2 (100%): 60 hosts in all, ? to ?

            3 canaries cannot show much."#]].assert_eq(&whole(&plan, Show::Always));
    }
}
