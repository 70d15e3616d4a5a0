//! How many racks does a patch take down that takes racks down, with the comparison of domains and without?

use std::io::{self, Write};

use crate::batch;
use crate::options::Options;
use crate::words;
use crate::world::{Care, Fault, Fleet, Setup};

const BASE: f64 = 1e-3;

/// Fleets of which a fifth, and of which all hosts are sentinels.
const FLEETS: [usize; 2] = [100_000, 40_000];

/// How racks are listened to.
const CARES: [(Care, &str); 3] = [
    (Care::ALL, "from five sentinels on (as controllers do)"),
    (Care { reference: 2, ..Care::ALL }, "from two sentinels on"),
    (Care { domains: false, ..Care::ALL }, "never"),
];

/// The racks that may be lost.
const MOST: f64 = 5.0;

pub(crate) fn print(out: &mut impl Write, options: &Options) -> io::Result<()> {
    writeln!(
        out,
        "\n## Patches that take whole racks down\n\nA patched host takes its rack of forty down for good. Base {}. \
         Asked for: halted or held within five racks.\n",
        words::base(BASE)
    )?;
    writeln!(
        out,
        "| hosts | fault | racks are compared | racks lost | 95th | halted | by a person | |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for hosts in FLEETS {
        let fleet = Fleet::new(hosts);
        for fault in [Fault::Racks(0.02), Fault::Racks(0.002)] {
            for (care, name) in CARES {
                let setup = Setup { fault, care, ..Setup::good(BASE, 0) };
                let tally = batch::judge(&fleet, setup, options.seeds);
                let within = words::met(tally.harmed_mean() <= MOST);
                writeln!(
                    out,
                    "| {hosts} | {} | {name} | {:.1} ± {:.1} | {} | {} of {} | {} | {} |",
                    words::fault(fault),
                    tally.harmed_mean(),
                    tally.harmed_error(),
                    tally.harmed_95th(),
                    tally.halted(),
                    tally.runs(),
                    tally.by_person(),
                    if care.domains { within } else { "" },
                )?;
            }
        }
    }
    Ok(())
}
