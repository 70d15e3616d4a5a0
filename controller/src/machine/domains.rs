//! In which zones and racks are hosts of a rollout not settled? Counted where its policy limits them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::evidence::Class;
use tidegate_policies::limits::{DomainKind, Limited, Limits, Unsettled};
use tidegate_policies::share::Quantity;

use super::Machine;
use super::fleet::{Facts, Host};
use super::ids::{HostId, RolloutId};
use super::rollouts::{Entry, Rollout, Way};

/// The domains that have unsettled hosts. One without a name is a domain, too: of all hosts that do not say
/// where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domains {
    /// By kind and name; none is empty.
    pub of: BTreeMap<(DomainKind, String), Unsettled>,
}

/// What a host counts as in its domains.
fn counter<'a>(of: &'a mut Unsettled, entry: &Entry) -> Option<&'a mut u64> {
    match entry.class {
        Class::Offered => Some(&mut of.offered),
        Class::InFlight => Some(&mut of.in_flight),
        Class::Failure(_) if !entry.acknowledged => Some(&mut of.wrong),
        Class::None | Class::Verified | Class::Refused | Class::Reverted | Class::Failure(_) => {
            None
        }
    }
}

impl Domains {
    /// A host with these facts counts as its entry says, or no longer.
    fn count(&mut self, facts: &Facts, entry: &Entry, way: Way) {
        for (kind, name) in [(DomainKind::Zone, &facts.zone), (DomainKind::Rack, &facts.rack)] {
            let key = (kind, name.clone());
            let of = self.of.entry(key.clone()).or_default();
            if let Some(counted) = counter(of, entry) {
                match way {
                    Way::Enters => *counted += 1,
                    Way::Leaves => *counted -= 1,
                }
            }
            if of.is_empty() {
                self.of.remove(&key);
            }
        }
    }

    /// Whether the limits leave room for one more host with these facts; `zone_hosts` are enrolled in its zone.
    fn room(&self, limits: &Limits, facts: &Facts, zone_hosts: u64) -> Result<(), Limited> {
        let per_zone = limits.per_zone.map(|most| match most {
            Quantity::Hosts(hosts) => hosts,
            share @ Quantity::Share(_) => share.of(zone_hosts),
        });
        let kinds = [
            (DomainKind::Zone, &facts.zone, limits.zones_at_once, per_zone),
            (DomainKind::Rack, &facts.rack, limits.racks_at_once, limits.per_rack),
        ];
        for (kind, name, at_once, per) in kinds {
            let others = self.of.iter().filter(|((of, other), unsettled)| {
                *of == kind && other != name && unsettled.in_flight + unsettled.offered > 0
            });
            let domains = u64::try_from(others.count()).unwrap_or(u64::MAX);
            if let Some(most) = at_once.filter(|most| domains >= *most) {
                return Err(Limited::AtOnce { kind, domains, most });
            }
            let unsettled = self.of.get(&(kind, name.clone())).map_or(0, Unsettled::exposed);
            if let Some(most) = per.filter(|most| unsettled >= *most) {
                return Err(Limited::Per { kind, unsettled, most });
            }
        }
        Ok(())
    }
}

impl Machine {
    /// Whether the policy's limits leave room for `host`. One that has an offer counts already, so that it is left
    /// out of what it is held against.
    pub(super) fn limited(&self, rollout: &Rollout, host: &Host) -> Result<(), Limited> {
        let limits = &rollout.policy.limits;
        let now = self.clock.elapsed;
        if let Some(rate) = limits.rate {
            let (most, begun) =
                (rate.hosts.of(rollout.hosts()), rollout.begun_in(rate.period(now)));
            if begun >= most {
                return Err(Limited::Rate { begun, most, next: rate.next(now) });
            }
        }
        if !limits.counts_domains() {
            return Ok(());
        }
        let own = self.entries.get(rollout, host.id).filter(|entry| entry.class == Class::Offered);
        let zone_hosts = self.hosts_of_zone(&host.facts.zone);
        match own {
            None => rollout.domains.room(limits, &host.facts, zone_hosts),
            Some(own) => {
                let mut others = rollout.domains.clone();
                others.count(&host.facts, &own, Way::Leaves);
                others.room(limits, &host.facts, zone_hosts)
            }
        }
    }

    fn hosts_of_zone(&self, zone: &str) -> u64 {
        let of_zone = self.hosts.profiles().filter(|(_, _, profile)| profile.zone == zone);
        of_zone.map(|(_, uses, _)| uses).sum()
    }

    /// A host counts otherwise than before: `None` where it did not, or does not any more.
    pub(super) fn unsettle(
        &mut self,
        rollout: &RolloutId,
        host: HostId,
        (before, after): (Option<&Entry>, Option<&Entry>),
    ) {
        let of_old = self.host_of_old(host);
        let counts = |rollout: &&mut Rollout| rollout.policy.limits.counts_domains();
        let Some(rollout) = self.rollouts.get_mut(rollout).filter(counts) else { return };
        // Who was evicted counts on where it stood.
        let Some(host) = of_old else { return };
        rollout.domains.move_entry(&host.facts, (before, after));
    }

    /// A host's facts are other than they were: it counts where it stands now.
    pub(super) fn moves_domain(&mut self, host: HostId, (before, after): (&Facts, &Facts)) {
        if before.zone == after.zone && before.rack == after.rack {
            return;
        }
        for rollout in self.rollouts.values_mut() {
            if !rollout.policy.limits.counts_domains() {
                continue;
            }
            let Some(entry) = self.entries.get(rollout, host) else { continue };
            rollout.domains.count(before, &entry, Way::Leaves);
            rollout.domains.count(after, &entry, Way::Enters);
        }
    }
}

impl Domains {
    fn move_entry(&mut self, facts: &Facts, (before, after): (Option<&Entry>, Option<&Entry>)) {
        if let Some(before) = before {
            self.count(facts, before, Way::Leaves);
        }
        if let Some(after) = after {
            self.count(facts, after, Way::Enters);
        }
    }
}
