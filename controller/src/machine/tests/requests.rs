//! Is a retry safe?

use expect_test::expect;

use super::check;
use crate::machine::ids::RolloutId;
use crate::machine::reply::Reply;
use crate::machine::requests::{MAX_REQUESTS, Requests};

#[test]
fn a_request_that_comes_again_gets_its_answer_and_has_no_second_effect() {
    check(
        "fleet 1
         create r1 113.1 free=10%,20%,100% soak=60s
         start r1
         ---
         promote r1 force=a as=p1
         promote r1 force=a as=p1
         promote r1 force=b as=p1
         halt r1 as=x1
         resume r1 reason=ok
         halt r1 as=x1
         token t2 free 3 as=x1
         enrol h1 free as=e1
         enrol h1 free as=e1
         enrol h1 free mode=no-apply as=e1",
        &expect![[r#"
            promote r1 as=p1 force=a
                ok; free wave 2/3 (20%) by ada: forced: a
            promote r1 as=p1 force=a
                ok
            promote r1 as=p1 force=b
                REQUEST_ID_REUSED
            halt r1 as=x1
                ok; HALT r1 by ada, epoch 2: no reason given
            resume r1 reason=ok
                ok; resumed r1, acknowledged []
            halt r1 as=x1
                ok
            token t2 free 3 as=x1
                REQUEST_ID_REUSED
            enrol h1 free as=e1
                h1 in free; h1 enrolled with free in free
            enrol h1 free as=e1
                h1 in free
            enrol h1 free as=e1 mode=no-apply
                REQUEST_ID_REUSED
        "#]],
    );
}

#[test]
fn a_refused_request_may_be_tried_again_under_its_id() {
    check(
        "fleet 1
         create r1 113.1
         ---
         resume r1 reason=a as=x1
         halt r1
         resume r1 reason=a as=x1",
        &expect![[r#"
            resume r1 as=x1 reason=a
                ROLLOUT_NOT_RUNNING
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            resume r1 as=x1 reason=a
                ok; resumed r1, acknowledged []
        "#]],
    );
}

#[test]
fn the_oldest_request_is_forgotten_first_and_at_the_limit() {
    let mut requests = Requests::default();
    let reply = || Reply::Rollout("r1".parse::<RolloutId>().unwrap());
    for n in 0..MAX_REQUESTS {
        requests.remember(&format!("q{n}"), [0; 32], reply());
    }
    assert_eq!(requests.recall("q0", &[0; 32]), Ok(Some(reply())));
    requests.remember("one-more", [0; 32], reply());
    assert_eq!(requests.recall("q0", &[0; 32]), Ok(None));
    assert_eq!(requests.recall("q1", &[0; 32]), Ok(Some(reply())));
}
