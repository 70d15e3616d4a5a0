//! I4 and I5: is there one log, the same everywhere, in which nothing acknowledged is ever lost?

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_controller::machine::cluster_event::ClusterEvent;
use tidegate_controller::machine::command::FIRST_VERSION;
use tidegate_controller::machine::entitlement_event::EntitlementEvent;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::machine::reply::Begin;
use tidegate_controller::machine::withdrawal_event::WithdrawalEvent;
use tidegate_controller::machine::{Command, Machine, Outcome, Position, Reply};

use super::Violation;

/// Every so many entries the replicas' state hashes are compared.
const HASH_EVERY: u64 = 8;

/// A committed entry, as the first controller that applied it showed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The term of the leader that proposed it.
    pub term: u64,
    /// The command.
    pub command: Arc<Command>,
    /// What it was answered.
    pub outcome: Outcome,
    /// What happened.
    pub events: Vec<Event>,
}

/// The committed log, put together from what the controllers applied.
#[derive(Debug, Default)]
pub struct Log {
    entries: BTreeMap<u64, Entry>,
    /// The last index that each controller applied in its present run.
    applied: BTreeMap<u64, u64>,
    /// The last index at which each controller's state was compared.
    compared: BTreeMap<u64, u64>,
    leaders: BTreeMap<u64, u64>,
    hashes: BTreeMap<u64, [u8; 32]>,
    /// The version of entries that every member reads.
    version: u16,
    /// Where each accepted request took effect, and what it was answered.
    effects: BTreeMap<String, u64>,
    /// Hashes compared with another controller's.
    pub(super) hashes_compared: u64,
    /// Verdicts computed again.
    pub(super) verdicts: u64,
}

impl Log {
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn node_starts(&mut self, node: u64, applied: u64) {
        self.applied.insert(node, applied);
        self.compared.remove(&node);
    }

    /// Whether the entry at `index` is known.
    pub(super) fn knows(&self, index: u64) -> bool {
        self.entries.contains_key(&index)
    }

    /// A controller goes on at `index`, and shows nothing of what is before.
    pub(super) fn pass_over(&mut self, node: u64, index: u64) {
        self.applied.insert(node, index);
    }

    /// At most one leader in each term.
    pub(super) fn leads(&mut self, node: u64, term: u64) -> Result<(), Violation> {
        let leader = *self.leaders.entry(term).or_insert(node);
        if leader == node {
            return Ok(());
        }
        let what = format!("term {term} is led by node {leader} and by node {node}");
        Err(Violation::new("ELECTION", what))
    }

    /// Takes an entry that `node` has applied; gives it back if nobody applied it before.
    pub(super) fn take(
        &mut self,
        node: u64,
        index: u64,
        entry: Entry,
    ) -> Result<Option<&Entry>, Violation> {
        let before = self.applied.insert(node, index).unwrap_or(0);
        if let Some((skipped, _)) = self.entries.range(before + 1..index).next() {
            let what = format!("node {node} has no command at index {skipped}, others have");
            return Err(Violation::new("I4", what));
        }
        if let Some(known) = self.entries.get(&index) {
            if *known == entry {
                return Ok(None);
            }
            let what = format!("at index {index} node {node} has {entry:?}, others {known:?}");
            let invariant = if known.command == entry.command { "I5" } else { "I4" };
            return Err(Violation::new(invariant, what));
        }
        if let Some((&last, _)) = self.entries.last_key_value().filter(|&(&last, _)| last > index) {
            let what =
                format!("node {node} has a command at index {index}, others, at {last}, none");
            return Err(Violation::new("I4", what));
        }
        self.check_version(index, &entry)?;
        self.check_verdicts(index, &entry)?;
        self.check_effect(index, &entry)?;
        Ok(Some(self.entries.entry(index).or_insert(entry)))
    }

    /// Nothing stands in the log that some member cannot read.
    fn check_version(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        let needs = entry.command.needs_version();
        if needs > self.version.max(FIRST_VERSION) {
            let what = format!("the entry at index {index} needs version {needs}");
            return Err(Violation::new("VERSION", what));
        }
        for event in &entry.events {
            if let Event::Cluster(ClusterEvent::VersionRaised { version }) = event {
                self.version = self.version.max(*version);
            }
        }
        Ok(())
    }

    /// The same inputs give the same verdict, to the bit.
    fn check_verdicts(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        for event in &entry.events {
            if let Event::VerdictReached { reached, .. } = event {
                self.verdicts += 1;
                if reached.basis.judge() != reached.verdict {
                    let what = format!("the verdict at index {index} does not follow: {reached:?}");
                    return Err(Violation::new("I5", what));
                }
            }
        }
        Ok(())
    }

    /// A request takes effect once, and a refused command not at all.
    fn check_effect(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        if entry.outcome.is_err() && !entry.events.is_empty() {
            let what = format!("the refused command at index {index} left {:?}", entry.events);
            return Err(Violation::new("I4", what));
        }
        let request = match &*entry.command {
            Command::Operate(operate) => &operate.request,
            Command::EnrollHost(enroll) => &enroll.request,
            Command::Bootstrap(_)
            | Command::Tick(_)
            | Command::StoreBlob(_)
            | Command::BeginGrant(_)
            | Command::RecordReports(_)
            | Command::RegisterNode(_)
            | Command::VouchState(_)
            | Command::KnowOpenings(_)
            | Command::SettleNotifications(_)
            | Command::LeaveJoint => return Ok(()),
            #[cfg(feature = "next-version")]
            Command::NextProbe(_) => return Ok(()),
        };
        if entry.events.is_empty() {
            return Ok(());
        }
        match self.effects.insert(request.clone(), index) {
            None => Ok(()),
            Some(first) => {
                let what = format!("request {request} took effect at {first} and at {index}");
                Err(Violation::new("I4", what))
            }
        }
    }

    /// What a client was told stands in the log, where it was told and as it was told.
    pub(super) fn acknowledged(
        &self,
        command: &Command,
        position: Position,
        outcome: &Outcome,
    ) -> Result<(), Violation> {
        let stands = self.entries.get(&position.index).is_some_and(|entry| {
            entry.term == position.term && *entry.command == *command && entry.outcome == *outcome
        });
        if stands {
            return Ok(());
        }
        let what = format!("{command:?} was acknowledged at {position:?} and is not there");
        Err(Violation::new("I4", what))
    }

    /// Whether a controller has applied something since it was last looked at.
    pub(super) fn moved(&mut self, node: u64, applied: u64) -> bool {
        self.compared.insert(node, applied) != Some(applied)
    }

    /// Replicas at the same index have the same state.
    pub(super) fn compare_hash(&mut self, node: u64, machine: &Machine) -> Result<(), Violation> {
        let index = machine.applied();
        let known = self.hashes.get(&index);
        if known.is_none() && !index.is_multiple_of(HASH_EVERY) {
            return Ok(());
        }
        let hash = machine.state_hash();
        match known {
            None => drop(self.hashes.insert(index, hash)),
            Some(known) if *known == hash => self.hashes_compared += 1,
            Some(_) => {
                let what = format!("node {node} has another state at index {index} than others");
                return Err(Violation::new("I5", what));
            }
        }
        Ok(())
    }

    /// Whether the entry at `index` let `host` go with `grant`.
    pub(super) fn is_go(&self, index: u64, host: u64, grant: u64) -> bool {
        let Some(entry) = self.entries.get(&index) else { return false };
        let asked = match &*entry.command {
            Command::BeginGrant(begin) => begin.host.0 == host && begin.grant.0 == grant,
            Command::Bootstrap(_)
            | Command::Tick(_)
            | Command::StoreBlob(_)
            | Command::EnrollHost(_)
            | Command::RecordReports(_)
            | Command::Operate(_)
            | Command::RegisterNode(_)
            | Command::VouchState(_)
            | Command::KnowOpenings(_)
            | Command::SettleNotifications(_)
            | Command::LeaveJoint => false,
            #[cfg(feature = "next-version")]
            Command::NextProbe(_) => false,
        };
        asked && matches!(entry.outcome, Ok(Reply::Begin(Begin::Go { .. })))
    }

    /// Whether an entry took `node` out of the cluster.
    pub(in crate::sim) fn has_left(&self, node: NodeId) -> bool {
        let is_its = |event: &Event| matches!(event, Event::Cluster(ClusterEvent::MemberRemoved { node: left, .. }) if *left == node);
        self.entries.values().any(|entry| entry.events.iter().any(is_its))
    }

    /// The state after the whole log, computed anew.
    pub(in crate::sim) fn replayed(&self) -> Machine {
        let mut machine = Machine::new();
        for (&index, entry) in &self.entries {
            machine.apply(Position { index, term: entry.term }, &entry.command);
        }
        machine
    }
}

/// The entry for a person; `None` for what would fill pages.
pub(super) fn line(index: u64, entry: &Entry) -> Option<String> {
    let what = match &*entry.command {
        Command::Tick(_) if entry.events.len() <= 1 => return None,
        Command::Tick(tick) => format!("tick {} ms", tick.step.0),
        Command::Bootstrap(_) => "bootstrap".to_owned(),
        Command::StoreBlob(_) => "store-blob".to_owned(),
        Command::EnrollHost(enroll) => format!("enroll {}", enroll.host),
        Command::BeginGrant(begin) => {
            format!("begin grant {} of {}: {:?}", begin.grant, begin.host, entry.outcome)
        }
        Command::RecordReports(reports) => format!("reports of {}", reports.host),
        Command::Operate(operate) => format!("{:?}", operate.request),
        Command::RegisterNode(register) => format!("node {} registers", register.node),
        Command::VouchState(vouch) => format!("node {} vouches for {}", vouch.node, vouch.index),
        Command::KnowOpenings(know) => format!("openings of {}", know.window),
        Command::SettleNotifications(settle) => format!("settles {}", settle.settled.len()),
        #[cfg(feature = "next-version")]
        Command::NextProbe(probe) => format!("node {} probes", probe.node),
        Command::LeaveJoint => "the old group is left behind".to_owned(),
    };
    let events: Vec<String> = entry.events.iter().filter_map(event_line).collect();
    Some(format!("[{index}] {what} {}", events.join("; ")))
}

fn entitlement_line(event: &EntitlementEvent) -> String {
    match event {
        EntitlementEvent::TokenUpdated { token, .. } => format!("token {token} updated"),
        EntitlementEvent::TokenRevoked { token, .. } => format!("token {token} revoked"),
        EntitlementEvent::HostMoved { host, token, .. } => format!("host {host} moved to {token}"),
        EntitlementEvent::HostEvicted { host, token, .. } => {
            format!("host {host} evicted from {token}")
        }
    }
}

fn event_line(event: &Event) -> Option<String> {
    match event {
        Event::GrantOffered(grant) => Some(format!("grant {} offered to {}", grant.id, grant.host)),
        Event::GrantMoved { grant, to, .. } => Some(format!("grant {grant} {}", to.word())),
        Event::Halted { rollout, halt } => Some(format!("{rollout} halted: {}", halt.reason)),
        Event::SliceHalted { rollout, slice } => {
            Some(format!("{rollout}: {} halted: {}", slice.cut, slice.halt.reason))
        }
        Event::SliceResumed { rollout, rejoined } => {
            Some(format!("{rollout}: {} resumed", rejoined.cut))
        }
        Event::Entitlement(event) => Some(entitlement_line(event)),
        Event::WaveStarted { rollout, label, .. } => Some(format!("{rollout}: {label}")),
        Event::RolloutResumed { rollout, .. } => Some(format!("{rollout} resumed")),
        Event::RolloutPaused { rollout, .. } => Some(format!("{rollout} paused")),
        Event::RolloutCompleted { rollout, .. } => Some(format!("{rollout} completed")),
        Event::Withdrawal(WithdrawalEvent::Withdrawn { version, withdrawal }) => {
            Some(format!("{version} withdrawn: {}", withdrawal.reason))
        }
        Event::Withdrawal(WithdrawalEvent::RollbackStarted { rollout, .. }) => {
            Some(format!("{rollout} rolls back"))
        }
        Event::Withdrawal(WithdrawalEvent::RolledBack { rollout }) => {
            Some(format!("{rollout} is rolled back"))
        }
        Event::Withdrawal(WithdrawalEvent::RebootOwed { host, .. }) => {
            Some(format!("{host} owes a reboot"))
        }
        Event::HoldMoved { rollout, moved, .. } => Some(format!("{rollout}: hold {moved:?}")),
        Event::VerdictReached { rollout, reached } => {
            Some(format!("{rollout}: verdict {:?}", reached.verdict.kind))
        }
        Event::ClusterBootstrapped(_)
        | Event::Cluster(_)
        | Event::Calendar(_)
        | Event::Incident(_)
        | Event::Block(_)
        | Event::Webhook(_)
        | Event::People(_)
        | Event::ClockAdvanced(_)
        | Event::BlobStored(_)
        | Event::TokenCreated { .. }
        | Event::HostEnrolled(_)
        | Event::GoodbyeSaid { .. }
        | Event::HostChanged { .. }
        | Event::ReportCounted { .. }
        | Event::PatchSetPublished { .. }
        | Event::RolloutCreated { .. }
        | Event::RolloutStarted { .. }
        | Event::WaveApproved { .. }
        | Event::Trial { .. } => None,
    }
}
