//! Claims about the JSON of the fleet. Keys are an interface: only ever add.

use expect_test::{Expect, expect};

use super::*;

fn check(value: &Value, expected: &Expect) {
    expected.assert_eq(&format!("{value:#}"));
}

#[test]
fn a_host_with_its_facts() {
    let sample = v1::Host {
        name: "hosts/a1".to_owned(),
        facts: Some(v1::HostFacts {
            hostname: "web-1".to_owned(),
            labels: [("rack".to_owned(), "7".to_owned())].into(),
            ..Default::default()
        }),
        mode: v1::AgentMode::NoApply.into(),
        heard_ago_ms: Some(1_500),
        ..Default::default()
    };
    check(
        &host(&sample),
        &expect![[r#"
            {
              "barred": "",
              "bootId": "",
              "facts": {
                "agentVersion": "",
                "arch": "",
                "cloud": "",
                "cpuFamily": "",
                "cpuModel": "",
                "cpuVendor": "",
                "distroRelease": "",
                "flavour": "",
                "hostname": "web-1",
                "kernelRelease": "",
                "labels": {
                  "rack": "7"
                },
                "rack": "",
                "region": "",
                "zone": ""
              },
              "grants": [],
              "heardAgoMs": 1500,
              "mode": "NO_APPLY",
              "name": "hosts/a1",
              "runningPatchSet": "",
              "state": "UNSPECIFIED",
              "supported": "",
              "tier": "",
              "token": "",
              "upgradeRequiredDate": ""
            }"#]],
    );
}

#[test]
fn a_patch_set_with_an_artifact_and_a_fix() {
    let sample = v1::PatchSet {
        name: "patchSets/113.1".to_owned(),
        artifacts: vec![v1::Artifact {
            sha256: vec![0xCA, 0xFE],
            size_bytes: 9,
            ..Default::default()
        }],
        fixes: vec![v1::Fix { name: "cve-1".to_owned(), severity: 4, ..Default::default() }],
        state: v1::PatchSetState::Ready.into(),
        stored_on_nodes: vec![1, 2],
        ..Default::default()
    };
    check(
        &patch_set(&sample),
        &expect![[r#"
        {
          "artifacts": [
            {
              "arch": "",
              "flavour": "",
              "kernelRelease": "",
              "module": "",
              "sha256": "cafe",
              "sizeBytes": 9
            }
          ],
          "epoch": 0,
          "etag": "",
          "fixes": [
            {
              "description": "",
              "name": "cve-1",
              "severity": "CRITICAL"
            }
          ],
          "name": "patchSets/113.1",
          "nodesNeeded": 0,
          "notice": "",
          "state": "READY",
          "storedOnNodes": [
            1,
            2
          ]
        }"#]],
    );
}

#[test]
fn a_token_and_a_tier() {
    check(
        &token(&v1::Token { max_hosts: 5, ..Default::default() }),
        &expect![[r#"
            {
              "enrolledHosts": 0,
              "etag": "",
              "maxHosts": 5,
              "name": "",
              "state": "UNSPECIFIED",
              "tier": ""
            }"#]],
    );
    check(
        &tier(&v1::Tier { position: 1, ..Default::default() }),
        &expect![[r#"
            {
              "delayMs": 0,
              "drawnFrom": "",
              "frozenBy": "",
              "hosts": 0,
              "name": "",
              "objectives": [],
              "position": 1,
              "windowOpen": false,
              "windows": []
            }"#]],
    );
}

#[test]
fn a_token_that_expires_has_a_scope_and_was_revoked() {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let sample = v1::Token {
        name: "tokens/free".to_owned(),
        expire_time: at(1_793_697_000),
        scope: Some(v1::TokenScope {
            architectures: vec!["amd64".to_owned()],
            kernel_series: vec!["5.15".to_owned(), "6.8".to_owned()],
            distro_releases: Vec::new(),
        }),
        state: v1::TokenState::Revoked.into(),
        revocation: Some(v1::TokenRevocation {
            time: at(1_793_000_000),
            actor: "ana".to_owned(),
            reason: "leaked".to_owned(),
        }),
        ..Default::default()
    };
    check(
        &token(&sample),
        &expect![[r#"
        {
          "enrolledHosts": 0,
          "etag": "",
          "expireTime": "2026-11-03T09:10:00Z",
          "maxHosts": 0,
          "name": "tokens/free",
          "revocation": {
            "actor": "ana",
            "reason": "leaked",
            "time": "2026-10-26T07:33:20Z"
          },
          "scope": {
            "architectures": [
              "amd64"
            ],
            "distroReleases": [],
            "kernelSeries": [
              "5.15",
              "6.8"
            ]
          },
          "state": "REVOKED",
          "tier": ""
        }"#]],
    );
}

#[test]
fn an_evicted_host() {
    let sample = v1::EvictHostResponse {
        name: "hosts/a1".to_owned(),
        token: Some(v1::Token { name: "tokens/free".to_owned(), ..Default::default() }),
        counted_silent: 1,
    };
    check(
        &evicted(&sample),
        &expect![[r#"
        {
          "countedSilent": 1,
          "name": "hosts/a1",
          "token": {
            "enrolledHosts": 0,
            "etag": "",
            "maxHosts": 0,
            "name": "tokens/free",
            "state": "UNSPECIFIED",
            "tier": ""
          }
        }"#]],
    );
}

#[test]
fn numbers_of_64_bits_stay_numbers() {
    let sample = v1::Token { max_hosts: u64::MAX, ..Default::default() };
    assert_eq!(token(&sample)["maxHosts"], Value::from(u64::MAX));
}
