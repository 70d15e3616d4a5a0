//! `MoveHost`: a host takes a place under another token, and has its tier from now on.
//!
//! It is what enrolling again with that token would be. A grant that it has begun goes on, and counts where it
//! began; an offer that was made to it in another tier is withdrawn.

use super::Decided;
use crate::machine::command::MoveHost;
use crate::machine::entitlement_event::EntitlementEvent;
use crate::machine::event::Event;
use crate::machine::grants::Phase;
use crate::machine::{Machine, Position, Reply};

impl Machine {
    pub(super) fn move_host(&self, at: Position, wanted: &MoveHost, actor: &str) -> Decided {
        let host = self.host(wanted.host)?;
        let token = self.token(&wanted.token)?;
        let reply = Reply::Host { host: host.id, tier: token.tier.clone() };
        if host.token == token.id {
            return Ok((reply, Vec::new()));
        }
        self.is_for(token, &host.facts)?;
        self.has_place(at, token)?;
        let moved = EntitlementEvent::HostMoved {
            host: host.id,
            from: host.token,
            token: token.id.clone(),
            tier: token.tier.clone(),
            actor: actor.to_owned(),
            reason: wanted.reason.clone(),
        };
        let offer = host.live_grant.and_then(|id| self.grants().get(&id));
        let offer = offer.filter(|grant| matches!(grant.phase, Phase::Offered { .. }));
        let withdrawn = offer.filter(|_| host.tier != token.tier).map(|grant| Event::GrantMoved {
            grant: grant.id,
            to: Phase::Withdrawn,
            soak_ends: None,
        });
        Ok((reply, std::iter::once(moved.into()).chain(withdrawn).collect()))
    }
}
