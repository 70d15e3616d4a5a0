//! How fast does a rollout go? In waves that nothing stops, or paced by credit.

use tidegate_policies::credit::hold::{self, Hold, Seen, Step};
use tidegate_policies::credit::{CreditBook, CreditRule};
use tidegate_policies::detector::ruling::Standing;
use tidegate_policies::time::Elapsed;

use super::Fleet;
use super::rules::{RuleOutcome, Rules};
use super::run::{Run, Watchers};
use super::setup::{Fault, Outcome, Setup};

/// Hosts that have begun by the end of each wave.
const WAVES: [usize; 7] = [50, 250, 1_250, 5_000, 20_000, 50_000, 100_000];

/// Minutes in which a wave begins, evenly.
const RAMP: usize = 30;

/// Waves of 50, 250, 1,250 … hosts in all, each begun when the one before is over. Nothing stops them: each
/// rule says when it would have.
pub fn waves(fleet: &Fleet, setup: Setup) -> Vec<RuleOutcome> {
    let mut run = Run::new(fleet, setup);
    let mut rules = Rules::new(&setup);
    let mut book = CreditBook::default();
    let last = run.order.len();
    for wave in WAVES.into_iter().chain([last]) {
        let (first, end) = (run.turn, wave.min(last));
        if first >= last {
            break;
        }
        rules.wave(end - first);
        let mut minutes = 0;
        while run.turn < end || run.flying > 0 {
            minutes = (minutes + 1).min(RAMP);
            while run.turn < first + (end - first) * minutes / RAMP {
                if run.begin() {
                    rules.begun();
                }
            }
            run.minute(&mut Watchers { rules: &mut rules, book: &mut book });
            rules.tick(&mut run);
            if rules.all_halted() {
                return rules.outcomes();
            }
        }
    }
    rules.outcomes()
}

/// A rollout that credit paces, and that holds and halts by evidence.
pub fn credit_rollout(fleet: &Fleet, setup: Setup, rule: CreditRule) -> Outcome {
    let mut run = Run::new(fleet, setup);
    let mut rules = Rules::none();
    let (mut book, mut hold, mut held) = (CreditBook::default(), None::<Hold>, false);
    let mut heard = 0;
    let last = run.order.len();
    let hosts = fleet.hosts.len() as u64;
    let most =
        run.setup.care.cohorts().most_in_flight(u64::from(run.controls)).min(hosts / 10).max(1);
    while run.turn < last || run.flying > 0 {
        let (failed, survivors, now) = (run.failed, u64::from(run.flying), Elapsed(run.now));
        let ruling = run.ruling();
        let halts = ruling.standing == Standing::Halt;
        hold = match hold::step(hold, Seen { ruling, failed, survivors, now }) {
            Step::Free => None,
            Step::Held(hold) | Step::CallPerson(hold) => Some(hold),
            Step::Released => {
                run.probe();
                book.quarter();
                None
            }
        };
        held |= hold.is_some();
        if halts {
            return run.outcome(true, held);
        }
        if run.hearing.hears_fleet() {
            heard = run.now;
        }
        // Four hours of hold or deafness: a person looks, and finds what the run is about.
        let since = hold.map_or(heard, |hold| heard.min(hold.since.0));
        if run.now - since > hold::LONGEST.0 {
            let halts = setup.fault != Fault::None;
            return Outcome { by_person: halts, ..run.outcome(halts, true) };
        }
        let open = hold.is_none() && heard == run.now;
        while open && run.turn < last {
            let host = &fleet.hosts[run.order[run.turn] as usize];
            let slices = (fleet.detector.slices(), &host.slices);
            if book.room(&rule, slices, (0, most), Elapsed(run.now)).is_err() {
                break;
            }
            if run.begin() {
                book.begin(&host.slices, Elapsed(run.now));
            }
        }
        run.minute(&mut Watchers { rules: &mut rules, book: &mut book });
    }
    run.outcome(false, held)
}
