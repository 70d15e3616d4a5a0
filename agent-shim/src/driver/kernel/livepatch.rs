//! In which state are the kernel's livepatches? Read from `/sys/kernel/livepatch/<module>/`.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::system::delete_module;
use tidegate_proto::v1::LivepatchState;

use super::roots::{Roots, read};
use super::say;
use crate::clock;
use crate::core::{BootTime, DriverEvent, Millis, ModuleName, RevertEnd};
use crate::driver::{DriverFailed, Following, Words};

/// How often a transition is looked at.
const POLL: Millis = Millis(50);
/// How long a revert may take before the livepatch counts as stuck in transition.
const REVERT_TIMEOUT: Millis = Millis(10_000);
/// `O_NONBLOCK`: do not wait for users of the module.
const NONBLOCK: i32 = 0o4000;

/// All loaded livepatches, by name.
pub(super) fn list(roots: &Roots) -> Result<Vec<LivepatchState>, DriverFailed> {
    let directory = roots.sys.join("kernel/livepatch");
    let unreadable = |source| DriverFailed::Unreadable { path: directory.clone(), source };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        // A kernel without livepatching has no such folder, and no livepatches.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut livepatches = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        livepatches.extend(state(roots, &name)?);
    }
    livepatches.sort_by(|one, other| one.module.cmp(&other.module));
    Ok(livepatches)
}

/// One livepatch; `None` where it is not loaded, or went away while it was read. What cannot be
/// read of one that is loaded is unknown, which is an error.
fn state(roots: &Roots, module: &str) -> Result<Option<LivepatchState>, DriverFailed> {
    let directory = roots.sys.join("kernel/livepatch").join(module);
    let flags = flag(&directory.join("enabled"))
        .and_then(|enabled| Ok((enabled, flag(&directory.join("transition"))?)));
    match flags {
        Ok((enabled, transition)) => {
            Ok(Some(LivepatchState { module: module.to_owned(), enabled, transition }))
        }
        Err(unknown) => match fs::exists(&directory) {
            Ok(false) => Ok(None),
            Ok(true) | Err(_) => Err(unknown),
        },
    }
}

fn flag(path: &Path) -> Result<bool, DriverFailed> {
    let said = read(path)?;
    match said.as_str() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(DriverFailed::Senseless { path: path.to_owned(), said }),
    }
}

/// Follows a transition to its end, or until it counts as stalled.
pub(super) async fn follow(roots: &Roots, following: &Following, words: &Words) {
    let event = loop {
        let waited = clock::boot_time().since(following.since);
        match state(roots, following.module.as_str()) {
            Ok(Some(LivepatchState { transition: true, .. })) => {}
            Ok(Some(LivepatchState { enabled: true, .. })) => {
                break DriverEvent::TransitionDone { transition: waited };
            }
            Ok(Some(_) | None) => break DriverEvent::NotEnabled,
            Err(error) => tracing::debug!(%error, "whether the transition ended is unknown"),
        }
        if waited >= following.transition_timeout {
            break DriverEvent::TransitionStalled { waited };
        }
        tokio::time::sleep(POLL.as_duration()).await;
    };
    say(words, following.grant_id, event);
}

/// Disables a livepatch, and removes its module once no task is in it. A kernel that is busy with another
/// transition is asked again.
pub(super) async fn revert(roots: &Roots, module: &ModuleName) -> RevertEnd {
    let enabled = roots.sys.join("kernel/livepatch").join(module.as_str()).join("enabled");
    let started: BootTime = clock::boot_time();
    let mut asked = false;
    loop {
        // A kernel takes the folder of a disabled livepatch away.
        let found = state(roots, module.as_str());
        let is_enabled = matches!(found, Ok(Some(LivepatchState { enabled: true, .. })));
        let out_of_effect = matches!(
            found,
            Ok(None | Some(LivepatchState { enabled: false, transition: false, .. }))
        );
        if is_enabled || !asked {
            asked = true;
            if let Err(error) = fs::write(&enabled, "0") {
                tracing::debug!(file = %enabled.display(), %error, "it is not disabled yet");
            }
        }
        if out_of_effect && remove(module) == Removal::Over {
            return RevertEnd::Done;
        }
        if clock::boot_time().since(started) >= REVERT_TIMEOUT {
            if is_enabled {
                tracing::warn!(%module, "the livepatch could not be disabled");
                return RevertEnd::Refused;
            }
            if !out_of_effect {
                return RevertEnd::StillInTransition;
            }
            tracing::warn!(%module, "the livepatch is disabled, its module is still in use");
            return RevertEnd::Done;
        }
        tokio::time::sleep(POLL.as_duration()).await;
    }
}

/// Whether there is more to do about a module that shall go.
#[derive(Debug, PartialEq, Eq)]
enum Removal {
    /// It is gone, or will not go.
    Over,
    /// The kernel has not let go of it yet, which it does a moment after the livepatch is disabled.
    Again,
}

fn remove(module: &ModuleName) -> Removal {
    let Ok(name) = CString::new(module.as_str()) else { return Removal::Over };
    match delete_module(&name, NONBLOCK) {
        Ok(()) | Err(Errno::NOENT) => Removal::Over,
        Err(Errno::AGAIN | Errno::BUSY) => Removal::Again,
        Err(error) => {
            tracing::warn!(%module, %error, "the livepatch is disabled, its module stays loaded");
            Removal::Over
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::path::Path;

    use sha2::{Digest as _, Sha256};
    use tokio::sync::mpsc;

    use super::{follow, list, revert};
    use crate::clock;
    use crate::core::config::Check;
    use crate::core::{
        BootTime, Digest, DriverEvent, Insertion, Lease, Millis, ModuleName, OfferedArtifact,
        RevertEnd,
    };
    use crate::driver::Following;
    use crate::driver::kernel::Roots;

    const MODULE: &str = "livepatch_113_1";

    fn module() -> ModuleName {
        MODULE.to_owned().try_into().unwrap()
    }

    pub(in crate::driver::kernel) fn insertion(bytes: &[u8], lease_ms: u64) -> Insertion {
        Insertion {
            grant_id: 7,
            patch_set: "patchSets/113.1".to_owned(),
            artifact: OfferedArtifact {
                digest: Digest(Sha256::digest(bytes).into()),
                size_bytes: 4,
                module: module(),
                kernel_release: String::new(),
                flavour: String::new(),
                arch: String::new(),
            },
            lease: Lease::until(BootTime::from_millis(lease_ms), Check::Made),
            transition_timeout: Millis(1_000),
        }
    }

    fn set(tree: &Path, enabled: &str, transition: &str) {
        let directory = tree.join("kernel/livepatch").join(MODULE);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("enabled"), enabled).unwrap();
        fs::write(directory.join("transition"), transition).unwrap();
    }

    async fn followed(tree: &Path, timeout: Millis) -> DriverEvent {
        let roots = Roots { sys: tree.to_owned(), ..Roots::default() };
        let (words, mut said) = mpsc::unbounded_channel();
        let following = Following {
            grant_id: 7,
            module: module(),
            since: clock::boot_time(),
            transition_timeout: timeout,
        };
        follow(&roots, &following, &words).await;
        said.recv().await.unwrap().1
    }

    #[tokio::test]
    async fn a_finished_transition_is_told_from_a_stalled_and_a_disabled_one() {
        let tree = tempfile::tempdir().unwrap();
        set(tree.path(), "1\n", "0\n");
        let event = followed(tree.path(), Millis(0)).await;
        assert!(matches!(event, DriverEvent::TransitionDone { .. }), "{event:?}");
        set(tree.path(), "1\n", "1\n");
        let event = followed(tree.path(), Millis(0)).await;
        assert!(matches!(event, DriverEvent::TransitionStalled { .. }), "{event:?}");
        set(tree.path(), "0\n", "0\n");
        let event = followed(tree.path(), Millis(0)).await;
        assert!(matches!(event, DriverEvent::NotEnabled), "{event:?}");
    }

    #[tokio::test]
    async fn a_revert_writes_zero_and_ends_when_the_livepatch_is_disabled() {
        let tree = tempfile::tempdir().unwrap();
        set(tree.path(), "1\n", "0\n");
        let roots = Roots { sys: tree.path().to_owned(), ..Roots::default() };
        assert_eq!(revert(&roots, &module()).await, RevertEnd::Done);
        assert!(!list(&roots).unwrap()[0].enabled);
    }

    #[tokio::test]
    async fn a_livepatch_that_cannot_be_read_is_unknown_and_not_gone() {
        let tree = tempfile::tempdir().unwrap();
        let roots = Roots { sys: tree.path().to_owned(), ..Roots::default() };
        set(tree.path(), "1\n", "0\n");
        let enabled = tree.path().join("kernel/livepatch").join(MODULE).join("enabled");
        fs::remove_file(&enabled).unwrap();
        // Nobody, root neither, reads a folder as a file.
        fs::create_dir(&enabled).unwrap();
        assert!(list(&roots).is_err());
        let event = followed(tree.path(), Millis(0)).await;
        assert!(matches!(event, DriverEvent::TransitionStalled { .. }), "{event:?}");
        fs::remove_dir(&enabled).unwrap();
        fs::write(&enabled, "").unwrap();
        assert!(list(&roots).is_err());
        fs::remove_dir_all(tree.path().join("kernel/livepatch").join(MODULE)).unwrap();
        assert_eq!(list(&roots).unwrap(), Vec::new());
    }

    #[test]
    fn a_kernel_without_livepatching_has_none() {
        let tree = tempfile::tempdir().unwrap();
        let roots = Roots { sys: tree.path().to_owned(), ..Roots::default() };
        assert_eq!(list(&roots).unwrap(), Vec::new());
    }
}
