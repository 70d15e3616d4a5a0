//! What can have happened to the calendar: to tiers, windows, freezes, what is held back, and which kernels are covered?

use std::collections::BTreeMap;

use tidegate_policies::schedule::{Openings, Window};
use tidegate_policies::tiers::{Holdback, TierRules};

use super::calendar::{Freeze, HeldBack};
use super::command::TierSpec;
use super::coverage::AppliedTable;
use super::event::Event;
use super::ids::{FreezeId, TierName};
use super::records::Note;
use super::{Machine, Position};

/// A fact about the calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalendarEvent {
    /// The ladder was declared anew.
    LadderApplied {
        /// Its tiers, first to last.
        ladder: Vec<TierSpec>,
        /// When their hosts may begin, where that is not always.
        rules: BTreeMap<TierName, TierRules>,
        /// What is other than it was, in words.
        changes: String,
        /// Who.
        actor: String,
    },
    /// A leader has computed when a window is open.
    OpeningsKnown {
        /// The window.
        window: Window,
        /// When it is open.
        openings: Openings,
    },
    /// Nobody begins, everywhere or in a tier.
    FreezeBegan(Freeze),
    /// A person lifted a freeze.
    FreezeLifted {
        /// The freeze.
        freeze: FreezeId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Patch sets are held back from a token or host, or no longer.
    HeldBack {
        /// From whom.
        of: HeldBack,
        /// What.
        holdback: Holdback,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Other kernels are covered than before, or until other dates.
    CoverageApplied {
        /// The table.
        applied: AppliedTable,
        /// How large it is and whom it shuts out, in words.
        detail: String,
    },
}

impl From<CalendarEvent> for Event {
    fn from(event: CalendarEvent) -> Self {
        Self::Calendar(Box::new(event))
    }
}

impl CalendarEvent {
    /// The record that it leaves.
    pub(super) fn note(&self) -> Option<Note> {
        let (actor, event, subject, detail) = match self {
            Self::LadderApplied { changes, actor, .. } => {
                (actor, "ladder.applied", "ladder".to_owned(), changes.clone())
            }
            Self::OpeningsKnown { .. } => return None,
            Self::FreezeBegan(freeze) => {
                let of = freeze.tier.as_ref().map_or("every tier", |tier| tier.as_str());
                let until = freeze.until.map_or_else(
                    || "until it is lifted".to_owned(),
                    |until| format!("until {until}"),
                );
                let detail = format!("{of}, {until}: {}", freeze.reason);
                (&freeze.actor, "freeze.began", format!("freezes/{}", freeze.id), detail)
            }
            Self::FreezeLifted { freeze, actor, reason } => {
                (actor, "freeze.lifted", format!("freezes/{freeze}"), reason.clone())
            }
            Self::HeldBack { of, holdback, actor, reason } => {
                let detail = format!("{}: {reason}", holdback.words());
                (actor, "holdback.set", of.name(), detail)
            }
            Self::CoverageApplied { applied, detail } => {
                (&applied.actor, "coverage.applied", "coverage".to_owned(), detail.clone())
            }
        };
        Some(Note { actor: actor.clone(), event: event.to_owned(), subject, detail })
    }
}

impl Machine {
    /// Makes an event of the calendar part of the state.
    pub(super) fn change_calendar(&mut self, at: Position, event: &CalendarEvent) {
        let calendar = &mut self.calendar;
        match event {
            CalendarEvent::LadderApplied { ladder, rules, .. } => {
                if let Some(cluster) = &mut self.cluster {
                    cluster.ladder.clone_from(ladder);
                }
                calendar.tiers.clone_from(rules);
                calendar.ladder_version += 1;
                let known = |window: &Window| rules.values().any(|of| of.windows.contains(window));
                calendar.openings.retain(|window, _| known(window));
            }
            CalendarEvent::OpeningsKnown { window, openings } => {
                calendar.openings.insert(window.clone(), openings.clone());
            }
            CalendarEvent::FreezeBegan(freeze) => {
                calendar.freezes.insert(freeze.id.clone(), freeze.clone());
            }
            CalendarEvent::FreezeLifted { freeze, .. } => {
                calendar.freezes.remove(freeze);
            }
            CalendarEvent::HeldBack { of, holdback, .. } => self.hold_back(of, *holdback),
            CalendarEvent::CoverageApplied { applied, .. } => self.put_coverage(at, applied),
        }
    }
}
