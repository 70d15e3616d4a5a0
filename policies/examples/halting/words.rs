//! What are rules, rates and faults called in the tables?

use crate::world::Fault;
use crate::world::rules::Name;

/// The base rates, per host and hour.
pub(crate) const BASES: [f64; 3] = [1e-4, 1e-3, 1e-2];

/// The rules in the order of the tables.
pub(crate) const RULES: [Name; 7] = [
    Name::Credit,
    Name::Detector,
    Name::Share(1),
    Name::Share(5),
    Name::Share(10),
    Name::Ranks,
    Name::Told,
];

pub(crate) fn rule(name: Name) -> String {
    match name {
        Name::Credit => "this detector, with credit".to_owned(),
        Name::Detector => "this detector, in the others' waves".to_owned(),
        Name::Share(percent) => format!("more than {percent} % of a wave"),
        Name::Ranks => "Mann–Whitney, half an hour each".to_owned(),
        Name::Told => "SPRT, told the true rates".to_owned(),
    }
}

pub(crate) fn base(base: f64) -> &'static str {
    match base {
        b if b < 5e-4 => "10⁻⁴",
        b if b < 5e-3 => "10⁻³",
        _ => "10⁻²",
    }
}

pub(crate) fn fault(fault: Fault) -> String {
    let percent = |chance: f64| format!("{} %", (chance * 1_000.0).round() / 10.0);
    match fault {
        Fault::None => "none".to_owned(),
        Fault::Hosts(chance) => percent(chance),
        Fault::Model(chance) => format!("{} of one CPU model", percent(chance)),
        Fault::Racks(chance) => format!("{} take their rack down", percent(chance)),
    }
}

/// `met`, or not.
pub(crate) const fn met(met: bool) -> &'static str {
    if met { "met" } else { "**not met**" }
}
