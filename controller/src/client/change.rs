//! How is a change meant? For what the operator saw, and whether they only want to know what would become of it.
//!
//! A flag that a command does not know must not be lost on the way: a dry run would be none. So each command asks
//! for what its requests can say, and nothing is sent that would leave a flag out.

use super::advice::Intent;
use super::errors::Failure;
use super::settings::Globals;

/// How changes are meant.
#[derive(Debug, Default)]
pub(crate) struct Change {
    dry_run: Said<()>,
    if_match: Said<String>,
}

/// What the operator said, and whether the command has heard it.
#[derive(Debug, Default)]
enum Said<T> {
    /// Nothing.
    #[default]
    Nothing,
    /// This, and the command did not ask.
    Unheard(T),
    /// This, and the command knows.
    Heard(T),
}

impl<T: Clone> Said<T> {
    fn of(said: Option<T>) -> Self {
        said.map_or(Self::Nothing, Self::Unheard)
    }

    fn hear(&mut self) -> Option<T> {
        let said = match self {
            Self::Nothing => return None,
            Self::Unheard(said) | Self::Heard(said) => said.clone(),
        };
        *self = Self::Heard(said.clone());
        Some(said)
    }

    fn is_unheard(&self) -> bool {
        matches!(self, Self::Unheard(_))
    }
}

impl Change {
    /// From the flags.
    pub(crate) fn of(globals: &Globals) -> Self {
        Self {
            dry_run: Said::of(globals.dry_run.then_some(())),
            if_match: Said::of(globals.if_match.clone()),
        }
    }

    /// Whether nothing is to be changed, for a command that says so in its requests.
    pub(crate) fn validate_only(&mut self) -> bool {
        self.dry_run.hear().is_some()
    }

    /// The etag that the operator saw, for a command that says so in its requests; empty: none was given.
    pub(crate) fn etag(&mut self) -> String {
        self.if_match.hear().unwrap_or_default()
    }

    /// Whether nothing is to be changed.
    pub(crate) fn is_dry(&self) -> bool {
        !matches!(self.dry_run, Said::Nothing)
    }

    /// A change is sent only if its command has heard what the operator said.
    pub(crate) fn may_send(&self, intent: &Intent) -> Result<(), Failure> {
        if intent.request_id().is_none() {
            return Ok(());
        }
        let refuse = |flag: &str, why: &str| {
            let next = format!("leave {flag} out");
            Err(Failure::usage(intent.attempt(), "FLAG_NOT_KNOWN", why, next))
        };
        if self.dry_run.is_unheard() {
            return refuse("--dry-run", "this command cannot be tried without being done");
        }
        if self.if_match.is_unheard() {
            return refuse("--if-match", "this command takes no etag");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::advice::Subject;

    fn write() -> Intent {
        let id = "1b4e28ba-2fa1-4d2e-883f-0016d3cca427".parse().unwrap();
        Intent::write("do it", Subject::Rollouts, id)
    }

    #[test]
    fn nothing_is_sent_that_would_leave_a_flag_out() {
        let said = Change { dry_run: Said::Unheard(()), if_match: Said::Unheard("7".to_owned()) };
        let mut change = said;
        assert!(change.may_send(&Intent::read("look", Subject::Rollouts)).is_ok());
        assert!(change.may_send(&write()).is_err());
        assert!(change.validate_only());
        assert!(change.may_send(&write()).is_err(), "the etag is left out");
        assert_eq!(change.etag(), "7");
        assert!(change.may_send(&write()).is_ok());
        assert!(change.is_dry());
    }

    #[test]
    fn where_nothing_was_said_everything_is_sent() {
        let mut change = Change::default();
        assert!(change.may_send(&write()).is_ok() && !change.is_dry());
        assert!(!change.validate_only());
        assert_eq!(change.etag(), "");
    }
}
