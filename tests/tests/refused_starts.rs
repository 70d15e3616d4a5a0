//! What does a command say that cannot do its work? One line with the place and the way out on
//! stderr, and an exit code.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::processes::{free_port, run_to_end};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::settled;

/// How long a command may take to find out that it cannot start.
const AT_ONCE: Duration = Duration::from_secs(20);

/// The record that says whose journal it is, and in which format.
const IDENTITY: &[u8] = b"mi";

/// The first line of stderr that is no log, and the exit code.
fn ends(dir: &Path, args: &[&str], code: i32, words: &[&str]) -> Outcome<()> {
    let output = run_to_end(dir, args, AT_ONCE)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "stdout is for data: {args:?}");
    for word in words {
        assert!(said.contains(word), "{args:?} says nothing of `{word}`: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_cannot_start_says_why_and_ends_with_1() -> Outcome<()> {
    let mut cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let good = fs::read_to_string(cluster.config(1))?;
    let address = cluster.address(1);
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "the configuration has no `{from}`");
        good.replace(from, to)
    };
    let refused = |document: &str, words: &[&str]| {
        fs::write(cluster.dir().join("wrong.toml"), document)?;
        ends(cluster.dir(), &["serve", "--config", "wrong.toml"], 1, words)
    };

    refused(&good, &["could not listen on", &address, "ss -ltnp"])?;
    let other_port = free_port()?;
    let elsewhere = changed(&address, &format!("127.0.0.1:{other_port}"));
    refused(&elsewhere, &["data-1", "another process has it open", "its own data directory"])?;
    let typo = changed("machine-tick", "machine-tik");
    refused(&typo, &["wrong.toml:5:1", "machine-tik", "Did you mean `machine-tick`?"])?;
    let open = good.replacen("127.0.0.1", "0.0.0.0", 1);
    refused(&open, &["listen.address", "other hosts can reach 0.0.0.0", "loopback address"])?;
    let even = format!("{good}\n[[member]]\nnode-id = 2\naddress = \"127.0.0.1:1\"\n");
    refused(&even, &["2 members survive the loss of 0", "Write 1 or 3 members"])?;
    let mode = changed("\"development\"", "\"production\"");
    refused(&mode, &["mode", "`production`", "Write \"development\""])?;
    refused("cluster = ", &["wrong.toml:1:", "Mend the TOML"])?;
    ends(
        cluster.dir(),
        &["serve", "--config", "gone.toml"],
        1,
        &["`gone.toml`", "check the path"],
    )?;
    let flag = ["serve", "--dev", "--listen", "0.0.0.0:1"];
    ends(cluster.dir(), &flag, 2, &["other hosts can reach 0.0.0.0:1", "loopback address"])?;

    cluster.kill_all();
    let refused = |document: &str, words: &[&str]| {
        fs::write(cluster.dir().join("wrong.toml"), document)?;
        ends(cluster.dir(), &["serve", "--config", "wrong.toml"], 1, words)
    };
    let other_node = changed("node-id = 1", "node-id = 2");
    let words = ["data-1", "belongs to node 1, and this is node 2", "its own data directory"];
    refused(&other_node, &words)?;
    let other_cluster = changed("\"system-test\"", "\"another\"");
    let words = ["belongs to cluster \"system-test\"", "of cluster \"another\"", "cluster name"];
    refused(&other_cluster, &words)?;
    write_as_a_newer_binary(&cluster.data_dir(1).join("journal"))?;
    refused(
        &good,
        &["its format is version 3", "reads up to 2", "start the binary that wrote it"],
    )?;
    Ok(())
}

/// Raises the journal's format version by one, its checksum right.
fn write_as_a_newer_binary(journal: &Path) -> Outcome<()> {
    let store = sled::open(journal)?;
    let record = store.get(IDENTITY)?.ok_or_else(|| Trouble::new("the journal has no identity"))?;
    let mut framed = record.get(4..).unwrap_or_default().to_vec();
    // The log index, 8 bytes, comes before the version.
    let lowest = framed.get_mut(11).ok_or_else(|| Trouble::new("the identity is too short"))?;
    *lowest += 1;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(IDENTITY);
    hasher.update(&framed);
    let mut raised = hasher.finalize().to_le_bytes().to_vec();
    raised.extend(framed);
    store.insert(IDENTITY, raised)?;
    store.flush()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_names_the_files_line_and_the_nearest_key_and_ends_with_1() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let compressed = include_str!("../../policies/presets/compressed.toml");
    let typo = compressed.replacen("coverage", "coverge", 1);
    fs::write(cluster.dir().join("mine.toml"), typo)?;
    let address = cluster.address(1);
    let client = ["--endpoint", address.as_str(), "rollout", "start", "113.1", "--policy"];
    let start = |policy| [client.as_slice(), &[policy]].concat();
    let words = ["mine.toml:34:1", "ladder[canary].coverge", "Did you mean `coverage`?", "next:"];
    ends(cluster.dir(), &start("mine.toml"), 1, &words)?;
    ends(cluster.dir(), &start("gone.toml"), 2, &["gone.toml", "name a preset or a TOML file"])?;
    let words = ["no patch set `113.1`", "UNKNOWN_PATCH_SET", "tidegate patchset list"];
    ends(cluster.dir(), &start("compressed"), 1, &words)?;
    Ok(())
}
