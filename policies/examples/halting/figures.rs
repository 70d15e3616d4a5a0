//! Are the figures reached that were asked for? The program says so, by the numbers of this very run.

use std::io::{self, Write};

use crate::bad::{Bad, FAULTS};
use crate::good::Good;
use crate::words::{self, BASES};
use crate::world::Fault;
use crate::world::rules::Name;

/// The base rate at which harm is asked for in hosts: 10⁻³.
const MIDDLE: usize = 1;

/// The harm that is asked for there: of the fault at this place the mean, and what 95 of 100 stay within.
const HARM: [(usize, f64, u64); 5] =
    [(1, 9.0, 15), (2, 7.0, 12), (3, 5.0, 8), (4, 7.0, 11), (5, 6.0, 11)];

/// The harm of the rules that are told nothing, at faults of 0.5 and 1 %; elsewhere, and of the one that is
/// told the rates.
const A_THIRD: f64 = 1.0 / 3.0;
const ONE_AND_A_HALF: f64 = 1.5;

pub(crate) fn print(out: &mut impl Write, good: &Good, bad: &Bad) -> io::Result<()> {
    writeln!(out, "\n## The figures that were asked for\n\n### False halts\n")?;
    writeln!(out, "| base | halted | at most, 95 % | asked | |\n| --- | --- | --- | --- | --- |")?;
    for (n, base) in BASES.into_iter().enumerate() {
        let tally = good.of(n, Name::Credit);
        let (bound, word) = (tally.at_most(), words::met(tally.at_most().0 <= 10_000_000));
        let (halted, runs, base) = (tally.halted(), tally.runs(), words::base(base));
        writeln!(out, "| {base} | {halted} of {runs} | {bound} | ≤ 1 % | {word} |")?;
    }
    harm(out, bad)?;
    writeln!(
        out,
        "\n### Harm against rules that are told nothing\n\nOf those whose false halts are at most 1 of 100 at that \
         base rate. Asked for: a third at faults of 0.5 and 1 %, elsewhere at most 1.5 times as much.\n"
    )?;
    let told_nothing = [Name::Share(1), Name::Share(5), Name::Share(10), Name::Ranks];
    ratios(out, (good, bad), &told_nothing)?;
    writeln!(out, "\n### Harm against the SPRT that is told the true rates\n")?;
    ratios(out, (good, bad), &[Name::Told])
}

fn harm(out: &mut impl Write, bad: &Bad) -> io::Result<()> {
    writeln!(
        out,
        "\n### Hosts harmed, base {}\n\n| fault | mean | asked | 95th | asked | halted | by a person | |\n| --- | --- | --- \
         | --- | --- | --- | --- | --- |",
        words::base(BASES[MIDDLE])
    )?;
    for (fault, mean, most) in HARM {
        let tally = bad.of(MIDDLE, fault, Name::Credit);
        let (seen, high) = (tally.harmed_mean(), tally.harmed_95th());
        let every = tally.halted() == tally.runs();
        writeln!(
            out,
            "| {} | {seen:.2} ± {:.2} | ≤ {mean} | {high} | ≤ {most} | {} of {} | {} | {} |",
            words::fault(FAULTS[fault]),
            tally.harmed_error(),
            tally.halted(),
            tally.runs(),
            tally.by_person(),
            words::met(seen <= mean && high <= most && every),
        )?;
    }
    Ok(())
}

fn ratios(out: &mut impl Write, (good, bad): (&Good, &Bad), rules: &[Name]) -> io::Result<()> {
    writeln!(out, "| base | fault | rule | its harm | ours | ratio | asked | |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for (base, rate) in BASES.into_iter().enumerate() {
        let alarmists = good.alarmists(base);
        for (n, fault) in FAULTS.into_iter().enumerate() {
            for rule in rules.iter().filter(|rule| !alarmists.contains(rule)) {
                let Some(asked) = asked(base, fault, *rule) else { continue };
                let (theirs, ours) = (bad.of(base, n, *rule), bad.of(base, n, Name::Credit));
                let ratio = ours.harmed_mean() / theirs.harmed_mean();
                writeln!(
                    out,
                    "| {} | {} | {} | {:.1} | {:.1} | {ratio:.2} | ≤ {asked:.2} | {} |",
                    words::base(rate),
                    words::fault(fault),
                    words::rule(*rule),
                    theirs.harmed_mean(),
                    ours.harmed_mean(),
                    words::met(ratio <= asked),
                )?;
            }
        }
    }
    Ok(())
}

/// The largest ratio of our harm to the rule's that was asked for, where one was.
fn asked(base: usize, fault: Fault, rule: Name) -> Option<f64> {
    match (rule, fault) {
        (Name::Told, _) => (base <= MIDDLE).then_some(ONE_AND_A_HALF),
        (_, Fault::Hosts(chance)) if (0.004..0.02).contains(&chance) => Some(A_THIRD),
        (_, _) => Some(ONE_AND_A_HALF),
    }
}
