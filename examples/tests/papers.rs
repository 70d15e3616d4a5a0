//! Do the papers say what is so? Tests that they name exist, files that they point to are there.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_controller::metrics::catalogue::CATALOGUE;
use tidegate_examples::folder;

const PAPERS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "tests/SCENARIOS.md"];

/// A name with so many underscores in a paper is a test's.
const UNDERSCORES_OF_A_TEST: usize = 3;

fn root() -> PathBuf {
    folder().join("..")
}

fn read(paper: &str) -> String {
    fs::read_to_string(root().join(paper)).unwrap()
}

/// What stands between backticks, outside of blocks.
fn quoted(text: &str) -> Vec<String> {
    let mut inside_block = false;
    let mut quoted = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside_block = !inside_block;
        } else if !inside_block {
            quoted.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    quoted
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The names of all functions in the crates.
fn functions() -> BTreeSet<String> {
    let code = ["agent-shim/src", "controller/src", "examples/tests", "policies", "tests"];
    let mut folders: Vec<PathBuf> = code.iter().map(|folder| root().join(folder)).collect();
    let mut functions = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let names = text.split("fn ").skip(1);
                let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                functions
                    .extend(names.filter_map(|rest| rest.split(end).next()).map(str::to_owned));
            }
        }
    }
    functions
}

#[test]
fn every_test_and_metric_that_a_paper_names_exists() {
    let functions = functions();
    let mut named = 0;
    for paper in PAPERS {
        for name in quoted(&read(paper)) {
            if is_name(&name) && name.matches('_').count() >= UNDERSCORES_OF_A_TEST {
                named += 1;
                let is_metric = CATALOGUE.iter().any(|of| of.name == name);
                assert!(is_metric || functions.contains(&name), "{paper} names `{name}`");
            }
        }
    }
    assert!(named > 30, "{named}");
}

/// The targets of links to files, without their anchors.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_of_a_paper_leads_somewhere() {
    for paper in PAPERS {
        let text = read(paper);
        for link in links(&text) {
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { paper } else { file };
            let path: &Path = &root().join(file);
            assert!(path.exists(), "{paper} points to {link}");
            if !wanted.is_empty() {
                let other = read(file);
                let headings = other.lines().filter(|line| line.starts_with('#'));
                let found = headings.map(anchor).any(|anchor| anchor == wanted);
                assert!(found, "{paper} points to {link}, and no heading is called so");
            }
        }
    }
}

#[test]
fn every_preset_is_in_the_readme() {
    let readme = read("README.md");
    for preset in tidegate_policies::document::PRESETS {
        assert!(readme.contains(&format!("| `{}` |", preset.name)), "`{}`", preset.name);
    }
}

#[test]
fn every_room_is_in_the_architecture() {
    let architecture = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("controller/src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let room = path.file_name().unwrap().to_str().unwrap();
            assert!(architecture.contains(&format!("| `{room}/` |")), "`{room}/`");
        }
    }
}
