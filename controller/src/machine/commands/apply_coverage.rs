//! `ApplyCoverage`: says anew which kernels are covered, until when.

use tidegate_policies::coverage::{CoverageTable, Supported};
use tidegate_policies::plural::count;

use super::Decided;
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::command::ApplyCoverage;
use crate::machine::coverage::AppliedTable;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn apply_coverage(&self, apply: &ApplyCoverage, actor: &str) -> Decided {
        if self.cluster().is_none() {
            return Err(Rejection::NotBootstrapped);
        }
        if apply.reason.is_empty() && self.lets_in_longer(&apply.table) {
            return Err(Rejection::ReasonMissing);
        }
        let (before, after) =
            (self.shut_out_by(self.coverage().table()), self.shut_out_by(Some(&apply.table)));
        let (lines, builds) = (apply.table.lines.len(), apply.table.builds.len());
        let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let reason = if apply.reason.is_empty() { "no reason given" } else { &apply.reason };
        let detail = format!(
            "{}, {}; not covered: {} before, {after} now; {reason}",
            count(size(lines), "kernel series line"),
            count(size(builds), "kernel release date"),
            count(before, "host"),
        );
        let (table, reason) = (apply.table.clone(), apply.reason.clone());
        let applied =
            AppliedTable { table, actor: actor.to_owned(), reason, at: self.clock().wall };
        Ok((Reply::Done, vec![CalendarEvent::CoverageApplied { applied, detail }.into()]))
    }

    /// Hosts that may have no patches by `table`.
    fn shut_out_by(&self, table: Option<&CoverageTable>) -> u64 {
        let hosts = self.hosts_by(table);
        let out = |(supported, _): &(&Supported, &u64)| !supported.lets_patch();
        hosts.iter().filter(out).map(|(_, hosts)| hosts).sum()
    }
}
