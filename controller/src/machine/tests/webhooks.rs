//! Is all that happens to an incident to be told, to everybody who takes it, until somebody has said that it was?

use std::collections::BTreeSet;

use expect_test::expect;

use crate::machine::command::{Action, ApplyWebhooks, Command, SettleNotifications};
use crate::machine::webhook_event::{Ending, WebhookEvent};
use crate::machine::webhooks::{Happening, MAX_PENDING, MAX_WEBHOOKS, Receiver};
use crate::machine::{Machine, Reply};

use super::check;
use super::script::{Words, read, run};
use super::world::World;

/// Four hosts with offers; `all` is told of everything, `pager` of the beginning and the end.
const DECLARED: &str = "fleet 4
     create r1 113.1
     start r1
     tick 0s
     tick 1s heard=h1..h4 asking=h1..h4
     webhooks all=* pager=opened,resolved";

/// What a line of a script is about webhooks. Their requests have names of their own, so `as=` and `by=` are none.
pub(super) fn action(words: &Words<'_>) -> Action {
    if words.verb() == "test" {
        return Action::TestWebhook(read(words.at(0)));
    }
    let declared = words.keyed().filter(|(key, _)| !["as", "by", "if"].contains(key));
    let webhooks = declared.map(|(name, events)| (read(name), receiver(name, events)));
    Action::ApplyWebhooks(ApplyWebhooks { webhooks: webhooks.collect() })
}

fn receiver(name: &str, events: &str) -> Receiver {
    let named = |word: &str| Happening::ALL.into_iter().find(|of| of.word() == word);
    let events: BTreeSet<Happening> = match events {
        "*" => Happening::ALL.into(),
        "nothing" => BTreeSet::new(),
        words => words.split(',').filter_map(named).collect(),
    };
    Receiver { url: read(&format!("http://127.0.0.1:9099/{name}")), secret: read(name), events }
}

/// The command of a `settle` line.
pub(super) fn settle(words: &Words<'_>) -> Command {
    let one = |(number, ending): (&str, &str)| {
        let ending = match ending {
            "delivered" => Ending::Delivered,
            "gone" => Ending::Gone,
            "dropped" => Ending::Dropped,
            _ => Ending::GaveUp { why: "it answered 500".to_owned() },
        };
        (read(number), ending)
    };
    let settled = words.keyed().map(one).collect();
    Command::SettleNotifications(SettleNotifications { settled })
}

pub(super) fn show(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Applied { changes, .. } => format!("webhooks: {changes}"),
        WebhookEvent::Tested { webhook, actor } => format!("{actor} tests {webhook}"),
        WebhookEvent::Settled { number, webhook, ending } => {
            let word = match ending {
                Ending::Delivered => "delivered".to_owned(),
                Ending::GaveUp { why } => format!("given up: {why}"),
                Ending::Gone => "gone".to_owned(),
                Ending::Dropped => "dropped".to_owned(),
            };
            format!("notification {number} of {webhook} {word}")
        }
    }
}

fn after(script: &str) -> World {
    let mut world = World::new();
    run(&mut world, DECLARED);
    run(&mut world, script);
    world
}

/// The outbox, a line each.
fn outbox(machine: &Machine) -> String {
    let line = |of: crate::machine::webhooks::Notification| {
        let (what, subject) = (of.what.word(), of.subject());
        format!("{} to {}: {subject} {what} by {}: {}\n", of.number, of.webhook, of.actor, of.text)
    };
    machine.outbox().iter().map(line).collect()
}

fn ended(machine: &Machine, webhook: &str) -> (u64, u64, u64) {
    let ended = machine.webhooks().declared[&read(webhook)].ended;
    (ended.delivered, ended.gave_up, ended.dropped)
}

#[test]
fn everything_that_happens_to_an_incident_is_put_out_once_to_each_who_takes_it() {
    let world = after(
        "halt r1 slice=kernel=k1 reason=odd by=eve
         ack 1 by=ada reason=mine
         note 1 by=bob reason=firmware
         halt r1 reason=all by=eve
         resolve 1 by=bob reason=over
         resume r1 reason=fine by=ada",
    );
    expect![[r#"
        1 to all: incidents/1 opened by eve: odd; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        2 to pager: incidents/1 opened by eve: odd; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        3 to all: incidents/1 acknowledged by ada: mine
        4 to all: incidents/1 noted by bob: firmware
        5 to all: incidents/2 opened by eve: all; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 2
        6 to pager: incidents/2 opened by eve: all; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 2
        7 to all: incidents/1 resolved by bob: over; its halt stands
        8 to pager: incidents/1 resolved by bob: over; its halt stands
        9 to all: incidents/2 resolved by ada: fine; its halt is lifted
        10 to pager: incidents/2 resolved by ada: fine; its halt is lifted
    "#]].assert_eq(&outbox(&world.machine));
    world.finish();
}

#[test]
fn a_wider_halt_is_told_as_such_and_a_withdrawal_resolves() {
    let world = after(
        "halt r1 slice=kernel=k1,cpu=x reason=odd by=eve
         halt r1 slice=kernel=k1 reason=wider by=eve
         rollback r1 reason=bad by=ada",
    );
    expect![[r#"
        1 to all: incidents/1 opened by eve: odd; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        2 to pager: incidents/1 opened by eve: odd; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        3 to all: incidents/2 opened by eve: wider; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        4 to pager: incidents/2 opened by eve: wider; 0 crashed, 0 failed, 0 stalled, 0 silent of 0 begun; epoch 1
        5 to all: incidents/1 widened by eve: it is one with incidents/2 now
        6 to all: incidents/2 resolved by ada: the patch set was withdrawn: bad; its halt stands
        7 to pager: incidents/2 resolved by ada: the patch set was withdrawn: bad; its halt stands
    "#]].assert_eq(&outbox(&world.machine));
    world.finish();
}

#[test]
fn what_was_told_waits_no_more_and_what_is_said_twice_counts_once() {
    check(
        &format!(
            "{DECLARED}
             ---
             halt r1 reason=odd
             settle 1=delivered
             settle 1=delivered 2=gave-up
             settle 7=delivered
             test pager
             settle 3=gone
             test pager
             test nobody
             webhooks pager=opened
             test pager"
        ),
        &expect![[r#"
            halt r1 reason=odd
                ok; HALT r1 by ada, epoch 2: odd; g1 of h3 withdrawn; g2 of h2 withdrawn; g3 of h4 withdrawn; g4 of h1 withdrawn
            settle  1=delivered
                ok; notification 1 of all delivered
            settle  1=delivered 2=gave-up
                ok; notification 2 of pager given up: it answered 500
            settle  7=delivered
                ok
            test pager
                ok; ada tests pager
            settle  3=gone
                ok; notification 3 of pager gone
            test pager
                WEBHOOK_GONE
            test nobody
                UNKNOWN_WEBHOOK
            webhooks  pager=opened
                ok; webhooks: all: no more, 0 untold; pager: http://127.0.0.1:9099/pager, signed with the secret `pager`, told of opened
            test pager
                ok; ada tests pager
        "#]],
    );
}

#[test]
fn an_event_has_an_id_that_no_other_ever_has_and_that_outlives_a_restart() {
    let world = after("halt r1 reason=odd\ntest all\ntest all");
    let ids: BTreeSet<String> = world.machine.outbox().iter().map(|of| of.event).collect();
    let expected: Vec<String> =
        (1..=4).map(|number| format!("{}-{number}", "07".repeat(16))).collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), expected);
    world.finish();
}

#[test]
fn the_oldest_is_dropped_counted_and_recorded_where_too_many_wait_and_no_other_webhook_loses_any() {
    let mut world = after("test pager\nhalt r1 reason=odd\nack 1");
    let waiting = world.machine.outbox().of(&read("all")).count();
    assert_eq!(waiting, 2);
    run(&mut world, &format!("test all x{}", MAX_PENDING - waiting));
    assert_eq!(ended(&world.machine, "all"), (0, 0, 0), "the last place is one");
    let oldest = world.machine.outbox().of(&read("all")).next().unwrap();
    assert_eq!(oldest.what, Happening::Opened);
    // Nothing is in the way of what happens: it is the oldest that goes.
    let said = run(&mut world, "note 1 reason=more");
    assert!(said.contains("notification 2 of all dropped"), "{said}");
    assert_eq!(world.machine.outbox().of(&read("all")).count(), MAX_PENDING);
    assert_eq!(ended(&world.machine, "all"), (0, 0, 1));
    assert_eq!(world.machine.outbox().of(&read("pager")).count(), 2);
    let record = world.machine.records().newest_first().next().unwrap().note;
    assert_eq!(
        (record.event.as_str(), record.subject.as_str()),
        ("webhook.dropped", "webhooks/all")
    );
    world.finish();
}

#[test]
fn a_receiver_that_is_gone_is_told_nothing_more_and_does_not_stop_a_halt() {
    let mut world = after("test pager\ntest pager\nsettle 1=gone\nhalt r1 reason=odd");
    assert_eq!(world.machine.outbox().of(&read("pager")).count(), 0);
    assert_eq!(ended(&world.machine, "pager"), (0, 2, 0));
    assert_eq!(world.machine.outbox().of(&read("all")).count(), 1);
    // Declared again as it was, it is tried again.
    run(&mut world, "webhooks all=* pager=opened,resolved\nresume r1 reason=fine");
    assert_eq!(world.machine.outbox().of(&read("pager")).count(), 1);
    world.finish();
}

#[test]
fn what_waits_for_a_webhook_that_leaves_goes_with_it_and_the_record_says_so() {
    let mut world = after("halt r1 reason=odd");
    let said = run(&mut world, "webhooks all=*");
    assert!(said.contains("pager: no more, 1 untold"), "{said}");
    assert_eq!(outbox(&world.machine).lines().count(), 1);
    let said = run(&mut world, "webhooks all=* if=1");
    assert!(said.contains("ETAG_MISMATCH"), "{said}");
    assert_eq!(world.machine.webhooks().version, 2);
    world.finish();
}

#[test]
fn webhooks_without_events_and_more_than_ten_are_refused() {
    check(
        &format!("{DECLARED}\n---\nwebhooks pager=nothing\nwebhooks pager=opened all=*"),
        &expect![[r#"
            webhooks  pager=nothing
                WEBHOOK_WITHOUT_EVENTS
            webhooks  all=* pager=opened
                ok; webhooks: pager: http://127.0.0.1:9099/pager, signed with the secret `pager`, told of opened
        "#]],
    );
    let mut world = after("");
    let declare = |count: usize| {
        let webhooks = (0..count).map(|n| (read(&format!("p{n}")), receiver("p", "*"))).collect();
        let action = Action::ApplyWebhooks(ApplyWebhooks { webhooks });
        let request = format!("many-{count}");
        Command::Operate(crate::machine::command::Operate { request, actor: "ada".into(), action })
    };
    assert_eq!(world.apply(&declare(MAX_WEBHOOKS)).outcome, Ok(Reply::Done));
    let refused = world.apply(&declare(MAX_WEBHOOKS + 1)).outcome.unwrap_err();
    assert_eq!(refused.reason(), "TOO_MANY");
    world.finish();
}
