//! Which system calls does a controller make, and when? Told by `strace`, from outside.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::processes::Process;
use crate::trouble::Outcome;

/// Set to `1` where a missing `strace` is a failure.
const REQUIRED: &str = "TIDEGATE_REQUIRE_STRACE";

/// The calls that make bytes durable, or look like it.
const SYNCS: &str = "fdatasync,fsync,sync_file_range";

/// A file that `strace` writes to.
#[derive(Debug)]
pub struct Trace {
    file: PathBuf,
}

/// A `fdatasync` that returned 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// When it returned, since 1970.
    pub returned: Duration,
}

impl Trace {
    /// Whether `strace` is here and may trace; where it may not, says so and why the test ends early.
    ///
    /// # Panics
    ///
    /// It may not, and `TIDEGATE_REQUIRE_STRACE=1`.
    #[must_use]
    pub fn is_possible() -> bool {
        let tried = Command::new("strace").args(["-D", "-f", "-o", "/dev/null", "true"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            return true;
        }
        let required = std::env::var(REQUIRED).is_ok_and(|value| value == "1");
        assert!(!required, "{REQUIRED}=1, and strace is missing or may not trace; install it");
        false
    }

    /// A tracer that becomes the controller itself, so that signals meet the controller. `inject`
    /// spoils calls on purpose, in strace's own words.
    #[must_use]
    pub fn into_file(file: &Path, inject: Option<&str>) -> (Self, Command) {
        let mut strace = Command::new("strace");
        strace.args(["-D", "-f", "-ttt", "-T", "-y", "-e"]).arg(format!("trace={SYNCS}"));
        if let Some(inject) = inject {
            strace.arg("-e").arg(format!("inject={inject}"));
        }
        strace.arg("-o").arg(file);
        (Self { file: file.to_owned() }, strace)
    }

    /// Every `fdatasync` of the journal's log that has returned 0 so far, in order.
    ///
    /// # Errors
    ///
    /// The trace cannot be read.
    pub fn synced(&self) -> Outcome<Vec<Synced>> {
        let text = std::fs::read_to_string(&self.file)?;
        let mut waiting = std::collections::BTreeSet::new();
        let mut synced = Vec::new();
        for line in text.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Some((time, call)) = rest.trim_start().split_once(' ') else { continue };
            let begins = call.starts_with("fdatasync(") && call.contains("/journal/log/");
            if begins && call.ends_with("<unfinished ...>") {
                waiting.insert(thread);
                continue;
            }
            let resumed = call.starts_with("<... fdatasync resumed>") && waiting.remove(thread);
            let returned = match (begins, resumed) {
                (true, _) => moment(time) + spent(call),
                (false, true) => moment(time),
                (false, false) => continue,
            };
            if call.contains("= 0") {
                synced.push(Synced { returned });
            }
        }
        Ok(synced)
    }
}

/// A disk that is slow for one process, from outside and while it runs. Dropped, it is quick again.
#[derive(Debug)]
pub struct Slowed {
    strace: Child,
}

impl Slowed {
    /// Every `fdatasync` of `process` takes `by` longer.
    ///
    /// # Errors
    ///
    /// `strace` does not start.
    pub fn disk_of(process: &Process, by: Duration) -> Outcome<Self> {
        let inject = format!("inject=fdatasync:delay_enter={}", by.as_micros());
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=fdatasync", "-e", &inject, "-o", "/dev/null", "-p"]);
        strace.arg(process.id().to_string()).stdin(Stdio::null()).stderr(Stdio::null());
        Ok(Self { strace: strace.spawn()? })
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        // Whom a tracer leaves goes on by itself.
        let _gone = self.strace.kill();
        let _reaped = self.strace.wait();
    }
}

/// `1700000000.123456`, since 1970.
fn moment(text: &str) -> Duration {
    let (seconds, micros) = text.split_once('.').unwrap_or((text, "0"));
    let whole = Duration::from_secs(seconds.parse().unwrap_or(0));
    whole + Duration::from_micros(micros.parse().unwrap_or(0))
}

/// How long a call took: `… = 0 <0.000123>`.
fn spent(call: &str) -> Duration {
    let text = call.rsplit_once('<').map_or("", |(_, tail)| tail.trim_end_matches('>'));
    moment(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_with_its_interrupted_calls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trace");
        let text = "\
7 10.000000 fdatasync(9</d/journal/log/0000000000000001.log>) = 0 <0.250000>
7 11.000000 fdatasync(9</d/journal/log/0000000000000001.log> <unfinished ...>
8 11.100000 fdatasync(4</d/else>) = 0 <0.100000>
8 11.100000 sync_file_range(9</d/journal/log/0000000000000001.log>, 0, 8, 7) = 0 <0.100000>
7 11.500000 <... fdatasync resumed>) = 0 <0.500000>
7 12.000000 fdatasync(9</d/journal/log/0000000000000001.log>) = -1 EIO (Input/output error) (INJECTED) <0.000010>
";
        std::fs::write(&file, text).unwrap();
        let (trace, _) = Trace::into_file(&file, None);
        let returned: Vec<_> = trace.synced().unwrap().iter().map(|sync| sync.returned).collect();
        assert_eq!(returned, [Duration::from_millis(10_250), Duration::from_millis(11_500)]);
    }
}
