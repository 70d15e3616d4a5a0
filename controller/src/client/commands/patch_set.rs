//! `tidegate patchset`: which releases are there, and how does a new one get in?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::upload_artifact_request::Part;
use tidegate_proto::{CHUNK_BYTES, v1};
use tokio_stream::{Stream, iter};

use super::manifest::{self, ManifestError};
use super::pages::{Listing, Page, Question};
use super::promote_tier::{self, PromoteAll, PromoteTo};
use super::withdrawal::{self, LedgerOf, Withdraw};
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::ids::to_hex;
use crate::client::names::{self, id_of};
use crate::client::output::json::word;
use crate::client::output::rollout::withdrawn;
use crate::client::output::table::grid;
use crate::client::output::text::{self, bytes, or_dash, plain};
use crate::client::output::time::ago;
use crate::client::session::Session;

/// Verbs of `patchset`.
#[derive(Debug, Subcommand)]
pub enum PatchSetCommand {
    /// Upload the artifacts of a manifest and publish the patch set.
    Publish(Publish),
    /// List patch sets, newest first.
    #[command(after_help = "Example:\n  tidegate patchset list --filter 'fix:\"cve-2026-*\"'")]
    List(Listing),
    /// Show one patch set with its artifacts and fixes.
    #[command(after_help = "Example:\n  tidegate patchset get 113.1")]
    Get {
        /// The version, e.g. `113.1`.
        #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
        version: String,
    },
    /// Let a patch set go on from its tier, whose gates are open, to the next one.
    Promote(PromoteTo),
    /// Let every patch set that is done with one tier go on to the next one.
    PromoteAll(PromoteAll),
    /// Withdraw a patch set for good that no rollout has brought to any host.
    Withdraw(Withdraw),
    /// List the hosts that still run a withdrawn patch set, and how each gets rid of it.
    Ledger(LedgerOf),
}

/// Flags of `patchset publish`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate patchset publish -f 113.1.toml --dry-run")]
pub struct Publish {
    /// The manifest (TOML): version, notice, [[fix]], [[artifact]].
    #[arg(short, long, value_name = "MANIFEST")]
    file: PathBuf,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: PatchSetCommand) -> Result<Exit, Failure> {
    match command {
        PatchSetCommand::Publish(flags) => publish(session, &flags.file).await,
        PatchSetCommand::List(listing) => list(session, listing).await,
        PatchSetCommand::Get { version } => get(session, version).await,
        PatchSetCommand::Promote(flags) => promote_tier::one(session, flags).await,
        PatchSetCommand::PromoteAll(flags) => promote_tier::all(session, flags).await,
        PatchSetCommand::Withdraw(flags) => withdrawal::withdraw(session, flags).await,
        PatchSetCommand::Ledger(flags) => withdrawal::ledger(session, flags).await,
    }
}

async fn list(session: &mut Session, listing: Listing) -> Result<Exit, Failure> {
    let intent = Intent::read("list patch sets", Subject::PatchSets);
    let listed = listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListPatchSetsRequest { page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                PatchSetServiceClient::new(attempt.channel).list_patch_sets(request).await
            })
            .await?;
        Ok(Page { rows: page.patch_sets, next: page.next_page_token })
    });
    listed.await?.show(session, ("patchSets", "patch sets"), None)?;
    Ok(Exit::Done)
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::PatchSet(name.clone()));
    let body = v1::GetPatchSetRequest { name };
    let patch_set = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).get_patch_set(request).await
        })
        .await?;
    session.out.one(&patch_set, |_, now| draw(&patch_set, now))?;
    Ok(Exit::Done)
}

async fn publish(session: &mut Session, path: &Path) -> Result<Exit, Failure> {
    let manifest = manifest::read(path).map_err(|error| bad_manifest(path, &error))?;
    let patch_set = &manifest.patch_set;
    let dry = session.validate_only();
    let named = patch_set.artifacts.iter().zip(&manifest.files);
    // One file may do for several kernels.
    let files: BTreeMap<_, _> = named.map(|pair| (pair.0.sha256.as_slice(), pair)).collect();
    let count = files.len();
    for (at, (artifact, file)) in files.into_values().enumerate() {
        let verb = if dry {
            check_file(artifact, file)?;
            "would upload"
        } else {
            upload(session, artifact, file).await?;
            "uploaded"
        };
        let (size, digest) = (bytes(artifact.size_bytes), to_hex(&artifact.sha256));
        let line =
            format!("{verb} {}/{count} {} ({size}, sha256 {digest})", at + 1, file.display());
        session.out.talk(&line);
    }
    let name = patch_set.name.clone();
    let intent = Intent::write(
        format!("publish {name}"),
        Subject::PatchSet(name.clone()),
        session.request_id,
    );
    let body = v1::PublishPatchSetRequest {
        request_id: session.request_id.to_string(),
        patch_set: Some(patch_set.clone()),
        validate_only: dry,
        assume_uploaded: dry,
    };
    let published = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).publish_patch_set(request).await
        })
        .await?;
    let state = word::<v1::PatchSetState>(published.state);
    let did = session.did("published");
    session.out.one(&published, |_, _| format!("{name} {did}, {state}"))?;
    let next = match published.state() {
        v1::PatchSetState::Ready => format!("tidegate rollout start {}", id_of(&name)),
        v1::PatchSetState::Replicating
        | v1::PatchSetState::Halted
        | v1::PatchSetState::Withdrawn
        | v1::PatchSetState::Unspecified => {
            format!("tidegate patchset get {}   # until it is READY", id_of(&name))
        }
    };
    session.end(intent.attempt(), &next);
    Ok(Exit::Done)
}

fn bad_manifest(path: &Path, error: &ManifestError) -> Failure {
    let attempt = format!("publish {}", path.display());
    let next = format!("correct {}, then repeat the command", path.display());
    Failure::usage(attempt, "BAD_MANIFEST", error.to_string(), next)
}

/// The file holds what the manifest says.
fn check_file(artifact: &v1::Artifact, file: &Path) -> Result<Vec<u8>, Failure> {
    let attempt = format!("upload {}", file.display());
    manifest::load(file, artifact)
        .map_err(|error| Failure::machine(attempt, &error, "repeat the command"))
}

async fn upload(
    session: &mut Session,
    artifact: &v1::Artifact,
    file: &Path,
) -> Result<(), Failure> {
    let attempt = format!("upload {}", file.display());
    let data = check_file(artifact, file)?;
    let header = v1::UploadHeader {
        sha256: artifact.sha256.clone(),
        size_bytes: artifact.size_bytes,
        offset_bytes: 0,
    };
    let intent = Intent::read(attempt, Subject::PatchSets);
    let body = (header, Arc::new(data));
    session
        .client
        .upload(&intent, body, async |attempt, (mut header, data)| {
            let mut client = PatchSetServiceClient::new(attempt.channel.clone());
            let asked = v1::GetUploadRequest { sha256: header.sha256.clone() };
            let upload = client.get_upload(attempt.request(asked)).await?.into_inner();
            header.offset_bytes = upload.received_bytes;
            client.upload_artifact(attempt.request(parts(header, data))).await
        })
        .await?;
    Ok(())
}

/// The header, then the bytes from its offset on in order, at most 64 KiB at a time.
fn parts(
    header: v1::UploadHeader,
    data: Arc<Vec<u8>>,
) -> impl Stream<Item = v1::UploadArtifactRequest> {
    let first = usize::try_from(header.offset_bytes).unwrap_or(data.len());
    let starts = (first..data.len()).step_by(CHUNK_BYTES);
    let chunks = starts.map(move |start| {
        let end = data.len().min(start + CHUNK_BYTES);
        Part::Data(data[start..end].to_vec())
    });
    let parts = std::iter::once(Part::Header(header)).chain(chunks);
    iter(parts.map(|part| v1::UploadArtifactRequest { part: Some(part) }))
}

fn draw(patch_set: &v1::PatchSet, now: DateTime<Utc>) -> String {
    let nodes: Vec<String> = patch_set.stored_on_nodes.iter().map(u64::to_string).collect();
    let stored = format!(
        "{} ({}), needs {}",
        text::counted(nodes.len(), "node"),
        or_dash(&nodes.join(", ")),
        patch_set.nodes_needed
    );
    let pairs = [
        ("patch set", patch_set.name.clone()),
        ("notice", patch_set.notice.clone()),
        ("state", word::<v1::PatchSetState>(patch_set.state)),
        ("epoch", patch_set.epoch.to_string()),
        ("stored on", stored),
        ("published", ago(patch_set.published_at.as_ref(), now)),
    ];
    let withdrawn = patch_set.withdrawal.as_ref().map(|of| withdrawn(of, now));
    let head: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key:<11}{}", plain(&or_dash(value)))).collect();
    let artifacts = patch_set
        .artifacts
        .iter()
        .map(|artifact| {
            vec![
                format!("{}-{}", artifact.kernel_release, artifact.flavour),
                artifact.arch.clone(),
                artifact.module.clone(),
                bytes(artifact.size_bytes),
                to_hex(&artifact.sha256),
            ]
        })
        .collect();
    let fixes = patch_set
        .fixes
        .iter()
        .map(|fix| {
            let severity = word::<v1::Severity>(fix.severity);
            vec![fix.name.clone(), severity, or_dash(&fix.description)]
        })
        .collect();
    let titles = ["KERNEL", "ARCH", "MODULE", "SIZE", "SHA-256"].map(str::to_owned);
    let fix_titles = ["FIX", "SEVERITY", "DESCRIPTION"].map(str::to_owned);
    let withdrawn = withdrawn.unwrap_or_default();
    let blocks = [
        head.join("\n"),
        withdrawn,
        grid(Some(&titles), artifacts),
        grid(Some(&fix_titles), fixes),
    ];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n")
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt as _;

    use super::*;

    async fn lengths(size: usize, offset_bytes: u64) -> Vec<usize> {
        let data = Arc::new(vec![7; size]);
        let header = v1::UploadHeader { offset_bytes, ..Default::default() };
        let mut parts = std::pin::pin!(parts(header, data));
        let first = parts.next().await.and_then(|request| request.part);
        assert!(matches!(first, Some(Part::Header(_))));
        let mut lengths = Vec::new();
        while let Some(request) = parts.next().await {
            match request.part {
                Some(Part::Data(data)) => lengths.push(data.len()),
                Some(Part::Header(_)) | None => panic!("one header, then bytes"),
            }
        }
        lengths
    }

    #[tokio::test]
    async fn an_upload_is_a_header_and_pieces_of_64_kib_at_most() {
        assert_eq!(lengths(1, 0).await, [1]);
        assert_eq!(lengths(CHUNK_BYTES, 0).await, [CHUNK_BYTES]);
        assert_eq!(lengths(CHUNK_BYTES + 1, 0).await, [CHUNK_BYTES, 1]);
    }

    #[tokio::test]
    async fn an_upload_that_goes_on_sends_what_is_missing() {
        assert_eq!(lengths(CHUNK_BYTES + 1, 10).await, [CHUNK_BYTES - 9]);
        assert_eq!(lengths(5, 5).await, [0; 0]);
        assert_eq!(lengths(5, 9).await, [0; 0]);
    }
}
