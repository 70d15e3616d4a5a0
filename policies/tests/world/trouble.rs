//! What happens that the patch has no part in? Hosts fail by themselves, domains are cut off, rates spike.

use super::fates::{Death, frailty};
use super::fleet::ZONES;
use super::run::{Event, Run};
use super::setup::Trouble;
use super::{Fleet, MINUTE, SOAK};

/// How many times as often hosts fail in a spike.
const SPIKE: f64 = 20.0;

impl Run<'_> {
    /// Hosts fail by themselves at one rate, whoever they are.
    pub(super) fn next_base(&mut self) {
        let wait = self.base.wait(self.mean(1.0));
        self.at(self.now + wait, Event::Base);
    }

    pub(super) fn base(&mut self) {
        let n = self.base.below(self.fleet.hosts.len());
        let death = Death::draw(&mut self.base, 0);
        let spared = match self.setup.trouble {
            Trouble::Kernels => !self.base.chance(frailty(self.fleet.kernel[n])),
            Trouble::None
            | Trouble::Racks(_)
            | Trouble::Zones(_)
            | Trouble::ZoneInTurn(_)
            | Trouble::Spikes(_) => false,
        };
        if !spared {
            self.die(n, death);
        }
        self.next_base();
    }

    pub(super) fn spike(&mut self) {
        if self.now >= self.spike_until {
            return;
        }
        let n = self.spikes.below(self.fleet.hosts.len());
        let death = Death::draw(&mut self.spikes, 0);
        self.die(n, death);
        self.next_spike();
    }

    pub(super) fn next_trouble(&mut self) {
        let minutes = match self.setup.trouble {
            Trouble::None | Trouble::Kernels => return,
            Trouble::ZoneInTurn(after) => {
                if self.now == 0 {
                    self.at(u64::from(after) * MINUTE, Event::Trouble);
                }
                return;
            }
            Trouble::Racks(every) | Trouble::Zones(every) | Trouble::Spikes(every) => every,
        };
        let wait = self.trouble.wait(f64::from(minutes) * MINUTE as f64);
        self.at(self.now + wait, Event::Trouble);
    }

    pub(super) fn trouble(&mut self) {
        match self.setup.trouble {
            Trouble::None | Trouble::Kernels => (),
            Trouble::Racks(_) => {
                let rack = self.trouble.below(self.hearing.racks());
                self.cut_off(rack, 20);
            }
            Trouble::Zones(_) => {
                let zone = self.hearing.racks() + self.trouble.below(ZONES);
                self.cut_off(zone, 15);
            }
            Trouble::ZoneInTurn(_) => {
                let host = self.order[self.turn.min(self.order.len() - 1)];
                let zone = self.hearing.racks() + Fleet::zone(host as usize);
                self.cut_off(zone, 15);
            }
            Trouble::Spikes(_) => {
                self.spike_until = self.now + 30 * MINUTE;
                self.next_spike();
            }
        }
        self.next_trouble();
    }

    pub(super) fn back(&mut self, domain: usize) {
        for n in self.hearing.members(domain) {
            self.hearing.hear(n, true);
        }
    }

    fn cut_off(&mut self, domain: usize, minutes: u64) {
        let hosts = self.hearing.members(domain);
        self.cut(&hosts, false);
        self.at(self.now + minutes * MINUTE, Event::Back(domain));
    }

    fn next_spike(&mut self) {
        let wait = self.spikes.wait(self.mean(SPIKE - 1.0));
        self.at(self.now + wait, Event::Spike);
    }

    /// Milliseconds between two deaths by themselves, where they come so many times as often.
    fn mean(&self, times: f64) -> f64 {
        SOAK as f64 / (self.setup.base * times * self.fleet.hosts.len() as f64)
    }
}
