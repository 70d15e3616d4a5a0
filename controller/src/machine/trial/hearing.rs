//! Is a domain listened to? Its reference hosts say so: sentinels and verified ones, never those in flight.
//!
//! A rack or a zone of whose reference hosts fewer than half are heard is deaf, and so is a fleet of whose
//! fewer than four fifths are. Silence there says nothing of a host. A domain with fewer than five reference
//! hosts is listened to as a part of the one around it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::time::{Listened, Millis};

use super::facts::Stands;

/// Reference hosts below which a domain is not listened to by itself.
pub(super) const LEAST_HOSTS: u32 = 5;

/// Who is heard in one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    fleet: Heard,
    domains: BTreeMap<DomainId, Domain>,
    /// Domains of which fewer than half are heard.
    faint: BTreeSet<DomainId>,
    /// Those of them that were said to be deaf, while the fleet was heard.
    deaf: BTreeSet<DomainId>,
}

/// Reference hosts, and those of them that are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// All of them.
    pub hosts: u32,
    /// Heard within the last beat and a half.
    pub heard: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Domain {
    all: Heard,
    /// Reference hosts that stand in it and in nothing smaller.
    own: u32,
    around: Option<DomainId>,
    /// It was deaf, and is heard again since then.
    again: Option<Listened>,
}

/// A domain can be listened to by itself from now on, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crossing {
    Watched { domain: DomainId, around: DomainId },
    Unwatched(DomainId),
}

/// What becomes of a reference host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Enters,
    LeavesHeard,
    LeavesUnheard,
    Heard,
    Unheard,
}

impl Heard {
    /// Fewer than half are heard, of enough to tell.
    const fn is_faint(self) -> bool {
        self.hosts >= LEAST_HOSTS && self.heard.saturating_mul(2) < self.hosts
    }

    fn change(&mut self, change: Change) {
        let (hosts, heard) = match change {
            Change::Enters => (1, 1),
            Change::LeavesHeard => (-1, -1),
            Change::LeavesUnheard => (-1, 0),
            Change::Heard => (0, 1),
            Change::Unheard => (0, -1),
        };
        self.hosts = self.hosts.saturating_add_signed(hosts);
        self.heard = self.heard.saturating_add_signed(heard);
    }
}

impl Hearing {
    /// The reference hosts of the fleet.
    pub const fn fleet(&self) -> Heard {
        self.fleet
    }

    /// Whether four fifths of the fleet are heard, or it is too small to tell.
    pub const fn hears_fleet(&self) -> bool {
        let Heard { hosts, heard } = self.fleet;
        hosts < LEAST_HOSTS || heard.saturating_mul(5) >= hosts.saturating_mul(4)
    }

    /// Domains that are not heard.
    pub fn deaf(&self) -> impl Iterator<Item = DomainId> {
        self.deaf.iter().copied()
    }

    /// The domain of a host that enters, with the one around it.
    pub(super) fn know(&mut self, stands: Stands) {
        self.domains.entry(stands.domain).or_default().around = stands.around;
    }

    /// A reference host of this domain changes.
    pub(super) fn change(&mut self, domain: Option<DomainId>, change: Change) -> Option<Crossing> {
        self.fleet.change(change);
        let lowest = domain?;
        let crossing = self.change_own(lowest, change);
        let mut next = Some(lowest);
        while let Some(id) = next {
            let known = self.domains.entry(id).or_default();
            known.all.change(change);
            next = known.around;
            if known.all.is_faint() {
                self.faint.insert(id);
            } else {
                self.faint.remove(&id);
            }
        }
        crossing
    }

    fn change_own(&mut self, domain: DomainId, change: Change) -> Option<Crossing> {
        let known = self.domains.entry(domain).or_default();
        let before = known.own >= LEAST_HOSTS;
        match change {
            Change::Enters => known.own += 1,
            Change::LeavesHeard | Change::LeavesUnheard => known.own = known.own.saturating_sub(1),
            Change::Heard | Change::Unheard => (),
        }
        match (before, known.own >= LEAST_HOSTS) {
            (false, true) => {
                Some(Crossing::Watched { domain, around: known.around.unwrap_or(domain) })
            }
            (true, false) => Some(Crossing::Unwatched(domain)),
            (false, false) | (true, true) => None,
        }
    }

    /// Domains that are not heard and were not said to be deaf so far.
    pub(super) fn newly_deaf(&self) -> impl Iterator<Item = DomainId> {
        self.faint.difference(&self.deaf).copied()
    }

    /// Deaf domains that are heard again.
    pub(super) fn heard_again(&self) -> impl Iterator<Item = DomainId> {
        self.deaf.difference(&self.faint).copied()
    }

    pub(super) fn disrupt(&mut self, domain: DomainId) {
        self.deaf.insert(domain);
    }

    pub(super) fn recover(&mut self, domain: DomainId, now: Listened) {
        self.deaf.remove(&domain);
        self.domains.entry(domain).or_default().again = Some(now);
    }

    /// Until when the silence of a host of this domain says nothing: while it or the fleet is deaf, and for
    /// as long as a silence takes after the domain is heard again. `None`: it counts.
    pub(super) fn excuses(
        &self,
        domain: Option<DomainId>,
        now: Listened,
        (beat, silent_after): (Millis, Millis),
    ) -> Option<Listened> {
        if !self.hears_fleet() {
            return Some(now.after(beat));
        }
        let mut next = domain;
        while let Some(id) = next {
            if self.deaf.contains(&id) {
                return Some(now.after(beat));
            }
            let known = self.domains.get(&id)?;
            let again = known.again.map(|again| again.after(silent_after));
            if let Some(until) = again.filter(|until| *until > now) {
                return Some(until);
            }
            if known.all.hosts >= LEAST_HOSTS {
                return None;
            }
            next = known.around;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACK: DomainId = DomainId(1);
    const ZONE: DomainId = DomainId(2);
    const BEATS: (Millis, Millis) = (Millis(10), Millis(50));

    /// A zone of two racks of five; `unheard` of the first one are not heard.
    fn hearing(unheard: u32) -> Hearing {
        let mut hearing = Hearing::default();
        for rack in [RACK, DomainId(3)] {
            hearing.know(Stands { domain: rack, around: Some(ZONE) });
            for _ in 0..5 {
                hearing.change(Some(rack), Change::Enters);
            }
        }
        for _ in 0..unheard {
            hearing.change(Some(RACK), Change::Unheard);
        }
        hearing
    }

    #[test]
    fn a_domain_is_deaf_when_fewer_than_half_of_five_are_heard() {
        let deaf = |unheard| hearing(unheard).newly_deaf().collect::<Vec<_>>();
        assert_eq!(deaf(2), []);
        assert_eq!(deaf(3), [RACK]);
    }

    #[test]
    fn the_fleet_is_heard_while_four_fifths_are() {
        assert!(hearing(2).hears_fleet());
        assert!(!hearing(3).hears_fleet());
    }

    #[test]
    fn silence_is_excused_while_a_domain_is_deaf_and_for_a_whole_silence_after() {
        let mut hearing = hearing(3);
        for _ in 0..10 {
            hearing.change(Some(DomainId(3)), Change::Enters);
        }
        let excuses = |hearing: &Hearing, rack, now| {
            hearing.excuses(Some(rack), Listened(now), BEATS).map(|until| until.0)
        };
        assert_eq!(excuses(&hearing, RACK, 100), None);
        hearing.disrupt(RACK);
        assert_eq!(excuses(&hearing, RACK, 100), Some(110));
        assert_eq!(excuses(&hearing, DomainId(3), 100), None);
        hearing.change(Some(RACK), Change::Heard);
        assert_eq!(hearing.heard_again().collect::<Vec<_>>(), [RACK]);
        hearing.recover(RACK, Listened(200));
        assert_eq!(excuses(&hearing, RACK, 249), Some(250));
        assert_eq!(excuses(&hearing, RACK, 250), None);
    }

    #[test]
    fn a_domain_of_a_few_is_listened_to_as_a_part_of_the_one_around_it() {
        let mut hearing = hearing(0);
        let leaves = hearing.change(Some(RACK), Change::LeavesHeard);
        assert_eq!(leaves, Some(Crossing::Unwatched(RACK)));
        hearing.disrupt(ZONE);
        assert_eq!(hearing.excuses(Some(RACK), Listened(100), BEATS), Some(Listened(110)));
        let enters = hearing.change(Some(RACK), Change::Enters);
        assert_eq!(enters, Some(Crossing::Watched { domain: RACK, around: ZONE }));
    }
}
