//! Is a resource still as a caller saw it? Its etag says so: it changes whenever the resource does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Machine;
use super::calendar::Calendar;
use super::incidents::Incident;
use super::patch_sets::PatchSet;
use super::rollouts::Rollout;
use super::tokens::Token;
use super::webhooks::Webhooks;

/// Most bytes of an etag.
const MAX_BYTES: usize = 64;

/// What a resource is called as it is now. Compared as a whole, never read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Etag(String);

/// A text that no resource ever had for an etag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no etag: give one as a resource shows it, 1 to {MAX_BYTES} printable characters")]
pub struct NotAnEtag;

impl FromStr for Etag {
    type Err = NotAnEtag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=MAX_BYTES).contains(&text.len());
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits && printable { Ok(Self(text.to_owned())) } else { Err(NotAnEtag) }
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Etag {
    /// Of what changes with each version.
    pub(super) fn of_number(version: u64) -> Self {
        Self(version.to_string())
    }

    /// Of what has none: no caller can have seen it.
    pub fn none() -> Self {
        Self("none".to_owned())
    }
}

impl Rollout {
    /// Changes with every entry that touches it: also with what becomes of its hosts.
    pub fn etag(&self) -> Etag {
        Etag(self.revision.to_string())
    }
}

impl Machine {
    /// Changes with every halt and resume, and with who holds its artifacts.
    pub fn etag_of(&self, set: &PatchSet) -> Etag {
        Etag(format!("{}-{}", set.epoch, self.holders(set).len()))
    }
}

impl Calendar {
    /// Of the ladder: changes with each declaration.
    pub fn etag(&self) -> Etag {
        Etag(self.ladder_version.to_string())
    }
}

impl Token {
    /// Changes with its limit, with when it expires, with every host that enrols or leaves, and when it is
    /// revoked.
    pub fn etag(&self) -> Etag {
        let expires = self.expires.map_or(0, |at| at.0);
        let revoked = self.revoked.as_ref().map_or(0, |revoked| revoked.index);
        Etag(format!("{}-{}-{expires}-{revoked}", self.max_hosts, self.enrolled))
    }
}

impl Incident {
    /// Changes with every word on it, and with what becomes of its halt.
    pub fn etag(&self) -> Etag {
        let acknowledged = self.acknowledgement.as_ref().map_or(0, |said| said.index);
        let noted = self.notes.last().map_or(0, |said| said.index);
        Etag(format!("{}-{acknowledged}-{noted}-{}", self.halt.index, self.state.index()))
    }
}

impl Webhooks {
    /// Changes with each declaration.
    pub fn etag(&self) -> Etag {
        Etag(self.version.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_printable_and_has_64_bytes_at_most() {
        for text in ["7", "5-3", &"x".repeat(MAX_BYTES)] {
            assert_eq!(text.parse::<Etag>().map(|etag| etag.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "a b", "ä", "a\n", &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(text.parse::<Etag>(), Err(NotAnEtag), "{text:?}");
        }
    }
}
