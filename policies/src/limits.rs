//! How many hosts at a time beyond what credit and budgets say? By zone and rack, and by the hour.

use serde::{Deserialize, Serialize};

use crate::share::Quantity;
use crate::time::{Elapsed, Millis};

/// Limits of a policy, each of which only narrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Hosts that may begin in a period.
    pub rate: Option<Rate>,
    /// Zones that may have hosts in flight at a time.
    pub zones_at_once: Option<u64>,
    /// Racks that may have hosts in flight at a time.
    pub racks_at_once: Option<u64>,
    /// Hosts of one zone that may be in flight or gone wrong; a share is of the zone's enrolled hosts.
    pub per_zone: Option<Quantity>,
    /// Hosts of one rack that may be in flight or gone wrong.
    pub per_rack: Option<u64>,
}

/// So many hosts in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many may begin; a share is of the rollout's eligible hosts.
    pub hosts: Quantity,
    /// How long a period is. Periods follow each other from the cluster's beginning on.
    pub every: Millis,
}

/// Which domain a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DomainKind {
    /// An availability zone.
    Zone,
    /// A rack or hypervisor.
    Rack,
}

/// Hosts of one domain that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// Offered and not begun.
    pub offered: u64,
    /// In flight.
    pub in_flight: u64,
    /// Gone wrong and not acknowledged.
    pub wrong: u64,
}

/// Why a limit lets nobody begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limited {
    /// So many began in this period.
    Rate {
        /// How many.
        begun: u64,
        /// Most that may.
        most: u64,
        /// When the next period begins.
        next: Elapsed,
    },
    /// Hosts of so many other domains are in flight.
    AtOnce {
        /// Zones or racks.
        kind: DomainKind,
        /// How many.
        domains: u64,
        /// Most that may.
        most: u64,
    },
    /// So many hosts of its domain are not settled.
    Per {
        /// Its zone or rack.
        kind: DomainKind,
        /// How many.
        unsettled: u64,
        /// Most that may.
        most: u64,
    },
}

impl DomainKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Rack => "rack",
        }
    }
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        rate: None,
        zones_at_once: None,
        racks_at_once: None,
        per_zone: None,
        per_rack: None,
    };

    /// Whether zones or racks have to be counted.
    pub const fn counts_domains(&self) -> bool {
        self.zones_at_once.is_some()
            || self.racks_at_once.is_some()
            || self.per_zone.is_some()
            || self.per_rack.is_some()
    }
}

impl Rate {
    /// The period that `now` is in, counted from 0.
    pub const fn period(&self, now: Elapsed) -> u64 {
        match now.0.checked_div(self.every.0) {
            Some(period) => period,
            None => 0,
        }
    }

    /// When the period after the one that `now` is in begins.
    pub const fn next(&self, now: Elapsed) -> Elapsed {
        Elapsed((self.period(now) + 1).saturating_mul(self.every.0))
    }
}

impl Unsettled {
    /// Hosts that are exposed in it, those with an offer among them.
    pub const fn exposed(&self) -> u64 {
        self.offered + self.in_flight + self.wrong
    }

    /// Whether nobody is counted.
    pub const fn is_empty(&self) -> bool {
        self.exposed() == 0
    }
}

impl std::fmt::Display for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rate { begun, most, next } => write!(
                f,
                "{begun} hosts began in this period, and at most {most} may; the next one begins at {} of running time",
                Millis(next.0)
            ),
            Self::AtOnce { kind, domains, most } => {
                let kind = kind.word();
                write!(
                    f,
                    "hosts of {domains} other {kind}s are in flight, and of at most {most} may be at a time"
                )
            }
            Self::Per { kind, unsettled, most } => {
                let kind = kind.word();
                write!(
                    f,
                    "{unsettled} hosts of its {kind} are in flight or went wrong, and at most {most} may"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_each_other_without_a_gap() {
        let rate = Rate { hosts: Quantity::Hosts(1), every: Millis(100) };
        let of = |now| (rate.period(Elapsed(now)), rate.next(Elapsed(now)));
        assert_eq!(of(0), (0, Elapsed(100)));
        assert_eq!(of(99), (0, Elapsed(100)));
        assert_eq!(of(100), (1, Elapsed(200)));
    }
}
