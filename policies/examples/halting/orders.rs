//! Is a good patch halted when patching follows racks, zones or kernels, or when the fleet is in trouble?

use std::io::{self, Write};

use crate::batch;
use crate::options::Options;
use crate::words;
use crate::world::tally::Tally;
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

const TROUBLES: [(Trouble, &str); 6] = [
    (Trouble::None, "none"),
    (Trouble::Racks(30), "a rack is cut off for 20 minutes, every half hour"),
    (Trouble::Zones(240), "a zone is cut off for 15 minutes, every four hours"),
    (Trouble::ZoneInTurn(300), "the zone whose turn it is is cut off for 15 minutes, once"),
    (Trouble::Spikes(480), "failures come 20 times as often for half an hour, every eight hours"),
    (Trouble::Kernels, "hosts of some kernels fail four times as often as others"),
];

pub(crate) fn print(out: &mut impl Write, options: &Options) -> io::Result<()> {
    let fleet = Fleet::new(HOSTS);
    writeln!(
        out,
        "\n## Good patches in other orders, and in trouble\n\nThis detector, with credit; {HOSTS} hosts, base {}. Halted, \
         and held for some time; in the last column and row with the exact upper bound of the halts, 95 %.\n",
        words::base(BASE)
    )?;
    write!(out, "| trouble |")?;
    for (_, called) in ORDERS {
        write!(out, " {called} |")?;
    }
    writeln!(out, " all |\n| --- | --- | --- | --- | --- | --- |")?;
    let mut by_order: [Tally; ORDERS.len()] = Default::default();
    for (trouble, named) in TROUBLES {
        write!(out, "| {named} |")?;
        let mut all = Tally::default();
        for ((order, _), of_order) in ORDERS.into_iter().zip(&mut by_order) {
            let setup = Setup { order, trouble, ..Setup::good(BASE, 0) };
            let tally = batch::judge(&fleet, setup, options.seeds);
            write!(out, " {} of {}, held {} |", tally.halted(), tally.runs(), tally.held())?;
            all.0.extend(&tally.0);
            of_order.0.extend(tally.0);
        }
        total(out, &all)?;
        writeln!(out)?;
    }
    write!(out, "| all |")?;
    for tally in &by_order {
        total(out, tally)?;
    }
    writeln!(out, " |")
}

/// What many cells come to, and whether it is at most one in a hundred.
fn total(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    let (halted, runs, bound) = (tally.halted(), tally.runs(), tally.at_most());
    write!(out, " {halted} of {runs} (≤ {bound}), {} |", words::met(tally.halts() <= 1.0))
}
