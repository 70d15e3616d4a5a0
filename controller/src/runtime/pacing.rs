//! When is the next tick due? Raft's, and the machine's.

use std::time::Duration;

use tidegate_policies::time::Millis;

use super::beats::{More, Noted};
use super::clock::millis;

/// Most raft ticks that one round makes up for. After a long pause the peers' messages that wait
/// must be read before this node may lose patience with its leader.
const MAX_CATCH_UP_TICKS: u32 = 3;

/// How much rarer the machine's ticks are while nothing is live.
const IDLE_FACTOR: u32 = 10;

/// Paces raft's ticks.
#[derive(Debug)]
pub(super) struct RaftPacer {
    every: Duration,
    next: Duration,
}

impl RaftPacer {
    /// Ticks `every` so often, at least every millisecond, from `now` on.
    pub(super) fn new(every: Duration, now: Duration) -> Self {
        let every = every.max(Duration::from_millis(1));
        Self { every, next: now + every }
    }

    /// How many ticks are due. What is beyond the catch-up is forgotten.
    pub(super) fn due(&mut self, now: Duration) -> u32 {
        let mut ticks = 0;
        while self.next <= now {
            if ticks == MAX_CATCH_UP_TICKS {
                self.next = now + self.every;
                break;
            }
            ticks += 1;
            self.next += self.every;
        }
        ticks
    }

    /// How long it is until the next tick.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }
}

/// Paces the machine's ticks while this node leads. One is under way at a time.
#[derive(Debug)]
pub(super) struct MachinePacer {
    every: Duration,
    /// The term that this node leads.
    leading: Option<u64>,
    /// When the last tick that was applied in this term read the clock.
    applied: Option<Duration>,
    /// When the last tick read the clock; `None` where the next is due at once.
    rests_since: Option<Duration>,
    under_way: Option<UnderWay>,
}

/// A tick that was proposed and not answered.
#[derive(Debug)]
struct UnderWay {
    read: Duration,
    noted: Noted,
}

/// Whether the rollouts need the machine's clock to be fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Live,
    Idle,
}

impl MachinePacer {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every: every.max(Duration::from_millis(1)),
            leading: None,
            applied: None,
            rests_since: None,
            under_way: None,
        }
    }

    /// Learns which term this node leads; answers whether that is news.
    pub(super) fn lead(&mut self, term: Option<u64>) -> bool {
        if self.leading == term {
            return false;
        }
        *self = Self { leading: term, ..Self::new(self.every) };
        true
    }

    /// The step of the tick that is due; `None` while none is.
    pub(super) fn due(&self, now: Duration, pace: Pace) -> Option<Millis> {
        let rest = match pace {
            Pace::Live => self.every,
            Pace::Idle => self.every * IDLE_FACTOR,
        };
        let rests = self.rests_since.is_some_and(|since| now < since + rest);
        if self.leading.is_none() || self.under_way.is_some() || rests {
            return None;
        }
        // Time before the first tick of a term was nobody's.
        Some(Millis(self.applied.map_or(0, |applied| millis(now.saturating_sub(applied)))))
    }

    /// A tick with this clock reading was proposed; another follows at once where hosts are left.
    pub(super) fn proposed(&mut self, read: Duration, noted: Noted, more: More) {
        self.under_way = Some(UnderWay { read, noted });
        self.rests_since = match more {
            More::Some => None,
            More::None => Some(read),
        };
    }

    /// The tick under way was applied.
    pub(super) fn settled(&mut self) {
        if let Some(tick) = self.under_way.take() {
            self.applied = Some(tick.read);
        }
    }

    /// The tick under way was not taken; gives back what it carried. The next one's step counts
    /// from the last that was applied, so that no time is lost.
    pub(super) fn refused(&mut self) -> Option<Noted> {
        let tick = self.under_way.take()?;
        self.rests_since = Some(tick.read);
        Some(tick.noted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn raft_ticks_keep_their_rhythm_when_a_round_is_late() {
        let mut pacer = RaftPacer::new(ms(20), ms(0));
        assert_eq!(pacer.due(ms(19)), 0);
        assert_eq!(pacer.due(ms(25)), 1);
        assert_eq!(pacer.wait(ms(25)), ms(15));
        assert_eq!(pacer.due(ms(80)), 3);
        assert_eq!(pacer.wait(ms(80)), ms(20));
    }

    #[test]
    fn a_long_pause_is_made_up_for_by_few_raft_ticks() {
        let mut pacer = RaftPacer::new(ms(20), ms(0));
        assert_eq!(pacer.due(ms(60_000)), MAX_CATCH_UP_TICKS);
        assert_eq!(pacer.due(ms(60_000)), 0);
        assert_eq!(pacer.due(ms(60_020)), 1);
    }

    #[test]
    fn the_first_tick_of_a_term_steps_zero_and_the_next_what_passed() {
        let mut pacer = MachinePacer::new(ms(1_000));
        assert_eq!(pacer.due(ms(5_000), Pace::Live), None, "nobody leads");
        assert!(pacer.lead(Some(3)));
        assert_eq!(pacer.due(ms(5_000), Pace::Live), Some(Millis(0)));
        pacer.proposed(ms(5_000), Noted::default(), More::None);
        assert_eq!(pacer.due(ms(9_000), Pace::Live), None, "one is under way");
        pacer.settled();
        assert_eq!(pacer.due(ms(5_999), Pace::Live), None);
        assert_eq!(pacer.due(ms(6_010), Pace::Live), Some(Millis(1_010)));
        assert!(pacer.lead(None));
        assert!(pacer.lead(Some(5)));
        assert_eq!(pacer.due(ms(9_000), Pace::Live), Some(Millis(0)));
    }

    #[test]
    fn a_refused_tick_loses_no_time_and_no_beat() {
        let mut pacer = MachinePacer::new(ms(1_000));
        pacer.lead(Some(3));
        pacer.proposed(ms(1_000), Noted::default(), More::None);
        pacer.settled();
        pacer.proposed(ms(2_000), Noted::default(), More::None);
        assert!(pacer.refused().is_some());
        assert_eq!(pacer.due(ms(3_000), Pace::Live), Some(Millis(2_000)));
    }

    #[test]
    fn ticks_are_ten_times_rarer_while_nothing_is_live() {
        let mut pacer = MachinePacer::new(ms(1_000));
        pacer.lead(Some(3));
        pacer.proposed(ms(1_000), Noted::default(), More::None);
        pacer.settled();
        assert_eq!(pacer.due(ms(10_999), Pace::Idle), None);
        assert_eq!(pacer.due(ms(11_000), Pace::Idle), Some(Millis(10_000)));
        assert_eq!(pacer.due(ms(2_000), Pace::Live), Some(Millis(1_000)));
    }

    #[test]
    fn hosts_that_did_not_fit_follow_at_once() {
        let mut pacer = MachinePacer::new(ms(1_000));
        pacer.lead(Some(3));
        pacer.proposed(ms(10_000), Noted::default(), More::Some);
        pacer.settled();
        assert_eq!(pacer.due(ms(10_004), Pace::Live), Some(Millis(4)));
    }
}
