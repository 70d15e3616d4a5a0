//! Can the kernel lab run on this machine, and if not, what is missing?

use std::env;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::kernel::Headers;
use super::tool;
use super::{Kernel, LabError, Modules};

/// Names the folder of the cache. Default: `kernel-lab` in Cargo's target folder.
const CACHE_VARIABLE: &str = "TIDEGATE_LAB_CACHE";

/// With the value 1, a lab that cannot run is a failure and not a reason to skip.
const REQUIRE_VARIABLE: &str = "TIDEGATE_REQUIRE_LAB";

/// The programs that the lab calls, each with the Debian package that has it.
const TOOLS: [(&str, &str); 9] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("make", "make"),
    ("gcc", "gcc"),
    ("depmod", "kmod"),
    ("mke2fs", "e2fsprogs"),
    ("dpkg", "dpkg"),
    ("dpkg-query", "dpkg"),
    ("apt-get", "apt"),
];

/// What the lab needs from the machine it runs on.
#[derive(Debug)]
pub struct Prerequisites;

impl Prerequisites {
    /// Looks for everything, and fetches the kernel into the cache when it is not there (about
    /// 70 MB, once).
    ///
    /// # Errors
    /// [`Missing`] names everything that was not found.
    pub fn check() -> Result<Lab, Missing> {
        if env::consts::ARCH != "x86_64" || env::consts::OS != "linux" {
            return Err(Missing::one("a Linux on x86_64: the modules are compiled for it"));
        }
        let mut missing: Vec<String> = TOOLS
            .iter()
            .filter(|(program, _)| tool::find(program).is_none())
            .map(|(program, package)| format!("{program} (apt-get install {package})"))
            .collect();
        let busybox = tool::find("busybox").unwrap_or_default();
        if tool::is_static(&busybox).is_ok_and(|is_static| !is_static) {
            missing.push(String::from("a static busybox (apt-get install busybox-static)"));
        }
        let headers = Headers::newest();
        if headers.is_none() {
            missing.push(String::from(
                "headers of a Debian kernel with live patching (apt-get install \
                 linux-headers-amd64)",
            ));
        }
        let (Some(headers), true) = (headers, missing.is_empty()) else {
            return Err(Missing { items: missing });
        };
        Lab::prepare(headers, busybox).map_err(|error| Missing::one(&format!("{error:?}")))
    }
}

/// What a test asks first: the lab, or `None` when something is missing; why is then said on
/// standard error.
///
/// # Errors
/// When something is missing and the environment says `TIDEGATE_REQUIRE_LAB=1`.
pub fn open() -> Result<Option<Lab>, Missing> {
    let required = env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1");
    match Prerequisites::check() {
        Ok(lab) => Ok(Some(lab)),
        Err(missing) if required => Err(missing),
        Err(missing) => {
            // Past the test harness, which would hide it. A skip that cannot be told is no reason
            // to fail.
            drop(writeln!(std::io::stderr(), "skipped: {missing}"));
            Ok(None)
        }
    }
}

/// Why the lab cannot run here. A failed test shows the debug form, so that one is for people, too.
pub struct Missing {
    items: Vec<String>,
}

impl Missing {
    fn one(item: &str) -> Self {
        Self { items: vec![String::from(item)] }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel lab cannot run here; missing: {}", self.items.join("; "))
    }
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Missing {}

/// A lab that can boot machines. Safe to use from several threads and processes at once.
#[derive(Debug)]
pub struct Lab {
    cache: PathBuf,
    sources: PathBuf,
    qemu: PathBuf,
    busybox: PathBuf,
    kernel: Kernel,
}

impl Lab {
    fn prepare(headers: Headers, busybox: PathBuf) -> Result<Self, LabError> {
        let cache = cache_folder()?;
        fs::create_dir_all(&cache).map_err(|error| LabError::file("make", &cache, error))?;
        let _alone = lock(&cache)?;
        let kernel = Kernel::prepare(headers, &cache)?;
        let qemu = tool::find("qemu-system-x86_64").unwrap_or_default();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab");
        Ok(Self { cache, sources, qemu, busybox, kernel })
    }

    /// The kernel that the machines boot.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The lab's modules, compiled when they are not yet.
    ///
    /// # Errors
    /// When a source does not compile, or the cache cannot be written.
    pub fn modules(&self) -> Result<Modules, LabError> {
        let _alone = self.alone()?;
        Modules::prepare(&self.sources.join("modules"), &self.kernel, &self.cache)
    }

    /// Waits until nobody else changes the cache; holds it until the value is dropped.
    pub(super) fn alone(&self) -> Result<File, LabError> {
        lock(&self.cache)
    }

    pub(super) fn cache(&self) -> &Path {
        &self.cache
    }

    /// `tests/lab/`.
    pub(super) fn sources(&self) -> &Path {
        &self.sources
    }

    pub(super) fn qemu(&self) -> &Path {
        &self.qemu
    }

    pub(super) fn busybox(&self) -> &Path {
        &self.busybox
    }
}

fn cache_folder() -> Result<PathBuf, LabError> {
    if let Some(folder) = env::var_os(CACHE_VARIABLE) {
        return std::path::absolute(&folder)
            .map_err(|error| LabError::file("use", Path::new(&folder), error));
    }
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .no_deps()
        .other_options([String::from("--offline")])
        .exec()
        .map_err(|error| {
            LabError::new(
                "find Cargo's target folder for the cache",
                error.to_string(),
                "set TIDEGATE_LAB_CACHE to a folder",
            )
        })?;
    Ok(metadata.target_directory.into_std_path_buf().join("kernel-lab"))
}

fn lock(cache: &Path) -> Result<File, LabError> {
    let path = cache.join("lock");
    let file = File::create(&path).map_err(|error| LabError::file("make", &path, error))?;
    file.lock().map_err(|error| LabError::file("lock", &path, error))?;
    Ok(file)
}
