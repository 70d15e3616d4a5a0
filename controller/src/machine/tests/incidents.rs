//! Is what people say of an incident kept, once, and does none of it lift a halt?

use expect_test::expect;

use crate::machine::command::{Action, OfIncident};
use crate::machine::incident_event::IncidentEvent;
use crate::machine::incidents::{HaltNow, Incident, IncidentState, MAX_NOTES};

use super::check;
use super::script::{Words, read, run};
use super::world::World;

/// Four hosts with offers, and a halt of everything: incident 1.
const HALTED: &str = "fleet 4
     create r1 113.1
     start r1
     tick 0s
     tick 1s heard=h1..h4 asking=h1..h4
     halt r1 reason=odd by=eve";

/// What a line of a script is about incidents.
pub(super) fn action(words: &Words<'_>) -> Action {
    let remark = words.get("reason").unwrap_or_default().to_owned();
    let of = OfIncident { number: read(words.at(0)), remark };
    match words.verb() {
        "ack" => Action::AcknowledgeIncident(of),
        "note" => Action::NoteIncident(of),
        _ => Action::ResolveIncident(of),
    }
}

pub(super) fn show(event: &IncidentEvent) -> String {
    match event {
        IncidentEvent::Acknowledged { number, said } => {
            format!("incident {number} acknowledged by {}", said.actor)
        }
        IncidentEvent::Noted { number, said } => {
            format!("incident {number}: {} notes {}", said.actor, said.remark)
        }
        IncidentEvent::Resolved { number, said } => {
            format!("incident {number} resolved by {}: {}", said.actor, said.remark)
        }
    }
}

fn after(script: &str) -> World {
    let mut world = World::new();
    run(&mut world, HALTED);
    run(&mut world, script);
    world.finish();
    world
}

fn incident(world: &World) -> Incident {
    world.machine.incidents().get(1).unwrap()
}

fn halt_now(world: &World) -> HaltNow {
    match incident(world).state {
        IncidentState::Resolved { halt, .. } => halt,
        IncidentState::Open | IncidentState::Widened { .. } => panic!("not resolved"),
    }
}

#[test]
fn one_person_acknowledges_an_incident_all_take_notes_and_one_resolves_it() {
    check(
        &format!(
            "{HALTED}
             ---
             ack 1 by=ada reason=mine
             note 1 by=bob reason=firmware
             note 1 by=ada reason=confirmed
             resolve 1 by=bob reason=withdrawn-instead
             note 1 by=bob reason=postmortem-written"
        ),
        &expect![[r#"
            ack 1 by=ada reason=mine
                ok; incident 1 acknowledged by ada
            note 1 by=bob reason=firmware
                ok; incident 1: bob notes firmware
            note 1 by=ada reason=confirmed
                ok; incident 1: ada notes confirmed
            resolve 1 by=bob reason=withdrawn-instead
                ok; incident 1 resolved by bob: withdrawn-instead
            note 1 by=bob reason=postmortem-written
                ok; incident 1: bob notes postmortem-written
        "#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_the_way_out() {
    check(
        &format!(
            "{HALTED}
             ---
             ack 2
             note 2 reason=odd
             resolve 2 reason=odd
             note 1
             resolve 1 reason=over
             ack 1 by=ada
             ack 1 by=bob
             resolve 1
             resolve 1 by=ada reason=over
             resolve 1 by=bob reason=over
             ack 1 by=bob"
        ),
        &expect![[r#"
            ack 2
                UNKNOWN_INCIDENT
            note 2 reason=odd
                UNKNOWN_INCIDENT
            resolve 2 reason=odd
                UNKNOWN_INCIDENT
            note 1
                REMARK_MISSING
            resolve 1 reason=over
                INCIDENT_NOT_ACKNOWLEDGED
            ack 1 by=ada
                ok; incident 1 acknowledged by ada
            ack 1 by=bob
                INCIDENT_ACKNOWLEDGED
            resolve 1
                REASON_MISSING
            resolve 1 by=ada reason=over
                ok; incident 1 resolved by ada: over
            resolve 1 by=bob reason=over
                INCIDENT_RESOLVED
            ack 1 by=bob
                INCIDENT_RESOLVED
        "#]],
    );
}

#[test]
fn a_request_that_comes_again_is_answered_again_and_says_nothing_twice() {
    let world = after("note 1 reason=seen as=n1 x3\nack 1 as=a1 x3");
    assert_eq!(incident(&world).notes.len(), 1);
    assert!(incident(&world).acknowledgement.is_some());
}

#[test]
fn none_of_it_lifts_the_halt_or_acknowledges_a_failure() {
    let mut world = World::new();
    run(
        &mut world,
        "fleet 4\ncreate r1 113.1\nstart r1\ntick 0s\ntick 1s heard=h1..h4 asking=h1..h4",
    );
    run(&mut world, "begin h1\nreport h1 crashed\nhalt r1 reason=odd");
    run(&mut world, "ack 1\nnote 1 reason=seen\nresolve 1 reason=over");
    assert_eq!(halt_now(&world), HaltNow::Stands);
    let begin = run(&mut world, "begin h2");
    assert!(begin.contains("no-go Halted"), "{begin}");
    let rollout = world.machine.rollouts().values().next().unwrap();
    assert_eq!(rollout.unacknowledged.crashed, 1);
    world.finish();
}

#[test]
fn a_resume_resolves_an_incident_that_nobody_had_acknowledged() {
    let world = after("resume r1 reason=known by=ada");
    assert_eq!(halt_now(&world), HaltNow::Lifted);
    assert!(incident(&world).acknowledgement.is_none());
}

#[test]
fn an_incident_that_was_resolved_before_the_halt_was_lifted_keeps_its_resolution() {
    let world = after("ack 1\nresolve 1 reason=over by=ada\nresume r1 reason=known by=bob");
    assert_eq!(halt_now(&world), HaltNow::Lifted);
    match incident(&world).state {
        IncidentState::Resolved { actor, reason, .. } => {
            assert_eq!((actor.as_str(), reason.as_str()), ("ada", "over"));
        }
        IncidentState::Open | IncidentState::Widened { .. } => panic!("not resolved"),
    }
}

#[test]
fn an_incident_that_was_widened_names_the_one_that_took_its_place() {
    let mut world = World::new();
    let script = "bootstrap free
         token free free 9
         enrol h1 free kernel=k1
         enrol h2 free kernel=k2
         blob 113.1 k1
         blob 113.1 k2
         publish 113.1 k1 k2
         create r1 113.1
         start r1
         halt r1 slice=kernel=k2,cpu=x reason=one
         halt r1 slice=kernel=k2 reason=two
         ---
         ack 1
         resolve 1 reason=over
         note 1 reason=seen";
    expect![[r#"
        ack 1
            INCIDENT_WIDENED
        resolve 1 reason=over
            INCIDENT_WIDENED
        note 1 reason=seen
            ok; incident 1: ada notes seen
    "#]]
    .assert_eq(&run(&mut world, script));
    world.finish();
}

#[test]
fn an_incident_takes_a_hundred_notes_and_not_one_more() {
    let mut world = after(&format!("note 1 reason=seen x{MAX_NOTES}"));
    assert_eq!(incident(&world).notes.len(), MAX_NOTES);
    let refused = run(&mut world, "note 1 reason=seen");
    assert!(refused.contains("INCIDENT_FULL"), "{refused}");
    assert_eq!(incident(&world).notes.len(), MAX_NOTES);
}

#[test]
fn an_etag_changes_with_every_word_and_with_the_halt() {
    let mut world = after("");
    let mut seen = vec![incident(&world).etag()];
    for line in ["ack 1", "note 1 reason=a", "note 1 reason=b", "resolve 1 reason=over"] {
        run(&mut world, line);
        let etag = incident(&world).etag();
        assert!(!seen.contains(&etag), "{line}: {etag}");
        seen.push(etag);
    }
    let late = run(&mut world, &format!("note 1 reason=c if={}", seen[3]));
    assert!(late.contains("ETAG_MISMATCH"), "{late}");
    let in_time = run(&mut world, &format!("note 1 reason=c if={}", seen[4]));
    assert!(in_time.contains("notes c"), "{in_time}");
}
