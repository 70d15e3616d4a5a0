//! How often is a good patch halted, and how many hosts does a bad one harm before it is? The detector
//! beside other rules that see the same reports: a page of tables in Markdown.
//!
//! `cargo run --release -p tidegate-policies --example halting -- [--seeds N] [--good N] [--hosts N]`
//!
//! `--only SECTION` prints one section, `--costs` adds what a failure and a clean report cost. The page is a
//! function of the options, whichever the machine and its cores; costs are measured.

#[path = "../../tests/world/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the tests")]
mod world;

mod bad;
mod batch;
mod costs;
mod figures;
mod good;
mod options;
mod orders;
mod racks;
mod strata;
mod words;

use std::io::{self, Write as _};

use options::Options;
use world::Fleet;

fn main() -> io::Result<()> {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            writeln!(io::stderr(), "{message}")?;
            std::process::exit(2);
        }
    };
    let mut out = io::stdout().lock();
    let fleet = Fleet::new(options.hosts);
    options.print(&mut out)?;
    if options.wants("compare") {
        let good = good::play(&fleet, &options);
        good::print(&mut out, &good)?;
        let bad = bad::play(&fleet, &options);
        figures::print(&mut out, &good, &bad)?;
        bad::print(&mut out, &good, &bad)?;
    }
    if options.wants("strata") {
        strata::print(&mut out, &fleet, &options)?;
        strata::print_cohorts(&mut out, &fleet, &options)?;
    }
    if options.wants("orders") {
        orders::print(&mut out, &options)?;
    }
    if options.wants("racks") {
        racks::print(&mut out, &options)?;
    }
    if options.costs { costs::print(&mut out, &fleet) } else { Ok(()) }
}
