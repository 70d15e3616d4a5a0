//! How is a machine booted, watched and ended?

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::image::{self, Parts};
use super::serial::SerialLog;
use super::{AfterPanic, Lab, LabError, MachinePlan};
use super::{state, tool};

/// The memory of a machine in MiB. QEMU itself takes about 250 MiB of the host for it.
const MEMORY_MIB: &str = "512";

/// The kernel talks on the first serial port and, after a panic, starts anew after one second.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=1";

/// How often the logs and the process are looked at during a wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How many lines of each log an error shows.
const SHOWN_LINES: usize = 25;

/// A running machine, or one that has ended. QEMU is killed when this is dropped.
#[derive(Debug)]
pub struct Machine {
    name: String,
    qemu: Child,
    qemu_log: SerialLog,
    kernel_log: SerialLog,
    guest_log: SerialLog,
    booted: Instant,
}

impl Lab {
    /// Boots a machine and returns at once; [`Machine::wait_for`] its line `lab: up`. Each boot
    /// builds the image anew and appends to the logs of earlier boots of the same plan.
    ///
    /// # Errors
    /// When the modules do not compile, the image cannot be built or QEMU does not start.
    pub fn boot(&self, plan: &MachinePlan) -> Result<Machine, LabError> {
        let modules = self.modules()?;
        let parts = Parts {
            kernel: self.kernel(),
            modules: &modules,
            busybox: self.busybox(),
            sources: self.sources(),
        };
        let image = plan.host_file("initramfs");
        fs::write(&image, image::initramfs(plan, &parts)?)
            .map_err(|error| LabError::file("write", &image, error))?;

        let mut command = Command::new(self.qemu());
        command
            // Software emulation runs everywhere. The largest processor model has a source of
            // randomness, without which a program's first random number waits for seconds.
            .args(["-accel", "tcg", "-cpu", "max", "-m", MEMORY_MIB, "-nodefaults"])
            .args(["-display", "none", "-monitor", "none"])
            .arg("-kernel")
            .arg(self.kernel().image())
            .arg("-initrd")
            .arg(&image)
            .args(["-append", COMMAND_LINE])
            .args(["-netdev", "user,id=net", "-device", "e1000,netdev=net,romfile="])
            .args(state::arguments(plan)?);
        for port in ["kernel", "guest"] {
            let log = plan.host_file(&format!("{port}.log"));
            command
                .arg("-chardev")
                .arg(format!("file,id={port},append=on,path={}", log.display()))
                .arg("-serial")
                .arg(format!("chardev:{port}"));
        }
        match plan.panic_choice() {
            AfterPanic::End => drop(command.arg("-no-reboot")),
            AfterPanic::Reboot => {}
        }
        Machine::start(plan, command)
    }
}

impl Machine {
    fn start(plan: &MachinePlan, mut command: Command) -> Result<Self, LabError> {
        let log_of = |port: &str| plan.host_file(&format!("{port}.log"));
        let complaints = log_of("qemu");
        let sink = File::create(&complaints)
            .map_err(|error| LabError::file("write", &complaints, error))?;
        let same_sink =
            sink.try_clone().map_err(|error| LabError::file("write", &complaints, error))?;
        let kernel_log = SerialLog::from_now(log_of("kernel"));
        let guest_log = SerialLog::from_now(log_of("guest"));
        command.stdin(Stdio::null()).stdout(sink).stderr(same_sink);
        let qemu = command
            .spawn()
            .map_err(|error| LabError::start(Path::new(command.get_program()), error))?;
        Ok(Self {
            name: String::from(plan.name()),
            qemu,
            qemu_log: SerialLog::from_now(complaints),
            kernel_log,
            guest_log,
            booted: Instant::now(),
        })
    }

    /// Waits until a program of the guest or its kernel has said a line that contains `words`, and
    /// returns that line. A line is found only once, and with it the earlier lines of the same
    /// speaker are passed over for good.
    ///
    /// # Errors
    /// When the machine has ended without such a line, or `within` has passed. The error shows
    /// what was said last.
    pub fn wait_for(&mut self, words: &str, within: Duration) -> Result<String, LabError> {
        let start = Instant::now();
        loop {
            // Asked before the logs are read: what QEMU wrote before it ended is then seen.
            let running = self.is_running();
            for log in [&mut self.guest_log, &mut self.kernel_log] {
                if let Some(line) = log.next_with(words)? {
                    return Ok(line);
                }
            }
            let wrong = if !running {
                Some(String::from("it has ended"))
            } else if start.elapsed() >= within {
                Some(format!("it did not come in {within:?}"))
            } else {
                None
            };
            if let Some(wrong) = wrong {
                return Err(self.failure(&format!("wait for {words:?}"), &wrong));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until QEMU has ended by itself: after a power-off, or after a panic of a machine that
    /// does not reboot.
    ///
    /// # Errors
    /// When it runs on after `within`, or ends with another status than 0.
    pub fn wait_for_end(&mut self, within: Duration) -> Result<(), LabError> {
        let start = Instant::now();
        loop {
            match self.status() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let wrong = format!("QEMU ended with {status}");
                    return Err(self.failure("see a clean end", &wrong));
                }
                None if start.elapsed() >= within => {
                    let wrong = format!("it still runs after {within:?}");
                    return Err(self.failure("see the end", &wrong));
                }
                None => thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// Whether QEMU runs.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// Pulls the plug: QEMU is killed, and nothing in the guest gets a chance to say goodbye.
    pub fn pull_the_plug(&mut self) {
        // Both fail only when QEMU has already ended, and then there is nothing to end.
        drop(self.qemu.kill());
        drop(self.qemu.wait());
    }

    /// The time since QEMU was started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.booted.elapsed()
    }

    /// All that the guest's programs have said, at every boot of this plan.
    #[must_use]
    pub fn guest_talk(&self) -> String {
        self.guest_log.text()
    }

    /// All that the guest's kernel has said, at every boot of this plan.
    #[must_use]
    pub fn kernel_talk(&self) -> String {
        self.kernel_log.text()
    }

    /// QEMU's status once it has ended. A process that cannot be asked counts as ended: nobody can
    /// watch it any more.
    fn status(&mut self) -> Option<ExitStatus> {
        self.qemu.try_wait().unwrap_or_else(|_| Some(ExitStatus::default()))
    }

    fn failure(&self, attempted: &str, wrong: &str) -> LabError {
        let mut told = String::from(wrong);
        for (speaker, log) in
            [("guest", &self.guest_log), ("kernel", &self.kernel_log), ("QEMU", &self.qemu_log)]
        {
            let talk = tool::last_lines(&log.text(), SHOWN_LINES);
            told.push_str(&format!("\n--- {speaker} of {} ---\n{talk}", self.name));
        }
        told.push('\n');
        LabError::new(
            format!("{attempted} at machine {}", self.name),
            told,
            "read what was said last",
        )
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.pull_the_plug();
    }
}
