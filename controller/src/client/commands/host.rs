//! `tidegate host`: which machines are there, and what runs on them?

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::errors::{Exit, Failure};
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
    /// Most hosts to list.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    limit: usize,
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
    let mut hosts = Vec::new();
    let mut page_token = String::new();
    let total = loop {
        let body = v1::ListHostsRequest {
            page_size: page_size(flags.limit - hosts.len()),
            page_token,
            filter: String::new(),
            tier: tier.clone(),
        };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                FleetServiceClient::new(attempt.channel).list_hosts(request).await
            })
            .await?;
        hosts.extend(page.hosts);
        page_token = page.next_page_token;
        if page_token.is_empty() || hosts.len() >= flags.limit {
            break page.total_size;
        }
    };
    hosts.truncate(flags.limit);
    session.out.list("hosts", &hosts, [("totalSize", total.into())])?;
    if !page_token.is_empty() {
        let shown = hosts.len();
        session.out.talk(&format!("the first {shown} hosts of {total}; --limit shows more"));
    }
    Ok(Exit::Done)
}

/// The wire's page size for so many rows: 1 to 1,000.
pub(crate) fn page_size(wanted: usize) -> i32 {
    i32::try_from(wanted.clamp(1, 1_000)).unwrap_or(1_000)
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
