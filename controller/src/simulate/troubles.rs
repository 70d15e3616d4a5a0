//! What goes wrong besides the patch? Hosts fail by themselves; racks, zones and controllers are out,
//! and come back.

use tidegate_agent::core::Input;
use tidegate_proto::v1::GoodbyeKind;

use super::chance::{Chance, mean};
use super::driver::evidence;
use super::host::Power;
use super::queue::{Fate, Happening};
use super::scenario::What;
use super::world::World;
use crate::machine::clock::TICK;

/// Milliseconds of an hour.
const HOUR: f64 = 3_600_000.0;
/// What the chance of mishaps is drawn for.
const MISHAPS: u64 = 0x4D49_5348_4150;

impl World<'_> {
    /// Plans what happens next to some host by itself.
    pub(super) fn plan_next_fate(&mut self) {
        let by_itself = self.scene.scenario.fleet.by_itself;
        let total = by_itself.crash + by_itself.silent + by_itself.reboot;
        if total == 0 {
            return;
        }
        let most = self.scene.fleet.plan.most_times();
        let between = HOUR / (per_hour(total * self.times * most) * count(self.hosts.len()));
        let mut wait = self.luck.wait(between);
        let mut n = self.any_host();
        while most > 1 && self.luck.below(most) >= self.scene.fleet.times(n) {
            wait += self.luck.wait(between);
            n = self.any_host();
        }
        let drawn = self.luck.below(total);
        let fate = if drawn < by_itself.crash {
            Fate::Crash
        } else if drawn < by_itself.crash + by_itself.silent {
            Fate::Silent
        } else {
            Fate::Reboot
        };
        self.plan += 1;
        let at = self.now + wait;
        if fate != Fate::Reboot && self.is_listened_to(n) {
            self.foretell(n, at);
        }
        self.queue.put(at, Happening::ByItself(self.plan, n, fate));
    }

    fn any_host(&mut self) -> usize {
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        usize::try_from(self.luck.below(hosts)).unwrap_or(0)
    }

    /// Something happens to a host by itself.
    pub(super) fn by_itself(&mut self, plan: u64, n: usize, fate: Fate) {
        if plan != self.plan {
            return;
        }
        match fate {
            Fate::Crash => {
                self.crashes(n, Some(evidence(false)));
            }
            Fate::Silent => {
                let back_after = self.scene.scenario.fleet.by_itself.back_after;
                let away = self.luck.wait(mean(back_after));
                self.hosts[n].cut_off += 1;
                self.queue.put(self.now + away, Happening::Back(n));
            }
            Fate::Reboot => self.reboots(n),
        }
        self.plan_next_fate();
    }

    /// A host says that it reboots, and does.
    fn reboots(&mut self, n: usize) {
        if self.hosts[n].power != Power::On {
            return;
        }
        if self.hosts[n].agent.is_none() {
            self.wake_agent(n);
        }
        self.step(n, Input::ShutdownRequested(GoodbyeKind::Reboot));
        self.crashes(n, None);
    }

    /// A host is switched on: its agent says so.
    pub(super) fn power_on(&mut self, n: usize) {
        if self.hosts[n].power == Power::Off {
            self.hosts[n].boots(self.now);
            self.start_agent(n);
            self.is_back(n);
        }
    }

    /// A host can be reached again: what its agent has to tell it tells now.
    pub(super) fn back(&mut self, n: usize) {
        let host = &mut self.hosts[n];
        host.cut_off = host.cut_off.saturating_sub(1);
        if host.is_up() {
            self.step(n, Input::Wake);
            self.is_back(n);
        }
    }

    /// A host beats again.
    fn is_back(&mut self, n: usize) {
        self.away.remove(&n);
        self.hear_sentinel(n);
    }

    /// A mishap begins at `at`, and hits nobody anew before `over`.
    pub(super) fn plan_mishap(&mut self, nth: usize, over: u64, at: u64) {
        let before = at.saturating_sub(self.turns.beat() + TICK.0).max(over);
        self.queue.put(before, Happening::Foreshadowed(nth));
        self.queue.put(at, Happening::Begins(nth));
    }

    /// A mishap is near: whom it will hit beats for the last time.
    pub(super) fn foreshadowed(&mut self, nth: usize) {
        let mishap = self.scene.scenario.mishaps[nth];
        let at = self.now + self.turns.beat() + TICK.0;
        self.hit[nth] = match mishap.what {
            What::RackOutage => self.of_racks(nth),
            What::ZoneOutage => self.of_zones(nth),
            What::Partition => self.some(nth),
            What::ControllerOutage | What::Spike => Vec::new(),
        };
        for n in self.hit[nth].clone() {
            if self.is_listened_to(n) {
                self.foretell(n, at);
            }
        }
    }

    /// A mishap begins.
    pub(super) fn mishap_begins(&mut self, nth: usize) {
        let mishap = self.scene.scenario.mishaps[nth];
        match mishap.what {
            What::RackOutage | What::ZoneOutage => {
                let on = |&n: &usize| self.hosts[n].power == Power::On;
                let hit: Vec<usize> = self.hit[nth].iter().copied().filter(on).collect();
                for &n in &hit {
                    self.hosts[n].goes_down(Power::Off, None);
                }
                self.hit[nth] = hit;
            }
            What::Partition => {
                for n in self.hit[nth].clone() {
                    self.hosts[n].cut_off += 1;
                }
            }
            What::ControllerOutage => {
                self.catch_up();
                self.controllers.go_down();
            }
            What::Spike => self.fails_more_often(mishap.times),
        }
        let over = self.now + mishap.lasts.0;
        self.queue.put(over, Happening::Ends(nth));
        if let Some(every) = mishap.every {
            self.plan_mishap(nth, over, self.now + every.0);
        }
    }

    /// A mishap is over.
    pub(super) fn mishap_ends(&mut self, nth: usize) {
        let hit = std::mem::take(&mut self.hit[nth]);
        match self.scene.scenario.mishaps[nth].what {
            What::RackOutage | What::ZoneOutage => {
                for n in hit {
                    // Not all at once: they boot.
                    let boots = self.luck.between(30_000, 180_000);
                    self.queue.put(self.now + boots, Happening::PowerOn(n));
                }
            }
            What::Partition => hit.into_iter().for_each(|n| self.back(n)),
            What::ControllerOutage => {
                self.controllers.come_up(self.now);
                for n in 0..self.hosts.len() {
                    if self.hosts[n].agent.is_some() {
                        self.step(n, Input::Wake);
                    }
                }
            }
            What::Spike => self.fails_more_often(1),
        }
    }

    fn fails_more_often(&mut self, times: u64) {
        self.times = times;
        self.plan_next_fate();
    }

    /// Hosts of a share of the racks.
    fn of_racks(&mut self, nth: usize) -> Vec<usize> {
        let racks = self.scene.fleet.racks;
        let out = self.drawn(nth, racks);
        self.hosts_whose(|world, n| out[world.scene.fleet.members[n].rack])
    }

    /// Hosts of a share of the zones; of one at least.
    fn of_zones(&mut self, nth: usize) -> Vec<usize> {
        let zones = self.scene.fleet.plan.zones.len();
        let mut out = self.drawn(nth, zones);
        if !out.contains(&true) {
            let one = self.luck.below(u64::try_from(zones).unwrap_or(1));
            out[usize::try_from(one).unwrap_or(0)] = true;
        }
        self.hosts_whose(|world, n| out[world.scene.fleet.members[n].zone])
    }

    /// A share of the hosts.
    fn some(&mut self, nth: usize) -> Vec<usize> {
        let out = self.drawn(nth, self.hosts.len());
        self.hosts_whose(|_, n| out[n])
    }

    fn hosts_whose(&self, hit: impl Fn(&Self, usize) -> bool) -> Vec<usize> {
        (0..self.hosts.len()).filter(|&n| hit(self, n)).collect()
    }

    /// Which of so many a mishap hits this time.
    fn drawn(&mut self, nth: usize, of: usize) -> Vec<bool> {
        let share = u64::from(self.scene.scenario.mishaps[nth].share.ppm());
        let mut chance = Chance::new(self.seed ^ MISHAPS, self.luck.draw());
        (0..of).map(|_| chance.happens(share)).collect()
    }
}

/// Parts per million as a number.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
const fn per_hour(ppm: u64) -> f64 {
    ppm as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a number of hosts has fewer than 53 bits")]
const fn count(n: usize) -> f64 {
    n as f64
}
