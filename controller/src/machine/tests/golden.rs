//! Do stored bytes stay readable? One pinned entry for each command and action.

use std::fmt::Write as _;

use expect_test::{expect, expect_file};

use super::script::one;
use super::world::World;
use crate::machine::command::{Command, ENTRY_VERSION, UnknownEntry};

/// Name and script line of each golden entry.
const ENTRIES: [(&str, &str); 50] = [
    ("bootstrap-2", "bootstrap canary* free paid nodes=3"),
    ("tick-2", "tick 1500ms heard=h1,h2 asking=h3 wall=0 readings=1:1700000000000,3:1700000000009"),
    ("store-blob", "blob 113.1 k1 node=2"),
    ("enroll-host", "enrol h1 free zone=z1 as=enrol-1"),
    ("begin-grant", "begin h1 grant=300 epoch=7 version=113.1"),
    (
        "record-reports",
        "report h1 started applied soaked soaked-gone failed stalled crashed degraded reverted \
         refused health health-gone goodbye grant=300 spool=18446744073709551615 seq=1 marker=299 \
         evidence=oops",
    ),
    (
        "create-token-2",
        "token free free 5 ttl=60s arch=amd64,arm64 series=5.15 distro=22.04 as=op-1",
    ),
    ("publish-patch-set", "publish 113.1 k1 k2 as=op-2"),
    (
        "create-rollout-2",
        "create r1 113.1 canary=draw1 free=10%,100% budget=5% in-flight=9 share=5,10%,20% \
         promotion=manual fewer=hold judged=50,3,10 as=op-3",
    ),
    ("start-rollout", "start r1 as=op-4"),
    ("pause-rollout", "pause r1 reason=wait as=op-5"),
    ("resume-rollout", "resume r1 reason=go as=op-6"),
    ("halt-rollout", "halt r1 reason=stop as=op-7"),
    ("halt-slice", "halt r1 slice=kernel=k1,cpu=x reason=stop as=op-13"),
    ("resume-slice", "resume r1 slice=zone=z1 reason=go as=op-14"),
    (
        "apply-ladder",
        "ladder canary* free paid windows=free:0_22_*_*_*/2h delay=paid:604800s cut-off=paid:1800000000000 \
         as=op-15",
    ),
    ("create-freeze", "freeze xmas tier=paid until=1800000000000 reason=holidays as=op-16"),
    ("lift-freeze", "lift xmas reason=over as=op-17"),
    ("hold-back", "hold-back free delay=604800s cut-off=1800000000000 reason=careful as=op-18"),
    ("approve-wave", "approve r1 remark=fine tier=free wave=2 as=op-19"),
    ("expedite-rollout", "expedite r1 reason=exploited as=op-20"),
    ("supersede-rollout", "supersede r1 with=r2 reason=newer as=op-21"),
    ("agree-to-proposal", "agree 3 reason=fine as=op-22"),
    ("reject-proposal", "reject 3 reason=no as=op-23"),
    ("know-openings", "openings 0_22_1_1_*/2h from=1700000000000"),
    ("promote-rollout", "promote r1 force=now tier=free wave=2 as=op-8"),
    ("add-member", "add 4 at=node-4:7443 as=op-9"),
    ("promote-member", "vote 4 replacing=1 as=op-10"),
    ("remove-member", "remove 300 as=op-11"),
    ("check-state", "check-state as=op-12"),
    ("if-unchanged", "start r1 if=4711 as=op-15"),
    ("register-node", "register 4 disk=9 speaks=2..3 at=node-4:7443"),
    ("vouch-state", "vouch 4 index=18446744073709551615 hash=8"),
    ("roll-back", "rollback r1 reason=bad as=op-15"),
    ("withdraw-patch-set", "withdraw 113.1 reason=bad as=op-16"),
    ("record-reports-2", "report h1 not-reverted turned-back grant=300 spool=7 seq=1"),
    ("update-token", "update free max=300 until=1700000000000 as=op-15"),
    ("revoke-token", "revoke free reason=leaked as=op-16"),
    ("evict-host", "evict h1 reason=gone force=yes as=op-17"),
    ("move-host", "move h1 paid reason=upgraded as=op-18"),
    ("acknowledge-incident", "ack 300 reason=mine as=op-19"),
    ("note-incident", "note 300 reason=firmware as=op-20"),
    ("resolve-incident", "resolve 300 reason=withdrawn as=op-21"),
    ("create-block", "block 113.1 reason=recalled as=op-24"),
    ("lift-block", "unblock 113.1/k1 reason=mistaken as=op-25"),
    ("apply-webhooks", "webhooks pager=opened,resolved all=* as=op-22"),
    ("test-webhook", "test pager as=op-23"),
    ("settle-notifications", "settle 1=delivered 2=gave-up 300=gone 301=dropped"),
    (
        "apply-coverage",
        "cover 5.15:22.04:13:2034-04 6.8:24.04:9:2036-04 5.15.0-100.110@2024-02-07 reason=dates as=op-26",
    ),
    ("resend-notifications", "resend pager of=2,300 as=op-27"),
];

/// Entries that no build writes any more: what was written, and the line that says the same today.
const OLD_ENTRIES: [(&str, &str); 4] = [
    ("bootstrap", "bootstrap canary* free paid nodes=3"),
    ("tick", "tick 1500ms heard=h1,h2 asking=h3 wall=1700000000000"),
    ("create-token", "token free free 5 as=op-1"),
    (
        "create-rollout",
        "create r1 113.1 canary=draw1 free=10%,100% budget=5% in-flight=9 share=5,10%,20% \
         promotion=manual fewer=hold as=op-3",
    ),
];

/// What raft says without bytes is never read from any: it would end a joint change too early.
#[test]
fn no_bytes_say_that_a_joint_change_has_ended() {
    let bytes = Command::LeaveJoint.encode();
    let length = bytes.len();
    assert_eq!(Command::decode(&bytes), Err(UnknownEntry::Malformed { length }));
}

#[test]
fn stored_entries_are_read_and_written_as_ever() {
    for (name, line) in ENTRIES {
        let command = one(&mut World::new(), line);
        let bytes = command.encode();
        expect_file![format!("../golden/{name}.hex")].assert_eq(&hex(&bytes));
        assert_eq!(Command::decode(&bytes), Ok(command), "{name}");
    }
}

#[test]
fn entries_that_are_written_otherwise_today_are_still_read() {
    for (name, line) in OLD_ENTRIES {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/machine/golden");
        let stored = std::fs::read_to_string(format!("{path}/{name}.hex")).unwrap();
        let mut read = Command::decode(&bytes(&stored)).unwrap();
        if let Command::Bootstrap(bootstrap) = &mut read {
            // A cluster of version 1 had no id. The one that it gets must never change.
            let id = std::mem::replace(&mut bootstrap.id, [7; 16]);
            expect![[r#"
                b2aef56eab60c7c2c3dcc48ef9eb56b1
            "#]]
            .assert_eq(&hex(&id));
        }
        assert_eq!(read, one(&mut World::new(), line), "{name}");
    }
}

#[test]
fn an_entry_says_nothing_that_its_version_cannot_say() {
    for line in ["add 4", "register 4", "vouch 4", "check-state", "start r1 if=1"] {
        let mut entry = one(&mut World::new(), line).encode();
        entry[..2].copy_from_slice(&1_u16.to_le_bytes());
        let length = entry.len();
        assert_eq!(Command::decode(&entry), Err(UnknownEntry::Malformed { length }), "{line}");
    }
}

#[test]
fn an_entry_of_a_newer_build_is_refused_as_such() {
    let mut bytes = one(&mut World::new(), "start r1").encode();
    let found = ENTRY_VERSION + 1;
    bytes[..2].copy_from_slice(&found.to_le_bytes());
    assert_eq!(Command::decode(&bytes), Err(UnknownEntry::Newer { found }));
    bytes.truncate(2);
    assert_eq!(Command::decode(&bytes), Err(UnknownEntry::Newer { found }));
}

#[test]
fn garbage_is_no_entry() {
    let good = one(&mut World::new(), "start r1").encode();
    let malformed = |bytes: &[u8]| {
        let length = bytes.len();
        assert_eq!(Command::decode(bytes), Err(UnknownEntry::Malformed { length }), "{bytes:?}");
    };
    malformed(&[]);
    malformed(&[1]);
    malformed(&[1, 0]);
    malformed(&[1, 0, 255]);
    malformed(&[0, 0].into_iter().chain(good[2..].iter().copied()).collect::<Vec<u8>>());
    malformed(&good[..good.len() - 1]);
    malformed(&[good.as_slice(), &[0]].concat());
}

/// The bytes that `hex` shows.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Bytes as hex, 32 to a line.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}
