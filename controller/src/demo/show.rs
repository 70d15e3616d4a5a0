//! What does a person see while it runs? One line that moves on a terminal, one line per decision
//! elsewhere. All of it on stderr: stdout is the report's.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_proto::v1 as pb;

/// Shows progress to a person.
pub(super) struct Show {
    bar: ProgressBar,
    quiet: bool,
}

impl Show {
    /// With `quiet`, nothing is shown: a program reads the report.
    pub(super) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::new(0);
        // Draws on a terminal alone.
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("  {bar:24} {pos}/{len} verified  {msg}") {
            bar.set_style(style);
        }
        Self { bar, quiet }
    }

    /// One line.
    pub(super) fn say(&self, line: &str) {
        if self.quiet {
            return;
        }
        if self.bar.is_hidden() {
            // Where stderr is gone, nobody looks.
            let _said = writeln!(std::io::stderr(), "{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// What was decided.
    pub(super) fn record(&self, record: &pb::DecisionRecord) {
        // Verdicts change with every host; the line that moves shows them.
        if record.event != "rollout.verdict" {
            let event = record.event.trim_start_matches("rollout.");
            self.say(&format!("  {event:<14} by {:<6} {}", record.actor, record.detail));
        }
    }

    /// Where the rollout is.
    pub(super) fn progress(&self, rollout: &pb::Rollout) {
        if self.quiet {
            return;
        }
        let counts = rollout.counts.unwrap_or_default();
        self.bar.set_length(rollout.tiers.iter().map(|tier| tier.eligible_hosts).sum());
        self.bar.set_position(counts.verified);
        let summary = rollout.verdict.as_ref().map_or("", |verdict| verdict.summary.as_str());
        self.bar.set_message(format!(
            "{} wave {}, {} in flight; {summary}",
            rollout.tier.trim_start_matches("tiers/"),
            rollout.wave,
            counts.in_flight
        ));
    }

    /// The rollout has come to its end.
    pub(super) fn end_of_rollout(&self, rollout: &pb::Rollout) {
        self.bar.finish_and_clear();
        self.bar.reset();
        let counts = rollout.counts.unwrap_or_default();
        self.say(&format!(
            "  {}: {} verified, {} crashed, {} silent of {} begun",
            rollout.state().as_str_name().trim_start_matches("ROLLOUT_STATE_").to_lowercase(),
            counts.verified,
            counts.crashed,
            counts.silent,
            counts.begun
        ));
    }
}
