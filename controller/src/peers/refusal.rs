//! How does a leader's refusal cross the wire, told apart from a failure of the wire?
//!
//! A forwarded command that failed without one of these marks may have been carried out.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::node::NodeId;
use crate::runtime::ProposeError;

/// Names the refusal.
const REFUSAL: &str = "tidegate-refusal";
/// The leader's id, where a refusal knows it.
const LEADER: &str = "tidegate-leader";
/// The command's size, in bytes.
const BYTES: &str = "tidegate-bytes";

const NOT_LEADER: &str = "not-leader";
const BUSY: &str = "busy";
const TOO_LARGE: &str = "too-large";
const NOT_ADMITTED: &str = "not-admitted";
const STOPPED: &str = "stopped";
const UNKNOWN: &str = "unknown";

/// `error` as a status.
pub(super) fn to_status(error: &ProposeError) -> Status {
    let (code, refusal, detail) = match *error {
        ProposeError::NotLeader { leader } => {
            let leader = leader.map(|leader| (LEADER, leader.0));
            (Code::FailedPrecondition, NOT_LEADER, leader)
        }
        ProposeError::Busy => (Code::ResourceExhausted, BUSY, None),
        ProposeError::TooLarge { bytes } => {
            (Code::InvalidArgument, TOO_LARGE, Some((BYTES, bytes as u64)))
        }
        ProposeError::Stopped => (Code::Unavailable, STOPPED, None),
        ProposeError::Unknown => (Code::Unknown, UNKNOWN, None),
    };
    let mut status = Status::new(code, error.to_string());
    status.metadata_mut().insert(REFUSAL, MetadataValue::from_static(refusal));
    if let Some((key, number)) = detail {
        status.metadata_mut().insert(key, MetadataValue::from(number));
    }
    status
}

/// A status for a call that the door did not admit.
pub(super) fn not_admitted(message: impl Into<String>) -> Status {
    marked_not_admitted(Status::permission_denied(message))
}

/// A status for a command that no peer may ask for.
pub(super) fn not_for_peers(message: impl Into<String>) -> Status {
    marked_not_admitted(Status::invalid_argument(message))
}

fn marked_not_admitted(mut status: Status) -> Status {
    status.metadata_mut().insert(REFUSAL, MetadataValue::from_static(NOT_ADMITTED));
    status
}

/// The refusal in `status`; `Unknown` for every status that is not a leader's own.
pub(super) fn from_status(status: &Status) -> ProposeError {
    let text = |key| status.metadata().get(key).and_then(|value| value.to_str().ok());
    let number = |key| text(key).and_then(|text| text.parse::<u64>().ok());
    match text(REFUSAL) {
        Some(NOT_LEADER) => ProposeError::NotLeader { leader: number(LEADER).map(NodeId) },
        // Whoever that node is, it is not this cluster's leader.
        Some(NOT_ADMITTED) => ProposeError::NotLeader { leader: None },
        Some(BUSY) => ProposeError::Busy,
        Some(TOO_LARGE) => {
            let bytes = number(BYTES).and_then(|bytes| usize::try_from(bytes).ok());
            ProposeError::TooLarge { bytes: bytes.unwrap_or(usize::MAX) }
        }
        Some(STOPPED) => ProposeError::Stopped,
        Some(_) | None => ProposeError::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_the_wire_and_a_broken_wire_is_no_refusal() {
        for error in [
            ProposeError::NotLeader { leader: Some(NodeId(3)) },
            ProposeError::NotLeader { leader: None },
            ProposeError::Busy,
            ProposeError::TooLarge { bytes: 70_000 },
            ProposeError::Stopped,
            ProposeError::Unknown,
        ] {
            assert_eq!(from_status(&to_status(&error)), error);
        }
        let not_admitted = from_status(&not_admitted("another cluster"));
        assert_eq!(not_admitted, ProposeError::NotLeader { leader: None });
        assert_eq!(from_status(&Status::unavailable("connection reset")), ProposeError::Unknown);
    }
}
