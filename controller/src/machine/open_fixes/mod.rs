//! Which fixes are open on which hosts, what keeps the hosts from them, and is what was promised kept?
//!
//! A fix is open on a host where a patch set that holds it was published for its kernel, and the host runs, in its
//! present boot, neither that one nor one that was published later: patch sets are cumulative. What was withdrawn
//! holds nothing. This is the other side of every hold: hosts that may not begin are safe from the patch, and not
//! from what it fixes.

mod cause;
mod count;
mod line;
mod objective;

use std::collections::BTreeMap;

use tidegate_policies::severity::Severity;
use tidegate_policies::time::WallTime;

use super::Machine;
use super::ids::TierName;
use super::patch_sets::KernelKey;
use count::Counted;

pub use cause::Cause;
pub use objective::{Level, Standing};

/// What is open, on how many hosts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFixes {
    /// When, on the cluster's wall clock.
    pub at: WallTime,
    /// Enrolled hosts that were looked at.
    pub hosts: u64,
    /// Those that have at least one fix open.
    pub open_hosts: u64,
    /// Each fix that was published for a kernel of theirs: the worst first, then the oldest.
    pub fixes: Vec<Fixed>,
    /// What keeps hosts from what is open on them: what leaves the worst open first, then the most hosts.
    pub causes: Vec<KeptOut>,
    /// How the objectives stand that tiers have, in the order of the ladder.
    pub levels: Vec<Level>,
}

/// A fix, and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// E.g. `cve-2026-12345`.
    pub name: String,
    /// How bad it is; the worst that a patch set says.
    pub severity: Severity,
    /// When it was published first, for a kernel of the hosts.
    pub since: WallTime,
    /// Hosts for whose kernels there is a patch set that holds it.
    pub hosts: u64,
    /// Those on which it is open.
    pub open_hosts: u64,
}

/// Hosts that one thing keeps from what is open on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOut {
    /// What keeps them.
    pub cause: Cause,
    /// How many.
    pub hosts: u64,
    /// What is open on them, by how bad it is, the worst first.
    pub open: Vec<Open>,
}

/// Open fixes of one severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// How bad they are.
    pub severity: Severity,
    /// How many different ones.
    pub fixes: u64,
    /// Hosts with at least one of them.
    pub hosts: u64,
    /// When the oldest of them was published.
    pub since: WallTime,
}

impl Machine {
    /// What is open on the hosts of `tier`, or of all.
    ///
    /// Looks at every host: from a copy of the state, away from the node's thread.
    pub fn open_fixes(&self, tier: Option<&TierName>) -> OpenFixes {
        let counted = self.count_open(tier);
        OpenFixes {
            at: self.clock.wall,
            hosts: counted.hosts,
            open_hosts: counted.open.values().sum(),
            fixes: fixes(&counted),
            causes: causes(&counted),
            levels: self.levels(&counted, tier),
        }
    }
}

fn fixes(counted: &Counted<'_>) -> Vec<Fixed> {
    let mut fixes = BTreeMap::<&str, Fixed>::new();
    for (kernel, line) in &counted.lines {
        let hosts = counted.hosts_of(kernel);
        for (since, fix) in line.since(None) {
            let entry = fixes.entry(&fix.name).or_insert_with(|| Fixed {
                name: fix.name.clone(),
                severity: fix.severity,
                since,
                hosts: 0,
                open_hosts: 0,
            });
            entry.severity = entry.severity.max(fix.severity);
            entry.since = entry.since.min(since);
            entry.hosts += hosts;
        }
    }
    for (group, hosts) in &counted.open {
        for (_, fix) in counted.open_to(group) {
            if let Some(of) = fixes.get_mut(fix.name.as_str()) {
                of.open_hosts += hosts;
            }
        }
    }
    let mut fixes: Vec<Fixed> = fixes.into_values().collect();
    fixes.sort_by(|a, b| (b.severity, a.since, &a.name).cmp(&(a.severity, b.since, &b.name)));
    fixes
}

fn causes(counted: &Counted<'_>) -> Vec<KeptOut> {
    let mut hosts = BTreeMap::<&Cause, u64>::new();
    let mut open = BTreeMap::<(&Cause, Severity), (BTreeMap<&str, WallTime>, u64)>::new();
    for (group, count) in &counted.open {
        *hosts.entry(&group.cause).or_default() += count;
        let mut severities = Vec::new();
        for (since, fix) in counted.open_to(group) {
            let (names, of) = open.entry((&group.cause, fix.severity)).or_default();
            let oldest = names.entry(&fix.name).or_insert(since);
            *oldest = since.min(*oldest);
            if !severities.contains(&fix.severity) {
                severities.push(fix.severity);
                *of += count;
            }
        }
    }
    let drawn = |cause: &Cause, count: u64| {
        let of_it = open.iter().filter(|((of, _), _)| *of == cause).rev();
        let open = of_it.filter_map(|((_, severity), (names, hosts))| {
            let (severity, fixes) = (*severity, u64::try_from(names.len()).unwrap_or(u64::MAX));
            Some(Open { severity, fixes, hosts: *hosts, since: *names.values().min()? })
        });
        KeptOut { cause: cause.clone(), hosts: count, open: open.collect() }
    };
    let mut causes: Vec<KeptOut> =
        hosts.into_iter().map(|(cause, count)| drawn(cause, count)).collect();
    let worst = |of: &KeptOut| of.open.first().map(|open| open.severity);
    causes.sort_by(|a, b| (worst(b), b.hosts, &a.cause).cmp(&(worst(a), a.hosts, &b.cause)));
    causes
}

/// The kernels of a fleet, each with what was published for it.
type Lines<'a> = BTreeMap<KernelKey, line::Line<'a>>;
