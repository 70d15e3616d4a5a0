//! What was decided in one run, when, and why? Its records, without those that say the same again.

use tidegate_policies::time::Millis;

use super::outcome::{Course, Outcome};
use crate::machine::records::Record;

/// Most lines of a timeline: those of the beginning and of the end.
const MOST: usize = 40;

/// The decisions of a run, one a line.
pub(super) fn lines(course: &Course, outcome: &Outcome) -> Vec<String> {
    let Some(first) = course.records.first() else { return Vec::new() };
    let since = |record: &Record| Millis(record.elapsed.since(first.elapsed).0 / 1_000 * 1_000);
    let told = course.records.iter().filter(|record| tells(record));
    let mut lines: Vec<String> = told
        .map(|record| {
            let event = record.note.event.trim_start_matches("rollout.");
            let (at, note) = (since(record).to_string(), &record.note);
            format!("  {at:>7}  {event:<13} {:<10} {}", note.actor, note.detail)
        })
        .collect();
    if lines.len() > MOST {
        let left_out = lines.len() - MOST;
        lines.splice(MOST / 2..MOST / 2 + left_out, [format!("  … {left_out} more …")]);
    }
    let end =
        format!("  {:>7}  {} with {} hosts harmed", "at last", outcome.end.word(), outcome.harmed);
    lines.push(end);
    lines
}

/// Whether a record says something that the numbers do not: a change of the verdict's kind.
fn tells(record: &Record) -> bool {
    let waits = ["continue", "promote"].iter().any(|kind| record.note.detail.starts_with(kind));
    record.note.event != "rollout.verdict" || !waits
}
