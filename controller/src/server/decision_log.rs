//! What was decided, for whoever reads the log? One line for each decision, from the leader.
//!
//! The lines come from the same events as the decision records, and never disagree with them.

use crate::api::Desk;
use crate::machine::records::{Note, note_of};
use crate::runtime::AppliedEntry;

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

fn write(entry: &AppliedEntry) {
    let index = entry.position.index;
    for Note { actor, event, subject, detail } in entry.events.iter().filter_map(note_of) {
        match event.as_str() {
            // It changes with every few hosts: for who looks closely.
            "rollout.verdict" => tracing::debug!(event, subject, actor, index, detail, "decision"),
            "rollout.halted" => tracing::warn!(event, subject, actor, index, detail, "decision"),
            _ => tracing::info!(event, subject, actor, index, detail, "decision"),
        }
    }
}
