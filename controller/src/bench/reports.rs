//! `bench reports`: how many reports of hosts become durable a second, when they come in batches?
//!
//! Every host is enrolled, was offered the patch set, asked, got its go, and reported the apply: all over
//! the agents' API. Then each delivers reports on its grant, a full request at a time, the next when the
//! last is answered. The answer comes when the reports are durable on a majority and decided; a report
//! that the machine does not count fails the benchmark. Beside it etcd puts 256 bytes at a time.

use serde::Serialize;
use tidegate_proto::MAX_REPORTS_PER_REQUEST;
use tidegate_proto::v1 as pb;
use tonic::Status;

use super::cluster::Cluster;
use super::commands::putting;
use super::duel::{Pair, Side, duel};
use super::host::{self, Host};
use super::load::Write;
use super::show::{Columns, Show};
use super::stage::Rival;
use super::tidegate::Tidegate;
use super::{BenchError, Beside, Turns};

/// How reports are measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Numbers of hosts that report, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "256", value_name = "N,N,…",
          value_parser = clap::value_parser!(u32).range(1..=4_096))]
    hosts: Vec<u32>,
    /// Reports in a request.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=64))]
    batch: u32,
    /// Clients of etcd, which puts one thing at a time.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    etcd_clients: u32,
    #[command(flatten)]
    turns: Turns,
    #[command(flatten)]
    pub(super) beside: Beside,
}

/// What so many hosts got rid of. `tidegate_per_s` counts reports, the times are those of requests.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    hosts: u32,
    reports_per_request: u32,
    etcd_clients: u32,
    #[serde(flatten)]
    pair: Pair,
}

impl Columns for Row {
    const TITLES: &[&str] = &[
        "HOSTS",
        "BATCH",
        "REPORTS/S",
        "P50 MS",
        "P99 MS",
        "ETCD PUTS/S",
        "ETCD P50",
        "ETCD P99",
        "RATIO",
        "SPREAD",
        "ETCD SPREAD",
    ];

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.hosts.to_string(), self.reports_per_request.to_string()];
        cells.extend(self.pair.cells());
        cells
    }
}

/// Measures one row per number of hosts.
pub(super) async fn run(args: &Args, rival: &Rival, show: &Show) -> Result<Vec<Row>, BenchError> {
    let base = args.beside.base();
    show.say("starting three controllers");
    let mut ours = Cluster::<Tidegate>::start(&base).await?;
    ours.all_caught_up().await?;
    let most = args.hosts.iter().copied().max().unwrap_or(0);
    show.say(&format!("{most} hosts enrol, begin and apply"));
    let targets = args.turns.to.targets(&mut ours, most).await?;
    let leader = ours.leader().await?;
    let mut hosts = host::all_applied(&ours.address(leader), targets).await?;
    let mut theirs = rival.start(&base, show).await?;
    let mut rows = Vec::new();
    for &count in &args.hosts {
        let rest = hosts.split_off(hosts.len().min(usize::try_from(count).unwrap_or(usize::MAX)));
        let batch = args.batch;
        let clients = hosts.into_iter().map(|host| Reporting { host, batch }).collect();
        let putting = match &mut theirs {
            None => None,
            Some(etcd) => Some(putting(etcd, args.turns.to, args.etcd_clients).await?),
        };
        let mut side = Side { clients, rival: putting };
        let pair = duel(&mut side, &args.turns, &format!("{count} hosts"), show).await?;
        hosts = side.clients.into_iter().map(|client: Reporting| client.host).chain(rest).collect();
        let (reports_per_request, etcd_clients) = (args.batch, args.etcd_clients);
        rows.push(Row { hosts: count, reports_per_request, etcd_clients, pair });
    }
    Ok(rows)
}

/// A host that reports on its grant.
struct Reporting {
    host: Host,
    batch: u32,
}

const _: () = assert!(MAX_REPORTS_PER_REQUEST >= 64, "a full request has 64 reports");

impl Write for Reporting {
    async fn write(&mut self) -> Result<u64, Status> {
        let host = &mut self.host;
        let reports = (0..self.batch).map(|_| host.health_report()).collect();
        let answer = host.report(reports).await?;
        let counted = answer
            .results
            .iter()
            .filter(|result| result.disposition() == pb::ReportDisposition::Counted);
        let counted = counted.count();
        match u64::try_from(counted) {
            Ok(counted) if counted == u64::from(self.batch) => Ok(counted),
            Ok(_) | Err(_) => Err(Status::failed_precondition(format!(
                "{counted} of {} reports were counted",
                self.batch
            ))),
        }
    }
}
