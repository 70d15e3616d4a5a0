//! Do the dependencies point one way? Between the workspace's crates, and between the rooms of the
//! controller.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use tidegate_tests::trouble::{Outcome, Trouble};

/// Which crate of the workspace may know which others.
const CRATES: [(&str, &[&str]); 6] = [
    ("tidegate-proto", &[]),
    ("tidegate-policies", &[]),
    ("tidegate-agent", &["tidegate-proto"]),
    // The agent for the demonstration and the simulation alone; see below.
    ("tidegate-controller", &["tidegate-agent", "tidegate-policies", "tidegate-proto"]),
    (
        "tidegate-tests",
        &["tidegate-agent", "tidegate-controller", "tidegate-policies", "tidegate-proto"],
    ),
    (
        "tidegate-examples",
        &["tidegate-agent", "tidegate-controller", "tidegate-policies", "tidegate-proto"],
    ),
];

/// What a host must not have to carry: it is the controllers' weight.
const NOT_ON_HOSTS: [&str; 5] =
    ["raft", "sled", "opentelemetry", "opentelemetry_sdk", "tonic-health"];

/// What a pure crate must not reach: the network, the clock of a runtime, chance. It computes dates with
/// `chrono`, and clippy keeps it from asking that what time it is.
const NOT_IN_POLICIES: [&str; 5] = ["tokio", "tonic", "rand", "getrandom", "tracing"];

/// Which room of the controller may name which others. `wire` is the part of `api` that turns domain
/// into messages and back, and knows no service.
const ROOMS: [(&str, &[&str]); 24] = [
    ("chain", &[]),
    ("machine", &["chain"]),
    ("journal", &["machine"]),
    ("telemetry", &[]),
    ("filter", &[]),
    ("node", &["journal", "machine"]),
    ("meters", &[]),
    ("runtime", &["journal", "machine", "meters", "node"]),
    ("metrics", &["artifacts", "machine", "meters", "node", "relay", "runtime"]),
    ("artifacts", &["machine"]),
    ("webhooks", &["machine", "runtime"]),
    ("config", &["machine", "runtime", "telemetry", "webhooks"]),
    ("peers", &["config", "journal", "machine", "node", "runtime"]),
    ("wire", &["artifacts", "chain", "filter", "machine", "node", "runtime", "webhooks"]),
    ("relay", &["machine", "meters", "peers", "runtime", "wire"]),
    ("views", &["machine", "node", "runtime", "wire"]),
    ("backup", &["artifacts", "journal", "machine"]),
    (
        "api",
        &[
            "artifacts",
            "backup",
            "config",
            "filter",
            "machine",
            "meters",
            "node",
            "peers",
            "relay",
            "runtime",
            "telemetry",
            "views",
            "webhooks",
            "wire",
        ],
    ),
    ("client", &["backup", "chain"]),
    (
        "server",
        &[
            "api",
            "artifacts",
            "config",
            "machine",
            "metrics",
            "node",
            "peers",
            "relay",
            "runtime",
            "telemetry",
            "views",
            "webhooks",
            "wire",
        ],
    ),
    ("serve_command", &["config", "journal", "node", "runtime", "server", "telemetry"]),
    ("bench", &["client", "journal", "machine", "runtime", "serve_command"]),
    ("simulate", &["api", "client", "machine", "relay", "serve_command", "wire"]),
    (
        "demo",
        &[
            "client",
            "config",
            "machine",
            "runtime",
            "serve_command",
            "server",
            "telemetry",
            "webhooks",
        ],
    ),
];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new(".."))
}

fn metadata() -> Outcome<Metadata> {
    let manifest = workspace().join("Cargo.toml");
    Ok(MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(vec!["--offline".to_owned()])
        .exec()?)
}

#[test]
fn no_crate_of_the_workspace_knows_one_that_it_should_not() -> Outcome<()> {
    let metadata = metadata()?;
    let allowed: BTreeMap<&str, &[&str]> = CRATES.into_iter().collect();
    let packages = metadata.workspace_packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(
        names,
        allowed.keys().copied().collect(),
        "a crate came or went: say what it may know"
    );
    let mut wrong = Vec::new();
    for package in packages {
        let may = allowed.get(package.name.as_str()).copied().unwrap_or_default();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if names.contains(name) && !may.contains(&name) {
                wrong.push(format!("{} → {name}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the architecture does not have: {wrong:?}");
    Ok(())
}

#[test]
fn what_runs_on_hosts_carries_no_consensus_no_store_and_no_exporter() -> Outcome<()> {
    let metadata = metadata()?;
    let carried = reached_from(&metadata, "tidegate-agent")?;
    assert!(carried.contains("tonic"), "the tree of the agent was not read: {carried:?}");
    let wrong: Vec<_> = NOT_ON_HOSTS.iter().filter(|&&name| carried.contains(name)).collect();
    assert!(wrong.is_empty(), "the agent carries {wrong:?}");
    let known = reached_from(&metadata, "tidegate-policies")?;
    let wrong: Vec<_> = NOT_IN_POLICIES.iter().filter(|&&name| known.contains(name)).collect();
    assert!(wrong.is_empty(), "the policies know {wrong:?}");
    // The same look at the controller finds what it is looking for.
    let carried = reached_from(&metadata, "tidegate-controller")?;
    assert!(["raft", "sled", "opentelemetry"].iter().all(|name| carried.contains(*name)));
    Ok(())
}

/// The names of all packages that a crate is built from, on whichever platform; what only its tests
/// or its build need is left out, and so is what macros are made of.
fn reached_from(metadata: &Metadata, name: &str) -> Outcome<BTreeSet<String>> {
    let no_graph = || Trouble::new("cargo gave no dependency graph");
    let resolve = metadata.resolve.as_ref().ok_or_else(no_graph)?;
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let of_macros = metadata
        .packages
        .iter()
        .filter(|package| package.targets.iter().any(|target| target.is_proc_macro()));
    let macros: BTreeSet<&PackageId> = of_macros.map(|package| &package.id).collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = names.iter().find(|(_, found)| **found == name);
    let root = root.ok_or_else(|| Trouble::new(format!("there is no crate {name}")))?;
    let mut open = vec![*root.0];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        let Some(node) = nodes.get(id).filter(|_| seen.insert(id)) else { continue };
        let normal = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        });
        let carried = normal.map(|dependency| &dependency.pkg);
        open.extend(carried.filter(|id| !macros.contains(id)));
    }
    Ok(seen.into_iter().filter_map(|id| names.get(id).map(|name| (*name).to_owned())).collect())
}

#[test]
fn the_rooms_of_the_controller_know_each_other_one_way_only() -> Outcome<()> {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let source = workspace().join("controller/src");
    let (mut wrong, mut edges) = (Vec::new(), 0);
    let mut rooms_seen = BTreeSet::new();
    for file in rust_files(&source)? {
        let path = file.strip_prefix(&source)?.display().to_string();
        let Some(room) = room_of_file(&path) else { continue };
        rooms_seen.insert(room.to_owned());
        let may = allowed.get(room).copied();
        let may =
            may.ok_or_else(|| Trouble::new(format!("{room} is a new room: say what it may know")))?;
        for named in rooms_named(&fs::read_to_string(&file)?) {
            edges += 1;
            if named != room && !may.contains(&named.as_str()) {
                wrong.push(format!("{path}: {room} → {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the architecture does not have:\n{}", wrong.join("\n"));
    assert_eq!(rooms_seen, allowed.keys().map(|room| (*room).to_owned()).collect());
    assert!(edges > 100, "the sources were not read: {edges} edges");
    Ok(())
}

#[test]
fn the_rooms_have_an_order_in_which_each_knows_only_those_before_it() {
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut left: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    while !left.is_empty() {
        let next: Vec<&str> = left
            .iter()
            .filter(|(_, knows)| knows.iter().all(|known| placed.contains(known)))
            .map(|(room, _)| *room)
            .collect();
        assert!(!next.is_empty(), "these know each other in a circle: {:?}", left.keys());
        for room in next {
            left.remove(room);
            placed.insert(room);
        }
    }
}

#[test]
fn only_the_demonstration_and_the_simulation_know_the_agent_inside_the_controller() -> Outcome<()> {
    let source = workspace().join("controller/src");
    let mut naming = BTreeSet::new();
    for file in rust_files(&source)? {
        let text = fs::read_to_string(&file)?;
        // Metrics begin with the same letters.
        if ["::", ";", " as "].iter().any(|end| text.contains(&format!("tidegate_agent{end}"))) {
            naming.insert(file.strip_prefix(&source)?.display().to_string());
        }
    }
    assert!(!naming.is_empty(), "nobody names the agent: the edge can go");
    // The test of traces begins them where they begin, at a host.
    let may = |file: &str| {
        let begins = file == "server/tests/tracing.rs";
        begins || file.starts_with("demo/") || file.starts_with("simulate/")
    };
    let others: Vec<_> = naming.iter().filter(|file| !may(file)).collect();
    assert!(others.is_empty(), "the agent is named by another room: {others:?}");
    Ok(())
}

/// The room that a file belongs to; none for the crate's own roots, which name all.
fn room_of_file(path: &str) -> Option<&str> {
    match path {
        "lib.rs" | "main.rs" => None,
        "api/error.rs" => Some("wire"),
        _ if path.starts_with("api/convert/") => Some("wire"),
        _ => Some(path.split('/').next().unwrap_or(path).trim_end_matches(".rs")),
    }
}

/// The rooms that a source names: after `crate::`, alone or in a list.
fn rooms_named(source: &str) -> BTreeSet<String> {
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut named = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let room: String =
            rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        let wire = rest.starts_with("api::convert") || rest.starts_with("api::error");
        if !room.is_empty() {
            named.insert(if wire { "wire".to_owned() } else { room });
        }
        assert!(!rest.starts_with('{'), "name the rooms one by one: use crate::room::Thing");
    }
    named
}

fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
