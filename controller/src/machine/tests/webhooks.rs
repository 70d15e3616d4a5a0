//! Is all that happens to an incident to be told, to everybody who takes it, until somebody has said that it was?

use std::collections::BTreeSet;

use expect_test::expect;

use crate::machine::command::{
    Action, ApplyWebhooks, Command, Letters, ResendNotifications, SettleNotifications,
};
use crate::machine::outbox::{DeadLetter, MAX_DEAD_LETTERS, MAX_PENDING, Notification};
use crate::machine::webhook_event::{Ending, WebhookEvent};
use crate::machine::webhooks::{Happening, MAX_WEBHOOKS, Receiver};
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
    match words.verb() {
        "test" => return Action::TestWebhook(read(words.at(0))),
        "resend" => return resend(words),
        _ => (),
    }
    let declared = words.keyed().filter(|(key, _)| !["as", "by", "if"].contains(key));
    let webhooks = declared.map(|(name, events)| (read(name), receiver(name, events)));
    Action::ApplyWebhooks(ApplyWebhooks { webhooks: webhooks.collect() })
}

fn resend(words: &Words<'_>) -> Action {
    let which = match words.get("of") {
        None => Letters::All,
        Some(numbers) => Letters::Of(numbers.split(',').map(read).collect()),
    };
    Action::ResendNotifications(ResendNotifications { webhook: read(words.at(0)), which })
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
pub(super) fn settle(world: &World, words: &Words<'_>) -> Command {
    let one = |(number, ending): (&str, &str)| {
        let ending = match ending {
            "delivered" => Ending::Delivered,
            "gone" => Ending::Gone,
            "dropped" => Ending::Dropped,
            _ => Ending::GaveUp { why: "it answered 500".to_owned() },
        };
        (read(number), ending)
    };
    let now = world.machine.webhooks().version;
    let declared = words.get("declared").map_or(now, read);
    let settled = words.keyed().filter(|(key, _)| *key != "declared").map(one).collect();
    Command::SettleNotifications(SettleNotifications { settled, declared })
}

pub(super) fn show(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Applied { changes, .. } => format!("webhooks: {changes}"),
        WebhookEvent::Tested { webhook, actor } => format!("{actor} tests {webhook}"),
        WebhookEvent::SentAgain { webhook, numbers, actor } => {
            format!("{actor} has {numbers:?} of {webhook} sent again")
        }
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
    let line = |of: Notification| {
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
    run(&mut world, &format!("test all x{}", MAX_PENDING - 2));
    assert_eq!(ended(&world.machine, "all"), (0, 0, 0), "the last place is one");
    let oldest = world.machine.outbox().of(&read("all")).next().unwrap();
    assert_eq!(oldest.what, Happening::Opened);
    // Nothing is in the way of what happens: it is the oldest that goes.
    let said = run(&mut world, "note 1 reason=more");
    assert!(said.contains("notification 2 of all dropped"), "{said}");
    assert_eq!(world.machine.webhook(&read("all")).unwrap().waiting, MAX_PENDING);
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
    run(&mut world, "settle 1=gave-up");
    let said = run(&mut world, "webhooks new=*");
    assert!(said.contains("all: no more, 1 untold"), "a dead letter was not told: {said}");
    world.finish();
}

/// Number, and why, of each dead letter.
fn dead(machine: &Machine, webhook: &str) -> Vec<(u64, String)> {
    let webhook = read(webhook);
    let letters = machine.outbox().dead_of(&webhook).map(|of| (of.number(), of.why));
    letters.collect()
}

#[test]
fn what_was_given_up_is_kept_until_it_is_sent_again_under_its_number_and_id() {
    let mut world = after("halt r1 reason=odd\nsettle 2=delivered");
    let before = world.machine.outbox().of(&read("all")).next().unwrap();
    run(&mut world, "settle 1=gave-up\ntick 90s");
    assert_eq!(dead(&world.machine, "all"), [(1, "it answered 500".to_owned())]);
    assert_eq!(world.machine.outbox().iter().count(), 0);
    let said = run(&mut world, "resend all by=bob");
    assert!(said.contains("bob has [1] of all sent again"), "{said}");
    assert_eq!(dead(&world.machine, "all"), []);
    let (again, since) = (1, world.machine.clock().wall);
    assert!(since > before.since);
    let after = world.machine.outbox().iter().collect::<Vec<_>>();
    assert_eq!(after, [Notification { again, since, ..before }]);
    let record = world.machine.records().newest_first().next().unwrap().note;
    assert_eq!((record.event.as_str(), record.actor.as_str()), ("webhook.sent-again", "bob"));
    run(&mut world, "settle 1=delivered");
    assert_eq!(ended(&world.machine, "all"), (1, 1, 0));
    world.finish();
}

#[test]
fn what_waits_is_as_old_as_the_oldest_of_it_though_an_earlier_one_is_sent_again() {
    let mut world = after("halt r1 reason=odd\nsettle 1=gave-up");
    let all = read("all");
    run(&mut world, "tick 90s\nack 1");
    let oldest = world.machine.outbox().oldest()[&all];
    run(&mut world, "tick 90s\nresend all");
    assert_eq!(world.machine.outbox().of(&all).map(|of| of.number).min(), Some(1));
    assert_eq!(world.machine.outbox().oldest()[&all], oldest);
    world.finish();
}

#[test]
fn what_cannot_be_sent_again_is_refused_and_stays_where_it_is() {
    check(
        &format!(
            "{DECLARED}
             test all x4
             settle 1=gave-up 2=gave-up 3=gave-up
             ---
             resend nobody
             resend pager
             resend all of=4
             resend all of=1,9
             resend all of=2
             resend all
             resend all
             settle 4=gone
             resend all
             webhooks all=* pager=opened
             resend all of=1,2,3,4"
        ),
        &expect![[r#"
            resend nobody
                UNKNOWN_WEBHOOK
            resend pager
                NO_DEAD_LETTERS
            resend all of=4
                UNKNOWN_DEAD_LETTER
            resend all of=1,9
                UNKNOWN_DEAD_LETTER
            resend all of=2
                ok; ada has [2] of all sent again
            resend all
                ok; ada has [1, 3] of all sent again
            resend all
                NO_DEAD_LETTERS
            settle  4=gone
                ok; notification 4 of all gone
            resend all
                WEBHOOK_GONE
            webhooks  all=* pager=opened
                ok; webhooks: all: tried again; pager: http://127.0.0.1:9099/pager, signed with the secret `pager`, told of opened
            resend all of=1,2,3,4
                ok; ada has [1, 2, 3, 4] of all sent again
        "#]],
    );
}

#[test]
fn nothing_is_dropped_for_what_is_sent_again() {
    let mut world = after(&format!("test all x{}", MAX_PENDING + 1));
    assert_eq!(dead(&world.machine, "all"), [(1, "too many waited behind it".to_owned())]);
    assert!(run(&mut world, "resend all").contains("WEBHOOK_BUSY"));
    run(&mut world, "settle 2=delivered\nresend all");
    let waiting: Vec<u64> = world.machine.outbox().of(&read("all")).map(|of| of.number).collect();
    let expected: Vec<u64> = (1..=MAX_PENDING + 1).filter(|number| *number != 2).collect();
    assert_eq!(waiting, expected);
    world.finish();
}

#[test]
fn of_dead_letters_the_newest_hundred_are_kept_and_no_other_webhooks_leave_for_them() {
    let mut world = after("test pager\nsettle 1=gave-up");
    let end = |from: u64, to: u64| {
        let all: Vec<String> = (from..=to).map(|number| format!("{number}=gave-up")).collect();
        format!("settle {}", all.join(" "))
    };
    run(&mut world, &format!("test all x{MAX_DEAD_LETTERS}"));
    run(&mut world, &end(2, MAX_DEAD_LETTERS + 1));
    assert_eq!(dead(&world.machine, "all").len(), 100);
    // All that waits is given up at once where the receiver is gone.
    run(&mut world, "test all x150\nsettle 102=gone");
    let numbers: Vec<u64> = dead(&world.machine, "all").iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (152..=251).collect::<Vec<u64>>());
    assert_eq!(ended(&world.machine, "all"), (0, 250, 0));
    assert_eq!(dead(&world.machine, "pager").len(), 1);
    world.finish();
}

#[test]
fn who_was_gone_under_another_declaration_is_not_gone_under_this_one() {
    let mut world = after("test pager\nwebhooks all=* pager=opened");
    run(&mut world, "settle 1=gone declared=1");
    assert!(!world.machine.webhook(&read("pager")).unwrap().gone);
    assert_eq!(world.machine.outbox().of(&read("pager")).count(), 1);
    run(&mut world, "settle 1=delivered declared=1");
    assert_eq!(ended(&world.machine, "pager"), (1, 0, 0), "what it took, it took");
    world.finish();
}

#[test]
fn what_ends_with_another_in_one_entry_is_counted_once() {
    let world = after("test pager x3\nsettle 1=gone 2=delivered 3=gave-up");
    assert_eq!(ended(&world.machine, "pager"), (0, 3, 0));
    assert_eq!(dead(&world.machine, "pager").len(), 3);
    world.finish();
}

/// A chain of numbers: the same for the same beginning.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn whatever_is_said_in_whatever_order_everything_is_told_or_waits_or_is_a_dead_letter() {
    for seed in 1..=8 {
        let (mut world, mut chance, mut told) =
            (after("halt r1 reason=odd"), seed, BTreeSet::new());
        for _ in 0..150 {
            let number = 1 + draw(&mut chance, world.machine.webhooks().written);
            let line = match draw(&mut chance, 9) {
                0 => "test all".to_owned(),
                1 => "test pager".to_owned(),
                2 => "note 1 reason=more".to_owned(),
                3 => "resend all".to_owned(),
                4 => format!("resend pager of={number}"),
                5 => "webhooks all=* pager=opened,noted".to_owned(),
                6 => format!("settle {number}=gave-up"),
                7 if draw(&mut chance, 4) == 0 => format!("settle {number}=gone"),
                _ => {
                    if world.machine.outbox().get(number).is_some() {
                        told.insert(number);
                    }
                    format!("settle {number}=delivered")
                }
            };
            run(&mut world, &line);
            let (outbox, webhooks) = (world.machine.outbox(), world.machine.webhooks());
            outbox.check(&webhooks.declared).unwrap();
            let mut kept: Vec<u64> = outbox.iter().map(|of| of.number).collect();
            for webhook in webhooks.declared.keys() {
                kept.extend(outbox.dead_of(webhook).map(|of: DeadLetter| of.number()));
            }
            kept.extend(&told);
            kept.sort_unstable();
            assert_eq!(kept, (1..=webhooks.written).collect::<Vec<u64>>(), "{seed}: {line}");
        }
        world.finish();
    }
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
