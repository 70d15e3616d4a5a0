//! What has happened since this process began? Counted entry by entry, from the same events as the records.

use std::collections::BTreeMap;

use tidegate_policies::time::Elapsed;

use super::catalogue::{
    DECISIONS, ENTRIES, LEADER_CHANGES, MANUAL_PAUSE, MISSED, PROGRESSION, RECORDS, REFUSALS,
    REPORTS, WEBHOOK_SETTLED,
};
use super::family::{Family, number, seconds};
use super::tally::Tally;
use crate::machine::event::Event;
use crate::machine::ids::{NodeId, RolloutId};
use crate::machine::records::{JUDGE, Note, note_of};
use crate::machine::report::{Body, Outcome as Reported, Report};
use crate::machine::webhook_event::{Ending, WebhookEvent};
use crate::machine::{Command, Outcome};
use crate::meters::{Histogram, LONG_TIMES};

/// Most kinds of records that are counted apart.
const MAX_EVENTS: usize = 100;
/// Most reason codes.
const MAX_REASONS: usize = 200;
/// Most results of reports, by tier.
const MAX_RESULTS: usize = 200;
/// Most rows of decisions: 50 rollouts with a score each.
const MAX_DECISIONS: usize = 1_000;
/// Most outcomes of webhooks: of ten that are declared, and of some that were.
const MAX_WEBHOOK_OUTCOMES: usize = 100;
/// Most rollouts whose start or pause is remembered until it ends.
const MAX_OPEN: usize = 1_000;

/// The counters of one node.
#[derive(Debug)]
pub(super) struct Book {
    entries: u64,
    missed: u64,
    leader: Option<NodeId>,
    leader_changes: u64,
    records: Tally,
    decisions: Tally,
    refusals: Tally,
    reports: Tally,
    webhooks: Tally,
    /// Running time, as of the last tick.
    elapsed: Elapsed,
    started: BTreeMap<RolloutId, Elapsed>,
    paused: BTreeMap<RolloutId, Elapsed>,
    progressions: Histogram,
    pauses: Histogram,
}

impl Default for Book {
    /// Nothing has happened yet.
    fn default() -> Self {
        Self {
            entries: 0,
            missed: 0,
            leader: None,
            leader_changes: 0,
            records: Tally::new(RECORDS, MAX_EVENTS),
            decisions: Tally::new(DECISIONS, MAX_DECISIONS),
            refusals: Tally::new(REFUSALS, MAX_REASONS),
            reports: Tally::new(REPORTS, MAX_RESULTS),
            webhooks: Tally::new(WEBHOOK_SETTLED, MAX_WEBHOOK_OUTCOMES),
            elapsed: Elapsed::default(),
            started: BTreeMap::new(),
            paused: BTreeMap::new(),
            progressions: Histogram::new(LONG_TIMES),
            pauses: Histogram::new(LONG_TIMES),
        }
    }
}

impl Book {
    /// An entry was applied.
    pub(super) fn note(&mut self, command: &Command, outcome: &Outcome, events: &[Event]) {
        self.entries += 1;
        if let Err(rejection) = outcome {
            self.refusals.note([rejection.reason()]);
        }
        for event in events {
            if let Some(note) = note_of(event) {
                self.decided(&note);
            }
            self.timed(event);
            if let Event::Webhook(event) = event
                && let WebhookEvent::Settled { webhook, ending, .. } = event.as_ref()
            {
                self.webhooks.note([webhook.as_str(), settled(ending)]);
            }
            if let (Event::ReportCounted { mark, tier, .. }, Command::RecordReports(of)) =
                (event, command)
                && let Some(of) = of.reports.iter().find(|of| of.sequence == mark.sequence)
            {
                self.reports.note([result(of), tier.as_str()]);
            }
        }
    }

    /// Entries went by unseen.
    pub(super) fn missed(&mut self, entries: u64) {
        self.missed += entries;
    }

    /// This node knows another leader, or none.
    pub(super) fn led_by(&mut self, leader: Option<NodeId>) {
        if leader.is_some() && leader != self.leader {
            self.leader = leader;
            self.leader_changes += 1;
        }
    }

    fn decided(&mut self, note: &Note) {
        self.records.note([note.event.as_str()]);
        let rollout = note.subject.strip_prefix("rollouts/");
        let decision = note.event.strip_prefix("rollout.").and_then(decision);
        if let (Some(rollout), Some(decision)) = (rollout, decision) {
            let actor = if note.actor == JUDGE { "auto" } else { "human" };
            self.decisions.note([rollout, decision, actor]);
        }
    }

    /// What begins and ends is timed, where this process saw both.
    fn timed(&mut self, event: &Event) {
        if let Event::ClockAdvanced(clock) = event {
            self.elapsed = clock.elapsed;
        } else if let Event::RolloutStarted { rollout, .. } = event {
            remember(&mut self.started, rollout, self.elapsed);
        } else if let Event::RolloutCompleted { rollout, .. } = event {
            note_since(self.started.remove(rollout), self.elapsed, &mut self.progressions);
        } else if let Event::RolloutPaused { rollout, .. } = event {
            remember(&mut self.paused, rollout, self.elapsed);
        } else if let Event::RolloutResumed { rollout, .. } | Event::Halted { rollout, .. } = event
        {
            note_since(self.paused.remove(rollout), self.elapsed, &mut self.pauses);
        }
    }

    /// What was counted.
    pub(super) fn families(&self) -> Vec<Family> {
        vec![
            Family::one(ENTRIES, number(self.entries)),
            Family::one(MISSED, number(self.missed)),
            Family::one(LEADER_CHANGES, number(self.leader_changes)),
            self.records.family(),
            self.decisions.family(),
            self.refusals.family(),
            self.reports.family(),
            self.webhooks.family(),
            Family::histogram(PROGRESSION, self.progressions.clone()),
            Family::histogram(MANUAL_PAUSE, self.pauses.clone()),
        ]
    }
}

/// A decision in one word; `None`: a verdict, which changes with every few hosts.
fn decision(event: &str) -> Option<&str> {
    match event {
        "verdict" => None,
        "halted" => Some("halt"),
        "wave.started" => Some("promote"),
        "hold.began" => Some("hold"),
        "paused" => Some("pause"),
        "resumed" => Some("resume"),
        other => Some(other),
    }
}

/// How a notification ended, in one word.
const fn settled(ending: &Ending) -> &'static str {
    match ending {
        Ending::Delivered => "delivered",
        Ending::GaveUp { .. } => "gave_up",
        Ending::Gone => "gone",
        Ending::Dropped => "dropped",
    }
}

/// What a report says, in one word.
const fn result(report: &Report) -> &'static str {
    match &report.body {
        Body::Started(_) => "started",
        Body::Health { in_effect: true, .. } => "healthy",
        Body::Health { in_effect: false, .. } => "not_in_effect",
        Body::Goodbye(_) => "goodbye",
        Body::Outcome { outcome, .. } => match outcome {
            Reported::Applied { .. } => "applied",
            Reported::ApplyFailed { .. } => "apply_failed",
            Reported::Stalled { .. } => "stalled",
            Reported::Crashed { .. } => "crashed",
            Reported::Degraded { .. } => "degraded",
            Reported::Reverted => "reverted",
            Reported::NotReverted { .. } => "not_reverted",
            Reported::StalledAndReverted { .. } => "stalled_and_reverted",
            Reported::Refused { .. } => "refused",
            Reported::Soaked { .. } => "soaked",
        },
    }
}

fn remember(since: &mut BTreeMap<RolloutId, Elapsed>, rollout: &RolloutId, now: Elapsed) {
    if since.len() < MAX_OPEN {
        since.entry(rollout.clone()).or_insert(now);
    }
}

/// Times what ends now, where its beginning was seen.
fn note_since(since: Option<Elapsed>, now: Elapsed, times: &mut Histogram) {
    if let Some(since) = since {
        times.note(seconds(now.0.saturating_sub(since.0)));
    }
}
