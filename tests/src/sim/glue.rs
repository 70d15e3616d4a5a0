//! How does the wire meet the machine? With the controller's own conversions; only what tonic does
//! around them is played here.

use tidegate_agent::core::{CallFailed, CallFailure};
use tidegate_controller::api::convert;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::{self, Command, Outcome, Rejection};
use tidegate_controller::node::Answer;
use tidegate_proto::v1::{BeginResponse, ReportResponse};

use super::happening::{Caller, Question, Reply};

/// The command that a question asks for; `None` for a beat, which asks for none.
///
/// # Errors
///
/// What is wrong with the request.
pub fn command(host: Option<HostId>, question: &Question) -> Result<Option<Command>, String> {
    let host = host.unwrap_or(HostId(0));
    match question {
        Question::Sync(_) | Question::Read => Ok(None),
        Question::Begin(request) => convert::begin::begin(host, request)
            .map(|begin| Some(Command::BeginGrant(begin)))
            .map_err(|bad| bad.to_string()),
        Question::Report(request) => convert::report::reports(host, request)
            .map(|reports| Some(Command::RecordReports(reports)))
            .map_err(|bad| bad.to_string()),
        Question::Command(command) => Ok(Some((**command).clone())),
    }
}

/// The kind of answer that a question gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To `Begin`.
    Begin,
    /// To reports.
    Report,
    /// To a command.
    Command,
}

impl Kind {
    /// The kind of answer to `question`; `None` for a beat and for a read.
    #[must_use]
    pub fn of(question: &Question) -> Option<Self> {
        match question {
            Question::Sync(_) | Question::Read => None,
            Question::Begin(_) => Some(Self::Begin),
            Question::Report(_) => Some(Self::Report),
            Question::Command(_) => Some(Self::Command),
        }
    }

    /// The answer of this kind that says: ask again.
    #[must_use]
    pub fn unavailable(self, why: &str) -> Reply {
        let failed = || CallFailed {
            kind: CallFailure::Unavailable,
            retry_after: None,
            message: why.to_owned(),
        };
        match self {
            Self::Begin => Reply::Begin(Err(failed())),
            Self::Report => Reply::Report(Err(failed())),
            Self::Command => Reply::Command(None),
        }
    }

    /// The answer of this kind that says what became of a proposal, at a node of this generation.
    #[must_use]
    pub fn answer(self, caller: &Caller, generation: u64, answer: Answer) -> Reply {
        let (position, outcome) = match answer {
            Answer::Applied { position, outcome } => (position, outcome),
            Answer::NotLeader { .. } => return self.unavailable("this node does not lead"),
            Answer::Unknown => return self.unavailable("the outcome is unknown"),
            Answer::Busy
            | Answer::TooLarge { .. }
            | Answer::Readable { .. }
            | Answer::ChangePending
            | Answer::WouldLoseQuorum { .. }
            | Answer::LeaderMustMove
            | Answer::NotCaughtUp { .. }
            | Answer::NeedsVersion { .. } => return self.unavailable("not taken"),
        };
        match self {
            Self::Begin => Reply::Begin(begun(caller, (generation, position.index), outcome)),
            Self::Report => Reply::Report(reported(outcome)),
            Self::Command => Reply::Command(Some((position, outcome))),
        }
    }
}

fn begun(caller: &Caller, at: (u64, u64), outcome: Outcome) -> Result<BeginResponse, CallFailed> {
    let request = match caller {
        Caller::Agent { request, .. } => request.clone(),
        Caller::Installer { .. } | Caller::Desk { .. } | Caller::Client { .. } | Caller::Upkeep => {
            String::new()
        }
    };
    match outcome {
        Ok(machine::Reply::Begin(begin)) => Ok(convert::begin::begun(request, begin, at)),
        Ok(other) => Err(unexpected(&other)),
        Err(rejection) => Err(refused(&rejection)),
    }
}

fn reported(outcome: Outcome) -> Result<ReportResponse, CallFailed> {
    match outcome {
        Ok(machine::Reply::Reports(results)) => Ok(convert::report::reported(results)),
        Ok(other) => Err(unexpected(&other)),
        Err(rejection) => Err(refused(&rejection)),
    }
}

/// A refusal as the agent's transport tells it.
#[must_use]
pub fn refused(rejection: &Rejection) -> CallFailed {
    let unknown =
        matches!(rejection, Rejection::UnknownHost { .. } | Rejection::HostEvicted { .. });
    let kind = if unknown { CallFailure::UnknownHost } else { CallFailure::Unavailable };
    CallFailed { kind, retry_after: None, message: rejection.to_string() }
}

fn unexpected(reply: &machine::Reply) -> CallFailed {
    CallFailed {
        kind: CallFailure::Unavailable,
        retry_after: None,
        message: format!("the machine answered {reply:?} to another question"),
    }
}
