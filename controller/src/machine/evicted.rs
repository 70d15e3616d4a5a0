//! What is left of a host that an operator has evicted?
//!
//! Its row is gone, and its place under its token is free. What it has shown stays: its entries, its grants,
//! and the last that was known of it, so that the same machine, if it enrols again, can neither hide a reboot
//! nor have a report counted twice, and so that its failures stay in the slices that they happened in.

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::fleet::Host;
use super::frozen::ThawError;
use super::frozen::sections::EVICTED;
use super::hosts::Hosts;
use super::ids::HostId;
use super::table::Table;
use super::{Machine, Rejection};

/// The hosts that were evicted and have not enrolled again. They are read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictedHosts {
    pub(super) rows: Table<HostId, Evicted>,
}

/// A host that was evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// That it was.
    pub eviction: Eviction,
    /// The host as it was.
    pub host: Host,
}

/// That a host was evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eviction {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Log index of the entry.
    pub index: u64,
    /// When.
    pub at: WallTime,
}

impl Default for EvictedHosts {
    /// Nobody was evicted yet.
    fn default() -> Self {
        Self { rows: Table::new(EVICTED) }
    }
}

impl EvictedHosts {
    /// The evicted host with this id.
    pub fn get(&self, id: HostId) -> Option<Evicted> {
        self.rows.get(id)
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every evicted host, by id.
    pub fn values(&self) -> impl Iterator<Item = Evicted> {
        self.rows.iter().map(|(_, evicted)| evicted)
    }

    /// Nobody is evicted and enrolled, and each row is of its own host.
    pub(super) fn check(&self, hosts: &Hosts) -> Result<(), ThawError> {
        let wrong = |(id, evicted): &(HostId, Evicted)| {
            evicted.host.id != *id || hosts.standing(*id).is_some()
        };
        self.rows.iter().find(wrong).map_or(Ok(()), |(id, _)| {
            let what = format!("host {id} is evicted, and enrolled or another");
            Err(ThawError::Torn { what })
        })
    }
}

impl Machine {
    /// The hosts that were evicted and have not enrolled again.
    pub fn evicted(&self) -> &EvictedHosts {
        &self.evicted
    }

    /// A host that is enrolled, or was evicted: for what was said of it once.
    pub fn host_of_old(&self, id: HostId) -> Option<Host> {
        let evicted = || self.evicted.get(id).map(|evicted| evicted.host);
        self.hosts.get(&id).or_else(evicted)
    }

    /// Why there is no host with this id.
    pub fn no_host(&self, id: HostId) -> Rejection {
        match self.evicted.get(id) {
            None => Rejection::UnknownHost { host: id },
            Some(Evicted { eviction: Eviction { actor, reason, .. }, .. }) => {
                Rejection::HostEvicted { host: id, actor, reason }
            }
        }
    }
}
