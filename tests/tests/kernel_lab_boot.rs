//! Do the lab's machines and modules do what the lab says they do? What a rollout makes of them is
//! left to `kernel_lab.rs`.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::tempdir;
use tidegate_tests::lab::{self, AfterPanic, LabModule, MachinePlan};

/// For everything a machine does by itself. On an idle processor a boot takes ten seconds.
const SOON: Duration = Duration::from_secs(180);

type Outcome = Result<(), Box<dyn Error>>;

/// Answers so many connections on the loopback, one line each; gives the port and the thread.
fn echo(connections: usize) -> io::Result<(u16, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let answering = thread::spawn(move || {
        for connection in listener.incoming().take(connections) {
            let mut connection = connection?;
            let mut line = String::new();
            BufReader::new(&connection).read_line(&mut line)?;
            write!(connection, "host heard {line}")?;
        }
        Ok(())
    });
    Ok((port, answering))
}

#[test]
fn a_good_live_patch_applies_shows_and_reverts() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let folder = tempdir()?;
    let (port, answering) = echo(2)?;
    let plan = MachinePlan::new("good", folder.path(), include_str!("../lab/work/good.sh"))
        .setting("LISTENER_PORT", &port.to_string());
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
    machine.wait_for("host heard first from good", SOON)?;
    machine.wait_for("host heard second from good", SOON)?;
    answering.join().map_err(|_| "the answering thread panicked")??;
    machine.wait_for("lab: ended good status 0", SOON)?;
    machine.wait_for_end(SOON)?;
    println!("off after {:?}", machine.age());
    assert!(machine.kernel_talk().contains("'livepatch_good': unpatching complete"));
    Ok(())
}

#[test]
fn a_panicking_live_patch_applies_first_and_then_ends_the_machine() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let folder = tempdir()?;
    let plan = MachinePlan::new("bad", folder.path(), include_str!("../lab/work/panic.sh"));
    let mut machine = lab.boot(&plan)?;
    assert_eq!(
        machine.wait_for("applied:", SOON)?,
        "applied: tidegate-lab: patched by livepatch_panic"
    );
    assert!(machine.is_running());
    let last_words = machine.wait_for("Kernel panic", SOON)?;
    assert!(last_words.contains("livepatch_panic ends this machine"), "{last_words}");
    machine.wait_for_end(SOON)?;
    println!("ended after {:?}", machine.age());
    assert!(!machine.guest_talk().contains("survived"));
    assert!(machine.wait_for("anything", SOON).is_err(), "an ended machine says nothing");
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
