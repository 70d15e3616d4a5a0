//! What is a gate? One named condition for going on, with its state and its numbers.

use serde::{Deserialize, Serialize};

use crate::evidence::Failure;
use crate::time::WallTime;

/// Which condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GateName {
    /// Distinct hosts that went wrong one way stay below the policy's number.
    GuardRail(Failure),
    /// The share of resolved hosts that went wrong stays below the policy's.
    FailureShare,
    /// The controllers hear the fleet, so that silence means something.
    FleetHeard,
    /// Enough of the wave's hosts have begun.
    Coverage,
    /// Enough of the begun hosts are verified.
    Soak,
    /// Enough hosts of the tier are verified.
    MinVerified,
    /// A person has promoted, where the policy wants one.
    Approval,
    /// The exposure leaves room for another host.
    ExposureBudget,
    /// The cap on hosts in flight leaves room for another host.
    InFlight,
    /// The kernels of the patched hosts do not name the patch, and do not crash alike.
    Signature,
    /// Few of the hosts in flight are silent.
    SilentShare,
    /// The evidence does not say that the patch harms.
    Evidence,
    /// The verified hosts prove that the patch harms few.
    Proof,
    /// Hosts of each kind that the next tier has are verified.
    Strata,
    /// Credit leaves room for another host.
    Credit,
    /// No freeze stands.
    Freeze,
    /// The rollout's date has come.
    StartAt,
    /// The patch set is not too new for the tier.
    CutOff,
    /// The patch set is old enough for the tier.
    Delay,
    /// A window of the tier is open.
    Window,
}

/// Whether a gate lets the rollout go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GateState {
    /// It does.
    Open,
    /// It does not, and time or hosts will change that.
    Waiting,
    /// It does not, and a person or new evidence must change that.
    Shut,
}

/// What a gate's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Hosts.
    Hosts,
    /// Milliseconds.
    Millis,
    /// Parts per million.
    Ppm,
    /// Approvals by a person.
    Approvals,
    /// Thousandths of a bit of evidence.
    Millibits,
    /// Strata of the next tier.
    Strata,
    /// Milliseconds since the Unix epoch.
    UnixMillis,
}

/// One named condition for going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Which condition.
    pub name: GateName,
    /// Whether it lets the rollout go on.
    pub state: GateState,
    /// What was seen.
    pub observed: u64,
    /// What it is held against.
    pub required: u64,
    /// What both numbers count.
    pub unit: Unit,
    /// One sentence with the numbers, for people.
    pub detail: String,
}

impl Gate {
    /// When it opens by itself, where that is known; `None`: it is open, or more than time must open it.
    pub fn opens(&self) -> Option<WallTime> {
        let waits = self.state == GateState::Waiting && self.unit == Unit::UnixMillis;
        (waits && self.required > 0).then_some(WallTime(self.required))
    }
}

impl GateName {
    /// The name on screens and in the API, e.g. `guard-rail/crashed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuardRail(Failure::Crashed) => "guard-rail/crashed",
            Self::GuardRail(Failure::Failed) => "guard-rail/failed",
            Self::GuardRail(Failure::Stalled) => "guard-rail/stalled",
            Self::GuardRail(Failure::Silent) => "guard-rail/silent",
            Self::FailureShare => "guard-rail/failure-share",
            Self::FleetHeard => "fleet-heard",
            Self::Coverage => "coverage",
            Self::Soak => "soak",
            Self::MinVerified => "min-verified",
            Self::Approval => "approval",
            Self::ExposureBudget => "exposure-budget",
            Self::InFlight => "in-flight",
            Self::Signature => "guard-rail/signature",
            Self::SilentShare => "guard-rail/silent-share",
            Self::Evidence => "evidence",
            Self::Proof => "proof",
            Self::Strata => "strata",
            Self::Credit => "credit",
            Self::Freeze => "freeze",
            Self::StartAt => "start-at",
            Self::CutOff => "cut-off",
            Self::Delay => "delay",
            Self::Window => "window",
        }
    }
}

impl Unit {
    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Millis => "ms",
            Self::Ppm => "ppm",
            Self::Approvals => "approvals",
            Self::Millibits => "mbit",
            Self::Strata => "strata",
            Self::UnixMillis => "unix-ms",
        }
    }
}
