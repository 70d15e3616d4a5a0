//! What was decided, for whoever reads the log? One line for each decision, from the leader.
//!
//! The lines come from the same events as the decision records, and never disagree with them.

use crate::api::Desk;
use crate::machine::Command;
use crate::machine::records::{JUDGE, Note, note_of};
use crate::machine::report::{Body, Report};
use crate::runtime::AppliedEntry;
use crate::telemetry;

/// Writes until the node stops.
pub(super) async fn run(desk: Desk) {
    use tokio::sync::broadcast::error::RecvError;
    let Ok(mut entries) = desk.handle.subscribe() else { return };
    loop {
        match entries.recv().await {
            Ok(entry) if desk.handle.leads() => write(&entry),
            Ok(_) => (),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "decisions.not_logged: the records have them");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

pub(super) fn write(entry: &AppliedEntry) {
    let index = entry.position.index;
    // The lines say everything: they are not inside of it.
    drop(judgement(entry));
    for Note { actor, event, subject, detail } in entry.events.iter().filter_map(note_of) {
        match event.as_str() {
            // It changes with every few hosts: for who looks closely.
            "rollout.verdict" => tracing::debug!(event, subject, actor, index, detail, "decision"),
            "rollout.halted" => tracing::warn!(event, subject, actor, index, detail, "decision"),
            _ => tracing::info!(event, subject, actor, index, detail, "decision"),
        }
    }
}

/// The span of what the judge decided on the word of hosts: it names the attempts that they spoke of, so that a
/// trace leads from an agent's report to the verdict.
fn judgement(entry: &AppliedEntry) -> tracing::Span {
    let Command::RecordReports(of) = entry.command.as_ref() else { return tracing::Span::none() };
    let notes = entry.events.iter().filter_map(note_of).filter(|note| note.actor == JUDGE);
    let events: Vec<String> = notes.map(|note| note.event).collect();
    if events.is_empty() {
        return tracing::Span::none();
    }
    let (index, events) = (entry.position.index, events.join(" "));
    let span =
        tracing::info_span!("judge", "tidegate.log_index" = index, "tidegate.events" = events);
    for grant in of.reports.iter().filter_map(grant) {
        telemetry::comes_from(&span, &format!("hosts/{}", of.host), grant);
    }
    span
}

/// The grant that a report speaks of.
fn grant(report: &Report) -> Option<u64> {
    match &report.body {
        Body::Outcome { grant, .. } | Body::Health { grant, .. } => Some(grant.0),
        Body::Started(started) => started.interrupted.map(|grant| grant.0),
        Body::Goodbye(_) => None,
    }
}
