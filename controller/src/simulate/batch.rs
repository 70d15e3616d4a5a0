//! How are many seeds played? On every core, one run after another, each by itself.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::outcome::{Course, Outcome};
use super::world::{Beats, Keep, Scene, World};

/// Which runs are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// The first seed; its course is kept.
    pub seed: u64,
    /// How many seeds, from it on.
    pub seeds: u64,
    /// Which beats.
    pub beats: Beats,
}

/// What came out of all of them.
#[derive(Debug)]
pub(super) struct Played {
    /// Run by run, by seed.
    pub outcomes: Vec<Outcome>,
    /// How the first one went.
    pub course: Course,
}

/// Plays one run.
pub(super) fn play(
    scene: &Scene,
    seed: u64,
    beats: Beats,
    keep: Keep,
) -> (Outcome, Option<Course>) {
    let mut world = World::new(scene, seed, beats, keep);
    world.play();
    world.finish()
}

impl Batch {
    /// Plays all runs; `done` hears of each that has ended. What comes out does not depend on the number
    /// of cores.
    pub(super) fn play(self, scene: &Scene, done: impl Fn(&Outcome) + Sync) -> Played {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let next = AtomicU64::new(0);
        let ended = Mutex::new(Vec::new());
        let work = || {
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= self.seeds {
                    return;
                }
                let keep = if nth == 0 { Keep::TheCourse } else { Keep::Nothing };
                let run = play(scene, self.seed.wrapping_add(nth), self.beats, keep);
                done(&run.0);
                // Who panics with the lock takes the whole process down.
                if let Ok(mut ended) = ended.lock() {
                    ended.push((nth, run));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..cores {
                scope.spawn(work);
            }
            work();
        });
        let mut ended = ended.into_inner().unwrap_or_default();
        ended.sort_unstable_by_key(|(nth, _)| *nth);
        let mut course = Course::default();
        let mut outcomes = Vec::new();
        for (_, (outcome, kept)) in ended {
            course = kept.unwrap_or(course);
            outcomes.push(outcome);
        }
        Played { outcomes, course }
    }
}
