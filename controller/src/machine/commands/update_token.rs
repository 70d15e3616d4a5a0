//! `UpdateToken`: another limit, another time to expire. Who is enrolled stays, whatever the limit.

use super::Decided;
use crate::machine::command::UpdateToken;
use crate::machine::entitlement_event::EntitlementEvent;
use crate::machine::tokens::Token;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn update_token(&self, at: Position, update: &UpdateToken, actor: &str) -> Decided {
        let before = self.token(&update.token)?;
        if let Some(revoked) = before.revoked.clone() {
            let (token, actor, reason) = (before.id.clone(), revoked.actor, revoked.reason);
            return Err(Rejection::TokenRevoked { token, actor, reason });
        }
        let (max_hosts, expires) = match (update.max_hosts, update.expiry) {
            (None, None) => return Err(Rejection::NothingToUpdate { token: before.id.clone() }),
            (Some(0), _) => return Err(Rejection::NoHosts),
            (max_hosts, None) => (max_hosts, before.expires),
            (max_hosts, Some(expiry)) => (max_hosts, self.expires(at, expiry)?),
        };
        let max_hosts = max_hosts.unwrap_or(before.max_hosts);
        let after = Token { max_hosts, expires, ..before.clone() };
        let reply = Reply::Token(after.id.clone());
        if after == *before {
            return Ok((reply, Vec::new()));
        }
        let Token { id: token, enrolled, .. } = after;
        let actor = actor.to_owned();
        let updated = EntitlementEvent::TokenUpdated { token, max_hosts, expires, enrolled, actor };
        Ok((reply, vec![updated.into()]))
    }
}
