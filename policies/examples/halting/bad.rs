//! How many hosts does a bad patch harm before each rule halts it?

use std::io::{self, Write};

use crate::batch::{self, Tallies};
use crate::good::Good;
use crate::options::Options;
use crate::words::{self, BASES, RULES};
use crate::world::rules::Name;
use crate::world::tally::Tally;
use crate::world::{Fault, Fleet, Setup};

/// What patches do.
pub(crate) const FAULTS: [Fault; 6] = [
    Fault::Hosts(0.001),
    Fault::Hosts(0.005),
    Fault::Hosts(0.01),
    Fault::Hosts(0.05),
    Fault::Hosts(0.5),
    Fault::Model(0.3),
];

/// Bad patches at each base rate, fault by fault.
pub(crate) struct Bad(Vec<Vec<Tallies>>);

pub(crate) fn play(fleet: &Fleet, options: &Options) -> Bad {
    let play =
        |base, fault| batch::compare(fleet, Setup { fault, ..Setup::good(base, 0) }, options.seeds);
    let at = |base| FAULTS.into_iter().map(|fault| play(base, fault)).collect();
    Bad(BASES.into_iter().map(at).collect())
}

impl Bad {
    /// What a rule did to the patch with the fault of this place, at the base rate of this place.
    pub(crate) fn of(&self, base: usize, fault: usize, rule: Name) -> &Tally {
        &self.0[base][fault][&rule]
    }
}

pub(crate) fn print(out: &mut impl Write, good: &Good, bad: &Bad) -> io::Result<()> {
    writeln!(
        out,
        "\n## Hosts harmed\n\nHosts that had begun by the halt and that the patch makes fail: the mean with its \
         standard error, what 95 of 100 runs stay within; the hosts that had begun; minutes from the start of the \
         rollout to the halt, in the middle one of the runs that halted. Runs that a person halted after four \
         hours of hold are told apart. A rollout that does not halt harms all it can."
    )?;
    for (base, rate) in BASES.into_iter().enumerate() {
        writeln!(
            out,
            "\n### Base {} per host and hour\n\n| fault | rule | harmed | 95th | halts | exposed | minutes |\n| --- \
             | --- | --- | --- | --- | --- | --- |",
            words::base(rate)
        )?;
        for (n, fault) in FAULTS.into_iter().enumerate() {
            for rule in RULES {
                let mark = if good.alarmists(base).contains(&rule) { " **×**" } else { "" };
                let name = format!("{}{mark}", words::rule(rule));
                row(out, (&words::fault(fault), &name), bad.of(base, n, rule))?;
            }
        }
    }
    Ok(())
}

fn row(out: &mut impl Write, (fault, rule): (&str, &str), tally: &Tally) -> io::Result<()> {
    let minutes =
        tally.minutes_to_halt().map_or_else(|| "–".to_owned(), |minutes| minutes.to_string());
    let person = match tally.by_person() {
        0 => String::new(),
        n => format!(", {n} by a person"),
    };
    writeln!(
        out,
        "| {fault} | {rule} | {:.1} ± {:.1} | {} | {:.0} %{person} | {:.0} | {minutes} |",
        tally.harmed_mean(),
        tally.harmed_error(),
        tally.harmed_95th(),
        tally.halts().floor(),
        tally.exposed_mean(),
    )
}
