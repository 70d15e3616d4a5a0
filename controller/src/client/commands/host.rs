//! `tidegate host`: which machines are there, and what runs on them?

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::host_change::{self, EvictHost, MoveHost};
use super::pages::{Listing, Page, Question};
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
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
    #[command(after_help = "Example:\n  tidegate host get web-7")]
    Get {
        /// The host, e.g. `hosts/7f3a` or `7f3a`.
        #[arg(value_parser = names::host)]
        name: String,
    },
    /// Take a host out of the fleet; its place under its token is free.
    Evict(EvictHost),
    /// Give a host a place under another token, and the tier of that.
    Move(MoveHost),
}

/// Flags of `host list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate host list --filter 'tier=free AND kernel:\"6.8*\"' --columns name,kernel,zone"
)]
pub struct HostList {
    /// Only hosts of this tier.
    #[arg(long, value_parser = names::tier, add = complete::tiers())]
    tier: Option<String>,
    /// Only hosts that have their place under this token.
    #[arg(long, value_parser = names::token)]
    token: Option<String>,
    /// Only hosts in this state.
    #[arg(long, value_enum)]
    state: Option<HostStateWord>,
    #[command(flatten)]
    listing: Listing,
}

/// What a host does, and whether it may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HostStateWord {
    /// It has begun a grant and has not said that its soak is over.
    InFlight,
    /// It may ask to begin a grant.
    Offered,
    /// Its token was revoked, or is not for what it is by now.
    Barred,
    /// Its agent may not touch the kernel.
    NoApply,
    /// It may have a grant when its turn comes.
    Idle,
}

impl HostStateWord {
    const fn wire(self) -> v1::HostState {
        match self {
            Self::InFlight => v1::HostState::InFlight,
            Self::Offered => v1::HostState::Offered,
            Self::Barred => v1::HostState::Barred,
            Self::NoApply => v1::HostState::NoApply,
            Self::Idle => v1::HostState::Idle,
        }
    }
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: HostCommand) -> Result<Exit, Failure> {
    match command {
        HostCommand::List(flags) => list(session, flags).await,
        HostCommand::Get { name } => get(session, name).await,
        HostCommand::Evict(flags) => host_change::evict(session, flags).await,
        HostCommand::Move(flags) => host_change::move_to(session, flags).await,
    }
}

async fn list(session: &mut Session, flags: HostList) -> Result<Exit, Failure> {
    let intent = Intent::read("list hosts", Subject::Hosts);
    let (tier, token) = (flags.tier.unwrap_or_default(), flags.token.unwrap_or_default());
    let state = flags.state.map_or(v1::HostState::Unspecified, HostStateWord::wire);
    let mut total = None;
    let listed = flags.listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListHostsRequest {
            page_size,
            page_token,
            filter,
            tier: tier.clone(),
            token: token.clone(),
            state: state.into(),
        };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                FleetServiceClient::new(attempt.channel).list_hosts(request).await
            })
            .await?;
        // How many are in a state, nobody counts.
        total = flags.state.is_none().then_some(page.total_size);
        Ok(Page { rows: page.hosts, next: page.next_page_token })
    });
    listed.await?.show(session, ("hosts", "hosts"), total)?;
    Ok(Exit::Done)
}

/// The host with this name.
pub(super) async fn fetch(session: &mut Session, name: String) -> Result<v1::Host, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Host(name.clone()));
    let body = v1::GetHostRequest { name };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).get_host(request).await
        })
        .await
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let host = fetch(session, name).await?;
    session.out.one(&host, |show, now| draw(&host, show, now))?;
    Ok(Exit::Done)
}

pub(super) fn draw(host: &v1::Host, show: Show, now: DateTime<Utc>) -> String {
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
        ("state", word::<v1::HostState>(host.state)),
        ("barred", host.barred.clone()),
        ("kernel", kernel),
        ("supported", supported(host)),
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

/// `supported until 2025-03-07`, `kernel-upgrade-required since the end of 2025-03-07`.
fn supported(host: &v1::Host) -> String {
    let (word, date) = (&host.supported, &host.upgrade_required_date);
    match (date.as_str(), word.as_str()) {
        ("", word) => word.to_owned(),
        (date, "supported") => format!("{word} until {date}"),
        (date, word) => format!("{word} since the end of {date}"),
    }
}

/// The words that are known, in their order.
fn known(words: &[&str]) -> String {
    let known: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    known.join(" ")
}
