//! Which notification is due when? Waits, order and limits of delivery; no clock, no socket.
//!
//! Receivers do not know of each other: each has a limit of its own for what is under way. What happened to one
//! incident is told in its order; another incident does not wait for it. Who does not answer well is asked again
//! after a wait that doubles, for three days.

use std::collections::{BTreeMap, BTreeSet};

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

/// Most bytes of why an attempt failed, in an entry and in a record.
pub const MAX_WHY_BYTES: usize = 300;

/// A notification of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Its number.
    pub number: u64,
    /// For whom.
    pub webhook: WebhookId,
    /// The incident that it is about; `None`: none, so that it waits for no other.
    pub incident: Option<u64>,
    /// For how long it is tried already, as far as the cluster knows.
    pub age: Millis,
    /// How often people have had it sent again.
    pub again: u32,
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
    /// Calls that have not ended, also of what waits no more: they are of their receiver's limit.
    calls: BTreeMap<u64, Call>,
    /// Who has asked to be left alone, until when.
    calm: BTreeMap<WebhookId, Millis>,
    /// How often the webhooks have been declared.
    declared: u64,
    chance: u64,
}

#[derive(Debug)]
struct Row {
    webhook: WebhookId,
    incident: Option<u64>,
    again: u32,
    gives_up: Millis,
    attempts: u32,
    state: State,
}

/// A call that is under way.
#[derive(Debug)]
struct Call {
    webhook: WebhookId,
    again: u32,
    declared: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Due then, unless a call is under way.
    Due(Millis),
    /// To be said in the log.
    Ended(Ending),
}

impl Schedule {
    /// Nothing to deliver. Waits are drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        let (rows, calls, calm) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { rows, calls, calm, declared: 0, chance: seed }
    }

    /// The outbox is this at `now`, time since the leader began, under webhooks that have been `declared` so often.
    /// What is new is due at once, and where the webhooks are new, everything is: what was in the way may be mended.
    pub fn know(&mut self, now: Millis, declared: u64, outbox: impl IntoIterator<Item = Waits>) {
        let mut before = std::mem::take(&mut self.rows);
        for of in outbox {
            let known = before.remove(&of.number).filter(|row| row.again == of.again);
            let mut row = known.unwrap_or_else(|| Row {
                webhook: of.webhook,
                incident: of.incident,
                again: of.again,
                gives_up: later(now, Millis(LIFETIME.0.saturating_sub(of.age.0))),
                attempts: 0,
                state: State::Due(now),
            });
            if declared != self.declared {
                row.begin_anew(now);
            }
            self.rows.insert(of.number, row);
        }
        if declared != self.declared {
            self.calm.clear();
        }
        self.calm.retain(|_, until| *until > now);
        self.declared = declared;
    }

    /// How often the webhooks had been declared when it was last told of them.
    pub const fn declared(&self) -> u64 {
        self.declared
    }

    /// What is to be sent at `now`; it is under way from here on.
    pub fn due(&mut self, now: Millis) -> Vec<u64> {
        let mut busy: BTreeMap<&WebhookId, usize> = BTreeMap::new();
        for call in self.calls.values() {
            *busy.entry(&call.webhook).or_default() += 1;
        }
        let mut begun: BTreeSet<(&WebhookId, u64)> = BTreeSet::new();
        let mut due = Vec::new();
        for (number, row) in &self.rows {
            let State::Due(at) = row.state else { continue };
            // Of one incident the oldest comes first; whether it is due or not, the others are behind it.
            let is_next = row.incident.is_none_or(|of| begun.insert((&row.webhook, of)));
            let calm = self.calm.get(&row.webhook).is_some_and(|until| *until > now);
            let under_way = self.calls.contains_key(number);
            let busy = busy.entry(&row.webhook).or_default();
            if is_next && at <= now && !calm && !under_way && *busy < MAX_UNDER_WAY {
                *busy += 1;
                due.push(*number);
            }
        }
        for number in &due {
            self.begin(*number);
        }
        due
    }

    fn begin(&mut self, number: u64) {
        let Some(row) = self.rows.get_mut(&number) else { return };
        row.attempts += 1;
        let (webhook, again, declared) = (row.webhook.clone(), row.again, self.declared);
        self.calls.insert(number, Call { webhook, again, declared });
    }

    /// What became of a call that was under way.
    pub fn heard(&mut self, now: Millis, number: u64, heard: Heard) {
        let jitter = self.jitter();
        let Some(call) = self.calls.remove(&number) else { return };
        // It may wait no more, or be sent again.
        let Some(row) = self.rows.get_mut(&number).filter(|row| row.again == call.again) else {
            return;
        };
        row.state = match heard {
            Heard::Taken => State::Ended(Ending::Delivered),
            // Whoever said so may not be who is declared now.
            Heard::Gone | Heard::Refused { .. } if call.declared != self.declared => {
                State::Due(now)
            }
            Heard::Gone => State::Ended(Ending::Gone),
            Heard::Refused { why, .. } if now >= row.gives_up => {
                let why = format!("{} attempts, the last one: {why}", row.attempts);
                State::Ended(Ending::GaveUp { why: shortened(why) })
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
            State::Due(_) => None,
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

impl Row {
    /// The webhooks were declared anew: what waits for its receiver begins anew, but for the time that it has.
    fn begin_anew(&mut self, now: Millis) {
        match &self.state {
            State::Due(_) | State::Ended(Ending::Gone) => {
                (self.attempts, self.state) = (0, State::Due(now));
            }
            State::Ended(Ending::Delivered | Ending::GaveUp { .. } | Ending::Dropped) => (),
        }
    }
}

/// As much of a text as an entry has room for.
fn shortened(mut why: String) -> String {
    let ends = (0..=MAX_WHY_BYTES.min(why.len())).rev().find(|end| why.is_char_boundary(*end));
    why.truncate(ends.unwrap_or(0));
    why
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
        Waits { number, webhook: webhook.parse().unwrap(), incident, age: Millis(0), again: 0 }
    }

    fn refused(after: Option<u64>) -> Heard {
        Heard::Refused { why: "500".to_owned(), after: after.map(Millis) }
    }

    /// The waits between attempts that all fail, until it gives up; and what it says then.
    fn all_waits(seed: u64, after: Option<u64>) -> (Vec<u64>, Ending) {
        let mut schedule = Schedule::new(seed);
        let (mut now, mut waited, mut times) = (Millis(0), 0, Vec::new());
        schedule.know(now, 1, [waits(1, "pager", 1)]);
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
        schedule.know(Millis(0), 1, two());
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
        schedule.know(Millis(0), 1, outbox());
        assert_eq!(schedule.due(Millis(0)), [1, 3]);
        schedule.heard(Millis(0), 1, refused(None));
        assert_eq!(schedule.due(Millis(1)), [0; 0]);
        assert_eq!(schedule.due(Millis(1_200)), [1]);
        schedule.heard(Millis(1_200), 1, Heard::Taken);
        assert_eq!(schedule.due(Millis(1_200)), [2]);
        // A test is about no incident: neither waits for the other.
        schedule.know(Millis(1_300), 1, [waits(7, "pager", 0), waits(8, "pager", 0)]);
        assert_eq!(schedule.due(Millis(1_300)), [7, 8]);
    }

    #[test]
    fn a_receiver_that_hangs_has_four_calls_and_no_other_waits_for_it() {
        let mut schedule = Schedule::new(1);
        let hanging = (1..=9).map(|number| waits(number, "slow", number));
        schedule.know(Millis(0), 1, hanging.chain([waits(10, "pager", 1)]));
        assert_eq!(schedule.due(Millis(0)), [1, 2, 3, 4, 10]);
        assert_eq!(schedule.due(Millis(5_000)), [0; 0]);
        schedule.heard(Millis(5_000), 2, refused(None));
        assert_eq!(schedule.due(Millis(5_000)), [5]);
    }

    #[test]
    fn what_has_ended_is_said_until_the_outbox_has_it_no_more_and_is_not_sent_again() {
        let mut schedule = Schedule::new(1);
        schedule.know(Millis(0), 1, [waits(1, "pager", 1), waits(2, "pager", 2)]);
        assert_eq!(schedule.due(Millis(0)), [1, 2]);
        schedule.heard(Millis(9), 1, Heard::Taken);
        schedule.heard(Millis(9), 2, Heard::Gone);
        let ended = BTreeMap::from([(1, Ending::Delivered), (2, Ending::Gone)]);
        for now in [10, 10_000] {
            assert_eq!(schedule.ended(), ended);
            assert_eq!(schedule.due(Millis(now)), [0; 0]);
            schedule.know(Millis(now), 1, [waits(1, "pager", 1), waits(2, "pager", 2)]);
        }
        schedule.know(Millis(20_000), 1, []);
        assert_eq!(schedule.ended(), BTreeMap::new());
        schedule.heard(Millis(20_000), 1, Heard::Taken);
        assert_eq!(schedule.ended(), BTreeMap::new(), "what waits no more is nobody's");
    }

    #[test]
    fn what_is_old_when_a_leader_begins_is_tried_once_more() {
        let mut schedule = Schedule::new(1);
        let old = Waits { age: Millis(LIFETIME.0 + 1), ..waits(1, "pager", 1) };
        schedule.know(Millis(500), 1, [old]);
        assert_eq!(schedule.due(Millis(500)), [1]);
        schedule.heard(Millis(501), 1, refused(None));
        let why = "1 attempts, the last one: 500".to_owned();
        assert_eq!(schedule.ended(), BTreeMap::from([(1, Ending::GaveUp { why })]));
    }

    #[test]
    fn webhooks_that_are_declared_anew_are_tried_at_once_and_an_answer_of_before_ends_nothing() {
        let mut schedule = Schedule::new(1);
        let outbox = || [waits(1, "pager", 1), waits(2, "pager", 2), waits(3, "pager", 3)];
        schedule.know(Millis(0), 1, outbox());
        assert_eq!(schedule.due(Millis(0)), [1, 2, 3]);
        schedule.heard(Millis(0), 1, refused(Some(24 * HOUR)));
        schedule.heard(Millis(0), 2, Heard::Gone);
        assert_eq!(schedule.ended(), BTreeMap::from([(2, Ending::Gone)]));
        // Meanwhile somebody has written another address.
        schedule.know(Millis(50), 2, outbox());
        assert_eq!((schedule.declared(), schedule.ended()), (2, BTreeMap::new()));
        assert_eq!(schedule.due(Millis(50)), [1, 2]);
        schedule.heard(Millis(60), 3, Heard::Gone);
        assert_eq!(schedule.due(Millis(60)), [3]);
        schedule.heard(Millis(70), 3, Heard::Gone);
        assert_eq!(schedule.ended(), BTreeMap::from([(3, Ending::Gone)]));
    }

    #[test]
    fn what_is_sent_again_is_new_and_a_call_of_before_says_nothing_of_it() {
        let mut schedule = Schedule::new(1);
        let again = |again| Waits { again, ..waits(1, "pager", 1) };
        let old = Waits { age: LIFETIME, ..again(0) };
        schedule.know(Millis(0), 1, [old]);
        assert_eq!(schedule.due(Millis(0)), [1]);
        schedule.know(Millis(5), 1, [again(1)]);
        assert_eq!(schedule.due(Millis(5)), [0; 0], "one call at a time");
        schedule.heard(Millis(9), 1, refused(None));
        assert_eq!(schedule.ended(), BTreeMap::new());
        assert_eq!(schedule.due(Millis(9)), [1]);
        schedule.heard(Millis(10), 1, Heard::Taken);
        assert_eq!(schedule.ended(), BTreeMap::from([(1, Ending::Delivered)]));
        schedule.know(Millis(11), 1, [again(2)]);
        assert_eq!((schedule.ended(), schedule.due(Millis(11))), (BTreeMap::new(), vec![1]));
    }

    #[test]
    fn calls_of_what_was_dropped_are_of_the_limit_until_they_end() {
        let mut schedule = Schedule::new(1);
        let from = |first: u64| (first..first + 9).map(|number| waits(number, "slow", number));
        schedule.know(Millis(0), 1, from(1));
        assert_eq!(schedule.due(Millis(0)), [1, 2, 3, 4]);
        schedule.know(Millis(1), 1, from(5));
        assert_eq!(schedule.due(Millis(1)), [0; 0]);
        schedule.heard(Millis(2), 3, refused(None));
        assert_eq!(schedule.due(Millis(2)), [5]);
    }

    #[test]
    fn a_long_word_on_why_is_cut_where_a_character_ends() {
        let of = |length: usize| shortened("é".repeat(length));
        assert_eq!(of(MAX_WHY_BYTES / 2), "é".repeat(MAX_WHY_BYTES / 2));
        assert_eq!(of(MAX_WHY_BYTES), "é".repeat(MAX_WHY_BYTES / 2));
        assert_eq!(shortened(format!("x{}", of(MAX_WHY_BYTES))).len(), MAX_WHY_BYTES - 1);
    }
}
