//! How large is the experiment?

use std::io::{self, Write};

/// Sections that can be had alone.
const SECTIONS: [&str; 5] = ["compare", "strata", "orders", "racks", "costs"];

/// What the command line says.
#[derive(Clone)]
pub(crate) struct Options {
    /// Runs of each bad patch: 100.
    pub(crate) seeds: u64,
    /// Runs of each good patch: three times as many.
    pub(crate) good: u64,
    /// Hosts of the fleet: 100,000.
    pub(crate) hosts: usize,
    /// The one section that is wanted; `None`: all but the costs.
    pub(crate) only: Option<String>,
    /// Whether costs are measured, too.
    pub(crate) costs: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong and what may be written.
    pub(crate) fn read(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { seeds: 100, good: 0, hosts: 100_000, only: None, costs: false };
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            if arg == "--costs" {
                options.costs = true;
                continue;
            }
            if arg == "--only" {
                options.only = args.next_if(|name| SECTIONS.contains(&name.as_str()));
                let Some(only) = &options.only else { return Err(usage(&arg)) };
                options.costs |= only == "costs";
                continue;
            }
            let number = args.peek().and_then(|number| number.parse::<u64>().ok());
            let number = number.filter(|n| *n > 0);
            match (arg.as_str(), number) {
                ("--seeds", Some(n)) => options.seeds = n,
                ("--good", Some(n)) => options.good = n,
                ("--hosts", Some(n)) if n >= 1_000 => {
                    options.hosts = usize::try_from(n).unwrap_or(usize::MAX);
                }
                (_, _) => return Err(usage(&arg)),
            }
            args.next();
        }
        if options.good == 0 {
            options.good = options.seeds * 3;
        }
        Ok(options)
    }

    /// Whether this section is wanted.
    pub(crate) fn wants(&self, section: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == section)
    }

    /// The head of the page: how to get it again.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { seeds, good, hosts, .. } = self;
        writeln!(out, "# A good patch goes on, a bad one is halted: what the simulation gave\n")?;
        writeln!(
            out,
            "`cargo run --release -p tidegate-policies --example halting -- --seeds {seeds} --good {good} --hosts \
             {hosts}`\n\n{hosts} hosts in racks of forty, nine zones, twelve kernels, sixteen CPU models; soak of \
             an hour. Rates are per host and hour. {good} runs of each good patch, {seeds} of each bad one."
        )
    }
}

fn usage(arg: &str) -> String {
    format!(
        "cannot read {arg:?}. What may be written: --seeds N (runs of each bad patch, 100), --good N (runs of each \
         good patch, three times as many), --hosts N (at least 1000; 100000), --only SECTION (compare, strata, orders, racks, costs), \
         --costs (what a failure costs)."
    )
}
