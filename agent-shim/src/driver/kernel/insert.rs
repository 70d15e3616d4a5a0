//! How does a module get into the kernel? Through the very file that was verified, and within the
//! lease.

use std::fs::{self, File};
use std::io::Read as _;

use rustix::io::Errno;
use rustix::system::finit_module;
use sha2::{Digest as _, Sha256};

use super::roots::Roots;
use crate::clock;
use crate::core::{Decline, Digest, DriverEvent, Insertion};
use crate::storage::StoredArtifact;

/// Inserts a module, or says why the kernel was left alone. Blocks while the kernel links it.
pub(super) fn insert(
    roots: &Roots,
    insertion: &Insertion,
    artifact: &StoredArtifact,
) -> DriverEvent {
    let path = match artifact {
        StoredArtifact::File(path) => path,
        StoredArtifact::Bytes(_) => return DriverEvent::Declined(Decline::ArtifactChanged),
    };
    let opened = File::open(path).and_then(|mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok((file, Digest(Sha256::digest(&bytes).into())))
    });
    let file = match opened {
        Ok((file, digest)) if digest == insertion.artifact.digest => file,
        Ok(_) | Err(_) => return DriverEvent::Declined(Decline::ArtifactChanged),
    };
    let module = insertion.artifact.module.as_str();
    if fs::exists(roots.sys.join("kernel/livepatch").join(module)).unwrap_or(false) {
        return already_loaded(module);
    }
    if !insertion.lease.holds(clock::boot_time()) {
        return DriverEvent::Declined(Decline::LeaseExpired);
    }
    match finit_module(&file, c"", 0) {
        Ok(()) => DriverEvent::Inserted,
        Err(Errno::EXIST) => already_loaded(module),
        Err(error) => DriverEvent::InsertFailed {
            message: format!("finit_module of {module}: {error}; see the kernel's log"),
        },
    }
}

/// Whose module it is nobody knows: what this grant would verify was never inserted.
fn already_loaded(module: &str) -> DriverEvent {
    DriverEvent::InsertFailed {
        message: format!("a module named {module} is loaded already: it is not this patch set's"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::insert;
    use crate::core::{Decline, DriverEvent};
    use crate::driver::kernel::Roots;
    use crate::driver::kernel::livepatch::tests::insertion;
    use crate::storage::StoredArtifact;

    fn insert_in_tree(bytes: &[u8], lease_ms: u64, loaded: &[&str]) -> DriverEvent {
        let tree = tempfile::tempdir().unwrap();
        let file = tree.path().join("artifact");
        fs::write(&file, bytes).unwrap();
        for module in loaded {
            fs::create_dir_all(tree.path().join("kernel/livepatch").join(module)).unwrap();
        }
        let roots = Roots { sys: tree.path().to_owned(), ..Roots::default() };
        insert(&roots, &insertion(b"good", lease_ms), &StoredArtifact::File(file))
    }

    #[test]
    fn an_artifact_that_changed_on_disk_is_declined() {
        let event = insert_in_tree(b"evil", u64::MAX, &[]);
        assert!(matches!(event, DriverEvent::Declined(Decline::ArtifactChanged)), "{event:?}");
    }

    #[test]
    fn an_expired_lease_is_declined_before_the_kernel_is_touched() {
        let event = insert_in_tree(b"good", 0, &[]);
        assert!(matches!(event, DriverEvent::Declined(Decline::LeaseExpired)), "{event:?}");
    }

    #[test]
    fn bytes_that_are_no_module_are_reported_in_the_kernels_words() {
        let event = insert_in_tree(b"good", u64::MAX, &[]);
        assert!(matches!(event, DriverEvent::InsertFailed { .. }), "{event:?}");
    }

    #[test]
    fn a_module_of_the_same_name_that_is_loaded_already_is_not_taken_for_the_artifact() {
        let event = insert_in_tree(b"good", u64::MAX, &["livepatch_113_1"]);
        let DriverEvent::InsertFailed { message } = event else { panic!("{event:?}") };
        assert_eq!(
            message,
            "a module named livepatch_113_1 is loaded already: it is not this patch set's"
        );
    }
}
