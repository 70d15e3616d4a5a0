//! `tidegate host evict`, `move`: who leaves the fleet, and who goes to another token?

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::host::{draw, fetch};
use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::text::{counted, plain};
use crate::client::session::Session;

/// Flags of `host evict`.
#[derive(Debug, Args)]
pub struct EvictHost {
    /// The host: its id, or a machine name that only it has.
    #[arg(value_parser = names::host)]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Evict it also in flight, or verified and not heard at the moment: it counts as silent.
    #[arg(long)]
    force: bool,
}

/// Flags of `host move`.
#[derive(Debug, Args)]
pub struct MoveHost {
    /// The host: its id, or a machine name that only it has.
    #[arg(value_parser = names::host)]
    name: String,
    /// The token whose place it takes.
    #[arg(long, value_parser = names::token)]
    token: String,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

pub(super) async fn evict(session: &mut Session, flags: EvictHost) -> Result<Exit, Failure> {
    let attempt = format!("evict {}", flags.name);
    let mut name = flags.name;
    // Asked about what is there; a repeat, whose host is gone, has agreed before.
    if !session.asking.has_yes() {
        let host = fetch(session, name).await?;
        let loss = if flags.force { ", and it counts as silent where it is in flight" } else { "" };
        let stakes = format!("This takes {} out of the fleet{loss}.", in_words(&host));
        session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
        name = host.name;
    }
    let intent = Intent::write(attempt.clone(), Subject::Host(name.clone()), session.request_id);
    let body = v1::EvictHostRequest {
        request_id: session.request_id.to_string(),
        name,
        reason: flags.reason,
        force: flags.force,
        validate_only: session.validate_only(),
    };
    let evicted = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).evict_host(request).await
        })
        .await?;
    let said = session.did("evicted");
    session.out.one(&evicted, |_, _| format!("{} {}", evicted.name, said))?;
    if let Some(v1::Token { name, enrolled_hosts, max_hosts, .. }) = &evicted.token {
        session.out.talk(&format!("{name} has {enrolled_hosts} of {max_hosts} hosts"));
    }
    if evicted.counted_silent > 0 {
        let rollouts = counted(evicted.counted_silent, "rollout");
        session
            .out
            .talk(&format!("it counts as silent in {rollouts}: what became of it is not known"));
    }
    session.end(&attempt, "tidegate token list");
    Ok(Exit::Done)
}

pub(super) async fn move_to(session: &mut Session, flags: MoveHost) -> Result<Exit, Failure> {
    let attempt = format!("move {} to {}", flags.name, flags.token);
    let mut name = flags.name;
    if !session.asking.has_yes() {
        let host = fetch(session, name).await?;
        let stakes =
            format!("This gives {} a place under {}, and its tier.", in_words(&host), flags.token);
        session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
        name = host.name;
    }
    let intent = Intent::write(attempt.clone(), Subject::Host(name.clone()), session.request_id);
    let body = v1::MoveHostRequest {
        request_id: session.request_id.to_string(),
        name,
        token: flags.token,
        reason: flags.reason,
        validate_only: session.validate_only(),
    };
    let host = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).move_host(request).await
        })
        .await?;
    session.out.one(&host, |show, now| draw(&host, show, now))?;
    session.end(&attempt, &format!("tidegate host list --token {}", id_of(&host.token)));
    Ok(Exit::Done)
}

/// `hosts/7f… (web-1 of tiers/free, tokens/free)`.
fn in_words(host: &v1::Host) -> String {
    let hostname = host.facts.as_ref().map(|facts| plain(&facts.hostname)).unwrap_or_default();
    let called = if hostname.is_empty() { String::new() } else { format!("{hostname} of ") };
    format!("{} ({called}{}, {})", host.name, host.tier, host.token)
}
