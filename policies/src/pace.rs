//! How soon can a rollout be done, if nothing goes wrong? Minute by minute, by the rules that pace it, from its start
//! or from where it stands.
//!
//! What it leaves out makes a rollout slower, never faster: how long hosts take to answer and to apply, credit of
//! single slices, holdouts, hosts of earlier tiers that come late. So what it says is the earliest.

use std::collections::BTreeMap;

use crate::credit::{Credit, CreditRule};
use crate::detector::slices::SliceId;
use crate::policy::{Promotion, Stage, WhenFewer};
use crate::time::Millis;

/// Beyond this nobody plans.
pub const FARTHEST: Millis = Millis::from_secs(400 * 86_400);

const MINUTE: u64 = 60_000;

/// A tier that soaks for less than this is looked at every second, others every minute.
const SHORT: Millis = Millis::from_secs(3_600);

/// What is paced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The tiers, first to last.
    pub steps: Vec<Step>,
    /// Most hosts that may be exposed.
    pub budget: u64,
    /// How credit is earned; `None`: it is not.
    pub credit: Option<CreditRule>,
    /// So many hosts may begin in each period; `None`: any number.
    pub rate: Option<(u64, Millis)>,
    /// What has been done of it.
    pub from: Standing,
}

/// How far a rollout is. By default: at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The present tier and its wave, from 0.
    pub at: (usize, usize),
    /// Hosts in flight: how much of their soak is left, and their tier, from 0.
    pub flying: BTreeMap<(Millis, usize), u64>,
    /// Hosts that are verified.
    pub verified: u64,
    /// Those of the present tier that have begun and not refused.
    pub begun_of_step: u64,
    /// Those of the present tier that are verified, or went wrong and were acknowledged.
    pub verified_of_step: u64,
}

/// One tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its policy.
    pub stage: Stage,
    /// How long its hosts soak.
    pub soak: Millis,
    /// Hosts inside each wave's cumulative share.
    pub waves: Vec<u64>,
    /// Most of them that may be in flight.
    pub in_flight_cap: u64,
}

/// When a wave begins and passes at the earliest, after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it begins; `None`: a person has to act first, or it is beyond [`FARTHEST`].
    pub from: Option<Millis>,
    /// When it has passed.
    pub until: Option<Millis>,
}

/// The earliest course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Tier by tier, wave by wave. A person promotes at once, where the policy wants one.
    pub waves: Vec<Vec<Span>>,
    /// When the last wave has passed; `None`: a person has to act first, or it is beyond [`FARTHEST`].
    pub done: Option<Millis>,
    /// The tiers that wait for a person because they have too few hosts.
    pub too_few: Vec<usize>,
}

/// The books of the imagined rollout.
struct Books {
    /// As of now; whose soak is left is known by when it ends.
    standing: Standing,
    in_flight: u64,
    minute: (u64, u64),
    period: (u64, u64),
}

/// The earliest course of a rollout; `opens` says whether hosts of a tier may begin so long after the start.
pub fn pace(course: &Course, opens: &mut dyn FnMut(usize, Millis) -> bool) -> Pace {
    let spans = |step: &Step| vec![Span::default(); step.waves.len()];
    let mut waves: Vec<Vec<Span>> = course.steps.iter().map(spans).collect();
    let mut books = Books {
        standing: course.from.clone(),
        in_flight: course.from.flying.values().sum(),
        minute: (0, 0),
        period: (0, 0),
    };
    let mut too_few = Vec::new();
    mark(&mut waves, books.standing.at, |span| span.from = Some(Millis(0)));
    let short = course.steps.iter().any(|step| step.soak < SHORT);
    let (tick, ticks) =
        if short { (1_000, FARTHEST.0 / MINUTE) } else { (MINUTE, FARTHEST.0 / MINUTE) };
    for n in 0..ticks {
        let now = Millis(n * tick);
        books.land(now);
        while let Some(step) = course.steps.get(books.step()).filter(|step| books.passes(step)) {
            if fewer(step) && step.stage.gates.when_fewer == WhenFewer::Hold {
                too_few.push(books.step());
                return Pace { waves, done: None, too_few };
            }
            mark(&mut waves, books.standing.at, |span| span.until = Some(now));
            books.go_on(course);
            mark(&mut waves, books.standing.at, |span| span.from = Some(now));
        }
        if books.step() >= course.steps.len() {
            return Pace { waves, done: Some(now), too_few };
        }
        if opens(books.step(), now) {
            books.begin(course, now);
        }
    }
    Pace { waves, done: None, too_few }
}

fn mark(waves: &mut [Vec<Span>], (step, wave): (usize, usize), change: impl FnOnce(&mut Span)) {
    if let Some(span) = waves.get_mut(step).and_then(|waves| waves.get_mut(wave)) {
        change(span);
    }
}

/// Whether the tier has fewer hosts than must be verified before it is left.
fn fewer(step: &Step) -> bool {
    step.waves.last().is_some_and(|hosts| *hosts < step.stage.gates.min_verified)
}

impl Books {
    const fn step(&self) -> usize {
        self.standing.at.0
    }

    /// Hosts whose soak has ended are verified.
    fn land(&mut self, now: Millis) {
        let standing = &mut self.standing;
        while let Some(first) = standing.flying.first_entry().filter(|of| of.key().0 <= now) {
            let ((_, step), hosts) = first.remove_entry();
            self.in_flight -= hosts;
            standing.verified += hosts;
            if step == standing.at.0 {
                standing.verified_of_step += hosts;
            }
        }
    }

    /// Whether the gates of the present wave are open.
    fn passes(&self, step: &Step) -> bool {
        let gates = &step.stage.gates;
        let Standing { at, begun_of_step, verified_of_step, .. } = self.standing;
        let Some(&hosts) = step.waves.get(at.1) else { return true };
        let is_last = at.1 + 1 == step.waves.len();
        let tier = step.waves.last().copied().unwrap_or(0);
        let needed = if is_last { gates.min_verified.min(tier) } else { 0 };
        let judged = gates.verified.of_rounded_up(begun_of_step).max(u64::from(hosts > 0));
        begun_of_step >= gates.coverage.of_rounded_up(hosts)
            && verified_of_step >= judged.max(needed)
    }

    fn go_on(&mut self, course: &Course) {
        let standing = &mut self.standing;
        let waves = course.steps.get(standing.at.0).map_or(0, |step| step.waves.len());
        if standing.at.1 + 1 < waves {
            standing.at.1 += 1;
        } else {
            standing.at = (standing.at.0 + 1, 0);
            (standing.begun_of_step, standing.verified_of_step) = (0, 0);
        }
    }

    /// As many begin as may.
    fn begin(&mut self, course: &Course, now: Millis) {
        let (at, verified) = (self.standing.at, self.standing.verified);
        let Some(step) = course.steps.get(at.0) else { return };
        let most = step.in_flight_cap.min(course.budget);
        let (cap, in_minute) = match &course.credit {
            Some(rule) => {
                let earned = Credit::of_verified(verified);
                let cap = rule.cap(SliceId(0), &earned, most);
                let minute = now.0 / MINUTE;
                if self.minute.0 != minute {
                    self.minute = (minute, 0);
                }
                (cap, rule.per_minute(cap).saturating_sub(self.minute.1))
            }
            None => (most, u64::MAX),
        };
        let in_period = course.rate.map_or(u64::MAX, |(hosts, every)| {
            let period = now.0.checked_div(every.0).unwrap_or(0);
            if self.period.0 != period {
                self.period = (period, 0);
            }
            hosts.saturating_sub(self.period.1)
        });
        let wave = step.waves.get(at.1).copied().unwrap_or(0);
        let rest = wave.saturating_sub(self.standing.begun_of_step);
        let room = cap.saturating_sub(self.in_flight);
        let begin = rest.min(room).min(in_minute).min(in_period);
        if begin == 0 {
            return;
        }
        self.in_flight += begin;
        self.minute.1 += begin;
        self.period.1 += begin;
        self.standing.begun_of_step += begin;
        *self.standing.flying.entry((Millis(now.0 + step.soak.0), at.0)).or_insert(0) += begin;
    }
}

/// Whether a person promotes past this tier.
pub const fn takes_a_person(stage: &Stage) -> bool {
    matches!(stage.gates.promotion, Promotion::Manual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{parse, preset};

    /// The standard policy's course through so many canaries, free and paid hosts.
    fn standard(hosts: [u64; 3]) -> Course {
        let policy = parse("standard", preset("standard").unwrap().text).unwrap();
        let all: u64 = hosts.iter().sum();
        let step = |(stage, hosts): (&Stage, u64)| Step {
            stage: stage.clone(),
            soak: stage.gates.soak,
            waves: stage.waves.iter().map(|share| share.of(hosts)).collect(),
            in_flight_cap: policy.exposure.in_flight.of(hosts),
        };
        Course {
            steps: policy.ladder.iter().zip(hosts).map(step).collect(),
            budget: policy.exposure.budget.of(all),
            credit: Some(CreditRule::for_fleet(all)),
            rate: None,
            from: Standing::default(),
        }
    }

    #[track_caller]
    fn check(course: &Course, expected: &str) {
        let pace = pace(course, &mut |_, _| true);
        let told = |at: Option<Millis>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let tier = |spans: &Vec<Span>| {
            let waves: Vec<String> = spans.iter().map(|of| told(of.until)).collect();
            waves.join(" ")
        };
        let tiers: Vec<String> = pace.waves.iter().map(tier).collect();
        assert_eq!(format!("{}; done {}", tiers.join(", "), told(pace.done)), expected);
    }

    #[test]
    fn no_wave_passes_before_its_hosts_have_soaked() {
        let mut course = standard([600, 60_000, 40_000]);
        course.credit = None;
        // 480 of 600 canaries must have begun, 60 at a time: eight soaks. Then at most a tenth of a tier, and never
        // more than the budget of 5,030, is in flight.
        check(&course, "8d, 8d4h 8d8h 9d 9d20h, 10d 10d4h 10d16h 11d8h; done 11d8h");
    }

    #[test]
    fn credit_makes_it_slower_and_never_faster() {
        let course = standard([600, 60_000, 40_000]);
        let with = pace(&course, &mut |_, _| true).done.unwrap();
        let without = pace(&Course { credit: None, ..course }, &mut |_, _| true).done.unwrap();
        assert!(with > without, "{with} {without}");
    }

    #[test]
    fn a_closed_window_makes_it_wait_and_soaks_go_on() {
        let mut course = standard([600, 6_000, 4_000]);
        course.credit = None;
        let always = pace(&course, &mut |_, _| true).done.unwrap();
        let hour = |at: Millis| at.0 / 3_600_000 % 24;
        let at_night = pace(&course, &mut |_, at| hour(at) < 6).done.unwrap();
        assert!(at_night > always, "{at_night} {always}");
        assert_eq!(pace(&course, &mut |_, _| false).done, None);
    }

    #[test]
    fn a_rate_is_kept_in_each_period() {
        let mut course = standard([600, 6_000, 4_000]);
        course.credit = None;
        course.rate = Some((100, Millis::from_secs(3_600)));
        let done = pace(&course, &mut |_, _| true).done.unwrap();
        assert!(
            done >= Millis::from_secs(80 * 3_600),
            "8,000 of 10,600 begin at 100 an hour: {done}"
        );
    }

    #[test]
    fn from_where_it_stands_only_what_is_left_is_paced() {
        let mut course = standard([60, 600, 400]);
        course.credit = None;
        let whole = pace(&course, &mut |_, _| true);
        // In the second wave of the free tier: 60 of its first 150 hosts have an hour to soak.
        let hour = Millis::from_secs(3_600);
        course.from = Standing {
            at: (1, 1),
            flying: BTreeMap::from([((hour, 1), 60)]),
            verified: 150,
            begun_of_step: 150,
            verified_of_step: 90,
        };
        let rest = pace(&course, &mut |_, _| true);
        assert_eq!(rest.waves[0], [Span::default()], "what is over is not planned");
        assert_eq!(rest.waves[1][1], Span { from: Some(Millis(0)), until: Some(hour) });
        let (done, of_all) = (rest.done.unwrap(), whole.done.unwrap());
        assert!(hour < done && done < of_all, "{done} {of_all}");
    }

    #[test]
    fn a_tier_with_too_few_hosts_waits_for_a_person_where_the_policy_says_so() {
        let mut course = standard([20, 200, 100]);
        course.steps[0].stage.gates.when_fewer = WhenFewer::Hold;
        let pace = pace(&course, &mut |_, _| true);
        assert_eq!((pace.done, pace.too_few), (None, vec![0]));
    }
}
