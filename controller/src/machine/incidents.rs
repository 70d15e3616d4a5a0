//! What was halted, on which evidence, and what became of it? Every halt opens an incident.
//!
//! A halt is gone once a person lifts it. Its incident stays, with the verdict that it rests on, so that it
//! can be read and computed again when the rollout has long gone on.

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::time::WallTime;

use super::frozen::sections::INCIDENTS;
use super::ids::Version;
use super::patch_sets::Halt;
use super::rollouts::Reached;
use super::table::Table;
use super::webhooks::Happening;

/// Incidents that are kept; of those that are closed the oldest leave first, and open ones never do.
pub const MAX_INCIDENTS: usize = 1_000;

/// Notes on one incident.
pub const MAX_NOTES: usize = 100;

/// Whom a halt stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HaltScope {
    /// Everybody.
    Everything,
    /// The hosts of one slice.
    Slice(Cut),
}

/// One halt, from its first moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Counts the cluster's incidents up from 1.
    pub number: u64,
    /// The patch set that is halted.
    pub version: Version,
    /// Whom it stops.
    pub scope: HaltScope,
    /// The halt, with its rollout, actor, reason, numbers and hosts.
    pub halt: Halt,
    /// The verdict that halted, with all that it was computed from; `None`: a person did.
    pub verdict: Option<Box<Reached>>,
    /// What became of it.
    pub state: IncidentState,
    /// Who looks after it; `None`: nobody has said so.
    pub acknowledgement: Option<Said>,
    /// What was found out, oldest first; at most [`MAX_NOTES`].
    pub notes: Vec<Said>,
}

/// What a person said of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub actor: String,
    /// What; may be empty where an incident is acknowledged.
    pub remark: String,
    /// Log index.
    pub index: u64,
    /// When.
    pub at: WallTime,
}

/// What became of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncidentState {
    /// The halt stands.
    Open,
    /// A halt of more hosts took its place.
    Widened {
        /// The number of that halt's incident.
        into: u64,
        /// Log index.
        index: u64,
        /// When.
        at: WallTime,
    },
    /// A person has lifted the halt, or has closed the incident of one that is to stand.
    Resolved {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
        /// What the halt does now.
        halt: HaltNow,
        /// Failures that were acknowledged.
        acknowledged: u64,
        /// Log index.
        index: u64,
        /// When.
        at: WallTime,
    },
}

/// What the halt of a resolved incident does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HaltNow {
    /// Nothing any more.
    Lifted,
    /// It stops as before.
    Stands,
}

impl IncidentState {
    /// Log index of the entry that ended the incident; 0: none has.
    pub const fn index(&self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Widened { index, .. } | Self::Resolved { index, .. } => *index,
        }
    }
}

/// The incidents. They are read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incidents {
    /// By number.
    pub(super) kept: Table<u64, Incident>,
    /// What the event that is being absorbed has done to them. Empty between events.
    pub(super) news: Vec<(u64, Happening)>,
}

impl HaltScope {
    /// The word for everybody.
    pub const EVERYTHING: &str = "everything";

    /// `everything`, or the slice as a person types it.
    pub fn words(&self) -> String {
        match self {
            Self::Everything => Self::EVERYTHING.to_owned(),
            Self::Slice(cut) => cut.to_string(),
        }
    }
}

impl Default for Incidents {
    /// No incident yet.
    fn default() -> Self {
        Self { kept: Table::new(INCIDENTS), news: Vec::new() }
    }
}

impl Incidents {
    /// The incident of this number.
    pub fn get(&self, number: u64) -> Option<Incident> {
        self.kept.get(number)
    }

    /// All that are kept, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = Incident> {
        self.kept.iter().rev().map(|(_, incident)| incident)
    }

    /// The open one on this patch set and scope.
    pub fn open_on(&self, version: &Version, scope: &HaltScope) -> Option<Incident> {
        let open = self.newest_first().filter(|of| of.state == IncidentState::Open);
        let mut same = open.filter(|of| of.version == *version && of.scope == *scope);
        same.next()
    }

    /// A halt stands: its incident, whose number is returned.
    pub(super) fn open(
        &mut self,
        version: &Version,
        scope: HaltScope,
        of: (&Halt, Option<Reached>),
    ) -> u64 {
        if self.kept.len() >= MAX_INCIDENTS {
            let closed = self.kept.iter().find(|(_, of)| of.state != IncidentState::Open);
            closed.map(|(number, _)| self.kept.remove(number));
        }
        let number = self.kept.last_key().unwrap_or(0) + 1;
        let (halt, verdict) = (of.0.clone(), of.1.map(Box::new));
        let version = version.clone();
        let state = IncidentState::Open;
        let (acknowledgement, notes) = (None, Vec::new());
        let incident =
            Incident { number, version, scope, halt, verdict, state, acknowledgement, notes };
        self.kept.insert(number, &incident);
        self.news.push((number, Happening::Opened));
        number
    }

    /// What became of every open incident on this patch set and scope. One that was resolved while its halt
    /// stood keeps its resolution.
    pub(super) fn close(&mut self, version: &Version, scope: &HaltScope, state: &IncidentState) {
        while let Some(open) = self.open_on(version, scope) {
            self.news.push((open.number, state.happening()));
            self.kept.insert(open.number, &Incident { state: state.clone(), ..open });
        }
        if let IncidentState::Resolved { halt: HaltNow::Lifted, .. } = state {
            self.let_go(version, scope);
        }
    }

    /// A halt was lifted after its incident had been resolved.
    fn let_go(&mut self, version: &Version, scope: &HaltScope) {
        let standing =
            self.newest_first().filter(|of| of.version == *version && of.scope == *scope);
        let standing: Vec<Incident> = standing.collect();
        for mut incident in standing {
            if let IncidentState::Resolved { halt: halt @ HaltNow::Stands, .. } =
                &mut incident.state
            {
                *halt = HaltNow::Lifted;
                self.kept.insert(incident.number, &incident);
            }
        }
    }

    /// Changes the incident of this number: that is what happens to it.
    pub(super) fn change(
        &mut self,
        (number, what): (u64, Happening),
        change: impl FnOnce(&mut Incident),
    ) {
        if let Some(mut incident) = self.kept.get(number) {
            change(&mut incident);
            self.kept.insert(number, &incident);
            self.news.push((number, what));
        }
    }
}
