//! What does each key ask for? Stopping never asks back; going on does.

use tidegate_proto::v1;

use super::scene::{Scene, hosts, rollout};
use crate::client::top::app::Ask;
use crate::client::top::msg::{Effect, Key, Msg, Steer};

const NAME: &str = "rollouts/113.1";

fn steer(how: Steer) -> Vec<Effect> {
    vec![Effect::Steer { rollout: NAME.to_owned(), how }]
}

fn halt(reason: &str) -> Vec<Effect> {
    steer(Steer::Halt { reason: reason.to_owned() })
}

fn in_state(state: v1::RolloutState) -> Scene {
    let mut rollout = rollout();
    rollout.set_state(state);
    Scene::of(rollout)
}

#[test]
fn one_key_halts_and_nothing_is_asked_whatever_is_shown_and_however_old_it_is() {
    for keys in [&[][..], &[Key::Enter], &[Key::Char('e')], &[Key::Char('?')], &[Key::Char('m')]] {
        let mut scene = Scene::running();
        scene.waits(3_600);
        scene.press(keys);
        drop(scene.wanted());
        scene.press(&[Key::Char('h')]);
        assert_eq!(scene.wanted(), halt("halted from `tidegate top`"), "{keys:?}");
        assert_eq!(scene.app.ask, Ask::Nothing);
    }
}

#[test]
fn a_halt_may_have_a_reason_and_esc_takes_it_back() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('H')]);
    scene.types("ohx");
    scene.press(&[Key::Backspace]);
    scene.types(" no: h, p, q");
    assert_eq!(scene.wanted(), []);
    scene.press(&[Key::Enter]);
    assert_eq!(scene.wanted(), halt("oh no: h, p, q"));
    scene.press(&[Key::Char('H'), Key::Char('x'), Key::Esc]);
    assert_eq!((scene.wanted(), scene.app.ask), (Vec::new(), Ask::Nothing));
}

#[test]
fn a_reason_ends_where_the_api_ends_it() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('H')]);
    scene.types(&"ä".repeat(300));
    scene.press(&[Key::Enter]);
    assert_eq!(scene.wanted(), halt(&"ä".repeat(256)));
}

#[test]
fn pausing_never_asks_and_resuming_a_paused_rollout_does() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('p')]);
    assert_eq!(scene.wanted(), steer(Steer::Pause));
    let mut scene = in_state(v1::RolloutState::Paused);
    scene.press(&[Key::Char('p')]);
    assert_eq!(scene.wanted(), []);
    scene.press(&[Key::Char('y')]);
    assert_eq!(scene.wanted(), steer(Steer::Resume { reason: String::new() }));
}

#[test]
fn a_halt_is_lifted_with_a_reason_and_a_yes_alone() {
    let mut scene = in_state(v1::RolloutState::Halted);
    scene.press(&[Key::Char('r'), Key::Enter]);
    assert_eq!(scene.wanted(), []);
    scene.types("fixed");
    scene.press(&[Key::Enter]);
    assert_eq!(scene.wanted(), []);
    scene.press(&[Key::Char('y')]);
    assert_eq!(scene.wanted(), steer(Steer::Resume { reason: "fixed".to_owned() }));
    // There is nothing to lift.
    let mut scene = Scene::running();
    scene.press(&[Key::Char('r')]);
    assert_eq!((scene.app.ask, scene.effects.len()), (Ask::Nothing, 0));
}

#[test]
fn a_promotion_needs_a_yes_and_goes_from_where_it_was_seen() {
    for key in ['m', 'P'] {
        let mut scene = Scene::running();
        scene.press(&[Key::Char(key), Key::Enter]);
        assert_eq!(scene.wanted(), [], "enter is no yes");
        scene.press(&[Key::Char(key), Key::Char('y')]);
        let (tier, wave) = ("tiers/free".to_owned(), 1);
        assert_eq!(scene.wanted(), steer(Steer::Promote { tier, wave }));
    }
}

#[test]
fn another_rollout_is_chosen_and_keys_are_about_that_one() {
    let mut scene = Scene::running();
    scene.press(&[Key::Tab, Key::Char('h')]);
    let [Effect::Steer { rollout, .. }] = &scene.wanted()[..] else { panic!("no halt") };
    assert_eq!(rollout, "rollouts/112.4");
    scene.press(&[Key::Tab]);
    assert_eq!(scene.app.selected(), Some(NAME));
    scene.press(&[Key::BackTab]);
    assert_eq!(scene.app.selected(), Some("rollouts/112.4"));
}

#[test]
fn letters_in_a_filter_are_no_commands() {
    let mut scene = Scene::running();
    scene.press(&[Key::Enter]);
    assert_eq!(
        scene.wanted(),
        [Effect::Hosts { rollout: NAME.to_owned(), page_token: String::new() }]
    );
    scene.happens(Msg::Hosts { rollout: NAME.to_owned(), page: Ok(hosts(6, "")) });
    scene.press(&[Key::Char('/')]);
    scene.types("phq");
    assert_eq!(scene.wanted(), []);
    scene.press(&[Key::Enter, Key::Char('q')]);
    assert_eq!(scene.wanted(), [Effect::Quit]);
}

#[test]
fn at_the_end_of_the_hosts_more_are_asked_for_once() {
    let mut scene = Scene::running();
    scene.press(&[Key::Enter]);
    drop(scene.wanted());
    scene.happens(Msg::Hosts { rollout: NAME.to_owned(), page: Ok(hosts(3, "behind-3")) });
    scene.press(&[Key::Down, Key::Down]);
    assert_eq!(scene.wanted(), []);
    scene.press(&[Key::Down, Key::Down]);
    let page_token = "behind-3".to_owned();
    assert_eq!(scene.wanted(), [Effect::Hosts { rollout: NAME.to_owned(), page_token }]);
    scene.happens(Msg::Hosts { rollout: NAME.to_owned(), page: Ok(hosts(3, "")) });
    scene.press(&[Key::PageDown, Key::PageDown]);
    assert_eq!(scene.wanted(), []);
}

#[test]
fn an_answer_about_another_rollout_is_not_shown() {
    let mut scene = Scene::running();
    scene.press(&[Key::Char('e')]);
    assert_eq!(scene.wanted(), [Effect::Explain(NAME.to_owned())]);
    let explained = |rollout: &str, headline: &str| Msg::Explained {
        rollout: rollout.to_owned(),
        answer: Ok(Box::new(v1::ExplainRolloutResponse {
            headline: headline.to_owned(),
            ..Default::default()
        })),
    };
    scene.happens(explained("rollouts/112.4", "of the other"));
    scene.happens(explained(NAME, "waits on soak"));
    let frame = scene.frame((80, 24));
    assert!(frame.contains("waits on soak") && !frame.contains("of the other"), "{frame}");
}

#[test]
fn trends_are_asked_for_now_and_then_and_for_each_rollout() {
    let mut scene = Scene::running();
    scene.waits(14);
    assert_eq!(scene.effects, []);
    scene.waits(1);
    assert_eq!(scene.effects, [Effect::History(NAME.to_owned())]);
    scene.press(&[Key::Tab]);
    assert_eq!(scene.effects.pop(), Some(Effect::History("rollouts/112.4".to_owned())));
}
