//! What does it cost to compare hosts with fewer others, and what does it save?

use std::io::{self, Write};

use crate::bad::FAULTS;
use crate::batch;
use crate::options::Options;
use crate::words;
use crate::world::{Care, Fleet, Order, Setup, Strata, Trouble};

const BASE: f64 = 1e-3;

/// Hosts of the fleet whose kernels fail at rates of their own.
const HOSTS: usize = 20_000;

const STRATA: [(Strata, &str); 3] = [
    (Strata::KernelsAndZones, "its kernel and zone (as controllers do)"),
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
    write!(out, "| compared with hosts of |")?;
    for fault in FAULTS {
        write!(out, " {} |", words::fault(fault))?;
    }
    writeln!(out, " good, by chance | good, by kernel |")?;
    writeln!(out, "|{}", " --- |".repeat(FAULTS.len() + 3))?;
    let uneven = Fleet::new(HOSTS);
    for (strata, name) in STRATA {
        let care = Care { strata, ..Care::ALL };
        let setup = Setup { care, ..Setup::good(BASE, 0) };
        write!(out, "| {name} |")?;
        for fault in FAULTS {
            let tally = batch::judge(fleet, Setup { fault, ..setup }, options.seeds);
            write!(out, " {:.1} ({}) |", tally.harmed_mean(), tally.harmed_95th())?;
        }
        for order in [Order::Chance, Order::Kernels] {
            let setup = Setup { order, trouble: Trouble::Kernels, ..setup };
            let tally = batch::judge(&uneven, setup, options.seeds);
            write!(out, " {} of {} |", tally.halted(), tally.runs())?;
        }
        writeln!(out)?;
    }
    Ok(())
}
