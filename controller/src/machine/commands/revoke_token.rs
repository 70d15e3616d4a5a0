//! `RevokeToken`: nobody enrols with it any more, and its hosts get no further grant.
//!
//! Hosts in flight are watched to their end. There is no way back: the hosts go to another token.

use super::Decided;
use crate::machine::command::RevokeToken;
use crate::machine::entitlement_event::EntitlementEvent;
use crate::machine::event::Event;
use crate::machine::grants::Phase;
use crate::machine::ids::GrantId;
use crate::machine::tokens::Revocation;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn revoke_token(&self, at: Position, revoke: &RevokeToken, actor: &str) -> Decided {
        let token = self.token(&revoke.token)?;
        let reply = Reply::Token(token.id.clone());
        if token.revoked.is_some() {
            return Ok((reply, Vec::new()));
        }
        if revoke.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        let revocation = Revocation {
            actor: actor.to_owned(),
            reason: revoke.reason.clone(),
            index: at.index,
            at: self.clock().wall,
        };
        let is_its = |id: &GrantId| {
            let host = self.grants().get(id).and_then(|grant| self.hosts().get(&grant.host));
            host.is_some_and(|host| host.token == token.id)
        };
        let offered = self.grants().expiries().iter().map(|&(_, id)| id).filter(is_its);
        let withdrawn =
            offered.map(|grant| Event::GrantMoved { grant, to: Phase::Withdrawn, soak_ends: None });
        let (token, hosts) = (token.id.clone(), token.enrolled);
        let mut events = vec![EntitlementEvent::TokenRevoked { token, hosts, revocation }.into()];
        events.extend(withdrawn);
        Ok((reply, events))
    }
}
