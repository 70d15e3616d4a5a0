//! What is left of a transfer that broke off? The bytes that arrived, under the artifact's name, until
//! somebody goes on from there.
//!
//! Whoever goes on takes the file away by renaming it, so two transfers never share one. What is in
//! it is not trusted: the digest of the whole decides at the end.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::error::{Attempt, StoreError};
use super::{Store, names};
use crate::machine::ids::Digest;

/// How the file of a transfer that is under way begins; the digest and a random part follow.
const UNDER_WAY: &str = "incoming-";
/// How the file of an unfinished transfer ends, under way or not.
const PART: &str = ".part";
/// Unfinished transfers that are kept; the oldest leaves first.
const MAX_PARTS: usize = 32;
/// Bytes that are read at a time.
const READ_BYTES: usize = 64 * 1024;

/// A file for a transfer of `digest` that begins at its first byte.
pub(super) fn begin(store: &Store, digest: Digest) -> Result<NamedTempFile, StoreError> {
    let dir = &store.shared.dir;
    tempfile::Builder::new()
        .prefix(&format!("{UNDER_WAY}{digest}-"))
        .suffix(PART)
        .tempfile_in(dir)
        .map_err(|error| Attempt::new("begin an upload in", dir).failed(error))
}

/// Where the bytes of an unfinished transfer lie.
fn path(store: &Store, digest: Digest) -> PathBuf {
    store.shared.dir.join(format!("{digest}{PART}"))
}

/// How many bytes an unfinished transfer left; 0 where there is none.
pub(super) fn held(store: &Store, digest: Digest) -> Result<u64, StoreError> {
    let path = path(store, digest);
    match fs::metadata(&path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Attempt::new("look at the unfinished upload", &path).failed(error)),
    }
}

/// Takes the unfinished transfer's first `offset` bytes, to be written on at their end, and their
/// hash so far. `None` if fewer are here.
pub(super) fn take(
    store: &Store,
    digest: Digest,
    offset: u64,
) -> Result<Option<(NamedTempFile, Sha256)>, StoreError> {
    let path = path(store, digest);
    let taking = Attempt::new("go on with the unfinished upload", &path);
    let mut file = begin(store, digest)?;
    match fs::rename(&path, file.path()) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(taking.failed(error)),
    }
    let reopen = || File::options().read(true).write(true).open(file.path());
    *file.as_file_mut() = reopen().map_err(|error| taking.failed(error))?;
    let length = file.as_file().metadata().map_err(|error| taking.failed(error))?.len();
    if length < offset {
        leave(store, digest, file);
        return Ok(None);
    }
    file.as_file().set_len(offset).map_err(|error| taking.failed(error))?;
    let hasher = hash(file.as_file_mut()).map_err(|error| taking.failed(error))?;
    Ok(Some((file, hasher)))
}

/// Hashes the file to its end, which is where it is written on.
fn hash(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hasher),
            read => hasher.update(&bytes[..read]),
        }
    }
}

/// Leaves what has arrived for whoever goes on, unless more is here already. Where that fails nothing
/// is left, and the next transfer begins at 0.
pub(super) fn leave(store: &Store, digest: Digest, file: NamedTempFile) {
    let longer = |file: &NamedTempFile| -> Result<bool, StoreError> {
        let length = file.as_file().metadata().map_or(0, |metadata| metadata.len());
        Ok(length > held(store, digest)?)
    };
    if longer(&file).unwrap_or(false) && file.persist(path(store, digest)).is_ok() {
        forget_oldest(&store.shared.dir);
    }
}

/// Lets go of the parts beyond [`MAX_PARTS`], those that were written to longest ago.
fn forget_oldest(dir: &Path) {
    let Ok(names) = names(dir) else { return };
    let parts = names.iter().filter(|name| name.ends_with(PART) && !name.starts_with(UNDER_WAY));
    let mut parts: Vec<_> = parts
        .map(|name| dir.join(name))
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    parts.sort();
    let spare = parts.len().saturating_sub(MAX_PARTS);
    for (_, path) in parts.into_iter().take(spare) {
        // It is only a head start: one that cannot be removed is tried again with the next.
        drop(fs::remove_file(path));
    }
}

/// Turns what an earlier process was receiving into parts; the longest of each artifact stays.
pub(super) fn adopt(dir: &Path, name: &str) -> Result<(), StoreError> {
    let Some(rest) = name.strip_prefix(UNDER_WAY).filter(|rest| rest.ends_with(PART)) else {
        return Ok(());
    };
    let from = dir.join(name);
    let adopting = Attempt::new("put away the unfinished upload", &from);
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let digest = rest.get(..64).filter(|digest| super::named(digest).is_some());
    let to = digest.map(|digest| dir.join(format!("{digest}{PART}")));
    let put_away = match to {
        Some(to) if length(&from) > length(&to) => fs::rename(&from, to),
        Some(_) | None => fs::remove_file(&from),
    };
    put_away.map_err(|error| adopting.failed(error))
}
