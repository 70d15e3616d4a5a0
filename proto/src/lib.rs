//! What is said on the wire: `tidegate.v1`, generated from `tidegate/v1/*.proto`. No logic.

/// The package `tidegate.v1`.
pub mod v1 {
    tonic::include_proto!("tidegate.v1");
}

/// The descriptors of `tidegate.v1` and all that it imports, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tidegate.bin"));

/// Metadata key that stands in for a client certificate in development mode, on loopback only.
/// Its value is a host's resource name, `hosts/{host}`.
pub const DEVELOPMENT_HOST_HEADER: &str = "tidegate-host";

/// Metadata key that names the operator in development mode, on loopback only.
pub const DEVELOPMENT_OPERATOR_HEADER: &str = "tidegate-operator";

/// Metadata key that says how a read is answered: on a request, [`READ_STALE`] asks for what the
/// answering node has; on an answer it says which of the two it is.
pub const READ_HEADER: &str = "tidegate-read";

/// Value of [`READ_HEADER`]: what the answering node has, which may be out of date.
pub const READ_STALE: &str = "stale";

/// Value of [`READ_HEADER`]: everything that was acknowledged before the question. The default.
pub const READ_LINEARIZABLE: &str = "linearizable";

/// Metadata key of an answer: the log index that the answering node had applied.
pub const APPLIED_HEADER: &str = "tidegate-applied";

/// Metadata key of an answer to a call with `validate_only`: nothing was changed. A controller that does not know
/// the field does not send it.
pub const VALIDATED_HEADER: &str = "tidegate-validated";

/// `ErrorInfo.domain` of every error.
pub const ERROR_DOMAIN: &str = "tidegate";

/// Largest artifact, in bytes.
pub const MAX_ARTIFACT_BYTES: u64 = 64 * 1024 * 1024;

/// Largest piece of a streamed artifact, in bytes.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Most reports in one `ReportRequest`.
pub const MAX_REPORTS_PER_REQUEST: usize = 64;

/// The status code as gRPC spells it: `DEADLINE_EXCEEDED`.
#[must_use]
pub const fn code_name(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Ok => "OK",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unknown => "UNKNOWN",
        tonic::Code::InvalidArgument => "INVALID_ARGUMENT",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::PermissionDenied => "PERMISSION_DENIED",
        tonic::Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        tonic::Code::FailedPrecondition => "FAILED_PRECONDITION",
        tonic::Code::Aborted => "ABORTED",
        tonic::Code::OutOfRange => "OUT_OF_RANGE",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::Internal => "INTERNAL",
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DataLoss => "DATA_LOSS",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
