//! `Enroll`, in and out.

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;

use super::check::{request_id, required};
use super::facts::{facts, mode};
use crate::api::error::BadField;
use crate::machine::command::EnrollHost;
use crate::machine::ids::{Digest, HostId, TierName};

/// A machine that wants to be a member of the fleet. Neither the secret nor the machine id go any
/// further than here.
///
/// # Errors
///
/// [`BadField`].
pub fn enroll(request: &pb::EnrollRequest) -> Result<EnrollHost, BadField> {
    let secret = request.token_secret.trim();
    let hex = secret.strip_prefix("tgt_").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        let what = "is not a token: `tgt_` and 64 hex digits, as `tidegate token create` prints it";
        return Err(BadField::new("token_secret", "(not shown)", what));
    }
    let machine = required("machine_id", &request.machine_id, 128)?;
    Ok(EnrollHost {
        request: request_id(&request.request_id)?,
        secret: Digest(Sha256::digest(secret.as_bytes()).into()),
        machine: blake3::derive_key("tidegate machine id v1", machine.as_bytes()),
        host: HostId::of_machine(&machine),
        facts: facts(request.facts.as_ref())?,
        boot: required("boot_id", &request.boot_id, 64)?,
        mode: mode(request.mode),
    })
}

/// The answer to `Enroll`.
pub fn enrolled(host: HostId, tier: &TierName) -> pb::EnrollResponse {
    let host = format!("hosts/{host}");
    pb::EnrollResponse { development_identity: host.clone(), host, tier: format!("tiers/{tier}") }
}
