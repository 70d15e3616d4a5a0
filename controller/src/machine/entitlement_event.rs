//! What can have become of who is entitled? Tokens that were changed or taken back, hosts that moved or are gone.

use tidegate_policies::time::WallTime;

use super::event::Event;
use super::evicted::Eviction;
use super::fleet::Host;
use super::ids::{HostId, TierName, TokenId};
use super::records::{Note, host_subject, token_subject};
use super::tokens::Revocation;
use super::{Machine, Position};

/// A fact about tokens, and about hosts' places under them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntitlementEvent {
    /// A token has another limit, or another time to expire.
    TokenUpdated {
        /// The token.
        token: TokenId,
        /// Its limit.
        max_hosts: u64,
        /// From when on nobody enrols with it.
        expires: Option<WallTime>,
        /// Hosts that are enrolled with it.
        enrolled: u64,
        /// Who.
        actor: String,
    },
    /// A token was taken back.
    TokenRevoked {
        /// The token.
        token: TokenId,
        /// Hosts that are enrolled with it.
        hosts: u64,
        /// Who, why and when.
        revocation: Revocation,
    },
    /// A host has its place under another token.
    HostMoved {
        /// The host.
        host: HostId,
        /// The token that it leaves.
        from: TokenId,
        /// The token that it has now.
        token: TokenId,
        /// The tier that this gives.
        tier: TierName,
        /// Who.
        actor: String,
        /// Why; may be empty.
        reason: String,
    },
    /// A host is a member of the fleet no more.
    HostEvicted {
        /// The host.
        host: HostId,
        /// The token whose place is free.
        token: TokenId,
        /// Who, why and when.
        eviction: Eviction,
    },
}

impl From<EntitlementEvent> for Event {
    fn from(event: EntitlementEvent) -> Self {
        Self::Entitlement(Box::new(event))
    }
}

impl EntitlementEvent {
    /// The record that it leaves.
    pub(super) fn note(&self) -> Note {
        let (actor, event, subject, detail) = match self {
            Self::TokenUpdated { token, max_hosts, expires, enrolled, actor } => {
                let until =
                    expires.map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
                let detail = format!("at most {max_hosts} hosts, {until}; {enrolled} are enrolled");
                (actor, "token.updated", token_subject(token), detail)
            }
            Self::TokenRevoked { token, hosts, revocation } => {
                let detail = format!("{}; {hosts} hosts are enrolled", revocation.reason);
                (&revocation.actor, "token.revoked", token_subject(token), detail)
            }
            Self::HostMoved { host, from, token, tier, actor, reason } => {
                let why = if reason.is_empty() { "no reason given" } else { reason };
                let detail = format!("from {from} to {token} of {tier}: {why}");
                (actor, "host.moved", host_subject(*host), detail)
            }
            Self::HostEvicted { host, token, eviction } => {
                let detail = format!("{}; its place under {token} is free", eviction.reason);
                (&eviction.actor, "host.evicted", host_subject(*host), detail)
            }
        };
        Note { actor: actor.clone(), event: event.to_owned(), subject, detail }
    }
}

impl Machine {
    /// Makes `event` part of the state.
    pub(super) fn change_entitlement(&mut self, at: Position, event: &EntitlementEvent) {
        match event {
            EntitlementEvent::TokenUpdated { token, max_hosts, expires, .. } => {
                if let Some(token) = self.tokens.get_mut(token) {
                    (token.max_hosts, token.expires) = (*max_hosts, *expires);
                }
            }
            EntitlementEvent::TokenRevoked { token, revocation, .. } => {
                self.put_revocation(at, token, revocation);
            }
            EntitlementEvent::HostMoved { host, token, tier, .. } => {
                if let Some(before) = self.hosts.get(host) {
                    let (token, tier) = (token.clone(), tier.clone());
                    self.replace_host(Host { token, tier, ..before });
                }
            }
            EntitlementEvent::HostEvicted { host, eviction, .. } => {
                self.remove_host(*host, eviction);
                self.follow_ledgers(at, *host);
            }
        }
    }
}
