//! `SupersedeRollout`: a newer patch set takes the place of one that is on its way, or has come to its end.

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::SupersedeRollout;
use crate::machine::event::Event;
use crate::machine::grants::Phase;
use crate::machine::people_event::PeopleEvent;
use crate::machine::rollouts::State;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    /// Nobody begins the older one any more; who is in flight is watched to the end, and who has it keeps it until
    /// the newer one replaces it.
    pub(super) fn supersede_rollout(&self, of: &SupersedeRollout, actor: &str) -> Decided {
        let (old, new) = (self.rollout(&of.rollout)?, self.rollout(&of.by)?);
        let published = |version| self.patch_set(version).map(|set| set.published_index);
        if published(&new.version)? <= published(&old.version)? {
            return Err(Rejection::NotNewer {
                version: new.version.clone(),
                than: old.version.clone(),
            });
        }
        match old.state {
            State::Running | State::Paused | State::Halted | State::Completed => (),
            State::Draft => {
                return Err(wrong_state(old, "nothing of it is on its way; it may stay"));
            }
            State::Superseded => return Err(wrong_state(old, "another one took its place")),
            State::RollingBack | State::RolledBack => {
                return Err(wrong_state(old, "nobody begins it any more; start the newer one"));
            }
        }
        match new.state {
            State::Draft => (),
            State::Running
            | State::Paused
            | State::Halted
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => {
                return Err(wrong_state(new, "only a draft takes another rollout's place"));
            }
        }
        let offered = self.grants().expiries().iter().map(|&(_, id)| id);
        let its = offered.filter(|id| self.grants().rollout_of(*id) == Some(&old.id));
        let withdrawn =
            its.map(|grant| Event::GrantMoved { grant, to: Phase::Withdrawn, soak_ends: None });
        let reason = if of.reason.is_empty() { "no reason given" } else { &of.reason };
        let superseded = PeopleEvent::Superseded {
            rollout: old.id.clone(),
            by: new.id.clone(),
            actor: actor.to_owned(),
            reason: reason.to_owned(),
        };
        let events = std::iter::once(superseded.into()).chain(withdrawn).collect();
        Ok((Reply::Rollout(old.id.clone()), events))
    }
}
