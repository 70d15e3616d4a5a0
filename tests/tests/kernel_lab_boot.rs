//! Do the lab's machines and modules do what the lab says they do? Here is what the rollouts of
//! `kernel_lab.rs` leave out.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use tempfile::tempdir;
use tidegate_tests::lab::{self, AfterPanic, LabModule, MachinePlan};

/// For everything a machine does by itself. On an idle processor a boot takes ten seconds.
const SOON: Duration = Duration::from_secs(180);

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_good_live_patch_applies_shows_and_reverts() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let folder = tempdir()?;
    let plan = MachinePlan::new("good", folder.path(), include_str!("../lab/work/good.sh"));
    let mut machine = lab.boot(&plan)?;
    machine.wait_for("lab: up good", SOON)?;
    println!("up after {:?}", machine.age());
    assert!(machine.wait_for("before:", SOON)?.contains("console=ttyS0"));
    assert_eq!(
        machine.wait_for("applied:", SOON)?,
        "applied: tidegate-lab: patched by livepatch_good"
    );
    println!("applied after {:?}", machine.age());
    assert!(machine.wait_for("reverted:", SOON)?.contains("console=ttyS0"));
    println!("reverted after {:?}", machine.age());
    machine.wait_for("lab: ended good status 0", SOON)?;
    machine.wait_for_end(SOON)?;
    println!("off after {:?}", machine.age());
    assert!(machine.kernel_talk().contains("'livepatch_good': unpatching complete"));
    Ok(())
}

#[test]
fn a_panicked_machine_comes_back_with_its_disk_and_the_kernels_last_words() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let folder = tempdir()?;
    let script = include_str!("../lab/work/aftermath.sh");
    let plan = MachinePlan::new("phoenix", folder.path(), script)
        .keeps_state()
        .after_panic(AfterPanic::Reboot);
    let mut machine = lab.boot(&plan)?;
    let first = machine.wait_for("lab: up phoenix boot", SOON)?;
    machine.wait_for("Kernel panic", SOON)?;
    let second = machine.wait_for("lab: up phoenix boot", SOON)?;
    println!("up again after {:?}", machine.age());
    assert_ne!(first, second, "a boot has an id of its own");
    let intent = machine.wait_for("intent of boot:", SOON)?;
    let boot_id = |line: &str| line.split_whitespace().last().map(String::from);
    assert_eq!(boot_id(&intent), boot_id(&first));
    let evidence = machine.wait_for("evidence:", SOON)?;
    assert!(evidence.contains("livepatch_panic ends this machine"), "{evidence}");
    machine.wait_for_end(SOON)?;
    assert!(machine.wait_for("anything", SOON).is_err(), "an ended machine says nothing");

    let mut again = lab.boot(&plan)?;
    again.wait_for("intent of boot:", SOON)?;
    again.pull_the_plug();
    assert!(!again.is_running());
    Ok(())
}

#[test]
fn a_stalled_transition_stays_open_until_it_is_turned_back_or_released() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let folder = tempdir()?;
    let plan = MachinePlan::new("stuck", folder.path(), include_str!("../lab/work/stall.sh"));
    let mut machine = lab.boot(&plan)?;
    assert_eq!(machine.wait_for("stalled:", SOON)?, "stalled: transition 1");
    assert_eq!(machine.wait_for("turned back:", SOON)?, "turned back: 0 live patches");
    assert_eq!(machine.wait_for("released:", SOON)?, "released: transition 0");
    machine.wait_for("lab: ended stuck status 0", SOON)?;
    machine.wait_for_end(SOON)?;
    println!("off after {:?}", machine.age());
    Ok(())
}

#[test]
fn the_modules_are_compiled_once_for_the_same_sources() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let made = |path: &Path| path.metadata().and_then(|facts| facts.modified());
    let good = lab.modules()?.path(LabModule::Good);
    let before = made(&good)?;
    assert_eq!(made(&lab.modules()?.path(LabModule::Good))?, before);
    Ok(())
}
