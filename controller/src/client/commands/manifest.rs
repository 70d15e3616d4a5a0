//! What is in a patch set's manifest? Reads the TOML file and the artifacts it names, and says
//! which file, line and key is wrong before anything is sent.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tidegate_proto::{MAX_ARTIFACT_BYTES, v1};
use toml::Spanned;

use crate::client::ids::{from_hex, to_hex};
use crate::client::names;
use crate::client::output::text;

/// A manifest whose artifacts are all there and fit.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// What to publish.
    pub(crate) patch_set: v1::PatchSet,
    /// Where the bytes of its artifacts are, in the same order.
    pub(crate) files: Vec<PathBuf>,
}

/// What is wrong with a manifest, and where.
#[derive(Debug, Error)]
pub(crate) enum ManifestError {
    /// The manifest itself cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it is not what it should be.
    #[error("{}:{line}: {why}", path.display())]
    Wrong {
        /// The manifest.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with which key.
        why: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Spanned<String>,
    #[serde(default)]
    notice: String,
    #[serde(default)]
    fix: Vec<FixEntry>,
    #[serde(default)]
    artifact: Vec<Spanned<ArtifactEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixEntry {
    name: String,
    severity: Option<SeverityWord>,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SeverityWord {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArtifactEntry {
    kernel_release: String,
    flavour: String,
    arch: String,
    module: String,
    file: Spanned<PathBuf>,
    sha256: Option<Spanned<String>>,
}

/// Reads a manifest and checks every artifact that it names; paths are relative to its folder.
///
/// # Errors
/// The manifest or a file is missing, a key is unknown or wrong, an artifact is empty, too large,
/// named twice, or not the one that its `sha256` names.
pub(crate) fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ManifestError::Unreadable { path: path.to_owned(), source })?;
    let place = Place { path, text: &text };
    let document: Document = toml::from_str(&text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        place.wrong(&span, error.message().to_owned())
    })?;
    check(&place, document)
}

/// The bytes of one artifact that was checked before.
///
/// # Errors
/// The file cannot be read, or is not what it was.
pub(crate) fn load(file: &Path, artifact: &v1::Artifact) -> Result<Vec<u8>, io::Error> {
    let bytes = fs::read(file)?;
    if Sha256::digest(&bytes).as_slice() != artifact.sha256 {
        return Err(io::Error::other(format!("{} changed while it was published", file.display())));
    }
    Ok(bytes)
}

struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn wrong(&self, span: &Range<usize>, why: String) -> ManifestError {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ManifestError::Wrong { path: self.path.to_owned(), line, why }
    }
}

fn check(place: &Place<'_>, document: Document) -> Result<Manifest, ManifestError> {
    let span = document.version.span();
    let version = names::id(document.version.as_ref())
        .map_err(|why| place.wrong(&span, format!("version: {why}")))?;
    if document.artifact.is_empty() {
        let why = "artifact: a patch set needs at least one [[artifact]]".to_owned();
        return Err(place.wrong(&(0..0), why));
    }
    let mut targets = BTreeSet::new();
    let mut artifacts = Vec::new();
    let mut files = Vec::new();
    for (index, entry) in document.artifact.into_iter().enumerate() {
        let span = entry.span();
        let entry = entry.into_inner();
        let target = [&entry.kernel_release, &entry.flavour, &entry.arch].map(String::clone);
        if !targets.insert(target.clone()) {
            let why = format!("artifact[{index}]: {} is named twice", target.join(" "));
            return Err(place.wrong(&span, why));
        }
        let (artifact, file) = check_artifact(place, index, entry)?;
        artifacts.push(artifact);
        files.push(file);
    }
    let patch_set = v1::PatchSet {
        name: format!("patchSets/{version}"),
        notice: document.notice,
        artifacts,
        fixes: document.fix.into_iter().map(fix).collect(),
        ..v1::PatchSet::default()
    };
    Ok(Manifest { patch_set, files })
}

fn check_artifact(
    place: &Place<'_>,
    index: usize,
    entry: ArtifactEntry,
) -> Result<(v1::Artifact, PathBuf), ManifestError> {
    let span = entry.file.span();
    let wrong = |why: String| place.wrong(&span, format!("artifact[{index}].file: {why}"));
    let folder = place.path.parent().unwrap_or_else(|| Path::new("."));
    let file = folder.join(entry.file.get_ref());
    let shown = file.display();
    let size_bytes = fs::metadata(&file).map_err(|error| wrong(format!("{shown}: {error}")))?.len();
    if size_bytes == 0 || size_bytes > MAX_ARTIFACT_BYTES {
        let (size, limit) = (text::bytes(size_bytes), text::bytes(MAX_ARTIFACT_BYTES));
        return Err(wrong(format!("{shown} has {size}; an artifact has 1 B to {limit}")));
    }
    let bytes = fs::read(&file).map_err(|error| wrong(format!("{shown}: {error}")))?;
    let digest = Sha256::digest(&bytes).to_vec();
    if let Some(wanted) = &entry.sha256 {
        check_digest(place, index, wanted, &digest)?;
    }
    let artifact = v1::Artifact {
        kernel_release: entry.kernel_release,
        flavour: entry.flavour,
        arch: entry.arch,
        sha256: digest,
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        module: entry.module,
    };
    Ok((artifact, file))
}

fn check_digest(
    place: &Place<'_>,
    index: usize,
    wanted: &Spanned<String>,
    digest: &[u8],
) -> Result<(), ManifestError> {
    let wrong =
        |why: String| place.wrong(&wanted.span(), format!("artifact[{index}].sha256: {why}"));
    match from_hex(wanted.get_ref()) {
        Some(bytes) if bytes == digest => Ok(()),
        Some(bytes) if bytes.len() == digest.len() => {
            Err(wrong(format!("the file's SHA-256 is {}", to_hex(digest))))
        }
        Some(_) | None => Err(wrong("a SHA-256 is 64 hex digits".to_owned())),
    }
}

fn fix(entry: FixEntry) -> v1::Fix {
    let severity = match entry.severity {
        None => v1::Severity::Unspecified,
        Some(SeverityWord::Low) => v1::Severity::Low,
        Some(SeverityWord::Medium) => v1::Severity::Medium,
        Some(SeverityWord::High) => v1::Severity::High,
        Some(SeverityWord::Critical) => v1::Severity::Critical,
    };
    v1::Fix { name: entry.name, severity: severity.into(), description: entry.description }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
