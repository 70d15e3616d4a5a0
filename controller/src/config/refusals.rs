//! What does a configuration that is wrong get to hear?

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};

use super::tests::GOOD;
use super::{Config, MAX_CONFIG_BYTES};

/// Checks what the good configuration gets to hear, change by change: each replaces the first text
/// by the second, once.
fn check(changes: &[(&str, &str)], expected: &Expect) {
    let mut heard = String::new();
    for (find, replace) in changes {
        assert!(GOOD.contains(find), "the good configuration has no `{find}`");
        match Config::parse("c.toml", &GOOD.replacen(find, replace, 1), Path::new("")) {
            Ok(config) => writeln!(heard, "{} is accepted", config.cluster).unwrap(),
            Err(error) => writeln!(heard, "{error}").unwrap(),
        }
    }
    expected.assert_eq(&heard);
}

/// The good configuration with `count` members.
fn members(count: usize) -> String {
    let (before, _) = GOOD.split_once("[[member]]").unwrap();
    let member =
        |id| format!("[[member]]\nnode-id = {id}\naddress = \"127.0.0.1:{}\"\n", 7_440 + id);
    before.to_owned() + &(1..=count).map(member).collect::<String>()
}

#[test]
fn an_unknown_key_is_told_the_nearest_known_one() {
    let changes = [
        ("cluster =", "clutser ="),
        ("node-id = 2\ndata", "node_id = 2\ndata"),
        ("[listen]", "[listens]"),
        ("address = \"127.0.0.1:7442\"\n\n[[", "adress = \"127.0.0.1:7442\"\n\n[["),
        ("node-id = 1\naddress", "node-id = 1\naddr"),
        ("tick = \"50ms\"", "ticks = \"50ms\""),
        ("log = ", "zebra = "),
        ("mode =", "\"mo\\u001bde\" ="),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:1:1: clutser: there is no such key here. Did you mean `cluster`?
            c.toml:2:1: node_id: there is no such key here. Did you mean `node-id`?
            c.toml:8:2: listens: there is no such key here. Did you mean `listen`?
            c.toml:9:1: listen.adress: there is no such key here. Did you mean `address`?
            c.toml:13:1: member[#1].addr: there is no such key here. Did you mean `address`?
            c.toml:24:1: raft.ticks: there is no such key here. Did you mean `tick`?
            c.toml:27:1: telemetry.zebra: there is no such key here. Known here: `log`, `log-format`, `otlp-endpoint`, `metrics-listen`.
            c.toml:4:1: mo\u{1b}de: there is no such key here. Known here: `cluster`, `node-id`, `data-dir`, `mode`, `machine-tick`, `idle-sync`, `join`, `listen`, `member`, `raft`, `checkpoint`, `disk`, `telemetry`, `webhooks`.
        "#]],
    );
}

#[test]
fn a_missing_key_is_told_with_its_table_and_line() {
    let changes = [
        ("cluster = \"lab\"", ""),
        ("node-id = 2\ndata", "data"),
        ("data-dir = \"data/2\"", ""),
        ("mode = \"development\"", ""),
        ("[listen]\naddress = \"127.0.0.1:7442\"", ""),
        ("[listen]\naddress = \"127.0.0.1:7442\"", "[listen]"),
        ("node-id = 1\n", ""),
        (&GOOD[GOOD.find("[[member]]").unwrap()..], ""),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:1:1: cluster: this key is missing. Write for example `cluster = "lab"`: there is no default.
            c.toml:1:1: node-id: this key is missing. Write for example `node-id = 1`: there is no default.
            c.toml:1:1: data-dir: this key is missing. Write for example `data-dir = "data/1"`: there is no default.
            c.toml:1:1: mode: this key is missing. Write for example `mode = "development"`: there is no default.
            c.toml:1:1: listen: this key is missing. Write for example `[listen]`: there is no default.
            c.toml:8:2: listen.address: this key is missing. Write for example `address = "127.0.0.1:7441"`: there is no default.
            c.toml:11:1: member[#1].node-id: this key is missing. Write for example `node-id = 1`: there is no default.
            c.toml:1:1: member: this key is missing. Write for example `[[member]]`: there is no default.
        "#]],
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_told_the_right_one() {
    let changes = [
        ("\"lab\"", "5"),
        ("node-id = 2\ndata", "node-id = \"two\"\ndata"),
        ("[listen]\naddress = \"127.0.0.1:7442\"", "[listen]\naddress = 7442"),
        ("tick = \"50ms\"", "tick = 50"),
        ("\"json\"", "\"xml\""),
        ("cluster = \"lab\"", "cluster = lab"),
        ("[telemetry]\n", "[telemetry\n"),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:1:11: cluster: text in quotes belongs here, not the type integer. Write for example `cluster = "lab"`.
            c.toml:2:11: node-id: a whole number belongs here, not the type string. Write for example `node-id = 1`.
            c.toml:9:11: listen.address: text in quotes belongs here, not the type integer. Write for example `address = "127.0.0.1:7441"`.
            c.toml:24:8: raft.tick: `50` has no unit. Write which: "50s", "50m" or "50h".
            c.toml:28:14: telemetry.log-format: `xml` means nothing here. Write "text" or "json".
            c.toml:1:11: string values must be quoted, expected literal string. Mend the TOML: see https://toml.io for its rules.
            c.toml:26:11: unclosed table, expected `]`. Mend the TOML: see https://toml.io for its rules.
        "#]],
    );
}

#[test]
fn a_cluster_has_a_short_plain_name() {
    let (longest, longer) = ("a".repeat(63), "a".repeat(64));
    let changes = [
        ("lab", "eu-1.lab"),
        ("lab", &longest),
        ("lab", &longer),
        ("lab", "Lab"),
        ("lab", ""),
        ("lab", "."),
    ];
    check(
        &changes,
        &expect![[r#"
        eu-1.lab is accepted
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is accepted
        c.toml:1:11: cluster: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` is not a name. Write 1 to 63 of the characters a-z, 0-9, - and ., first a letter or digit.
        c.toml:1:11: cluster: `Lab` is not a name. Write 1 to 63 of the characters a-z, 0-9, - and ., first a letter or digit.
        c.toml:1:11: cluster: `` is not a name. Write 1 to 63 of the characters a-z, 0-9, - and ., first a letter or digit.
        c.toml:1:11: cluster: `.` is not a name. Write 1 to 63 of the characters a-z, 0-9, - and ., first a letter or digit.
    "#]],
    );
}

#[test]
fn there_is_no_mode_but_development() {
    check(
        &[("development", "production"), ("development", "")],
        &expect![[r#"
        c.toml:4:8: mode: there is no mode `production` yet: encrypted listeners come in a later release. Write "development", which has no encryption and therefore keeps to loopback.
        c.toml:4:8: mode: there is no mode `` yet: encrypted listeners come in a later release. Write "development", which has no encryption and therefore keeps to loopback.
    "#]],
    );
}

#[test]
fn a_node_id_is_1_to_65535() {
    let id = "node-id = 2";
    let everywhere = |id: &str| GOOD.replace("node-id = 2", &format!("node-id = {id}"));
    let changes = [
        (id, "node-id = 0"),
        (id, "node-id = -1"),
        (GOOD, &*everywhere("65535")),
        (GOOD, &*everywhere("65536")),
    ];
    check(
        &changes,
        &expect![[r#"
        c.toml:2:11: node-id: 0 is out of range. Write 1 to 65535 as a node id.
        c.toml:2:11: node-id: -1 is out of range. Write 1 to 65535 as a node id.
        lab is accepted
        c.toml:2:11: node-id: 65536 is out of range. Write 1 to 65535 as a node id.
    "#]],
    );
}

#[test]
fn this_controller_is_one_of_the_members_at_its_own_address() {
    let changes = [
        ("node-id = 2\ndata", "node-id = 4\ndata"),
        ("node-id = 2\ndata", "node-id = 1\ndata"),
        ("[listen]\naddress = \"127.0.0.1:7442\"", "[listen]\naddress = \"127.0.0.1:7450\""),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:2:11: node-id: node 4 is not among the members (1, 2, 3). Write the id of one of them, add a [[member]], or write `join = true` for a controller that joins a cluster.
            c.toml:9:11: listen.address: member 1, which is this controller, has the address 127.0.0.1:7441, not 127.0.0.1:7442. Write the same address in both places.
            c.toml:9:11: listen.address: member 2, which is this controller, has the address 127.0.0.1:7442, not 127.0.0.1:7450. Write the same address in both places.
        "#]],
    );
}

#[test]
fn no_two_members_share_an_id_or_an_address() {
    check(
        &[("node-id = 3", "node-id = 1"), ("[::1]:7443", "127.0.0.1:7441")],
        &expect![[r#"
            c.toml:20:11: member[#3].node-id: two members have the node id 1. Give each controller its own; an id is never used again.
            c.toml:21:11: member[#3].address: member 1 has the address 127.0.0.1:7441 too. Give each controller its own.
        "#]],
    );
}

#[test]
fn members_are_1_to_7_and_odd() {
    let alone = members(1).replace("node-id = 2", "node-id = 1").replacen("7442", "7441", 1);
    let counts: Vec<_> = (2..=8).map(members).collect();
    let mut changes = vec![(GOOD, &*alone)];
    changes.extend(counts.iter().map(|text| (GOOD, &**text)));
    let none = format!("member = []\n{}", members(0));
    changes.push((GOOD, &none));
    check(
        &changes,
        &expect![[r#"
            lab is accepted
            c.toml:11:1: member: 2 members survive the loss of 0, like 1, and one more of them can fail. Write 1 or 3 members.
            lab is accepted
            c.toml:11:1: member: 4 members survive the loss of 1, like 3, and one more of them can fail. Write 3 or 5 members.
            lab is accepted
            c.toml:11:1: member: 6 members survive the loss of 2, like 5, and one more of them can fail. Write 5 or 7 members.
            lab is accepted
            c.toml:11:1: member: there are 8 members. Write 1 to 7, for example `[[member]]`.
            c.toml:1:10: member: there are 0 members. Write 1 to 7, for example `[[member]]`.
        "#]],
    );
}

#[test]
fn an_address_is_loopback_with_a_port() {
    let listen = "[listen]\naddress = \"127.0.0.1:7442\"";
    let changes = [
        (listen, "[listen]\naddress = \"0.0.0.0:7442\""),
        (listen, "[listen]\naddress = \"localhost:7442\""),
        (listen, "[listen]\naddress = \"127.0.0.1:0\""),
        ("[::1]:7443", "[2001:db8::1]:7443"),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:9:11: listen.address: other hosts can reach 0.0.0.0:7442, and development mode has no encryption and believes every caller. Write a loopback address such as "127.0.0.1:7441", and reach it from elsewhere over SSH.
            c.toml:9:11: listen.address: `localhost:7442` is not an IP address with a port. Write for example "127.0.0.1:7441" or "[::1]:7441".
            c.toml:9:11: listen.address: with port 0 the others would not know where to connect. Write for example `address = "127.0.0.1:7441"`.
            c.toml:21:11: member[#3].address: other hosts can reach [2001:db8::1]:7443, and development mode has no encryption and believes every caller. Write a loopback address such as "127.0.0.1:7441", and reach it from elsewhere over SSH.
        "#]],
    );
}

#[test]
fn the_clocks_tick_within_their_ranges() {
    let changes = [
        ("\"50ms\"", "\"5ms\""),
        ("\"50ms\"", "\"4ms\""),
        ("\"50ms\"", "\"1s\""),
        ("\"50ms\"", "\"1001ms\""),
        ("\"250ms\"", "\"50ms\""),
        ("\"250ms\"", "\"49ms\""),
        ("\"250ms\"", "\"10s\""),
        ("\"250ms\"", "\"11s\""),
        ("\"5m\"", "\"1s\""),
        ("\"5m\"", "\"999ms\""),
        ("\"5m\"", "\"1d\""),
        ("\"5m\"", "\"1d1h\""),
    ];
    check(
        &changes,
        &expect![[r#"
            lab is accepted
            c.toml:24:8: raft.tick: 4ms is out of range. Write 5ms to 1s.
            lab is accepted
            c.toml:24:8: raft.tick: 1.0s is out of range. Write 5ms to 1s.
            lab is accepted
            c.toml:5:16: machine-tick: 49ms is out of range. Write 50ms to 10s.
            lab is accepted
            c.toml:5:16: machine-tick: 11s is out of range. Write 50ms to 10s.
            lab is accepted
            c.toml:6:13: idle-sync: 999ms is out of range. Write 1s to 1d.
            lab is accepted
            c.toml:6:13: idle-sync: 1d1h is out of range. Write 1s to 1d.
        "#]],
    );
}

#[test]
fn telemetry_that_means_nothing_is_refused() {
    let changes = [
        ("\"warn,tidegate_controller::node=debug\"", "\"inof\""),
        ("\"warn,tidegate_controller::node=debug\"", "\"sled=loud\""),
        ("http://127.0.0.1:4317", "https://127.0.0.1:4317"),
        ("http://127.0.0.1:4317", "127.0.0.1:4317"),
    ];
    check(
        &changes,
        &expect![[r#"
            c.toml:27:7: telemetry.log: `inof` is no log filter. Write one of the levels error, warn, info, debug, trace, or levels by module, such as "info,tidegate_controller::node=debug".
            c.toml:27:7: telemetry.log: `sled=loud` is no log filter. Write one of the levels error, warn, info, debug, trace, or levels by module, such as "info,tidegate_controller::node=debug".
            c.toml:29:17: telemetry.otlp-endpoint: `https://127.0.0.1:4317` is no collector's address. Write for example `otlp-endpoint = "http://127.0.0.1:4317"`; it is spoken to without TLS.
            c.toml:29:17: telemetry.otlp-endpoint: `127.0.0.1:4317` is no collector's address. Write for example `otlp-endpoint = "http://127.0.0.1:4317"`; it is spoken to without TLS.
        "#]],
    );
}

#[test]
fn a_folder_has_a_name() {
    check(
        &[("\"data/2\"", "\"\""), ("\"data/2\"", "\"a\\u0000b\"")],
        &expect![[r#"
        c.toml:3:12: data-dir: `` is not a folder. Write for example `data-dir = "data/1"`, relative to the folder of this file.
        c.toml:3:12: data-dir: `a\0b` is not a folder. Write for example `data-dir = "data/1"`, relative to the folder of this file.
    "#]],
    );
}

#[test]
fn a_file_has_64_kib_at_most() {
    let padded = |bytes: usize| format!("{GOOD}{}", "#".repeat(bytes - GOOD.len()));
    let changes = [(GOOD, &*padded(MAX_CONFIG_BYTES)), (GOOD, &*padded(MAX_CONFIG_BYTES + 1))];
    check(
        &changes,
        &expect![[r#"
        lab is accepted
        c.toml:1:1: the file has more than 65536 bytes. Give the configuration of one controller.
    "#]],
    );
}

#[test]
fn checkpoints_and_the_disk_have_ranges_and_sizes_have_units() {
    let with = |section: &str| format!("{GOOD}{section}\n");
    let sections = [
        "[checkpoint]\nentries = 999",
        "[checkpoint]\nbytes = \"1MiB\"",
        "[checkpoint]\nbytes = \"1023KiB\"",
        "[checkpoint]\nbytes = \"64MB\"",
        "[checkpoint]\nbytes = 64",
        "[disk]\nlow = { percent = 100, free = \"4GiB\" }",
        "[disk]\nlow = { percent = 20 }",
        "[disk]\nlow = { percent = 20, free = \"1GiB\" }",
        "[disk]\nscrub-interval = \"59s\"",
        "[disk]\ncritical = { percent = 0, free = \"0KiB\" }",
    ];
    let texts = sections.map(with);
    let changes: Vec<_> = texts.iter().map(|text| (GOOD, &**text)).collect();
    check(
        &changes,
        &expect![[r#"
            c.toml:32:11: checkpoint.entries: 999 is out of range. Write 1000 to 10000000 entries.
            lab is accepted
            c.toml:32:9: checkpoint.bytes: 1023KiB is out of range. Write a whole number with KiB, MiB, GiB or TiB, 1MiB to 4GiB.
            c.toml:32:9: checkpoint.bytes: `64MB` is not a size. Write a whole number with KiB, MiB, GiB or TiB, 1MiB to 4GiB.
            c.toml:32:9: checkpoint.bytes: text in quotes belongs here, not the type integer. Write for example `bytes = "64MiB"`.
            c.toml:32:19: disk.low.percent: 100 is out of range. Write 0 to 99 percent.
            c.toml:32:1: disk.low.free: this key is missing. Write for example `free = "4GiB"`: there is no default.
            c.toml:31:2: disk: a worse state would hold before a better one. Write shares and sizes of which `low` has the largest and `critical` the smallest.
            c.toml:32:18: disk.scrub-interval: 59s is out of range. Write 1m to 30d.
            lab is accepted
        "#]],
    );
    check(
        &[("mode =", "join = \"yes\"\nmode =")],
        &expect![[r#"
        c.toml:4:8: join: true or false, without quotes, belongs here, not the type string. Write for example `join = true`.
    "#]],
    );
}

#[test]
fn who_may_be_called_is_a_host_with_its_port_and_secrets_have_a_folder() {
    let with = |section: &str| format!("{GOOD}[webhooks]\n{section}\n");
    let sections = [
        "allow = [\"127.0.0.1:9099\"]",
        "secrets = \"keys\"",
        "secrets = \"\"\nallow = [\"127.0.0.1:9099\"]",
        "secrets = \"keys\"\nallow = []",
        "secrets = \"keys\"\nallow = [\"127.0.0.1\"]",
        "secrets = \"keys\"\nallow = [\"http://127.0.0.1:9099\"]",
        "secrets = \"keys\"\nallow = [\"*:80\"]",
        "secrets = \"keys\"\nallow = [\"pager:080\"]",
    ];
    let texts = sections.map(with);
    let changes: Vec<_> = texts.iter().map(|text| (GOOD, &**text)).collect();
    check(
        &changes,
        &expect![[r#"
        c.toml:31:2: webhooks.secrets: this key is missing. Write for example `secrets = "webhook-secrets"`: there is no default.
        c.toml:31:2: webhooks.allow: this key is missing. Write for example `allow = ["127.0.0.1:9099"]`: there is no default.
        c.toml:32:11: webhooks.secrets: `` is not a folder. Write for example `secrets = "webhook-secrets"`.
        c.toml:33:9: webhooks.allow: there are 0 places. Write 1 to 100, for example `allow = ["127.0.0.1:9099"]`.
        c.toml:33:10: webhooks.allow[#1]: `127.0.0.1` is not a host with its port. Write for example "127.0.0.1:9099", "pager.example:80" or "[::1]:9099".
        c.toml:33:10: webhooks.allow[#1]: `http://127.0.0.1:9099` is not a host with its port. Write for example "127.0.0.1:9099", "pager.example:80" or "[::1]:9099".
        c.toml:33:10: webhooks.allow[#1]: `*:80` is not a host with its port. Write for example "127.0.0.1:9099", "pager.example:80" or "[::1]:9099".
        c.toml:33:10: webhooks.allow[#1]: `pager:080` is not a host with its port. Write for example "127.0.0.1:9099", "pager.example:80" or "[::1]:9099".
    "#]],
    );
}
