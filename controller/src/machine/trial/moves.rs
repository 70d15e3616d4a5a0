//! What can happen in a trial, apart from what the grants say?

use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::signatures::KernelEvidence;
use tidegate_policies::detector::stream::{Symptom, Window};
use tidegate_policies::time::Listened;

use crate::machine::ids::HostId;

/// A fact about a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialMove {
    /// A sentinel or a verified host was heard; a sentinel that was none is at risk from now on.
    Heard(HostId),
    /// It was not heard for a beat and a half.
    Unheard {
        /// Which.
        host: HostId,
        /// When it will count as silent.
        silent_at: Listened,
    },
    /// A sentinel or a verified host failed.
    Failed {
        /// The host.
        host: HostId,
        /// How.
        symptom: Symptom,
        /// What its kernel left of it.
        trace: Option<KernelEvidence>,
    },
    /// A sentinel or a verified host is watched no more, and did not fail.
    Left(HostId),
    /// Its silence says nothing yet: its domain is not heard, or was not until just now.
    Excused {
        /// The host.
        host: HostId,
        /// When it is looked at again.
        silent_at: Listened,
    },
    /// A patched host has outlived a window.
    Outlived(HostId, Window),
    /// A domain's reference hosts are not heard, while the fleet is.
    Disrupted(DomainId),
    /// A domain is heard again.
    Recovered(DomainId),
}
