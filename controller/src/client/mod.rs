//! Which commands does an operator type, and who answers them? Every noun of the command line but
//! `serve` and `demo`; it knows the wire, the form of a backup, and nothing else of this crate.

mod advice;
mod args;
mod change;
mod clock;
mod commands;
pub mod complete;
mod confirm;
mod connect;
mod contexts;
mod errors;
mod exit;
mod feed;
mod ids;
mod manual;
mod names;
mod output;
mod reasons;
mod refused;
mod session;
mod settings;
mod top;

use std::process::ExitCode;

use clap::Subcommand;

pub use args::{Flags, OutputFormat};
pub use commands::audit::{AuditCommand, List as AuditList, Tail, Which};
pub use commands::audit_chain::{Export, Verify};
pub use commands::backup::BackupTo;
pub use commands::block::BlockCommand;
pub use commands::cluster::ClusterCommand;
pub use commands::config::{ConfigCommand, Set};
pub use commands::coverage::{ApplyTable, CoverageCommand};
pub use commands::freeze::FreezeCommand;
pub use commands::halt::Halt;
pub use commands::holdback::HoldbackCommand;
pub use commands::host::{HostCommand, HostList, HostStateWord};
pub use commands::host_change::{EvictHost, MoveHost};
pub use commands::incident::{Ack, IncidentCommand, IncidentNamed, Note, Resolve};
pub use commands::members::{Add, Promote as PromoteMember, Remove, Transfer};
pub use commands::pages::Listing;
pub use commands::patch_set::{PatchSetCommand, Publish};
pub use commands::people::ApprovalCommand;
pub use commands::policy::{Diff, Lint, PolicyCommand};
pub use commands::promote::Promote;
pub use commands::report::{Deadlines, Exposure, ReportCommand};
pub use commands::restore::Restore;
pub use commands::rollout::{Explain, HostsOf, Named, Reasoned, Replay, Resume, RolloutCommand};
pub use commands::start::Start;
pub use commands::tier::TierCommand;
pub use commands::token::{CreateToken, TokenCommand};
pub use commands::token_change::{Expiry, RevokeToken, UpdateToken};
pub use commands::watch::{Get, Status};
pub use commands::webhook::WebhookCommand;
pub use complete::Completion;
pub use ids::RequestId;
pub use manual::{Manual, laid_out};
pub use output::arrange::Arrange;
pub use reasons::ExplainReason;
pub use settings::{Globals, Need};
pub(crate) use top::Offscreen;
pub use top::Top;

use errors::Failure;
use exit::Exit;
use output::Output;
use session::Session;
use tidegate_proto::v1;

/// An explanation as `tidegate rollout explain` prints it.
pub(crate) fn explained_in_words(answer: &v1::ExplainRolloutResponse) -> String {
    output::rollout::explanation(answer, clock::now())
}

/// What the exit codes mean; meant for the end of `--help`.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
    0  done, healthy
    1  the request failed, or was not confirmed
    2  usage: a flag, a name or a file is not what it should be
    3  the rollout is halted (status, --wait)
    4  timed out, the rollout is still going on (--wait, watch --timeout)
    5  what was compared differs (diff)
    6  wrong state, or somebody was faster: look again
    7  unauthenticated, or not permitted
    8  no controller answered in time, or none leads: try again later
  130  interrupted: nothing is undone";

/// The nouns of the command line.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Move a patch set through the ladder, and see why it is where it is.
    #[command(subcommand, visible_alias = "ro")]
    Rollout(RolloutCommand),
    /// Stop a rollout now, or one slice of it. Never asks; safe to repeat.
    Halt(Halt),
    /// Fleet, rollouts and controllers on one screen; halt, pause and promote by a key.
    Top(Top),
    /// See what was halted, on which evidence, and what became of it.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Publish and inspect patch sets.
    #[command(subcommand, name = "patchset")]
    PatchSet(PatchSetCommand),
    /// Inspect the fleet's hosts.
    #[command(subcommand)]
    Host(HostCommand),
    /// Create and list the tokens that hosts enrol with.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Inspect the ladder, and declare it anew: tiers, windows, delays.
    #[command(subcommand)]
    Tier(TierCommand),
    /// See and say which kernels are covered, until when.
    #[command(subcommand)]
    Coverage(CoverageCommand),
    /// Report of the whole fleet what is open, and which kernels have to be upgraded.
    #[command(subcommand)]
    Report(ReportCommand),
    /// See what waits for a second person, and agree to it.
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Let nobody begin for a while, everywhere or in a tier.
    #[command(subcommand)]
    Freeze(FreezeCommand),
    /// Say what may never come in, nor go on: a version, or an artifact.
    #[command(subcommand)]
    Block(BlockCommand),
    /// Hold back from some hosts what is too new for them.
    #[command(subcommand)]
    Holdback(HoldbackCommand),
    /// Inspect, add and remove controllers; back them up.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Say whether the controllers can be reached, and what will hurt later.
    #[command(after_help = "Example:\n  tidegate doctor --context prod")]
    Doctor,
    /// Choose, list and change contexts: named clusters in the user's file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say which version this program is.
    #[command(after_help = "Example:\n  tidegate version -o json")]
    Version,
    /// Say what stands behind the reason code of a refusal.
    Explain(ExplainReason),
    /// Print what completes commands in a shell.
    Completion(Completion),
    /// Print a page of the manual, or write all.
    Man(Manual),
    /// See who decided what and why, and check that nobody has changed it since.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Declare who is told of incidents, see whether they heard, and test the way.
    #[command(subcommand)]
    Webhook(WebhookCommand),
}

impl Command {
    /// What it needs of the files that name contexts.
    pub fn need(&self) -> Need {
        match self {
            Self::Halt(_)
            | Self::Rollout(RolloutCommand::Halt(_) | RolloutCommand::Pause(_))
            | Self::Freeze(FreezeCommand::Create(_))
            | Self::Block(BlockCommand::Create(_)) => Need::ToStop,
            Self::Config(command) => command.need(),
            Self::Version | Self::Explain(_) | Self::Completion(_) | Self::Man(_) => Need::Nothing,
            Self::Rollout(_)
            | Self::Top(_)
            | Self::Incident(_)
            | Self::PatchSet(_)
            | Self::Host(_)
            | Self::Token(_)
            | Self::Tier(_)
            | Self::Coverage(_)
            | Self::Approval(_)
            | Self::Freeze(_)
            | Self::Block(_)
            | Self::Holdback(_)
            | Self::Cluster(_)
            | Self::Report(_)
            | Self::Audit(_)
            | Self::Webhook(_)
            | Self::Doctor => Need::Files,
        }
    }
}

/// What holds for a run that needs so much of the files; what is wrong with them is told.
///
/// # Errors
/// How the process ends, where they are wrong and that matters.
pub fn settle(flags: Flags, need: Need) -> Result<Globals, ExitCode> {
    let format = flags.output.unwrap_or(OutputFormat::Table);
    match flags.settle(need) {
        Ok((globals, left_out)) => {
            if let Some(Failure::Problem(problem)) = left_out {
                errors::talk(&format!("left out, and going on without: {}", problem.why));
            }
            Ok(globals)
        }
        Err(failure) => Err(errors::report(failure, format).into()),
    }
}

/// Does what a person asks about policies.
pub fn policy(globals: &Globals, command: PolicyCommand) -> ExitCode {
    let out = Output::new(globals.output, globals.no_headers, globals.quiet);
    told(commands::policy::run(&out, command), globals.output)
}

fn told(ended: Result<Exit, Failure>, format: OutputFormat) -> ExitCode {
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => errors::report(failure, format).into(),
    }
}

/// Runs one command to its end and says how it went: data on stdout, talk on stderr. `whole`: the command line that
/// it is a part of.
pub async fn run(globals: Globals, command: Command, whole: clap::Command) -> ExitCode {
    let format = globals.output;
    // The screen has keys of its own, and a connection for each thing it does.
    if let Command::Top(flags) = command {
        return told(top::run(globals, flags).await, format);
    }
    let mut session = match Session::new(globals.clone()) {
        Ok(session) => session,
        Err(failure) => return errors::report(failure, format).into(),
    };
    let ended = tokio::select! {
        ended = dispatch(&mut session, (&globals, whole), command) => ended,
        _ = tokio::signal::ctrl_c() => {
            errors::talk(&session.client.interrupted());
            Ok(Exit::Interrupted)
        }
    };
    told(ended, format)
}

/// This program's version.
fn version(session: &Session) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    session.out.done(version, &[("version", version.into())], &format!("tidegate {version}"))?;
    Ok(Exit::Done)
}

async fn dispatch(
    session: &mut Session,
    (globals, whole): (&Globals, clap::Command),
    command: Command,
) -> Result<Exit, Failure> {
    match command {
        Command::Rollout(command) => commands::rollout::run(session, command).await,
        Command::Halt(halt) => commands::halt::run(session, halt).await,
        // It has no session: see `run`.
        Command::Top(_) => Ok(Exit::Done),
        Command::Incident(command) => commands::incident::run(session, command).await,
        Command::PatchSet(command) => commands::patch_set::run(session, command).await,
        Command::Host(command) => commands::host::run(session, command).await,
        Command::Token(command) => commands::token::run(session, command).await,
        Command::Tier(command) => commands::tier::run(session, command).await,
        Command::Coverage(command) => commands::coverage::run(session, command).await,
        Command::Report(command) => commands::report::run(session, command).await,
        Command::Approval(command) => commands::people::run(session, command).await,
        Command::Freeze(command) => commands::freeze::run(session, command).await,
        Command::Block(command) => commands::block::run(session, command).await,
        Command::Holdback(command) => commands::holdback::run(session, command).await,
        Command::Cluster(command) => commands::cluster::run(session, command).await,
        Command::Doctor => commands::doctor::run(session, globals).await,
        Command::Config(command) => commands::config::run(globals, command),
        Command::Version => version(session),
        Command::Explain(flags) => reasons::explain(&session.out, &flags),
        Command::Completion(flags) => complete::script(whole, &flags).map(|()| Exit::Done),
        Command::Man(flags) => manual::show(whole, &flags).map(|()| Exit::Done),
        Command::Audit(command) => commands::audit::run(session, command).await,
        Command::Webhook(command) => commands::webhook::run(session, command).await,
    }
}
