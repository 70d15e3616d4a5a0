//! `bench failover`: the leader is killed; how long until a write is acknowledged again?
//!
//! One writer writes all the time, one thing after another, to any server: what is not answered within a
//! tenth of a second, or refused, goes to the next one under the same request id. The leader gets
//! `SIGKILL`; the time runs until the first answer to an attempt that began after it. The killed server is
//! started again and catches up, and the next leader is killed. In the end every acknowledged write
//! has to be there.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::cluster::Cluster;
use super::etcd::Etcd;
use super::figures::{median, rounded};
use super::ledger::{Ledger, spread_channels};
use super::show::{Columns, Show};
use super::stage::Rival;
use super::tidegate::Tidegate;
use super::{BenchError, Beside};
use crate::runtime::Clock;

/// How long one server may take to answer before the writer asks the next.
const ATTEMPT: Duration = Duration::from_millis(100);
/// Pause between two writes, and after a refusal.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the servers run undisturbed before each kill.
const CALM: Duration = Duration::from_millis(700);
/// Longest failover that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many acknowledged writes are looked for at a time.
const LOOKERS: usize = 16;

/// How failover is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How often each system's leader is killed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    kills: u32,
    #[command(flatten)]
    pub(super) beside: Beside,
}

/// What the kills did.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    kills: u32,
    median_s: f64,
    worst_s: f64,
    samples_s: Vec<f64>,
    acknowledged: u64,
    lost: u64,
    etcd_median_s: Option<f64>,
    etcd_worst_s: Option<f64>,
    etcd_samples_s: Option<Vec<f64>>,
    etcd_acknowledged: Option<u64>,
    etcd_lost: Option<u64>,
}

impl Columns for Row {
    const TITLES: &[&str] = &[
        "KILLS",
        "MEDIAN S",
        "WORST S",
        "ACKNOWLEDGED",
        "LOST",
        "ETCD MEDIAN",
        "ETCD WORST",
        "ETCD ACKNOWLEDGED",
        "ETCD LOST",
    ];

    fn cells(&self) -> Vec<String> {
        let seconds = |number: f64| format!("{number:.3}");
        let span = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), seconds);
        let count = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
        vec![
            self.kills.to_string(),
            seconds(self.median_s),
            seconds(self.worst_s),
            self.acknowledged.to_string(),
            self.lost.to_string(),
            span(self.etcd_median_s),
            span(self.etcd_worst_s),
            count(self.etcd_acknowledged),
            count(self.etcd_lost),
        ]
    }
}

/// Kills Tidegate's leaders, then etcd's.
pub(super) async fn run(args: &Args, rival: &Rival, show: &Show) -> Result<Vec<Row>, BenchError> {
    let base = args.beside.base();
    show.say("starting three controllers");
    let ours = Cluster::<Tidegate>::start(&base).await?;
    let ours = kill_leaders(ours, args.kills, show).await?;
    let theirs = match rival.start(&base, show).await? {
        None => None,
        Some(etcd) => Some(kill_leaders::<Etcd>(etcd, args.kills, show).await?),
    };
    Ok(vec![Row {
        kills: args.kills,
        median_s: ours.median(),
        worst_s: ours.worst(),
        acknowledged: ours.acknowledged,
        lost: ours.lost,
        samples_s: ours.samples,
        etcd_median_s: theirs.as_ref().map(Toll::median),
        etcd_worst_s: theirs.as_ref().map(Toll::worst),
        etcd_acknowledged: theirs.as_ref().map(|theirs| theirs.acknowledged),
        etcd_lost: theirs.as_ref().map(|theirs| theirs.lost),
        etcd_samples_s: theirs.map(|theirs| theirs.samples),
    }])
}

/// What one system went through.
struct Toll {
    /// Seconds from each kill to the next acknowledged write.
    samples: Vec<f64>,
    acknowledged: u64,
    lost: u64,
}

impl Toll {
    fn median(&self) -> f64 {
        rounded(median(&self.samples), 3)
    }

    fn worst(&self) -> f64 {
        self.samples.iter().copied().fold(0.0, f64::max)
    }
}

/// An acknowledged write.
#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    /// When the attempt that was answered began.
    begun: Duration,
    /// When the answer came.
    at: Duration,
}

async fn kill_leaders<S: Ledger>(
    mut cluster: Cluster<S>,
    kills: u32,
    show: &Show,
) -> Result<Toll, BenchError> {
    cluster.all_caught_up().await?;
    let clock = Clock::start();
    let (sender, mut acknowledged) = unbounded_channel();
    let mut writer = JoinSet::new();
    writer.spawn(write_on::<S>(spread_channels(&cluster.addresses())?, clock, sender));
    let (mut samples, mut count) = (Vec::new(), 0);
    for kill in 1..=kills {
        tokio::time::sleep(CALM).await;
        let leader = cluster.leader().await?;
        while acknowledged.try_recv().is_ok() {
            count += 1;
        }
        let killed = clock.monotonic();
        cluster.kill(leader);
        let back = first_after(&mut acknowledged, killed, &mut count).await?;
        let took = rounded((back - killed).as_secs_f64(), 3);
        show.say(&format!("{}: kill {kill}/{kills} of server {leader}: {took:.3} s", S::NAME));
        samples.push(took);
        cluster.start_one(leader)?;
        cluster.all_caught_up().await?;
    }
    writer.shutdown().await;
    while acknowledged.try_recv().is_ok() {
        count += 1;
    }
    show.say(&format!("{}: looking for {count} acknowledged writes", S::NAME));
    let leader = cluster.leader().await?;
    let lost = missing::<S>(&cluster.address(leader), count).await?;
    Ok(Toll { samples, acknowledged: count, lost })
}

/// When the first answer came to an attempt that began after `killed`.
async fn first_after(
    acknowledged: &mut UnboundedReceiver<Acknowledged>,
    killed: Duration,
    count: &mut u64,
) -> Result<Duration, BenchError> {
    let wait = async {
        while let Some(next) = acknowledged.recv().await {
            *count += 1;
            if next.begun >= killed {
                return Some(next.at);
            }
        }
        None
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.ok().flatten().ok_or_else(|| BenchError::Setup {
        what: "write after the leader was killed",
        detail: format!("nothing was acknowledged for {} s", PATIENCE.as_secs()),
    })
}

/// Writes things numbered from 0, the next one when the last is acknowledged, until it is dropped.
async fn write_on<S: Ledger>(
    channels: Vec<Channel>,
    clock: Clock,
    acknowledged: UnboundedSender<Acknowledged>,
) {
    let mut servers = channels.iter().cycle();
    let mut number = 0;
    let mut server = servers.next();
    while let Some(channel) = server {
        let begun = clock.monotonic();
        let written = tokio::time::timeout(ATTEMPT, S::write(channel.clone(), number)).await;
        if matches!(written, Ok(Ok(()))) {
            number += 1;
            if acknowledged.send(Acknowledged { begun, at: clock.monotonic() }).is_err() {
                return;
            }
        } else {
            server = servers.next();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How many of the first `count` writes are not there.
async fn missing<S: Ledger>(address: &str, count: u64) -> Result<u64, BenchError> {
    let mut looking = JoinSet::new();
    for first in 0..LOOKERS {
        let channel = super::cluster::connect(address).await?;
        let numbers = (0..count).skip(first).step_by(LOOKERS);
        looking.spawn(async move {
            let mut missing = 0;
            for number in numbers {
                let there = S::is_there(channel.clone(), number).await;
                missing += u64::from(!there.map_err(super::call("look for a write"))?);
            }
            Ok::<u64, BenchError>(missing)
        });
    }
    let mut missing = 0;
    while let Some(joined) = looking.join_next().await {
        missing += joined.map_err(|error| BenchError::setup("look for the writes", &error))??;
    }
    Ok(missing)
}
