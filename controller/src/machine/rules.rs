//! Which version of the rules does the machine follow?
//!
//! A new build keeps the old rules until every member understands the new ones: a rule that changed is
//! asked for here, and nowhere else.

use super::Machine;
use super::command::FIRST_VERSION;

/// The rules of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    version: u16,
}

impl Rules {
    /// Whether a pause must say why. In the next release, of which this is the stand-in; today's never
    /// follows its version.
    pub const fn pause_needs_reason(self) -> bool {
        cfg!(feature = "next-version") && self.version > FIRST_VERSION
    }
}

impl Machine {
    /// The version of entries that every member understands, and of the rules that the machine follows.
    pub fn version(&self) -> u16 {
        self.cluster().map_or(FIRST_VERSION, |cluster| cluster.version)
    }

    /// The rules that the machine follows.
    pub fn rules(&self) -> Rules {
        Rules { version: self.version() }
    }
}
