//! What may stand at the cursor? Scripts for shells, and the names that a controller knows, asked for while the
//! operator waits.

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Command, Parser};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{Shell, generate};
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::args::Flags;
use super::errors::Failure;
use super::names::id_of;
use super::settings::Need;

/// The variable by which a shell's script asks for candidates.
const VARIABLE: &str = "TIDEGATE_COMPLETE";

/// How long an operator who has pressed a key waits for names.
const PATIENCE: Duration = Duration::from_millis(300);

/// Names that are offered.
const MOST: i32 = 1_000;

/// The kinds of names that a controller is asked for.
#[derive(Debug, Clone, Copy)]
enum Names {
    Rollouts,
    PatchSets,
    Tiers,
}

/// What the environment says, where nobody gives a flag.
#[derive(Debug, Parser)]
struct Bare {
    #[command(flatten)]
    flags: Flags,
}

/// Flags of `completion`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate completion bash > /etc/bash_completion.d/tidegate
  source <(tidegate completion bash --dynamic)      asks a controller for the names of rollouts, patch sets
                                                    and tiers; waits 300 ms for them at most")]
pub struct Completion {
    /// The shell.
    shell: Shell,
    /// A script that asks this program at each key, and so knows names, too.
    #[arg(long)]
    dynamic: bool,
}

/// Prints a shell's script.
pub(crate) fn script(mut command: Command, flags: &Completion) -> Result<(), Failure> {
    let mut script = Vec::new();
    if flags.dynamic {
        let shells = Shells::builtins();
        let name = flags.shell.to_string();
        let Some(shell) = shells.completer(&name) else {
            let why = format!("{name} cannot ask a program");
            return Err(Failure::usage(
                "print a script",
                "NOT_DYNAMIC",
                why,
                "leave --dynamic out",
            ));
        };
        shell.write_registration(VARIABLE, "tidegate", "tidegate", "tidegate", &mut script)?;
    } else {
        generate(flags.shell, &mut command, "tidegate", &mut script);
    }
    Ok(std::io::stdout().lock().write_all(&script)?)
}

/// Answers a shell that asks for candidates, and ends there; returns where nobody asks.
pub fn answer(command: impl Fn() -> Command) {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(command).var(VARIABLE).complete();
    }
}

/// The names of rollouts.
pub(crate) fn rollouts() -> ArgValueCandidates {
    of(Names::Rollouts)
}

/// The names of patch sets.
pub(crate) fn patch_sets() -> ArgValueCandidates {
    of(Names::PatchSets)
}

/// The names of tiers.
pub(crate) fn tiers() -> ArgValueCandidates {
    of(Names::Tiers)
}

fn of(kind: Names) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let names = ask(kind).unwrap_or_default();
        names.iter().map(|name| CompletionCandidate::new(id_of(name))).collect()
    })
}

/// The names that the first controller knows that answers. `None`: none does in time; a shell has nothing to say
/// about that.
fn ask(kind: Names) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let flags = Bare::try_parse_from(["tidegate"]).ok()?.flags;
    let (globals, _) = flags.settle(Need::Files).ok()?;
    runtime.block_on(async {
        let asked = tokio::time::timeout(PATIENCE, async {
            for uri in globals.endpoint {
                let Ok(channel) = Endpoint::from(uri).connect().await else { continue };
                if let Ok(names) = list(kind, channel).await {
                    return Some(names);
                }
            }
            None
        });
        asked.await.ok().flatten()
    })
}

async fn list(kind: Names, channel: Channel) -> Result<Vec<String>, Status> {
    // What this controller has will do.
    fn stale<B>(body: B) -> Request<B> {
        let mut request = Request::new(body);
        let stale = tonic::metadata::MetadataValue::from_static(tidegate_proto::READ_STALE);
        request.metadata_mut().insert(tidegate_proto::READ_HEADER, stale);
        request
    }
    Ok(match kind {
        Names::Rollouts => {
            let body = v1::ListRolloutsRequest { page_size: MOST, ..Default::default() };
            let page = RolloutServiceClient::new(channel).list_rollouts(stale(body)).await?;
            page.into_inner().rollouts.into_iter().map(|of| of.name).collect()
        }
        Names::PatchSets => {
            let body = v1::ListPatchSetsRequest { page_size: MOST, ..Default::default() };
            let page = PatchSetServiceClient::new(channel).list_patch_sets(stale(body)).await?;
            page.into_inner().patch_sets.into_iter().map(|of| of.name).collect()
        }
        Names::Tiers => {
            let body = v1::ListTiersRequest::default();
            let page = FleetServiceClient::new(channel).list_tiers(stale(body)).await?;
            page.into_inner().tiers.into_iter().map(|of| of.name).collect()
        }
    })
}
