//! What does a token let in, until when, and for what? Every claim with the entry on both sides of its edge.

use expect_test::expect;

use super::check;

const START: &str = "bootstrap free paid
     tick 0s
     tick 10s";

fn from_start(script: &str) -> String {
    format!("{START}\n---\n{script}")
}

#[test]
fn an_expired_token_lets_nobody_new_in_and_keeps_who_is_there() {
    check(
        &from_start(
            "token t1 free 5 ttl=10s
             enrol h1 t1
             tick 9s
             enrol h2 t1
             tick 1s
             enrol h3 t1
             enrol h1 t1 boot=b2
             token t2 free 5 until=20000
             token t2 free 5 until=20001
             update t1 ttl=1s
             enrol h3 t1
             update t1 until=never
             tick 15s
             enrol h4 t1",
        ),
        &expect![[r#"
            token t1 free 5 ttl=10s
                ok; token t1 of free
            enrol h1 t1
                h1 in free; h1 enrolled with t1 in free
            tick 9s
                ok
            enrol h2 t1
                h2 in free; h2 enrolled with t1 in free
            tick 1s
                ok
            enrol h3 t1
                TOKEN_EXPIRED
            enrol h1 t1 boot=b2
                h1 in free; h1 enrolled with t1 in free
            token t2 free 5 until=20000
                EXPIRY_PASSED
            token t2 free 5 until=20001
                ok; token t2 of free
            update t1 ttl=1s
                ok; token t1: 2 of 5, until 1970-01-01T00:00:21Z
            enrol h3 t1
                h3 in free; h3 enrolled with t1 in free
            update t1 until=never
                ok; token t1: 3 of 5, for ever
            tick 15s
                ok
            enrol h4 t1
                h4 in free; h4 enrolled with t1 in free
        "#]],
    );
}

#[test]
fn an_expired_tokens_hosts_get_grants_on() {
    check(
        "bootstrap free
         tick 0s
         token t1 free 5 ttl=2s
         enrol h1 t1
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1
         start r1
         ---
         tick 5s
         tick 1s asking=h1
         begin h1",
        &expect![[r#"
            tick 5s
                ok; verdict continue (coverage)
            tick 1s asking=h1
                ok; g1 offered to h1, epoch 1
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun; verdict continue (soak)
        "#]],
    );
}

#[test]
fn nobody_is_let_in_by_a_clock_that_nobody_vouches_for() {
    check(
        "bootstrap free nodes=3
         tick 1s readings=1:5000,2:5000,3:5000
         token t1 free 5 ttl=60s
         token t2 free 5
         ---
         tick 1s readings=1:6000
         enrol h1 t1
         enrol h2 t2
         move h2 t1
         token t3 free 5 ttl=60s
         update t1 ttl=60s
         tick 1s readings=1:7000,2:7000
         enrol h1 t1
         tick 1s term=2 readings=1:8000,2:8000
         enrol h3 t1",
        &expect![[r#"
            tick 1s readings=1:6000
                ok
            enrol h1 t1
                CLOCK_NOT_FRESH
            enrol h2 t2
                h2 in free; h2 enrolled with t2 in free
            move h2 t1
                CLOCK_NOT_FRESH
            token t3 free 5 ttl=60s
                CLOCK_NOT_FRESH
            update t1 ttl=60s
                CLOCK_NOT_FRESH
            tick 1s readings=1:7000,2:7000
                ok
            enrol h1 t1
                h1 in free; h1 enrolled with t1 in free
            tick 1s readings=1:8000,2:8000 term=2
                ok
            enrol h3 t1
                h3 in free; h3 enrolled with t1 in free
        "#]],
    );
}

#[test]
fn a_new_leader_lets_nobody_in_with_a_token_that_expires_before_it_has_told_the_time() {
    let mut world = super::world::World::new();
    let script = "bootstrap free
         tick 1s
         token t1 free 5 ttl=60s
         enrol h1 t1";
    super::script::run(&mut world, script);
    world.term = 2;
    let said = super::script::run(&mut world, "enrol h2 t1\ntick 1s\nenrol h2 t1");
    expect![[r#"
        enrol h2 t1
            CLOCK_NOT_FRESH
        tick 1s
            ok
        enrol h2 t1
            h2 in free; h2 enrolled with t1 in free
    "#]]
    .assert_eq(&said);
    world.finish();
}

#[test]
fn a_token_is_for_what_it_says_and_a_host_that_is_something_else_is_refused() {
    check(
        &from_start(
            "token t1 free 9 arch=amd64 series=5.15,6.8 distro=22.04
             enrol h1 t1 kernel=5.15.0-1 distro=22.04
             enrol h2 t1 kernel=5.4.0-1 distro=22.04
             enrol h3 t1 kernel=6.8.0-1 distro=24.04
             enrol h4 t1 kernel=6.8.0-1
             enrol h5 t1 kernel=6.8.0-1 distro=22.04 arch=arm64
             enrol h1 t1 kernel=5.4.0-1 distro=22.04
             token t2 free 9
             enrol h2 t2 kernel=5.4.0-1 distro=22.04
             move h2 t1
             move h1 t2",
        ),
        &expect![[r#"
            token t1 free 9 arch=amd64 distro=22.04 series=5.15,6.8
                ok; token t1 of free
            enrol h1 t1 distro=22.04 kernel=5.15.0-1
                h1 in free; h1 enrolled with t1 in free
            enrol h2 t1 distro=22.04 kernel=5.4.0-1
                TOKEN_OUT_OF_SCOPE
            enrol h3 t1 distro=24.04 kernel=6.8.0-1
                TOKEN_OUT_OF_SCOPE
            enrol h4 t1 kernel=6.8.0-1
                TOKEN_OUT_OF_SCOPE
            enrol h5 t1 arch=arm64 distro=22.04 kernel=6.8.0-1
                TOKEN_OUT_OF_SCOPE
            enrol h1 t1 distro=22.04 kernel=5.4.0-1
                TOKEN_OUT_OF_SCOPE
            token t2 free 9
                ok; token t2 of free
            enrol h2 t2 distro=22.04 kernel=5.4.0-1
                h2 in free; h2 enrolled with t2 in free
            move h2 t1
                TOKEN_OUT_OF_SCOPE
            move h1 t2
                h1 in free; h1 from t1 to t2 in free
        "#]],
    );
}

#[test]
fn a_host_that_leaves_its_tokens_scope_gets_nothing_further_until_it_is_back() {
    check(
        "bootstrap free
         tick 0s
         token t1 free 9 series=k1
         enrol h1..h3 t1 kernel=k1
         blob 113.1 k1
         blob 113.1 k2
         publish 113.1 k1 k2
         create r1 113.1
         start r1
         tick 1s asking=h1
         ---
         report h1,h2 started kernel=k2
         begin h1
         tick 1s asking=h2,h3
         report h2 started kernel=k1
         tick 1s asking=h2",
        &expect![[r#"
            report h1 started kernel=k2
                counted; h1 runs k2 in b1
            report h2 started kernel=k2
                counted; h2 runs k2 in b1
            begin h1
                no-go Withdrawn, again never
            tick 1s asking=h2,h3
                ok; g2 offered to h3, epoch 1
            report h2 started kernel=k1
                counted; h2 runs k1 in b1
            tick 1s asking=h2
                ok; g3 offered to h2, epoch 1
        "#]],
    );
}

#[test]
fn a_limit_may_fall_below_what_is_enrolled_and_then_nobody_else_enrols() {
    check(
        &from_start(
            "token t1 free 3
             enrol h1..h3 t1
             update t1 max=1
             enrol h4 t1
             enrol h2 t1
             evict h1 reason=gone
             evict h2 reason=gone
             enrol h4 t1
             evict h3 reason=gone
             enrol h4 t1
             update t1 max=0
             update t1
             update t1 max=1
             update t9 max=1",
        ),
        &expect![[r#"
            token t1 free 3
                ok; token t1 of free
            enrol h1 t1
                h1 in free; h1 enrolled with t1 in free
            enrol h2 t1
                h2 in free; h2 enrolled with t1 in free
            enrol h3 t1
                h3 in free; h3 enrolled with t1 in free
            update t1 max=1
                ok; token t1: 3 of 1, for ever
            enrol h4 t1
                TOKEN_HOST_LIMIT
            enrol h2 t1
                h2 in free; h2 enrolled with t1 in free
            evict h1 reason=gone
                h1 leaves t1, silent 0; EVICTED h1 by ada: gone
            evict h2 reason=gone
                h2 leaves t1, silent 0; EVICTED h2 by ada: gone
            enrol h4 t1
                TOKEN_HOST_LIMIT
            evict h3 reason=gone
                h3 leaves t1, silent 0; EVICTED h3 by ada: gone
            enrol h4 t1
                h4 in free; h4 enrolled with t1 in free
            update t1 max=0
                NO_HOSTS
            update t1
                NOTHING_TO_UPDATE
            update t1 max=1
                ok
            update t9 max=1
                UNKNOWN_TOKEN
        "#]],
    );
}

const UNDER_WAY: &str = "bootstrap free paid
     tick 0s
     token t1 free 9
     token t2 free 9
     enrol h1..h4 t1
     enrol h5..h6 t2
     blob 113.1 k1
     publish 113.1 k1
     create r1 113.1 free=100% paid=100% coverage=100% verified=50%
     start r1
     tick 1s asking=h1..h3
     begin h1
     begin h2
     ---
     ";

#[test]
fn a_revoked_tokens_hosts_get_no_further_grant_and_those_in_flight_are_watched_to_their_end() {
    check(
        &format!(
            "{UNDER_WAY}
             revoke t1
             revoke t1 reason=leaked
             revoke t1 reason=again
             begin h1
             begin h3
             tick 1s heard=h1,h2 asking=h3,h4,h5
             enrol h7 t1
             enrol h1 t1
             move h5 t1
             update t1 max=20
             report h1,h2 applied
             report h2 crashed
             tick 4s heard=h1
             report h1 soaked
             move h4 t2
             tick 1s asking=h4
             revoke t9 reason=none"
        ),
        &expect![[r#"
            revoke t1
                REASON_MISSING
            revoke t1 reason=leaked
                ok; REVOKED t1 by ada: leaked; g1 of h3 withdrawn
            revoke t1 reason=again
                ok
            begin h1
                no-go Withdrawn, again never
            begin h3
                no-go Withdrawn, again never
            tick 1s asking=h3,h4,h5 heard=h1,h2
                ok; g3 of h1 heard; g2 of h2 heard; g4 offered to h5, epoch 1
            enrol h7 t1
                TOKEN_REVOKED
            enrol h1 t1
                TOKEN_REVOKED
            move h5 t1
                TOKEN_REVOKED
            update t1 max=20
                TOKEN_REVOKED
            report h1 applied
                counted; g3 of h1 applied
            report h2 applied
                counted; g2 of h2 applied
            report h2 crashed
                counted; g2 of h2 crashed: why
            tick 4s heard=h1
                ok; g3 of h1 heard
            report h1 soaked
                counted; g3 of h1 soaked
            move h4 t2
                h4 in free; h4 from t1 to t2 in free
            tick 1s asking=h4
                ok; g5 offered to h4, epoch 1
            revoke t9 reason=none
                UNKNOWN_TOKEN
        "#]],
    );
}

#[test]
fn a_tier_does_not_look_covered_because_those_who_have_begun_lost_their_token() {
    let mut world = super::world::World::new();
    super::script::run(&mut world, UNDER_WAY.trim_end().trim_end_matches("---"));
    let wave = |world: &super::world::World| {
        let rollout = world.machine.rollouts().values().next().unwrap();
        let inputs = world.machine.inputs(rollout).unwrap();
        (inputs.tier.begun, inputs.wave_hosts)
    };
    assert_eq!(wave(&world), (2, 6), "two of six have begun");
    super::script::run(&mut world, "revoke t1 reason=leaked");
    assert_eq!(wave(&world), (2, 4), "h3 and h4 will never begin; h5 and h6 still have to");
    super::script::run(&mut world, "report h1 applied\ntick 4s\nreport h1 soaked");
    super::script::run(&mut world, "evict h1 reason=gone\nevict h2 reason=gone force=yes");
    assert_eq!(wave(&world), (2, 4), "what has begun stays counted");
    super::script::run(&mut world, "enrol h1 t2\nenrol h2 t2");
    assert_eq!(wave(&world), (2, 4), "and counts once when it is back");
    world.finish();
}

#[test]
fn nobody_is_drawn_whose_token_was_revoked() {
    check(
        "bootstrap canary* free
         token t1 free 9
         token t2 free 9
         enrol h1..h5 t1
         enrol h6 t2
         revoke t1 reason=leaked
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw3 free=100%
         ---
         start r1",
        &expect![[r#"
            start r1
                ok; started r1, drawn [h6]; canary wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
        "#]],
    );
}

#[test]
fn why_a_host_gets_nothing_further_is_explained_with_the_way_out() {
    let mut world = super::world::World::new();
    super::script::run(&mut world, UNDER_WAY.trim_end().trim_end_matches("---"));
    super::script::run(&mut world, "revoke t1 reason=leaked");
    let machine = &world.machine;
    let rollout = machine.rollouts().values().next().unwrap();
    let host = machine.hosts().get(&super::world::host("h4")).unwrap();
    let gates = machine.explain_host(rollout, &host);
    let token = gates.iter().find(|gate| gate.name == "token").unwrap();
    expect!["ada revoked its token t1 at log index 18: leaked; `tidegate host move ID --token TOKEN` gives it another"].assert_eq(&token.detail.replace(&host.id.to_string(), "ID"));
    assert_eq!(token.state, tidegate_policies::gate::GateState::Shut);
    let of_other = machine.hosts().get(&super::world::host("h5")).unwrap();
    assert!(machine.explain_host(rollout, &of_other).iter().all(|gate| gate.name != "token"));
}

#[test]
fn a_token_that_changed_since_it_was_looked_at_is_not_updated() {
    let mut world = super::world::World::new();
    super::script::run(&mut world, START);
    super::script::run(&mut world, "token t1 free 5");
    let etag = |world: &super::world::World| {
        world.machine.tokens().values().next().unwrap().etag().to_string()
    };
    let seen = etag(&world);
    super::script::run(&mut world, "enrol h1 t1");
    let said = super::script::run(&mut world, &format!("update t1 max=9 if={seen}"));
    assert!(said.ends_with("ETAG_MISMATCH\n"), "{said}");
    for change in
        ["update t1 max=9", "update t1 ttl=5s", "evict h1 reason=gone", "revoke t1 reason=x"]
    {
        let before = etag(&world);
        let guard =
            if change.starts_with("update") { format!(" if={before}") } else { String::new() };
        super::script::run(&mut world, &format!("{change}{guard}"));
        assert_ne!(etag(&world), before, "{change}");
    }
    world.finish();
}

#[test]
fn a_tier_whose_waiting_hosts_lost_their_token_is_waited_for_no_longer() {
    let waits = |script: &str| {
        let mut world = super::world::World::new();
        super::script::run(
            &mut world,
            "bootstrap free
             tick 1s wall=1000
             token t1 free 9
             enrol h1,h2 t1
             blob 113.1 k1
             publish 113.1 k1
             create r1 113.1 free=100%
             hold-back t1 delay=5000s
             start r1",
        );
        super::script::run(&mut world, script);
        let rollout = world.machine.rollouts().values().next().unwrap();
        world.machine.waits_for_a_delay(rollout, 0)
    };
    assert_eq!(waits("tick 1s"), 2);
    assert_eq!(waits("revoke t1 reason=leaked"), 0, "nobody is to come");
}
