//! How does a person check a ruling by hand? The arithmetic in words and numbers, one line after the
//! other.

use std::fmt::Write as _;

use super::Record;
use super::applies::{PERCENT, charge, correction};
use super::bits::Bits;
use super::grid::{GRID, MARGIN, shift};
use super::ruling::{Finding, OnSlice, Rule, Ruling, Scope, Standing};
use super::slices::SliceId;
use super::stream::{Cohort, Stream, Window};
use super::trail::Step;
use crate::time::Millis;

/// Suspects that are shown.
const FEW_SUSPECTS: usize = 3;

impl Ruling {
    /// One sentence: what the evidence says, with the numbers that it rests on.
    pub fn sentence(&self) -> String {
        let Some(finding) = &self.finding else {
            return "no slice has two patched hosts of two failure domains that failed".to_owned();
        };
        let Finding { name, weighed, threshold, treated, control, .. } = finding;
        let said = match self.standing {
            Standing::Go => format!("{weighed} bits, below the {threshold} that hold"),
            Standing::Hold => format!("{weighed} bits, at or above the {threshold} that hold"),
            Standing::Halt => format!("{weighed} bits, at or above the {threshold} that halt"),
        };
        match finding.rule {
            Rule::Hosts { stream, window, .. } => format!(
                "{name}, stream {}, window {}: {treated} patched and {control} control hosts failed; \
                 {said}",
                stream.word(),
                window.word()
            ),
            Rule::Domains { .. } => {
                format!(
                    "{treated} domains with patched hosts and {control} without fell silent; {said}"
                )
            }
            Rule::Applies { fault, .. } => format!(
                "{name}: {treated} of {} applies {}; {said}",
                treated + control,
                fault.word()
            ),
        }
    }
}

impl Record {
    /// The whole arithmetic, line by line, so that it can be done again with a pocket calculator.
    pub fn arithmetic(&self) -> String {
        let mut text = format!("{}\n", self.ruling.sentence());
        let Some(finding) = &self.ruling.finding else { return text };
        let verdict = match self.ruling.standing {
            Standing::Go => "go",
            Standing::Hold => "hold",
            Standing::Halt => "halt",
        };
        let Finding { sum, penalty, weighed, threshold, .. } = finding;
        line(&mut text, format_args!("verdict   {verdict}, {}", self.whom()));
        for suspect in self.inputs.suspects.iter().take(FEW_SUSPECTS) {
            let said = suspect.sentence(self.inputs.hold_at);
            line(&mut text, format_args!("suspect   {said}"));
        }
        line(
            &mut text,
            format_args!(
                "M         {weighed} = {sum} (evidence) - {penalty} (weights); held against {threshold}"
            ),
        );
        line(
            &mut text,
            format_args!(
                "          halt from {}, hold from {} (generation {})",
                self.inputs.halt_at, self.inputs.hold_at, self.inputs.generation
            ),
        );
        match finding.rule {
            Rule::Hosts { slice, stream, window, ratio } => {
                self.hosts(&mut text, finding, (slice, stream, window, usize::from(ratio)));
            }
            Rule::Domains { ratio } => {
                let ratio = GRID[usize::from(ratio)];
                line(
                    &mut text,
                    format_args!("weights   3.000: one of 8 hazard ratios, here {ratio}"),
                );
            }
            Rule::Applies { share, .. } => applies(&mut text, finding, usize::from(share)),
        }
        text
    }

    fn whom(&self) -> String {
        match (self.ruling.standing, self.ruling.scope) {
            (Standing::Halt, Scope::Slice(slice)) => {
                let suspect = self.inputs.suspects.iter().find(|suspect| suspect.slice == slice);
                let name = suspect.map_or("one slice", |suspect| suspect.name.as_str());
                format!("of {name} alone")
            }
            (Standing::Halt, Scope::Everything) => match self.inputs.on_slice {
                OnSlice::Everything => "of everything".to_owned(),
                OnSlice::Quarantine => "of everything: it stands in no slice alone".to_owned(),
            },
            (Standing::Go | Standing::Hold, _) => "for everything".to_owned(),
        }
    }

    fn hosts(&self, text: &mut String, finding: &Finding, at: (SliceId, Stream, Window, usize)) {
        let (_, stream, window, k) = at;
        let slice = finding.penalty.less(stream.penalty()).less(window.penalty());
        let slice = slice.less(Bits::whole(3));
        line(
            text,
            format_args!(
                "weights   {} = {slice} ({}) + {} (stream {}) + {} (window {}) + 3.000 (one of 8 ratios)",
                finding.penalty,
                finding.name,
                stream.penalty(),
                stream.word(),
                window.penalty(),
                window.word()
            ),
        );
        let ratio = GRID[k];
        line(
            text,
            format_args!(
                "evidence  each failure adds log2(({MARGIN} Y1 + Y0) / ({ratio} Y1 + Y0)), and {} more if \
                 the host was patched",
                Bits(super::grid::GAIN[k])
            ),
        );
        line(
            text,
            format_args!(
                "          Y1 patched hosts in the window and Y0 control hosts of its stratum, before it"
            ),
        );
        let added: Vec<(&Step, Bits)> =
            self.steps.iter().filter_map(|step| Some((step, added(step, at)?))).collect();
        let listed = added.iter().fold(Bits::ZERO, |sum, (_, bits)| sum.plus(*bits));
        let mut sum = finding.sum.less(listed);
        line(text, format_args!("          {sum:>9} from failures before those listed here"));
        for (step, bits) in added {
            sum = sum.plus(bits);
            self.step(text, step, at, (bits, sum));
        }
        let now = finding.at_risk;
        line(
            text,
            format_args!("now       Y1 = {}, Y0 = {} in all strata", now.treated, now.control),
        );
    }

    fn step(
        &self,
        text: &mut String,
        step: &Step,
        (slice, stream, window, _): (SliceId, Stream, Window, usize),
        (bits, sum): (Bits, Bits),
    ) {
        let Some(counted) = step.evidence_for(slice, stream) else { return };
        let at = counted.in_window(window);
        let cohort = match step.cohort {
            Cohort::Treated(_) => "patched",
            Cohort::Control => "control",
        };
        line(
            text,
            format_args!(
                "          {bits:>9} -> {sum:>9}  {cohort} host {:016x} of domain {:x} at {}: Y1 = {}, Y0 = {}",
                step.host,
                step.domain.0,
                Millis(step.at.0),
                at.treated,
                at.control
            ),
        );
    }
}

/// What a failure added to the sum of this slice, stream, window and ratio.
fn added(step: &Step, at: (SliceId, Stream, Window, usize)) -> Option<Bits> {
    let (slice, stream, window, k) = at;
    let counted = step.evidence_for(slice, stream)?.in_window(window);
    match step.cohort {
        Cohort::Control => Some(shift(counted, k, 0)),
        Cohort::Treated(windows) if windows.contains(window) => Some(shift(counted, k, 1)),
        Cohort::Treated(_) => None,
    }
}

fn applies(text: &mut String, finding: &Finding, k: usize) {
    let (begun, faults) = (finding.at_risk.treated, finding.treated);
    let percent = PERCENT[k];
    line(
        text,
        format_args!(
            "evidence  {} = {begun} begins x {} (log2({} / 99)) + {faults} faults x {} (log2({percent}) less that)",
            finding.sum,
            charge(k),
            100 - percent,
            correction(k),
        ),
    );
    let slice = finding.penalty.less(super::applies::PENALTY);
    line(
        text,
        format_args!(
            "weights   {} = {slice} ({}) + {} (one of 6 shares and 2 faults)",
            finding.penalty,
            finding.name,
            super::applies::PENALTY
        ),
    );
}

/// Writing to a `String` cannot fail.
fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    if text.write_fmt(words).is_ok() {
        text.push('\n');
    }
}
