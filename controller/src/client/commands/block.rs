//! `tidegate block`: what may never come in, nor go on – a version, or an artifact by its SHA-256.

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::session::Session;

/// Verbs of `block`.
#[derive(Debug, Subcommand)]
pub enum BlockCommand {
    /// Put a version or an artifact on the list, and halt what is on its way of it. Never asks.
    Create(Create),
    /// Take it off the list. Halts stand until they are resumed.
    Lift(Lift),
    /// List the block-list.
    #[command(after_help = "Example:\n  tidegate block list")]
    List(Arrange),
}

/// Flags of `block create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate block create 113.1 --reason 'the vendor took it back'"
)]
pub struct Create {
    /// A version, e.g. `113.1`, published or not; or the SHA-256 of an artifact.
    #[arg(value_name = "VERSION|SHA256", value_parser = names::block)]
    what: String,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Flags of `block lift`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate block lift 113.1 --reason 'it was the wrong number'")]
pub struct Lift {
    /// What is on the list.
    #[arg(value_name = "VERSION|SHA256", value_parser = names::block)]
    what: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: BlockCommand) -> Result<Exit, Failure> {
    match command {
        BlockCommand::Create(flags) => create(session, flags).await,
        BlockCommand::Lift(flags) => lift(session, flags).await,
        BlockCommand::List(arrange) => list(session, arrange).await,
    }
}

async fn create(session: &mut Session, flags: Create) -> Result<Exit, Failure> {
    let attempt = format!("block {}", id_of(&flags.what));
    let intent = Intent::write(attempt, Subject::Blocks, session.request_id);
    let body = v1::CreateBlockRequest {
        request_id: session.request_id.to_string(),
        block_id: id_of(&flags.what).to_owned(),
        reason: flags.reason,
        validate_only: session.validate_only(),
    };
    let block = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).create_block(request).await
        })
        .await?;
    let did = session.did("created");
    let halted = match block.halted_rollouts.as_slice() {
        [] => "nothing of it is on its way".to_owned(),
        rollouts => format!("halted: {}", rollouts.join(", ")),
    };
    session.out.one(&block, |_, _| format!("{} {did}; {halted}", block.name))?;
    let next = format!("tidegate block lift {} --reason REASON", id_of(&block.name));
    session.end(intent.attempt(), &next);
    Ok(Exit::Done)
}

async fn lift(session: &mut Session, flags: Lift) -> Result<Exit, Failure> {
    let Lift { what: name, reason } = flags;
    let attempt = format!("lift {name}");
    let stakes =
        "It may be published and started; rollouts that are halted stay so until they are resumed.";
    session.asking.confirm(&attempt, stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Blocks, session.request_id);
    let request_id = session.request_id.to_string();
    let validate_only = session.validate_only();
    let body = v1::LiftBlockRequest { request_id, name: name.clone(), reason, validate_only };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).lift_block(request).await
        })
        .await?;
    let said = format!("{name} {}", session.did("lifted"));
    session.out.done(&name, &[("name", name.as_str().into())], &said)?;
    session.end(intent.attempt(), "tidegate block list");
    Ok(Exit::Done)
}

async fn list(session: &mut Session, arrange: Arrange) -> Result<Exit, Failure> {
    let intent = Intent::read("list the block-list", Subject::Blocks);
    let mut answer = session
        .client
        .unary(&intent, v1::ListBlocksRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).list_blocks(request).await
        })
        .await?;
    arrange.sort(&mut answer.blocks)?;
    session.out.list(("blocks", answer.blocks.as_slice()), &arrange, [])?;
    Ok(Exit::Done)
}
