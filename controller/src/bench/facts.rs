//! On what was it measured? A figure without its machine says nothing.

use std::path::Path;

use serde::Serialize;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The machine and the programs that were measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Facts {
    /// Cores that this process may use.
    pub(super) cores: usize,
    /// The processor in its own words.
    pub(super) cpu: String,
    /// The kernel's release.
    pub(super) kernel: String,
    /// The file system of the servers' folders.
    pub(super) filesystem: String,
    /// Load average of the last minute when the measurement began. Above 1 others were at work.
    pub(super) load_before: String,
    /// The version of this program.
    pub(super) tidegate: String,
    /// Whether it was built with optimisation.
    pub(super) optimised: bool,
    /// The version of etcd; `None` where it is not measured.
    pub(super) etcd: Option<String>,
}

impl Facts {
    /// Reads them now; `base` is the folder that the servers' folders are made in.
    pub(super) fn read(base: &Path, etcd: Option<String>) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu().unwrap_or_else(|| "unknown".to_owned()),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            filesystem: filesystem(base),
            load_before: word_of("/proc/loadavg", 0).unwrap_or_else(|| "unknown".to_owned()),
            tidegate: VERSION.to_owned(),
            optimised: !cfg!(debug_assertions),
            etcd,
        }
    }

    /// In one line for people.
    pub(super) fn line(&self) -> String {
        let etcd = self.etcd.as_ref().map_or_else(String::new, |etcd| format!(", etcd {etcd}"));
        let build = if self.optimised { "" } else { " (debug build: compare nothing)" };
        format!(
            "{} cores ({}), Linux {}, {}, load {} before; tidegate {}{build}{etcd}",
            self.cores, self.cpu, self.kernel, self.filesystem, self.load_before, self.tidegate
        )
    }
}

fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn word_of(file: &str, place: usize) -> Option<String> {
    std::fs::read_to_string(file).ok()?.split_whitespace().nth(place).map(str::to_owned)
}

/// Resident memory of this process, in bytes.
pub(super) fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

/// The name of a file system, by its number in `statfs(2)`.
fn filesystem(folder: &Path) -> String {
    let Ok(found) = rustix::fs::statfs(folder) else { return "unknown file system".to_owned() };
    match found.f_type {
        0xef53 => "ext4".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x9123_683e => "btrfs".to_owned(),
        0x0102_1994 => "tmpfs (memory: figures say nothing about a disk)".to_owned(),
        0x794c_7630 => "overlayfs".to_owned(),
        other => format!("file system {other:#x}"),
    }
}
