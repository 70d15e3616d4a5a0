//! What is a machine given, and what does it do? The words a test describes a machine with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::LabError;

/// After this many seconds a machine powers off, whatever its script does. It is for machines
/// whose test process died without a word.
const LIFETIME_SECONDS: u32 = 900;

/// What a machine does when its kernel panics. It does so one second after the panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterPanic {
    /// QEMU ends.
    End,
    /// The machine boots again, with the same image and a new boot id.
    Reboot,
}

/// A machine to be. The same plan can be booted again after its machine has ended; what it keeps
/// then is its state disk, if it has one.
#[derive(Debug, Clone)]
pub struct MachinePlan {
    name: String,
    folder: PathBuf,
    script: String,
    settings: BTreeMap<String, String>,
    files: BTreeMap<String, PathBuf>,
    after_panic: AfterPanic,
    keeps_state: bool,
}

impl MachinePlan {
    /// A machine called `name` (also its host name: small letters, digits, hyphens), whose work is
    /// the shell script `script`. Its files on the host are `folder/name.*`; the folder must exist.
    /// Without more words it ends when it panics, keeps nothing and has no extra files.
    #[must_use]
    pub fn new(name: &str, folder: &Path, script: &str) -> Self {
        let mut settings = BTreeMap::new();
        settings.insert(String::from("LAB_NAME"), String::from(name));
        settings.insert(String::from("LAB_LIFETIME_SECONDS"), LIFETIME_SECONDS.to_string());
        Self {
            name: String::from(name),
            folder: folder.to_path_buf(),
            script: String::from(script),
            settings,
            files: BTreeMap::new(),
            after_panic: AfterPanic::End,
            keeps_state: false,
        }
    }

    /// Puts `key=value` into the environment of the script.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(String::from(key), String::from(value));
        self
    }

    /// Copies a file of the host to the absolute path `guest`, executable. It is read at each
    /// boot.
    #[must_use]
    pub fn file(mut self, guest: &str, host: &Path) -> Self {
        self.files.insert(String::from(guest), host.to_path_buf());
        self
    }

    /// Says what follows a panic.
    #[must_use]
    pub fn after_panic(mut self, after: AfterPanic) -> Self {
        self.after_panic = after;
        self
    }

    /// Gives the machine what outlives it: an ext4 disk at `/state` (64 MiB), and firmware that
    /// keeps the words of a panic for `/sys/fs/pstore`.
    #[must_use]
    pub fn keeps_state(mut self) -> Self {
        self.keeps_state = true;
        self
    }

    /// The machine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn script(&self) -> &str {
        &self.script
    }

    pub(super) fn files(&self) -> &BTreeMap<String, PathBuf> {
        &self.files
    }

    pub(super) fn wants_state(&self) -> bool {
        self.keeps_state
    }

    pub(super) fn panic_choice(&self) -> AfterPanic {
        self.after_panic
    }

    /// A file of this machine on the host.
    pub(super) fn host_file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }

    /// The settings as lines that a shell reads back to the same values.
    ///
    /// # Errors
    /// When the machine's name or the name of a setting is not what a host name or a shell takes.
    pub(super) fn environment(&self) -> Result<String, LabError> {
        let name_is_good = !self.name.is_empty()
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_is_good {
            return Err(LabError::new(
                format!("call a machine {:?}", self.name),
                "the name is no host name",
                "use small letters, digits and hyphens",
            ));
        }
        let mut lines = String::new();
        for (key, value) in &self.settings {
            let key_is_good = key.starts_with(|c: char| c.is_ascii_uppercase())
                && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if !key_is_good {
                return Err(LabError::new(
                    format!("give {} the setting {key:?}", self.name),
                    "no shell variable has such a name",
                    "use capitals, digits and underscores, a capital first",
                ));
            }
            lines.push_str(&format!("{key}='{}'\n", value.replace('\'', "'\\''")));
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str) -> MachinePlan {
        MachinePlan::new(name, Path::new("/nowhere"), "true")
    }

    #[test]
    fn settings_reach_the_shell_unchanged() {
        let lines = plan("canary-1")
            .setting("TOKEN", "it's $HOME")
            .environment()
            .expect("the names are good");
        assert_eq!(
            lines,
            "LAB_LIFETIME_SECONDS='900'\nLAB_NAME='canary-1'\nTOKEN='it'\\''s $HOME'\n"
        );
    }

    #[test]
    fn names_that_a_host_or_a_shell_cannot_have_are_refused() {
        for name in ["", "Canary", "a b", "a/b"] {
            assert!(plan(name).environment().is_err(), "{name:?}");
        }
        for key in ["", "lower", "1ST", "A-B", "A=B"] {
            assert!(plan("a").setting(key, "1").environment().is_err(), "{key:?}");
        }
    }
}
