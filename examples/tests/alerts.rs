//! Does every alert ask for what a controller tells, and does whoever it wakes find what to type?

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tidegate_controller::metrics::catalogue::{CATALOGUE, Described, Kind};
use tidegate_examples::folder;

/// One rule: its keys and their values, as they are written.
type Rule = BTreeMap<String, String>;

/// The rules of the file. Its form is simple on purpose: one key a line, long values folded below theirs.
fn rules() -> Vec<Rule> {
    let text = fs::read_to_string(folder().join("alerts/tidegate.rules.yml")).unwrap();
    let (mut rules, mut last) = (Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            rules.push(Rule::from([("alert".to_owned(), name.to_owned())]));
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase());
        match line.split_once(':').filter(|(key, _)| is_key(key)) {
            Some((key, value)) => {
                let value = value.trim().trim_start_matches(">-").trim_matches('"');
                rule.insert(key.to_owned(), value.to_owned());
                last = key.to_owned();
            }
            None => {
                let folded = rule.get_mut(&last).unwrap();
                *folded = format!("{folded} {line}").trim().to_owned();
            }
        }
    }
    rules
}

/// What an expression asks for: metrics, each with the labels that it picks by, and the values of those.
fn asked(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let parts = expression.split("tidegate_").skip(1).map(|part| {
        let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let picked = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let pairs = picked.map(|(inside, _)| inside.split(',')).into_iter().flatten();
        let pair = |pair: &str| {
            let (label, value) = pair.split_once('=').unwrap();
            (label.to_owned(), value.trim_start_matches('~').trim_matches('"').to_owned())
        };
        (format!("tidegate_{name}"), pairs.map(pair).collect())
    });
    parts.collect()
}

fn described(name: &str) -> Option<&'static Described> {
    CATALOGUE.iter().find(|of| {
        let suffixes: &[&str] = match of.kind {
            Kind::Gauge | Kind::Counter => &[""],
            Kind::Histogram => &["_bucket", "_sum", "_count"],
        };
        suffixes.iter().any(|suffix| name.strip_suffix(suffix) == Some(of.name))
    })
}

#[test]
fn every_alert_asks_for_metrics_and_labels_that_a_controller_tells() {
    let rules = rules();
    assert!(rules.len() >= 10, "{rules:?}");
    for rule in &rules {
        let expression = &rule["expr"];
        let opened = expression.matches(['(', '{', '[']).count();
        assert_eq!(opened, expression.matches([')', '}', ']']).count(), "{expression}");
        let asked = asked(expression);
        assert!(!asked.is_empty() || expression.starts_with("up{"), "{expression}");
        for (name, pairs) in asked {
            let described = described(&name).unwrap_or_else(|| panic!("nobody tells {name}"));
            for (label, value) in pairs {
                assert!(described.labels.contains(&label.as_str()), "{name} has no {label}");
                let words = [
                    "RUNNING", "HALTED", "low", "scarce", "critical", "gave_up", "gone", "dropped",
                ];
                assert!(value.split('|').all(|value| words.contains(&value)), "{label}={value}");
            }
        }
    }
}

#[test]
fn whoever_is_woken_reads_what_is_wrong_and_finds_the_alert_in_the_readme() {
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    let (_, chapter) = readme.split_once("\n### When an alert fires\n").unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let mut names = BTreeSet::new();
    for rule in rules() {
        let name = &rule["alert"];
        assert!(names.insert(name.clone()), "{name} is there twice");
        assert!(["page", "ticket"].contains(&rule["severity"].as_str()), "{name}");
        assert!(rule["summary"].len() > 20, "{name}");
        let runbook = rule["runbook"].strip_prefix("README.md#when-an-alert-fires: ");
        assert!(runbook.is_some_and(|command| command.contains("tidegate ")), "{name}");
        assert!(chapter.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
    let rows = chapter.lines().filter(|line| line.starts_with("| `Tidegate")).count();
    assert_eq!(rows, names.len(), "the README tells of another alert");
}
