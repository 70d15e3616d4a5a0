//! What does the cluster know, and what becomes of it? The replicated state machine.
//!
//! [`Machine::apply`] is the only door: it sees one committed entry at its place in the log, decides
//! without changing anything, then absorbs the events. It cannot fail and sees nothing of the outside
//! world. A refused command leaves no trace but its refusal. `policies` judges; this room keeps the
//! books. It leaves the log to `node`, the wire to `api`.

mod absorb;
mod absorb_cluster;
mod absorb_fleet;
pub mod block_event;
pub mod block_refusal;
pub mod blocks;
pub mod boot;
pub mod calendar;
pub mod calendar_event;
pub mod calendar_refusal;
pub mod clock;
pub mod cluster;
pub mod cluster_event;
pub mod command;
mod commands;
pub mod coverage;
pub mod domains;
pub mod entitlement;
pub mod entitlement_event;
pub mod entries;
pub mod etag;
pub mod event;
pub mod evicted;
pub mod explain;
pub mod fleet;
pub mod frozen;
pub mod grant_book;
pub mod grants;
mod halts;
pub mod hosts;
pub mod ids;
pub mod incident_event;
pub mod incident_refusal;
pub mod incidents;
mod interned;
pub mod judge;
pub mod ledger;
pub mod measure;
pub mod membership;
pub mod open_fixes;
pub mod outbox;
mod pacing;
pub mod patch_sets;
pub mod people_event;
pub mod plan;
pub mod proposals;
mod proven;
pub mod quarantine;
pub mod records;
pub mod rejection;
pub mod replay;
pub mod reply;
pub mod report;
pub mod requests;
pub mod restore;
pub mod rollouts;
mod room;
pub mod rules;
pub mod slice_words;
pub mod slices;
pub mod table;
#[cfg(test)]
mod tests;
pub mod tokens;
pub mod touched;
pub mod trial;
pub mod vouches;
mod wall;
pub mod webhook_event;
pub mod webhook_refusal;
pub mod webhook_url;
pub mod webhooks;
mod when;
pub mod withdrawal_event;
pub mod withdrawals;
mod would;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use blocks::Blocks;
use calendar::Calendar;
use clock::{Beats, Clock};
use cluster::Cluster;
pub use command::{Bootstrap, Command, Missed, Tick, UnknownEntry};
use coverage::Coverage;
use entries::Entries;
use event::Event;
use evicted::EvictedHosts;
use fleet::Host;
use grant_book::Grants;
use hosts::Hosts;
use ids::{Digest, HostId, NodeId, RolloutId, TierName, TokenId, Version};
use incidents::Incidents;
use ledger::Ledger;
use outbox::Outbox;
use patch_sets::PatchSet;
use proposals::Proposals;
use records::Records;
pub use rejection::Rejection;
pub use reply::Reply;
use requests::Requests;
use rollouts::Rollout;
pub use room::Room;
use tokens::Token;
use trial::{Subjects, Trial};
use vouches::Vouches;
use webhooks::Webhooks;

/// Where an entry stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Its index.
    pub index: u64,
    /// The term of the leader that proposed it.
    pub term: u64,
}

/// What an entry was answered: the same on every replica.
pub type Outcome = Result<Reply, Rejection>;

/// What an entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What it is answered.
    pub outcome: Outcome,
    /// What happened, in order. Empty for a refusal.
    pub events: Vec<Event>,
}

/// The whole replicated state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    cluster: Option<Cluster>,
    clock: Clock,
    calendar: Calendar,
    coverage: Coverage,
    blobs: BTreeMap<Digest, Blob>,
    tokens: BTreeMap<TokenId, Token>,
    /// Which token has which secret, by its hash; follows from the tokens.
    secrets: BTreeMap<Digest, TokenId>,
    hosts: Hosts,
    evicted: EvictedHosts,
    patch_sets: BTreeMap<Version, PatchSet>,
    rollouts: BTreeMap<RolloutId, Rollout>,
    grants: Grants,
    entries: Entries,
    /// The comparisons of the rollouts that are judged by evidence, by the log index at which each was
    /// created, and the hosts in them.
    trials: BTreeMap<u64, Trial>,
    subjects: Subjects,
    records: Records,
    incidents: Incidents,
    /// The hosts that run what was withdrawn.
    ledger: Ledger,
    requests: Requests,
    vouches: Vouches,
    proposals: Proposals,
    blocks: Blocks,
    webhooks: Webhooks,
    /// What is still to be told of incidents.
    outbox: Outbox,
    /// Index of the last applied entry.
    applied: u64,
}

/// An artifact and the nodes that hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Its size in bytes.
    pub size: u64,
    /// The nodes that hold it; empty where all that did have left.
    pub nodes: BTreeSet<NodeId>,
}

impl Machine {
    /// The state before the first entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one committed entry.
    pub fn apply(&mut self, at: Position, command: &Command) -> Applied {
        self.applied = at.index;
        let mut events = Vec::new();
        let outcome = self.run(at, command, &mut events);
        if outcome.is_ok() {
            self.judge(at, &mut events);
            let done = self.rolled_back();
            self.take(at, done, &mut events);
            let overtaken = self.overtaken(&events);
            self.take(at, overtaken, &mut events);
            let dropped = self.overfull();
            self.take(at, dropped, &mut events);
        }
        Applied { outcome, events }
    }

    /// Absorbs events that were decided, and passes them on.
    fn take(&mut self, at: Position, decided: Vec<Event>, events: &mut Vec<Event>) {
        for event in decided {
            self.absorb(at, &event);
            events.push(event);
        }
    }

    /// Whether time matters: some rollout's hosts may come and go.
    pub fn is_live(&self) -> bool {
        self.rollouts.values().any(Rollout::is_live)
    }

    /// The cluster's name, members and ladder, once it is bootstrapped.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// The clocks.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Index of the last applied entry.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The artifacts that some node holds, or held.
    pub fn blobs(&self) -> &BTreeMap<Digest, Blob> {
        &self.blobs
    }

    /// The tokens.
    pub fn tokens(&self) -> &BTreeMap<TokenId, Token> {
        &self.tokens
    }

    /// The token whose secret has this hash.
    pub fn token_of(&self, secret: &Digest) -> Option<&Token> {
        self.tokens.get(self.secrets.get(secret)?)
    }

    /// The hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The patch sets.
    pub fn patch_sets(&self) -> &BTreeMap<Version, PatchSet> {
        &self.patch_sets
    }

    /// The rollouts.
    pub fn rollouts(&self) -> &BTreeMap<RolloutId, Rollout> {
        &self.rollouts
    }

    /// The grants.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Which part each host had in each rollout so far.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// What each host is in each trial.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// The decision records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The incidents.
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// Voters that hold every artifact of `patch_set`.
    pub fn holders(&self, patch_set: &PatchSet) -> BTreeSet<NodeId> {
        let mut artifacts = patch_set.artifacts.values();
        let nodes = |digest| self.blobs.get(&digest).map(|blob| blob.nodes.clone());
        let Some(mut holders) = artifacts.next().and_then(|first| nodes(first.digest)) else {
            return BTreeSet::new();
        };
        for artifact in artifacts {
            let these = nodes(artifact.digest).unwrap_or_default();
            holders.retain(|node| these.contains(node));
        }
        if let Some(cluster) = self.cluster() {
            holders.retain(|&node| cluster.is_voter(node));
        }
        holders
    }

    /// Voters that must hold every artifact before a rollout can start: a majority of the voters.
    pub fn holders_needed(&self) -> u64 {
        let majority = self.cluster.as_ref().map_or(1, Cluster::majority);
        u64::try_from(majority).unwrap_or(u64::MAX)
    }

    /// How often the hosts report that time matters to.
    fn beats(&self) -> Beats {
        let live = self.rollouts.values().filter(|rollout| rollout.is_live());
        let beats = live.map(|rollout| rollout.policy.timing.beat);
        beats.fold(Beats::default(), Beats::with)
    }

    fn tier_exists(&self, tier: &TierName) -> Result<(), Rejection> {
        let cluster = self.cluster.as_ref().ok_or(Rejection::NotBootstrapped)?;
        if cluster.ladder.iter().any(|spec| spec.name == *tier) {
            return Ok(());
        }
        let ladder: Vec<&str> = cluster.ladder.iter().map(|spec| spec.name.as_str()).collect();
        Err(Rejection::UnknownTier { tier: tier.to_string(), ladder: ladder.join(" → ") })
    }

    fn rollout(&self, id: &RolloutId) -> Result<&Rollout, Rejection> {
        self.rollouts.get(id).ok_or_else(|| Rejection::UnknownRollout { rollout: id.clone() })
    }

    fn host(&self, id: HostId) -> Result<Host, Rejection> {
        self.hosts.get(&id).ok_or_else(|| self.no_host(id))
    }

    fn patch_set(&self, version: &Version) -> Result<&PatchSet, Rejection> {
        let unknown = || Rejection::UnknownPatchSet { version: version.clone() };
        self.patch_sets.get(version).ok_or_else(unknown)
    }
}
