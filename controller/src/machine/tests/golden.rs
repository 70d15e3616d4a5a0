//! Do stored bytes stay readable? One pinned entry for each command and action.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::script::one;
use super::world::World;
use crate::machine::command::{Command, ENTRY_VERSION, UnknownEntry};

/// Name and script line of each golden entry.
const ENTRIES: [(&str, &str); 14] = [
    ("bootstrap", "bootstrap canary* free paid nodes=3"),
    ("tick", "tick 1500ms heard=h1,h2 asking=h3 wall=1700000000000"),
    ("store-blob", "blob 113.1 k1 node=2"),
    ("enroll-host", "enrol h1 free zone=z1 as=enrol-1"),
    ("begin-grant", "begin h1 grant=300 epoch=7 version=113.1"),
    (
        "record-reports",
        "report h1 started applied soaked soaked-gone failed stalled crashed degraded reverted \
         refused health health-gone goodbye grant=300 spool=18446744073709551615 seq=1 marker=299 \
         evidence=oops",
    ),
    ("create-token", "token free free 5 as=op-1"),
    ("publish-patch-set", "publish 113.1 k1 k2 as=op-2"),
    (
        "create-rollout",
        "create r1 113.1 canary=draw1 free=10%,100% budget=5% in-flight=9 share=5,10%,20% \
         promotion=manual fewer=hold as=op-3",
    ),
    ("start-rollout", "start r1 as=op-4"),
    ("pause-rollout", "pause r1 reason=wait as=op-5"),
    ("resume-rollout", "resume r1 reason=go as=op-6"),
    ("halt-rollout", "halt r1 reason=stop as=op-7"),
    ("promote-rollout", "promote r1 force=now tier=free wave=2 as=op-8"),
];

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

/// Bytes as hex, 32 to a line.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}
