//! `ApplyLadder`: declares the tiers anew, and when their hosts may begin.
//!
//! Who is under way stays under way: a tier that hosts, tokens or a started rollout stand on cannot leave or change
//! its place.

use std::collections::BTreeMap;

use tidegate_policies::tiers::{Holdback, Objective, TierRules};

use super::Decided;
use super::create_rollout::fits_ladder;
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::command::{ApplyLadder, TierSpec};
use crate::machine::ids::TierName;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn apply_ladder(&self, apply: &ApplyLadder, actor: &str) -> Decided {
        let cluster = self.cluster().ok_or(Rejection::NotBootstrapped)?;
        self.nobody_stands_on_what_leaves(&cluster.ladder, &apply.tiers)?;
        for rollout in self.rollouts().values() {
            if rollout.place.is_some() && rollout.ended.is_none() {
                fits_ladder(&rollout.policy, &apply.tiers).map_err(|_| Rejection::LadderInUse {
                    tier: rollout.stage().map_or_else(String::new, |stage| stage.tier.clone()),
                    by: format!("the rollout `{}` is under way on the ladder as it is", rollout.id),
                })?;
            }
        }
        let rules: BTreeMap<TierName, TierRules> = apply
            .rules
            .iter()
            .filter(|(_, rules)| **rules != TierRules::default())
            .map(|(tier, rules)| (tier.clone(), rules.clone()))
            .collect();
        let changes = changes((&cluster.ladder, &self.calendar().tiers), (&apply.tiers, &rules));
        let ladder = apply.tiers.clone();
        let applied =
            CalendarEvent::LadderApplied { ladder, rules, changes, actor: actor.to_owned() };
        Ok((Reply::Done, vec![applied.into()]))
    }

    fn nobody_stands_on_what_leaves(
        &self,
        before: &[TierSpec],
        after: &[TierSpec],
    ) -> Result<(), Rejection> {
        for old in before {
            let new = after.iter().find(|new| new.name == old.name);
            let what = match new {
                Some(new) if new.sampled == old.sampled => continue,
                Some(_) => "cannot begin or cease to be sampled",
                None => "cannot leave the ladder",
            };
            let tokens = self.tokens().values().filter(|token| token.tier == old.name).count();
            let hosts = self.hosts().of_tier(&old.name);
            if tokens > 0 || hosts > 0 {
                let by = format!("it has {hosts} hosts and {tokens} tokens, so that it {what}");
                return Err(Rejection::LadderInUse { tier: old.name.to_string(), by });
            }
        }
        Ok(())
    }
}

/// What is other than it was, for the record.
fn changes(
    before: (&[TierSpec], &BTreeMap<TierName, TierRules>),
    after: (&[TierSpec], &BTreeMap<TierName, TierRules>),
) -> String {
    let order = |tiers: &[TierSpec]| -> String {
        let name = |tier: &TierSpec| {
            format!("{}{}", tier.name, if tier.sampled { " (sampled)" } else { "" })
        };
        tiers.iter().map(name).collect::<Vec<_>>().join(" → ")
    };
    let mut changes = Vec::new();
    if before.0 != after.0 {
        changes.push(order(after.0));
    }
    let nothing = TierRules::default();
    for tier in after.0 {
        let of = |rules: &BTreeMap<TierName, TierRules>| rules.get(&tier.name).cloned();
        let (old, new) = (of(before.1).unwrap_or_default(), of(after.1).unwrap_or_default());
        if old != new {
            let said = if new == nothing { "at any time".to_owned() } else { rules_words(&new) };
            changes.push(format!("{}: {said}", tier.name));
        }
    }
    if changes.is_empty() { "nothing changed".to_owned() } else { changes.join("; ") }
}

fn rules_words(rules: &TierRules) -> String {
    let mut words: Vec<String> = rules.windows.iter().map(ToString::to_string).collect();
    if rules.holdback != Holdback::NONE {
        words.push(rules.holdback.words());
    }
    words.extend(rules.objectives.iter().map(Objective::words));
    words.join(", ")
}
