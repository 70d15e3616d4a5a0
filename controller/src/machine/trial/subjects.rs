//! In which cohort is each host, and whose time runs? In rows, with the timers that follow from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::Subject;
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::slices::Membership;
use tidegate_policies::detector::stream::{Cohort, Window, WindowLengths, Windows};
use tidegate_policies::time::{Elapsed, Listened};

use super::facts::place;
use crate::machine::frozen::ThawError;
use crate::machine::frozen::sections::SUBJECTS;
use crate::machine::ids::HostId;
use crate::machine::table::Table;

/// A trial, by the log index at which its rollout was created, and a host.
type Of = (u64, HostId);

/// The hosts of all trials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    pub(in crate::machine) rows: Table<Of, Row>,
    /// Follows from the rows.
    timers: BTreeMap<u64, Timers>,
}

/// Who is watched in one trial, and its timers, each earliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers {
    /// Reference hosts that are heard. They have no timer: their leader tells who is missed.
    pub(super) heard: BTreeSet<HostId>,
    /// When one that is missed counts as silent.
    pub(super) silent: BTreeSet<(Listened, HostId)>,
    /// When a patched host leaves a window.
    pub(super) windows: BTreeSet<(Elapsed, HostId)>,
}

/// A host's row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::machine) struct Row {
    pub(in crate::machine) role: Role,
    pub(in crate::machine) stratum: Stratum,
    pub(in crate::machine) slices: Membership,
    /// Its rack, else its zone; `None` where neither is known.
    pub(super) domain: Option<DomainId>,
}

/// What a host is in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A sentinel.
    Control(Watch),
    /// Its grant is in flight; the grant's own timer watches it.
    InFlight(Span),
    /// Verified, and inside of a window still.
    Verified(Span, Watch),
    /// A sentinel that failed. It is none again.
    Spent,
}

/// Whether a reference host is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// It is, as far as its leader has told.
    Heard,
    /// It is not.
    Missed {
        /// From here on it is silent.
        silent_at: Listened,
    },
}

/// The windows of a patched host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Those that it is inside of.
    pub windows: Windows,
    /// When its grant began.
    pub begun: Elapsed,
    /// How long they are.
    pub lengths: WindowLengths,
}

impl Span {
    /// The window that ends first, and when.
    pub(super) fn next_end(&self) -> Option<(Elapsed, Window)> {
        let ends = self.lengths.ends(self.begun).into_iter().zip(Window::ALL);
        ends.filter(|(_, window)| self.windows.contains(*window)).min()
    }
}

impl Role {
    /// The cohort in which it is at risk.
    pub const fn cohort(&self) -> Option<Cohort> {
        match self {
            Self::Control(_) => Some(Cohort::Control),
            Self::InFlight(span) | Self::Verified(span, _) => Some(Cohort::Treated(span.windows)),
            Self::Spent => None,
        }
    }

    /// When it is missed, where it is watched as a reference host.
    pub const fn watch(&self) -> Option<&Watch> {
        match self {
            Self::Control(watch) | Self::Verified(_, watch) => Some(watch),
            Self::InFlight(_) | Self::Spent => None,
        }
    }

    /// The same with another watch, where it has one.
    #[must_use]
    pub(super) const fn watched(self, watch: Watch) -> Self {
        match self {
            Self::Control(_) => Self::Control(watch),
            Self::Verified(span, _) => Self::Verified(span, watch),
            other @ (Self::InFlight(_) | Self::Spent) => other,
        }
    }

    /// The windows of a patched host.
    pub const fn span(&self) -> Option<&Span> {
        match self {
            Self::InFlight(span) | Self::Verified(span, _) => Some(span),
            Self::Control(_) | Self::Spent => None,
        }
    }
}

impl Row {
    /// The host as the detector knows it.
    pub(super) fn subject(&self, host: HostId) -> Subject {
        let Self { stratum, slices, domain, .. } = *self;
        Subject { host: host.0, stratum, slices, place: place(host, domain) }
    }
}

impl Default for Subjects {
    /// No trials yet.
    fn default() -> Self {
        Self::of_table(Table::new(SUBJECTS))
    }
}

impl Subjects {
    /// These rows.
    pub(in crate::machine) fn of_table(rows: Table<Of, Row>) -> Self {
        let mut timers: BTreeMap<u64, Timers> = BTreeMap::new();
        for ((trial, host), role) in rows.peeks::<Role>() {
            timers.entry(trial).or_default().arm(host, &role);
        }
        timers.retain(|_, of| *of != Timers::default());
        Self { rows, timers }
    }

    /// Every row is of a trial that is there.
    pub(in crate::machine) fn check(
        &self,
        trials: &BTreeMap<u64, super::Trial>,
    ) -> Result<(), ThawError> {
        let lost = self.rows.keys().find(|(trial, _)| !trials.contains_key(trial));
        lost.map_or(Ok(()), |(trial, host)| {
            let what = format!("host {host} is of a trial {trial:x} that is not there");
            Err(ThawError::Torn { what })
        })
    }

    /// What a host is in a trial; `None`: nothing.
    pub fn role(&self, trial: u64, host: HostId) -> Option<Role> {
        self.rows.peek((trial, host))
    }

    /// The reference hosts of a trial that are heard.
    pub fn heard(&self, trial: u64) -> impl Iterator<Item = HostId> {
        self.timers.get(&trial).into_iter().flat_map(|timers| timers.heard.iter().copied())
    }

    /// How many rows there are, of all trials.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What is kept of each host in a trial, by host.
    pub fn of(&self, trial: u64) -> impl Iterator<Item = (HostId, Role)> {
        let rows = self.rows.range((trial, HostId(0)), (trial, HostId(u64::MAX)));
        rows.map(|((_, host), row)| (host, row.role))
    }

    pub(super) fn get(&self, trial: u64, host: HostId) -> Option<Row> {
        self.rows.get((trial, host))
    }

    pub(super) fn timers(&self, trial: u64) -> Option<&Timers> {
        self.timers.get(&trial)
    }

    /// Writes the row of a host that has none.
    pub(super) fn add(&mut self, trial: u64, host: HostId, row: &Row) {
        self.rows.insert((trial, host), row);
        self.time(trial, |timers| timers.arm(host, &row.role));
    }

    /// The host is something else in the trial now.
    pub(super) fn turn(&mut self, trial: u64, host: HostId, to: Role) {
        let mut from = None;
        self.rows.update_front((trial, host), |role: &mut Role| {
            from = Some(std::mem::replace(role, to));
        });
        if let Some(from) = from {
            self.time(trial, |timers| {
                timers.disarm(host, &from);
                timers.arm(host, &to);
            });
        }
    }

    /// The host is nothing in the trial any more; what it was.
    pub(super) fn take(&mut self, trial: u64, host: HostId) -> Option<Row> {
        let row = self.rows.get((trial, host))?;
        self.rows.remove((trial, host));
        self.time(trial, |timers| timers.disarm(host, &row.role));
        Some(row)
    }

    /// Changes the timers of a trial; one without any has none.
    fn time(&mut self, trial: u64, change: impl FnOnce(&mut Timers)) {
        let timers = self.timers.entry(trial).or_default();
        change(timers);
        if *timers == Timers::default() {
            self.timers.remove(&trial);
        }
    }
}

impl Timers {
    fn arm(&mut self, host: HostId, role: &Role) {
        match role.watch() {
            Some(Watch::Heard) => drop(self.heard.insert(host)),
            Some(&Watch::Missed { silent_at }) => drop(self.silent.insert((silent_at, host))),
            None => (),
        }
        if let Some((end, _)) = role.span().and_then(Span::next_end) {
            self.windows.insert((end, host));
        }
    }

    fn disarm(&mut self, host: HostId, role: &Role) {
        match role.watch() {
            Some(Watch::Heard) => drop(self.heard.remove(&host)),
            Some(&Watch::Missed { silent_at }) => drop(self.silent.remove(&(silent_at, host))),
            None => (),
        }
        if let Some((end, _)) = role.span().and_then(Span::next_end) {
            self.windows.remove(&(end, host));
        }
    }
}
