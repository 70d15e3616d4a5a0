//! Do three replicas hold together over real sockets?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tidegate_proto::v1::peer_service_client::PeerServiceClient;
use tidegate_proto::v1::{Beat, PeerHeader, ProposeRequest};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use super::{Hooks, Peers, PeersConfig};
use crate::machine::command::StoreBlob;
use crate::machine::ids::Digest;
use crate::machine::{Bootstrap, Command, Tick};
use crate::node::NodeId;
use crate::runtime::{
    DiskGauge, DiskState, Handle, Outbound, ProposeError, Runtime, RuntimeConfig, Stop,
};

struct Replica {
    handle: Handle,
    peers: Peers,
    disk: DiskGauge,
    dir: TempDir,
}

struct Cluster {
    replicas: BTreeMap<NodeId, Replica>,
    members: BTreeMap<NodeId, String>,
    /// Which node's hook was told of which host.
    relayed: mpsc::UnboundedReceiver<(NodeId, String)>,
}

fn start(
    id: NodeId,
    members: &BTreeMap<NodeId, String>,
    listener: TcpListener,
    on_relay: mpsc::UnboundedSender<(NodeId, String)>,
) -> Replica {
    let dir = tempfile::tempdir().unwrap();
    let voters = members.keys().copied().collect();
    let mut config = RuntimeConfig::new("blue".to_owned(), id, voters, dir.path().to_owned());
    config.machine_tick = Duration::from_secs(3_600);
    config.seed = id.0;
    let disk = config.disk.clone();
    let outbound = Outbound::new(members.keys().copied().filter(|&peer| peer != id));
    let (handle, _) = Runtime::start(&config, outbound.clone()).unwrap();
    let blob = dir.path().join("blob");
    let hooks = Hooks {
        on_relay: Arc::new(move |beats| {
            for beat in beats {
                drop(on_relay.send((id, beat.host)));
            }
        }),
        find_blob: Arc::new(move |sha256| (sha256 == [7; 32]).then(|| blob.clone())),
    };
    let config = PeersConfig::new("blue".to_owned(), id, members.clone());
    let peers = Peers::start(&config, handle.clone(), &outbound, hooks).unwrap();
    tokio::spawn(serve(peers.clone(), listener));
    Replica { handle, peers, disk, dir }
}

impl Cluster {
    async fn new() -> Self {
        let mut members = BTreeMap::new();
        let mut listeners = Vec::new();
        for id in (1..=3).map(NodeId) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            members.insert(id, listener.local_addr().unwrap().to_string());
            listeners.push((id, listener));
        }
        let (sender, relayed) = mpsc::unbounded_channel();
        let replicas = listeners
            .into_iter()
            .map(|(id, listener)| (id, start(id, &members, listener, sender.clone())))
            .collect();
        Self { replicas, members, relayed }
    }

    /// The leader that every replica agrees on.
    async fn leader(&self) -> NodeId {
        let mut agreed = None;
        for replica in self.replicas.values() {
            let mut leadership = replica.handle.leadership();
            let known = leadership.wait_for(|leadership| leadership.leader.is_some()).await;
            agreed = known.unwrap().leader;
        }
        agreed.unwrap()
    }

    fn follower(&self, leader: NodeId) -> &Replica {
        let mut others = self.replicas.iter().filter(|&(&id, _)| id != leader);
        others.next().unwrap().1
    }

    async fn stop(self) {
        for replica in self.replicas.values() {
            replica.handle.stop().await;
            assert!(matches!(replica.handle.stopped().await, Stop::Asked));
        }
    }
}

/// Bounds a test: an election that never ends must not hang the run.
async fn within_a_minute(body: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(60), body).await.unwrap();
}

/// A command that a test can tell from another by its number.
fn stored(number: u64) -> Command {
    let mut digest = Digest([0; 32]);
    digest.0[..8].copy_from_slice(&number.to_be_bytes());
    Command::StoreBlob(StoreBlob { node: NodeId(1), digest, size: number })
}

/// Answers the peers on `listener` until the node stops.
async fn serve(peers: Peers, listener: TcpListener) {
    let handle = peers.shared.handle.clone();
    let stopped = async move { drop(handle.stopped().await) };
    Server::builder()
        .add_service(peers.desk().into_server())
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_given_to_any_node_is_applied_by_all() {
    within_a_minute(async {
        let cluster = Cluster::new().await;
        let mut last = 0;
        for (number, replica) in (0..).zip(cluster.replicas.values().cycle().take(9)) {
            last = replica.peers.propose(stored(number)).await.unwrap().0.index;
        }
        let mut states = Vec::new();
        for replica in cluster.replicas.values() {
            replica.handle.wait_applied(last, Duration::from_secs(10)).await.unwrap();
            states.push(replica.handle.query(|machine| machine.state_hash()).await.unwrap());
        }
        assert_eq!(states[0], states[1]);
        assert_eq!(states[0], states[2]);
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_stops_the_others_elect_one_and_go_on() {
    within_a_minute(async {
        let mut cluster = Cluster::new().await;
        let old = cluster.leader().await;
        drop(cluster.follower(old).peers.propose(stored(1)).await.unwrap());
        let gone = cluster.replicas.remove(&old).unwrap();
        gone.handle.stop().await;
        drop(gone.handle.stopped().await);
        for (number, replica) in (2..).zip(cluster.replicas.values()) {
            // A command on its way while the leader went may be lost: asking again is the caller's.
            let settled = match replica.peers.propose(stored(number)).await {
                Err(ProposeError::Unknown) => replica.peers.propose(stored(number)).await,
                settled => settled,
            };
            assert!(settled.is_ok(), "{settled:?}");
        }
        assert_ne!(cluster.leader().await, old);
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_heard_by_any_node_are_told_to_the_leader_once() {
    within_a_minute(async {
        let mut cluster = Cluster::new().await;
        let leader = cluster.leader().await;
        for (id, replica) in &cluster.replicas {
            let host = format!("host-{id}");
            for _ in 0..2 {
                replica.peers.note_beat(Beat { host: host.clone(), ..Beat::default() });
            }
        }
        let mut told = Vec::new();
        while told.len() < 3 {
            told.push(cluster.relayed.recv().await.unwrap());
        }
        told.sort_by(|left, right| left.1.cmp(&right.1));
        let expected = ["host-1", "host-2", "host-3"].map(|host| (leader, host.to_owned()));
        assert_eq!(told, expected);
        assert!(cluster.relayed.try_recv().is_err());
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_is_streamed_from_any_byte_on() {
    within_a_minute(async {
        let cluster = Cluster::new().await;
        let [one, two] = [1, 2].map(|id| &cluster.replicas[&NodeId(id)]);
        let content: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        std::fs::write(two.dir.path().join("blob"), &content).unwrap();
        let collected = Arc::new(Mutex::new(Vec::new()));
        for offset in [0, 70_000, 200_000] {
            let mut stream = one.peers.fetch_blob(NodeId(2), [7; 32], offset).await.unwrap();
            let mut fetched = collected.lock().unwrap().split_off(0);
            while let Some(chunk) = stream.message().await.unwrap() {
                fetched.extend(chunk.data);
            }
            assert_eq!(fetched, content[usize::try_from(offset).unwrap()..]);
        }
        let beyond = one.peers.fetch_blob(NodeId(2), [7; 32], 200_001).await;
        assert_eq!(beyond.unwrap_err().code(), tonic::Code::OutOfRange);
        let unknown = one.peers.fetch_blob(NodeId(2), [8; 32], 0).await;
        assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_strangers_are_refused_before_they_are_read() {
    within_a_minute(async {
        let cluster = Cluster::new().await;
        let address = cluster.members[&NodeId(1)].clone();
        let mut client = PeerServiceClient::connect(format!("http://{address}")).await.unwrap();
        let header = |cluster: &str, from_node, to_node| {
            let cluster = cluster.to_owned();
            Some(PeerHeader { cluster, from_node, to_node, ..PeerHeader::default() })
        };
        for header in [None, header("red", 2, 1), header("blue", 9, 1), header("blue", 2, 3)] {
            let request = ProposeRequest { header, command: stored(1).encode() };
            let refused = client.propose(request).await.unwrap_err();
            assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{refused}");
        }
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_peer_may_say_what_time_it_is_or_name_the_cluster() {
    within_a_minute(async {
        let cluster = Cluster::new().await;
        let leader = cluster.leader().await;
        let address = format!("http://{}", cluster.members[&leader]);
        let mut client = PeerServiceClient::connect(address).await.unwrap();
        let from_node = cluster.follower(leader).handle.id().0;
        let mut propose = async |command: Command| {
            let (cluster, to_node) = ("blue".to_owned(), leader.0);
            let header = PeerHeader { cluster, from_node, to_node, ..PeerHeader::default() };
            let request = ProposeRequest { header: Some(header), command: command.encode() };
            client.propose(request).await
        };
        let (members, ladder) = (cluster.members.clone(), Vec::new());
        let bootstrap = Bootstrap { cluster: "blue".to_owned(), id: [7; 16], members, ladder };
        for command in [Command::Tick(Tick::default()), Command::Bootstrap(bootstrap)] {
            let refused = propose(command).await.unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
            assert!(refused.message().contains("by the leader alone"), "{refused}");
        }
        drop(propose(stored(1)).await.unwrap());
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_knows_no_leader_lets_no_beat_count_however_lately_it_reached_one() {
    within_a_minute(async {
        let mut cluster = Cluster::new().await;
        let leader = cluster.leader().await;
        let long = Duration::from_secs(3_600);
        let last = cluster.follower(leader).handle.id();
        let mut turns = tokio::time::interval(Duration::from_millis(10));
        while !cluster.replicas[&last].peers.reached_leader_within(long) {
            turns.tick().await;
        }
        for gone in cluster.members.keys().filter(|&&id| id != last) {
            let gone = cluster.replicas.remove(gone).unwrap();
            gone.handle.stop().await;
            drop(gone.handle.stopped().await);
        }
        let alone = &cluster.replicas[&last];
        let mut leadership = alone.handle.leadership();
        drop(leadership.wait_for(|leadership| leadership.leader.is_none()).await.unwrap());
        assert!(alone.peers.shared.relayed.reached_within(long));
        assert!(!alone.peers.reached_leader_within(long));
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_is_full_refuses_what_others_forward_and_so_does_a_follower_itself() {
    within_a_minute(async {
        let cluster = Cluster::new().await;
        let leader = cluster.leader().await;
        let follower = cluster.follower(leader);
        for full in [&cluster.replicas[&leader], follower] {
            full.disk.set(DiskState::Critical);
            let refused = follower.peers.propose(stored(1)).await;
            assert_eq!(refused, Err(ProposeError::DiskLow { state: DiskState::Critical }));
            full.disk.set(DiskState::Fine);
            assert!(follower.peers.propose(stored(1)).await.is_ok());
        }
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_calls_and_never_answers_holds_up_nobody_else() {
    within_a_minute(async {
        let mut cluster = Cluster::new().await;
        let leader = cluster.leader().await;
        let mute = cluster.follower(leader).handle.id();
        let gone = cluster.replicas.remove(&mute).unwrap();
        gone.handle.stop().await;
        drop(gone.handle.stopped().await);
        let address = cluster.members[&mute].clone();
        // It accepts, and reads and writes nothing.
        let _mute = loop {
            if let Ok(listener) = TcpListener::bind(&address).await {
                break listener;
            }
            tokio::task::yield_now().await;
        };
        for number in 0..50 {
            for replica in cluster.replicas.values() {
                assert!(replica.peers.propose(stored(number)).await.is_ok());
            }
        }
        let config = PeersConfig::new("blue".to_owned(), mute, cluster.members.clone());
        assert_eq!(super::greet(&config).await.len(), 2);
        let asker = PeersConfig::new("blue".to_owned(), leader, cluster.members.clone());
        assert_eq!(super::greet(&asker).await.len(), 1, "the mute one is given up on");
        cluster.stop().await;
    })
    .await;
}
