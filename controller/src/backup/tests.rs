//! Is every backup that is read the one that was written?

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{Arriving, Backup, BackupError, Header, Writer};

const ARTIFACT: &[u8] = b"a module for one kernel";

fn header() -> Header {
    Header {
        cluster: "three-nodes".to_owned(),
        id: [7; 16],
        generation: 3,
        version: 2,
        index: 4_711,
        pieces: 2,
        artifacts: 1,
        written_by: "0.1.0".to_owned(),
    }
}

fn written() -> Vec<u8> {
    let mut pieces = [b"first piece".to_vec(), b"second piece".to_vec()];
    pieces.sort_by_key(|piece| *blake3::hash(piece).as_bytes());
    let mut writer = Writer::begin(Vec::new(), &header(), b"root").unwrap();
    for piece in &pieces {
        writer.piece(piece).unwrap();
    }
    let digest = Sha256::digest(ARTIFACT).into();
    writer.artifact(digest, u32::try_from(ARTIFACT.len()).unwrap(), &mut &*ARTIFACT).unwrap();
    writer.end().unwrap()
}

fn open(folder: &Path, bytes: &[u8]) -> Result<Backup, BackupError> {
    let path = folder.join("a.backup");
    std::fs::write(&path, bytes).unwrap();
    Backup::open(&path)
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let backup = open(folder.path(), &written()).unwrap();
    assert_eq!(backup.header(), &header());
    assert_eq!(&**backup.root(), b"root");
    for piece in [b"first piece".as_slice(), b"second piece"] {
        assert_eq!(backup.piece(blake3::hash(piece).as_bytes()).as_deref(), Some(piece));
    }
    let (digest, size) = backup.artifacts().next().unwrap();
    let mut bytes = Vec::new();
    backup.artifact(&digest).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes.as_slice(), usize::try_from(size).unwrap()), (ARTIFACT, ARTIFACT.len()));
}

#[test]
fn every_flipped_bit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = written();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(open(folder.path(), &bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn every_file_that_is_cut_short_or_goes_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = written();
    for length in 0..whole.len() {
        let error = open(folder.path(), &whole[..length]).unwrap_err();
        let fits = match error {
            BackupError::NotABackup(_) => length < 16,
            BackupError::CutShort { at, .. } => at == u64::try_from(length).unwrap(),
            BackupError::Io { .. }
            | BackupError::Format { .. }
            | BackupError::Damaged { .. }
            | BackupError::NoState { .. }
            | BackupError::Exists(_)
            | BackupError::NotEmpty { .. }
            | BackupError::Refused(_)
            | BackupError::Journal(_)
            | BackupError::Store(_) => false,
        };
        assert!(fits, "{length}: {error}");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    assert!(matches!(open(folder.path(), &longer), Err(BackupError::Damaged { .. })));
}

#[test]
fn a_file_with_fewer_pieces_than_announced_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::begin(Vec::new(), &header(), b"root").unwrap();
    let error = open(folder.path(), &writer.end().unwrap()).unwrap_err();
    assert!(error.to_string().contains("fewer or more records"), "{error}");
}

fn arrive(path: &Path, bytes: &[u8]) -> Result<Backup, BackupError> {
    let mut arriving = Arriving::begin(path)?;
    for chunk in bytes.chunks(100) {
        arriving.write(chunk)?;
    }
    arriving.finish()
}

#[test]
fn a_backup_gets_its_name_when_it_is_whole_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.backup");
    let whole = written();
    let cut = arrive(&path, &whole[..whole.len() - 1]);
    assert!(matches!(cut, Err(BackupError::CutShort { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    assert_eq!(arrive(&path, &whole).unwrap().header(), &header());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(arrive(&path, &whole), Err(BackupError::Exists(_))));
}
