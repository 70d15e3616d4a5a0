//! `Begin`, in and out.

use tidegate_proto::v1 as pb;

use super::check::{digest, request_id, required, resource};
use crate::api::error::BadField;
use crate::machine::command::BeginGrant;
use crate::machine::ids::{GrantId, HostId};
use crate::machine::reply::{Begin, NoGoReason};

/// A host that asks to go.
///
/// # Errors
///
/// [`BadField`].
pub fn begin(host: HostId, request: &pb::BeginRequest) -> Result<BeginGrant, BadField> {
    request_id(&request.request_id)?;
    Ok(BeginGrant {
        host,
        grant: GrantId(request.grant_id),
        version: resource("patch_set", "patchSets", &request.patch_set)?,
        epoch: request.epoch,
        boot: required("boot_id", &request.boot_id, 64)?,
        digest: digest("artifact_sha256", &request.artifact_sha256)?,
    })
}

/// The answer to `Begin`.
pub fn begun(
    request_id: String,
    begin: Begin,
    (generation, revision): (u64, u64),
) -> pb::BeginResponse {
    use pb::begin_response::Decision;
    let decision = match begin {
        Begin::Go { epoch, lease } => Decision::Go(pb::Go { request_id, epoch, lease_ms: lease.0 }),
        Begin::NoGo(no) => Decision::NoGo(pb::NoGo {
            request_id,
            reason: no_go(no.reason).into(),
            message: no.message,
            retry_after_ms: no.retry_after.map_or(0, |after| after.0),
        }),
    };
    pb::BeginResponse { decision: Some(decision), revision, generation }
}

const fn no_go(reason: NoGoReason) -> pb::NoGoReason {
    match reason {
        NoGoReason::Halted => pb::NoGoReason::Halted,
        NoGoReason::Paused => pb::NoGoReason::Paused,
        NoGoReason::Held => pb::NoGoReason::Held,
        NoGoReason::Budget => pb::NoGoReason::Budget,
        NoGoReason::Expired => pb::NoGoReason::Expired,
        NoGoReason::StaleEpoch => pb::NoGoReason::StaleEpoch,
        NoGoReason::Withdrawn => pb::NoGoReason::Withdrawn,
        NoGoReason::ArtifactMismatch => pb::NoGoReason::ArtifactMismatch,
        NoGoReason::BootChanged => pb::NoGoReason::BootChanged,
        NoGoReason::Closed => pb::NoGoReason::Closed,
    }
}
