//! What does a failure say? Three lines for people (what
//! failed, why, what to type next), one JSON object for programs.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde_json::json;
use tidegate_proto::code_name;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::advice::{self, Intent};
use super::args::OutputFormat;
use super::exit::Exit;
use super::refused::Refused;

/// Why a command did not end as it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the operator.
    Problem(Box<Problem>),
    /// Nobody reads our output any more; nothing to tell, and nobody to tell it.
    PipeClosed,
}

/// One failure, ready to be told.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What was attempted, e.g. `promote rollouts/113.1`.
    pub(crate) attempt: String,
    /// What is wrong.
    pub(crate) why: String,
    /// The gRPC code that fits.
    pub(crate) code: Code,
    /// The reason code of the error catalogue; empty: the server gave none.
    pub(crate) reason: String,
    /// The dynamic parts of the error.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What to do next.
    pub(crate) next: String,
    /// How the process ends.
    pub(crate) exit: Exit,
    /// The request may have been carried out all the same.
    pub(crate) perhaps_done: bool,
}

impl Failure {
    /// A request failed.
    pub(crate) fn of_request(intent: &Intent, refused: &Refused) -> Self {
        let status = &refused.status;
        let info = status.get_details_error_info();
        let reason = info.as_ref().map(|info| info.reason.clone()).unwrap_or_default();
        let metadata = info.map(|info| info.metadata.into_iter().collect()).unwrap_or_default();
        let code = status.code();
        let perhaps_done = refused.sent && leaves_doubt(code);
        Self::Problem(Box::new(Problem {
            attempt: intent.attempt().to_owned(),
            why: words_of(status),
            code,
            next: advice::next_step(intent, code, &reason, perhaps_done),
            reason,
            metadata,
            exit: Exit::of_code(code),
            perhaps_done,
        }))
    }

    /// Something that the operator gave is not what it should be.
    pub(crate) fn usage(
        attempt: impl Into<String>,
        reason: &str,
        why: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::local(
            Exit::Usage,
            Code::InvalidArgument,
            reason,
            [attempt.into(), why.into(), next.into()],
        )
    }

    /// The operator did not say yes.
    pub(crate) fn unconfirmed(attempt: impl Into<String>, next: impl Into<String>) -> Self {
        let why = "it was not confirmed; nothing was changed".to_owned();
        Self::local(
            Exit::Failed,
            Code::Cancelled,
            "NOT_CONFIRMED",
            [attempt.into(), why, next.into()],
        )
    }

    /// What was read is not what it should be.
    pub(crate) fn untrue(
        attempt: impl Into<String>,
        reason: &str,
        why: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let texts = [attempt.into(), why.into(), next.into()];
        Self::local(Exit::Failed, Code::DataLoss, reason, texts)
    }

    /// Something on this machine failed.
    pub(crate) fn machine(
        attempt: impl Into<String>,
        error: &io::Error,
        next: impl Into<String>,
    ) -> Self {
        let texts = [attempt.into(), error.to_string(), next.into()];
        Self::local(Exit::Failed, Code::Internal, "LOCAL_IO", texts)
    }

    fn local(exit: Exit, code: Code, reason: &str, [attempt, why, next]: [String; 3]) -> Self {
        Self::Problem(Box::new(Problem {
            attempt,
            why,
            code,
            reason: reason.to_owned(),
            metadata: BTreeMap::new(),
            next,
            exit,
            perhaps_done: false,
        }))
    }

    /// Whether the server gave this reason code.
    pub(crate) fn has_reason(&self, reason: &str) -> bool {
        match self {
            Self::Problem(problem) => problem.reason == reason,
            Self::PipeClosed => false,
        }
    }

    /// Whether the request may have been carried out all the same.
    pub(crate) fn perhaps_done(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.perhaps_done,
            Self::PipeClosed => false,
        }
    }

    /// What is wrong, on one line.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Problem(problem) => super::output::text::plain(&problem.why),
            Self::PipeClosed => "nobody reads".to_owned(),
        }
    }

    /// What failed, why, and what to type next.
    pub(crate) fn lines(&self) -> String {
        match self {
            Self::Problem(problem) => problem.lines(),
            Self::PipeClosed => "nobody reads".to_owned(),
        }
    }

    /// The same failure with other advice.
    pub(crate) fn with_next(self, next: String) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(Box::new(Problem { next, ..*problem })),
            Self::PipeClosed => Self::PipeClosed,
        }
    }
}

impl From<io::Error> for Failure {
    /// What we write to is our own stdout.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::PipeClosed;
        }
        Self::machine("write the output", &error, "look at what stdout is connected to")
    }
}

fn words_of(status: &Status) -> String {
    let said = status.message();
    if said.is_empty() { "the controller gave no reason".to_owned() } else { said.to_owned() }
}

/// No answer, or an answer from in between, does not say whether the request took effect.
fn leaves_doubt(code: Code) -> bool {
    match code {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Unknown
        | Code::Internal
        | Code::Cancelled
        | Code::DataLoss => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}

/// Tells a failure on stderr and says how the process ends.
pub(crate) fn report(failure: Failure, format: OutputFormat) -> Exit {
    match failure {
        Failure::PipeClosed => Exit::Done,
        Failure::Problem(problem) => {
            talk(&if format.is_json() { problem.json() } else { problem.lines() });
            problem.exit
        }
    }
}

/// Says something on stderr. A stderr that nobody reads is no reason to fail.
pub(crate) fn talk(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

impl Problem {
    /// The three lines.
    pub(crate) fn lines(&self) -> String {
        let reason = if self.reason.is_empty() { code_name(self.code) } else { &self.reason };
        let why = super::output::text::plain(&self.why);
        format!("error: cannot {}\nwhy:   {why} ({reason})\nnext:  {}", self.attempt, self.next)
    }

    /// The JSON object.
    pub(crate) fn json(&self) -> String {
        json!({ "error": {
            "code": code_name(self.code),
            "reason": self.reason,
            "message": format!("cannot {}: {}", self.attempt, self.why),
            "metadata": self.metadata,
            "next": self.next,
        }})
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::client::advice::Subject;

    fn problem(code: Code, reason: &str) -> Box<Problem> {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "tidegate", [("state".to_owned(), "HALTED".to_owned())]);
        let status = Status::with_error_details(code, "a halt stands on it", details);
        let intent = Intent::write(
            "promote rollouts/113.1",
            Subject::Rollout("rollouts/113.1".to_owned()),
            "1b4e28ba-2fa1-4d2e-883f-0016d3cca427".parse().unwrap(),
        );
        match Failure::of_request(&intent, &Refused::answer(status)) {
            Failure::Problem(problem) => problem,
            Failure::PipeClosed => panic!("a request does not close a pipe"),
        }
    }

    fn check(actual: &str, expected: &Expect) {
        expected.assert_eq(actual);
    }

    #[test]
    fn people_get_three_lines() {
        check(
            &problem(Code::FailedPrecondition, "ROLLOUT_HALTED").lines(),
            &expect![[r#"
                error: cannot promote rollouts/113.1
                why:   a halt stands on it (ROLLOUT_HALTED)
                next:  tidegate rollout explain 113.1"#]],
        );
    }

    #[test]
    fn a_lost_answer_says_that_it_may_have_happened() {
        check(
            &problem(Code::DeadlineExceeded, "").lines(),
            &expect![[r#"
                error: cannot promote rollouts/113.1
                why:   a halt stands on it (DEADLINE_EXCEEDED)
                next:  it may have happened all the same: look with `tidegate rollout get 113.1`, or repeat the command with --request-id 1b4e28ba-2fa1-4d2e-883f-0016d3cca427"#]],
        );
    }

    #[test]
    fn programs_get_one_object() {
        check(
            &problem(Code::FailedPrecondition, "ROLLOUT_HALTED").json(),
            &expect![[
                r#"{"error":{"code":"FAILED_PRECONDITION","message":"cannot promote rollouts/113.1: a halt stands on it","metadata":{"state":"HALTED"},"next":"tidegate rollout explain 113.1","reason":"ROLLOUT_HALTED"}}"#
            ]],
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(report(failure, OutputFormat::Table), Exit::Done);
    }
}
