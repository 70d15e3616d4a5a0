//! Must the operator say yes first? Halt and pause never ask. What widens a rollout asks, and what
//! takes a token or a host out; what overrules the judge asks for the name.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;

use super::errors::{Failure, talk};
use super::output::text::plain;
use super::settings::Globals;

/// How the operator wants to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    yes: bool,
    channel: Channel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Terminal,
    Nobody,
    /// Nothing will change.
    NotNeeded,
}

/// How much is at stake.
#[derive(Debug, Clone)]
pub(crate) enum Danger {
    /// `y` or `--yes`.
    Moderate,
    /// The name must be typed, or given with `--confirm`; `--yes` is not enough.
    Severe {
        /// What to type.
        name: String,
        /// What `--confirm` said.
        given: Option<String>,
    },
}

impl Asking {
    /// From the flags; asks only where stdin is a terminal, and never where nothing will change.
    pub(crate) fn of(globals: &Globals) -> Self {
        let somebody = !globals.no_input && io::stdin().is_terminal();
        let channel = match (globals.dry_run, somebody) {
            (true, _) => Channel::NotNeeded,
            (false, true) => Channel::Terminal,
            (false, false) => Channel::Nobody,
        };
        Self { yes: globals.yes, channel }
    }

    /// Whether the operator has agreed before being asked, as far as that is enough.
    pub(crate) const fn has_yes(self) -> bool {
        self.yes
    }

    /// Returns once the operator agreed to `attempt`, whose consequences are `stakes`.
    ///
    /// # Errors
    /// The operator said no, or there is nobody to ask.
    pub(crate) async fn confirm(
        self,
        attempt: &str,
        stakes: &str,
        danger: Danger,
    ) -> Result<(), Failure> {
        match danger {
            Danger::Moderate | Danger::Severe { .. } if self.channel == Channel::NotNeeded => {
                talk(&plain(stakes));
                Ok(())
            }
            Danger::Moderate if self.yes => Ok(()),
            Danger::Moderate => {
                self.need_terminal(attempt, stakes, "add --yes to agree")?;
                let answer = ask(&format!("{stakes}\nGo on? [y/N] ")).await?;
                let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
                yes.then_some(()).ok_or_else(|| Failure::unconfirmed(attempt, "answer y to agree"))
            }
            Danger::Severe { name, given } => {
                let hint = format!("add --confirm={name} to agree");
                let answer = match given {
                    Some(given) => given,
                    None => {
                        self.need_terminal(attempt, stakes, &hint)?;
                        ask(&format!("{stakes}\nType {name} to go on: ")).await?
                    }
                };
                let same = answer.trim() == name;
                same.then_some(()).ok_or_else(|| Failure::unconfirmed(attempt, hint))
            }
        }
    }

    fn need_terminal(self, attempt: &str, stakes: &str, hint: &str) -> Result<(), Failure> {
        match self.channel {
            Channel::Terminal | Channel::NotNeeded => Ok(()),
            Channel::Nobody => {
                let why = format!("{stakes} It needs a yes, and nobody can be asked here.");
                Err(Failure::usage(attempt, "NOT_CONFIRMED", why, hint))
            }
        }
    }
}

/// Asks on stderr and reads a line of stdin. The reader is a thread of its own that an interrupt
/// leaves behind: the process must not wait for a key.
async fn ask(question: &str) -> Result<String, Failure> {
    let mut stderr = io::stderr();
    write!(stderr, "{question}").and_then(|()| stderr.flush())?;
    let (answer, reader) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).map(|_| line);
        // Nobody waits any more after an interrupt.
        drop(answer.send(read));
    });
    let line = reader.await.unwrap_or_else(|_| Ok(String::new()))?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Asking = Asking { yes: false, channel: Channel::Nobody };
    const YES: Asking = Asking { yes: true, channel: Channel::Nobody };

    fn severe(given: Option<&str>) -> Danger {
        Danger::Severe { name: "113.1".to_owned(), given: given.map(str::to_owned) }
    }

    #[tokio::test]
    async fn yes_is_enough_for_moderate_danger_and_not_for_severe() {
        assert!(YES.confirm("promote x", "Wide.", Danger::Moderate).await.is_ok());
        assert!(YES.confirm("promote x", "Wide.", severe(None)).await.is_err());
    }

    #[tokio::test]
    async fn a_dry_run_asks_nobody() {
        let dry = Asking { yes: false, channel: Channel::NotNeeded };
        assert!(dry.confirm("promote x", "Wide.", Danger::Moderate).await.is_ok());
        assert!(dry.confirm("promote x", "Wide.", severe(None)).await.is_ok());
    }

    #[tokio::test]
    async fn the_right_name_confirms_and_another_does_not() {
        assert!(NOBODY.confirm("promote x", "Wide.", severe(Some("113.1"))).await.is_ok());
        assert!(NOBODY.confirm("promote x", "Wide.", severe(Some("113.2"))).await.is_err());
    }

    #[tokio::test]
    async fn where_nobody_can_be_asked_the_stakes_are_told_all_the_same() {
        let failure = NOBODY.confirm("promote x", "50 hosts.", Danger::Moderate).await.unwrap_err();
        let Failure::Problem(problem) = failure else { panic!("a problem") };
        assert!(problem.why.starts_with("50 hosts."), "{}", problem.why);
        assert_eq!(problem.next, "add --yes to agree");
        assert_eq!(problem.exit.number(), 2);
    }
}
