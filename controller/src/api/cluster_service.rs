//! What can an operator do with the controllers themselves? See them, change them, check them, back
//! them up.

use std::time::Duration;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::cluster_service_server::ClusterService;
use tonic::{Request, Response, Status};

use super::backup_stream::{self, Chunks};
use super::caller;
use super::convert::{check, count, members};
use super::desk::Desk;
use super::error::{ApiError, BadField};
use super::meant::{self, Meant};
use super::reads::Freshness;
use crate::machine::command::{Action, AddMember, Operate, PromoteMember, RemoveMember};
use crate::machine::ids::NodeId;
use crate::machine::{Command, Machine, Rejection};
use crate::node::Leadership;

/// How long a check waits where the caller does not say.
const CHECK_PATIENCE_MS: u64 = 5_000;
/// How long it waits at most.
const MAX_CHECK_PATIENCE_MS: u64 = 60_000;

/// How long this node may take to hear of a leader that another has heard of.
const LEADER_HEARD_WITHIN: Duration = Duration::from_secs(1);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ClusterService for Desk {
    type BackupStream = Chunks;

    async fn get_cluster_status(
        &self,
        request: Request<pb::GetClusterStatusRequest>,
    ) -> Answer<pb::ClusterStatus> {
        caller::operator(request.metadata())?;
        let node = self.handle.status().await.map_err(ApiError::from)?;
        let disk = self.handle.disk().state();
        let status = self.look(move |machine| Ok(members::status(machine, &node, disk))).await?;
        Ok(Response::new(status))
    }

    async fn add_member(&self, request: Request<pb::AddMemberRequest>) -> Answer<pb::Member> {
        let (meant, request) = Meant::of(request)?;
        let node = node_id("node_id", request.node_id)?;
        let address = check::required("address", &request.address, 255).map_err(ApiError::from)?;
        self.change_member(meant, Action::AddMember(AddMember { node, address }), node).await
    }

    async fn promote_member(
        &self,
        request: Request<pb::PromoteMemberRequest>,
    ) -> Answer<pb::Member> {
        let (meant, request) = Meant::of(request)?;
        let node = node_id("node_id", request.node_id)?;
        let replacing = (request.replacing > 0).then_some(NodeId(request.replacing));
        let action = Action::PromoteMember(PromoteMember { node, replacing });
        self.change_member(meant, action, node).await
    }

    async fn remove_member(
        &self,
        request: Request<pb::RemoveMemberRequest>,
    ) -> Answer<pb::RemoveMemberResponse> {
        let (meant, request) = Meant::of(request)?;
        let node = node_id("node_id", request.node_id)?;
        let voters = |machine: &Machine| {
            let voters = machine.cluster().map_or(0, |cluster| cluster.voters().count());
            Ok(pb::RemoveMemberResponse { voters: count(voters) })
        };
        self.carry_out(meant, Action::RemoveMember(RemoveMember { node }), voters).await
    }

    async fn transfer_leader(
        &self,
        request: Request<pb::TransferLeaderRequest>,
    ) -> Answer<pb::TransferLeaderResponse> {
        let actor = caller::operator(request.metadata())?;
        let to = node_id("node_id", request.get_ref().node_id)?;
        self.ready(Freshness::Linearizable).await?;
        self.look(move |machine| is_voter(machine, to)).await?;
        if request.get_ref().validate_only {
            let Leadership { leader, term } = *self.handle.leadership().borrow();
            let leader_id = leader.map_or(0, |leader| leader.0);
            return Ok(meant::only_checked(pb::TransferLeaderResponse { leader_id, term }));
        }
        tracing::info!(actor, %to, "cluster.transfer");
        self.peers.transfer(to).await.map_err(ApiError::from)?;
        let leadership = self.until_led_by(to).await;
        let leader_id = leadership.leader.map_or(0, |leader| leader.0);
        Ok(Response::new(pb::TransferLeaderResponse { leader_id, term: leadership.term }))
    }

    async fn check_cluster(
        &self,
        request: Request<pb::CheckClusterRequest>,
    ) -> Answer<pb::CheckClusterResponse> {
        let actor = caller::operator(request.metadata())?;
        let patience_ms = match request.get_ref().patience_ms {
            0 => CHECK_PATIENCE_MS,
            given => given.min(MAX_CHECK_PATIENCE_MS),
        };
        // Checking twice is no harm: each call is a check of its own.
        let request = random_request()?;
        let operate = Operate { request, actor, action: Action::CheckState };
        let (position, _) = self.propose(Command::Operate(operate)).await?;
        let patience = Duration::from_millis(patience_ms);
        // Where the time is over first, what was said so far is the answer.
        let heard = tokio::time::timeout(patience, self.until_all_vouch(position.index)).await;
        heard.unwrap_or(Ok(()))?;
        let answer = self.look(move |machine| verdicts(machine, position.index)).await?;
        Ok(Response::new(answer))
    }

    async fn backup(&self, request: Request<pb::BackupRequest>) -> Answer<Self::BackupStream> {
        let actor = caller::operator(request.metadata())?;
        let freshness = Freshness::of(request.metadata())?;
        let permit = backup_stream::admit(&self.backups)?;
        self.ready(freshness).await?;
        let taken = self.look(|machine| Ok(backup_stream::take(machine))).await?;
        let (index, artifacts) = (taken.index(), taken.artifacts());
        tracing::info!(actor, index, artifacts, "cluster.backup");
        let stream = backup_stream::stream(taken, self.store.clone(), permit).await?;
        Ok(freshness.label(stream, index))
    }
}

impl Desk {
    /// Has the cluster change its members as it is meant, and answers how `id` is then.
    async fn change_member(&self, meant: Meant, action: Action, id: NodeId) -> Answer<pb::Member> {
        let node = self.handle.status().await.map_err(ApiError::from)?;
        let look = move |machine: &Machine| {
            let cluster = machine.cluster().ok_or(Rejection::NotBootstrapped)?;
            let member = cluster.members.get(&id).ok_or_else(|| unknown(machine, id))?;
            Ok(members::draw(id, member, &node))
        };
        self.carry_out(meant, action, look).await
    }

    /// Who leads as this node knows, once it knows that `to` does: who handed over knew it first. This
    /// node may never hear of it, or of the next leader already.
    async fn until_led_by(&self, to: NodeId) -> Leadership {
        let mut leadership = self.handle.leadership();
        let led = leadership.wait_for(|leadership| leadership.leader == Some(to));
        match tokio::time::timeout(LEADER_HEARD_WITHIN, led).await {
            Ok(Ok(led)) => *led,
            Ok(Err(_)) | Err(_) => *self.handle.leadership().borrow(),
        }
    }

    /// Waits until every member has vouched for its state at `index`, as this node hears it.
    async fn until_all_vouch(&self, index: u64) -> Result<(), ApiError> {
        let mut applied = self.handle.applied();
        loop {
            let complete = self.look(move |machine| {
                let (Some(cluster), Some(said)) = (machine.cluster(), machine.vouches().at(index))
                else {
                    return Ok(false);
                };
                Ok(cluster.members.keys().all(|member| said.contains_key(member)))
            });
            if complete.await? {
                return Ok(());
            }
            applied.changed().await.map_err(|_| crate::runtime::Stopped)?;
        }
    }
}

fn verdicts(machine: &Machine, index: u64) -> Result<pb::CheckClusterResponse, ApiError> {
    let cluster = machine.cluster().ok_or(Rejection::NotBootstrapped)?;
    let said = machine.vouches().at(index).cloned().unwrap_or_default();
    Ok(members::verdicts(cluster, index, &said))
}

fn is_voter(machine: &Machine, node: NodeId) -> Result<(), ApiError> {
    let cluster = machine.cluster().ok_or(Rejection::NotBootstrapped)?;
    match cluster.members.get(&node) {
        None => Err(unknown(machine, node)),
        Some(member) if member.votes() => Ok(()),
        Some(_) => Err(Rejection::NotAVoter { node }.into()),
    }
}

fn unknown(machine: &Machine, node: NodeId) -> ApiError {
    let members = machine.cluster().into_iter().flat_map(|cluster| cluster.members.keys());
    let members: Vec<String> = members.map(NodeId::to_string).collect();
    Rejection::UnknownMember { node, members: members.join(", ") }.into()
}

fn node_id(field: &'static str, id: u64) -> Result<NodeId, ApiError> {
    match id {
        0 => Err(BadField::new(field, "0", "is no node id: give one from 1").into()),
        id => Ok(NodeId(id)),
    }
}

/// A request id that nobody else has.
fn random_request() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal {
        what: format!("the system gave no random bytes for a request id: {error}"),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
