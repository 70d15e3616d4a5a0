//! `StartRollout`: draws the sampled tiers, counts the hosts, and opens the first wave.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::bucket::{Lot, Purpose};
use tidegate_policies::draw::draw;
use tidegate_policies::policy::DrawRule;

use super::Decided;
use super::create_rollout::fits_ladder;
use crate::machine::event::Event;
use crate::machine::fleet::Mode;
use crate::machine::ids::{HostId, RolloutId};
use crate::machine::judge::wave_started;
use crate::machine::patch_sets::{KernelKey, PatchSet};
use crate::machine::rollouts::{Place, Rollout, State};
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn start_rollout(&self, id: &RolloutId, actor: &str) -> Decided {
        let rollout = self.rollout(id)?;
        if rollout.state != State::Draft {
            let state = state_word(rollout.state).to_owned();
            return Err(Rejection::NotADraft { rollout: id.clone(), state });
        }
        let patch_set = self.patch_set(&rollout.version)?;
        let cluster = self.cluster().ok_or(Rejection::NotBootstrapped)?;
        // The ladder may have been declared anew since the draft was made.
        fits_ladder(&rollout.policy, &cluster.ladder)?;
        self.may_start(rollout, patch_set)?;
        Ok((Reply::Rollout(id.clone()), self.start_events(rollout, patch_set, actor)))
    }

    /// What happens when a draft starts.
    pub(in crate::machine) fn start_events(
        &self,
        rollout: &Rollout,
        patch_set: &PatchSet,
        actor: &str,
    ) -> Vec<Event> {
        let id = &rollout.id;
        let mut drawn = BTreeMap::new();
        for (step, stage) in rollout.policy.ladder.iter().enumerate() {
            if let Some(rule) = stage.draw {
                drawn.insert(step, self.drawn(rollout, patch_set, step, rule));
            }
        }
        let actor = actor.to_owned();
        let proven = self.proven(rollout, patch_set);
        let started =
            Event::RolloutStarted { rollout: id.clone(), drawn, proven, actor: actor.clone() };
        let first = Place { stage: 0, wave: 0 };
        let wave = wave_started(rollout, first, actor, "the rollout was started".to_owned());
        vec![started, wave]
    }

    pub(in crate::machine) fn may_start(
        &self,
        rollout: &Rollout,
        patch_set: &PatchSet,
    ) -> Result<(), Rejection> {
        self.not_withdrawn(patch_set)?;
        self.not_blocked(&patch_set.version, &patch_set.artifacts)?;
        self.no_halt(patch_set)?;
        let version = patch_set.version.clone();
        let stored = u64::try_from(self.holders(patch_set).len()).unwrap_or(u64::MAX);
        let needed = self.holders_needed();
        if stored < needed {
            return Err(Rejection::ArtifactsNotReplicated { version, stored, needed });
        }
        self.series_is_free(rollout, patch_set)
    }

    /// No halt stands on `patch_set`, from whichever rollout.
    pub(super) fn no_halt(&self, patch_set: &PatchSet) -> Result<(), Rejection> {
        let Some(halt) = &patch_set.halt else { return Ok(()) };
        let (version, rollout) = (patch_set.version.clone(), halt.rollout.clone());
        Err(Rejection::PatchSetHalted { version, rollout, reason: halt.reason.clone() })
    }

    /// No other rollout is on its way on a kernel that `patch_set` is for.
    pub(super) fn series_is_free(
        &self,
        rollout: &Rollout,
        patch_set: &PatchSet,
    ) -> Result<(), Rejection> {
        let live = self.rollouts().values().filter(|other| match other.state {
            State::Running | State::Paused => other.id != rollout.id && other.ended.is_none(),
            State::Draft
            | State::Halted
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => false,
        });
        for other in live {
            let theirs = self.patch_sets().get(&other.version);
            let shared = theirs.and_then(|theirs| {
                patch_set.artifacts.keys().find(|kernel| {
                    theirs.artifacts.keys().any(|other| other.series() == kernel.series())
                })
            });
            if let Some(kernel) = shared {
                let (other, kernel) = (other.id.clone(), kernel.clone());
                return Err(Rejection::SeriesBusy { other, kernel });
            }
        }
        Ok(())
    }

    /// The hosts that the sampled step draws from the tier after it, stratified by kernel × zone.
    fn drawn(
        &self,
        rollout: &Rollout,
        patch_set: &PatchSet,
        step: usize,
        rule: DrawRule,
    ) -> BTreeSet<HostId> {
        let Some(source) = rollout.policy.ladder.get(step + 1) else { return BTreeSet::new() };
        let tier = rollout.policy.ladder[step].tier.as_str();
        let lot = Lot::of(rollout.version.as_str(), Purpose::Draw { tier });
        let mut strata: BTreeMap<(KernelKey, String), u64> = BTreeMap::new();
        let mut stratum_of: BTreeMap<u64, u64> = BTreeMap::new();
        for (profile, _, of) in self.hosts().profiles() {
            let fits = patch_set.artifacts.contains_key(&of.kernel) && self.entitles_all(&of);
            if of.tier.as_str() == source.tier && fits {
                let stratum = *strata.entry((of.kernel, of.zone)).or_insert(profile);
                stratum_of.insert(profile, stratum);
            }
        }
        let held_back = self.held_back(rollout);
        let normal = self
            .hosts()
            .eligibilities()
            .filter(|(host, (mode, profile))| *mode == Mode::Normal && !held_back(*host, *profile));
        let candidates = normal.filter_map(|(host, (_, profile))| {
            let stratum = *stratum_of.get(&profile)?;
            Some((host, stratum, lot.place(&host.to_string())))
        });
        draw(rule, candidates)
    }
}

/// A rollout does not stand where a command needs it; `needed` says what that is.
pub(super) fn wrong_state(rollout: &Rollout, needed: impl Into<String>) -> Rejection {
    let state = state_word(rollout.state).to_owned();
    Rejection::WrongState { rollout: rollout.id.clone(), state, needed: needed.into() }
}

/// The word for a rollout's state on screens.
const fn state_word(state: State) -> &'static str {
    match state {
        State::Draft => "a draft",
        State::Running => "running",
        State::Paused => "paused",
        State::Halted => "halted",
        State::Completed => "completed",
        State::Superseded => "superseded",
        State::RollingBack => "rolling back",
        State::RolledBack => "rolled back",
    }
}
