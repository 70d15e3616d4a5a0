//! How do three etcd servers run beside ours, and what is written to them? With their defaults and quiet
//! logs; over the few messages of etcd's public API that this needs.

use std::path::Path;
use std::process::Command;

use tonic::Status;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use super::BenchError;
use super::cluster::{Look, Place, System};

/// The program.
const PROGRAM: &str = "etcd";

/// etcd, as the distribution packages it.
#[derive(Debug)]
pub(super) struct Etcd;

impl System for Etcd {
    const NAME: &str = "etcd";

    fn command(_: &Path, place: &Place, all: &[Place]) -> Result<Command, BenchError> {
        let name = |place: &Place| format!("bench-{}", place.number);
        let peer = |place: &Place| format!("http://127.0.0.1:{}", place.peer_port);
        let client = format!("http://{}", place.address());
        let members: Vec<String> =
            all.iter().map(|place| format!("{}={}", name(place), peer(place))).collect();
        let mut command = Command::new(PROGRAM);
        // Settings in the environment would go before the defaults.
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.args(["--name", &name(place)]).arg("--data-dir").arg(&place.data);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer(place)]);
        command.args(["--initial-advertise-peer-urls", &peer(place)]);
        command.args(["--initial-cluster", &members.join(",")]);
        command.args(["--initial-cluster-token", "tidegate-bench"]);
        command.args(["--logger", "zap", "--log-outputs", "stderr", "--log-level", "error"]);
        Ok(command)
    }

    async fn look(channel: Channel) -> Result<Look, Status> {
        let path = PathAndQuery::from_static("/etcdserverpb.Maintenance/Status");
        let status: StatusResponse = unary(&mut Grpc::new(channel), path, StatusRequest {}).await?;
        let member = status.header.unwrap_or_default().member_id;
        Ok(Look {
            leads: status.leader == member && member != 0,
            knows_leader: status.leader != 0,
            applied: status.raft_applied_index,
        })
    }
}

/// The version of the installed etcd; `None` where there is none.
pub(super) fn installed() -> Option<String> {
    let said = Command::new(PROGRAM).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.lines().find_map(|line| line.strip_prefix("etcd Version: "))?;
    Some(version.trim().to_owned())
}

/// A connection for reading and writing keys.
#[derive(Debug)]
pub(super) struct Keys {
    grpc: Grpc<Channel>,
}

impl Keys {
    /// On a connection of its own.
    pub(super) fn new(channel: Channel) -> Self {
        Self { grpc: Grpc::new(channel) }
    }

    /// Writes one key; it is durable on a majority when this returns.
    pub(super) async fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Status> {
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let _done: PutResponse = unary(&mut self.grpc, path, PutRequest { key, value }).await?;
        Ok(())
    }

    /// Whether the key is there; linearizable.
    pub(super) async fn has(&mut self, key: Vec<u8>) -> Result<bool, Status> {
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Range");
        let request = RangeRequest { key, count_only: true };
        let found: RangeResponse = unary(&mut self.grpc, path, request).await?;
        Ok(found.count == 1)
    }
}

async fn unary<Q, A>(grpc: &mut Grpc<Channel>, path: PathAndQuery, request: Q) -> Result<A, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec: ProstCodec<Q, A> = ProstCodec::default();
    Ok(grpc.unary(tonic::Request::new(request), path, codec).await?.into_inner())
}

#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bool, tag = "9")]
    count_only: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(int64, tag = "4")]
    count: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(uint64, tag = "4")]
    leader: u64,
    #[prost(uint64, tag = "7")]
    raft_applied_index: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}
