//! How do many runs use every core and still come out in one order?

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tidegate_policies::credit::CreditRule;

use crate::world::rules::Name;
use crate::world::tally::Tally;
use crate::world::{Fleet, Setup, credit_rollout, waves};

/// What became of each rule in the runs of one setup.
pub(crate) type Tallies = BTreeMap<Name, Tally>;

/// Every seed of a setup, by every rule.
pub(crate) fn compare(fleet: &Fleet, setup: Setup, seeds: u64) -> Tallies {
    let runs = each(seeds, |seed| {
        let setup = Setup { seed, ..setup };
        let mut outcomes = waves(fleet, setup);
        outcomes.push((Name::Credit, credit_rollout(fleet, setup, CreditRule::STANDARD)));
        outcomes
    });
    let mut tallies = Tallies::new();
    for (name, outcome) in runs.into_iter().flatten() {
        tallies.entry(name).or_default().0.push(outcome);
    }
    tallies
}

/// Every seed of a setup, by the detector and credit alone.
pub(crate) fn judge(fleet: &Fleet, setup: Setup, seeds: u64) -> Tally {
    Tally(each(seeds, |seed| credit_rollout(fleet, Setup { seed, ..setup }, CreditRule::STANDARD)))
}

/// What each seed gives, in the order of the seeds, on every core there is.
fn each<T: Send>(seeds: u64, play: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let count = usize::try_from(seeds).unwrap_or(usize::MAX);
    let next = AtomicUsize::new(0);
    let some = || {
        let mut played = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return played;
            }
            played.push((n, play(n as u64)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        // A worker that panicked has ended the program: it aborts.
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, given)| given).collect()
}
