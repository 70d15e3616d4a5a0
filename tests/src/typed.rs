//! What does an operator get who types a command? Its exit code, what it prints, what it says.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::processes::run_with;
use crate::trouble::{Outcome, Trouble};

/// How long a command may take.
const WITHIN: Duration = Duration::from_secs(60);

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Typed {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// Its stdout.
    pub printed: String,
    /// Its stderr.
    pub said: String,
}

impl Typed {
    /// Types `tidegate` and these arguments in `dir`, which the test knows to hold no spaces. Words such as
    /// `TIDEGATE_OUTPUT=json` before them stand in the environment; the user's files are in `dir`.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub async fn line(dir: &Path, line: &str) -> Outcome<Self> {
        let (dir, line) = (dir.to_owned(), line.to_owned());
        let ended = tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = line.split_whitespace().collect();
            let said = words.iter().take_while(|word| word.starts_with("TIDEGATE_")).count();
            let (environment, arguments) = words.split_at(said);
            let environment = environment.iter().filter_map(|word| word.split_once('='));
            run_with(&dir, &environment.collect::<Vec<_>>(), arguments, WITHIN)
        });
        let output = ended.await??;
        Ok(Self {
            code: output.status.code().unwrap_or(-1),
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The command if it ended with `code`.
    ///
    /// # Errors
    ///
    /// It ended with another.
    pub fn ends_with(self, code: i32) -> Outcome<Self> {
        if self.code == code {
            return Ok(self);
        }
        Err(Trouble::new(format!("exit code {}, not {code}: {}", self.code, self.said)))
    }

    /// What it printed, as JSON.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn json(&self) -> Outcome<Value> {
        Ok(serde_json::from_str(&self.printed)?)
    }

    /// The command if it was refused with this exit code and reason, and says what to type next: in
    /// three lines, or as one object.
    ///
    /// # Errors
    ///
    /// It was not.
    pub fn refused(self, code: i32, reason: &str) -> Outcome<Self> {
        let typed = self.ends_with(code)?;
        if let Ok(said) = serde_json::from_str::<Value>(&typed.said) {
            let error = &said["error"];
            if error["reason"] == reason && error["next"].is_string() {
                return Ok(typed);
            }
        }
        let lines: Vec<&str> = typed.said.lines().collect();
        let three = lines.len() >= 3
            && lines[lines.len() - 3].starts_with("error: cannot ")
            && lines[lines.len() - 2].ends_with(&format!("({reason})"))
            && lines[lines.len() - 1].starts_with("next:  ");
        if three {
            return Ok(typed);
        }
        Err(Trouble::new(format!("not three lines with {reason}: {}", typed.said)))
    }
}
