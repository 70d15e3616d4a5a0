//! What must the host remember when its agent or its kernel dies? The intent marker of the live
//! grant, the highest epoch and last insert of each patch set, and the newest moment of the cluster.

use serde::{Deserialize, Serialize};

use crate::core::offer::{ModuleName, Plan};
use crate::core::{BootTime, Millis};

/// The intent marker: on disk before the module is inserted, until the grant has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The live grant.
    pub grant_id: u64,
    /// Its patch set, `patchSets/{version}`.
    pub patch_set: String,
    /// The epoch at which it may go.
    pub epoch: u64,
    /// The module to insert.
    pub module: ModuleName,
    /// The boot in which it is inserted.
    pub boot_id: String,
    /// `/proc/sys/kernel/tainted` before the insert.
    pub taint_before: u64,
    /// The policy's numbers.
    pub plan: Plan,
    /// How far the host has come.
    pub stage: MarkerStage,
    /// Whether the host said that it goes down on purpose.
    pub departure: Departure,
}

/// How far a host has come with its live grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MarkerStage {
    /// The insert or the transition is under way.
    Applying {
        /// When the marker was written.
        since: BootTime,
    },
    /// The transition ended.
    Soaking {
        /// When the transition ended.
        since: BootTime,
        /// From the insert to the end of the transition.
        transition: Millis,
    },
    /// The insert did not return in time, and that was reported.
    Stuck {
        /// When the marker of the insert was written.
        since: BootTime,
    },
    /// The transition did not end in time, and that was reported.
    Stalled {
        /// When the marker of the insert was written.
        since: BootTime,
        /// When that was reported.
        stalled_at: BootTime,
    },
}

impl MarkerStage {
    /// Since when: the end of the transition while it soaks, else the insert's marker.
    pub(crate) const fn since(&self) -> BootTime {
        match *self {
            Self::Applying { since }
            | Self::Soaking { since, .. }
            | Self::Stuck { since }
            | Self::Stalled { since, .. } => since,
        }
    }
}

/// Whether a host that holds a marker said goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Departure {
    /// It did not: a new boot means that it went down by accident.
    Unannounced,
    /// It did: a new boot is no surprise.
    Announced,
}

/// What a host remembers of one patch set, for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchSetMemory {
    /// The highest epoch that it was told.
    pub highest_epoch: u64,
    /// The grant that it asked to begin, until it is known what became of it.
    pub asking: Option<u64>,
    /// The last insert that has ended.
    pub last_insert: Option<LastInsert>,
    /// The last order to take its livepatch out again. Written only where there is one, so that agents of the
    /// first release read what a host without one has kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<RevertOrder>,
}

/// An order to take a livepatch out of the kernel again. It says nothing in another boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevertOrder {
    /// The grant by which it runs.
    pub grant_id: u64,
    /// The epoch of the order.
    pub epoch: u64,
    /// The boot in which it was given.
    pub boot_id: String,
    /// The module.
    pub module: ModuleName,
    /// How far the host has come with it.
    pub stage: RevertStage,
}

/// How far a host has come with an order to revert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevertStage {
    /// The driver has it.
    UnderWay,
    /// What became of it lies in the spool, or beyond.
    Answered,
}

/// A moment in the cluster's life, as an answer names it. Ordered: every moment of a later
/// generation comes after every one of an earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Rises when the cluster is restored from a backup; 0 for controllers that know of none.
    pub generation: u64,
    /// The log index, within the generation.
    pub revision: u64,
}

/// An insert that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastInsert {
    /// Its grant; never inserted again.
    pub grant_id: u64,
    /// The epoch at which it went.
    pub epoch: u64,
    /// The boot that it happened in.
    pub boot_id: String,
    /// The module.
    pub module: ModuleName,
    /// How it ended.
    pub end: InsertEnd,
}

/// How an insert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InsertEnd {
    /// It soaked to its end, and a controller has settled it.
    Soaked,
    /// It failed, stalled, degraded, was lost, or was cut short by a planned reboot.
    Failed,
    /// The kernel went down or oopsed: nothing of the same epoch is inserted again.
    Crashed,
    /// It was taken out again, since its patch set was withdrawn.
    Reverted,
}

impl Marker {
    pub(crate) fn last_insert(&self, end: InsertEnd) -> LastInsert {
        LastInsert {
            grant_id: self.grant_id,
            epoch: self.epoch,
            boot_id: self.boot_id.clone(),
            module: self.module.clone(),
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PatchSetMemory;
    use crate::core::offer::{OnStall, Plan};

    #[test]
    fn what_a_host_without_an_order_has_kept_reads_as_in_the_first_release() {
        let kept = r#"{"highest_epoch":3,"asking":null,"last_insert":null}"#;
        let memory: PatchSetMemory = serde_json::from_str(kept).unwrap();
        assert_eq!(memory, PatchSetMemory { highest_epoch: 3, ..PatchSetMemory::default() });
        assert_eq!(serde_json::to_string(&memory).unwrap(), kept);
    }

    #[test]
    fn a_plan_of_the_first_release_keeps_what_stalls() {
        let written = r#"{"soak":1,"beat_interval":2,"transition_timeout":3,"health_checks":[0]}"#;
        let plan: Plan = serde_json::from_str(written).unwrap();
        assert_eq!(plan.on_stall, OnStall::Keep);
    }
}
