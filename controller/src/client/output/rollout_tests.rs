//! Claims about how a rollout looks to a person.

use expect_test::{Expect, expect};

use super::super::sample;
use super::super::{rows, table};
use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(sample::CREATED + 7_380, 0).unwrap()
}

fn check(text: &str, expected: &Expect) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    expected.assert_eq(text);
}

#[test]
fn a_running_rollout_is_a_tree_of_tiers_and_waves() {
    check(
        &tree(&sample::rollout(), Show::Always, now()),
        &expect![[r#"
            rollout      rollouts/113.1
            patch set    patchSets/113.1  (epoch 2)
            state        RUNNING, free wave 1/2
            policy       standard
            waiting on   soak: 100 of 114 hosts
            verdict      HOLD (log 4711)  100 of 114 hosts are verified
            exposure     20/60 (33.3 %) hosts of the budget
            in flight    18/50 (36.0 %) hosts of the cap
            created      2h ago
            started      2h ago

            TIER               STATE         HOSTS  BEGUN              VERIFIED  IN FLIGHT  FAILURES             REFUSED
            canary             PASSED        100    100/100 (100.0 %)  100       0          0                    0
            └─ wave 1: drawn   PASSED in 1h  100
            free               CURRENT       10000  120/10000 (1.2 %)  100       18         1 crashed, 1 silent  2
            ├─ wave 1: 1.25 %  CURRENT       125
            └─ wave 2: 100 %   WAITING       10000
            paid               WAITING       50000  0/50000 (0.0 %)    0         0          0                    0
            └─ wave 1: 100 %   WAITING       50000

            GATE                STATE    SEEN       NEEDED     DETAIL
            guard-rail/crashed  OPEN     1 host     3 hosts    1 of 3 hosts
            soak                WAITING  100 hosts  114 hosts  100 of 114 hosts"#]],
    );
}

#[test]
fn a_rollback_shows_who_why_and_who_still_runs_it() {
    let rolling_back = sample::rolling_back();
    let text = tree(&rolling_back, Show::Always, now());
    check(
        text.split("\n\nTIER").next().unwrap(),
        &expect![[r#"
            rollout      rollouts/113.1
            patch set    patchSets/113.1  (epoch 3)
            state        ROLLING_BACK, free wave 1/2
            policy       standard
            waiting on   20 hosts still run it: 17 told to revert, 3 owed a reboot
            exposure     20/60 (33.3 %) hosts of the budget
            in flight    18/50 (36.0 %) hosts of the cap
            reverted     180 hosts
            created      2h ago
            started      2h ago

            WITHDRAWN    by ada 1m ago (log 4740, epoch 3)
            because      it harms
            ledger       20 hosts still run it: 17 told to revert, 3 owed a reboot"#]],
    );
    let done = v1::Withdrawal {
        reverting_hosts: 0,
        reboot_owed_hosts: 0,
        ..rolling_back.withdrawal.unwrap()
    };
    assert_eq!(ledger_in_words(&done), "no host runs it any more");
    let last = v1::Withdrawal { reboot_owed_hosts: 1, ..done };
    assert_eq!(ledger_in_words(&last), "1 host still runs it: 0 told to revert, 1 owed a reboot");
}

#[test]
fn a_halt_shows_who_why_and_a_few_witnesses() {
    let tree = tree(&sample::halted(), Show::Always, now());
    let block = tree.split("\n\n").nth(1).unwrap();
    check(
        block,
        &expect![[r#"
        HALTED       by judge 3m ago (log 4730, epoch 3)
        because      4 of 120 crashed
        hosts        4 crashed of 120 begun
                     hosts/a1 CRASHED: panic: fatal exception [5.15.0-107.117, eu-1 [2J]
                     hosts/a1 CRASHED: panic: fatal exception [5.15.0-107.117, eu-1 [2J]
                     hosts/a1 CRASHED: panic: fatal exception [5.15.0-107.117, eu-1 [2J]
                     hosts/a1 CRASHED: panic: fatal exception [5.15.0-107.117, eu-1 [2J]
                     hosts/a1 CRASHED: panic: fatal exception [5.15.0-107.117, eu-1 [2J]
                     and 1 more; -o wide shows them"#]],
    );
}

#[test]
fn what_a_person_stopped_waits_on_a_person_and_not_on_a_gate() {
    assert_eq!(waiting_on(&sample::rollout()), "soak: 100 of 114 hosts");
    assert_eq!(waiting_on(&sample::halted()), "a person: halted by judge: 4 of 120 crashed");
    for (state, said) in [
        (v1::RolloutState::Draft, "a person: it is a draft until it is started"),
        (v1::RolloutState::Paused, "a person: it is paused until it is resumed"),
    ] {
        let rollout = v1::Rollout { state: state.into(), ..sample::rollout() };
        assert_eq!(waiting_on(&rollout), said);
    }
}

#[test]
fn wide_shows_every_witness() {
    let tree = tree(&sample::halted(), Show::Wide, now());
    assert_eq!(tree.matches("hosts/a1").count(), 6);
}

#[test]
fn an_explanation_is_a_headline_then_gates_then_records() {
    let answer = v1::ExplainRolloutResponse {
        headline: "It waits for the soak.".to_owned(),
        gates: sample::rollout().verdict.unwrap().gates,
        records: vec![sample::record(7)],
        grant: Some(v1::Grant {
            grant_id: 9,
            host: "hosts/a1".to_owned(),
            phase: v1::GrantPhase::Applied.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    check(
        &explanation(&answer, now()),
        &expect![[r#"
            It waits for the soak.
            grant 9 of hosts/a1 is APPLIED

            [open]    guard-rail/crashed: 1 of 3 hosts
            [waiting] soak: 100 of 114 hosts

            WHEN    LOG   WHO    EVENT           DETAIL
            3m ago  4730  judge  rollout.halted  4 of 120 crashed, 3 are the most"#]],
    );
}

#[test]
fn a_change_is_one_line() {
    let change = v1::WatchRolloutResponse {
        rollout: Some(sample::rollout()),
        records: vec![sample::record(7)],
    };
    check(
        &line(&change),
        &expect![
            "rev 4720 | 113.1 | RUNNING, free wave 1/2 | verdict HOLD | waiting on soak: 100 of 114 hosts | exposed 20/60 (33.3 %) | in flight 18/50 (36.0 %) | 2026-11-03T11:10:00Z judge rollout.halted: 4 of 120 crashed, 3 are the most"
        ],
    );
}

#[test]
fn a_list_has_a_line_for_each_and_wide_has_more_columns() {
    let rows = [
        sample::rollout(),
        v1::Rollout { name: "rollouts/112.3".to_owned(), ..Default::default() },
    ];
    check(
        &table::render(&rows, Show::Always, true, now()),
        &expect![[r#"
        NAME   PATCH SET  STATE        TIER  WAVE  VERDICT  WAITING ON  EXPOSED         CREATED
        113.1  113.1      RUNNING      free  1     HOLD     soak        20/60 (33.3 %)  2h ago
        112.3             UNSPECIFIED  -     -     -        -           0/0             -"#]],
    );
    check(
        &table::render(&rows[..1], Show::Wide, true, now()),
        &expect![[r#"
        NAME   PATCH SET  STATE    TIER  WAVE  VERDICT  WAITING ON  EXPOSED         IN FLIGHT       EPOCH  POLICY    CREATED
        113.1  113.1      RUNNING  free  1     HOLD     soak        20/60 (33.3 %)  18/50 (36.0 %)  2      standard  2h ago"#]],
    );
}

#[test]
fn headers_can_be_left_out_and_an_empty_list_is_empty() {
    let tiers = [v1::Tier { position: 0, name: "tiers/canary".to_owned(), ..Default::default() }];
    check(
        &table::render(&tiers, Show::Always, false, now()),
        &expect!["0  canary  -  0  window closed  -"],
    );
    assert_eq!(table::render::<v1::Tier>(&[], Show::Always, true, now()), "");
}

#[test]
fn an_unknown_age_is_drawn_as_unknown() {
    assert_eq!(rows::heard(&v1::Host::default()), "unknown");
}
