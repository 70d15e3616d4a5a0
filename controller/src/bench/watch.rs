//! `bench watch`: how far is a stream behind the log while hosts report?
//!
//! Hosts deliver reports at a steady rate, many at a time, as agents do. Watchers follow everything at all three
//! controllers; each is a `tidegate top` without its terminal. An operator makes a token now and then: a command whose
//! record every watcher is told. The lag is taken from the moment at which the command is *sent* until the frame
//! that shows its record is drawn, so it holds the command's own way through Raft, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message as _;
use serde::Serialize;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::dashboard_service_client::DashboardServiceClient;
use tidegate_proto::v1::watch_response::Body;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cluster::{Cluster, connect};
use super::figures::{Micros, percentile, rounded};
use super::host::{self, Host};
use super::operator::Operator;
use super::show::{Columns, Show};
use super::tidegate::Tidegate;
use super::{BenchError, call, seconds};
use crate::client::Offscreen;
use crate::runtime::Clock;

/// Reports in a request.
const BATCH: u32 = 64;
/// Pause between two commands.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// How long the last record may take before it counts as lost.
const LAST_WITHIN: Duration = Duration::from_secs(10);

/// How streams are measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Reports a second, of all hosts together.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    rate: u32,
    /// Hosts that report.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    hosts: u32,
    /// Numbers of watchers, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "3,30", value_name = "N,N,…",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    watchers: Vec<u32>,
    /// How long each is measured, in seconds.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS", value_parser = seconds)]
    seconds: f64,
    /// Where the servers' temporary folders are made [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<std::path::PathBuf>,
}

/// What so many watchers saw.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    watchers: u32,
    reports_per_s: f64,
    /// Records that were waited for, of all watchers.
    seen: usize,
    lag_p50_ms: f64,
    lag_p99_ms: f64,
    lag_max_ms: f64,
    /// Messages a second to one watcher.
    messages_per_s: f64,
    /// Kilobytes a second to one watcher.
    kb_per_s: f64,
}

impl Columns for Row {
    const TITLES: &[&str] = &[
        "WATCHERS",
        "REPORTS/S",
        "SEEN",
        "LAG P50 MS",
        "LAG P99 MS",
        "LAG MAX MS",
        "MESSAGES/S",
        "KB/S",
    ];

    fn cells(&self) -> Vec<String> {
        let one = |number: f64| format!("{number:.1}");
        vec![
            self.watchers.to_string(),
            format!("{:.0}", self.reports_per_s),
            self.seen.to_string(),
            one(self.lag_p50_ms),
            one(self.lag_p99_ms),
            one(self.lag_max_ms),
            one(self.messages_per_s),
            one(self.kb_per_s),
        ]
    }
}

/// Measures one row per number of watchers.
pub(super) async fn run(args: &Args, show: &Show) -> Result<Vec<Row>, BenchError> {
    let base = args.data_dir.clone().unwrap_or_else(std::env::temp_dir);
    show.say("starting three controllers");
    let mut ours = Cluster::<Tidegate>::start(&base).await?;
    ours.all_caught_up().await?;
    show.say(&format!("{} hosts enrol, begin and apply", args.hosts));
    let leader = ours.leader().await?;
    let leader = ours.address(leader);
    let targets = vec![leader.clone(); usize::try_from(args.hosts).unwrap_or(0)];
    let mut hosts = host::all_applied(&leader, targets).await?;
    let mut rows = Vec::new();
    for (round, &watchers) in args.watchers.iter().enumerate() {
        show.say(&format!("{watchers} watchers"));
        let row = Round { args, addresses: &ours.addresses(), leader: &leader, round, watchers };
        let (row, back) = row.measure(hosts).await?;
        hosts = back;
        rows.push(row);
    }
    Ok(rows)
}

/// One measurement.
struct Round<'a> {
    args: &'a Args,
    addresses: &'a [String],
    leader: &'a str,
    round: usize,
    watchers: u32,
}

/// What a watcher is told.
type Stream = tonic::Streaming<pb::WatchResponse>;

/// A record that a watcher was told, and when its screen showed it.
type Seen = (String, Duration);

impl Round<'_> {
    async fn measure(&self, hosts: Vec<Host>) -> Result<(Row, Vec<Host>), BenchError> {
        let span = Duration::from_secs_f64(self.args.seconds);
        let (clock, told) = (Clock::start(), Arc::new(Told::default()));
        let (sender, seen) = mpsc::unbounded_channel();
        let mut watching = JoinSet::new();
        for number in 0..self.watchers {
            let at = usize::try_from(number).unwrap_or(0) % self.addresses.len();
            let opened = open(&self.addresses[at]).await?;
            watching.spawn(follow(opened, clock, (sender.clone(), Arc::clone(&told))));
        }
        drop(sender);
        let (messages, bytes) = told.so_far();
        let begun = clock.monotonic();
        let reporting = self.report(hosts, clock, begun + span);
        let (reported, sent) = tokio::join!(reporting, self.probe(clock, begun + span));
        let ((hosts, reports), sent) = (reported?, sent?);
        let took = clock.monotonic().saturating_sub(begun).as_secs_f64();
        let after = told.so_far();
        let lags = self.lags(seen, &sent).await?;
        watching.shutdown().await;
        let ms = |percent| percentile(&lags, percent).ms();
        let each = |count: u64| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let count = count as f64;
            rounded(count / took / f64::from(self.watchers), 1)
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let reports_per_s = rounded(reports as f64 / took, 0);
        let row = Row {
            watchers: self.watchers,
            reports_per_s,
            seen: lags.len(),
            lag_p50_ms: ms(50),
            lag_p99_ms: ms(99),
            lag_max_ms: ms(100),
            messages_per_s: each(after.0 - messages),
            kb_per_s: each((after.1 - bytes) / 1_024),
        };
        Ok((row, hosts))
    }

    /// Every host delivers a full request as often as its share of the rate is.
    async fn report(
        &self,
        hosts: Vec<Host>,
        clock: Clock,
        until: Duration,
    ) -> Result<(Vec<Host>, u64), BenchError> {
        let every = Duration::from_secs_f64(
            f64::from(BATCH) * f64::from(self.args.hosts) / f64::from(self.args.rate),
        );
        let (mut tasks, count) = (JoinSet::new(), self.args.hosts);
        for (number, mut host) in (0_u32..).zip(hosts) {
            tasks.spawn(async move {
                // Spread over the interval, as beats are.
                tokio::time::sleep(every * number / count).await;
                let mut ticks = tokio::time::interval(every);
                let mut reports = 0;
                while clock.monotonic() < until {
                    ticks.tick().await;
                    let batch = (0..BATCH).map(|_| host.health_report()).collect();
                    host.report(batch).await.map_err(call("deliver reports"))?;
                    reports += u64::from(BATCH);
                }
                Ok::<_, BenchError>((host, reports))
            });
        }
        let (mut back, mut all) = (Vec::new(), 0);
        while let Some(joined) = tasks.join_next().await {
            let (host, reports) =
                joined.map_err(|error| BenchError::setup("run the hosts", &error))??;
            back.push(host);
            all += reports;
        }
        Ok((back, all))
    }

    /// Makes tokens; answers when each was sent.
    async fn probe(
        &self,
        clock: Clock,
        until: Duration,
    ) -> Result<BTreeMap<String, Duration>, BenchError> {
        let mut operator = Operator::connect(self.leader).await?;
        let mut ticks = tokio::time::interval(PROBE_EVERY);
        let mut sent = BTreeMap::new();
        let mut number = 0;
        while clock.monotonic() < until {
            ticks.tick().await;
            number += 1;
            let id = format!("probe-{}-{number}", self.round);
            sent.insert(format!("tokens/{id}"), clock.monotonic());
            operator.create_named_token(&id).await?;
        }
        Ok(sent)
    }

    /// How long each record took to each watcher, sorted.
    async fn lags(
        &self,
        mut seen: mpsc::UnboundedReceiver<Seen>,
        sent: &BTreeMap<String, Duration>,
    ) -> Result<Vec<Micros>, BenchError> {
        let wanted = sent.len() * usize::try_from(self.watchers).unwrap_or(0);
        let mut lags = Vec::new();
        while lags.len() < wanted {
            let next = tokio::time::timeout(LAST_WITHIN, seen.recv()).await;
            let Ok(Some((subject, at))) = next else {
                let detail = format!("{} of {wanted} records came", lags.len());
                return Err(BenchError::Setup { what: "see every record", detail });
            };
            lags.extend(sent.get(&subject).map(|sent| Micros::of(at.saturating_sub(*sent))));
        }
        lags.sort_unstable();
        Ok(lags)
    }
}

/// What all watchers were told.
#[derive(Debug, Default)]
struct Told {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Told {
    fn so_far(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// A stream of everything, after its snapshot, which is on the screen.
async fn open(address: &str) -> Result<(Stream, Offscreen), BenchError> {
    let mut dashboard = DashboardServiceClient::new(connect(address).await?);
    let opened = dashboard.watch(pb::WatchRequest::default()).await;
    let mut stream = opened.map_err(call("open a stream"))?.into_inner();
    let mut screen = Offscreen::new();
    let snapshot = stream.message().await.map_err(call("read a snapshot"))?;
    snapshot.into_iter().for_each(|snapshot| screen.show(snapshot));
    Ok((stream, screen))
}

async fn follow(
    (mut stream, mut screen): (Stream, Offscreen),
    clock: Clock,
    (sender, told): (mpsc::UnboundedSender<Seen>, Arc<Told>),
) {
    while let Ok(Some(message)) = stream.message().await {
        told.messages.fetch_add(1, Ordering::Relaxed);
        let bytes = u64::try_from(message.encoded_len()).unwrap_or(0);
        told.bytes.fetch_add(bytes, Ordering::Relaxed);
        let subjects: Vec<String> = match &message.body {
            Some(Body::Changes(changes)) => {
                changes.records.iter().map(|record| record.subject.clone()).collect()
            }
            Some(Body::Snapshot(_) | Body::Bookmark(_)) | None => Vec::new(),
        };
        screen.show(message);
        let at = clock.monotonic();
        for subject in subjects {
            if sender.send((subject, at)).is_err() {
                return;
            }
        }
    }
}
