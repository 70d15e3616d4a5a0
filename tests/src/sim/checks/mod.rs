//! What must be true after every step? The invariants, checked against the committed log and against
//! the hosts' own truth; no controller is believed.

pub mod books;
mod calendar;
mod draw;
pub mod host;
mod journey;
pub mod log;
mod members;
mod minority;
mod people;
mod places;
mod settled;
mod wall;

use std::fmt;

use tidegate_controller::journal::Journal;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::{Command, Outcome, Position};
use tidegate_controller::node::Node;

use super::controllers::Standing;
use super::sabotage::Sabotage;
use super::scenario::Scenario;
use books::Books;
use calendar::Calendar;
use draw::Draw;
use host::{Insert, Truth};
use log::{Entry, Log};
use minority::Minority;
use people::People;
use places::Places;
use wall::Wall;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise it breaks, e.g. `I1`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// `what` breaks `invariant`.
    #[must_use]
    pub fn new(invariant: &'static str, what: String) -> Self {
        Self { invariant, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// How much the checks looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Committed entries.
    pub entries: u64,
    /// Grants that began.
    pub begins: u64,
    /// Places that hosts took under tokens.
    pub places: u64,
    /// Changes of the calendar.
    pub dates: u64,
    /// Things that a second person agreed to.
    pub agreed: u64,
    /// Waves that the judge let pass.
    pub promotions: u64,
    /// Halts.
    pub halts: u64,
    /// State hashes of one replica compared with another's.
    pub hashes: u64,
    /// Verdicts computed again.
    pub verdicts: u64,
    /// Steps of controllers without a neighbour.
    pub isolated_steps: u64,
}

/// Every check of one run.
#[derive(Debug)]
pub struct Checks {
    pub(super) log: Log,
    pub(super) books: Books,
    places: Places,
    calendar: Calendar,
    people: People,
    draw: Draw,
    truth: Truth,
    minority: Minority,
    wall: Wall,
}

impl Checks {
    /// Checks for a run of `scenario`.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let meant = u64::from(scenario.sabotage == Sabotage::TokenOffByOne);
        Self {
            log: Log::default(),
            books: Books::new(scenario),
            places: Places::of_operators_who_mean_less(meant),
            calendar: Calendar::new(scenario.meaning.clone()),
            people: People::new(scenario.meaning.clone()),
            draw: Draw::new(scenario.meaning.clone()),
            truth: Truth::new(scenario.lease, scenario.soak),
            minority: Minority::default(),
            wall: Wall::default(),
        }
    }

    /// How much was looked at so far.
    #[must_use]
    pub fn counts(&self) -> Counted {
        Counted {
            entries: self.log.len(),
            begins: self.books.begins,
            places: self.places.taken,
            dates: self.calendar.changes,
            agreed: self.people.agreed,
            promotions: self.books.listening.promotions,
            halts: self.books.halts(),
            hashes: self.log.hashes_compared,
            verdicts: self.log.verdicts,
            isolated_steps: self.minority.steps,
        }
    }

    /// A controller has started from a state at `applied`, and applies its log from there; its disk
    /// knows of commits up to `commit`.
    pub fn node_starts(&mut self, node: u64, (applied, commit): (u64, u64)) {
        self.log.node_starts(node, applied);
        self.minority.node_starts(node, commit);
    }

    /// A controller believes that it leads `term`.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `ELECTION`.
    pub fn leads(&mut self, node: u64, term: u64) -> Result<(), Violation> {
        self.log.leads(node, term)
    }

    /// A controller is about to be stepped.
    pub fn before_step(&mut self, node: u64, isolated: bool) {
        self.minority.before_step(node, isolated);
    }

    /// A controller was stepped.
    ///
    /// # Errors
    ///
    /// [`Violation`] of I5, I6, I8, I9 or `MEMBERS`.
    pub fn after_step<J: Journal>(
        &mut self,
        now: u64,
        (id, standing): (u64, Standing),
        node: &Node<J>,
    ) -> Result<(), Violation> {
        if standing == Standing::Wiped {
            return Ok(());
        }
        self.minority.after_step(now, id, node.applied())?;
        let machine = node.machine();
        if !self.log.moved(id, machine.applied()) {
            return Ok(());
        }
        members::compare(id, &node.status(), machine)?;
        if standing == Standing::Tampered {
            return Ok(());
        }
        self.log.compare_hash(id, machine)?;
        self.places.compare(id, machine)?;
        self.books.compare(id, machine)
    }

    /// A controller has applied an entry. What is news comes back as a line for the trace, if it is
    /// worth one.
    ///
    /// # Errors
    ///
    /// [`Violation`] of I1 to I7, I9 to I12, or `WALL`.
    pub fn applied(
        &mut self,
        now: u64,
        (node, standing): (u64, Standing),
        index: u64,
        entry: Entry,
    ) -> Result<Option<String>, Violation> {
        if standing != Standing::Sound && self.log.knows(index) {
            // What it says is its own; what it keeps is compared by the cluster itself.
            self.log.pass_over(node, index);
            return Ok(None);
        }
        let Some(entry) = self.log.take(node, index, entry)? else { return Ok(None) };
        self.wall.take(now, entry)?;
        self.places.take(index, entry)?;
        self.calendar.take(index, entry)?;
        self.people.take(index, entry)?;
        self.draw.take(index, entry)?;
        self.books.take(index, entry)?;
        self.truth.take(now, index, entry)?;
        Ok(log::line(index, entry))
    }

    /// A controller's state was replaced by a newer one as a whole.
    pub fn replaced(&mut self, node: u64, index: u64) {
        self.log.pass_over(node, index);
    }

    /// A person types a command of this request id.
    pub fn asked(&mut self, request: &str, person: &str) {
        self.people.asked(request, person);
    }

    /// An operator's job was answered.
    ///
    /// # Errors
    ///
    /// [`Violation`] of I4.
    pub fn acknowledged(
        &mut self,
        command: &Command,
        position: Position,
        outcome: &Outcome,
    ) -> Result<(), Violation> {
        self.log.acknowledged(command, position, outcome)
    }

    /// A host was told that its reports up to `through` are settled.
    ///
    /// # Errors
    ///
    /// [`Violation`] of I4.
    pub fn reports_acknowledged(
        &self,
        host: HostId,
        spool: u64,
        through: u64,
    ) -> Result<(), Violation> {
        self.books.reports_acknowledged(host, spool, through)
    }

    /// A host takes up an offer, or asks to begin.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `FENCE`.
    pub fn acts_on(&self, host: HostId, patch_set: &str, epoch: u64) -> Result<(), Violation> {
        self.truth.acts_on(host, patch_set, epoch)
    }

    /// A host takes a livepatch out again that has not stalled.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `WITHDRAWN`.
    pub fn takes_out(&self, host: HostId, patch_set: &str) -> Result<(), Violation> {
        self.truth.takes_out(host, patch_set)
    }

    /// A host has heard of an epoch.
    pub fn told(&mut self, host: HostId, patch_set: &str, epoch: u64) {
        self.truth.told(host, patch_set, epoch);
    }

    /// A host's boot has ended.
    pub fn host_went_down(&mut self, host: HostId, boot: u64) {
        self.truth.host_went_down(host, boot);
    }

    /// A host's driver has passed its last look, and inserts.
    ///
    /// # Errors
    ///
    /// [`Violation`] of I2, I3, I8, I9 or `FENCE`.
    pub fn inserts(&mut self, now: u64, act: &Insert<'_>) -> Result<(), Violation> {
        self.books.may_insert(act)?;
        self.truth.inserts(now, act, &self.log)
    }
}
