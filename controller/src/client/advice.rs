//! What should the operator type next? From what was attempted, on what, and how it was refused.

use tonic::Code;

use super::ids::RequestId;
use super::names::id_of;

/// What a request is about.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// `rollouts/{rollout}`.
    Rollout(String),
    /// `patchSets/{version}`.
    PatchSet(String),
    /// `hosts/{host}`.
    Host(String),
    /// The ladder.
    Tiers,
    /// Which kernels are covered.
    Coverage,
    /// All freezes.
    Freezes,
    /// The block-list.
    Blocks,
    /// What waits for a second person.
    Proposals,
    /// What is held back from tokens and hosts.
    Holdbacks,
    /// The controllers.
    Cluster,
    /// `incidents/{number}`.
    Incident(String),
    /// All incidents.
    Incidents,
    /// All rollouts.
    Rollouts,
    /// All patch sets.
    PatchSets,
    /// All hosts.
    Hosts,
    /// All tokens.
    Tokens,
    /// What was decided.
    Records,
    /// `tokens/{token}`.
    Token(String),
    /// `webhooks/{webhook}`.
    Webhook(String),
    /// All webhooks.
    Webhooks,
}

impl Subject {
    /// The command that shows it.
    fn show(&self) -> String {
        match self {
            Self::Rollout(name) => format!("tidegate rollout get {}", id_of(name)),
            Self::PatchSet(name) => format!("tidegate patchset get {}", id_of(name)),
            Self::Host(name) => format!("tidegate host get {}", id_of(name)),
            Self::Incident(name) => format!("tidegate incident get {}", id_of(name)),
            Self::Token(name) => format!("tidegate token get {}", id_of(name)),
            Self::Webhook(name) => format!("tidegate webhook get {}", id_of(name)),
            Self::Tiers
            | Self::Coverage
            | Self::Freezes
            | Self::Blocks
            | Self::Proposals
            | Self::Holdbacks
            | Self::Cluster
            | Self::Incidents
            | Self::Rollouts
            | Self::PatchSets
            | Self::Hosts
            | Self::Tokens
            | Self::Records
            | Self::Webhooks => self.list(),
        }
    }

    /// The command that shows its kind.
    fn list(&self) -> String {
        let command = match self {
            Self::Rollout(_) | Self::Rollouts => "rollout list",
            Self::Incident(_) | Self::Incidents => "incident list",
            Self::PatchSet(_) | Self::PatchSets => "patchset list",
            Self::Host(_) | Self::Hosts => "host list",
            Self::Token(_) | Self::Tokens => "token list",
            Self::Tiers => "tier list",
            Self::Coverage => "coverage get",
            Self::Freezes => "freeze list",
            Self::Blocks => "block list",
            Self::Proposals => "approval list",
            Self::Holdbacks => "holdback list",
            Self::Cluster => "cluster status",
            Self::Records => "audit list",
            Self::Webhook(_) | Self::Webhooks => "webhook list",
        };
        format!("tidegate {command}")
    }

    /// The command that says why it is as it is.
    fn explain(&self) -> String {
        match self {
            Self::Rollout(name) => format!("tidegate rollout explain {}", id_of(name)),
            Self::PatchSet(_)
            | Self::Host(_)
            | Self::Token(_)
            | Self::Incident(_)
            | Self::Incidents
            | Self::Tiers
            | Self::Coverage
            | Self::Freezes
            | Self::Blocks
            | Self::Proposals
            | Self::Holdbacks
            | Self::Cluster
            | Self::Rollouts
            | Self::PatchSets
            | Self::Hosts
            | Self::Tokens
            | Self::Records
            | Self::Webhook(_)
            | Self::Webhooks => self.show(),
        }
    }
}

/// What a request is meant to do.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    attempt: String,
    subject: Subject,
    request_id: Option<RequestId>,
}

impl Intent {
    /// A request that changes nothing.
    pub(crate) fn read(attempt: impl Into<String>, subject: Subject) -> Self {
        Self { attempt: attempt.into(), subject, request_id: None }
    }

    /// A request that changes something; `command_id` is the id that repeats the whole command.
    pub(crate) fn write(
        attempt: impl Into<String>,
        subject: Subject,
        command_id: RequestId,
    ) -> Self {
        Self { attempt: attempt.into(), subject, request_id: Some(command_id) }
    }

    /// What is attempted, in words that follow "cannot".
    pub(crate) fn attempt(&self) -> &str {
        &self.attempt
    }

    /// The id that repeats the command; `None`: it changes nothing.
    pub(crate) fn request_id(&self) -> Option<RequestId> {
        self.request_id
    }
}

/// What to type after `intent` was refused with `code` and the server's `reason`.
pub(crate) fn next_step(intent: &Intent, code: Code, reason: &str, perhaps_done: bool) -> String {
    let subject = &intent.subject;
    if reason == "NO_LEADER" && intent.request_id.is_none() {
        return "check that a majority of the controllers runs; --stale shows what one of them has"
            .to_owned();
    }
    if let Some(advice) = for_reason(reason, subject) {
        return advice;
    }
    if let (true, Some(id)) = (perhaps_done, intent.request_id) {
        return format!(
            "it may have happened all the same: look with `{}`, or repeat the command with \
             --request-id {id}",
            subject.show()
        );
    }
    match code {
        Code::Unavailable => "check --endpoint (TIDEGATE_ENDPOINTS) and that a majority of the \
                              controllers runs, then try again"
            .to_owned(),
        Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
            "try again, with a longer --timeout if need be".to_owned()
        }
        Code::Unauthenticated | Code::PermissionDenied => {
            "say who you are with --operator NAME (TIDEGATE_OPERATOR)".to_owned()
        }
        Code::NotFound => subject.list(),
        Code::AlreadyExists => subject.show(),
        Code::FailedPrecondition | Code::OutOfRange => subject.explain(),
        Code::Aborted => {
            format!("{}   # it changed meanwhile: look, then try again", subject.show())
        }
        Code::InvalidArgument => "correct the value; --help shows what each one may be".to_owned(),
        Code::Unimplemented => "tidegate cluster status   # compare the versions".to_owned(),
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            "tidegate cluster status   # then look into that controller's log".to_owned()
        }
    }
}

/// Advice where the reason says more than the code.
fn for_reason(reason: &str, subject: &Subject) -> Option<String> {
    let advice = match reason {
        "GATES_SHUT" => {
            format!("{}   # or overrule them: --force --reason REASON", subject.explain())
        }
        "ARTIFACTS_NOT_REPLICATED" => {
            "tidegate patchset list   # wait until it is READY, then try again".to_owned()
        }
        "PATCH_SET_HALTED" | "SERIES_BUSY" => "tidegate rollout list".to_owned(),
        "BLOCKED" => Subject::Blocks.list(),
        "CHANGE_PENDING" => {
            "tidegate cluster status   # wait until that change is done, then try again".to_owned()
        }
        "WOULD_LOSE_QUORUM" => {
            "tidegate cluster status   # start the members that are down, then try again".to_owned()
        }
        "LEADER_MUST_MOVE" => {
            "tidegate cluster transfer ID   # to another voter, then try again".to_owned()
        }
        "LEARNER_NOT_CAUGHT_UP" => {
            "tidegate cluster status   # try again when its MATCHED is near the log's end"
                .to_owned()
        }
        "CLUSTER_VERSION_TOO_OLD" => {
            "tidegate cluster status   # upgrade the nodes that hold the rules back".to_owned()
        }
        "MEMBER_REMOVED" | "NODE_ID_ZERO" => "give an id that no member ever had".to_owned(),
        "MEMBER_EXISTS" | "UNKNOWN_MEMBER" | "MEMBER_NOT_LEARNER" | "MEMBER_NOT_VOTER"
        | "ADDRESS_IN_USE" => Subject::Cluster.list(),
        "DISK_LOW" => {
            "free room on the controllers' disks; `tidegate cluster status` shows it".to_owned()
        }
        "ETAG_MISMATCH" => {
            format!(
                "{} -o json   # look at what has changed, then repeat with its etag",
                subject.show()
            )
        }
        "BAD_FILTER" => "correct the filter; the message names the place and the fields".to_owned(),
        "REASON_MISSING" => "add --reason REASON".to_owned(),
        "REQUEST_ID_REUSED" => "leave --request-id out: it belongs to another request".to_owned(),
        "SLICE_NOT_HALTED" | "ROLLOUT_MOVED_ON" | "ROLLOUT_NOT_DRAFT" | "ROLLOUT_NOT_RUNNING" => {
            subject.show()
        }
        "HOST_AWAITED" => format!(
            "{}   # wait until it has ended, or add --force: it counts as silent then",
            subject.show()
        ),
        "HOST_EVICTED" => Subject::Hosts.list(),
        "TOKEN_HOST_LIMIT" | "TOKEN_EXPIRED" | "TOKEN_REVOKED" | "TOKEN_OUT_OF_SCOPE"
        | "UNKNOWN_TOKEN" => Subject::Tokens.list(),
        "NOTHING_TO_UPDATE" => {
            "add --max-hosts N, --ttl 30d, --expires TIME or --never-expires".to_owned()
        }
        "EXPIRY_PASSED" => "give a later --expires, or a --ttl".to_owned(),
        "CLOCK_NOT_FRESH" => {
            "tidegate cluster status   # wait until a majority tells the time, then try again"
                .to_owned()
        }
        "UNKNOWN_PATCH_SET" => Subject::PatchSets.list(),
        "UNKNOWN_TIER" => Subject::Tiers.list(),
        _ => return None,
    };
    Some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, reason: &str, expected: &str) {
        let subject = Subject::Rollout("rollouts/113.1".to_owned());
        let intent = Intent::read("promote rollouts/113.1", subject);
        assert_eq!(next_step(&intent, code, reason, false), expected);
    }

    #[test]
    fn the_code_gives_the_advice_where_the_reason_is_new() {
        check(Code::NotFound, "NEW_REASON", "tidegate rollout list");
        check(Code::AlreadyExists, "", "tidegate rollout get 113.1");
        check(Code::FailedPrecondition, "", "tidegate rollout explain 113.1");
    }

    #[test]
    fn the_reason_gives_the_advice_where_it_is_known() {
        check(Code::NotFound, "UNKNOWN_PATCH_SET", "tidegate patchset list");
        check(Code::InvalidArgument, "REASON_MISSING", "add --reason REASON");
        check(
            Code::FailedPrecondition,
            "GATES_SHUT",
            "tidegate rollout explain 113.1   # or overrule them: --force --reason REASON",
        );
    }
}
