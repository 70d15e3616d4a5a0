//! What does it cost to compare hosts with fewer others, and what does it save?

use std::io::{self, Write};

use crate::bad::FAULTS;
use crate::batch;
use crate::options::Options;
use crate::words;
use crate::world::{Care, Fault, Fleet, Order, Setup, Strata, Trouble};

const BASE: f64 = 1e-3;

/// Cohorts that are compared; the largest is every other host.
const SENTINELS: [u64; 4] = [1_000, 5_000, 20_000, 50_000];

/// Hosts of the fleet whose kernels fail at rates of their own.
const HOSTS: usize = 20_000;

const STRATA: [(Strata, &str); 4] = [
    (Strata::Controllers, "the narrowest of these with 1,000 sentinels (as controllers do)"),
    (Strata::KernelsAndZones, "its kernel and zone"),
    (Strata::Kernels, "its kernel"),
    (Strata::One, "its tier"),
];

pub(crate) fn print(out: &mut impl Write, fleet: &Fleet, options: &Options) -> io::Result<()> {
    writeln!(
        out,
        "\n## With whom a host is compared\n\nThis detector, with credit, base {}: the mean of hosts harmed, and what \
         95 of 100 runs stay within. The last two columns are good patches halted where hosts of some kernels fail \
         four times as often as others ({HOSTS} hosts), as chance has it and kernel by kernel.\n",
        words::base(BASE)
    )?;
    titles(out, "compared with hosts of", &["good, by chance", "good, by kernel"])?;
    let uneven = Fleet::new(HOSTS);
    for (strata, name) in STRATA {
        let care = Care { strata, ..Care::ALL };
        let setup = Setup { care, ..Setup::good(BASE, 0) };
        write!(out, "| {name} |")?;
        cells(out, fleet, setup, options)?;
        for order in [Order::Chance, Order::Kernels] {
            let setup = Setup { order, trouble: Trouble::Kernels, ..setup };
            let tally = batch::judge(&uneven, setup, options.seeds);
            write!(out, " {} of {} |", tally.halted(), tally.runs())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What fewer sentinels cost.
pub(crate) fn print_cohorts(
    out: &mut impl Write,
    fleet: &Fleet,
    options: &Options,
) -> io::Result<()> {
    writeln!(
        out,
        "\n## What a smaller cohort costs\n\nThis detector, with credit, base {}, {} hosts: the mean of hosts harmed, \
         and what 95 of 100 runs stay within.\n",
        words::base(BASE),
        fleet.hosts.len(),
    )?;
    titles(out, "sentinels", &["2 % take their rack down"])?;
    for sentinels in SENTINELS {
        let care = Care { sentinels, ..Care::ALL };
        let setup = Setup { care, ..Setup::good(BASE, 0) };
        write!(out, "| {sentinels} |")?;
        cells(out, fleet, setup, options)?;
        let tally =
            batch::judge(fleet, Setup { fault: Fault::Racks(0.02), ..setup }, options.seeds);
        writeln!(out, " {:.1} racks ({}) |", tally.harmed_mean(), tally.harmed_95th())?;
    }
    Ok(())
}

/// The head of a table: what a row is of, every fault, and what else.
fn titles(out: &mut impl Write, of: &str, rest: &[&str]) -> io::Result<()> {
    let faults = FAULTS.map(words::fault);
    let titles =
        std::iter::once(of).chain(faults.iter().map(|fault| &**fault)).chain(rest.iter().copied());
    let titles: Vec<&str> = titles.collect();
    writeln!(out, "| {} |", titles.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(titles.len()))
}

/// What each fault harms.
fn cells(out: &mut impl Write, fleet: &Fleet, setup: Setup, options: &Options) -> io::Result<()> {
    for fault in FAULTS {
        let tally = batch::judge(fleet, Setup { fault, ..setup }, options.seeds);
        write!(out, " {:.1} ({}) |", tally.harmed_mean(), tally.harmed_95th())?;
    }
    Ok(())
}
