//! Does the judge of histories let good ones pass, and see through bad ones?

use std::collections::BTreeSet;

use tidegate_tests::sim::histories::{Ask, Heard, History, Tokens, Unexplained, linearize};

/// A history from lines of `called answered ask heard`, where a time of `-` is an answer that never
/// came: `0 5 +1 ok`, `3 9 read 1,2`, `4 - +2`.
#[expect(clippy::unwrap_used, reason = "a history that cannot be read is a mistake of the test")]
fn history(text: &str) -> History<Tokens> {
    let mut history = History::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ask = match words[2].strip_prefix('+') {
            Some(token) => Ask::Create(token.parse().unwrap()),
            None => Ask::Read,
        };
        let number = history.called(words[0].parse().unwrap(), ask);
        if words[1] != "-" {
            history.heard(words[1].parse().unwrap(), number, heard(words.get(3).copied()));
        }
    }
    history
}

#[expect(clippy::unwrap_used, reason = "a history that cannot be read is a mistake of the test")]
fn heard(word: Option<&str>) -> Heard {
    match word {
        Some("ok") => Heard::Created,
        Some("exists") => Heard::Exists,
        Some(list) => Heard::There(list.split(',').map(|one| one.parse().unwrap()).collect()),
        None => Heard::There(BTreeSet::new()),
    }
}

#[track_caller]
fn holds(text: &str) {
    assert_eq!(linearize(&history(text)), Ok(()));
}

#[track_caller]
#[expect(clippy::panic, reason = "a test's helper fails as tests do")]
fn breaks_at(text: &str, what: &str) {
    let Err(Unexplained::Stuck { at, .. }) = linearize(&history(text)) else {
        panic!("a bad history passed:\n{text}");
    };
    assert!(at.contains(what), "it breaks at {at}");
}

#[test]
fn an_empty_history_holds() {
    holds("");
}

#[test]
fn answers_that_follow_each_other_hold() {
    holds("0 1 +1 ok\n 2 3 read 1\n 4 5 +1 exists\n 6 7 +2 ok\n 8 9 read 1,2");
}

#[test]
fn a_read_beside_a_write_may_see_it_or_not() {
    holds("0 9 +1 ok\n 1 2 read\n 3 4 read 1");
    holds("0 9 +1 ok\n 1 2 read\n 3 4 read");
}

#[test]
fn a_stale_read_is_seen() {
    breaks_at("0 1 +1 ok\n 2 3 read", "Read, asked at 2 ms");
}

#[test]
fn a_read_that_goes_back_in_time_is_seen() {
    breaks_at("0 9 +1 ok\n 1 2 read 1\n 3 4 read", "Read, asked at 3 ms");
}

#[test]
fn a_lost_acknowledged_write_is_seen() {
    breaks_at("0 1 +1 ok\n 2 3 +2 ok\n 4 5 read 2", "Read, asked at 4 ms");
}

#[test]
fn a_token_that_is_created_twice_is_seen() {
    breaks_at("0 1 +1 ok\n 2 3 +1 ok", "Create(1), asked at 2 ms");
}

#[test]
fn a_token_that_exists_before_anybody_asked_for_it_is_seen() {
    breaks_at("0 1 +1 exists\n 2 3 +1 ok", "Create(1), asked at 0 ms");
}

#[test]
fn two_readers_that_see_two_orders_are_seen() {
    breaks_at("0 9 +1 ok\n 0 9 +2 ok\n 1 2 read 1\n 3 4 read 2", "Read, asked at 3 ms");
}

#[test]
fn a_write_without_an_answer_may_have_happened_late_or_never() {
    holds("0 - +1\n 1 2 read\n 3 4 read 1");
    holds("0 - +1\n 1 2 read\n 3 4 read");
}

#[test]
fn a_write_without_an_answer_does_not_happen_before_it_was_asked_for() {
    breaks_at("0 1 read 1\n 2 - +1", "Read, asked at 0 ms");
}

#[test]
fn a_write_without_an_answer_does_not_come_undone() {
    breaks_at("0 - +1\n 1 2 read 1\n 3 4 read", "Read, asked at 3 ms");
}

#[test]
fn a_history_with_many_lost_answers_is_judged() {
    let lost: String = (0..14).map(|token| format!("0 - +{token}\n")).collect();
    holds(&format!("{lost}1 2 read 3,7\n3 4 read 3,7,9"));
}
