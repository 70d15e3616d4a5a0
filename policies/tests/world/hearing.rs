//! Which domains are heard? Of their reference hosts – sentinels, and verified hosts that were – at least
//! half are.

use std::collections::BTreeSet;

use super::Fleet;
use super::fleet::{RACK, ZONES};

/// A rack, or a zone behind the racks.
pub type Domain = usize;

#[derive(Clone, Copy, Default)]
struct Heard {
    hosts: u32,
    heard: u32,
}

pub struct Hearing {
    /// Reference hosts below which a domain is not listened to by itself.
    least: u32,
    /// Whether each host is one that domains are heard by.
    reference: Vec<bool>,
    unheard: Vec<bool>,
    racks: usize,
    domains: Vec<Heard>,
    fleet: Heard,
    faint: BTreeSet<Domain>,
    deaf: BTreeSet<Domain>,
}

/// A domain can be listened to by itself from now on, or no more.
pub enum Crossing {
    Watched,
    Unwatched,
}

impl Hearing {
    pub fn new(hosts: usize, least: u32) -> Self {
        let racks = hosts.div_ceil(RACK);
        Self {
            least,
            reference: vec![false; hosts],
            unheard: vec![false; hosts],
            racks,
            domains: vec![Heard::default(); racks + ZONES],
            fleet: Heard::default(),
            faint: BTreeSet::new(),
            deaf: BTreeSet::new(),
        }
    }

    /// The hosts of a domain.
    pub fn members(&self, domain: Domain) -> Vec<usize> {
        let inside = |host: &usize| self.domains_of(*host).contains(&domain);
        match domain.checked_sub(self.racks) {
            None => (domain * RACK..(domain + 1) * RACK).filter(|n| self.knows(*n)).collect(),
            Some(_) => (0..self.reference.len()).filter(inside).collect(),
        }
    }

    pub const fn racks(&self) -> usize {
        self.racks
    }

    pub fn is_heard(&self, host: usize) -> bool {
        !self.unheard[host]
    }

    pub fn hears_fleet(&self) -> bool {
        self.fleet.heard * 5 >= self.fleet.hosts * 4
    }

    /// The host becomes a reference host, or is none any more.
    pub fn refer(&mut self, host: usize, refers: bool) -> Option<Crossing> {
        if self.reference[host] == refers {
            return None;
        }
        let rack = host / RACK;
        let before = self.domains[rack].hosts >= self.least;
        self.reference[host] = refers;
        let step = if refers { 1 } else { -1 };
        self.count(host, (step, if self.unheard[host] { 0 } else { step }));
        match (before, self.domains[rack].hosts >= self.least) {
            (false, true) => Some(Crossing::Watched),
            (true, false) => Some(Crossing::Unwatched),
            (false, false) | (true, true) => None,
        }
    }

    pub fn hear(&mut self, host: usize, heard: bool) {
        if self.unheard[host] == heard {
            self.unheard[host] = !heard;
            if self.reference[host] {
                self.count(host, (0, if heard { 1 } else { -1 }));
            }
        }
    }

    /// Domains that are deaf since just now, and those that are heard again.
    pub fn look(&mut self) -> (Vec<Domain>, Vec<Domain>) {
        if !self.hears_fleet() {
            return (Vec::new(), Vec::new());
        }
        let deaf: Vec<_> = self.faint.difference(&self.deaf).copied().collect();
        let again: Vec<_> = self.deaf.difference(&self.faint).copied().collect();
        self.deaf.clone_from(&self.faint);
        (deaf, again)
    }

    /// Whether the silence of this host says nothing.
    pub fn excuses(&self, host: usize) -> bool {
        let [rack, zone] = self.domains_of(host);
        let alone = self.domains[rack].hosts >= self.least;
        !self.hears_fleet() || self.deaf.contains(&rack) || (!alone && self.deaf.contains(&zone))
    }

    fn knows(&self, host: usize) -> bool {
        host < self.reference.len()
    }

    fn domains_of(&self, host: usize) -> [Domain; 2] {
        [host / RACK, self.racks + Fleet::zone(host)]
    }

    fn count(&mut self, host: usize, (hosts, heard): (i32, i32)) {
        let change = |of: &mut Heard| {
            of.hosts = of.hosts.saturating_add_signed(hosts);
            of.heard = of.heard.saturating_add_signed(heard);
        };
        change(&mut self.fleet);
        for domain in self.domains_of(host) {
            let (least, of) = (self.least, &mut self.domains[domain]);
            change(of);
            if of.hosts >= least && of.heard * 2 < of.hosts {
                self.faint.insert(domain);
            } else {
                self.faint.remove(&domain);
            }
        }
    }
}
