//! What is seen, and what do the keys do? Whole frames as golden files, and what each key asks for.

mod keys;
mod picture;
mod scene;

use expect_test::{ExpectFile, expect_file};
use tidegate_proto::v1;
use tidegate_proto::v1::watch_response::Body;

use super::app::Paint;
use super::msg::{Key, Msg};
use crate::client::output::sample;
use scene::{Scene, at, cluster, hosts, rollout};

const WIDE: (u16, u16) = (120, 30);
const SMALL: (u16, u16) = (80, 24);
const NARROW: (u16, u16) = (48, 20);

fn check(name: &str, scene: &Scene, size: (u16, u16), expected: &ExpectFile) {
    picture::leave(name, &scene.buffer(size));
    expected.assert_eq(&scene.frame(size));
}

fn held() -> v1::Rollout {
    let mut rollout = rollout();
    let verdict = rollout.verdict.as_mut().unwrap();
    verdict.set_kind(v1::VerdictKind::Hold);
    verdict.waiting_on = "evidence".to_owned();
    verdict.gates.push(v1::Gate {
        name: "evidence".to_owned(),
        state: v1::GateState::Shut.into(),
        unit: "mbit".to_owned(),
        detail: "all hosts: 4 patched hosts failed, and 3 unpatched since the start; score 4.210, where \
                 3.322 holds and 6.644 halts"
            .to_owned(),
        ..Default::default()
    });
    rollout
}

/// One that waits for the window of its tier.
fn out_of_its_window() -> v1::Rollout {
    let mut rollout = rollout();
    let verdict = rollout.verdict.as_mut().unwrap();
    verdict.waiting_on = "window".to_owned();
    verdict.gates.push(v1::Gate {
        name: "window".to_owned(),
        state: v1::GateState::Waiting.into(),
        unit: "unix-ms".to_owned(),
        detail: "the tier's window opens at 2026-11-03T14:10:00Z".to_owned(),
        open_time: at(sample::CREATED + 5 * 3_600),
        ..Default::default()
    });
    rollout
}

fn halted() -> v1::Rollout {
    let mut rollout = rollout();
    rollout.set_state(v1::RolloutState::Halted);
    rollout.halt = Some(v1::Halt {
        actor: "judge".to_owned(),
        reason: "guard rail crashed: 5 hosts, 5 halt".to_owned(),
        log_index: 88_100,
        epoch: 1,
        time: at(sample::CREATED + 1_750),
        scope: "everything".to_owned(),
        ..Default::default()
    });
    rollout.halted_slices = vec![v1::HaltedSlice {
        slice: "kernel=5.15.0-107.117".to_owned(),
        hosts: 4_560,
        incident: "incidents/3".to_owned(),
        ..Default::default()
    }];
    rollout
}

#[test]
fn a_running_rollout() {
    check("running", &Scene::running(), WIDE, &expect_file!["frames/running.txt"]);
}

#[test]
fn a_running_rollout_in_80_columns_and_24_lines() {
    check("small", &Scene::running(), SMALL, &expect_file!["frames/small.txt"]);
}

#[test]
fn a_narrow_window_keeps_the_way_to_stop_the_verdict_and_the_exposure() {
    check("narrow", &Scene::running(), NARROW, &expect_file!["frames/narrow.txt"]);
}

#[test]
fn a_rollout_that_is_held() {
    check("held", &Scene::of(held()), WIDE, &expect_file!["frames/held.txt"]);
}

#[test]
fn a_rollout_that_waits_for_a_date_says_which() {
    check("window", &Scene::of(out_of_its_window()), SMALL, &expect_file!["frames/window.txt"]);
}

#[test]
fn a_rollout_that_is_halted() {
    check("halted", &Scene::of(halted()), WIDE, &expect_file!["frames/halted.txt"]);
}

#[test]
fn what_is_old_is_grey_and_says_how_old_it_is() {
    let mut scene = Scene::running();
    scene.waits(15);
    assert!(!scene.frame(WIDE).contains("STALE"), "it is stale too soon");
    scene.waits(8);
    scene.happens(Msg::Lost("lost the connection to 127.0.0.1:7443: reset by peer".to_owned()));
    check("stale", &scene, WIDE, &expect_file!["frames/stale.txt"]);
    // It is well again with the first word.
    scene.told(Body::Bookmark(v1::Bookmark {}));
    let frame = scene.frame(WIDE);
    assert!(!frame.contains("STALE") && !frame.contains("NOT CONNECTED"), "{frame}");
}

#[test]
fn a_controller_without_a_leader_says_so_at_once() {
    let mut scene = Scene::running();
    let alone = cluster(0, [None, None]);
    scene.changed(v1::Changes { cluster: Some(alone), ..Default::default() });
    scene.waits(4);
    check("no-quorum", &scene, WIDE, &expect_file!["frames/no-quorum.txt"]);
}

#[test]
fn a_follower_that_is_not_heard_is_named() {
    let mut scene = Scene::running();
    let two = cluster(1, [Some(true), Some(false)]);
    scene.changed(v1::Changes { cluster: Some(two), ..Default::default() });
    let frame = scene.frame(WIDE);
    assert!(frame.contains("quorum 2/3") && frame.contains("n3 NOT HEARD"), "{frame}");
}

#[test]
fn a_reason_to_halt_is_typed_below_all_that_is_seen() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('H')]);
    scene.types("oops in tcp_rack");
    check("halt-reason", &scene, WIDE, &expect_file!["frames/halt-reason.txt"]);
}

#[test]
fn a_promotion_says_how_many_hosts_and_asks() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('m')]);
    check("promote", &scene, SMALL, &expect_file!["frames/promote.txt"]);
}

#[test]
fn the_hosts_of_a_rollout_as_far_as_they_are_loaded() {
    let mut scene = Scene::running();
    scene.press(&[Key::Enter]);
    let rollout = "rollouts/113.1".to_owned();
    scene.happens(Msg::Hosts { rollout, page: Ok(hosts(40, "more")) });
    check("hosts", &scene, SMALL, &expect_file!["frames/hosts.txt"]);
    scene.press(&[Key::Char('/')]);
    scene.types("crash");
    check("hosts-filter", &scene, SMALL, &expect_file!["frames/hosts-filter.txt"]);
}

#[test]
fn the_keys_are_explained() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('?')]);
    check("help", &scene, WIDE, &expect_file!["frames/help.txt"]);
}

#[test]
fn before_a_controller_answers_nothing_is_claimed() {
    let scene = Scene::silent(Paint::Colours);
    check("silent", &scene, SMALL, &expect_file!["frames/silent.txt"]);
}

#[test]
fn without_colours_the_frame_says_the_same() {
    let mut plain = Scene::of(halted());
    let coloured = plain.frame(WIDE);
    plain.app.paint = Paint::Plain;
    assert_eq!(plain.frame(WIDE), coloured);
    let inks = |scene: &Scene| {
        let buffer = scene.buffer(WIDE);
        buffer
            .content
            .iter()
            .map(|cell| format!("{:?}", cell.fg))
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(inks(&plain).into_iter().collect::<Vec<_>>(), ["Reset"]);
    plain.app.paint = Paint::Colours;
    assert!(inks(&plain).len() > 3);
}

#[test]
fn the_way_to_stop_is_on_every_page_in_every_window() {
    for size in [WIDE, SMALL, NARROW, (30, 10)] {
        for keys in
            [&[][..], &[Key::Enter], &[Key::Char('e')], &[Key::Char('?')], &[Key::Char('m')]]
        {
            let mut scene = Scene::running();
            scene.press(keys);
            assert!(scene.frame(size).contains("h HALT"), "{size:?} {keys:?}");
        }
    }
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let mut rollout = held();
    rollout.verdict.as_mut().unwrap().gates.last_mut().unwrap().detail = "a\x1b[2Jb\nc".to_owned();
    let frame = Scene::of(rollout).frame(WIDE);
    assert!(frame.contains("a [2Jb c") && !frame.contains('\x1b'), "{frame}");
}
