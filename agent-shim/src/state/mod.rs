//! What else does a host keep? Small JSON documents, each replaced as a whole: written aside,
//! synced, renamed, and the directory synced. A document that cannot be read is an error, never a
//! default.

mod identity;
mod status;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use identity::{Identity, Place, read_identity, write_identity};
pub(crate) use status::write_status;
pub use status::{PublishedStatus, read_status};

use crate::storage::StorageFailed;

/// The version of every document's shape.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document<T> {
    format: u32,
    content: T,
}

/// Reads a document; `None` where there is none.
pub(crate) fn read_document<T: DeserializeOwned>(
    directory: &Path,
    name: &str,
) -> Result<Option<T>, StorageFailed> {
    let path = directory.join(name);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failed("read", &path, error)),
    };
    let damaged = |why: String| StorageFailed::Damaged { path: path.clone(), why };
    let document: Document<T> =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if document.format != FORMAT {
        let format = document.format;
        return Err(damaged(format!("format {format}; this agent reads format {FORMAT}")));
    }
    Ok(Some(document.content))
}

/// Replaces a document.
pub(crate) fn write_document<T: Serialize>(
    directory: &Path,
    name: &str,
    content: T,
) -> Result<(), StorageFailed> {
    replace_file(directory, name, &encode(directory, name, content)?)
}

/// Replaces a document that need not survive a crash: a reader sees the old one or the new one.
pub(crate) fn write_document_lightly<T: Serialize>(
    directory: &Path,
    name: &str,
    content: T,
) -> Result<(), StorageFailed> {
    let bytes = encode(directory, name, content)?;
    let aside = directory.join(format!(".{name}.new"));
    fs::write(&aside, bytes)
        .and_then(|()| fs::rename(&aside, directory.join(name)))
        .map_err(|error| io_failed("write", &directory.join(name), error))
}

fn encode<T: Serialize>(
    directory: &Path,
    name: &str,
    content: T,
) -> Result<Vec<u8>, StorageFailed> {
    let document = Document { format: FORMAT, content };
    let mut bytes = serde_json::to_vec_pretty(&document)
        .map_err(|error| io_failed("encode", &directory.join(name), error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Removes a document; it may be gone already.
pub(crate) fn remove_document(directory: &Path, name: &str) -> Result<(), StorageFailed> {
    let path = directory.join(name);
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_failed("remove", &path, error)),
    }
}

/// Replaces a file as a whole: after a crash it holds the old bytes or the new ones.
pub(crate) fn replace_file(
    directory: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), StorageFailed> {
    let path = directory.join(name);
    let aside = directory.join(format!(".{name}.new"));
    let written = File::create(&aside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&aside, &path));
    written.map_err(|error| io_failed("write", &path, error))?;
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> Result<(), StorageFailed> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| io_failed("sync", directory, error))
}

pub(crate) fn io_failed(what: &'static str, path: &Path, source: io::Error) -> StorageFailed {
    if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        StorageFailed::NoSpace(path.to_owned())
    } else {
        StorageFailed::Io { what, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::{read_document, remove_document, write_document};

    #[test]
    fn a_document_reads_as_it_was_written_and_is_gone_when_removed() {
        let directory = tempfile::tempdir().unwrap();
        write_document(directory.path(), "a.json", vec![1, 2]).unwrap();
        let read: Option<Vec<u32>> = read_document(directory.path(), "a.json").unwrap();
        assert_eq!(read, Some(vec![1, 2]));
        remove_document(directory.path(), "a.json").unwrap();
        remove_document(directory.path(), "a.json").unwrap();
        let read: Option<Vec<u32>> = read_document(directory.path(), "a.json").unwrap();
        assert_eq!(read, None);
    }

    #[test]
    fn a_document_of_another_format_or_cut_short_is_an_error_and_no_default() {
        let directory = tempfile::tempdir().unwrap();
        for bytes in ["", "{", r#"{"format":2,"content":[]}"#, r#"{"format":1}"#] {
            std::fs::write(directory.path().join("a.json"), bytes).unwrap();
            let read = read_document::<Vec<u32>>(directory.path(), "a.json");
            assert!(read.is_err(), "{bytes:?} was read");
        }
    }
}
