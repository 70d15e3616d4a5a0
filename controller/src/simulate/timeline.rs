//! What was decided in one run, when, and why? Its records, without those that say the same again.

use tidegate_policies::plural::count;
use tidegate_policies::time::Millis;

use super::outcome::{Course, Outcome};
use crate::client::explained_in_words;
use crate::machine::records::Record;

/// Most lines of a timeline: those of the beginning and of the end.
const MOST: usize = 40;

/// How much of a timeline is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What changed, at the beginning and at the end.
    WhatChanged,
    /// Every record.
    Everything,
}

/// The decisions of a run, one a line.
pub(super) fn lines(course: &Course, outcome: &Outcome, detail: Detail) -> Vec<String> {
    let since = |record: &Record| Millis(record.elapsed.since(course.began).0 / 1_000 * 1_000);
    let told = course.records.iter().filter(|record| detail == Detail::Everything || tells(record));
    let mut lines: Vec<String> = told
        .map(|record| {
            let event = record.note.event.trim_start_matches("rollout.");
            let (at, note) = (since(record).to_the_minute(), &record.note);
            format!("  {at:>9}  {event:<13} {:<10} {}", note.actor, note.detail)
        })
        .collect();
    if lines.len() > MOST && detail == Detail::WhatChanged {
        let left_out = lines.len() - MOST;
        lines.splice(MOST / 2..MOST / 2 + left_out, [format!("  … {left_out} more …")]);
    }
    let harmed = count(outcome.harmed, "host");
    lines
        .push(format!("             the run {}, {harmed} harmed by the patch", outcome.end.word()));
    if let Some(explained) = &course.explained
        && (detail == Detail::Everything || !outcome.has_completed())
    {
        lines.push(String::new());
        lines.extend(explained_in_words(explained).lines().map(|line| format!("  {line}")));
    }
    lines
}

/// Whether a record says something that the numbers do not: a change of the verdict's kind.
fn tells(record: &Record) -> bool {
    let waits = ["continue", "promote"].iter().any(|kind| record.note.detail.starts_with(kind));
    record.note.event != "rollout.verdict" || !waits
}
