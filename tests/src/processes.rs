//! How do system tests run the real thing? They build it once, start it as a process, and see how it
//! ends.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::trouble::{Outcome, Trouble};

/// Names a `tidegate` that is built already; without it the tests build one.
const BINARY: &str = "TIDEGATE_BIN";

/// How often something is looked at that is waited for.
pub const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// How long a process may take to end once it has to.
const END_WITHIN: Duration = Duration::from_secs(20);

/// Ports are drawn from here: below the ports that the system gives to connections, so that no client
/// takes the port of a controller that is down for a moment.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How much of a process's log is shown when a test fails.
const SHOWN_LINES: usize = 25;

/// The `tidegate` of this checkout, of the same profile as the test; built at the first call.
///
/// # Errors
///
/// It does not build.
pub fn tidegate() -> Outcome<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(|| build().map_err(|trouble| trouble.to_string())) {
        Ok(path) => Ok(path),
        Err(words) => Err(Trouble::new(words)),
    }
}

/// Cargo says itself where the program is. It is built beside the test: `…/debug/deps/cluster-1f…`
/// runs with `…/debug/tidegate`.
fn build() -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os(BINARY) {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or_else(|| Trouble::new("the test has no folder"))?;
    let target = profile.parent().ok_or_else(|| Trouble::new("the profile has no folder"))?;
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", "tidegate-controller"])
        .args(["--bin", "tidegate", "--profile", name, "--target-dir"])
        .arg(target)
        .output()?;
    let program = profile.join("tidegate");
    if built.status.success() && program.is_file() {
        return Ok(program);
    }
    let said = String::from_utf8_lossy(&built.stderr);
    Err(Trouble::new(format!("could not build {}: {said}", program.display())))
}

/// A port on which nothing listens.
///
/// # Errors
///
/// None is free.
pub fn free_port() -> Outcome<u16> {
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
    Err(Trouble::new("no port is free"))
}

/// Runs `tidegate` with `args` in `dir`, until it ends by itself.
///
/// # Errors
///
/// It cannot be started, or does not end in time.
pub fn run_to_end(dir: &Path, args: &[&str], within: Duration) -> Outcome<Output> {
    run_with(dir, &[], args, within)
}

/// The same with more in its environment. What the tests' own environment says to a client is not heard, and the
/// user's files are looked for in `dir`.
///
/// # Errors
///
/// It cannot be started, or does not end in time.
pub fn run_with(
    dir: &Path,
    environment: &[(&str, &str)],
    args: &[&str],
    within: Duration,
) -> Outcome<Output> {
    let out = tempfile::tempfile()?;
    let err = tempfile::tempfile()?;
    let mut command = Command::new(tidegate()?);
    for name in ["ENDPOINTS", "CONTEXT", "OUTPUT", "OPERATOR", "TIMEOUT", "NO_INPUT"] {
        command.env_remove(format!("TIDEGATE_{name}"));
    }
    command.env("XDG_CONFIG_HOME", dir).envs(environment.iter().copied());
    command.current_dir(dir).args(args).stdin(Stdio::null());
    let mut child = command.stdout(out.try_clone()?).stderr(err.try_clone()?).spawn()?;
    let status = match ended(&mut child, within)? {
        Some(status) => status,
        None => {
            child.kill()?;
            child.wait()?;
            return Err(Trouble::new(format!("`tidegate {}` did not end", args.join(" "))));
        }
    };
    Ok(Output { status, stdout: content(out)?, stderr: content(err)? })
}

fn content(mut file: File) -> Outcome<Vec<u8>> {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn ended(child: &mut Child, within: Duration) -> Outcome<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > within {
            return Ok(None);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A process that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to the end of `log`.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start(mut command: Command, log: PathBuf) -> Outcome<Self> {
        let file = File::options().create(true).append(true).open(&log)?;
        let child = command
            .env_remove("TIDEGATE_LOG")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C at a terminal is the test's, which kills what it has started.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many files and connections it has open.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn descriptors(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }

    /// How much memory it has, in bytes.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn memory(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| Trouble::new("the system does not say its memory"))
    }

    /// Lets it have so many files and connections at most.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn limit_descriptors(&self, most: u64) -> Outcome<()> {
        let pid = Pid::from_raw(i32::try_from(self.id())?);
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        prlimit(pid, Resource::Nofile, limit)?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// The process is gone.
    pub fn signal(&self, signal: Signal) -> Outcome<()> {
        let id = i32::try_from(self.child.id())?;
        let pid = Pid::from_raw(id).ok_or_else(|| Trouble::new("a process has the id 0"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn ended(&mut self) -> Outcome<ExitStatus> {
        let status = ended(&mut self.child, END_WITHIN)?;
        status.ok_or_else(|| Trouble::new(format!("{} did not end", self.log.display())))
    }

    /// What it has said, if it has ended by itself.
    ///
    /// # Errors
    ///
    /// The system does not say, or the log cannot be read.
    pub fn has_ended(&mut self) -> Outcome<Option<String>> {
        match self.child.try_wait()? {
            Some(_) => self.said().map(Some),
            None => Ok(None),
        }
    }

    /// What it has said so far.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn said(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// `SIGKILL`, and waits until it is gone.
    pub fn kill(&mut self) {
        // It fails where the process has ended already, which is what is wanted.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking()
            && let Ok(said) = self.said()
        {
            let lines: Vec<&str> = said.lines().collect();
            let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            let name = self.log.display();
            let _shown = writeln!(std::io::stderr(), "--- the end of {name}\n{shown}");
        }
    }
}
