//! What keeps a host from the newest patch set for its kernel? The first thing on its way that does.

use std::collections::BTreeMap;

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::evidence::Class;
use tidegate_policies::gate::GateName;

use crate::machine::Machine;
use crate::machine::calendar::HeldBack;
use crate::machine::fleet::Mode;
use crate::machine::hosts::Profile;
use crate::machine::ids::{FreezeId, HostId, RolloutId, TierName, TokenId, Version};
use crate::machine::membership::stage_of;
use crate::machine::patch_sets::PatchSet;
use crate::machine::rollouts::{MAX_REFUSALS, Rollout, State};
use crate::machine::when::NOBODY;

/// What keeps hosts from a patch set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A halt of everything, which began with this rollout.
    Halt(RolloutId),
    /// A halt of a slice that they are in.
    SliceHalt(RolloutId),
    /// The judge lets nobody begin for now.
    Hold(RolloutId),
    /// A person paused it.
    Pause(RolloutId),
    /// A freeze.
    Freeze(FreezeId),
    /// The rollout begins on a later date.
    StartAt(RolloutId),
    /// It was published too late for their tier.
    CutOff(TierName),
    /// It is too new for their tier.
    Delay(TierName),
    /// No window of their tier is open.
    Window(TierName),
    /// It is held back from their token, or from them.
    Holdback(HeldBack),
    /// Their token was revoked, or is for other hosts.
    Token(TokenId),
    /// Their kernels are not covered.
    KernelCoverage,
    /// Nobody has started a rollout of it.
    NotStarted(Version),
    /// The rollout's policy stops before their tier.
    NotOnLadder(RolloutId),
    /// Their agents apply nothing.
    NoApply,
    /// It went wrong on them, or they refused it.
    WentWrong(RolloutId),
    /// They have begun, and have not said that it is applied.
    UnderWay(RolloutId),
    /// Their wave, or their turn in it.
    Turn(RolloutId),
}

impl Cause {
    /// What kind of thing it is, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Halt(_) => "halt",
            Self::SliceHalt(_) => "slice-halt",
            Self::Hold(_) => "hold",
            Self::Pause(_) => "pause",
            Self::Freeze(_) => "freeze",
            Self::StartAt(_) => "start-at",
            Self::CutOff(_) => "cut-off",
            Self::Delay(_) => "delay",
            Self::Window(_) => "window",
            Self::Holdback(_) => "holdback",
            Self::Token(_) => "token",
            Self::KernelCoverage => "kernel-coverage",
            Self::NotStarted(_) => "not-started",
            Self::NotOnLadder(_) => "not-on-ladder",
            Self::NoApply => "no-apply",
            Self::WentWrong(_) => "went-wrong",
            Self::UnderWay(_) => "under-way",
            Self::Turn(_) => "turn",
        }
    }

    /// The resource that it is about; empty: the agents' own mode.
    pub fn resource(&self) -> String {
        match self {
            Self::Halt(rollout)
            | Self::SliceHalt(rollout)
            | Self::Hold(rollout)
            | Self::Pause(rollout)
            | Self::StartAt(rollout)
            | Self::NotOnLadder(rollout)
            | Self::WentWrong(rollout)
            | Self::UnderWay(rollout)
            | Self::Turn(rollout) => format!("rollouts/{rollout}"),
            Self::Freeze(freeze) => format!("freezes/{freeze}"),
            Self::CutOff(tier) | Self::Delay(tier) | Self::Window(tier) => format!("tiers/{tier}"),
            Self::Holdback(of) => of.name(),
            Self::Token(token) => format!("tokens/{token}"),
            Self::NotStarted(version) => format!("patchSets/{version}"),
            Self::KernelCoverage => "coverage".to_owned(),
            Self::NoApply => String::new(),
        }
    }
}

/// The way to a patch set, as far as it is the same for all hosts.
pub(super) struct Way<'a> {
    version: &'a Version,
    /// What keeps everybody out.
    shut: Option<Cause>,
    rollout: Option<&'a Rollout>,
    shut_out: Box<dyn Fn(HostId, u64) -> bool + 'a>,
    drawn: BTreeMap<HostId, usize>,
    /// What the calendar says of each step.
    closed: Vec<Option<Cause>>,
}

impl Machine {
    /// The way to `set`.
    pub(super) fn way<'a>(&'a self, set: &'a PatchSet) -> Way<'a> {
        let rollout = self.rollout_to(set);
        let steps = rollout.map_or(0, |rollout| rollout.policy.ladder.len());
        let calendar = |step| rollout.and_then(|rollout| self.closed_by(rollout, step));
        Way {
            version: &set.version,
            shut: rollout.and_then(|rollout| shut(set, rollout)),
            rollout,
            shut_out: match rollout {
                Some(rollout) => Box::new(self.shut_out(rollout)),
                None => Box::new(|_, _| false),
            },
            drawn: rollout.map_or_else(BTreeMap::new, |of| self.entries.drawn(of).collect()),
            closed: (0..steps).map(calendar).collect(),
        }
    }

    /// The rollout that brings `set` to hosts: the newest that has not given way.
    fn rollout_to(&self, set: &PatchSet) -> Option<&Rollout> {
        let brings = |of: &&Rollout| of.version == set.version && of.state != State::Superseded;
        let started = |of: &&Rollout| of.place.is_some();
        let of_it = || self.rollouts.values().filter(brings);
        let newest = of_it().filter(started).max_by_key(|of| of.created_index);
        newest.or_else(|| of_it().max_by_key(|of| of.created_index))
    }

    fn closed_by(&self, rollout: &Rollout, step: usize) -> Option<Cause> {
        let when = self.when(rollout, step);
        let gate = when.closed()?;
        let tier: TierName = rollout.policy.ladder.get(step)?.tier.parse().ok()?;
        match gate.name {
            GateName::Freeze => Some(Cause::Freeze(when.frozen?.name.parse().ok()?)),
            GateName::CutOff => Some(Cause::CutOff(tier)),
            GateName::Delay => Some(Cause::Delay(tier)),
            GateName::Window => Some(Cause::Window(tier)),
            GateName::StartAt => Some(Cause::StartAt(rollout.id.clone())),
            GateName::GuardRail(_)
            | GateName::FailureShare
            | GateName::FleetHeard
            | GateName::Coverage
            | GateName::Soak
            | GateName::MinVerified
            | GateName::Approval
            | GateName::ExposureBudget
            | GateName::InFlight
            | GateName::Signature
            | GateName::SilentShare
            | GateName::Evidence
            | GateName::Proof
            | GateName::Strata
            | GateName::Credit => None,
        }
    }

    /// What keeps a host from the patch set to which `way` leads, and which it does not run.
    pub(super) fn kept_out_by(
        &self,
        way: &Way<'_>,
        (host, mode, number, profile): (HostId, Mode, u64, &Profile),
    ) -> Cause {
        match mode {
            Mode::NoApply => return Cause::NoApply,
            Mode::Normal => (),
        }
        let Some(rollout) = way.rollout else {
            return Cause::NotStarted(way.version.clone());
        };
        let entry = self.entries.get(rollout, host);
        if entry.as_ref().is_some_and(|entry| entry.refusals >= MAX_REFUSALS) {
            return Cause::WentWrong(rollout.id.clone());
        }
        match entry.as_ref().map(|entry| entry.class) {
            Some(Class::Failure(_) | Class::Reverted) => {
                return Cause::WentWrong(rollout.id.clone());
            }
            Some(Class::InFlight) => return Cause::UnderWay(rollout.id.clone()),
            // Whoever went away in the middle of it is asked again.
            Some(Class::None | Class::Offered | Class::Verified | Class::Refused) | None => (),
        }
        if !self.tokens_entitle(profile) {
            return Cause::Token(profile.token.clone());
        }
        if !self.entitles_all(profile) {
            return Cause::KernelCoverage;
        }
        if let Some(shut) = &way.shut {
            return shut.clone();
        }
        if (way.shut_out)(host, number) {
            return Cause::SliceHalt(rollout.id.clone());
        }
        if let Some(of) = self.held_back_by(rollout, (host, profile)) {
            return Cause::Holdback(of);
        }
        let drawn = way.drawn.get(&host).copied();
        let Some(step) = stage_of(rollout, drawn, profile.tier.as_str()) else {
            return Cause::NotOnLadder(rollout.id.clone());
        };
        way.closed.get(step).cloned().flatten().unwrap_or_else(|| waits(rollout))
    }

    /// The holdback that keeps a rollout's patch set from a host: its token's before its own.
    fn held_back_by(
        &self,
        rollout: &Rollout,
        (host, profile): (HostId, &Profile),
    ) -> Option<HeldBack> {
        self.holds_back_from(rollout, (&profile.token, host))?;
        Some(match self.holds_back_from(rollout, (&profile.token, NOBODY)) {
            Some(_) => HeldBack::Token(profile.token.clone()),
            None => HeldBack::Host(host),
        })
    }
}

/// What keeps everybody from `set`, which `rollout` brings.
fn shut(set: &PatchSet, rollout: &Rollout) -> Option<Cause> {
    let not_started = || Some(Cause::NotStarted(set.version.clone()));
    if let Some(halt) = &set.halt {
        return Some(Cause::Halt(halt.rollout.clone()));
    }
    match rollout.state {
        State::Draft => not_started(),
        State::Paused => Some(Cause::Pause(rollout.id.clone())),
        State::Halted => Some(Cause::Halt(rollout.id.clone())),
        State::Running | State::Completed => None,
        // Neither brings anything to anybody.
        State::Superseded | State::RollingBack | State::RolledBack => not_started(),
    }
}

/// What those wait for whom nothing else keeps out.
fn waits(rollout: &Rollout) -> Cause {
    let verdict = rollout.verdict.as_ref().map(|reached| reached.verdict.kind);
    match verdict {
        Some(VerdictKind::Hold) => Cause::Hold(rollout.id.clone()),
        Some(VerdictKind::Continue | VerdictKind::Promote | VerdictKind::Halt) | None => {
            Cause::Turn(rollout.id.clone())
        }
    }
}
