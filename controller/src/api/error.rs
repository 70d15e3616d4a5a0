//! What does a caller get when it goes wrong? `google.rpc.Status`, always with an `ErrorInfo`.

use std::time::Duration;

use tidegate_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::filter::BadFilter;
use crate::machine::Rejection;
use crate::machine::block_refusal::BlockRefusal;
use crate::machine::calendar_refusal::CalendarRefusal;
use crate::machine::ids::WebhookId;
use crate::machine::incident_refusal::IncidentRefusal;
use crate::machine::webhook_refusal::WebhookRefusal;
use crate::runtime::{ProposeError, QueryError, ReadError, Stopped, TransferError};
use crate::webhooks::Forbidden;

/// An `ErrorInfo`'s metadata.
#[expect(clippy::disallowed_types, reason = "the shape that tonic-types asks for; never printed")]
type Metadata = std::collections::HashMap<String, String>;

/// How soon a caller should try again what was not taken.
const RETRY_SOON: Duration = Duration::from_millis(200);

/// A field that is not what it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {value}: {problem}")]
pub struct BadField {
    field: &'static str,
    value: String,
    problem: String,
}

impl BadField {
    /// `field` holds `value`, and `problem` says what is wrong and what to do.
    pub fn new(field: &'static str, value: &str, problem: &str) -> Self {
        Self { field, value: format!("`{value}`"), problem: problem.to_owned() }
    }
}

/// Why a stream does not begin, or ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The token is of no stream.
    #[error("`resume_token` is none that this method gave: leave it out to begin with a snapshot")]
    NotAToken,
    /// The token is of another stream.
    #[error(
        "`resume_token` is of a stream with another `rollout` or `content`: repeat those, or leave it out to \
         begin with a snapshot"
    )]
    OtherFilter,
    /// What came behind the token is not kept any more, or the cluster was restored since.
    #[error(
        "log index {asked} is too long ago to go on from, {oldest} is the oldest: leave `resume_token` out to \
         begin with a snapshot"
    )]
    Compacted {
        /// What the token says.
        asked: u64,
        /// The oldest that would do.
        oldest: u64,
    },
    /// This node has not come as far.
    #[error(
        "this node shows log index {shown} and not {asked} yet: ask again, or another controller"
    )]
    Lags {
        /// What was asked for.
        asked: u64,
        /// What there is.
        shown: u64,
    },
    /// The reader left too much unread.
    #[error(
        "the stream was not read for too long: open it again with the token, `resume_token` in the details"
    )]
    TooSlow {
        /// Where to go on.
        token: String,
    },
    /// The node stops.
    #[error("this controller stops: open the stream at another one, with the last token")]
    Ended,
    /// Too many watch already.
    #[error("{most} streams are open at this controller: ask another one, or end some")]
    TooMany {
        /// Most at a time.
        most: usize,
    },
}

impl WatchError {
    const fn code(&self) -> Code {
        match self {
            Self::NotAToken | Self::OtherFilter => Code::InvalidArgument,
            Self::Compacted { .. } => Code::OutOfRange,
            Self::Lags { .. } | Self::TooSlow { .. } | Self::Ended => Code::Unavailable,
            Self::TooMany { .. } => Code::ResourceExhausted,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::NotAToken | Self::OtherFilter => "BAD_RESUME_TOKEN",
            Self::Compacted { .. } => "RESUME_TOKEN_COMPACTED",
            Self::Lags { .. } => "NODE_LAGS",
            Self::TooSlow { .. } => "WATCH_TOO_SLOW",
            Self::Ended => "DRAINING",
            Self::TooMany { .. } => "TOO_MANY_STREAMS",
        }
    }

    /// The dynamic parts.
    fn metadata(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Compacted { oldest, .. } => Some(("oldest_revision", oldest.to_string())),
            Self::TooSlow { token } => Some(("resume_token", token.clone())),
            Self::NotAToken
            | Self::OtherFilter
            | Self::Lags { .. }
            | Self::Ended
            | Self::TooMany { .. } => None,
        }
    }
}

/// A page's token that does not belong to the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bad}")]
pub struct BadPage {
    bad: BadField,
    reason: &'static str,
}

impl BadPage {
    /// No method gave `token`.
    pub fn not_given(token: &str) -> Self {
        let what = "is not one that this method gave: leave it out for the first page";
        Self { bad: Self::field(token, what), reason: "BAD_PAGE_TOKEN" }
    }

    /// `token` is of a list with another filter, or of something else.
    pub fn of_another_list(token: &str) -> Self {
        let what = "belongs to another request: ask for each page with the same filter, or leave it out for the \
                    first page";
        Self { bad: Self::field(token, what), reason: "PAGE_ARGS_CHANGED" }
    }

    fn field(token: &str, what: &str) -> BadField {
        let shown: String = token.chars().filter(|c| !c.is_control()).take(80).collect();
        BadField::new("page_token", &shown, what)
    }
}

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A field is not what it has to be.
    #[error(transparent)]
    BadField(#[from] BadField),
    /// A filter cannot be read.
    #[error(transparent)]
    BadFilter(#[from] BadFilter),
    /// A page's token does not belong to the request.
    #[error(transparent)]
    BadPage(#[from] BadPage),
    /// This controller may not call a receiver.
    #[error("the webhook `{webhook}` would tell nobody: {why}")]
    Forbidden {
        /// Which webhook.
        webhook: WebhookId,
        /// Why.
        #[source]
        why: Forbidden,
    },
    /// The machine refused the command.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The command has no known outcome.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// This node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// This node has too much to do to look.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Nobody confirmed in time what is newest.
    #[error("{0}: with the CLI, `--stale` shows what one controller has")]
    Read(#[from] ReadError),
    /// The leadership did not move.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A stream does not begin, or ends.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The connection says nothing about who calls.
    #[error("the call does not say who calls: {hint}")]
    Unauthenticated {
        /// What to do.
        hint: &'static str,
    },
    /// The caller may not do this.
    #[error("{what}")]
    NotAllowed {
        /// What it may not do.
        what: &'static str,
    },
    /// There is no such thing.
    #[error("{what}")]
    NotFound {
        /// The reason code.
        reason: &'static str,
        /// What there is not, and what to do.
        what: String,
    },
    /// Records behind this one are not kept any more.
    #[error(
        "the record behind {asked} is not kept any more, {oldest} is the oldest to go on from: leave \
         `after_sequence` out for all that is kept"
    )]
    RecordsCompacted {
        /// The sequence number that was asked for.
        asked: u64,
        /// The oldest that would do.
        oldest: u64,
    },
    /// This node cannot serve now, and another may.
    #[error("{what}")]
    Unavailable {
        /// The reason code.
        reason: &'static str,
        /// What is wrong.
        what: String,
    },
    /// An upload is not what it said it would be.
    #[error("{what}")]
    BadUpload {
        /// The reason code.
        reason: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
    /// The node could not do its work.
    #[error("{what}")]
    Internal {
        /// What went wrong.
        what: String,
    },
}

impl ApiError {
    fn code(&self) -> Code {
        match self {
            Self::BadField(_) | Self::BadFilter(_) | Self::BadPage(_) | Self::BadUpload { .. } => {
                Code::InvalidArgument
            }
            Self::Forbidden { .. } => Code::FailedPrecondition,
            Self::Rejected(rejection) => rejection_code(rejection),
            Self::Propose(error) => match error {
                ProposeError::NotLeader { .. } | ProposeError::Unknown | ProposeError::Stopped => {
                    Code::Unavailable
                }
                ProposeError::Busy | ProposeError::DiskLow { .. } => Code::ResourceExhausted,
                ProposeError::TooLarge { .. } => Code::InvalidArgument,
                ProposeError::ChangePending
                | ProposeError::WouldLoseQuorum { .. }
                | ProposeError::LeaderMustMove
                | ProposeError::NotCaughtUp { .. }
                | ProposeError::NeedsVersion { .. } => Code::FailedPrecondition,
            },
            Self::Stopped(_)
            | Self::Query(QueryError::Stopped(_))
            | Self::Read(_)
            | Self::Transfer(TransferError::Stopped(_))
            | Self::Unavailable { .. } => Code::Unavailable,
            Self::Transfer(TransferError::TimedOut { .. }) => Code::FailedPrecondition,
            Self::Watch(error) => error.code(),
            Self::Query(QueryError::Shed) => Code::ResourceExhausted,
            Self::Unauthenticated { .. } => Code::Unauthenticated,
            Self::NotAllowed { .. } => Code::PermissionDenied,
            Self::NotFound { .. } => Code::NotFound,
            Self::RecordsCompacted { .. } => Code::OutOfRange,
            Self::Internal { .. } => Code::Internal,
        }
    }

    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BadField(_) => "BAD_FIELD",
            Self::BadFilter(_) => "BAD_FILTER",
            Self::BadPage(page) => page.reason,
            Self::Forbidden { why, .. } => why.reason(),
            Self::Rejected(rejection) => rejection.reason(),
            Self::Propose(error) => match error {
                ProposeError::NotLeader { .. } => "NO_LEADER",
                ProposeError::Unknown => "OUTCOME_UNKNOWN",
                ProposeError::Busy => "OVERLOADED",
                ProposeError::TooLarge { .. } => "TOO_LARGE",
                ProposeError::DiskLow { .. } => "DISK_LOW",
                ProposeError::ChangePending => "CHANGE_PENDING",
                ProposeError::WouldLoseQuorum { .. } => "WOULD_LOSE_QUORUM",
                ProposeError::LeaderMustMove => "LEADER_MUST_MOVE",
                ProposeError::NotCaughtUp { .. } => "LEARNER_NOT_CAUGHT_UP",
                ProposeError::NeedsVersion { .. } => "CLUSTER_VERSION_TOO_OLD",
                ProposeError::Stopped => "DRAINING",
            },
            Self::Read(ReadError::NotConfirmed { .. }) => "NO_LEADER",
            Self::Transfer(TransferError::TimedOut { .. }) => "LEADER_NOT_MOVED",
            Self::Stopped(_)
            | Self::Query(QueryError::Stopped(_))
            | Self::Read(ReadError::Stopped(_))
            | Self::Transfer(TransferError::Stopped(_)) => "DRAINING",
            Self::Watch(error) => error.reason(),
            Self::Query(QueryError::Shed) => "OVERLOADED",
            Self::Unauthenticated { .. } => "NO_IDENTITY",
            Self::NotAllowed { .. } => "ROLE_MISSING",
            Self::NotFound { reason, .. }
            | Self::Unavailable { reason, .. }
            | Self::BadUpload { reason, .. } => reason,
            Self::RecordsCompacted { .. } => "RECORDS_COMPACTED",
            Self::Internal { .. } => "INTERNAL",
        }
    }
}

fn rejection_code(rejection: &Rejection) -> Code {
    match rejection {
        Rejection::Incident(refusal) => incident_code(refusal),
        Rejection::Webhook(refusal) => webhook_code(refusal),
        Rejection::Calendar(refusal) => calendar_code(refusal),
        Rejection::Block(BlockRefusal::Unknown { .. }) => Code::NotFound,
        Rejection::Block(BlockRefusal::Blocked { .. }) => Code::FailedPrecondition,
        Rejection::UnknownTier { .. }
        | Rejection::UnknownHost { .. }
        | Rejection::UnknownPatchSet { .. }
        | Rejection::UnknownRollout { .. }
        | Rejection::UnknownProposal { .. }
        | Rejection::NoSuchToken { .. }
        | Rejection::UnknownMember { .. }
        | Rejection::HostEvicted { .. } => Code::NotFound,
        Rejection::AuthorApproves { .. } | Rejection::SamePerson { .. } => Code::PermissionDenied,
        Rejection::TooMany { .. } => Code::ResourceExhausted,
        Rejection::TokenExists { .. }
        | Rejection::PatchSetExists { .. }
        | Rejection::RolloutExists { .. }
        | Rejection::ProposedAlready { .. }
        | Rejection::MemberExists { .. } => Code::AlreadyExists,
        Rejection::EtagMismatch { .. } => Code::Aborted,
        Rejection::UnknownToken => Code::Unauthenticated,
        Rejection::TokenHostLimit { .. } => Code::ResourceExhausted,
        Rejection::NotBootstrapped | Rejection::WallNotFresh => Code::Unavailable,
        Rejection::RequestIdReused { .. }
        | Rejection::SecretReused
        | Rejection::NoHosts
        | Rejection::NoArtifacts { .. }
        | Rejection::ArtifactSize { .. }
        | Rejection::LadderMismatch { .. }
        | Rejection::DrawMismatch { .. }
        | Rejection::ReasonMissing
        | Rejection::ExpiryPassed { .. }
        | Rejection::NothingToUpdate { .. }
        | Rejection::NodeIdZero
        | Rejection::BadAddress { .. }
        | Rejection::VouchAhead { .. } => Code::InvalidArgument,
        Rejection::AlreadyBootstrapped { .. }
        | Rejection::HostIdTaken { .. }
        | Rejection::ArtifactMissing { .. }
        | Rejection::NotADraft { .. }
        | Rejection::ArtifactsNotReplicated { .. }
        | Rejection::PatchSetHalted { .. }
        | Rejection::SeriesBusy { .. }
        | Rejection::WrongState { .. }
        | Rejection::SliceNotHalted { .. }
        | Rejection::LadderInUse { .. }
        | Rejection::ApprovedAlready { .. }
        | Rejection::NotExpedited { .. }
        | Rejection::NotNewer { .. }
        | Rejection::TokenExpired { .. }
        | Rejection::TokenRevoked { .. }
        | Rejection::OutOfScope { .. }
        | Rejection::HostAwaited { .. }
        | Rejection::MovedOn { .. }
        | Rejection::GatesShut { .. }
        | Rejection::MemberRemoved { .. }
        | Rejection::NotALearner { .. }
        | Rejection::NotAVoter { .. }
        | Rejection::LastVoter { .. }
        | Rejection::AddressInUse { .. }
        | Rejection::OtherIncarnation { .. }
        | Rejection::VersionNotSpoken { .. }
        | Rejection::PatchSetWithdrawn { .. }
        | Rejection::PatchSetRolledOut { .. }
        | Rejection::NotAboveWithdrawn { .. } => Code::FailedPrecondition,
    }
}

const fn incident_code(refusal: &IncidentRefusal) -> Code {
    match refusal {
        IncidentRefusal::Unknown { .. } => Code::NotFound,
        IncidentRefusal::Full { .. } => Code::ResourceExhausted,
        IncidentRefusal::RemarkMissing => Code::InvalidArgument,
        IncidentRefusal::Acknowledged { .. }
        | IncidentRefusal::NotAcknowledged { .. }
        | IncidentRefusal::Resolved { .. }
        | IncidentRefusal::Widened { .. } => Code::FailedPrecondition,
    }
}

const fn calendar_code(refusal: &CalendarRefusal) -> Code {
    match refusal {
        CalendarRefusal::UnknownFreeze { .. } => Code::NotFound,
        CalendarRefusal::FreezeExists { .. } => Code::AlreadyExists,
        CalendarRefusal::FreezeOver { .. }
        | CalendarRefusal::DelayTooLong { .. }
        | CalendarRefusal::BadOpenings { .. } => Code::InvalidArgument,
    }
}

const fn webhook_code(refusal: &WebhookRefusal) -> Code {
    match refusal {
        WebhookRefusal::Unknown { .. } | WebhookRefusal::NoSuchLetter { .. } => Code::NotFound,
        WebhookRefusal::NoEvents { .. } => Code::InvalidArgument,
        WebhookRefusal::Gone { .. }
        | WebhookRefusal::NoLetters { .. }
        | WebhookRefusal::NoRoom { .. } => Code::FailedPrecondition,
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let mut metadata = Metadata::new();
        if let ApiError::Propose(ProposeError::NotLeader { leader: Some(leader) })
        | ApiError::Read(ReadError::NotConfirmed { leader: Some(leader) }) = &error
        {
            metadata.insert("leader_hint".to_owned(), leader.0.to_string());
        }
        if let ApiError::Watch(error) = &error {
            metadata.extend(error.metadata().map(|(key, value)| (key.to_owned(), value)));
        }
        let mut details = ErrorDetails::new();
        if let ApiError::BadFilter(bad) = &error {
            details.add_bad_request_violation("filter", bad.to_string());
            metadata.insert("field".to_owned(), "filter".to_owned());
            metadata.insert("position".to_owned(), (bad.at + 1).to_string());
        }
        if let ApiError::BadField(bad) | ApiError::BadPage(BadPage { bad, .. }) = &error {
            details.add_bad_request_violation(bad.field, format!("{}: {}", bad.value, bad.problem));
            metadata.insert("field".to_owned(), bad.field.to_owned());
        }
        if let ApiError::Rejected(Rejection::EtagMismatch { current, .. }) = &error {
            metadata.insert("current_etag".to_owned(), current.to_string());
        }
        if matches!(code, Code::Unavailable) || error.reason() == "OVERLOADED" {
            details.set_retry_info(Some(RETRY_SOON));
        }
        details.set_error_info(error.reason(), ERROR_DOMAIN, metadata);
        Self::with_error_details(code, error.to_string(), details)
    }
}
