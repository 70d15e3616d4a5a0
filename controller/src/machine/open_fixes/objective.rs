//! Is what a tier was promised kept? Hosts that have had a fix open for too long, against those that may.

use tidegate_policies::tiers::Objective;
use tidegate_policies::time::WallTime;

use super::count::Counted;
use crate::machine::Machine;
use crate::machine::ids::TierName;

/// How one objective of a tier stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The tier.
    pub tier: TierName,
    /// What was promised.
    pub objective: Objective,
    /// Hosts of the tier for whose kernels there is a fix so bad.
    pub hosts: u64,
    /// Those that have one open for longer than promised.
    pub late_hosts: u64,
    /// As many may be late.
    pub tolerated_hosts: u64,
    /// Those that have one open, none of them for too long yet.
    pub due_hosts: u64,
    /// When the first of those are late; `None`: there are none.
    pub next_due: Option<WallTime>,
}

/// What to make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has such a fix open.
    Met,
    /// Some have, and it is not missed: time is left, or few are late.
    Burning,
    /// More hosts are late than may be.
    Missed,
}

impl Level {
    /// What to make of it.
    pub const fn standing(&self) -> Standing {
        if self.late_hosts > self.tolerated_hosts {
            Standing::Missed
        } else if self.late_hosts + self.due_hosts > 0 {
            Standing::Burning
        } else {
            Standing::Met
        }
    }

    /// How much of what is tolerated is used, in millionths, which may be more than all; `None`: nothing is
    /// tolerated, and somebody is late.
    pub fn burn_ppm(&self) -> Option<u64> {
        match (self.late_hosts, self.tolerated_hosts) {
            (0, _) => Some(0),
            (_, 0) => None,
            (late, tolerated) => Some(late.saturating_mul(1_000_000) / tolerated),
        }
    }
}

impl Machine {
    /// How every objective stands of `tier`, or of all.
    pub(super) fn levels(&self, counted: &Counted<'_>, tier: Option<&TierName>) -> Vec<Level> {
        let ladder = self.cluster().map_or(&[][..], |cluster| &cluster.ladder).iter();
        let tiers = ladder.map(|spec| &spec.name).filter(|name| tier.is_none_or(|of| of == *name));
        let of_tier = |name: &TierName| {
            let rules = self.calendar.rules(name.as_str());
            let objectives = rules.map_or(&[][..], |rules| rules.objectives.as_slice());
            let mut objectives = objectives.to_vec();
            objectives.sort_by_key(|of| std::cmp::Reverse(of.severity));
            let level = |of: &Objective| level(counted, self.clock.wall, (name, *of));
            objectives.iter().map(level).collect::<Vec<Level>>()
        };
        tiers.flat_map(of_tier).collect()
    }
}

fn level(counted: &Counted<'_>, now: WallTime, (tier, of): (&TierName, Objective)) -> Level {
    let mut hosts = 0;
    for ((_, kernel), count) in counted.of.iter().filter(|((of, _), _)| of == tier) {
        let line = counted.lines.get(kernel).into_iter();
        if line.flat_map(|line| line.since(None)).any(|(_, fix)| fix.severity == of.severity) {
            hosts += count;
        }
    }
    let (mut late_hosts, mut due_hosts, mut next_due) = (0, 0, None);
    for (group, count) in counted.open.iter().filter(|(group, _)| group.tier == *tier) {
        let so_bad = counted.open_to(group).filter(|(_, fix)| fix.severity == of.severity);
        match so_bad.map(|(since, _)| since.after(of.within)).min() {
            None => (),
            Some(due) if due <= now => late_hosts += count,
            Some(due) => {
                due_hosts += count;
                next_due = Some(next_due.map_or(due, |next: WallTime| next.min(due)));
            }
        }
    }
    let tolerated_hosts = of.tolerated(hosts);
    let (tier, objective) = (tier.clone(), of);
    Level { tier, objective, hosts, late_hosts, tolerated_hosts, due_hosts, next_due }
}
