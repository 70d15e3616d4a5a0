//! `tidegate cluster backup`: how does the whole state come into a file?

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tonic::Streaming;

use crate::backup::{Arriving, Backup, BackupError};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::ids::to_hex;
use crate::client::output::text::{bytes, counted};
use crate::client::refused::Refused;
use crate::client::session::Session;

/// How long to try to begin where the operator does not say: before its first byte a controller may have to
/// check each artifact on its disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// Flags of `cluster backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file holds the state at one log index and the artifacts of its patch sets. It is checked from end
to end before it gets its name, and is never written over. Controllers go on meanwhile.

Example:
  tidegate cluster backup fleet-$(date +%F).backup")]
pub struct BackupTo {
    /// The file to write.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Fetches a backup and names it once it is whole.
pub(crate) async fn run(session: &mut Session, flags: BackupTo) -> Result<Exit, Failure> {
    let path = flags.file;
    let attempt = format!("back the cluster up to {}", path.display());
    if session.validate_only() {
        session.end(&attempt, "");
        return Ok(Exit::Done);
    }
    let mut arriving = Arriving::begin(&path).map_err(|error| told(&attempt, &error))?;
    let intent = Intent::read(attempt.clone(), Subject::Cluster);
    let patience = session.client.patience().unwrap_or(PATIENCE);
    let mut stream: Streaming<v1::BackupChunk> = session
        .client
        .open(&intent, patience, v1::BackupRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).backup(request).await
        })
        .await?;
    let mut size: u64 = 0;
    loop {
        let next = stream.message().await.map_err(|status| {
            let refused = Refused::midway(status, &bytes(size));
            Failure::of_request(&intent, &refused)
                .with_next(format!("try again; nothing is left of it at {}", path.display()))
        });
        let Some(chunk) = next? else { break };
        size = size.saturating_add(u64::try_from(chunk.data.len()).unwrap_or(u64::MAX));
        arriving.write(&chunk.data).map_err(|error| told(&attempt, &error))?;
    }
    let checked = tokio::task::spawn_blocking(move || arriving.finish()).await;
    let backup = match checked {
        Ok(finished) => finished.map_err(|error| told(&attempt, &error))?,
        Err(broke) => {
            let broke = std::io::Error::other(broke);
            return Err(Failure::machine(attempt, &broke, "try again"));
        }
    };
    announce(session, &backup, &path, size)?;
    Ok(Exit::Done)
}

fn announce(session: &Session, backup: &Backup, path: &Path, size: u64) -> Result<(), Failure> {
    let header = backup.header();
    let text = format!(
        "{}: {} of {} at log index {}, with {}",
        path.display(),
        bytes(size),
        header.cluster,
        header.index,
        counted(header.artifacts, "artifact")
    );
    let fields = [
        ("file", path.display().to_string().into()),
        ("sizeBytes", size.into()),
        ("cluster", header.cluster.clone().into()),
        ("clusterId", to_hex(&header.id).into()),
        ("generation", header.generation.into()),
        ("index", header.index.into()),
        ("artifacts", header.artifacts.into()),
    ];
    session.out.done(&path.display().to_string(), &fields, &text)?;
    session
        .out
        .next("keep it on another machine; `tidegate cluster restore --help` says how it is used");
    Ok(())
}

/// A backup's error, as a command tells it.
pub(crate) fn told(attempt: &str, error: &BackupError) -> Failure {
    let (why, next) = (error.to_string(), error.next());
    if error.is_usage() {
        return Failure::usage(attempt, error.reason(), why, next);
    }
    Failure::machine(attempt, &std::io::Error::other(why), next)
}
