//! What does a clock show? Clocks drift, jump by hours and years, and stand still.

use super::chance::Chance;

/// The run's first moment on the wall clock, in milliseconds since the epoch.
pub const EPOCH: u64 = 1_800_000_000_000;
/// How far a clock may be from the truth and still count as right, in milliseconds.
pub const TOLERANCE: u64 = 60_000;
/// How far apart clocks that are looked after are, in milliseconds.
const USUAL_SKEW: u64 = 2_000;
/// How fast clocks run away from the truth, in parts per million.
const MOST_DRIFT: u64 = 200;
const HOUR: i64 = 3_600_000;
const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;

/// A rate that differs from true time by some parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drift(i64);

impl Drift {
    /// Some drift.
    pub fn draw(luck: &mut Chance) -> Self {
        let ppm = i64::try_from(luck.below(2 * MOST_DRIFT + 1)).unwrap_or(0);
        Self(ppm - i64::try_from(MOST_DRIFT).unwrap_or(0))
    }

    /// What a clock with this drift shows after `span` milliseconds.
    #[must_use]
    pub fn shown(self, span: u64) -> u64 {
        span.saturating_add_signed(i64::try_from(span).unwrap_or(i64::MAX) / 1_000_000 * self.0)
            .saturating_add_signed(
                i64::try_from(span % 1_000_000).unwrap_or(0) * self.0 / 1_000_000,
            )
    }

    /// After how many milliseconds at the earliest a clock with this drift shows `span`.
    #[must_use]
    pub fn until(self, span: u64) -> u64 {
        let mut wait = span.saturating_sub(Self::most_over(span));
        while self.shown(wait) < span {
            wait += 1;
        }
        wait
    }

    /// How much shorter than true time a span may seem, or longer, at most, in milliseconds.
    #[must_use]
    pub const fn most_over(span: u64) -> u64 {
        span * MOST_DRIFT / 1_000_000 + 1
    }
}

/// The wall clock of one controller.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    skew: i64,
    drift: Drift,
    /// What it showed when it stopped.
    frozen: Option<u64>,
    /// It was not set back after its last jump.
    is_wild: bool,
    /// When it was last set, in milliseconds of the run.
    set_at: Option<u64>,
}

/// For so many milliseconds after a clock was set, somebody may still believe what it showed before: a
/// reading counts for three seconds, and may have been on its way as long.
const READINGS_LAST: u64 = 10_000;

/// What can happen to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTrouble {
    /// It jumps by so many milliseconds.
    Jumps(i64),
    /// It stands still.
    Stops,
    /// Somebody sets it right.
    IsSet,
}

impl ClockTrouble {
    /// Some trouble.
    pub fn draw(luck: &mut Chance) -> Self {
        let all = [
            Self::Jumps(HOUR),
            Self::Jumps(-HOUR),
            Self::Jumps(TEN_YEARS),
            Self::Jumps(-TEN_YEARS),
            Self::Jumps(90_000),
            Self::Jumps(-90_000),
            Self::Stops,
        ];
        luck.pick(&all).unwrap_or(Self::Stops)
    }
}

impl WallClock {
    /// A clock that somebody looks after.
    pub fn draw(luck: &mut Chance) -> Self {
        let skew = i64::try_from(luck.below(USUAL_SKEW)).unwrap_or(0);
        Self { skew, drift: Drift::draw(luck), frozen: None, is_wild: false, set_at: None }
    }

    /// What it shows at `now` milliseconds of the run, in milliseconds since the epoch.
    #[must_use]
    pub fn reads(&self, now: u64) -> u64 {
        self.frozen
            .unwrap_or_else(|| (EPOCH + self.drift.shown(now)).saturating_add_signed(self.skew))
    }

    /// Something happens to it.
    pub fn suffers(&mut self, now: u64, trouble: ClockTrouble) {
        match trouble {
            ClockTrouble::Jumps(by) => {
                self.skew = self.skew.saturating_add(by);
                self.is_wild = true;
            }
            ClockTrouble::Stops => {
                self.frozen = Some(self.reads(now));
                self.is_wild = true;
            }
            ClockTrouble::IsSet => {
                let set_at = self.is_wild.then_some(now).or(self.set_at);
                *self = Self { skew: 0, drift: self.drift, frozen: None, is_wild: false, set_at };
            }
        }
    }

    /// Whether nobody vouches for it.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        self.is_wild
    }

    /// Whether somebody may believe a wrong reading of it at `now`.
    #[must_use]
    pub fn misleads(&self, now: u64) -> bool {
        self.is_wild || self.set_at.is_some_and(|set_at| now < set_at + READINGS_LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClockTrouble, Drift, EPOCH, HOUR, READINGS_LAST, WallClock};

    #[test]
    fn a_drifting_clock_shows_a_span_no_sooner_than_it_says() {
        for ppm in [-200, -7, 0, 7, 200] {
            let drift = Drift(ppm);
            for span in [0, 1, 999, 60_000, 3_600_000] {
                let wait = drift.until(span);
                assert!(drift.shown(wait) >= span, "{ppm} ppm, {span} ms");
                assert!(wait == 0 || drift.shown(wait - 1) < span, "{ppm} ppm, {span} ms");
            }
        }
    }

    #[test]
    fn a_clock_jumps_stops_and_is_set_right() {
        let drift = Drift::default();
        let mut clock = WallClock { skew: 0, drift, frozen: None, is_wild: false, set_at: None };
        clock.suffers(10, ClockTrouble::Jumps(-HOUR));
        assert_eq!(clock.reads(10), EPOCH + 10 - 3_600_000);
        clock.suffers(20, ClockTrouble::Stops);
        assert_eq!(clock.reads(90), clock.reads(20));
        assert!(clock.is_wild());
        clock.suffers(100, ClockTrouble::IsSet);
        assert_eq!(clock.reads(100), EPOCH + 100);
        assert!(!clock.is_wild());
        assert!(clock.misleads(100 + READINGS_LAST - 1) && !clock.misleads(100 + READINGS_LAST));
    }
}
