//! Who calls? The connection says so, never a field of the request.
//!
//! In development mode, on loopback only, a metadata key stands in for the client certificate.

use tidegate_proto::{DEVELOPMENT_HOST_HEADER, DEVELOPMENT_OPERATOR_HEADER};
use tonic::metadata::MetadataMap;

use super::convert::check::{bounded, resource};
use super::error::ApiError;
use crate::machine::ids::HostId;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An enrolled host's agent.
    Host(HostId),
    /// A person, or a program of theirs.
    Operator(String),
}

impl Caller {
    /// The caller of a request in development mode.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadField`] for a key whose value is no host.
    pub fn of(metadata: &MetadataMap) -> Result<Self, ApiError> {
        let text = |key: &'static str| {
            let value = metadata.get(key).map(|value| value.to_str().unwrap_or("(not text)"));
            value.map(str::to_owned)
        };
        if let Some(host) = text(DEVELOPMENT_HOST_HEADER) {
            return Ok(Self::Host(resource(DEVELOPMENT_HOST_HEADER, "hosts", &host)?));
        }
        let operator = text(DEVELOPMENT_OPERATOR_HEADER).unwrap_or_default();
        let operator = bounded(DEVELOPMENT_OPERATOR_HEADER, &operator, 64)?;
        Ok(Self::Operator(if operator.is_empty() { "operator".to_owned() } else { operator }))
    }
}

/// The host that calls.
///
/// # Errors
///
/// [`ApiError::Unauthenticated`] if the call is no host's.
pub fn host(metadata: &MetadataMap) -> Result<HostId, ApiError> {
    match Caller::of(metadata)? {
        Caller::Host(host) => Ok(host),
        Caller::Operator(_) => Err(ApiError::Unauthenticated {
            hint: "a host calls with the identity that `Enroll` gave it; in development mode that is \
                   the metadata key `tidegate-host`",
        }),
    }
}

/// The name of the operator that calls.
///
/// # Errors
///
/// [`ApiError::NotAllowed`] if a host calls.
pub fn operator(metadata: &MetadataMap) -> Result<String, ApiError> {
    match Caller::of(metadata)? {
        Caller::Operator(name) => Ok(name),
        Caller::Host(_) => {
            Err(ApiError::NotAllowed { what: "a host may not call an operator's method" })
        }
    }
}
