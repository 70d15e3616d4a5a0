//! What does a gRPC error mean to the agent?

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::core::{CallFailed, CallFailure};

/// Reason code of a host that the cluster does not know.
const UNKNOWN_HOST: &str = "UNKNOWN_HOST";

pub(super) fn call_failed(status: &Status) -> CallFailed {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    let unknown_host = reason == UNKNOWN_HOST || status.code() == Code::NotFound;
    let refused = matches!(status.code(), Code::InvalidArgument | Code::OutOfRange);
    let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    CallFailed {
        kind: match (unknown_host, refused) {
            (true, _) => CallFailure::UnknownHost,
            (false, true) => CallFailure::Refused,
            (false, false) => CallFailure::Unavailable,
        },
        retry_after: retry_after.map(Into::into),
        message: match reason.as_str() {
            "" => format!("{:?}: {}", status.code(), status.message()),
            reason => format!("{reason}: {}", status.message()),
        },
    }
}

pub(super) fn too_long(what: &str) -> CallFailed {
    CallFailed {
        kind: CallFailure::Unavailable,
        retry_after: None,
        message: format!("{what} took too long"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::call_failed;
    use crate::core::{CallFailure, Millis};

    #[test]
    fn a_retry_delay_and_a_reason_code_are_read_from_the_details() {
        let mut details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        details.set_error_info("UNKNOWN_HOST", "tidegate", []);
        let status = Status::with_error_details(Code::FailedPrecondition, "who?", details);
        let failed = call_failed(&status);
        assert_eq!(failed.retry_after, Some(Millis(7_000)));
        assert_eq!(failed.kind, CallFailure::UnknownHost);
        assert_eq!(failed.message, "UNKNOWN_HOST: who?");
    }

    #[test]
    fn a_request_that_is_at_fault_itself_is_told_from_a_controller_that_cannot_help() {
        for status in [Status::invalid_argument("too long"), Status::out_of_range("too much")] {
            assert_eq!(call_failed(&status).kind, CallFailure::Refused, "{status:?}");
        }
    }

    #[test]
    fn an_error_without_details_is_unavailable_and_asks_for_no_delay() {
        let failed = call_failed(&Status::unavailable("gone"));
        assert_eq!((failed.kind, failed.retry_after), (CallFailure::Unavailable, None));
    }
}
