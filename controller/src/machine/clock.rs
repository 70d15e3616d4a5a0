//! What time is it for the cluster, and does it hear its hosts?

use serde::{Deserialize, Serialize};
use tidegate_policies::time::{Elapsed, Listened, Millis, WallTime};

use super::command::Tick;

/// Most that one tick may advance the running time.
pub const MAX_STEP: Millis = Millis::from_secs(15);

/// How often a leader ticks while time matters. A tick that comes later was held up.
pub const TICK: Millis = Millis::from_secs(1);

/// The replicated clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Running time.
    pub elapsed: Elapsed,
    /// Wall time; never runs backwards, once a majority has said it.
    pub wall: WallTime,
    /// A majority of the voters said it with the last tick: what needs the wall's time may go on.
    pub wall_fresh: bool,
    /// A majority has said it, ever.
    pub wall_agreed: bool,
    /// Listening time.
    pub listened: Listened,
    /// The Raft term of the last tick.
    pub term: u64,
    /// Since when the controllers hear the fleet; `None`: a new leader still waits for a full beat
    /// interval of reports.
    pub heard_since: Option<Elapsed>,
    /// When the present leader's first tick came.
    pub term_since: Elapsed,
}

/// How often hosts report, over all that time matters to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beats {
    /// The shortest interval; zero where nobody reports.
    pub shortest: Millis,
    /// The longest interval; zero where nobody reports.
    pub longest: Millis,
}

/// Whether enough of the fleet is heard for silence to mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ears {
    /// It is, as far as anybody can tell.
    Open,
    /// Too few of the hosts are heard that should be.
    Deaf,
}

impl Beats {
    /// These, and hosts that report every `beat`.
    #[must_use]
    pub fn with(self, beat: Millis) -> Self {
        let shortest = if self.longest.0 == 0 { beat } else { self.shortest.min(beat) };
        Self { shortest, longest: self.longest.max(beat) }
    }
}

impl Clock {
    /// The running time after a tick of this step.
    pub fn elapsed_after(&self, step: Millis) -> Elapsed {
        self.elapsed.after(step.min(MAX_STEP))
    }

    /// The clocks after `tick` of a leader of `term`, whose hosts report every so often. The wall is
    /// looked at apart: see [`Clock::with_wall`].
    ///
    /// Running time advances by at most [`MAX_STEP`]. Listening time stands still in a new term until
    /// a full beat interval, the longest, has passed: what an outage of the controllers looks like is
    /// not silence. It stands still, too, while the controllers are deaf to the fleet. One tick tells of a
    /// host once, so that it counts for one beat of listening at most, the shortest (or for [`TICK`],
    /// where hosts beat faster): a leader that stood still has not listened.
    #[must_use]
    pub fn ticked(self, tick: &Tick, term: u64, beats: Beats, ears: Ears) -> Self {
        let step = tick.step.min(MAX_STEP);
        let elapsed = self.elapsed_after(tick.step);
        let new_term = term != self.term;
        let term_since = if new_term { elapsed } else { self.term_since };
        let listens = !new_term && ears == Ears::Open;
        let was_heard = self.heard_since.filter(|_| listens);
        let listening =
            was_heard.map_or_else(Millis::default, |_| step.min(beats.shortest.max(TICK)));
        let listened = self.listened.after(listening);
        let hears = elapsed.since(term_since) >= beats.longest && listens;
        let heard_since = was_heard.or_else(|| hears.then_some(elapsed));
        Self { elapsed, listened, term, heard_since, term_since, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks a fresh clock with (term, step ms) and a beat of 3 s; shows `elapsed/listened` after each.
    #[track_caller]
    fn check(ticks: &[(u64, u64)], expected: &str) {
        let mut clock = Clock::default();
        let mut shown = Vec::new();
        for &(term, step) in ticks {
            let tick = Tick { step: Millis(step), ..Tick::default() };
            clock = clock.ticked(&tick, term, Beats::default().with(Millis(3_000)), Ears::Open);
            shown.push(format!("{}/{}", clock.elapsed.0, clock.listened.0));
        }
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn listening_starts_a_full_beat_after_a_new_leaders_first_tick() {
        check(
            &[(1, 0), (1, 1_000), (1, 2_000), (1, 1_000), (2, 0), (2, 3_000), (2, 1_000)],
            "0/0 1000/0 3000/0 4000/1000 4000/1000 7000/1000 8000/2000",
        );
    }

    #[test]
    fn one_tick_never_advances_by_more_than_the_largest_step() {
        check(&[(1, 0), (1, 86_400_000), (1, 15_001)], "0/0 15000/0 30000/3000");
    }

    #[test]
    fn one_tick_is_one_beat_of_listening_at_most() {
        check(&[(1, 0), (1, 3_000), (1, 3_000), (1, 3_001)], "0/0 3000/0 6000/3000 9001/6000");
    }
}
