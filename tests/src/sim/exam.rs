//! Once the faults are over: does a leader make room whose disk is slow, and one whose clock is wrong?
//! Nothing else goes wrong meanwhile, so nothing else excuses it.

use std::time::Duration;

use tidegate_controller::machine::Machine;

use super::checks::Violation;
use super::clocks::ClockTrouble;
use super::controllers::{Controller, Standing};
use super::happening::Happening;
use super::world::World;

/// How often the examiner looks, in milliseconds.
const LOOK_EVERY: u64 = 1_000;
/// Within so long a leader whose disk is slow must have made room.
const SLOW_MOST: u64 = 15_000;
/// A leader that hardly writes cannot know how slow its disk is.
const SLOW_SYNCS: u64 = 8;
/// So long the examiner waits for those writes.
const SLOW_PATIENCE: u64 = 60_000;
/// Within so long a leader whose clock is wrong must have made room: ten ticks of an idle cluster, and
/// some.
const CLOCK_MOST: u64 = 130_000;
/// How wrong the clock is.
const CLOCK_OFF: i64 = 3_600_000;

/// How far the examination is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Exam {
    /// A leader is wanted for this trial.
    #[default]
    SlowDiskNext,
    /// The disk of this leader is slow, since when.
    SlowDisk(u64, u64),
    /// A leader is wanted for this trial.
    WrongClockNext,
    /// The clock of this leader is wrong, since when.
    WrongClock(u64, u64),
    /// Passed.
    Over,
}

impl World {
    /// The examiner looks.
    pub(super) fn examine(&mut self) {
        let now = self.now();
        self.exam = match self.exam {
            Exam::SlowDiskNext => match self.undisputed_leader() {
                None => Exam::SlowDiskNext,
                Some(id) => {
                    self.trace.line(now, format_args!("exam: node {id}'s disk becomes slow"));
                    self.set_slow_disk(id, true);
                    Exam::SlowDisk(id, now)
                }
            },
            Exam::SlowDisk(id, since) => self.look_at_slow_disk(id, since),
            Exam::WrongClockNext => match self.undisputed_leader() {
                None => Exam::WrongClockNext,
                Some(id) => {
                    self.trace.line(now, format_args!("exam: node {id}'s clock becomes wrong"));
                    self.set_wrong_clock(id, ClockTrouble::Jumps(CLOCK_OFF));
                    Exam::WrongClock(id, now)
                }
            },
            Exam::WrongClock(id, since) => self.look_at_wrong_clock(id, since),
            Exam::Over => Exam::Over,
        };
        if self.exam != Exam::Over {
            self.queue.after(LOOK_EVERY, Happening::Examine);
        }
    }

    /// A slow disk stays slow for a while, so that nobody takes the lead back too soon.
    fn look_at_slow_disk(&mut self, id: u64, since: u64) -> Exam {
        let lasted = self.now() - since;
        let controller = self.controllers.get(&id);
        let leads = controller.is_some_and(Controller::leads);
        let syncs = controller.map_or(0, |one| one.desk.slow_syncs);
        if lasted < SLOW_MOST || (leads && syncs < SLOW_SYNCS && lasted < SLOW_PATIENCE) {
            return Exam::SlowDisk(id, since);
        }
        if leads && syncs >= SLOW_SYNCS {
            let what = format!("node {id} leads with a disk that has been slow for {lasted} ms");
            self.violated(Violation::new("HANDOVER", what));
        }
        self.set_slow_disk(id, false);
        Exam::WrongClockNext
    }

    fn look_at_wrong_clock(&mut self, id: u64, since: u64) -> Exam {
        let lasted = self.now() - since;
        let controller = self.controllers.get(&id);
        if controller.is_some_and(|one| !one.clock.is_wild()) {
            // Somebody who was called during the faults has set it right.
            return Exam::WrongClockNext;
        }
        let leads = controller.is_some_and(Controller::leads);
        if leads && lasted < CLOCK_MOST {
            return Exam::WrongClock(id, since);
        }
        if leads {
            let what = format!("node {id} leads with a clock that has been wrong for {lasted} ms");
            self.violated(Violation::new("HANDOVER", what));
        }
        self.set_wrong_clock(id, ClockTrouble::IsSet);
        Exam::Over
    }

    fn set_wrong_clock(&mut self, id: u64, trouble: ClockTrouble) {
        let now = self.now();
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.clock.suffers(now, trouble);
        }
    }

    /// The one that leads, where all members are there and sound and at least three vote. It has not
    /// tried to make room of late.
    fn undisputed_leader(&self) -> Option<u64> {
        let cluster = self.newest().and_then(Machine::cluster)?;
        let (now, mut leaders) = (Duration::from_millis(self.now()), Vec::new());
        for id in cluster.members.keys().map(|id| id.0) {
            let controller = self.controllers.get(&id)?;
            controller.node().filter(|_| controller.standing == Standing::Sound)?;
            let is_rested = controller.desk.hand_over.is_rested(now);
            leaders.extend((controller.leads() && is_rested).then_some(id));
        }
        let may = cluster.voters().count() >= 3 && !self.moves.is_busy();
        leaders.pop().filter(|_| may && leaders.is_empty())
    }
}
