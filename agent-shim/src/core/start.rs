//! What does an agent say when it starts, and what becomes of a grant that was live before?

use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{
    ApplyFailed, ApplyFailure, Interrupted, LivepatchState, RefusalReason, Reverted, Started,
};

use crate::core::BootTime;
use crate::core::agent::Agent;
use crate::core::fact::Fact;
use crate::core::life::{ApplyStep, Applying, Life};
use crate::core::limits::{MESSAGE_BYTES, clip};
use crate::core::memory::{Departure, InsertEnd, Marker, MarkerStage};
use crate::core::output::Output;

impl Agent {
    pub(crate) fn report_start(
        &mut self,
        now: BootTime,
        marker: Option<Marker>,
        out: &mut Vec<Output>,
    ) {
        let (live, lost) = match marker {
            Some(marker) if marker.boot_id == self.boot.boot_id => (Some(marker), None),
            other => (None, other),
        };
        let evidence = self.boot.evidence.take();
        let names_module = evidence.as_ref().is_some_and(|evidence| evidence.names_module);
        let started = Started {
            facts: Some(self.boot.facts.clone()),
            mode: self.wire_mode().into(),
            interrupted: lost.as_ref().map(|marker| Interrupted {
                grant_id: marker.grant_id,
                patch_set: marker.patch_set.clone(),
                boot_id: marker.boot_id.clone(),
            }),
            evidence,
        };
        self.started = self.spool(now, Body::Started(started), out);
        let inserted = live.as_ref().or(lost.as_ref()).map(|marker| marker.grant_id);
        self.give_up_asking(now, inserted, out);
        if let Some(marker) = lost {
            let end = match marker.departure {
                Departure::Announced if !names_module => InsertEnd::Failed,
                Departure::Announced | Departure::Unannounced => InsertEnd::Crashed,
            };
            out.push(Output::Log(Fact::Interrupted {
                grant_id: marker.grant_id,
                patch_set: marker.patch_set.clone(),
            }));
            self.close_insert(&marker, end, out);
        }
        if let Some(marker) = self.resume_reverting(live, out) {
            self.resume(now, marker, out);
        }
    }

    /// A grant that an earlier agent asked for may have begun, and the answer is lost: it is
    /// refused, unless its marker says that it was inserted.
    fn give_up_asking(&mut self, now: BootTime, inserted: Option<u64>, out: &mut Vec<Output>) {
        let asked: Vec<(String, u64)> = self
            .memory
            .iter()
            .filter_map(|(patch_set, memory)| Some((patch_set.clone(), memory.asking?)))
            .filter(|(_, grant_id)| Some(*grant_id) != inserted)
            .collect();
        for (patch_set, grant_id) in asked {
            let why = "the agent was restarted while it asked to begin";
            self.spool_refusal(now, (grant_id, &patch_set), (RefusalReason::Withdrawn, why), out);
        }
    }

    /// The agent was restarted in mid-grant: the kernel's state decides how it goes on.
    fn resume(&mut self, now: BootTime, mut marker: Marker, out: &mut Vec<Output>) {
        if marker.departure == Departure::Announced {
            // It said goodbye and did not go.
            marker.departure = Departure::Unannounced;
            out.push(Output::WriteMarker(Box::new(marker.clone())));
        }
        out.push(Output::Log(Fact::Resumed { grant_id: marker.grant_id }));
        let found = self.livepatch(&marker).cloned();
        match (marker.stage.clone(), found) {
            (MarkerStage::Applying { .. }, None) => {
                let failed = apply_failed(
                    ApplyFailure::Interrupted,
                    "the agent was restarted in mid-apply, and the module is not loaded",
                );
                self.end_grant(now, &marker, (failed, InsertEnd::Failed), out);
            }
            (MarkerStage::Applying { since }, Some(LivepatchState { transition: true, .. })) => {
                out.push(follow(&marker, since));
                self.life =
                    Life::Applying(Box::new(Applying { marker, step: ApplyStep::InTransition }));
            }
            (MarkerStage::Applying { since }, Some(LivepatchState { enabled: true, .. })) => {
                out.push(follow(&marker, since));
                self.start_soak(now, marker, now.since(since), out);
            }
            (MarkerStage::Applying { .. }, Some(_)) => {
                let failed = apply_failed(
                    ApplyFailure::NotEnabled,
                    "the agent was restarted in mid-apply, and the livepatch is not enabled",
                );
                self.end_grant(now, &marker, (failed, InsertEnd::Failed), out);
            }
            (MarkerStage::Soaking { since, .. }, Some(LivepatchState { enabled: true, .. })) => {
                out.push(follow(&marker, since));
                self.go_on_soaking(now, marker, since);
            }
            (MarkerStage::Stuck { since }, _) => {
                out.push(follow(&marker, since));
                self.life = Life::Applying(Box::new(Applying { marker, step: ApplyStep::Stuck }));
            }
            (MarkerStage::Stalled { since, .. }, _) => {
                out.push(follow(&marker, since));
                self.life = Life::Applying(Box::new(Applying { marker, step: ApplyStep::Kept }));
            }
            (MarkerStage::Soaking { .. }, _) => {
                self.end_grant(
                    now,
                    &marker,
                    (Ended::Reverted(Reverted {}), InsertEnd::Failed),
                    out,
                );
            }
        }
    }

    /// The state of a grant's livepatch when the kernel was last looked at.
    pub(crate) fn livepatch(&self, marker: &Marker) -> Option<&LivepatchState> {
        let name = marker.module.as_str();
        self.boot.observation.livepatches.iter().find(|livepatch| livepatch.module == name)
    }
}

/// Follows what an earlier run of the agent inserted: the kernel's log is watched for its name
/// again. A word on a transition that has ended is of no effect.
pub(crate) fn follow(marker: &Marker, since: BootTime) -> Output {
    Output::Follow {
        grant_id: marker.grant_id,
        module: marker.module.clone(),
        since,
        transition_timeout: marker.plan.transition_timeout,
    }
}

/// The outcome of a livepatch that could not be applied.
pub(crate) fn apply_failed(reason: ApplyFailure, message: &str) -> Ended {
    Ended::ApplyFailed(ApplyFailed { reason: reason.into(), message: clip(message, MESSAGE_BYTES) })
}
