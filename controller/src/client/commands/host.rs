//! `tidegate host`: which machines are there, and what runs on them?

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::pages::{Limit, Page};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::json::word;
use crate::client::output::rows::heard;
use crate::client::output::text::{or_dash, plain};
use crate::client::output::time::ago;
use crate::client::output::{Show, table};
use crate::client::session::Session;

/// Verbs of `host`.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// List hosts, by id.
    List(HostList),
    /// Show one host with its grants.
    Get {
        /// The host, e.g. `hosts/7f3a` or `7f3a`.
        #[arg(value_parser = names::host)]
        name: String,
    },
}

/// Flags of `host list`.
#[derive(Debug, Args)]
pub struct HostList {
    /// Only hosts of this tier.
    #[arg(long, value_parser = names::tier)]
    tier: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: HostCommand) -> Result<Exit, Failure> {
    match command {
        HostCommand::List(flags) => list(session, flags).await,
        HostCommand::Get { name } => get(session, name).await,
    }
}

async fn list(session: &mut Session, flags: HostList) -> Result<Exit, Failure> {
    let intent = Intent::read("list hosts", Subject::Hosts);
    let tier = flags.tier.unwrap_or_default();
    let mut total = 0;
    let listed = flags.limit.list(async |page_size, page_token| {
        let (filter, tier) = (String::new(), tier.clone());
        let body = v1::ListHostsRequest { page_size, page_token, filter, tier };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                FleetServiceClient::new(attempt.channel).list_hosts(request).await
            })
            .await?;
        total = page.total_size;
        Ok(Page { rows: page.hosts, next: page.next_page_token })
    });
    listed.await?.show(session, ("hosts", "hosts"), Some(total))?;
    Ok(Exit::Done)
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Host(name.clone()));
    let body = v1::GetHostRequest { name };
    let host = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).get_host(request).await
        })
        .await?;
    session.out.one(&host, |show, now| draw(&host, show, now))?;
    Ok(Exit::Done)
}

fn draw(host: &v1::Host, show: Show, now: DateTime<Utc>) -> String {
    let facts = host.facts.clone().unwrap_or_default();
    let kernel = known(&[&facts.kernel_release, &facts.flavour, &facts.arch]);
    let cpu = known(&[&facts.cpu_vendor, &facts.cpu_family, &facts.cpu_model]);
    let place = known(&[&facts.cloud, &facts.region, &facts.zone, &facts.rack]);
    let agent = known(&[&facts.agent_version, &word::<v1::AgentMode>(host.mode)]);
    let labels: Vec<String> =
        facts.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pairs = [
        ("host", host.name.clone()),
        ("hostname", facts.hostname),
        ("tier", host.tier.clone()),
        ("token", host.token.clone()),
        ("kernel", kernel),
        ("cpu", cpu),
        ("release", facts.distro_release),
        ("place", place),
        ("labels", labels.join(" ")),
        ("agent", agent),
        ("boot", host.boot_id.clone()),
        ("running", host.running_patch_set.clone()),
        ("heard", heard(host)),
        ("enrolled", ago(host.enroll_time.as_ref(), now)),
    ];
    let mut lines: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key:<10}{}", plain(&or_dash(value)))).collect();
    if !host.grants.is_empty() {
        lines.push(String::new());
        lines.push(table::render(&host.grants, show, true, now));
    }
    lines.join("\n")
}

/// The words that are known, in their order.
fn known(words: &[&str]) -> String {
    let known: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    known.join(" ")
}
