//! Who fell silent in its soak, and would be in it still?
//!
//! Many silent hosts at a time hold the rollout: something is wrong with them, or with hearing them. They
//! are held against the hosts in flight, so that they count for no longer than those are: dead hosts of
//! long ago would hold each wave that comes to its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::stream::Window;
use tidegate_policies::time::Elapsed;

use super::Role;
use crate::machine::Machine;
use crate::machine::ids::HostId;

/// The hosts, each with the time until which it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silences(BTreeMap<HostId, Elapsed>);

impl Silences {
    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// The hosts.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostId> {
        self.0.keys().copied()
    }

    /// A host has said something after all, begins anew, or is counted no more.
    pub(super) fn forget(&mut self, host: HostId) {
        self.0.remove(&host);
    }

    /// None of them counts any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Time has come to `now`.
    pub(super) fn pass(&mut self, now: Elapsed) {
        self.0.retain(|_, until| *until > now);
    }
}

impl Machine {
    /// A host in flight has fallen silent.
    pub(super) fn falls_silent(&mut self, trial: u64, host: HostId) {
        let Some(Role::InFlight(span)) = self.subjects.role(trial, host) else { return };
        let [_, soaked, _] = span.lengths.ends(span.begun);
        if let Some(of) = self.trials.get_mut(&trial)
            && span.windows.contains(Window::Soak)
        {
            of.silences.0.insert(host, soaked);
        }
    }
}
