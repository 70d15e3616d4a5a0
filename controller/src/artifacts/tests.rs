//! What does the store keep, and what does it refuse?

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tidegate_proto::{CHUNK_BYTES, MAX_ARTIFACT_BYTES};

use super::error::Attempt;
use super::{Incoming, Store, StoreError};
use crate::machine::ids::Digest;

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn restart(before: Store, dir: &TempDir) -> Store {
    drop(before);
    Store::open(dir.path()).unwrap()
}

fn begin(store: &Store, bytes: &[u8]) -> Incoming {
    store.receive(sha256(bytes), size(bytes)).unwrap()
}

fn put(store: &Store, bytes: &[u8]) -> Digest {
    begin(store, bytes).write(bytes).unwrap().finish().unwrap();
    sha256(bytes)
}

fn read(store: &Store, digest: Digest, offset: u64) -> Option<Vec<Vec<u8>>> {
    let mut reader = store.open_blob(digest, offset).unwrap()?;
    Some(std::iter::from_fn(|| reader.next_chunk().unwrap()).collect())
}

fn files(dir: &Path) -> BTreeSet<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(dir).unwrap().map(name).collect()
}

/// Changes one bit of a stored blob behind the store's back.
fn rot(dir: &Path, digest: Digest) {
    let path = dir.join(digest.to_string());
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn what_arrives_in_pieces_is_read_back_in_chunks_from_any_byte() {
    let (_dir, store) = store();
    let bytes: Vec<u8> = (0..=255).cycle().take(CHUNK_BYTES * 2 + 10).collect();
    let digest = sha256(&bytes);
    let mut incoming = begin(&store, &bytes);
    for piece in bytes.chunks(1_000) {
        incoming = incoming.write(piece).unwrap();
    }
    incoming.finish().unwrap();

    assert_eq!(store.open_blob(digest, 0).unwrap().unwrap().size(), size(&bytes));
    let lengths = |offset| -> Vec<usize> {
        let chunks = read(&store, digest, offset).unwrap();
        assert!(chunks.concat() == bytes[usize::try_from(offset).unwrap()..], "from {offset}");
        chunks.iter().map(Vec::len).collect()
    };
    assert_eq!(lengths(0), [CHUNK_BYTES, CHUNK_BYTES, 10]);
    assert_eq!(lengths(10), [CHUNK_BYTES, CHUNK_BYTES]);
    assert_eq!(lengths(size(&bytes) - 1), [1]);
    assert_eq!(lengths(size(&bytes)), [0; 0]);
    let past = store.open_blob(digest, size(&bytes) + 1).unwrap_err();
    assert!(matches!(past, StoreError::OffsetPastEnd { .. }), "{past}");
}

#[test]
fn an_artifact_outlives_a_restart_and_one_that_never_came_is_not_here() {
    let (dir, store) = store();
    let here = put(&store, b"here");
    let elsewhere = sha256(b"elsewhere");
    let restarted = Store::open(dir.path()).unwrap();
    for store in [store, restarted] {
        assert!(store.has(here).unwrap());
        assert_eq!(read(&store, here, 0), Some(vec![b"here".to_vec()]));
        assert!(!store.has(elsewhere).unwrap());
        assert_eq!(read(&store, elsewhere, 0), None);
        assert_eq!(store.digests().unwrap(), BTreeSet::from([here]));
    }
}

#[test]
fn a_truncated_artifact_is_refused_and_leaves_nothing() {
    let (dir, store) = store();
    let error = begin(&store, b"livepatch").write(b"livepatc").unwrap().finish().unwrap_err();
    assert!(matches!(error, StoreError::Truncated { received: 8, size: 9, .. }), "{error}");
    assert_eq!(files(dir.path()), BTreeSet::new());
}

#[test]
fn an_oversized_artifact_is_refused_at_the_first_byte_too_many() {
    let (dir, store) = store();
    let full = begin(&store, b"livepatch").write(b"livepatch").unwrap();
    let error = full.write(b"!").unwrap_err();
    assert!(matches!(error, StoreError::Oversized { size: 9, .. }), "{error}");
    assert_eq!(files(dir.path()), BTreeSet::new());
}

#[test]
fn other_bytes_of_the_right_length_are_refused_and_leave_nothing() {
    let (dir, store) = store();
    let error = begin(&store, b"livepatch").write(b"livepatcH").unwrap().finish().unwrap_err();
    let expected = sha256(b"livepatcH");
    assert!(matches!(error, StoreError::DigestMismatch { found, .. } if found == expected));
    assert_eq!(files(dir.path()), BTreeSet::new());
}

#[test]
fn a_size_is_1_byte_to_64_mib() {
    let (_dir, store) = store();
    for (size, good) in
        [(0, false), (1, true), (MAX_ARTIFACT_BYTES, true), (MAX_ARTIFACT_BYTES + 1, false)]
    {
        match store.receive(sha256(b""), size) {
            Ok(_) => assert!(good, "{size}"),
            Err(StoreError::SizeOutOfRange { .. }) => assert!(!good, "{size}"),
            Err(error) => panic!("{size}: {error}"),
        }
    }
}

#[test]
fn an_upload_that_breaks_off_is_gone_on_with_from_its_last_byte() {
    let (dir, store) = store();
    let digest = sha256(b"livepatch");
    drop(begin(&store, b"livepatch").write(b"live").unwrap());
    assert_eq!(store.digests().unwrap(), BTreeSet::new());
    assert!(!store.has(digest).unwrap());
    assert_eq!(store.held(digest).unwrap(), 4);

    let store = restart(store, &dir);
    drop(store.resume(digest, 9, 4).unwrap().write(b"pa").unwrap());
    assert_eq!(store.held(digest).unwrap(), 6);
    store.resume(digest, 9, 6).unwrap().write(b"tch").unwrap().finish().unwrap();
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
    assert_eq!(files(dir.path()), BTreeSet::from([digest.to_string()]));
}

#[test]
fn an_upload_may_go_on_from_any_byte_that_is_here_and_from_no_other() {
    let (_dir, store) = store();
    let digest = sha256(b"livepatch");
    drop(begin(&store, b"livepatch").write(b"liveX").unwrap());
    let beyond = store.resume(digest, 9, 6).unwrap_err();
    assert!(matches!(beyond, StoreError::NothingToResume { held: 5, .. }), "{beyond}");
    assert_eq!(store.held(digest).unwrap(), 5);
    store.resume(digest, 9, 4).unwrap().write(b"patch").unwrap().finish().unwrap();
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn what_broke_off_is_gone_on_with_by_one_alone() {
    let (_dir, store) = store();
    let digest = sha256(b"livepatch");
    drop(begin(&store, b"livepatch").write(b"live").unwrap());
    let first = store.resume(digest, 9, 4).unwrap();
    let second = store.resume(digest, 9, 4).unwrap_err();
    assert!(matches!(second, StoreError::NothingToResume { held: 0, .. }), "{second}");
    first.write(b"patch").unwrap().finish().unwrap();
}

#[test]
fn a_beginning_that_rotted_is_found_out_at_the_end_and_forgotten() {
    let (dir, store) = store();
    let digest = sha256(b"livepatch");
    drop(begin(&store, b"livepatch").write(b"live").unwrap());
    fs::write(dir.path().join(format!("{digest}.part")), "Live").unwrap();
    let refused = store.resume(digest, 9, 4).unwrap().write(b"patch").unwrap().finish();
    assert!(matches!(refused, Err(StoreError::DigestMismatch { .. })));
    assert_eq!(store.held(digest).unwrap(), 0);
    assert_eq!(files(dir.path()), BTreeSet::new());
}

#[test]
fn a_start_keeps_the_longest_unfinished_upload_and_touches_nothing_else() {
    let (dir, store) = store();
    let kept = put(&store, b"kept").to_string();
    let digest = sha256(b"livepatch");
    for (name, content) in [
        (format!("incoming-{digest}-Xk3q9T.part"), "live"),
        (format!("incoming-{digest}-aaaaaa.part"), "li"),
        ("incoming-Xk3q9T.part".to_owned(), "half"),
        ("notes.part".to_owned(), "half"),
        ("incoming-notes".to_owned(), "half"),
        (kept.to_uppercase(), "half"),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let part = format!("{digest}.part");
    let left = [&*kept, "incoming-notes", "notes.part", &kept.to_uppercase(), &part];
    assert_eq!(files(dir.path()), left.map(str::to_owned).into());
    assert_eq!(store.held(digest).unwrap(), 4);
    assert_eq!(store.digests().unwrap(), BTreeSet::from([sha256(b"kept")]));
}

#[test]
fn unfinished_uploads_do_not_pile_up() {
    let (dir, store) = store();
    for number in 0_u64..40 {
        let digest = sha256(&number.to_be_bytes());
        drop(store.receive(digest, 8).unwrap().write(b"half").unwrap());
    }
    assert_eq!(files(dir.path()).len(), 32);
}

#[test]
fn only_a_blob_that_is_whole_has_a_path() {
    let (dir, store) = store();
    let digest = put(&store, b"livepatch");
    let path = dir.path().join(digest.to_string());
    assert_eq!(store.verified_path(digest).unwrap(), Some(path));
    rot(dir.path(), digest);
    let store = restart(store, &dir);
    let error = store.verified_path(digest).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(store.verified_path(digest).unwrap(), None);
}

#[test]
fn a_blob_that_rotted_is_moved_aside_and_can_be_received_again() {
    let (dir, store) = store();
    let digest = put(&store, b"livepatch");
    rot(dir.path(), digest);

    let store = restart(store, &dir);
    assert_eq!(store.damaged(), 0);
    let error = store.open_blob(digest, 0).unwrap_err();
    assert_eq!(store.damaged(), 1);
    let aside = dir.path().join(format!("{digest}.damaged"));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read artifact {digest}: its bytes on this disk now have the SHA-256 {}, so it \
            was moved to `{}`; pull it again from another node, and check the disk",
            sha256(b"mivepatch"),
            aside.display()
        )
    );
    assert_eq!(fs::read(&aside).unwrap(), b"mivepatch");
    assert!(!store.has(digest).unwrap());
    assert_eq!(read(&store, digest, 0), None);
    assert_eq!(store.digests().unwrap(), BTreeSet::new());

    put(&store, b"livepatch");
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn receiving_a_blob_that_rotted_unseen_puts_the_right_bytes_in_place() {
    let (dir, store) = store();
    let digest = put(&store, b"livepatch");
    rot(dir.path(), digest);
    let store = restart(store, &dir);
    put(&store, b"livepatch");
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn uploading_twice_is_as_good_as_once() {
    let (dir, store) = store();
    let digest = put(&store, b"livepatch");
    assert_eq!(put(&store, b"livepatch"), digest);
    assert_eq!(files(dir.path()), BTreeSet::from([digest.to_string()]));
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn an_artifact_that_somebody_deleted_is_stored_anew() {
    let (dir, store) = store();
    let digest = put(&store, b"livepatch");
    fs::remove_file(dir.path().join(digest.to_string())).unwrap();
    put(&store, b"livepatch");
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn two_uploads_of_the_same_artifact_at_once_do_not_meet() {
    let (dir, store) = store();
    let first = begin(&store, b"livepatch").write(b"live").unwrap();
    let second = begin(&store, b"livepatch").write(b"l").unwrap();
    let finish = |incoming: Incoming, rest: &'static [u8]| {
        std::thread::spawn(move || incoming.write(rest).unwrap().finish())
    };
    let (first, second) = (finish(first, b"patch"), finish(second, b"ivepatch"));
    first.join().unwrap().unwrap();
    second.join().unwrap().unwrap();
    let digest = sha256(b"livepatch");
    assert_eq!(files(dir.path()), BTreeSet::from([digest.to_string()]));
    assert_eq!(read(&store, digest, 0), Some(vec![b"livepatch".to_vec()]));
}

#[test]
fn a_bad_upload_does_not_harm_a_good_one_of_the_same_artifact() {
    let (dir, store) = store();
    let bad = begin(&store, b"livepatch").write(b"livepatcH").unwrap();
    let digest = put(&store, b"livepatch");
    bad.finish().unwrap_err();
    assert_eq!(files(dir.path()), BTreeSet::from([digest.to_string()]));
}

#[test]
fn a_full_disk_is_told_apart_from_a_broken_one() {
    let failed = |kind: io::ErrorKind| {
        Attempt::new("write the upload", Path::new("x.part")).failed(io::Error::from(kind))
    };
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
        assert_eq!(
            failed(kind).to_string(),
            "cannot write the upload `x.part`: no space is left; free some on that disk and try again"
        );
    }
    let broken = failed(io::ErrorKind::PermissionDenied);
    assert!(matches!(broken, StoreError::Io { .. }), "{broken}");
}

#[test]
fn a_store_that_cannot_be_opened_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("artifacts");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err().to_string();
    assert!(error.starts_with("cannot open the artifact store `"), "{error}");
    assert!(error.contains(&file.display().to_string()), "{error}");
}
