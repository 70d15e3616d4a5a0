//! I1, I2 and I9 (and I7 and I10, in `journey`): an account of every grant, kept from the committed events alone, against what the
//! operator asked for and against what the controllers count.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_controller::machine::command::Action;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::fleet::{Facts, SpoolMark};
use tidegate_controller::machine::grants::{Grant, Phase};
use tidegate_controller::machine::ids::{GrantId, HostId, RolloutId, Version};
use tidegate_controller::machine::reply::Begin;
use tidegate_controller::machine::rollouts::{Place, State};
use tidegate_controller::machine::slices::is_inside;
use tidegate_controller::machine::withdrawal_event::WithdrawalEvent;
use tidegate_controller::machine::{Command, Machine, Reply};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::evidence::{Class, Counts};

use super::Violation;
use super::host::Insert;
use super::journey::Listening;
use super::log::Entry;
use crate::sim::meaning::Meaning;
use crate::sim::scenario::{Credit, Limits, Scenario};

/// The account.
#[derive(Debug)]
pub struct Books {
    limits: Limits,
    pub(super) credit: Option<Credit>,
    pub(super) meant: Meaning,
    pub(super) listening: Listening,
    /// The last entry that is in the account.
    index: u64,
    pub(super) rollouts: BTreeMap<RolloutId, Book>,
    pub(super) grants: BTreeMap<GrantId, Standing>,
    /// The last report counted of each spool.
    spools: BTreeMap<(HostId, u64), u64>,
    /// The facts of each host, as the log tells them.
    facts: BTreeMap<HostId, Facts>,
    /// The slices that are halted.
    slices: Vec<(Version, Cut)>,
    /// The patch sets that are withdrawn: nothing takes one out.
    withdrawn: BTreeSet<Version>,
    /// Grants that began.
    pub(super) begins: u64,
    halts: u64,
}

/// The account of one rollout.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) version: Version,
    halted: bool,
    pub(super) place: Option<Place>,
    pub(super) hosts: BTreeMap<HostId, Row>,
    /// Times that a host was verified.
    verified: u64,
}

/// One host in one rollout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) grant: GrantId,
    pub(super) class: Class,
    pub(super) begun: bool,
    pub(super) acknowledged: bool,
}

/// One grant.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    host: HostId,
    rollout: RolloutId,
    pub(super) stage: usize,
    class: Class,
}

impl Books {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            limits: scenario.limits,
            credit: scenario.credit,
            meant: scenario.meaning.clone(),
            listening: Listening::new(scenario.beat()),
            index: 0,
            rollouts: BTreeMap::new(),
            grants: BTreeMap::new(),
            spools: BTreeMap::new(),
            facts: BTreeMap::new(),
            slices: Vec::new(),
            withdrawn: BTreeSet::new(),
            begins: 0,
            halts: 0,
        }
    }

    pub(super) fn halts(&self) -> u64 {
        self.halts
    }

    /// Enters a committed entry.
    pub(super) fn take(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        self.index = index;
        for event in &entry.events {
            self.enter(index, entry, event)?;
        }
        self.check_go(index, entry)
    }

    fn enter(&mut self, index: u64, entry: &Entry, event: &Event) -> Result<(), Violation> {
        match event {
            Event::RolloutCreated { rollout, .. } => {
                let (version, hosts) = (rollout.version.clone(), BTreeMap::new());
                let book = Book { version, halted: false, place: None, hosts, verified: 0 };
                self.rollouts.insert(rollout.id.clone(), book);
            }
            Event::WaveStarted { rollout, place, actor, .. } => {
                self.goes_on(index, rollout, (Some(*place), actor))?;
                if let Some(book) = self.rollouts.get_mut(rollout) {
                    book.place = Some(*place);
                }
            }
            Event::Halted { rollout, .. } => {
                self.halts += 1;
                if let Some(book) = self.rollouts.get_mut(rollout) {
                    book.halted = true;
                }
            }
            Event::RolloutResumed { rollout, from, acknowledged, .. } => {
                self.resumed(index, entry, (rollout, *from), acknowledged)?;
            }
            Event::RolloutCompleted { rollout, actor, .. } => {
                self.goes_on(index, rollout, (None, actor))?;
            }
            Event::SliceHalted { rollout, slice } => {
                self.halts += 1;
                let book = self.rollouts.get(rollout);
                self.slices.extend(book.map(|book| (book.version.clone(), slice.cut.clone())));
            }
            Event::SliceResumed { rollout, rejoined } => {
                self.slice_resumed(index, entry, rollout, &rejoined.cut)?;
                self.acknowledged(rollout, &rejoined.acknowledged);
            }
            Event::HostEnrolled(host) => drop(self.facts.insert(host.id, host.facts.clone())),
            Event::HostChanged { host, facts, .. } => {
                self.facts.insert(*host, (**facts).clone());
            }
            Event::Withdrawal(WithdrawalEvent::Withdrawn { version, .. }) => {
                self.withdrawn.insert(version.clone());
            }
            Event::GrantOffered(grant) => self.offered(index, grant)?,
            Event::GrantMoved { grant, to, .. } => self.moved(index, *grant, to)?,
            Event::ReportCounted { host, mark, .. } => self.counted(*host, *mark)?,
            Event::ClockAdvanced(clock) => self.listening.ticked(entry.term, clock.elapsed.0),
            Event::ClusterBootstrapped(_)
            | Event::Cluster(_)
            | Event::Calendar(_)
            | Event::People(_)
            | Event::BlobStored(_)
            | Event::TokenCreated { .. }
            | Event::Entitlement(_)
            | Event::Incident(_)
            | Event::Block(_)
            | Event::Webhook(_)
            | Event::GoodbyeSaid { .. }
            | Event::PatchSetPublished { .. }
            | Event::RolloutStarted { .. }
            | Event::RolloutPaused { .. }
            | Event::WaveApproved { .. }
            | Event::Withdrawal(_)
            | Event::Trial { .. }
            | Event::HoldMoved { .. }
            | Event::VerdictReached { .. } => (),
        }
        Ok(())
    }

    /// No report is counted twice.
    fn counted(&mut self, host: HostId, mark: SpoolMark) -> Result<(), Violation> {
        let last = self.spools.insert((host, mark.spool), mark.sequence);
        if last.is_some_and(|last| mark.sequence <= last) {
            let what = format!("report {mark:?} of host {host} is counted again");
            return Err(Violation::new("I9", what));
        }
        Ok(())
    }

    /// Only a person lifts a halt, and only then are failures forgiven.
    fn resumed(
        &mut self,
        index: u64,
        entry: &Entry,
        (rollout, from): (&RolloutId, State),
        acknowledged: &[HostId],
    ) -> Result<(), Violation> {
        let by_a_person = matches!(
            &*entry.command,
            Command::Operate(operate)
                if matches!(operate.action, Action::ResumeRollout(_) | Action::AgreeToProposal(_))
        );
        if !by_a_person {
            let what = format!("{rollout} is resumed at index {index}, and nobody asked for it");
            return Err(Violation::new("I9", what));
        }
        let Some(book) = self.rollouts.get_mut(rollout) else { return Ok(()) };
        if from == State::Halted {
            book.halted = false;
        }
        self.acknowledged(rollout, acknowledged);
        Ok(())
    }

    fn acknowledged(&mut self, rollout: &RolloutId, hosts: &[HostId]) {
        let Some(book) = self.rollouts.get_mut(rollout) else { return };
        for host in hosts {
            if let Some(row) = book.hosts.get_mut(host) {
                row.acknowledged = true;
            }
        }
    }

    /// Only a person lifts the halt of a slice.
    fn slice_resumed(
        &mut self,
        index: u64,
        entry: &Entry,
        rollout: &RolloutId,
        cut: &Cut,
    ) -> Result<(), Violation> {
        let by_a_person = matches!(
            &*entry.command,
            Command::Operate(operate)
                if matches!(operate.action, Action::ResumeSlice(_) | Action::AgreeToProposal(_))
        );
        if !by_a_person {
            let what = format!("{cut} of {rollout} is resumed at {index}, and nobody asked for it");
            return Err(Violation::new("I9", what));
        }
        let version = self.rollouts.get(rollout).map(|book| &book.version);
        self.slices.retain(|(of, halted)| Some(of) != version || !cut.covers(halted));
        Ok(())
    }

    /// The halted slice of a patch set that a host is in, by the facts that the log tells of it.
    pub(super) fn halted_slice(&self, version: &Version, host: HostId) -> Option<&Cut> {
        let facts = self.facts.get(&host)?;
        let of_version = self.slices.iter().filter(|(of, _)| of == version);
        of_version.map(|(_, cut)| cut).find(|cut| is_inside(cut, facts))
    }

    fn offered(&mut self, index: u64, grant: &Grant) -> Result<(), Violation> {
        let version = self.rollouts.get(&grant.rollout).map(|book| &book.version);
        if version.is_some_and(|version| self.withdrawn.contains(version)) {
            let what = format!("grant {} is offered at index {index}, and was withdrawn", grant.id);
            return Err(Violation::new("WITHDRAWN", what));
        }
        let (host, rollout, stage) = (grant.host, grant.rollout.clone(), grant.stage);
        let standing = Standing { host, rollout, stage, class: Class::Offered };
        self.grants.insert(grant.id, standing);
        if let Some(book) = self.rollouts.get_mut(&grant.rollout) {
            let begun = book.hosts.get(&host).is_some_and(|row| row.begun);
            let row = Row { grant: grant.id, class: Class::Offered, begun, acknowledged: false };
            book.hosts.insert(host, row);
        }
        Ok(())
    }

    fn moved(&mut self, index: u64, id: GrantId, to: &Phase) -> Result<(), Violation> {
        let class = class_of(to);
        let Some(grant) = self.grants.get_mut(&id) else {
            return Err(Violation::new("I9", format!("grant {id} moves, and was never offered")));
        };
        let before = std::mem::replace(&mut grant.class, class);
        let grant = grant.clone();
        let Some(book) = self.rollouts.get_mut(&grant.rollout) else { return Ok(()) };
        let Some(row) = book.hosts.get_mut(&grant.host) else { return Ok(()) };
        if row.grant == id {
            // What was forgiven was the outcome of then; another one counts anew.
            row.acknowledged &= row.class == class;
            row.class = class;
        }
        if class == Class::Verified && before != Class::Verified {
            book.verified += 1;
        }
        if class == Class::InFlight && before != Class::InFlight {
            row.begun = true;
            self.begins += 1;
            self.check_begin(index, id, &grant)?;
        }
        Ok(())
    }

    /// I1, I2 and I7 at the entry that begins a grant.
    fn check_begin(&self, index: u64, id: GrantId, grant: &Standing) -> Result<(), Violation> {
        let Some(book) = self.rollouts.get(&grant.rollout) else { return Ok(()) };
        if self.withdrawn.contains(&book.version) {
            let what =
                format!("grant {id} begins at index {index}, and {} is withdrawn", book.version);
            return Err(Violation::new("WITHDRAWN", what));
        }
        if book.halted {
            let what =
                format!("grant {id} begins at index {index}, and {} is halted", book.version);
            return Err(Violation::new("I2", what));
        }
        if let Some(cut) = self.halted_slice(&book.version, grant.host) {
            let what = format!("grant {id} begins at index {index}, and its slice {cut} is halted");
            return Err(Violation::new("I2", what));
        }
        let (in_flight, exposed) = book.exposure();
        if exposed > self.limits.budget || in_flight > self.limits.in_flight {
            let what = format!(
                "grant {id} begins at index {index} as one of {in_flight} in flight and {exposed} \
                 exposed; the operator allowed {:?}",
                self.limits
            );
            return Err(Violation::new("I1", what));
        }
        let earned = self.credit.map(|of| of.start + of.gain * book.verified);
        if let Some(earned) = earned.filter(|&earned| in_flight > earned) {
            let what = format!(
                "grant {id} begins at index {index} as one of {in_flight} in flight, and {} verified hosts \
                 made room for {earned}",
                book.verified
            );
            return Err(Violation::new("I1", what));
        }
        if book.place.is_none_or(|place| grant.stage > place.stage) {
            let what = format!("grant {id} begins before its tier's turn, at {:?}", book.place);
            return Err(Violation::new("I7", what));
        }
        Ok(())
    }

    /// I2 at the entry that answers an asking, whether it begins the grant or began it before.
    fn check_go(&self, index: u64, entry: &Entry) -> Result<(), Violation> {
        let Ok(Reply::Begin(Begin::Go { .. })) = &entry.outcome else { return Ok(()) };
        let Command::BeginGrant(begin) = &*entry.command else { return Ok(()) };
        let grant = self.grants.get(&begin.grant);
        let book = grant.and_then(|grant| self.rollouts.get(&grant.rollout));
        if grant.is_some_and(|grant| grant.host == begin.host)
            && book.is_some_and(|book| {
                !book.halted
                    && !self.withdrawn.contains(&book.version)
                    && self.halted_slice(&book.version, begin.host).is_none()
            })
        {
            return Ok(());
        }
        let what = format!("at index {index} {begin:?} is let go, and must not");
        Err(Violation::new("I2", what))
    }

    /// The controllers count every host once, and count what happened.
    pub(super) fn compare(&self, node: u64, machine: &Machine) -> Result<(), Violation> {
        if machine.applied() != self.index {
            return Ok(());
        }
        for (id, book) in &self.rollouts {
            let Some(rollout) = machine.rollouts().get(id) else {
                return Err(Violation::new("I9", format!("node {node} does not know {id}")));
            };
            let (all, unforgiven) = (book.counts(|_| true), book.counts(|row| !row.acknowledged));
            // What was begun is never forgiven: acknowledging takes a failure out, not a begin.
            let unforgiven = Counts { begun: rollout.unacknowledged.begun, ..unforgiven };
            if rollout.counts != all || rollout.unacknowledged != unforgiven {
                let what = format!(
                    "at index {} node {node} counts {:?} and {:?} in {id}, the log says {all:?} and \
                     {unforgiven:?}",
                    self.index, rollout.counts, rollout.unacknowledged
                );
                return Err(Violation::new("I9", what));
            }
            let halt_stands =
                machine.patch_sets().get(&book.version).is_some_and(|set| set.halt.is_some());
            if halt_stands != book.halted {
                let what = format!("node {node}: the halt on {id} stands: {halt_stands}");
                return Err(Violation::new("I9", what));
            }
        }
        Ok(())
    }

    pub(super) fn reports_acknowledged(
        &self,
        host: HostId,
        spool: u64,
        through: u64,
    ) -> Result<(), Violation> {
        let counted = self.spools.get(&(host, spool)).copied().unwrap_or(0);
        if through <= counted {
            return Ok(());
        }
        let what = format!("host {host} was told that report {through} counts; {counted} do");
        Err(Violation::new("I4", what))
    }

    /// A host whose grant no longer counts as exposed must not insert.
    pub(super) fn may_insert(&self, act: &Insert<'_>) -> Result<(), Violation> {
        let id = GrantId(act.insertion.grant_id);
        let class = self.grants.get(&id).map(|grant| grant.class);
        match class {
            Some(Class::InFlight | Class::Failure(_)) => Ok(()),
            // It said goodbye after it was let go; its kernel is on its way down.
            Some(Class::Refused) if act.said_goodbye => Ok(()),
            Some(
                Class::None | Class::Offered | Class::Verified | Class::Refused | Class::Reverted,
            )
            | None => {
                let what = format!("host {} inserts grant {id}, which is {class:?}", act.host);
                Err(Violation::new("I1", what))
            }
        }
    }
}

impl Book {
    /// Hosts in flight, and hosts exposed: in flight or gone wrong, and not forgiven.
    fn exposure(&self) -> (u64, u64) {
        let (mut in_flight, mut failed) = (0, 0);
        for row in self.hosts.values().filter(|row| !row.acknowledged) {
            match row.class {
                Class::InFlight => in_flight += 1,
                Class::Failure(_) => failed += 1,
                Class::None
                | Class::Offered
                | Class::Verified
                | Class::Refused
                | Class::Reverted => (),
            }
        }
        (in_flight, in_flight + failed)
    }

    fn counts(&self, counts_here: impl Fn(&Row) -> bool) -> Counts {
        let mut counts = Counts::default();
        for row in self.hosts.values().filter(|row| counts_here(row)) {
            counts.shift(Class::None, row.class);
            counts.begun += u64::from(row.begun);
        }
        counts
    }
}

/// What a host counts as while its grant is in this phase.
fn class_of(phase: &Phase) -> Class {
    match phase {
        Phase::Offered { .. } => Class::Offered,
        Phase::Begun(_) | Phase::Applied { .. } => Class::InFlight,
        Phase::Soaked { .. } => Class::Verified,
        Phase::Failed { failure, .. } => Class::Failure(*failure),
        Phase::Refused { begun: Some(_), .. } => Class::Refused,
        Phase::Expired | Phase::Withdrawn | Phase::Refused { begun: None, .. } => Class::None,
        Phase::Reverted { .. } => Class::Reverted,
    }
}
