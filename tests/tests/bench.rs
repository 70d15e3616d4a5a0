//! Does `tidegate bench` measure what it says, on real processes, in a form that programs can read? How
//! fast it is says nothing here: the slices are far too short.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tidegate_tests::processes::run_to_end;
use tidegate_tests::trouble::{Outcome, Trouble};

/// Far more than any of them needs.
const WITHIN: Duration = Duration::from_secs(180);

fn bench(folder: &Path, args: &[&str]) -> Outcome<Output> {
    let line: Vec<&str> = ["bench"].into_iter().chain(args.iter().copied()).collect();
    run_to_end(folder, &line, WITHIN)
}

/// The one document on stdout.
fn document(args: &[&str]) -> Outcome<Value> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().display().to_string();
    let args = [args, &["-o", "json", "--data-dir", &place]].concat();
    let output = bench(folder.path(), &args)?;
    let (out, err) =
        (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(0), "{err}\n{out}");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "it leaves nothing behind");
    let document: Value = serde_json::from_str(&out)?;
    assert!(document["machine"]["cores"].as_u64() >= Some(1), "{out}");
    Ok(document)
}

/// The results, which are so many.
fn results(document: &Value, count: usize) -> Outcome<Vec<Value>> {
    let results = document["results"].as_array().cloned().unwrap_or_default();
    if results.len() == count {
        return Ok(results);
    }
    Err(Trouble::new(format!("{count} results were asked for: {document:#}")))
}

fn positive(row: &Value, keys: &[&str]) {
    for key in keys {
        assert!(row[key].as_f64() > Some(0.0), "{key}: {row:#}");
    }
}

/// Whether etcd was measured; says so where it is not installed.
fn with_etcd(document: &Value) -> bool {
    let measured = document["machine"]["etcd"].is_string();
    if !measured {
        drop(writeln!(
            std::io::stderr(),
            "skipped: etcd is not installed, and its part of the benchmark not run"
        ));
    }
    measured
}

const SHORT: [&str; 4] = ["--seconds", "0.3", "--slices", "2"];

#[test]
fn commands_are_measured_per_number_of_clients_beside_etcd() -> Outcome<()> {
    let document = document(&[&["commands", "--clients", "1,4"], &SHORT[..]].concat())?;
    let etcd = with_etcd(&document);
    for (row, clients) in results(&document, 2)?.iter().zip([1, 4]) {
        assert_eq!(row["clients"], clients);
        positive(row, &["tidegate_per_s", "p50_ms", "p99_ms"]);
        assert_eq!(row["failed"], 0, "{row:#}");
        if etcd {
            positive(row, &["etcd_per_s", "etcd_p99_ms", "ratio"]);
        }
    }
    Ok(())
}

#[test]
fn without_a_rival_its_figures_are_null_and_any_server_is_talked_to() -> Outcome<()> {
    let args = ["commands", "--clients", "3", "--against", "nobody", "--to", "any"];
    let document = document(&[&args[..], &SHORT[..]].concat())?;
    let row = &results(&document, 1)?[0];
    positive(row, &["tidegate_per_s"]);
    assert_eq!((&row["etcd_per_s"], &row["ratio"]), (&Value::Null, &Value::Null));
    Ok(())
}

#[test]
fn every_report_that_is_measured_was_counted() -> Outcome<()> {
    let args = ["reports", "--hosts", "2,5", "--batch", "8", "--etcd-clients", "2"];
    let document = document(&[&args[..], &SHORT[..]].concat())?;
    for (row, hosts) in results(&document, 2)?.iter().zip([2, 5]) {
        assert_eq!((&row["hosts"], &row["reports_per_request"]), (&hosts.into(), &8.into()));
        positive(row, &["tidegate_per_s", "p99_ms"]);
        // What the machine does not count fails.
        assert_eq!(row["failed"], 0, "{row:#}");
    }
    Ok(())
}

#[test]
fn no_acknowledged_write_is_lost_when_leaders_are_killed() -> Outcome<()> {
    let document = document(&["failover", "--kills", "2"])?;
    let etcd = with_etcd(&document);
    let row = &results(&document, 1)?[0];
    let samples = |key: &str| row[key].as_array().map(Vec::len);
    assert_eq!((samples("samples_s"), &row["lost"]), (Some(2), &0.into()), "{row:#}");
    positive(row, &["median_s", "worst_s", "acknowledged"]);
    if etcd {
        assert_eq!((samples("etcd_samples_s"), &row["etcd_lost"]), (Some(2), &0.into()));
    }
    Ok(())
}

#[test]
fn a_restarted_machine_is_the_same_and_holds_memory_of_its_own() -> Outcome<()> {
    let document = document(&["restart", "--hosts", "2000"])?;
    let row = &results(&document, 1)?[0];
    assert_eq!(row["hosts"], 2_000);
    positive(row, &["restart_s", "snapshot_bytes", "resident_bytes_per_host"]);
    Ok(())
}

#[test]
fn entries_are_measured_in_fleets_of_each_size() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let args = ["apply", "--hosts", "200,400", "-o", "jsonl", "--quiet"];
    let output = bench(folder.path(), &args)?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "--quiet says nothing");
    let out = String::from_utf8(output.stdout)?;
    let rows: Result<Vec<Value>, _> = out.lines().map(serde_json::from_str).collect();
    for (row, hosts) in rows?.iter().zip([200, 400]) {
        assert_eq!(row["hosts"], hosts);
        positive(row, &["enrol_us", "begin_us", "report_applied_us", "report_health_us"]);
        positive(row, &["tick_heard_ms", "tick_empty_us", "state_hash_ms"]);
    }
    Ok(())
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_started() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let wrong: [&[&str]; 6] = [
        &["commands", "--clients", "0"],
        &["commands", "--seconds", "0"],
        &["commands", "--against", "redis"],
        &["reports", "--batch", "65"],
        &["failover", "--kills", "0"],
        &["nothing"],
    ];
    for args in wrong {
        let output = bench(folder.path(), args)?;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let output = bench(folder.path(), &["commands", "--data-dir", "/nowhere/at/all"])?;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("could not make a folder for the servers"), "{said}");
    Ok(())
}
