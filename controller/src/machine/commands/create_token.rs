//! `CreateToken`: hosts may enrol with it, in its tier, up to its limit, until it expires.

use super::Decided;
use crate::machine::command::CreateToken;
use crate::machine::event::Event;
use crate::machine::tokens::Token;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn create_token(&self, at: Position, create: &CreateToken, actor: &str) -> Decided {
        self.tier_exists(&create.tier)?;
        if self.tokens().contains_key(&create.token) {
            return Err(Rejection::TokenExists { token: create.token.clone() });
        }
        if self.token_of(&create.secret).is_some() {
            return Err(Rejection::SecretReused);
        }
        if create.max_hosts == 0 {
            return Err(Rejection::NoHosts);
        }
        let token = Token {
            id: create.token.clone(),
            tier: create.tier.clone(),
            max_hosts: create.max_hosts,
            secret: create.secret,
            enrolled: 0,
            created: self.clock().wall,
            expires: self.expires(at, create.expiry)?,
            scope: create.scope.clone(),
            revoked: None,
        };
        let created = Event::TokenCreated { token, actor: actor.to_owned() };
        Ok((Reply::Token(create.token.clone()), vec![created]))
    }
}
