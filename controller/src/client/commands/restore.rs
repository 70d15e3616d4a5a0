//! `tidegate cluster restore`: how does a cluster come back when only its backup is left?

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::backup::told;
use crate::backup::{Backup, NewCluster, Restored, restore};
use crate::client::clock;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::ids::to_hex;
use crate::client::output::text::{counted, plain};
use crate::client::session::Session;

/// Flags of `cluster restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Only for the hour when no majority of the controllers can be brought back: what was decided after the
backup is lost. Stop every controller that is left of the old cluster first.

The folder becomes that of a new cluster of one controller: with a new id and a higher generation, so
that hosts refuse what the old one still says. Every rollout that could let hosts begin is paused, and
nothing is offered before a person resumes it.

Example:
  tidegate cluster restore fleet.backup --data-dir /var/lib/tidegate --node-id 1 \\
    --address 127.0.0.1:7443 --confirm=CLUSTER")]
pub struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new controller's folder: one that is empty, or does not exist.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The new controller's id; not one that was removed before the backup.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    node_id: u64,
    /// Where the new controller listens.
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Agree: the cluster's name.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Checks the file, asks, and makes the folder.
pub(crate) async fn run(session: &mut Session, flags: Restore) -> Result<Exit, Failure> {
    let Restore { file, data_dir, node_id, address, confirm } = flags;
    let attempt = format!("restore {} into {}", file.display(), data_dir.display());
    let fails = |error| told(&attempt, &error);
    let backup = blocking(&attempt, move || Backup::open(&file)).await?.map_err(fails)?;
    let header = backup.header().clone();
    let name = plain(&header.cluster);
    let stakes = format!(
        "A new cluster is made from {name} at log index {}. Whatever was decided after that is lost. \
         No controller of the old one may run.",
        header.index
    );
    let danger = Danger::Severe { name: header.cluster, given: confirm };
    session.asking.confirm(&attempt, &stakes, danger).await?;
    if session.validate_only() {
        session.end(&attempt, "");
        return Ok(Exit::Done);
    }
    let seconds = u64::try_from(clock::now().timestamp()).unwrap_or(0);
    let into = NewCluster { data_dir, node: node_id, address, now_seconds: seconds };
    let restored = blocking(&attempt, move || restore(&backup, &into)).await?.map_err(fails)?;
    session.out.done(&restored.cluster, &fields(&restored), &text(&restored))?;
    for rollout in &restored.paused {
        session.out.talk(&format!("paused: rollouts/{rollout}"));
    }
    session.out.next(&format!(
        "tidegate serve --config FILE, with cluster = \"{name}\", node-id = {node_id}, this data-dir and \
         one [[member]]; then look at each rollout, and resume it: tidegate rollout list"
    ));
    Ok(Exit::Done)
}

/// What a program gets.
fn fields(restored: &Restored) -> [(&'static str, Value); 7] {
    [
        ("cluster", restored.cluster.clone().into()),
        ("clusterId", to_hex(&restored.id).into()),
        ("generation", restored.generation.into()),
        ("index", restored.index.into()),
        ("hosts", restored.hosts.into()),
        ("artifacts", restored.artifacts.into()),
        ("paused", restored.paused.clone().into()),
    ]
}

fn text(restored: &Restored) -> String {
    format!(
        "{} is restored: id {}, generation {}, log index {}; {}, {}, {} paused",
        plain(&restored.cluster),
        to_hex(&restored.id),
        restored.generation,
        restored.index,
        counted(restored.hosts, "host"),
        counted(restored.artifacts, "artifact"),
        counted(restored.paused.len(), "rollout")
    )
}

/// Runs what reads and writes whole files off the async threads.
async fn blocking<T: Send + 'static>(
    attempt: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|broke| Failure::machine(attempt, &std::io::Error::other(broke), "try again"))
}
