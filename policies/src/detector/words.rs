//! How does a person check a ruling by hand? The arithmetic in words and numbers, one line after the
//! other.

use std::fmt::Write as _;

use super::Record;
use super::applies::{PENALTY, PERCENT, charge, correction};
use super::bits::Bits;
use super::grid::{GAIN, GRID, MARGIN, shift};
use super::ruling::{Finding, HostsRow, Inputs, OnSlice, Rule, Ruling, Scope, Standing};
use super::slices::SliceId;
use super::stream::{Cohort, Stream, Window};
use super::trail::Step;
use crate::plural::count;
use crate::time::Millis;

/// Suspects, and facts that failed hosts have in common, that are shown.
const FEW: usize = 3;

/// What is known of a host, in words: its kernel, CPU model, zone and rack.
pub type Facts<'a> = &'a dyn Fn(u64) -> Option<String>;

impl Ruling {
    /// One sentence: what the evidence says, with the numbers that it rests on.
    pub fn sentence(&self, inputs: &Inputs) -> String {
        let Some(finding) = &self.finding else {
            return "fewer than two patched hosts of two failure domains failed: nothing counts yet".to_owned();
        };
        let Finding { name, weighed, treated, control, .. } = finding;
        let seen = match finding.rule {
            Rule::Hosts { stream, window, .. } => format!(
                "{name}: {} failed {}, and {control} unpatched since the start; judged by those {}",
                count(*treated, "patched host"),
                stream.how(),
                window.when()
            ),
            Rule::Domains { .. } => {
                format!(
                    "{treated} racks or zones with patched hosts and {control} without fell silent"
                )
            }
            Rule::Applies { fault, .. } => format!(
                "{name}: {treated} of {} applies {}, where 1 in 100 may",
                treated + control,
                fault.word()
            ),
        };
        let Inputs { hold_at, halt_at, .. } = inputs;
        format!("{seen}; score {weighed}, where {hold_at} holds and {halt_at} halts")
    }
}

impl Record {
    /// The whole arithmetic, line by line, so that it can be done again with a pocket calculator. `facts` tells
    /// of each host what is known; of whom it does not know, the number of the failure domain is shown.
    pub fn arithmetic(&self, facts: Facts<'_>) -> String {
        let mut text = String::new();
        line(&mut text, "seen", &self.ruling.sentence(&self.inputs));
        let Some(finding) = &self.ruling.finding else { return text };
        line(&mut text, "says", &self.says());
        line(&mut text, "chance", &self.chance(finding));
        if let Rule::Hosts { slice, stream, window, .. } = finding.rule {
            self.by_chance(&mut text, (slice, stream, window));
            self.in_common(&mut text, finding, (slice, stream));
        }
        for suspect in self.inputs.suspects.iter().take(FEW) {
            line(&mut text, "suspect", &suspect.sentence(self.inputs.hold_at));
        }
        let Finding { sum, penalty, weighed, .. } = finding;
        let score =
            format!("{weighed} = {sum} (evidence) - {penalty} (for looking in many places)");
        line(&mut text, "score", &score);
        match finding.rule {
            Rule::Hosts { slice, stream, window, ratio } => {
                self.hosts(&mut text, finding, (slice, stream, window, usize::from(ratio)), facts);
            }
            Rule::Domains { ratio } => {
                let ratio = GRID[usize::from(ratio)];
                let places =
                    format!("3.000: one of 8 strengths of harm, here {ratio} times the failures");
                line(&mut text, "places", &places);
            }
            Rule::Applies { share, .. } => applies(&mut text, finding, usize::from(share)),
        }
        text
    }

    fn says(&self) -> String {
        let verdict = match self.ruling.standing {
            Standing::Go => return "nothing against going on".to_owned(),
            Standing::Hold => return "hold: nobody begins; those in flight are watched".to_owned(),
            Standing::Halt => "halt",
        };
        let whom = match (self.ruling.scope, self.inputs.on_slice) {
            (Scope::Slice(slice), _) => {
                let suspect = self.inputs.suspects.iter().find(|suspect| suspect.slice == slice);
                let name = suspect.map_or("one slice", |suspect| suspect.name.as_str());
                format!("{name} alone")
            }
            (Scope::Everything, OnSlice::Everything) => "everything".to_owned(),
            (Scope::Everything, OnSlice::Quarantine) => {
                "everything: the harm stands in no slice alone".to_owned()
            }
        };
        format!("{verdict} {whom}")
    }

    /// How seldom a harmless patch comes this far: a score of `n` bits at most once in 2ⁿ rollouts, whenever
    /// it is looked at (Ville's inequality).
    fn chance(&self, finding: &Finding) -> String {
        let Inputs { hold_at, halt_at, generation, .. } = &self.inputs;
        let once_in = |score: Bits| score.odds().max(1);
        let reached = match finding.weighed.odds() {
            0 | 1 => "a harmless rollout often comes this far".to_owned(),
            n => {
                format!(
                    "in this test at most 1 in {n} harmless rollouts comes this far (2^{})",
                    finding.weighed
                )
            }
        };
        let limits = format!(
            "each of the tests of hosts, domains and applies ever holds at most 1 in {} of them, and halts 1 in {}",
            once_in(*hold_at),
            once_in(*halt_at)
        );
        let resumed = match generation {
            0 => String::new(),
            n => format!("; half as many after each resume, of which there were {n}"),
        };
        format!("{reached}; {limits}{resumed}")
    }

    /// How many of the failures would be of patched hosts if the patch did nothing.
    fn by_chance(&self, text: &mut String, at: (SliceId, Stream, Window)) {
        let (slice, stream, window) = at;
        let counted = self.steps.iter().filter_map(|step| {
            let counted = step.evidence_for(slice, stream)?.in_window(window);
            let (is_inside, is_patched) = match step.cohort {
                Cohort::Control => (true, false),
                Cohort::Treated(windows) => (windows.contains(window), true),
            };
            let compared = counted.treated > 0 && counted.control > 0;
            (is_inside && compared).then_some((counted, is_patched))
        });
        let (mut failures, mut expected, mut patched) = (0, 0, 0);
        for (at, is_patched) in counted {
            let all = u64::from(at.treated) + u64::from(at.control);
            failures += 1;
            patched += u32::from(is_patched);
            expected += (u64::from(at.treated) * 1_000_000).checked_div(all).unwrap_or(0);
        }
        if failures == 0 {
            return;
        }
        let expected = match (expected + 5_000) / 10_000 {
            0 => "less than 0.01".to_owned(),
            hundredths => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        };
        let failures = count(failures, "failure");
        let said = format!(
            "{expected} of the {failures} listed here would be of patched hosts if the patch did nothing; \
             {patched} are"
        );
        line(text, "by chance", &said);
    }

    /// Facts that most of the failed hosts share, and how many of the unpatched do: where to look for the
    /// cause. Where a slice is what is found, it says it itself.
    fn in_common(&self, text: &mut String, finding: &Finding, (slice, stream): (SliceId, Stream)) {
        if slice != SliceId(0) {
            return;
        }
        let (failed, all) = (finding.treated, u64::from(finding.at_risk.control));
        let of_row =
            |row: &HostsRow| (u64::from(row.shown.treated), u64::from(row.at_risk.control));
        let says_much = |row: &HostsRow| {
            let (inside, others) = of_row(row);
            // Most of those that failed, and half as much again as of the unpatched.
            inside * 2 > failed && inside * all * 2 > others * failed * 3
        };
        let same = |row: &&HostsRow| row.slice != slice && row.stream == stream && says_much(row);
        let mut rows: Vec<&HostsRow> = self.inputs.hosts.iter().filter(same).collect();
        // The rarer a fact is, the more it says.
        rows.sort_by_key(|row| (of_row(row).1, row.slice));
        if rows.is_empty() {
            line(
                text,
                "in common",
                "nothing that is notably more common among them than among the unpatched",
            );
        }
        for row in rows.into_iter().take(FEW) {
            let (inside, others) = of_row(row);
            let said = format!(
                "{inside} of the {failed} have {}, as {others} of the {all} unpatched hosts do",
                row.name
            );
            line(text, "in common", &said);
        }
    }

    fn hosts(
        &self,
        text: &mut String,
        finding: &Finding,
        at: (SliceId, Stream, Window, usize),
        facts: Facts<'_>,
    ) {
        let (_, stream, window, k) = at;
        let slice = finding.penalty.less(stream.penalty()).less(window.penalty());
        let weights = format!(
            "{} = {} ({}) + {} (failing {}) + {} ({}) + 3.000 (8 strengths of harm)",
            finding.penalty,
            slice.less(Bits::whole(3)),
            finding.name,
            stream.penalty(),
            stream.how(),
            window.penalty(),
            window.when()
        );
        line(text, "places", &weights);
        let added: Vec<(&Step, Bits)> =
            self.steps.iter().filter_map(|step| Some((step, added(step, at)?))).collect();
        let silent = added.iter().filter(|(_, bits)| *bits == Bits::ZERO).count();
        if !added.is_empty() {
            let formula = format!(
                "log2(({MARGIN} P + U) / ({0} P + U)) for each failure, and {1} = log2({0} / ({MARGIN})) more if the \
                 host was patched",
                GRID[k],
                Bits(GAIN[k])
            );
            line(text, "evidence", &formula);
            let ratio = GRID[k];
            let meaning = format!(
                "P patched hosts {} of their begin, and U unpatched ones of the stratum, were watched just \
                 before",
                window.when()
            );
            line(text, "", &meaning);
            let meaning = format!(
                "{ratio} times the failures is the size of harm that fits best, of 8; up to {MARGIN} is not \
                 called harm; times are the cluster's running time"
            );
            line(text, "", &meaning);
            let listed = added.iter().fold(Bits::ZERO, |sum, (_, bits)| sum.plus(*bits));
            let mut sum = finding.sum.less(listed);
            line(text, "", &format!("{sum:>19}  from failures before these"));
            if silent > 0 {
                let said = "of strata in which no patched host was watched then add nothing";
                let failures = count(u64::try_from(silent).unwrap_or(u64::MAX), "failure");
                line(text, "", &format!("{:>19}  {failures} {said}", Bits::ZERO));
            }
            for (step, bits) in added.into_iter().filter(|(_, bits)| *bits != Bits::ZERO) {
                sum = sum.plus(bits);
                line(text, "", &step_words(step, at, (bits, sum), facts));
            }
        }
        let now = finding.at_risk;
        let said = format!("P = {}, U = {}, all strata together", now.treated, now.control);
        line(text, "now", &said);
    }
}

fn step_words(
    step: &Step,
    (slice, stream, window, _): (SliceId, Stream, Window, usize),
    (bits, sum): (Bits, Bits),
    facts: Facts<'_>,
) -> String {
    let counted = step.evidence_for(slice, stream).unwrap_or_default().in_window(window);
    let cohort = match step.cohort {
        Cohort::Treated(_) => "patched",
        Cohort::Control => "unpatched",
    };
    let known = facts(step.host).unwrap_or_else(|| format!("domain {:x}", step.domain.0));
    let at = Millis(step.at.0).to_the_minute();
    let (patched, unpatched) = (counted.treated, counted.control);
    format!(
        "{bits:>8} -> {sum:>7}  {at}: {cohort} {:016x} [{known}], P = {patched}, U = {unpatched}",
        step.host
    )
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
    let slice = finding.penalty.less(PENALTY);
    let weights = format!(
        "{} = {slice} ({}) + {PENALTY} (6 shares, 2 faults)",
        finding.penalty, finding.name
    );
    line(text, "places", &weights);
    let evidence = format!(
        "{} = {begun} begins x {} (log2({} / 99)) + {faults} faults x {} (log2({percent}) less that)",
        finding.sum,
        charge(k),
        100 - percent,
        correction(k),
    );
    line(text, "evidence", &evidence);
}

/// Writing to a `String` cannot fail.
fn line(text: &mut String, name: &str, words: &str) {
    let _written = writeln!(text, "{name:<10} {words}");
}
