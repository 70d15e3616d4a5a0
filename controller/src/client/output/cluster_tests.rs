//! Claims about how the controllers look.

use expect_test::expect;

use super::*;

fn sample() -> v1::ClusterStatus {
    v1::ClusterStatus {
        cluster: "three-nodes".to_owned(),
        cluster_id: vec![0xab; 4],
        generation: 2,
        node_id: 1,
        leader_id: 3,
        term: 4,
        commit_index: 4_711,
        applied_index: 4_711,
        checkpoint_index: 4_000,
        last_index: 4_715,
        cluster_version: 1,
        version_held_by: vec![2],
        vouched_index: 4_000,
        state_hash: vec![0xcd; 4],
        vouched_by: vec![1, 3],
        disk_state: DiskState::Low.into(),
        version: "0.2.0".to_owned(),
        members: vec![
            v1::Member {
                node_id: 1,
                address: "10.0.0.1:7443".to_owned(),
                voter: true,
                matched_index: 4_711,
                recently_active: Some(true),
                speaks_newest: 2,
                leaving: false,
            },
            v1::Member { node_id: 4, address: "10.0.0.4:7443".to_owned(), ..Default::default() },
        ],
        ..Default::default()
    }
}

#[test]
fn the_status_says_what_holds_the_rules_back_and_who_vouches_for_the_state() {
    expect![[r#"
        cluster   three-nodes  (id abababab)
        leader    node 3  (term 4)
        answering node 1  (version 0.2.0)
        rules     version 1, held there by node 2
        log       committed 4711, applied 4711; checkpoint 4000, 715 entries since
        state     cdcdcdcd at 4000, says nodes 1, 3
        disk      low: look after it
        hosts     0
        running   0ms

        NODE  ADDRESS        ROLE     MATCHED  HEARD OF LATE  SPEAKS
        1     10.0.0.1:7443  voter    4711     yes            2
        4     10.0.0.4:7443  learner  unknown  unknown        unknown"#]]
    .assert_eq(&status(&sample(), Wide, DateTime::UNIX_EPOCH));
}

#[test]
fn a_member_that_differs_stands_out() {
    let check = |node_id, verdict: CheckVerdict, hash: &[u8]| v1::MemberCheck {
        node_id,
        verdict: verdict.into(),
        state_hash: hash.to_vec(),
    };
    let members = [
        check(1, CheckVerdict::Agrees, &[0xab; 2]),
        check(2, CheckVerdict::Differs, &[0xcd; 2]),
        check(3, CheckVerdict::NotAnswered, &[]),
    ];
    expect![[r#"
        NODE  VERDICT           STATE
        1     agrees            abab
        2     DIFFERS           cdcd
        3     has not answered  unknown"#]]
    .assert_eq(&table::render(&members, Always, true, DateTime::UNIX_EPOCH));
}

#[test]
fn programs_get_every_key_also_of_a_cluster_that_knows_nothing_yet() {
    let members = vec![
        v1::Member { node_id: 1, recently_active: Some(true), ..Default::default() },
        v1::Member { node_id: 2, ..Default::default() },
    ];
    let status = v1::ClusterStatus { members, ..Default::default() };
    expect![[r#"
        {
          "appliedIndex": 0,
          "checkpointIndex": 0,
          "cluster": "",
          "clusterId": "",
          "clusterVersion": 0,
          "commitIndex": 0,
          "diskState": "UNSPECIFIED",
          "elapsedMs": 0,
          "firstIndex": 0,
          "generation": 0,
          "hosts": 0,
          "lastIndex": 0,
          "leaderId": 0,
          "members": [
            {
              "address": "",
              "leaving": false,
              "matchedIndex": 0,
              "nodeId": 1,
              "recentlyActive": true,
              "speaksNewest": 0,
              "voter": false
            },
            {
              "address": "",
              "leaving": false,
              "matchedIndex": 0,
              "nodeId": 2,
              "speaksNewest": 0,
              "voter": false
            }
          ],
          "nodeId": 0,
          "stateHash": "",
          "term": 0,
          "version": "",
          "versionHeldBy": [],
          "vouchedBy": [],
          "vouchedIndex": 0
        }"#]]
    .assert_eq(&format!("{:#}", status.json()));
}
