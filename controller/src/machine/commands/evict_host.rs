//! `EvictHost`: a host is a member of the fleet no more, and its place under its token is free.
//!
//! What it was offered is withdrawn. Whoever is awaited – in flight, or verified and not heard at the moment – is
//! evicted by force alone, and counts as silent from that entry on: nobody will hear of it again, so that its
//! exposure stays counted, and no failure is lost by evicting the host before it can be told. Whoever still runs
//! what was withdrawn leaves the ledger by force alone, and is on it again if it enrols in the same boot.

use tidegate_policies::detector::stream::Symptom;
use tidegate_policies::evidence::Failure;

use super::Decided;
use crate::machine::command::{Evict, EvictHost};
use crate::machine::entitlement_event::EntitlementEvent;
use crate::machine::event::Event;
use crate::machine::evicted::Eviction;
use crate::machine::fleet::Host;
use crate::machine::grants::{Begun, Grant, Livepatch, Phase};
use crate::machine::trial::{Role, TrialMove, Watch};
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn evict_host(&self, at: Position, evict: &EvictHost, actor: &str) -> Decided {
        let host = self.host(evict.host)?;
        if evict.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        let silent = self.falls_silent_in(&host, &format!("{actor} evicted it: {}", evict.reason));
        if let (Evict::Idle, Some((_, awaited))) = (evict.how, silent.first()) {
            return Err(Rejection::HostAwaited { host: host.id, what: awaited.clone() });
        }
        if let (Evict::Idle, Some((set, _))) = (evict.how, self.owed_by(host.id).next()) {
            let what = format!("on the ledger of {}, which was withdrawn", set.version);
            return Err(Rejection::HostAwaited { host: host.id, what });
        }
        let offer = self.live_grant_of(&host);
        let offer = offer.filter(|grant| matches!(grant.phase, Phase::Offered { .. }));
        let withdrawn = offer.map(|grant| Event::GrantMoved {
            grant: grant.id,
            to: Phase::Withdrawn,
            soak_ends: None,
        });
        let eviction = Eviction {
            actor: actor.to_owned(),
            reason: evict.reason.clone(),
            index: at.index,
            at: self.clock().wall,
        };
        let counted_silent = u64::try_from(silent.len()).unwrap_or(u64::MAX);
        let reply = Reply::Evicted { host: host.id, token: host.token.clone(), counted_silent };
        let mut events: Vec<Event> = silent.into_iter().map(|(event, _)| event).collect();
        events.extend(withdrawn);
        let evicted = EntitlementEvent::HostEvicted { host: host.id, token: host.token, eviction };
        events.push(evicted.into());
        Ok((reply, events))
    }

    fn live_grant_of(&self, host: &Host) -> Option<Grant> {
        host.live_grant.and_then(|id| self.grants().get(&id))
    }

    /// Where the host is awaited, and what it counts as there once it cannot be heard any more.
    fn falls_silent_in(&self, host: &Host, why: &str) -> Vec<(Event, String)> {
        let in_flight = self.live_grant_of(host).and_then(|grant| self.silenced(&grant, why));
        let missed = self.trials().filter(|(rollout, _)| {
            let role = self.subjects().role(rollout.created_index, host.id);
            matches!(role, Some(Role::Verified(_, Watch::Missed { .. })))
        });
        let missed = missed.map(|(rollout, _)| {
            let moved = TrialMove::Failed { host: host.id, symptom: Symptom::Silence, trace: None };
            let what = format!("verified in {} and not heard at the moment", rollout.id);
            (Event::Trial { trial: rollout.created_index, moved }, what)
        });
        in_flight.into_iter().chain(missed).collect()
    }

    /// The end of a grant in flight whose host will not be heard again: its dead-man timer runs out now.
    fn silenced(&self, grant: &Grant, why: &str) -> Option<(Event, String)> {
        let begun = grant.phase.in_flight()?.clone();
        let to = Phase::Failed {
            begun: Begun { silent_at: self.clock().listened, ..begun },
            failure: Failure::Silent,
            detail: why.to_owned(),
            applied: grant.phase.applied_at(),
            trace: None,
            livepatch: Livepatch::MayRun,
        };
        let what = format!("in flight with grant {} of {}", grant.id, grant.rollout);
        Some((Event::GrantMoved { grant: grant.id, to, soak_ends: None }, what))
    }
}
