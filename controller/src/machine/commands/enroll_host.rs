//! `EnrollHost`: a machine becomes a member of the fleet, in the tier of its token.
//!
//! Enrolling the same machine again keeps its row, and its place under the token's limit. One that was evicted
//! takes a new place, and is the host that it was: it keeps its boot, its spools and what it has begun.

use super::Decided;
use crate::machine::command::EnrollHost;
use crate::machine::event::Event;
use crate::machine::fleet::Host;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn enroll_host(&self, at: Position, enroll: &EnrollHost) -> Decided {
        let token = self.token_of(&enroll.secret).ok_or(Rejection::UnknownToken)?;
        let enrolled = self.hosts().get(&enroll.host);
        let holds_a_place = enrolled.as_ref().is_some_and(|host| host.token == token.id);
        let since = enrolled.as_ref().map_or_else(|| self.clock().wall, |host| host.enrolled);
        let before = enrolled.or_else(|| self.host_of_old(enroll.host));
        if before.as_ref().is_some_and(|host| host.machine != enroll.machine) {
            return Err(Rejection::HostIdTaken { host: enroll.host });
        }
        self.is_for(token, &enroll.facts)?;
        if !holds_a_place {
            self.has_place(at, token)?;
        }
        let host = Host {
            id: enroll.host,
            machine: enroll.machine,
            token: token.id.clone(),
            tier: token.tier.clone(),
            facts: enroll.facts.clone(),
            // A host that is known keeps its boot: only its own start report may change it, so that
            // enrolling again cannot hide a reboot.
            boot: before
                .as_ref()
                .map_or_else(|| enroll.boot.as_str().into(), |host| host.boot.clone()),
            mode: enroll.mode,
            enrolled: since,
            live_grant: before.as_ref().and_then(|host| host.live_grant),
            goodbye: before.as_ref().and_then(|host| host.goodbye.clone()),
            spools: before.map_or_else(Vec::new, |host| host.spools),
        };
        let reply = Reply::Host { host: host.id, tier: host.tier.clone() };
        Ok((reply, vec![Event::HostEnrolled(Box::new(host))]))
    }
}
