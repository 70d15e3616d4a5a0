//! What do the controllers do? One machine, without a log behind it: it applies commands at once, and
//! ticks when something can change.

use std::collections::BTreeMap;

use tidegate_policies::time::{Elapsed, Listened, Millis, WallTime};

use super::fleet::NODE;
use crate::machine::clock::{MAX_STEP, TICK};
use crate::machine::ids::{HostId, RolloutId};
use crate::machine::rollouts::Rollout;
use crate::machine::trial::RollCall;
use crate::machine::{Applied, Command, Machine, Missed, Position, Tick};

/// The wall clock when a run begins, in milliseconds since the Unix epoch.
const WALL: u64 = 1_750_000_000_000;

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;

/// The controllers, as one.
#[derive(Debug)]
pub(super) struct Controllers {
    /// The machine.
    pub machine: Machine,
    /// The rollout that is played.
    pub rollout: RolloutId,
    /// Whether somebody leads and answers.
    pub up: bool,
    /// When the last tick was, in milliseconds of the run.
    pub ticked: u64,
    /// Hosts that were heard since.
    pub heard: Vec<HostId>,
    /// Reference hosts that are heard no more.
    pub missed: Vec<Missed>,
    /// Since when the present one leads.
    pub leads_since: u64,
    /// What it remembers, where every beat is played.
    pub roll_call: RollCall,
    term: u64,
    /// The next tick is the first of its leader.
    new_leader: bool,
    /// The longest time between two ticks that loses none of it.
    longest: u64,
}

impl Controllers {
    /// Controllers that have `machine`, for a rollout whose hosts beat every `beat`.
    pub(super) fn new(machine: Machine, rollout: RolloutId, beat: Millis) -> Self {
        let longest = MAX_STEP.0.min(beat.0.max(TICK.0)) / TICK.0 * TICK.0;
        Self {
            machine,
            rollout,
            up: true,
            ticked: 0,
            heard: Vec::new(),
            missed: Vec::new(),
            leads_since: 0,
            roll_call: RollCall::default(),
            term: 2,
            new_leader: true,
            longest,
        }
    }

    /// The rollout.
    pub(super) fn rollout(&self) -> Option<&Rollout> {
        self.machine.rollouts().get(&self.rollout)
    }

    /// Applies a command as the next entry.
    pub(super) fn apply(&mut self, command: &Command) -> Applied {
        let at = Position { index: self.machine.applied() + 1, term: self.term };
        self.machine.apply(at, command)
    }

    /// A tick at `at`: who was heard since the last one, who is missed, and who asks.
    pub(super) fn tick(&mut self, at: u64, asking: Vec<HostId>) -> Applied {
        let step = if self.new_leader { 0 } else { at - self.ticked };
        self.new_leader = false;
        self.ticked = at;
        let wall = WallTime(WALL + at);
        let readings = BTreeMap::from([(NODE, wall)]);
        let (heard, missed) = (std::mem::take(&mut self.heard), std::mem::take(&mut self.missed));
        let step = Millis(step);
        self.apply(&Command::Tick(Tick { step, wall, heard, asking, readings, missed }))
    }

    /// Nobody leads any more.
    pub(super) fn go_down(&mut self) {
        self.up = false;
        self.heard.clear();
    }

    /// Another leader is there at `now`.
    pub(super) fn come_up(&mut self, now: u64) {
        self.up = true;
        self.term += 1;
        self.new_leader = true;
        self.ticked = now / TICK.0 * TICK.0;
        self.leads_since = self.ticked;
        self.roll_call = RollCall::default();
    }

    /// When the next minute of the running time begins: in each so many hosts may begin.
    pub(super) fn next_minute(&self) -> u64 {
        let Elapsed(now) = self.machine.clock().elapsed;
        self.ticked + MINUTE - now % MINUTE
    }

    /// When the next tick has to be at the latest, where nobody was heard and nobody asks: when
    /// something of the machine's falls due, or before running time is lost.
    pub(super) fn tick_due(&self) -> u64 {
        let machine = &self.machine;
        let clock = machine.clock();
        let offer = machine.grants().expiries().first().map(|&(at, _)| at.since(clock.elapsed));
        let listens = clock.heard_since.is_some();
        let dead = machine.grants().dead_man().first().filter(|_| listens);
        let dead = dead.map(|&(Listened(at), _)| Millis(at.saturating_sub(clock.listened.0)));
        let soak = self.rollout().and_then(|rollout| rollout.soaks_end);
        let soak =
            soak.filter(|&end| end > clock.elapsed).map(|end: Elapsed| end.since(clock.elapsed));
        let soonest = [offer, dead, soak].into_iter().flatten().map(|Millis(span)| span).min();
        let span = soonest.unwrap_or(self.longest).clamp(1, self.longest);
        (self.ticked + span).div_ceil(TICK.0) * TICK.0
    }
}
