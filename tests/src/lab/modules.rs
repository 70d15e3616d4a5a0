//! Which live patches does the lab have, and are they compiled?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;
use super::{Kernel, LabError};

/// The folder in the guest that holds all modules of the lab.
const GUEST_FOLDER: &str = "/lab/modules";

/// A kernel module of the lab. Its source in `tests/lab/modules/` says what it proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabModule {
    /// A live patch that works.
    Good,
    /// A newer, cumulative live patch: it takes the place of all that are in.
    Next,
    /// A live patch that panics the machine a while after its transition ended: 3 s, or the
    /// module parameter `delay_ms`.
    Panic,
    /// A live patch whose transition never ends, once [`LabModule::StallHelper`] is loaded.
    Stall,
    /// Not a live patch: holds the thread that [`LabModule::Stall`] waits for.
    StallHelper,
}

impl LabModule {
    /// Every module of the lab.
    pub const ALL: [Self; 5] =
        [Self::Good, Self::Next, Self::Panic, Self::Stall, Self::StallHelper];

    /// The kernel's name of the module, also that of its folder in `/sys/kernel/livepatch/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "livepatch_good",
            Self::Next => "livepatch_next",
            Self::Panic => "livepatch_panic",
            Self::Stall => "livepatch_stall",
            Self::StallHelper => "stall_helper",
        }
    }

    /// Where every machine finds the module.
    #[must_use]
    pub fn guest_path(self) -> String {
        format!("{GUEST_FOLDER}/{}.ko", self.name())
    }
}

/// The lab's modules, compiled for one kernel.
#[derive(Debug, Clone)]
pub struct Modules {
    folder: PathBuf,
}

impl Modules {
    /// The compiled module on the host.
    #[must_use]
    pub fn path(&self, module: LabModule) -> PathBuf {
        self.folder.join(format!("{}.ko", module.name()))
    }

    /// The modules out of the cache, compiled first when the cache has none of these very sources.
    ///
    /// # Errors
    /// When a source does not compile, or a file cannot be read or written.
    pub(super) fn prepare(sources: &Path, kernel: &Kernel, cache: &Path) -> Result<Self, LabError> {
        let folder = cache.join("modules").join(kernel.release());
        let compiled = Self { folder: folder.clone() };
        let sources = read_sources(sources)?;
        if compiled.are_of(&sources) {
            return Ok(compiled);
        }
        let partial = cache.join("modules").join(format!("{}.partial", kernel.release()));
        for stale in [&folder, &partial] {
            if stale.exists() {
                fs::remove_dir_all(stale).map_err(|error| LabError::file("clear", stale, error))?;
            }
        }
        fs::create_dir_all(&partial).map_err(|error| LabError::file("make", &partial, error))?;
        for (name, content) in &sources {
            let copy = partial.join(name);
            fs::write(&copy, content).map_err(|error| LabError::file("write", &copy, error))?;
        }
        compile(&partial, kernel)?;
        fs::rename(&partial, &folder).map_err(|error| LabError::file("finish", &folder, error))?;
        Ok(compiled)
    }

    /// Whether the cache holds the modules of exactly these sources.
    fn are_of(&self, sources: &[(String, Vec<u8>)]) -> bool {
        let same = sources.iter().all(|(name, content)| {
            fs::read(self.folder.join(name)).is_ok_and(|copy| copy == *content)
        });
        same && LabModule::ALL.iter().all(|module| self.path(*module).is_file())
    }
}

/// Names and contents of the files in the folder of the sources.
fn read_sources(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, LabError> {
    let unreadable = |error| LabError::file("read the module sources in", folder, error);
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "Makefile" || name.ends_with(".c") {
            sources.push((name, fs::read(entry.path()).map_err(unreadable)?));
        }
    }
    sources.sort();
    Ok(sources)
}

fn compile(folder: &Path, kernel: &Kernel) -> Result<(), LabError> {
    let mut make = Command::new("make");
    // A make that runs the tests must not pass its job server on.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    make.arg("-C").arg(kernel.headers()).arg(format!("M={}", folder.display())).arg("modules");
    tool::run(&mut make, "correct the module's source, or install the compiler of the headers")
        .map(drop)
}
