//! `bench commands`: how many durable operator commands a second, and how long does one take?
//!
//! Each client has a connection of its own and one command under way. A command is `PauseRollout` on a
//! rollout that is paused, with its own request id and 256 bytes of reason: a full entry of the log,
//! decided by the machine and remembered for retries, that leaves the state no larger. Beside it etcd
//! puts 256 bytes on one key a client. The two systems take turns and never work at the same time.

use serde::Serialize;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use super::cluster::{Cluster, System, connect};
use super::duel::{Pair, Side, duel};
use super::etcd::{Etcd, Keys};
use super::ids::RequestIds;
use super::load::Write;
use super::show::{Columns, Show};
use super::stage::Rival;
use super::tidegate::Tidegate;
use super::{BenchError, Beside, Turns, operator};

/// Bytes of a written value, and of a command's reason.
pub(super) const VALUE_BYTES: usize = 256;

/// How commands are measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Numbers of clients, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256", value_name = "N,N,…",
          value_parser = clap::value_parser!(u32).range(1..=4_096))]
    clients: Vec<u32>,
    #[command(flatten)]
    turns: Turns,
    #[command(flatten)]
    pub(super) beside: Beside,
}

/// What so many clients got.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    clients: u32,
    #[serde(flatten)]
    pair: Pair,
}

impl Columns for Row {
    const TITLES: &[&str] = &[
        "CLIENTS",
        "TIDEGATE/S",
        "P50 MS",
        "P99 MS",
        "ETCD/S",
        "ETCD P50",
        "ETCD P99",
        "RATIO",
        "SPREAD",
        "ETCD SPREAD",
    ];

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.clients.to_string()];
        cells.extend(self.pair.cells());
        cells
    }
}

/// Measures one row per number of clients.
pub(super) async fn run(args: &Args, rival: &Rival, show: &Show) -> Result<Vec<Row>, BenchError> {
    let (base, to) = (args.beside.base(), args.turns.to);
    show.say("starting three controllers");
    let mut ours = Cluster::<Tidegate>::start(&base).await?;
    let leader = ours.leader().await?;
    let rollout = operator::paused_rollout(&ours.address(leader)).await?;
    let mut theirs = rival.start(&base, show).await?;
    let mut rows = Vec::new();
    for &clients in &args.clients {
        let mut pausing = Vec::new();
        for address in to.targets(&mut ours, clients).await? {
            pausing.push(Pausing::new(connect(&address).await?, &rollout)?);
        }
        let putting = match &mut theirs {
            None => None,
            Some(etcd) => Some(putting(etcd, to, clients).await?),
        };
        let mut side = Side { clients: pausing, rival: putting };
        let pair = duel(&mut side, &args.turns, &format!("{clients} clients"), show).await?;
        rows.push(Row { clients, pair });
    }
    Ok(rows)
}

/// So many clients of etcd.
pub(super) async fn putting(
    etcd: &mut Cluster<Etcd>,
    to: To,
    clients: u32,
) -> Result<Vec<Putting>, BenchError> {
    let mut putting = Vec::new();
    for (number, address) in to.targets(etcd, clients).await?.into_iter().enumerate() {
        let keys = Keys::new(connect(&address).await?);
        putting.push(Putting { keys, key: format!("bench/{number:05}").into_bytes() });
    }
    Ok(putting)
}

/// Whom the clients talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum To {
    /// The leader, of either system.
    Leader,
    /// Every server, the clients spread evenly; a follower hands on what it gets.
    Any,
}

impl To {
    /// The address for each client.
    pub(super) async fn targets<S: System>(
        self,
        cluster: &mut Cluster<S>,
        clients: u32,
    ) -> Result<Vec<String>, BenchError> {
        let addresses = match self {
            Self::Leader => {
                let leader = cluster.leader().await?;
                vec![cluster.address(leader)]
            }
            Self::Any => cluster.addresses(),
        };
        let clients = usize::try_from(clients).unwrap_or(usize::MAX);
        Ok(addresses.into_iter().cycle().take(clients).collect())
    }
}

/// A client that pauses a paused rollout.
struct Pausing {
    rollouts: RolloutServiceClient<Channel>,
    ids: RequestIds,
    name: String,
    reason: String,
}

impl Pausing {
    fn new(channel: Channel, rollout: &str) -> Result<Self, BenchError> {
        Ok(Self {
            rollouts: RolloutServiceClient::new(channel),
            ids: RequestIds::draw()?,
            name: rollout.to_owned(),
            reason: "r".repeat(VALUE_BYTES),
        })
    }
}

impl Write for Pausing {
    async fn write(&mut self) -> Result<u64, Status> {
        let request = pb::PauseRolloutRequest {
            request_id: self.ids.next(),
            name: self.name.clone(),
            reason: self.reason.clone(),
            ..pb::PauseRolloutRequest::default()
        };
        self.rollouts.pause_rollout(request).await?;
        Ok(1)
    }
}

/// A client that writes its key again and again.
pub(super) struct Putting {
    keys: Keys,
    key: Vec<u8>,
}

impl Write for Putting {
    async fn write(&mut self) -> Result<u64, Status> {
        self.keys.put(self.key.clone(), vec![b'v'; VALUE_BYTES]).await?;
        Ok(1)
    }
}
