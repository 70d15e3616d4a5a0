//! What went wrong in the lab, for the person who runs the tests?

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

/// A step of the lab that failed: what was attempted, what is wrong and what to do next. A failed
/// test shows the debug form, so that one is for people, too, and adds the system's own words.
pub struct LabError {
    attempted: String,
    wrong: String,
    next: &'static str,
    source: Option<io::Error>,
}

impl LabError {
    /// A failure that the lab itself noticed.
    pub(super) fn new(
        attempted: impl Into<String>,
        wrong: impl Into<String>,
        next: &'static str,
    ) -> Self {
        Self { attempted: attempted.into(), wrong: wrong.into(), next, source: None }
    }

    /// A file or folder of the lab that could not be used; `verb` says for what.
    pub(super) fn file(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            attempted: format!("{verb} {}", path.display()),
            wrong: String::from("the file system refused"),
            next: "check the folder's owner and the free space",
            source: Some(source),
        }
    }

    /// A program that could not be started at all.
    pub(super) fn start(program: &Path, source: io::Error) -> Self {
        Self {
            attempted: format!("start {}", program.display()),
            wrong: String::from("the system refused"),
            next: "check that the program is there and may be executed",
            source: Some(source),
        }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel lab: cannot {}: {}; {}", self.attempted, self.wrong, self.next)
    }
}

impl fmt::Debug for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.source.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}

impl Error for LabError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}
