//! `tidegate webhook`: who is told of incidents, and do they hear?

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::webhook_service_client::WebhookServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::output::webhook::whole;
use crate::client::session::Session;

/// Verbs of `webhook`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// List the webhooks, and how many notifications wait for each.
    #[command(after_help = "Example:\n  tidegate webhook list -o wide")]
    List(Arrange),
    /// Show one webhook, and what waits for its receiver.
    #[command(after_help = "Example:\n  tidegate webhook get pager")]
    Get(WebhookNamed),
    /// Declare all webhooks anew. Who is not in the document is told nothing more.
    #[command(after_help = "Example:\n  tidegate webhook apply -f webhooks.toml")]
    Apply(Apply),
    /// Print the webhooks as the document that declares them.
    #[command(after_help = "Example:\n  tidegate webhook export > webhooks.toml")]
    Export,
    /// Send a receiver something that is about nothing, to see whether it hears.
    #[command(after_help = "Example:\n  tidegate webhook test pager")]
    Test(WebhookNamed),
    /// Send dead letters again: what was given up or dropped.
    #[command(after_help = "Example:\n  tidegate webhook resend pager --all")]
    Resend(Resend),
}

/// A webhook's name.
#[derive(Debug, Args)]
pub struct WebhookNamed {
    /// The webhook, e.g. `pager` or `webhooks/pager`.
    #[arg(value_parser = names::webhook)]
    name: String,
}

/// Flags of `webhook resend`.
#[derive(Debug, Args)]
pub struct Resend {
    /// The webhook, e.g. `pager` or `webhooks/pager`.
    #[arg(value_parser = names::webhook)]
    name: String,
    /// The numbers of its dead letters, as `webhook get` shows them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    numbers: Vec<u64>,
    /// All of its dead letters.
    #[arg(long)]
    all: bool,
}

/// Flags of `webhook apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The webhooks document, as `webhook export` prints it.
    #[arg(short, long, value_name = "FILE.toml")]
    file: PathBuf,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: WebhookCommand) -> Result<Exit, Failure> {
    match command {
        WebhookCommand::List(arrange) => list(session, arrange).await,
        WebhookCommand::Get(WebhookNamed { name }) => get(session, name).await,
        WebhookCommand::Apply(flags) => apply(session, flags).await,
        WebhookCommand::Export => {
            let webhooks = webhooks(session, "print the webhooks").await?;
            session.out.raw(&webhooks.webhooks_toml)?;
            Ok(Exit::Done)
        }
        WebhookCommand::Test(WebhookNamed { name }) => test(session, name).await,
        WebhookCommand::Resend(flags) => resend(session, flags).await,
    }
}

async fn webhooks(session: &mut Session, attempt: &str) -> Result<v1::Webhooks, Failure> {
    let intent = Intent::read(attempt, Subject::Webhooks);
    session
        .client
        .unary(&intent, v1::ListWebhooksRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            WebhookServiceClient::new(attempt.channel).list_webhooks(request).await
        })
        .await
}

async fn list(session: &mut Session, arrange: Arrange) -> Result<Exit, Failure> {
    let mut answer = webhooks(session, "list the webhooks").await?;
    arrange.sort(&mut answer.webhooks)?;
    let more = [("version", answer.version.into()), ("etag", answer.etag.into())];
    session.out.list(("webhooks", answer.webhooks.as_slice()), &arrange, more)?;
    Ok(Exit::Done)
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Webhook(name.clone()));
    let webhook = session
        .client
        .unary(&intent, v1::GetWebhookRequest { name }, async |attempt, body| {
            let request = attempt.request(body);
            WebhookServiceClient::new(attempt.channel).get_webhook(request).await
        })
        .await?;
    session.out.one(&webhook, |_, now| whole(&webhook, now))?;
    Ok(Exit::Done)
}

async fn apply(session: &mut Session, flags: Apply) -> Result<Exit, Failure> {
    let attempt = "declare the webhooks";
    let source = flags.file.display().to_string();
    let text = fs::read_to_string(&flags.file).map_err(|error| {
        let next = "name a file that can be read";
        Failure::usage(format!("read {source}"), "BAD_WEBHOOKS_FILE", error.to_string(), next)
    })?;
    let stakes = "Who is told of incidents now and is not in the document is told nothing more.";
    session.asking.confirm(attempt, stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Webhooks, session.request_id);
    let body = v1::ApplyWebhooksRequest {
        request_id: session.request_id.to_string(),
        webhooks_toml: text,
        source,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let webhooks = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            WebhookServiceClient::new(attempt.channel).apply_webhooks(request).await
        })
        .await?;
    let names: Vec<&str> = webhooks.webhooks.iter().map(|of| id_of(&of.name)).collect();
    let names = if names.is_empty() { "nobody is told".to_owned() } else { names.join(", ") };
    let did = session.did("declared");
    session.out.one(&webhooks, |_, _| format!("webhooks {did}: {names}"))?;
    let first = webhooks.webhooks.first().map(|of| format!("test {}", id_of(&of.name)));
    let next = format!("tidegate webhook {}", first.unwrap_or_else(|| "list".to_owned()));
    session.end(intent.attempt(), &next);
    Ok(Exit::Done)
}

async fn test(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let attempt = format!("test {name}");
    let intent = Intent::write(attempt, Subject::Webhook(name.clone()), session.request_id);
    let body = v1::TestWebhookRequest {
        request_id: session.request_id.to_string(),
        name: name.clone(),
        validate_only: session.validate_only(),
    };
    let webhook = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            WebhookServiceClient::new(attempt.channel).test_webhook(request).await
        })
        .await?;
    session.out.one(&webhook, |_, now| whole(&webhook, now))?;
    session.end(intent.attempt(), &format!("tidegate webhook get {}", id_of(&name)));
    Ok(Exit::Done)
}

async fn resend(session: &mut Session, flags: Resend) -> Result<Exit, Failure> {
    let Resend { name, numbers, all } = flags;
    let attempt = format!("send dead letters of {name} again");
    let intent = Intent::write(attempt, Subject::Webhook(name.clone()), session.request_id);
    let body = v1::ResendNotificationsRequest {
        request_id: session.request_id.to_string(),
        name: name.clone(),
        numbers,
        all,
        validate_only: session.validate_only(),
    };
    let webhook = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            WebhookServiceClient::new(attempt.channel).resend_notifications(request).await
        })
        .await?;
    session.out.one(&webhook, |_, now| whole(&webhook, now))?;
    session.end(intent.attempt(), &format!("tidegate webhook get {}", id_of(&name)));
    Ok(Exit::Done)
}
