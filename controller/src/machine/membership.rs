//! Which part does a host have in a rollout: which tier, which wave, or none, and why?

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::bucket::{Bucket, Lot, Purpose};
use tidegate_policies::evidence::Class;
use tidegate_policies::share::Share;
use tidegate_policies::tiers::Holdback;
use tidegate_policies::time::WallTime;

use super::Machine;
use super::fleet::{Host, Mode};
use super::ids::{HostId, TokenId};
use super::patch_sets::{Artifact, KernelKey, PatchSet};
use super::rollouts::{Entry, Rollout};
use super::slices::HaltedSlice;

/// A host's part in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The step of the ladder that it belongs to.
    pub stage: usize,
    /// Its place in that step's order.
    pub bucket: Bucket,
    /// It is held out: it comes when the others of its tier are verified.
    pub held_out: bool,
}

/// Why a host has no part in a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPart {
    /// Its agent may not touch the kernel.
    NoApply,
    /// The patch set has no artifact for its kernel.
    NoArtifact,
    /// The policy's ladder stops before its tier.
    TierNotInPolicy,
    /// What is held back from it, by its token or by itself, lets the patch set through later, or never.
    HeldBack {
        /// What.
        holdback: Holdback,
        /// From when on it has its part; `None`: never.
        until: Option<WallTime>,
    },
    /// A slice that it is in is halted.
    SliceHalted {
        /// The slice, as a person types it.
        slice: String,
        /// Who halted it.
        actor: String,
        /// Log index of the halt.
        index: u64,
        /// Why.
        reason: String,
    },
    /// Its token was taken back.
    TokenRevoked {
        /// The token.
        token: TokenId,
        /// Who took it back.
        actor: String,
        /// Log index of the entry.
        index: u64,
        /// Why.
        reason: String,
    },
    /// Its token is not for what it is by now.
    OutOfScope {
        /// The token.
        token: TokenId,
        /// What the token is for, in words.
        scope: String,
        /// What the host is, in words.
        host: String,
    },
    /// Its kernel is not covered.
    NotCovered {
        /// Why, and the way out.
        why: String,
    },
}

/// Whether a host that has its place in a rollout may have its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eligible {
    /// It may.
    Yes,
    /// A slice that it is in is halted.
    ShutOut,
}

impl NoPart {
    /// Why, in one sentence about `host`.
    pub fn words(&self, host: &Host, rollout: &Rollout) -> String {
        match self {
            Self::NoApply => {
                "its agent runs in no-apply mode: it reports, and applies nothing".into()
            }
            Self::NoArtifact => format!(
                "patch set {} has no artifact for its kernel {}",
                rollout.version, host.facts.kernel
            ),
            Self::TierNotInPolicy => {
                format!("policy {} stops before its tier {}", rollout.policy.name, host.tier)
            }
            Self::HeldBack { holdback, until } => {
                let until = until.map_or_else(
                    || format!("{} was published too late for it", rollout.version),
                    |until| format!("{} is for it from {until} on", rollout.version),
                );
                format!(
                    "patch sets are held back from it or its token {} ({}): {until}; `tidegate holdback \
                     list` shows what is",
                    host.token,
                    holdback.words()
                )
            }
            Self::SliceHalted { slice, actor, index, reason } => format!(
                "{actor} halted its slice {slice} at log index {index}: {reason}; `tidegate rollout resume \
                 {} --slice '{slice}' --reason REASON` lets it go on",
                rollout.id
            ),
            Self::TokenRevoked { .. } | Self::OutOfScope { .. } | Self::NotCovered { .. } => {
                self.of_host(host)
            }
        }
    }
}

impl NoPart {
    /// From when on it is over by itself; `None`: never, or more than time must end it.
    pub const fn until(&self) -> Option<WallTime> {
        match self {
            Self::HeldBack { until, .. } => *until,
            Self::NoApply
            | Self::NoArtifact
            | Self::TierNotInPolicy
            | Self::SliceHalted { .. }
            | Self::TokenRevoked { .. }
            | Self::OutOfScope { .. }
            | Self::NotCovered { .. } => None,
        }
    }

    /// Why its token or its kernel lets `host` have no further grant, and the way out; for every other reason the
    /// same words as of no rollout at all.
    pub fn of_host(&self, host: &Host) -> String {
        let id = host.id;
        match self {
            Self::TokenRevoked { token, actor, index, reason } => format!(
                "{actor} revoked its token {token} at log index {index}: {reason}; `tidegate host move \
                 {id} --token TOKEN` gives it another"
            ),
            Self::OutOfScope { token, scope, host } => format!(
                "its token {token} is for {scope}, and it is {host}; `tidegate host move {id} --token \
                 TOKEN` gives it another"
            ),
            Self::NotCovered { why } => why.clone(),
            Self::NoApply
            | Self::NoArtifact
            | Self::TierNotInPolicy
            | Self::HeldBack { .. }
            | Self::SliceHalted { .. } => "no rollout concerns it".to_owned(),
        }
    }
}

/// The artifact of `patch_set` for the kernel of `host`.
pub fn artifact_for<'a>(patch_set: &'a PatchSet, host: &Host) -> Option<&'a Artifact> {
    patch_set.artifacts.get(&host.facts.kernel)
}

impl Machine {
    /// The part of `host` in `rollout`.
    ///
    /// # Errors
    ///
    /// [`NoPart`]: the host is not eligible.
    pub fn part(&self, rollout: &Rollout, host: &Host) -> Result<Part, NoPart> {
        let place = self.place_of(rollout, host)?;
        match self.halted_slice(rollout, host) {
            None => self.entitled(host).map(|()| place),
            Some(HaltedSlice { cut, halt }) => Err(NoPart::SliceHalted {
                slice: cut.to_string(),
                actor: halt.actor.clone(),
                index: halt.index,
                reason: halt.reason.clone(),
            }),
        }
    }

    /// Whether a host with a place in `rollout` may have its part.
    pub(super) fn eligible(&self, rollout: &Rollout, host: &Host) -> Eligible {
        match self.halted_slice(rollout, host) {
            None => Eligible::Yes,
            Some(_) => Eligible::ShutOut,
        }
    }

    /// Where an enrolled host counts in the census: at its place, if its token and its kernel let it have a grant, or
    /// if it has begun. Who has begun counts on without them, so that a tier never looks covered because those
    /// who have begun are gone.
    pub(super) fn census_part(&self, rollout: &Rollout, host: &Host) -> Option<(Part, Eligible)> {
        let place = self.place_of(rollout, host).ok()?;
        let counts = self.entitled(host).is_ok() || self.has_begun_in(rollout, host.id);
        counts.then(|| (place, self.eligible(rollout, host)))
    }

    /// Where an evicted host counts on: at its place, if it has begun, and not refused.
    pub(super) fn census_part_of_old(
        &self,
        rollout: &Rollout,
        host: &Host,
    ) -> Option<(Part, Eligible)> {
        let entry = self.entries.get(rollout, host.id)?;
        let counts = entry.begun && entry.class != Class::Refused;
        let place = self.place_of(rollout, host).ok().filter(|_| counts)?;
        Some((place, self.eligible(rollout, host)))
    }

    fn has_begun_in(&self, rollout: &Rollout, host: HostId) -> bool {
        self.entries.get(rollout, host).is_some_and(|entry| entry.begun)
    }

    /// The part that `host` has in `rollout` unless its token, its kernel's dates or a halted slice bar it.
    ///
    /// # Errors
    ///
    /// [`NoPart`], but for these.
    pub fn place_of(&self, rollout: &Rollout, host: &Host) -> Result<Part, NoPart> {
        match host.mode {
            Mode::NoApply => return Err(NoPart::NoApply),
            Mode::Normal => (),
        }
        let patch_set = self.patch_sets.get(&rollout.version).ok_or(NoPart::NoArtifact)?;
        artifact_for(patch_set, host).ok_or(NoPart::NoArtifact)?;
        if let Some((holdback, until)) = self.holds_back(rollout, host) {
            return Err(NoPart::HeldBack { holdback, until });
        }
        let began = || self.entries.get(rollout, host.id).and_then(|entry| began_in(&entry));
        let fixed = self.entries.drawn_by(rollout, host.id).or_else(began);
        let stage = stage_of(rollout, fixed, host.tier.as_str()).ok_or(NoPart::TierNotInPolicy)?;
        let tier = rollout.policy.ladder[stage].tier.as_str();
        let purpose = Purpose::Wave { tier };
        let name = host.id.to_string();
        let bucket = Bucket::of(rollout.version.as_str(), purpose, &name);
        let out = holdout(rollout, stage);
        let held_out = out.is_some_and(|(lot, share)| lot.place(&name).is_inside(share));
        Ok(Part { stage, bucket, held_out })
    }
}

impl Machine {
    /// The part of every host that counts in `rollout`, and whether it may have it.
    pub(super) fn parts(&self, rollout: &Rollout) -> impl Iterator<Item = (Part, Eligible)> {
        let enrolled = self.profiled_parts(rollout);
        let gone = self.evicted.values();
        let gone = gone.filter_map(|evicted| self.census_part_of_old(rollout, &evicted.host));
        enrolled.map(|(_, part, eligible)| (part, eligible)).chain(gone)
    }

    /// The same of enrolled hosts, with the number of each one's profile. Looks at what hosts share once for all.
    pub(super) fn profiled_parts(
        &self,
        rollout: &Rollout,
    ) -> impl Iterator<Item = (u64, Part, Eligible)> {
        let artifacts = self.patch_sets.get(&rollout.version).map(|patch_set| &patch_set.artifacts);
        let fits =
            |kernel: &KernelKey| artifacts.is_some_and(|artifacts| artifacts.contains_key(kernel));
        let step_of: BTreeMap<u64, Option<usize>> = self
            .hosts
            .profiles()
            .filter(|(_, _, profile)| fits(&profile.kernel))
            .map(|(number, _, of)| (number, stage_of(rollout, None, of.tier.as_str())))
            .collect();
        let held_back = self.held_back(rollout);
        let barred = self.hosts.profiles().filter(|(_, _, profile)| !self.entitles_all(profile));
        let barred: BTreeSet<u64> = barred.map(|(number, _, _)| number).collect();
        let drawn: BTreeMap<HostId, usize> = self.entries.drawn(rollout).collect();
        let lots: Vec<Lot> = rollout
            .policy
            .ladder
            .iter()
            .map(|stage| Lot::of(rollout.version.as_str(), Purpose::Wave { tier: &stage.tier }))
            .collect();
        let steps = 0..rollout.policy.ladder.len();
        let holdouts: Vec<_> = steps.map(|step| holdout(rollout, step)).collect();
        let shut_out = self.shut_out(rollout);
        // Both are in the order of hosts.
        let mut entries = self.entries.of(rollout).peekable();
        self.hosts.eligibilities().filter_map(move |(host, (mode, profile))| {
            while entries.next_if(|(of, _)| *of < host).is_some() {}
            let began = entries.next_if(|(of, _)| *of == host);
            let began = began.and_then(|(_, entry)| began_in(&entry));
            if barred.contains(&profile) && began.is_none() {
                return None;
            }
            let may = mode == Mode::Normal && !held_back(host, profile);
            let of_tier = *step_of.get(&profile).filter(|_| may)?;
            let stage = drawn.get(&host).copied().or(began).or(of_tier)?;
            let name = host.to_string();
            let out = holdouts[stage].as_ref();
            let held_out = out.is_some_and(|(lot, share)| lot.place(&name).is_inside(*share));
            let part = Part { stage, bucket: lots[stage].place(&name), held_out };
            let out = shut_out(host, profile);
            Some((profile, part, if out { Eligible::ShutOut } else { Eligible::Yes }))
        })
    }
}

/// The order in which a step holds hosts out, and how many; `None`: it holds out nobody.
fn holdout(rollout: &Rollout, step: usize) -> Option<(Lot, Share)> {
    let share = rollout.stages.get(step)?.holdout;
    let tier = rollout.policy.ladder.get(step)?.tier.as_str();
    let lot = || Lot::of(rollout.version.as_str(), Purpose::Holdout { tier });
    (share.ppm() > 0).then(|| (lot(), share))
}

/// The step in which a host has begun, where it counts for good.
fn began_in(entry: &Entry) -> Option<usize> {
    entry.begun.then_some(entry.stage)
}

/// The step that drew a host or in which it began, else the one of its tier.
pub(super) fn stage_of(rollout: &Rollout, fixed: Option<usize>, tier: &str) -> Option<usize> {
    fixed.or_else(|| rollout.policy.ladder.iter().position(|stage| stage.tier == tier))
}

impl Part {
    /// The first wave of its step that the host is in, from 0.
    pub fn first_wave(&self, rollout: &Rollout) -> usize {
        let waves = &rollout.policy.ladder[self.stage].waves;
        if self.held_out {
            return waves.len() - 1;
        }
        let inside = waves.iter().position(|&share| self.bucket.is_inside(share));
        // The last wave is everybody, so that every host is inside one.
        inside.unwrap_or(waves.len() - 1)
    }

    /// Whether its turn has come: its step is past, or it is inside the present wave.
    pub fn has_its_turn(&self, rollout: &Rollout) -> bool {
        rollout.place.is_some_and(|place| {
            self.stage < place.stage
                || (self.stage == place.stage
                    && self.first_wave(rollout) <= place.wave
                    && (!self.held_out || rollout.lets_holdout_go(self.stage)))
        })
    }
}
