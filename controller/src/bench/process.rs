//! How does a process live under a measurement? In a group of its own, its words in a file, and gone with
//! whoever holds it.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};

use super::BenchError;

/// Ports are drawn from here: below those that the system gives to connections, so that no client
/// takes the port of a server that is down for a moment.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Lines of a process's log that an error shows.
const SHOWN_LINES: usize = 6;

/// A process that runs. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to the end of the file at `log`.
    pub(super) fn start(mut command: Command, log: PathBuf) -> Result<Self, BenchError> {
        let what = "start a process";
        let failed = |error: std::io::Error| BenchError::setup(what, &error);
        let file = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            // Ctrl-C at a terminal is the benchmark's, which ends what it has started.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self { child, log })
    }

    /// An error if it has ended by itself, in whichever way.
    pub(super) fn still_runs(&mut self) -> Result<(), BenchError> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(self.unexpected(status)),
        }
    }

    /// Whether it has ended by itself, and well; an error if badly.
    pub(super) fn has_succeeded(&mut self) -> Result<bool, BenchError> {
        match self.ended()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => Err(self.unexpected(status)),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, BenchError> {
        self.child.try_wait().map_err(|error| BenchError::setup("look at a process", &error))
    }

    fn unexpected(&self, status: ExitStatus) -> BenchError {
        let detail = format!("it ended with {status}: {}", self.last_words());
        BenchError::Setup { what: "keep a process running", detail }
    }

    /// `SIGKILL` for its whole group, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It fails where the process has ended already, which is what is wanted.
        let _gone = id.map(|id| kill_process_group(id, Signal::KILL));
        let _reaped = self.child.wait();
    }

    fn last_words(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of loopback on which nothing listens.
pub(super) fn free_port() -> Result<u16, BenchError> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    // Each process begins elsewhere, so that two of them rarely try the same.
    let own = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(span)).unwrap_or(0);
    for _ in 0..span {
        let port = PORTS.start + (own + NEXT.fetch_add(1, Ordering::Relaxed) % span) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    let detail = format!("none of {}..{} is free on 127.0.0.1", PORTS.start, PORTS.end);
    Err(BenchError::Setup { what: "find a port", detail })
}
