//! How does a command end, for scripts? Each outcome that a script may want to tell apart has a number of
//! its own.

use std::process::ExitCode;

use tonic::Code;

/// How a command ends, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, healthy.
    Done,
    /// 1: the request failed.
    Failed,
    /// 2: a flag, a name or a file is not what it should be.
    Usage,
    /// 3: the rollout is halted.
    Halted,
    /// 4: timed out, and the rollout is still going on.
    StillGoing,
    /// 5: what was compared differs.
    Differs,
    /// 6: wrong state, or somebody was faster.
    Precondition,
    /// 7: unauthenticated, or not permitted.
    Denied,
    /// 8: no controller answered, or none leads.
    Unavailable,
    /// 130: Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Halted => 3,
            Self::StillGoing => 4,
            Self::Differs => 5,
            Self::Precondition => 6,
            Self::Denied => 7,
            Self::Unavailable => 8,
            Self::Interrupted => 130,
        }
    }

    /// How a request ends that was refused with `code`.
    pub(super) fn of_code(code: Code) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::FailedPrecondition | Code::Aborted => Self::Precondition,
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied,
            Code::Unavailable | Code::DeadlineExceeded => Self::Unavailable,
            Code::Cancelled
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_exit_code() {
        let table = [
            (Code::Unknown, 1),
            (Code::InvalidArgument, 1),
            (Code::DeadlineExceeded, 8),
            (Code::NotFound, 1),
            (Code::AlreadyExists, 1),
            (Code::ResourceExhausted, 1),
            (Code::OutOfRange, 1),
            (Code::Internal, 1),
            (Code::DataLoss, 1),
            (Code::Unimplemented, 1),
            (Code::Cancelled, 1),
            (Code::FailedPrecondition, 6),
            (Code::Aborted, 6),
            (Code::PermissionDenied, 7),
            (Code::Unauthenticated, 7),
            (Code::Unavailable, 8),
        ];
        for (code, number) in table {
            assert_eq!(Exit::of_code(code).number(), number, "{code:?}");
        }
    }
}
