//! Does every file that a user copies pass the reader that it is meant for?

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use tidegate_agent::driver::simulated::{FaultKind, SimulatedLivepatch};
use tidegate_controller::config::Config;
use tidegate_examples::folder;
use tidegate_policies::document;

/// The files below `folder` with this ending, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn three_controllers_agree_on_who_they_are() {
    let paths = files(&folder().join("three-nodes"), "toml");
    let configs: Vec<Config> = paths.iter().map(|path| Config::load(path).unwrap()).collect();
    let ids: Vec<u64> = configs.iter().map(|config| config.node_id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
    for config in &configs {
        assert_eq!((&config.cluster, &config.members), (&configs[0].cluster, &configs[0].members));
        assert_eq!(config.members[&config.node_id], config.listen);
        assert!(config.data_dir.ends_with(format!("data/{}", config.node_id)));
    }
}

#[test]
fn every_policy_is_one() {
    let paths = files(&folder().join("policies"), "toml");
    assert!(!paths.is_empty());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let policy = document::parse(&path.display().to_string(), &text).unwrap();
        assert_eq!(Some(policy.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
    }
}

#[test]
fn the_good_livepatch_harms_nobody_and_the_bad_one_crashes_half_of_one_kernel() {
    let paths = files(&folder().join("patchsets"), "json");
    let read = |path: &PathBuf| SimulatedLivepatch::parse(&fs::read(path).unwrap()).unwrap();
    let livepatches: Vec<SimulatedLivepatch> = paths.iter().map(read).collect();
    for (path, livepatch) in paths.iter().zip(&livepatches) {
        assert_eq!(path.file_stem().unwrap().to_str(), Some(livepatch.module.as_str()));
    }
    let [good, bad] = livepatches.as_slice() else { panic!("{paths:?}") };
    assert_eq!(good.faults, []);
    let [fault] = bad.faults.as_slice() else { panic!("{:?}", bad.faults) };
    assert_eq!((fault.kind, fault.percent), (FaultKind::Crash, 50));
    assert_eq!(fault.kernel_release.as_deref(), Some("5.15.0-119.129"));
}
