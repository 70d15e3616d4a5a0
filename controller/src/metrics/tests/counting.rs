//! Do the counters say what the records say, the same on every replica?

use std::collections::BTreeMap;

use tidegate_policies::time::Elapsed;

use super::{Scrape, read};
use crate::machine::clock::Clock;
use crate::machine::command::{Action, CreateToken, Expiry, Operate};
use crate::machine::event::Event;
use crate::machine::ids::{Digest, NodeId, RolloutId};
use crate::machine::measure::{Measured, host};
use crate::machine::rollouts::State;
use crate::machine::tokens::Scope;
use crate::machine::{Applied, Command};
use crate::metrics::book::Book;
use crate::metrics::text::write;

fn scrape(book: &Book, node: u64) -> Scrape {
    let mut families = book.families();
    families.sort_by_key(|family| family.described.name);
    read(&write(&families, NodeId(node))).unwrap()
}

/// Two books, and the machine whose entries both were told.
struct Replicas {
    fleet: Measured,
    books: [Book; 2],
}

impl Replicas {
    fn new() -> Self {
        Self { fleet: Measured::fleet(8).unwrap(), books: [Book::default(), Book::default()] }
    }

    fn apply(&mut self, command: &Command) {
        let Applied { outcome, events } = self.fleet.apply(command);
        for book in &mut self.books {
            book.note(command, &outcome, &events);
        }
    }

    fn operate(&mut self, request: &str, action: Action) {
        let operate = Operate { request: request.to_owned(), actor: "ada".to_owned(), action };
        self.apply(&Command::Operate(operate));
    }
}

fn token(id: &str) -> Action {
    Action::CreateToken(Box::new(CreateToken {
        token: id.parse().unwrap(),
        tier: "free".parse().unwrap(),
        max_hosts: 3,
        secret: Digest([9; 32]),
        expiry: Expiry::Never,
        scope: Scope::default(),
    }))
}

#[test]
fn the_counters_agree_with_the_records_and_with_those_of_another_replica() {
    let mut replicas = Replicas::new();
    let before = replicas.fleet.machine.records().head().sequence;
    replicas.operate("1", token("x"));
    replicas.operate("1", token("x")); // Asked again: nothing happens.
    replicas.operate("2", token("y")); // The same secret: refused.
    let written = replicas.fleet.machine.records().head().sequence - before;
    let told = [1, 2].map(|node| scrape(&replicas.books[node - 1], node as u64));
    assert!((told[0].sum("tidegate_records_total") - written as f64).abs() < 0.5);
    let created = "tidegate_records_total{node=\"1\",event=\"token.created\"}";
    assert_eq!(told[0].value(created), Some(1.0));
    let refused = "tidegate_refusals_total{node=\"1\",reason=\"SECRET_REUSED\"}";
    assert_eq!(told[0].value(refused), Some(1.0));
    assert_eq!(told[0].value("tidegate_log_entries_applied_total{node=\"1\"}"), Some(3.0));
    let without_node = |scrape: &Scrape| -> BTreeMap<String, String> {
        let series = scrape.samples.iter();
        let cut = |text: &str| text.replace("node=\"1\"", "").replace("node=\"2\"", "");
        series.map(|(series, value)| (cut(series), value.to_string())).collect()
    };
    assert_eq!(without_node(&told[0]), without_node(&told[1]));
}

#[test]
fn reports_are_counted_by_what_they_say_and_each_once() {
    let mut replicas = Replicas::new();
    replicas.fleet.roll_out(1).unwrap();
    let applied = replicas.fleet.applied_report(1).unwrap();
    replicas.apply(&applied);
    replicas.apply(&applied);
    let told = scrape(&replicas.books[0], 1);
    let series = "tidegate_agent_reports_total{node=\"1\",result=\"applied\",tier=\"free\"}";
    assert_eq!(told.value(series), Some(1.0), "{told:?}");
    assert!((told.sum("tidegate_agent_reports_total") - 1.0).abs() < 0.5);
    assert!(replicas.fleet.machine.hosts().get(&host(1)).is_some());
}

#[test]
fn what_people_hold_up_is_timed_on_the_running_clock() {
    let rollout: RolloutId = "113.1".parse().unwrap();
    let (actor, reason) = ("ada".to_owned(), String::new());
    let at = |ms: u64| Event::ClockAdvanced(Clock { elapsed: Elapsed(ms), ..Clock::default() });
    let paused = Event::RolloutPaused {
        rollout: rollout.clone(),
        actor: actor.clone(),
        reason: reason.clone(),
    };
    let resumed = Event::RolloutResumed {
        rollout,
        from: State::Paused,
        acknowledged: Vec::new(),
        actor,
        reason,
    };
    let mut book = Book::default();
    let entry = Command::LeaveJoint;
    let outcome = Ok(crate::machine::Reply::Done);
    // It was paused before this process began: nobody knows for how long.
    book.note(&entry, &outcome, &[at(1_000), resumed.clone()]);
    book.note(&entry, &outcome, &[at(2_000), paused]);
    book.note(&entry, &outcome, &[at(92_000), resumed]);
    let told = scrape(&book, 1);
    let of = |suffix: &str| told.value(&format!("tidegate_rollout_manual_pause_seconds{suffix}"));
    assert_eq!(of("_count{node=\"1\"}"), Some(1.0));
    assert_eq!(of("_sum{node=\"1\"}"), Some(90.0));
    assert_eq!(of("_bucket{node=\"1\",le=\"60\"}"), Some(0.0));
    assert_eq!(of("_bucket{node=\"1\",le=\"600\"}"), Some(1.0));
    let decided = |decision: &str, actor: &str| {
        told.value(&format!(
            "tidegate_rollout_decisions_total{{node=\"1\",rollout=\"113.1\",decision=\"{decision}\",\
             actor=\"{actor}\"}}"
        ))
    };
    assert_eq!((decided("pause", "human"), decided("resume", "human")), (Some(1.0), Some(2.0)));
}

#[test]
fn a_leader_that_comes_back_is_no_change_and_another_one_is() {
    let mut book = Book::default();
    for leader in [Some(1), None, Some(1), Some(2), None, Some(1)] {
        book.led_by(leader.map(NodeId));
    }
    let told = scrape(&book, 1);
    assert_eq!(told.value("tidegate_raft_leader_changes_total{node=\"1\"}"), Some(3.0));
}
