//! I6: an account of every place under every token, kept from the committed events alone. None takes a place that
//! is not free, and nothing begins under a token that was taken back.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::entitlement_event::EntitlementEvent;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::grants::Phase;
use tidegate_controller::machine::ids::{GrantId, HostId, TokenId};

use super::Violation;
use super::log::Entry;

/// The account.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The last entry that is in the account.
    index: u64,
    tokens: BTreeMap<TokenId, Held>,
    hosts: BTreeMap<HostId, TokenId>,
    grants: BTreeMap<GrantId, HostId>,
    begun: BTreeSet<GrantId>,
    /// The operators meant so many hosts less than they said: for sabotage only.
    meant: u64,
    /// Places that were taken, and how often one was refused because none was free.
    pub(super) taken: u64,
}

/// The places of one token.
#[derive(Debug, Default)]
struct Held {
    limit: u64,
    hosts: BTreeSet<HostId>,
    is_revoked: bool,
}

impl Places {
    /// An account of operators who mean `meant` hosts less than they say, of each token.
    pub(super) fn of_operators_who_mean_less(meant: u64) -> Self {
        Self { meant, ..Self::default() }
    }

    /// Enters a committed entry.
    pub(super) fn take(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        self.index = index;
        entry.events.iter().try_for_each(|event| self.enter(index, event))
    }

    fn enter(&mut self, index: u64, event: &Event) -> Result<(), Violation> {
        match event {
            Event::TokenCreated { token, .. } => {
                self.tokens.entry(token.id.clone()).or_default().limit = token.max_hosts;
            }
            Event::Entitlement(event) => return self.entitle(index, event),
            Event::HostEnrolled(host) => return self.sits(index, host.id, &host.token),
            Event::GrantOffered(grant) => drop(self.grants.insert(grant.id, grant.host)),
            Event::GrantMoved { grant, to: Phase::Begun(_), .. } => {
                return self.begins(index, *grant);
            }
            Event::ClusterBootstrapped(_)
            | Event::Cluster(_)
            | Event::Calendar(_)
            | Event::Incident(_)
            | Event::Block(_)
            | Event::Webhook(_)
            | Event::People(_)
            | Event::Withdrawal(_)
            | Event::ClockAdvanced(_)
            | Event::BlobStored(_)
            | Event::HostChanged { .. }
            | Event::GoodbyeSaid { .. }
            | Event::ReportCounted { .. }
            | Event::PatchSetPublished { .. }
            | Event::RolloutCreated { .. }
            | Event::RolloutStarted { .. }
            | Event::WaveStarted { .. }
            | Event::RolloutCompleted { .. }
            | Event::RolloutPaused { .. }
            | Event::RolloutResumed { .. }
            | Event::WaveApproved { .. }
            | Event::Halted { .. }
            | Event::SliceHalted { .. }
            | Event::SliceResumed { .. }
            | Event::GrantMoved { .. }
            | Event::Trial { .. }
            | Event::HoldMoved { .. }
            | Event::VerdictReached { .. } => (),
        }
        Ok(())
    }

    fn entitle(&mut self, index: u64, event: &EntitlementEvent) -> Result<(), Violation> {
        match event {
            EntitlementEvent::TokenUpdated { token, max_hosts, .. } => {
                self.tokens.entry(token.clone()).or_default().limit = *max_hosts;
            }
            EntitlementEvent::TokenRevoked { token, .. } => {
                self.tokens.entry(token.clone()).or_default().is_revoked = true;
            }
            EntitlementEvent::HostMoved { host, token, .. } => {
                return self.sits(index, *host, token);
            }
            EntitlementEvent::HostEvicted { host, .. } => self.leaves(*host),
        }
        Ok(())
    }

    fn leaves(&mut self, host: HostId) {
        if let Some(token) = self.hosts.remove(&host)
            && let Some(held) = self.tokens.get_mut(&token)
        {
            held.hosts.remove(&host);
        }
    }

    /// A host has its place under a token from now on.
    fn sits(&mut self, index: u64, host: HostId, token: &TokenId) -> Result<(), Violation> {
        let stays = self.hosts.get(&host) == Some(token);
        self.leaves(host);
        self.hosts.insert(host, token.clone());
        let held = self.tokens.entry(token.clone()).or_default();
        held.hosts.insert(host);
        if held.is_revoked {
            let what =
                format!("at index {index} host {host} comes under {token}, which is revoked");
            return Err(Violation::new("I6", what));
        }
        let (hosts, limit) = (held.hosts.len(), held.limit.saturating_sub(self.meant));
        if !stays {
            self.taken += 1;
            if u64::try_from(hosts).is_ok_and(|hosts| hosts > limit) {
                let what =
                    format!("at index {index} {token} has {hosts} hosts, of {limit} at most");
                return Err(Violation::new("I6", what));
            }
        }
        Ok(())
    }

    /// A grant begins, or its host was heard.
    fn begins(&mut self, index: u64, grant: GrantId) -> Result<(), Violation> {
        if !self.begun.insert(grant) {
            return Ok(());
        }
        let Some(host) = self.grants.get(&grant) else { return Ok(()) };
        let token = self.hosts.get(host);
        let entitles = |token| self.tokens.get(token).is_some_and(|held| !held.is_revoked);
        if token.is_some_and(entitles) {
            return Ok(());
        }
        let what = format!("grant {grant} of {host} begins at index {index} under {token:?}");
        Err(Violation::new("I6", what))
    }

    /// The controllers count the places that the log tells of, and know the same hosts.
    pub(super) fn compare(&self, node: u64, machine: &Machine) -> Result<(), Violation> {
        if machine.applied() != self.index {
            return Ok(());
        }
        for (id, held) in &self.tokens {
            let counted = machine.tokens().get(id).map(|token| (token.enrolled, token.max_hosts));
            let told = (u64::try_from(held.hosts.len()).unwrap_or(u64::MAX), held.limit);
            if counted != Some(told) {
                let what = format!("node {node} counts {counted:?} of {id}, the log says {told:?}");
                return Err(Violation::new("I6", what));
            }
        }
        if machine.hosts().len() == self.hosts.len() {
            return Ok(());
        }
        let (counted, told) = (machine.hosts().len(), self.hosts.len());
        Err(Violation::new("I6", format!("node {node} has {counted} hosts, the log says {told}")))
    }
}
