//! What does this node answer its peers?

use tidegate_policies::time::WallTime;
use tidegate_proto::v1::peer_service_server::{PeerService, PeerServiceServer};
use tidegate_proto::v1::{
    FetchBlobRequest, FetchPiecesRequest, GreetRequest, GreetResponse, PeerHeader, ProposeRequest,
    ProposeResponse, RaftRequest, RaftResponse, RelayRequest, RelayResponse, TransferRequest,
    TransferResponse,
};
use tonic::{Request, Response, Status, Streaming};

use super::blobs::{self, BlobStream};
use super::pieces::PieceStream;
use super::{Peers, forward, greet, refusal};
use crate::machine::Command;
use crate::node::NodeId;
use crate::runtime::ProposeError;

/// Largest message between peers, in bytes, either way.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Answers the peers' calls.
#[derive(Clone, Debug)]
pub struct PeerDesk {
    peers: Peers,
}

impl PeerDesk {
    pub(super) fn new(peers: Peers) -> Self {
        Self { peers }
    }

    /// The service, with its limits set.
    pub fn into_server(self) -> PeerServiceServer<Self> {
        PeerServiceServer::new(self)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// The sender, where it may come in. What it says of its address is noted.
    fn admit(&self, header: Option<&PeerHeader>) -> Result<NodeId, Status> {
        let shared = &self.peers.shared;
        let cluster = shared.handle.cluster().borrow().clone();
        let from = shared.door.admit(header, cluster.as_deref())?;
        if let Some(header) = header {
            shared.links.hear(from, &header.address, cluster.as_deref());
        }
        Ok(from)
    }

    /// Hands messages on until the sender ends its stream. The node's queue takes or drops them at
    /// once, so that a stream is never left unread.
    async fn take_raft(&self, mut stream: Streaming<RaftRequest>) -> Result<(), Status> {
        let shared = &self.peers.shared;
        while let Some(batch) = stream.message().await? {
            self.admit(batch.header.as_ref())?;
            for message in batch.messages {
                shared.handle.peer_message(message);
            }
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl PeerService for PeerDesk {
    type FetchBlobStream = BlobStream;
    type FetchPiecesStream = PieceStream;

    async fn greet(
        &self,
        request: Request<GreetRequest>,
    ) -> Result<Response<GreetResponse>, Status> {
        let shared = &self.peers.shared;
        shared.door.admit_greeting(request.into_inner().header.as_ref())?;
        let cluster = shared.handle.cluster().borrow().clone();
        Ok(Response::new(greet::answer(cluster.as_deref())))
    }

    async fn raft(
        &self,
        request: Request<Streaming<RaftRequest>>,
    ) -> Result<Response<RaftResponse>, Status> {
        tokio::select! {
            taken = self.take_raft(request.into_inner()) => taken?,
            _ = self.peers.shared.handle.stopped() => (),
        }
        Ok(Response::new(RaftResponse {}))
    }

    async fn propose(
        &self,
        request: Request<ProposeRequest>,
    ) -> Result<Response<ProposeResponse>, Status> {
        let shared = &self.peers.shared;
        let request = request.into_inner();
        let from = self.admit(request.header.as_ref())?;
        // Logging what this binary does not understand would stop every node of its version. The
        // sender is of a newer one; a newer leader may take it.
        let Ok(command) = Command::decode(&request.command) else {
            return Err(refusal::to_status(&ProposeError::NotLeader { leader: None }));
        };
        may_come_from_a_peer(from, &command)?;
        let settled = shared.handle.propose(command).await;
        let (position, outcome) = settled.map_err(|error| refusal::to_status(&error))?;
        let response = forward::encode(position, &outcome)
            .map_err(|error| Status::internal(format!("could not encode an outcome: {error}")))?;
        Ok(Response::new(response))
    }

    async fn relay(
        &self,
        request: Request<RelayRequest>,
    ) -> Result<Response<RelayResponse>, Status> {
        let shared = &self.peers.shared;
        let request = request.into_inner();
        let from = self.admit(request.header.as_ref())?;
        if !shared.handle.leads() {
            let leader = shared.handle.leadership().borrow().leader;
            return Err(refusal::to_status(&ProposeError::NotLeader { leader }));
        }
        if request.wall_ms > 0 {
            shared.handle.readings().note(from, WallTime(request.wall_ms));
        }
        (shared.hooks.on_relay)(request.beats);
        Ok(Response::new(RelayResponse {}))
    }

    async fn fetch_blob(
        &self,
        request: Request<FetchBlobRequest>,
    ) -> Result<Response<Self::FetchBlobStream>, Status> {
        let shared = &self.peers.shared;
        let request = request.into_inner();
        self.admit(request.header.as_ref())?;
        let sha256 = <[u8; 32]>::try_from(request.sha256).map_err(|wrong| {
            let bytes = wrong.len();
            Status::invalid_argument(format!("a SHA-256 has 32 bytes, not {bytes}; send all of it"))
        })?;
        let find_blob = shared.hooks.find_blob.clone();
        // Finding it may mean reading it whole, to see that it has not rotted.
        let found = tokio::task::spawn_blocking(move || find_blob(sha256)).await;
        let path = found.ok().flatten().ok_or_else(|| {
            Status::not_found("this node does not hold the artifact; ask another")
        })?;
        Ok(Response::new(blobs::stream(path, request.offset_bytes).await?))
    }

    async fn transfer(
        &self,
        request: Request<TransferRequest>,
    ) -> Result<Response<TransferResponse>, Status> {
        let handle = &self.peers.shared.handle;
        let request = request.into_inner();
        self.admit(request.header.as_ref())?;
        if !handle.leads() {
            let leader = handle.leadership().borrow().leader;
            return Err(refusal::to_status(&ProposeError::NotLeader { leader }));
        }
        let moved = handle.transfer(NodeId(request.to_leader)).await;
        moved.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(TransferResponse {}))
    }

    async fn fetch_pieces(
        &self,
        request: Request<FetchPiecesRequest>,
    ) -> Result<Response<Self::FetchPiecesStream>, Status> {
        let shared = &self.peers.shared;
        let request = request.into_inner();
        self.admit(request.header.as_ref())?;
        let stream = shared.serving.stream(shared.handle.pieces(), request.hashes)?;
        Ok(Response::new(stream))
    }
}

/// Time and the cluster's name are the leader's own to propose: a peer's clock is not the leader's.
/// And a node speaks for itself alone.
fn may_come_from_a_peer(from: NodeId, command: &Command) -> Result<(), Status> {
    let speaker = match command {
        Command::Tick(_) => return Err(leader_alone("a tick")),
        Command::Bootstrap(_) => return Err(leader_alone("a bootstrap")),
        Command::LeaveJoint => return Err(leader_alone("the end of a joint change")),
        Command::KnowOpenings(_) => return Err(leader_alone("when windows are open")),
        Command::SettleNotifications(_) => {
            return Err(leader_alone("what became of notifications"));
        }
        Command::RegisterNode(register) => register.node,
        Command::VouchState(vouch) => vouch.node,
        #[cfg(feature = "next-version")]
        Command::NextProbe(probe) => probe.node,
        Command::StoreBlob(_)
        | Command::EnrollHost(_)
        | Command::BeginGrant(_)
        | Command::RecordReports(_)
        | Command::Operate(_) => return Ok(()),
    };
    if speaker == from {
        return Ok(());
    }
    Err(refusal::not_for_peers(format!(
        "the command was not taken: it speaks for node {speaker}, and node {from} sent it; let each \
         node speak for itself"
    )))
}

fn leader_alone(kind: &str) -> Status {
    refusal::not_for_peers(format!(
        "the command was not taken: {kind} is proposed by the leader alone, for itself; forward what \
         agents, operators and artifact stores ask for"
    ))
}
