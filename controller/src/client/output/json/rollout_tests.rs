//! Claims about the JSON of rollouts. Keys are an interface: only ever add.

use expect_test::{Expect, expect};

use super::*;
use crate::client::output::sample;

fn check(value: &Value, expected: &Expect) {
    expected.assert_eq(&format!("{value:#}"));
}

#[test]
fn a_rollouts_own_fields() {
    let sample =
        v1::Rollout { tiers: Vec::new(), verdict: None, counts: None, ..sample::rollout() };
    check(
        &rollout(&sample),
        &expect![[r#"
            {
              "approvals": [],
              "approvalsNeeded": 0,
              "author": "",
              "createTime": "2026-11-03T09:10:00Z",
              "epoch": 2,
              "etag": "\"4720\"",
              "exposedHosts": 20,
              "exposureBudgetHosts": 60,
              "haltedSlices": [],
              "inFlightCapHosts": 50,
              "inFlightHosts": 18,
              "name": "rollouts/113.1",
              "patchSet": "patchSets/113.1",
              "policyName": "standard",
              "policyToml": "name = \"standard\"\n",
              "proposals": [],
              "proven": [],
              "revision": 4720,
              "shutOutHosts": 0,
              "startTime": "2026-11-03T09:11:00.500Z",
              "state": "RUNNING",
              "supersededBy": "",
              "tier": "tiers/free",
              "tiers": [],
              "wave": 1
            }"#]],
    );
}

#[test]
fn a_tiers_progress() {
    let mut sample = sample::rollout().tiers[1].clone();
    sample.waves.truncate(1);
    check(
        &tier_progress(&sample),
        &expect![[r#"
            {
              "counts": {
                "begun": 120,
                "crashed": 1,
                "failed": 0,
                "inFlight": 18,
                "offered": 3,
                "refused": 2,
                "reverted": 0,
                "silent": 1,
                "stalled": 0,
                "verified": 100
              },
              "eligibleHosts": 10000,
              "shutOutHosts": 0,
              "state": "CURRENT",
              "tier": "tiers/free",
              "waves": [
                {
                  "hosts": 125,
                  "passedElapsedMs": 0,
                  "sharePpm": 12500,
                  "startedElapsedMs": 3601000,
                  "state": "CURRENT"
                }
              ]
            }"#]],
    );
}

#[test]
fn a_verdict_with_its_gates() {
    check(
        &verdict(&sample::rollout().verdict.unwrap()),
        &expect![[r#"
            {
              "gates": [
                {
                  "detail": "1 of 3 hosts",
                  "name": "guard-rail/crashed",
                  "observed": 1,
                  "required": 3,
                  "state": "OPEN",
                  "unit": "hosts"
                },
                {
                  "detail": "100 of 114 hosts",
                  "name": "soak",
                  "observed": 100,
                  "required": 114,
                  "state": "WAITING",
                  "unit": "hosts"
                }
              ],
              "kind": "HOLD",
              "logIndex": 4711,
              "summary": "100 of 114 hosts are verified",
              "waitingOn": "soak"
            }"#]],
    );
}

#[test]
fn a_halt_with_a_witness() {
    let mut sample = sample::halted().halt.unwrap();
    sample.witnesses.truncate(1);
    check(
        &halt(&sample),
        &expect![[r#"
            {
              "actor": "judge",
              "counts": {
                "begun": 120,
                "crashed": 4,
                "failed": 0,
                "inFlight": 0,
                "offered": 0,
                "refused": 0,
                "reverted": 0,
                "silent": 0,
                "stalled": 0,
                "verified": 0
              },
              "epoch": 3,
              "gates": [
                {
                  "detail": "4 of 3 hosts",
                  "name": "guard-rail/crashed",
                  "observed": 4,
                  "required": 3,
                  "state": "SHUT",
                  "unit": "hosts"
                }
              ],
              "logIndex": 4730,
              "reason": "4 of 120 crashed",
              "scope": "everything",
              "time": "2026-11-03T11:10:00Z",
              "witnesses": [
                {
                  "cpuModel": "",
                  "detail": "panic: fatal exception",
                  "host": "hosts/a1",
                  "kernelRelease": "5.15.0-107.117",
                  "phase": "CRASHED",
                  "zone": "eu-1\u001b[2J"
                }
              ]
            }"#]],
    );
}

#[test]
fn a_change_with_its_records() {
    let sample = v1::WatchRolloutResponse { rollout: None, records: vec![sample::record(7)] };
    check(
        &change(&sample),
        &expect![[r#"
            {
              "records": [
                {
                  "actor": "judge",
                  "basisHash": "",
                  "detail": "4 of 120 crashed, 3 are the most",
                  "elapsedMs": 0,
                  "event": "rollout.halted",
                  "hash": "abababab",
                  "logIndex": 4730,
                  "requestId": "",
                  "sequence": 7,
                  "subject": "rollouts/113.1",
                  "time": "2026-11-03T11:10:00Z",
                  "verdictHash": ""
                }
              ]
            }"#]],
    );
}

#[test]
fn an_explanation_of_a_host() {
    let sample = v1::ExplainRolloutResponse {
        headline: "it soaks".to_owned(),
        grant: Some(v1::Grant { grant_id: 9, phase: 3, ..Default::default() }),
        revision: 12,
        ..Default::default()
    };
    check(
        &explanation(&sample),
        &expect![[r#"
            {
              "evidence": [],
              "gates": [],
              "grant": {
                "begunIndex": 0,
                "detail": "",
                "epoch": 0,
                "grantId": 9,
                "host": "",
                "hostname": "",
                "phase": "APPLIED",
                "rollout": "",
                "tier": ""
              },
              "headline": "it soaks",
              "records": [],
              "revision": 12,
              "waitingOn": ""
            }"#]],
    );
}
