//! What can an operator do with patch sets? Upload artifacts, publish, look, withdraw.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::patch_set_service_server::PatchSetService;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use super::convert::{block, check, patch_set};
use super::desk::Desk;
use super::error::ApiError;
use super::meant::Meant;
use super::page::{Asked, Wanted};
use super::upload::{held, receive};
use crate::machine::block_refusal::BlockRefusal;
use crate::machine::command::{Action, PublishPatchSet, StoreBlob};
use crate::machine::ids::{HostId, NodeId, Version};
use crate::machine::ledger::Owed;
use crate::machine::patch_sets::{Artifact, PatchSet};
use crate::machine::{Command, Machine, Rejection};

#[tonic::async_trait]
impl PatchSetService for Desk {
    async fn upload_artifact(
        &self,
        request: Request<Streaming<pb::UploadArtifactRequest>>,
    ) -> Result<Response<pb::UploadArtifactResponse>, Status> {
        let actor = caller::operator(request.metadata())?;
        let (digest, size) = receive(&self.store, request.into_inner()).await?;
        let node = NodeId(self.handle.id().0);
        self.propose_and_see(Command::StoreBlob(StoreBlob { node, digest, size })).await?;
        tracing::info!(actor, %digest, size, "artifact.uploaded");
        let sha256 = digest.0.to_vec();
        Ok(Response::new(pb::UploadArtifactResponse { sha256, size_bytes: size }))
    }

    async fn get_upload(
        &self,
        request: Request<pb::GetUploadRequest>,
    ) -> Result<Response<pb::Upload>, Status> {
        caller::operator(request.metadata())?;
        let sha256 = request.into_inner().sha256;
        let digest = check::digest("sha256", &sha256).map_err(ApiError::from)?;
        let (received_bytes, complete) = held(&self.store, digest).await?;
        Ok(Response::new(pb::Upload { sha256, received_bytes, complete }))
    }

    async fn publish_patch_set(
        &self,
        request: Request<pb::PublishPatchSetRequest>,
    ) -> Result<Response<pb::PatchSet>, Status> {
        let (mut meant, request) = Meant::of(request)?;
        let publish = patch_set::publish(&request).map_err(ApiError::from)?;
        let version = publish.version.clone();
        if request.assume_uploaded {
            meant = meant.supposing(self.uploaded(&publish))?;
        }
        let look = move |machine: &_| draw(machine, &version);
        self.carry_out(meant, Action::PublishPatchSet(publish), look).await
    }

    async fn get_patch_set(
        &self,
        request: Request<pb::GetPatchSetRequest>,
    ) -> Result<Response<pb::PatchSet>, Status> {
        caller::operator(request.metadata())?;
        let version = check::resource("name", "patchSets", &request.get_ref().name);
        let version = version.map_err(ApiError::from)?;
        self.read(request.metadata(), move |machine| draw(machine, &version)).await
    }

    async fn list_patch_sets(
        &self,
        request: Request<pb::ListPatchSetsRequest>,
    ) -> Result<Response<pb::ListPatchSetsResponse>, Status> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list(machine, &request)).await
    }

    async fn withdraw_patch_set(
        &self,
        request: Request<pb::WithdrawPatchSetRequest>,
    ) -> Result<Response<pb::PatchSet>, Status> {
        let (meant, request) = Meant::of(request)?;
        let withdraw = patch_set::withdraw(&request).map_err(ApiError::from)?;
        let version = withdraw.version.clone();
        let look = move |machine: &_| draw(machine, &version);
        self.carry_out(meant, Action::WithdrawPatchSet(withdraw), look).await
    }

    async fn create_block(
        &self,
        request: Request<pb::CreateBlockRequest>,
    ) -> Result<Response<pb::Block>, Status> {
        let (meant, request) = Meant::of(request)?;
        let create = block::create(&request).map_err(ApiError::from)?;
        let what = create.what.clone();
        let look = move |machine: &Machine| {
            let of = machine.blocks().get(&what);
            let unknown = || Rejection::from(BlockRefusal::Unknown { what: what.to_string() });
            Ok(block::block(machine, of.ok_or_else(unknown)?))
        };
        self.carry_out(meant, Action::CreateBlock(create), look).await
    }

    async fn lift_block(
        &self,
        request: Request<pb::LiftBlockRequest>,
    ) -> Result<Response<pb::LiftBlockResponse>, Status> {
        let (meant, request) = Meant::of(request)?;
        let lift = block::lift(&request).map_err(ApiError::from)?;
        self.carry_out(meant, Action::LiftBlock(lift), |_| Ok(pb::LiftBlockResponse {})).await
    }

    async fn list_blocks(
        &self,
        request: Request<pb::ListBlocksRequest>,
    ) -> Result<Response<pb::ListBlocksResponse>, Status> {
        caller::operator(request.metadata())?;
        let list = |machine: &Machine| {
            let blocks = machine.blocks().values().map(|of| block::block(machine, of)).collect();
            Ok(pb::ListBlocksResponse { blocks })
        };
        self.read(request.metadata(), list).await
    }

    async fn list_ledger(
        &self,
        request: Request<pb::ListLedgerRequest>,
    ) -> Result<Response<pb::ListLedgerResponse>, Status> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| ledger(machine, &request)).await
    }
}

/// A page of a ledger, by host.
fn ledger(
    machine: &Machine,
    request: &pb::ListLedgerRequest,
) -> Result<pb::ListLedgerResponse, ApiError> {
    let version: Version = check::resource("patch_set", "patchSets", &request.patch_set)?;
    let wanted = Wanted::<HostId, _>::of(Asked {
        list: ("ledger", version.as_str()),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let unknown = || Rejection::UnknownPatchSet { version: version.clone() };
    let set = machine.patch_sets().get(&version).ok_or_else(unknown)?;
    let rest = machine.ledger().after(set, wanted.after);
    let draw = |(host, owed): &(HostId, Owed)| Some(patch_set::ledger_entry(machine, *host, owed));
    let (entries, next_page_token) = wanted.page(rest, |(host, _)| *host, draw);
    Ok(pb::ListLedgerResponse { entries, next_page_token })
}

impl Desk {
    /// What the log would hold if every artifact of `publish` had been uploaded here.
    fn uploaded(&self, publish: &PublishPatchSet) -> Vec<Command> {
        let node = NodeId(self.handle.id().0);
        let stored = |of: &Artifact| StoreBlob { node, digest: of.digest, size: of.size };
        publish.artifacts.values().map(|of| Command::StoreBlob(stored(of))).collect()
    }
}

fn draw(machine: &Machine, version: &Version) -> Result<pb::PatchSet, ApiError> {
    let unknown = || Rejection::UnknownPatchSet { version: version.clone() };
    let set = machine.patch_sets().get(version).ok_or_else(unknown)?;
    Ok(patch_set::patch_set(machine, set))
}

/// A page of the patch sets, newest first.
fn list(
    machine: &Machine,
    request: &pb::ListPatchSetsRequest,
) -> Result<pb::ListPatchSetsResponse, ApiError> {
    let wanted = Wanted::<u64, _>::of(Asked {
        list: ("patchSets", ""),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let older = |set: &&PatchSet| wanted.after.is_none_or(|after| set.published_index < after);
    let mut rest: Vec<&PatchSet> = machine.patch_sets().values().filter(older).collect();
    rest.sort_by_key(|set| std::cmp::Reverse(set.published_index));
    let draw = |set: &&PatchSet| Some(patch_set::patch_set(machine, set));
    let (patch_sets, next_page_token) =
        wanted.page(rest.into_iter(), |set| set.published_index, draw);
    Ok(pb::ListPatchSetsResponse { patch_sets, next_page_token })
}
