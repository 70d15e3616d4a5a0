//! Who is a member of the fleet, and under which token?

use expect_test::expect;

use super::check;

#[test]
fn a_token_lets_in_as_many_hosts_as_it_says() {
    check(
        "bootstrap free paid
         ---
         enrol h1 t1
         token t1 free 2
         enrol h1..h3 t1
         enrol h1 t1 boot=b2",
        &expect![[r#"
            enrol h1 t1
                UNKNOWN_TOKEN
            token t1 free 2
                ok; token t1 of free
            enrol h1 t1
                h1 in free; h1 enrolled with t1 in free
            enrol h2 t1
                h2 in free; h2 enrolled with t1 in free
            enrol h3 t1
                TOKEN_HOST_LIMIT
            enrol h1 t1 boot=b2
                h1 in free; h1 enrolled with t1 in free
        "#]],
    );
}

#[test]
fn a_host_that_comes_with_another_token_gives_its_place_back() {
    check(
        "bootstrap free paid
         token t1 free 1
         token t2 paid 1
         ---
         enrol h1 t1
         enrol h2 t1
         enrol h1 t2
         enrol h2 t1
         enrol h1 t1
         enrol h1 t2",
        &expect![[r#"
            enrol h1 t1
                h1 in free; h1 enrolled with t1 in free
            enrol h2 t1
                TOKEN_HOST_LIMIT
            enrol h1 t2
                h1 in paid; h1 enrolled with t2 in paid
            enrol h2 t1
                h2 in free; h2 enrolled with t1 in free
            enrol h1 t1
                TOKEN_HOST_LIMIT
            enrol h1 t2
                h1 in paid; h1 enrolled with t2 in paid
        "#]],
    );
}

#[test]
fn two_machines_do_not_share_a_host() {
    check(
        "bootstrap free
         token t1 free 2
         enrol h1 t1
         ---
         enrol h1 t1 machine=other",
        &expect![[r#"
            enrol h1 t1 machine=other
                HOST_ID_TAKEN
        "#]],
    );
}

#[test]
fn a_token_is_made_once_for_a_tier_that_exists_and_for_somebody() {
    check(
        "token t0 free 1
         bootstrap canary* free
         bootstrap free
         token t1 free 0
         token t1 gold 1
         token t1 free 1
         token t1 free 1
         token t2 free 1 secret=t1",
        &expect![[r#"
            token t0 free 1
                NOT_BOOTSTRAPPED
            bootstrap canary* free
                ok; bootstrapped
            bootstrap free
                ALREADY_BOOTSTRAPPED
            token t1 free 0
                NO_HOSTS
            token t1 gold 1
                UNKNOWN_TIER
            token t1 free 1
                ok; token t1 of free
            token t1 free 1
                TOKEN_EXISTS
            token t2 free 1 secret=t1
                SECRET_REUSED
        "#]],
    );
}

#[test]
fn a_patch_set_is_published_once_with_artifacts_that_are_there() {
    check(
        "bootstrap free
         publish 113.1
         publish 113.1 k1
         blob 113.1 k1
         blob 113.1 k1
         publish 113.1 k1 size=99
         publish 113.1 k1
         publish 113.1 k1",
        &expect![[r#"
            bootstrap free
                ok; bootstrapped
            publish 113.1
                NO_ARTIFACTS
            publish 113.1 k1
                ARTIFACT_MISSING
            blob 113.1 k1
                ok
            blob 113.1 k1
                ok
            publish 113.1 k1 size=99
                ARTIFACT_SIZE
            publish 113.1 k1
                ok; published 113.1
            publish 113.1 k1
                PATCH_SET_EXISTS
        "#]],
    );
}
