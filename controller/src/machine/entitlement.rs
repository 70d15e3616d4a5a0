//! May a machine enrol with a token, and may a host that has enrolled have another grant?
//!
//! A limit that is reached and a time that is over stop enrolments alone: who is enrolled is served on. A
//! token that was taken back, or that is not for what the host is by now, stops its hosts' further grants, and so does a
//! kernel that is not covered.

use tidegate_policies::time::WallTime;

use super::command::Expiry;
use super::fleet::{Facts, Host};
use super::hosts::Profile;
use super::ids::{HostId, TokenId};
use super::membership::NoPart;
use super::patch_sets::KernelKey;
use super::rollouts::Way;
use super::tokens::{Revocation, Token, in_words};
use super::trial::Role;
use super::{Machine, Position, Rejection};

impl Machine {
    /// The token with this id.
    pub(super) fn token(&self, id: &TokenId) -> Result<&Token, Rejection> {
        self.tokens.get(id).ok_or_else(|| Rejection::NoSuchToken { token: id.clone() })
    }

    /// The cluster's wall clock, where the present leader has told it on the word of a majority.
    pub(super) fn wall_now(&self, at: Position) -> Result<WallTime, Rejection> {
        let clock = &self.clock;
        let told = clock.wall_fresh && clock.term == at.term;
        told.then_some(clock.wall).ok_or(Rejection::WallNotFresh)
    }

    /// From when on nobody enrols any more, of a token for which a person says so now.
    pub(super) fn expires(
        &self,
        at: Position,
        expiry: Expiry,
    ) -> Result<Option<WallTime>, Rejection> {
        let now = |expires: WallTime, now: WallTime| {
            let passed = Rejection::ExpiryPassed { expires, now };
            if expires > now { Ok(Some(expires)) } else { Err(passed) }
        };
        match expiry {
            Expiry::Never => Ok(None),
            Expiry::At(expires) => now(expires, self.wall_now(at)?),
            Expiry::After(span) => self.wall_now(at).and_then(|wall| now(wall.after(span), wall)),
        }
    }

    /// The token was not taken back, and is for machines like this one.
    pub(super) fn is_for(&self, token: &Token, facts: &Facts) -> Result<(), Rejection> {
        if let Some(Revocation { actor, reason, .. }) = token.revoked.clone() {
            return Err(Rejection::TokenRevoked { token: token.id.clone(), actor, reason });
        }
        if token.scope.holds(&facts.kernel, &facts.distro_release) {
            return Ok(());
        }
        Err(Rejection::OutOfScope {
            token: token.id.clone(),
            scope: token.scope.to_string(),
            machine: in_words(&facts.kernel, &facts.distro_release),
        })
    }

    /// The token has a place for one more host, and its time is not over. A clock that nobody vouches for
    /// lets nobody in.
    pub(super) fn has_place(&self, at: Position, token: &Token) -> Result<(), Rejection> {
        if let Some(expires) = token.expires {
            let now = self.wall_now(at)?;
            if expires <= now {
                return Err(Rejection::TokenExpired { token: token.id.clone(), expires, now });
            }
        }
        if token.enrolled >= token.max_hosts {
            let Token { id, enrolled, max_hosts, .. } = token.clone();
            return Err(Rejection::TokenHostLimit { token: id, enrolled, max_hosts });
        }
        Ok(())
    }

    /// Whether a host's token and its kernel let it have another grant.
    ///
    /// # Errors
    ///
    /// [`NoPart::TokenRevoked`], [`NoPart::OutOfScope`] or [`NoPart::NotCovered`].
    pub fn entitled(&self, host: &Host) -> Result<(), NoPart> {
        self.token_entitles(host)?;
        self.covers(&host.facts.kernel, &host.facts.distro_release)
    }

    /// Whether its token alone does.
    pub(super) fn token_entitles(&self, host: &Host) -> Result<(), NoPart> {
        self.entitles(&host.token, &host.facts.kernel, &host.facts.distro_release)
    }

    /// The same for all hosts that have this in common.
    pub(super) fn entitles_all(&self, profile: &Profile) -> bool {
        self.tokens_entitle(profile)
            && self.covers(&profile.kernel, &profile.distro_release).is_ok()
    }

    /// Whether the token alone lets all of them.
    pub(super) fn tokens_entitle(&self, profile: &Profile) -> bool {
        self.entitles(&profile.token, &profile.kernel, &profile.distro_release).is_ok()
    }

    fn entitles(&self, token: &TokenId, kernel: &KernelKey, distro: &str) -> Result<(), NoPart> {
        let of = self.tokens.get(token);
        let (scope, revoked) = of.map(|of| (&of.scope, &of.revoked)).unzip();
        if let Some(Revocation { actor, reason, index, .. }) = revoked.cloned().flatten() {
            return Err(NoPart::TokenRevoked { token: token.clone(), actor, index, reason });
        }
        if scope.is_some_and(|scope| scope.holds(kernel, distro)) {
            return Ok(());
        }
        let (scope, host) = (scope.cloned().unwrap_or_default(), in_words(kernel, distro));
        Err(NoPart::OutOfScope { token: token.clone(), scope: scope.to_string(), host })
    }

    /// Absorbs that a token is taken back.
    pub(super) fn put_revocation(&mut self, at: Position, id: &TokenId, revoked: &Revocation) {
        let Some(token) = self.tokens.get_mut(id) else { return };
        token.revoked = Some(revoked.clone());
        self.take_entitled_anew(at);
    }

    /// Some hosts may have no further grant that could have one, or the other way round: those that may not and have
    /// not begun leave the censuses and the comparisons. Who has begun is watched on and stays counted: a tier must not
    /// look covered because those who have begun are gone.
    pub(super) fn take_entitled_anew(&mut self, at: Position) {
        let trials: Vec<u64> = self.trials.keys().copied().collect();
        for trial in trials {
            let sentinels = self.subjects.of(trial).filter(|(host, role)| {
                let barred = || self.hosts.get(host).is_some_and(|of| self.entitled(&of).is_err());
                matches!(role, Role::Control(_)) && barred()
            });
            let leaving: Vec<HostId> = sentinels.map(|(host, _)| host).collect();
            leaving.into_iter().for_each(|host| self.leaves_trial(trial, host));
        }
        let started = self.rollouts.values().filter(|rollout| rollout.place.is_some());
        let started: Vec<_> = started.map(|rollout| rollout.id.clone()).collect();
        for rollout in started {
            self.take_census_anew(&rollout);
            if let Some(rollout) = self.rollouts.get_mut(&rollout) {
                rollout.revision = at.index;
            }
        }
    }

    /// A token has one host more, or less.
    pub(super) fn count_enrolled(&mut self, token: &TokenId, way: Way) {
        let Some(token) = self.tokens.get_mut(token) else { return };
        match way {
            Way::Enters => token.enrolled += 1,
            Way::Leaves => token.enrolled -= 1,
        }
    }
}
