//! What does a filter let pass, and what is said of one that cannot be read?

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::{Field, Filter, Filterable, Kind, MAX_BYTES, MAX_DEPTH, Value};

#[derive(Debug)]
struct Row {
    name: &'static str,
    tier: &'static str,
    state: &'static str,
    hosts: u64,
    heard: Option<u64>,
    seconds: i64,
    fixes: Vec<&'static str>,
    labels: BTreeMap<String, String>,
}

impl Filterable for Row {
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "name", kind: Kind::Text, of: |row| Value::text(row.name) },
        Field {
            name: "tier",
            kind: Kind::Name("tiers/"),
            of: |row| Value::text(row.tier.trim_start_matches("tiers/")),
        },
        Field {
            name: "state",
            kind: Kind::Word(&["RUNNING", "HALTED"]),
            of: |row| Value::text(row.state),
        },
        Field { name: "hosts", kind: Kind::Number, of: |row| Value::number(row.hosts) },
        Field {
            name: "heard",
            kind: Kind::Number,
            of: |row| row.heard.map_or(Value::Unknown, Value::number),
        },
        Field {
            name: "created",
            kind: Kind::Time,
            of: |row| Value::Time(i128::from(row.seconds) * 1_000),
        },
        Field {
            name: "fix",
            kind: Kind::Text,
            of: |row| Value::Texts(row.fixes.iter().map(|fix| (*fix).into()).collect()),
        },
        Field { name: "labels", kind: Kind::Labels, of: |row| Value::Labels(&row.labels) },
    ];
}

fn rows() -> [Row; 3] {
    let labels = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    [
        Row {
            name: "6.8.0-41.41",
            tier: "tiers/free",
            state: "RUNNING",
            hosts: 10,
            heard: Some(5),
            seconds: 1_000,
            fixes: vec!["cve-1", "cve-2"],
            labels: labels(&[("role", "db")]),
        },
        Row {
            name: "5.15.0-107.117",
            tier: "tiers/paid",
            state: "HALTED",
            hosts: 11,
            heard: None,
            seconds: 2_000,
            fixes: vec!["cve-2"],
            labels: labels(&[("role", "web"), ("odd", "1")]),
        },
        Row {
            name: "",
            tier: "tiers/free",
            state: "HALTED",
            hosts: 0,
            heard: Some(0),
            seconds: 3_000,
            fixes: vec![],
            labels: BTreeMap::new(),
        },
    ]
}

/// The rows, from 1, that `filter` lets pass.
fn passed(filter: &str) -> Vec<usize> {
    let filter = Filter::<Row>::parse(filter).unwrap_or_else(|bad| panic!("{filter}: {bad}"));
    let rows = rows();
    (1..=rows.len()).filter(|n| filter.matches(&rows[n - 1])).collect()
}

#[track_caller]
fn check(cases: &[(&str, &[usize])]) {
    for (filter, expected) in cases {
        assert_eq!(passed(filter), *expected, "{filter}");
    }
}

#[test]
fn an_empty_filter_lets_everything_pass() {
    check(&[("", &[1, 2, 3]), ("  ", &[1, 2, 3])]);
}

#[test]
fn a_text_is_compared_whole_and_has_a_part_of_it() {
    check(&[
        ("name=6.8.0-41.41", &[1]),
        ("name=\"6.8*\"", &[]),
        ("name:\"6.8*\"", &[1]),
        ("name:*117", &[2]),
        ("name:.0-", &[1, 2]),
        ("name!=6.8.0-41.41", &[2, 3]),
        ("name:*", &[1, 2]),
        ("NOT name:*", &[3]),
        ("name = '5.15.0-107.117'", &[2]),
    ]);
}

#[test]
fn a_resources_name_may_lack_its_collection_and_a_word_its_capitals() {
    check(&[
        ("tier=free", &[1, 3]),
        ("tier=\"tiers/free\"", &[1, 3]),
        ("tier!=tiers/free", &[2]),
        ("state=halted", &[2, 3]),
        ("state:RUNNING", &[1]),
    ]);
}

#[test]
fn numbers_and_times_have_an_order_and_what_is_not_known_has_none() {
    check(&[
        ("hosts>10", &[2]),
        ("hosts>=10", &[1, 2]),
        ("hosts<10", &[3]),
        ("hosts<=10", &[1, 3]),
        ("hosts=10", &[1]),
        ("hosts!=10", &[2, 3]),
        ("heard<1", &[3]),
        ("heard>0", &[1]),
        ("heard!=5", &[2, 3]),
        ("heard:*", &[1, 3]),
        ("created>\"1970-01-01T00:16:40Z\"", &[2, 3]),
        ("created<=1970-01-01T01:16:40+01:00", &[1]),
    ]);
}

#[test]
fn of_a_list_any_element_may_fit_and_labels_have_keys_and_values() {
    check(&[
        ("fix=cve-2", &[1, 2]),
        ("fix:cve-1", &[1]),
        ("fix!=cve-1", &[2, 3]),
        ("labels:odd", &[2]),
        ("labels.role=db", &[1]),
        ("labels.role!=db", &[2, 3]),
        ("labels.role:*", &[1, 2]),
    ]);
}

#[test]
fn tests_are_put_together_by_and_or_not_and_parentheses() {
    check(&[
        ("tier=free AND state=HALTED", &[3]),
        ("state=RUNNING OR hosts=0", &[1, 3]),
        ("tier=free AND (state=RUNNING OR hosts=0)", &[1, 3]),
        ("NOT (tier=free AND state=HALTED)", &[1, 2]),
        ("NOT tier=free AND hosts>0 AND fix:cve", &[2]),
        ("((hosts=0))", &[3]),
    ]);
}

fn refused(filter: &str, expected: &Expect) {
    let refused = Filter::<Row>::parse(filter).map(|_| ()).unwrap_err();
    expected.assert_eq(&refused.to_string());
}

#[test]
fn a_filter_that_cannot_be_read_says_where_and_what_to_write() {
    refused(
        "colour=red",
        &expect![
            "the filter cannot be read at byte 1: there is no field `colour`: there are name, tier, state, hosts, heard, created, fix, labels"
        ],
    );
    refused(
        "tier=free AND",
        &expect![
            "the filter cannot be read at byte 14: expected a field: there are name, tier, state, hosts, heard, created, fix, labels"
        ],
    );
    refused(
        "tier",
        &expect![
            "the filter cannot be read at byte 5: after `tier` comes one of = != < <= > >= : and a value"
        ],
    );
    refused(
        "tier free",
        &expect![
            "the filter cannot be read at byte 6: after `tier` comes one of = != < <= > >= : and a value"
        ],
    );
    refused("tier=", &expect!["the filter cannot be read at byte 6: after `tier=` comes a value"]);
    refused(
        "tier=free state=HALTED",
        &expect![
            "the filter cannot be read at byte 11: expected AND, OR or the end: write e.g. `a=1 AND b=2`"
        ],
    );
    refused(
        "tier=free AND state=HALTED OR hosts=1",
        &expect![
            "the filter cannot be read at byte 28: AND and OR side by side may mean two things: put one of them in parentheses"
        ],
    );
    refused(
        "(tier=free",
        &expect!["the filter cannot be read at byte 1: this parenthesis is never closed"],
    );
    refused(
        "tier=free)",
        &expect![
            "the filter cannot be read at byte 10: expected AND, OR or the end: write e.g. `a=1 AND b=2`"
        ],
    );
}

#[test]
fn a_value_that_cannot_be_is_refused_where_it_stands() {
    refused(
        "name=\"6.8",
        &expect!["the filter cannot be read at byte 6: this quote is never closed"],
    );
    refused(
        "name=\"a\\b\"",
        &expect![[
            r#"the filter cannot be read at byte 8: after `\` comes a quote or another `\`"#
        ]],
    );
    refused(
        "hosts>many",
        &expect![
            "the filter cannot be read at byte 7: `many` is no whole number, and the field holds one"
        ],
    );
    refused(
        "created>yesterday",
        &expect![[
            r#"the filter cannot be read at byte 9: `yesterday` is no time: write e.g. "2026-11-03T09:10:00Z", in quotes"#
        ]],
    );
    refused(
        "state=ASLEEP",
        &expect!["the filter cannot be read at byte 7: `ASLEEP` is none of RUNNING, HALTED"],
    );
    refused(
        "name<6",
        &expect![
            "the filter cannot be read at byte 6: `<` is for numbers and times; write =, != or :"
        ],
    );
    refused(
        "tier.x=1",
        &expect![
            "the filter cannot be read at byte 1: there is no field `tier.x`: there are name, tier, state, hosts, heard, created, fix, labels"
        ],
    );
    refused(
        "name=ä",
        &expect![[
            r#"the filter cannot be read at byte 6: `\u{e4}` is no part of a word: put a text in quotes"#
        ]],
    );
    refused("!", &expect!["the filter cannot be read at byte 1: nothing can begin with this sign"]);
}

#[test]
fn a_filter_has_a_length_and_a_depth_and_holds_at_their_edges() {
    let of_length = |length: usize| format!("name={}", "x".repeat(length - "name=".len()));
    assert!(Filter::<Row>::parse(&of_length(MAX_BYTES)).is_ok());
    let long = Filter::<Row>::parse(&of_length(MAX_BYTES + 1)).map(|_| ()).unwrap_err();
    assert!(long.what.contains("4097 bytes, and 4096"), "{long}");
    let of_depth = |depth: usize| format!("{}hosts=1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::<Row>::parse(&of_depth(MAX_DEPTH)).is_ok());
    let deep = Filter::<Row>::parse(&of_depth(MAX_DEPTH + 1)).map(|_| ()).unwrap_err();
    assert!(deep.what.contains("deeper than 16"), "{deep}");
    let nots = |depth: usize| format!("{}hosts=1", "NOT ".repeat(depth));
    assert!(Filter::<Row>::parse(&nots(MAX_DEPTH)).is_ok());
    assert!(Filter::<Row>::parse(&nots(MAX_DEPTH + 1)).is_err());
    assert!(Filter::<Row>::parse(&"(".repeat(MAX_BYTES)).is_err());
}
