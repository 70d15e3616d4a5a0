//! Which notification is due when? Waits, order and limits of delivery; no clock, no socket.
//!
//! Receivers do not know of each other: each has a limit of its own for what is under way. What happened to one
//! incident is told in its order; another incident does not wait for it. Who does not answer well is asked again
//! after a wait that doubles, for three days.

use std::collections::BTreeMap;

use tidegate_policies::time::Millis;

use crate::machine::ids::WebhookId;
use crate::machine::webhook_event::Ending;

/// Calls that are under way to one receiver.
pub const MAX_UNDER_WAY: usize = 4;

/// The wait after the first attempt that failed.
pub const FIRST_WAIT: Millis = Millis(1_000);

/// No wait is longer, but for what a receiver asks for.
pub const LONGEST_WAIT: Millis = Millis::from_secs(15 * 60);

/// The longest wait that a receiver may ask for.
pub const LONGEST_ASKED: Millis = Millis::from_secs(86_400);

/// For how long a notification is tried, from what it tells of on.
pub const LIFETIME: Millis = Millis::from_secs(3 * 86_400);

/// A notification of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Its number.
    pub number: u64,
    /// For whom.
    pub webhook: WebhookId,
    /// The incident that it is about; `None`: none, so that it waits for no other.
    pub incident: Option<u64>,
    /// How long ago it happened, as far as the cluster knows.
    pub age: Millis,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The receiver took it.
    Taken,
    /// It did not.
    Refused {
        /// Why, in a few words.
        why: String,
        /// When it wants to be called again; `None`: it does not say.
        after: Option<Millis>,
    },
    /// It takes nothing any more.
    Gone,
}

/// What a leader knows of the outbox, and of its attempts. Another leader begins anew.
#[derive(Debug)]
pub struct Schedule {
    rows: BTreeMap<u64, Row>,
    /// Who has asked to be left alone, until when.
    calm: BTreeMap<WebhookId, Millis>,
    chance: u64,
}

#[derive(Debug)]
struct Row {
    webhook: WebhookId,
    incident: Option<u64>,
    gives_up: Millis,
    attempts: u32,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Due then.
    Due(Millis),
    UnderWay,
    /// To be said in the log.
    Ended(Ending),
}

impl Schedule {
    /// Nothing to deliver. Waits are drawn from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { rows: BTreeMap::new(), calm: BTreeMap::new(), chance: seed }
    }

    /// The outbox is this, at `now`, time since the leader began. What is new is due at once.
    pub fn know(&mut self, now: Millis, outbox: impl IntoIterator<Item = Waits>) {
        let mut before = std::mem::take(&mut self.rows);
        for of in outbox {
            let row = before.remove(&of.number).unwrap_or_else(|| Row {
                webhook: of.webhook,
                incident: of.incident,
                gives_up: later(now, Millis(LIFETIME.0.saturating_sub(of.age.0))),
                attempts: 0,
                state: State::Due(now),
            });
            self.rows.insert(of.number, row);
        }
        self.calm.retain(|_, until| *until > now);
    }

    /// What is to be sent at `now`; it is under way from here on.
    pub fn due(&mut self, now: Millis) -> Vec<u64> {
        let mut under_way: BTreeMap<WebhookId, usize> = BTreeMap::new();
        for row in self.rows.values().filter(|row| row.state == State::UnderWay) {
            *under_way.entry(row.webhook.clone()).or_default() += 1;
        }
        let mut behind: Vec<(WebhookId, u64)> = Vec::new();
        let mut due = Vec::new();
        for (number, row) in &mut self.rows {
            if matches!(row.state, State::Ended(_)) {
                continue;
            }
            if let Some(incident) = row.incident {
                let of = (row.webhook.clone(), incident);
                if behind.contains(&of) {
                    continue;
                }
                behind.push(of);
            }
            let busy = under_way.entry(row.webhook.clone()).or_default();
            let calm = self.calm.get(&row.webhook).is_some_and(|until| *until > now);
            let is_due = matches!(row.state, State::Due(at) if at <= now);
            if is_due && !calm && *busy < MAX_UNDER_WAY {
                row.state = State::UnderWay;
                row.attempts += 1;
                *busy += 1;
                due.push(*number);
            }
        }
        due
    }

    /// What became of a call that was under way.
    pub fn heard(&mut self, now: Millis, number: u64, heard: Heard) {
        let jitter = self.jitter();
        let Some(row) = self.rows.get_mut(&number) else { return };
        row.state = match heard {
            Heard::Taken => State::Ended(Ending::Delivered),
            Heard::Gone => State::Ended(Ending::Gone),
            Heard::Refused { why, .. } if now >= row.gives_up => {
                let why = format!("{} attempts, the last one: {why}", row.attempts);
                State::Ended(Ending::GaveUp { why })
            }
            Heard::Refused { after, .. } => {
                let after = after.map(|after| after.min(LONGEST_ASKED));
                if let Some(after) = after {
                    let until = self.calm.entry(row.webhook.clone()).or_default();
                    *until = (*until).max(later(now, after));
                }
                let wait =
                    Millis(wait(row.attempts).0 * jitter / 100).max(after.unwrap_or_default());
                // The last attempt is made when its time is over.
                State::Due(later(now, wait).min(row.gives_up))
            }
        };
    }

    /// What is to be said in the log. It is said again until the outbox does not have it any more.
    pub fn ended(&self) -> BTreeMap<u64, Ending> {
        let ended = self.rows.iter().filter_map(|(&number, row)| match &row.state {
            State::Ended(ending) => Some((number, ending.clone())),
            State::Due(_) | State::UnderWay => None,
        });
        ended.collect()
    }

    /// Between 80 and 120 percent.
    fn jitter(&mut self) -> u64 {
        // SplitMix64.
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        80 + (mixed ^ (mixed >> 31)) % 41
    }
}

/// The wait after so many attempts that failed, before chance.
fn wait(attempts: u32) -> Millis {
    let doubled = attempts.saturating_sub(1).min(20);
    Millis(FIRST_WAIT.0 << doubled).min(LONGEST_WAIT)
}

const fn later(now: Millis, by: Millis) -> Millis {
    Millis(now.0.saturating_add(by.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn waits(number: u64, webhook: &str, incident: u64) -> Waits {
        let incident = (incident > 0).then_some(incident);
        Waits { number, webhook: webhook.parse().unwrap(), incident, age: Millis(0) }
    }

    fn refused(after: Option<u64>) -> Heard {
        Heard::Refused { why: "500".to_owned(), after: after.map(Millis) }
    }

    /// The waits between attempts that all fail, until it gives up; and what it says then.
    fn all_waits(seed: u64, after: Option<u64>) -> (Vec<u64>, Ending) {
        let mut schedule = Schedule::new(seed);
        let (mut now, mut waited, mut times) = (Millis(0), 0, Vec::new());
        schedule.know(now, [waits(1, "pager", 1)]);
        loop {
            if schedule.due(now).is_empty() {
                (now, waited) = (Millis(now.0 + 100), waited + 100);
                continue;
            }
            times.push(waited);
            waited = 0;
            schedule.heard(now, 1, refused(after));
            if let Some(ending) = schedule.ended().remove(&1) {
                assert_eq!(now, LIFETIME, "the last attempt is made when the time is over");
                return (times, ending);
            }
        }
    }

    #[test]
    fn waits_double_from_a_second_to_a_quarter_of_an_hour_with_a_fifth_of_chance_for_three_days() {
        let (waits, ending) = all_waits(7, None);
        let mut expected = 1_000;
        for wait in waits.iter().skip(1).take(waits.len() - 2) {
            let (least, most) = (expected * 80 / 100, expected * 120 / 100 + 100);
            assert!((least..=most).contains(wait), "{wait} is not {expected}");
            expected = (expected * 2).min(900_000);
        }
        let Ending::GaveUp { why } = ending else { panic!("{ending:?}") };
        assert_eq!(why, format!("{} attempts, the last one: 500", waits.len()));
        assert!((290..320).contains(&waits.len()), "{}", waits.len());
        assert_ne!(all_waits(8, None).0, waits, "two leaders do not call at the same moments");
        assert_eq!(all_waits(7, None).0, waits);
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_for_all_that_waits_and_a_day_at_most() {
        let mut schedule = Schedule::new(1);
        let two = || [waits(1, "pager", 1), waits(2, "pager", 2), waits(3, "chat", 1)];
        schedule.know(Millis(0), two());
        assert_eq!(schedule.due(Millis(0)), [1, 2, 3]);
        schedule.heard(Millis(0), 1, refused(Some(60_000)));
        schedule.heard(Millis(0), 2, refused(None));
        schedule.heard(Millis(0), 3, refused(None));
        assert_eq!(schedule.due(Millis(59_999)), [3]);
        assert_eq!(schedule.due(Millis(60_000)), [1, 2]);
        schedule.heard(Millis(60_000), 1, refused(Some(48 * HOUR)));
        assert_eq!(schedule.due(Millis(60_000 + 24 * HOUR - 1)), [0; 0]);
        assert_eq!(schedule.due(Millis(60_000 + 24 * HOUR)), [1]);
    }

    #[test]
    fn of_one_incident_is_told_in_order_and_another_does_not_wait_for_it() {
        let mut schedule = Schedule::new(1);
        let outbox = || [waits(1, "pager", 1), waits(2, "pager", 1), waits(3, "pager", 2)];
        schedule.know(Millis(0), outbox());
        assert_eq!(schedule.due(Millis(0)), [1, 3]);
        schedule.heard(Millis(0), 1, refused(None));
        assert_eq!(schedule.due(Millis(1)), [0; 0]);
        assert_eq!(schedule.due(Millis(1_200)), [1]);
        schedule.heard(Millis(1_200), 1, Heard::Taken);
        assert_eq!(schedule.due(Millis(1_200)), [2]);
        // A test is about no incident: neither waits for the other.
        schedule.know(Millis(1_300), [waits(7, "pager", 0), waits(8, "pager", 0)]);
        assert_eq!(schedule.due(Millis(1_300)), [7, 8]);
    }

    #[test]
    fn a_receiver_that_hangs_has_four_calls_and_no_other_waits_for_it() {
        let mut schedule = Schedule::new(1);
        let hanging = (1..=9).map(|number| waits(number, "slow", number));
        schedule.know(Millis(0), hanging.chain([waits(10, "pager", 1)]));
        assert_eq!(schedule.due(Millis(0)), [1, 2, 3, 4, 10]);
        assert_eq!(schedule.due(Millis(5_000)), [0; 0]);
        schedule.heard(Millis(5_000), 2, refused(None));
        assert_eq!(schedule.due(Millis(5_000)), [5]);
    }

    #[test]
    fn what_has_ended_is_said_until_the_outbox_has_it_no_more_and_is_not_sent_again() {
        let mut schedule = Schedule::new(1);
        schedule.know(Millis(0), [waits(1, "pager", 1), waits(2, "pager", 2)]);
        assert_eq!(schedule.due(Millis(0)), [1, 2]);
        schedule.heard(Millis(9), 1, Heard::Taken);
        schedule.heard(Millis(9), 2, Heard::Gone);
        let ended = BTreeMap::from([(1, Ending::Delivered), (2, Ending::Gone)]);
        for now in [10, 10_000] {
            assert_eq!(schedule.ended(), ended);
            assert_eq!(schedule.due(Millis(now)), [0; 0]);
            schedule.know(Millis(now), [waits(1, "pager", 1), waits(2, "pager", 2)]);
        }
        schedule.know(Millis(20_000), []);
        assert_eq!(schedule.ended(), BTreeMap::new());
        schedule.heard(Millis(20_000), 1, Heard::Taken);
        assert_eq!(schedule.ended(), BTreeMap::new(), "what waits no more is nobody's");
    }

    #[test]
    fn what_is_old_when_a_leader_begins_is_tried_once_more() {
        let mut schedule = Schedule::new(1);
        let old = Waits { age: Millis(LIFETIME.0 + 1), ..waits(1, "pager", 1) };
        schedule.know(Millis(500), [old]);
        assert_eq!(schedule.due(Millis(500)), [1]);
        schedule.heard(Millis(501), 1, refused(None));
        let why = "1 attempts, the last one: 500".to_owned();
        assert_eq!(schedule.ended(), BTreeMap::from([(1, Ending::GaveUp { why })]));
    }
}
