//! Is a good patch halted when patching follows racks, zones or kernels, or when the fleet is in trouble?

use std::io::{self, Write};

use crate::batch;
use crate::options::Options;
use crate::words;
use crate::world::{Fleet, Order, Setup, Trouble};

const BASE: f64 = 1e-3;

/// A fleet in which every host is a sentinel, and every rack listened to.
const HOSTS: usize = 20_000;

const ORDERS: [(Order, &str); 4] = [
    (Order::Chance, "as chance has it"),
    (Order::Racks, "rack by rack"),
    (Order::Zones, "zone by zone"),
    (Order::Kernels, "kernel by kernel"),
];

const TROUBLES: [(Trouble, &str); 5] = [
    (Trouble::None, "none"),
    (Trouble::Racks, "a rack is cut off for 20 minutes, every half hour"),
    (Trouble::Zones, "a zone is cut off for 15 minutes, every four hours"),
    (Trouble::Spikes, "failures come 20 times as often for half an hour, every eight hours"),
    (Trouble::Kernels, "hosts of some kernels fail four times as often as others"),
];

pub(crate) fn print(out: &mut impl Write, options: Options) -> io::Result<()> {
    let fleet = Fleet::new(HOSTS);
    writeln!(
        out,
        "\n## Good patches in other orders, and in trouble\n\nThis detector, with credit; {HOSTS} hosts, base {}. Halted, \
         with the exact upper bound, and held for some time.\n",
        words::base(BASE)
    )?;
    writeln!(out, "| trouble | order | halted | at most, 95 % | held | |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for (trouble, named) in TROUBLES {
        for (order, called) in ORDERS {
            let setup = Setup { order, trouble, ..Setup::good(BASE, 0) };
            let tally = batch::judge(&fleet, setup, options.good);
            let (halted, runs, bound) = (tally.halted(), tally.runs(), tally.at_most());
            let (held, word) = (tally.held(), words::met(tally.halts() <= 1.0));
            writeln!(
                out,
                "| {named} | {called} | {halted} of {runs} | {bound} | {held} | {word} |"
            )?;
        }
    }
    Ok(())
}
