//! Why was an artifact not stored or read, and what is to be done?

use std::io;
use std::path::{Path, PathBuf};

use tidegate_proto::MAX_ARTIFACT_BYTES;

use crate::machine::ids::Digest;

/// Why an artifact was not stored or read. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The announced size is no artifact's.
    #[error(
        "cannot receive artifact {digest}: its size is announced as {size} bytes; \
        announce 1 to {MAX_ARTIFACT_BYTES}"
    )]
    SizeOutOfRange {
        /// The artifact.
        digest: Digest,
        /// Its announced size, in bytes.
        size: u64,
    },
    /// The bytes ended too early.
    #[error(
        "cannot receive artifact {digest}: only {received} of its {size} bytes arrived; \
        send it again from the beginning"
    )]
    Truncated {
        /// The artifact.
        digest: Digest,
        /// Its announced size, in bytes.
        size: u64,
        /// How many bytes arrived.
        received: u64,
    },
    /// More bytes arrived than were announced.
    #[error(
        "cannot receive artifact {digest}: more than the announced {size} bytes arrived; \
        check that the file is the one that was announced, and send it again"
    )]
    Oversized {
        /// The artifact.
        digest: Digest,
        /// Its announced size, in bytes.
        size: u64,
    },
    /// The transfer wants to go on from a byte that is not here.
    #[error(
        "cannot go on with artifact {digest} from byte {offset}: {held} bytes of it are here; \
        ask how many are, and go on from there"
    )]
    NothingToResume {
        /// The artifact.
        digest: Digest,
        /// Where the sender wants to go on.
        offset: u64,
        /// How many bytes are here.
        held: u64,
    },
    /// As many bytes arrived as were announced, but other ones.
    #[error(
        "cannot receive artifact {digest}: the bytes that arrived have the SHA-256 {found}; \
        check that the file is the one that was announced, and send it again"
    )]
    DigestMismatch {
        /// The artifact.
        digest: Digest,
        /// The SHA-256 of what arrived.
        found: Digest,
    },
    /// The blob rotted on this node's disk. It is not here any more.
    #[error(
        "cannot read artifact {digest}: its bytes on this disk now have the SHA-256 {found}, so it \
        was moved to `{}`; pull it again from another node, and check the disk",
        aside.display()
    )]
    Damaged {
        /// The artifact.
        digest: Digest,
        /// The SHA-256 of what is on the disk.
        found: Digest,
        /// Where the damaged blob lies now.
        aside: PathBuf,
    },
    /// The reader wants to go on behind the end.
    #[error(
        "cannot read artifact {digest} from byte {offset}: it has {size} bytes; \
        drop what was read so far and begin at 0"
    )]
    OffsetPastEnd {
        /// The artifact.
        digest: Digest,
        /// Its size, in bytes.
        size: u64,
        /// Where the reader wants to begin.
        offset: u64,
    },
    /// The disk is full, or the quota used up.
    #[error("cannot {action} `{}`: no space is left; free some on that disk and try again", path.display())]
    NoSpace {
        /// What was attempted.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk refuses for another reason.
    #[error(
        "cannot {action} `{}`; check that the disk is mounted and healthy and that this user may write there",
        path.display()
    )]
    Io {
        /// What was attempted.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Something that the disk may refuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'p> {
    action: &'static str,
    path: &'p Path,
}

impl<'p> Attempt<'p> {
    /// To do `action`, such as "read the artifact", with `path`.
    pub(super) const fn new(action: &'static str, path: &'p Path) -> Self {
        Self { action, path }
    }

    /// The error that the disk refused.
    pub(super) fn failed(self, source: io::Error) -> StoreError {
        let (action, path) = (self.action, self.path.to_owned());
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return StoreError::NoSpace { action, path, source };
        }
        StoreError::Io { action, path, source }
    }
}
