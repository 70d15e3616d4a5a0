//! How often does each rule halt a good patch?

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::batch::{self, Tallies};
use crate::options::Options;
use crate::words::{self, BASES, RULES};
use crate::world::rules::Name;
use crate::world::tally::Tally;
use crate::world::{Fleet, Setup};

/// The largest share of good patches, in percent, that a rule may halt and still be compared by harm.
const MOST: f64 = 1.0;

/// Good patches at each base rate.
pub(crate) struct Good(Vec<Tallies>);

pub(crate) fn play(fleet: &Fleet, options: &Options) -> Good {
    let play = |base| batch::compare(fleet, Setup::good(base, 0), options.good);
    Good(BASES.into_iter().map(play).collect())
}

impl Good {
    /// What a rule did to good patches at the base rate of this place.
    pub(crate) fn of(&self, base: usize, rule: Name) -> &Tally {
        &self.0[base][&rule]
    }

    /// Rules that halt more than one good patch in a hundred at this base rate: what they spare on bad
    /// ones says nothing.
    pub(crate) fn alarmists(&self, base: usize) -> BTreeSet<Name> {
        RULES.into_iter().filter(|rule| self.of(base, *rule).halts() > MOST).collect()
    }
}

pub(crate) fn print(out: &mut impl Write, good: &Good) -> io::Result<()> {
    writeln!(
        out,
        "\n## Good patches halted\n\nIn brackets the exact upper bound, 95 % (Clopper–Pearson). **×**: more than 1 \
         of 100, so that harm at that base rate is not compared. Of the detector, rollouts that were held for some \
         time are counted, too.\n"
    )?;
    write!(out, "| rule |")?;
    for base in BASES {
        write!(out, " base {} |", words::base(base))?;
    }
    writeln!(out, "\n| --- | --- | --- | --- |")?;
    for rule in RULES {
        write!(out, "| {} |", words::rule(rule))?;
        for base in 0..BASES.len() {
            let tally = good.of(base, rule);
            let mark = if good.alarmists(base).contains(&rule) { " **×**" } else { "" };
            write!(out, " {} of {} (≤ {}){mark}", tally.halted(), tally.runs(), tally.at_most())?;
            match rule {
                Name::Credit | Name::Detector => write!(out, ", held {} |", tally.held())?,
                Name::Share(_) | Name::Ranks | Name::Told => write!(out, " |")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
