//! Does `tidegate demo` keep what it promises, and can a program read it?

use std::time::Duration;

use serde_json::Value;
use tidegate_tests::processes::run_to_end;
use tidegate_tests::trouble::{Outcome, Trouble};

/// The demonstration gives up by itself before.
const WITHIN: Duration = Duration::from_secs(120);

#[test]
fn the_demo_completes_the_good_patch_set_halts_the_bad_one_and_says_so_in_one_object() -> Outcome<()>
{
    let folder = tempfile::tempdir()?;
    let args = ["demo", "-o", "json", "--hosts", "120", "--seed", "3"];
    let output = run_to_end(folder.path(), &args, WITHIN)?;
    let (out, err) =
        (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(0), "{err}\n{out}");
    // One object and nothing else: the parser refuses what comes after it.
    let report: Value = serde_json::from_str(&out)?;
    let said = |key: &str| report.get(key).ok_or_else(|| Trouble::new(format!("no {key}: {out}")));
    assert_eq!(said("seed")?, 3);
    assert_eq!(said("hosts")?, 120);
    assert_eq!(said("good_completed")?, true);
    assert_eq!(said("bad_halted")?, true);
    assert_eq!(said("begins_after_halt")?, 0);

    let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
    let (good, bad, halt) = (said("good")?, said("bad")?, said("halt")?);
    // The last wave passes when nine of ten hosts are verified; the others follow.
    let (verified, crashed) = (number(&good["verified"]), number(&good["crashed"]));
    assert!((108..=120).contains(&verified), "{verified} of 120 verified");
    assert_eq!(crashed, 0);
    assert_eq!((&good["state"], &bad["state"]), (&"completed".into(), &"halted".into()));
    assert_eq!(halt["actor"], "judge");
    let (exposed, harmed) = (number(said("hosts_exposed_to_bad")?), number(said("hosts_harmed")?));
    println!("{harmed} hosts harmed, {exposed} exposed, of 120, in {} s", said("elapsed_seconds")?);
    assert!((1..=exposed).contains(&harmed), "{harmed} harmed, {exposed} exposed");
    // The budget of the preset is a quarter of the fleet.
    assert!(exposed <= 30, "{exposed} of 120 hosts were exposed to the bad patch set");
    let witnesses = halt["witnesses"].as_array().map_or(0, Vec::len);
    assert!(witnesses > 0, "a halt of the judge names the hosts that failed");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "the demo leaves nothing behind");
    Ok(())
}
