//! How does the insert go, and what is reported of it? The driver's words become the grant's
//! outcome.

use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{
    Applied, ApplyFailure, Crashed, Degraded, RefusalReason, Refused, TransitionStalled,
};
use tidegate_proto::v1::{Outcome, host_report::Body};

use crate::core::agent::Agent;
use crate::core::fact::Fact;
use crate::core::input::{Decline, DriverEvent, Trouble};
use crate::core::life::{ApplyStep, Applying, Life, SoakWord, Soaking};
use crate::core::limits::{self, MESSAGE_BYTES, PROBE_BYTES, clip};
use crate::core::memory::{InsertEnd, Marker, MarkerStage, PatchSetMemory};
use crate::core::offer::{Offer, OnStall};
use crate::core::output::Output;
use crate::core::start::apply_failed;
use crate::core::{BootTime, Millis};

impl Agent {
    /// Takes the driver's word on the live grant; a word on any other has no effect.
    pub(crate) fn driver_said(
        &mut self,
        now: BootTime,
        grant_id: u64,
        event: DriverEvent,
        out: &mut Vec<Output>,
    ) {
        match &self.life {
            Life::Applying(applying) if applying.marker.grant_id == grant_id => {
                let (marker, step) = (applying.marker.clone(), applying.step);
                self.insert_went(now, marker, (step, event), out);
            }
            Life::Soaking(soaking) if soaking.marker.grant_id == grant_id => {
                let marker = soaking.marker.clone();
                if let DriverEvent::Troubled(trouble) = event {
                    self.troubled(now, &marker, trouble, out);
                }
            }
            Life::Reverting(reverting) if reverting.order.grant_id == grant_id => {
                self.revert_went(now, event, out);
            }
            Life::Idle
            | Life::Fetching(_)
            | Life::Asking(_)
            | Life::Applying(_)
            | Life::Soaking(_)
            | Life::Reverting(_) => {}
        }
    }

    fn insert_went(
        &mut self,
        now: BootTime,
        marker: Marker,
        (step, event): (ApplyStep, DriverEvent),
        out: &mut Vec<Output>,
    ) {
        match (step, event) {
            (ApplyStep::Inserting { .. }, DriverEvent::Declined(decline)) => {
                self.declined(now, &marker, decline, out);
            }
            (ApplyStep::Inserting { .. }, DriverEvent::InsertFailed { message }) => {
                let failed = apply_failed(ApplyFailure::Insert, &message);
                self.end_grant(now, &marker, (failed, InsertEnd::Failed), out);
            }
            (ApplyStep::Inserting { .. }, DriverEvent::Inserted) => {
                out.push(Output::Log(Fact::Inserted { grant_id: marker.grant_id }));
                self.apply_step(ApplyStep::InTransition);
            }
            (ApplyStep::Stuck, DriverEvent::Declined(_) | DriverEvent::InsertFailed { .. }) => {
                // Nothing hangs any more; what there was to say was said.
                self.close_insert(&marker, InsertEnd::Failed, out);
            }
            (ApplyStep::InTransition, DriverEvent::NotEnabled) => {
                let failed =
                    apply_failed(ApplyFailure::NotEnabled, "loaded, its livepatch not enabled");
                self.end_grant(now, &marker, (failed, InsertEnd::Failed), out);
            }
            (ApplyStep::InTransition, DriverEvent::TransitionDone { transition }) => {
                self.start_soak(now, marker, transition, out);
            }
            (ApplyStep::InTransition, DriverEvent::TransitionStalled { waited }) => {
                self.transition_stalled(now, marker, waited, out);
            }
            (ApplyStep::InTransition | ApplyStep::Kept, DriverEvent::Troubled(what)) => {
                self.troubled(now, &marker, what, out);
            }
            // A word that does not fit the step was said before, or twice.
            (
                ApplyStep::Inserting { .. }
                | ApplyStep::Stuck
                | ApplyStep::InTransition
                | ApplyStep::Kept,
                DriverEvent::Declined(_)
                | DriverEvent::InsertFailed { .. }
                | DriverEvent::Inserted
                | DriverEvent::NotEnabled
                | DriverEvent::TransitionDone { .. }
                | DriverEvent::TransitionStalled { .. }
                | DriverEvent::Reverted(_)
                | DriverEvent::Troubled(_),
            ) => {}
        }
    }

    /// The driver does not answer: the kernel may never let go of the insert. Says so, once; the
    /// marker stays, so that the host's going down is no surprise to the next boot.
    pub(crate) fn insert_is_stuck(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let Life::Applying(applying) = &mut self.life else { return };
        let since = applying.marker.stage.since();
        applying.step = ApplyStep::Stuck;
        applying.marker.stage = MarkerStage::Stuck { since };
        let marker = applying.marker.clone();
        let waited_ms = now.since(since).0;
        let stalled = Ended::TransitionStalled(TransitionStalled { waited_ms, reverted: false });
        self.spool_outcome(now, (marker.grant_id, &marker.patch_set), stalled, out);
        let how = "the insert does not return; nothing more begins in this boot".to_owned();
        out.push(Output::Log(Fact::GrantEnded { grant_id: marker.grant_id, how }));
        out.push(Output::WriteMarker(Box::new(marker)));
    }

    /// The transition did not end in time: says so first, then does with it what the policy says. Kept, it goes
    /// on, and the marker with it, so that the host's going down is no surprise to the next boot.
    fn transition_stalled(
        &mut self,
        now: BootTime,
        mut marker: Marker,
        waited: Millis,
        out: &mut Vec<Output>,
    ) {
        let since = marker.stage.since();
        let stalled = TransitionStalled { waited_ms: waited.0, reverted: false };
        let stalled = Ended::TransitionStalled(stalled);
        self.spool_outcome(now, (marker.grant_id, &marker.patch_set), stalled, out);
        marker.stage = MarkerStage::Stalled { since, stalled_at: now };
        out.push(Output::WriteMarker(Box::new(marker.clone())));
        match marker.plan.on_stall {
            OnStall::Keep => {
                let grant_id = marker.grant_id;
                out.push(Output::Log(Fact::StallKept { grant_id, waited }));
                let step = ApplyStep::Kept;
                self.life = Life::Applying(Box::new(Applying { marker, step }));
            }
            OnStall::Revert => self.revert_stalled(now, marker, out),
        }
    }

    fn apply_step(&mut self, step: ApplyStep) {
        if let Life::Applying(applying) = &mut self.life {
            applying.step = step;
        }
    }

    fn declined(
        &mut self,
        now: BootTime,
        marker: &Marker,
        decline: Decline,
        out: &mut Vec<Output>,
    ) {
        let (reason, message) = match decline {
            Decline::LeaseExpired => {
                (RefusalReason::LeaseExpired, "the lease ran out before the insert")
            }
            Decline::ArtifactChanged => (
                RefusalReason::DigestMismatch,
                "the stored artifact changed between the download and the insert",
            ),
        };
        self.life = Life::Idle;
        self.spool_refusal(now, (marker.grant_id, &marker.patch_set), (reason, message), out);
        out.push(Output::ClearMarker);
    }

    /// The transition ended: says so, writes the marker anew, and soaks.
    pub(crate) fn start_soak(
        &mut self,
        now: BootTime,
        mut marker: Marker,
        transition: Millis,
        out: &mut Vec<Output>,
    ) {
        let applied = Ended::Applied(Applied { transition_ms: transition.0 });
        self.spool_outcome(now, (marker.grant_id, &marker.patch_set), applied, out);
        marker.stage = MarkerStage::Soaking { since: now, transition };
        out.push(Output::WriteMarker(Box::new(marker.clone())));
        let soak = marker.plan.soak;
        out.push(Output::Log(Fact::Soaking { grant_id: marker.grant_id, soak }));
        let word = SoakWord::Due(now + soak);
        self.life = Life::Soaking(Box::new(Soaking { marker, since: now, next_check: 0, word }));
    }

    /// The kernel is in trouble since the insert: the grant ends, and never as soaked.
    pub(crate) fn troubled(
        &mut self,
        now: BootTime,
        marker: &Marker,
        trouble: Trouble,
        out: &mut Vec<Output>,
    ) {
        let ended = trouble_outcome(trouble);
        self.end_grant(now, marker, ended, out);
    }

    /// The grant ends with an insert behind it: reported, remembered, and the marker removed, in
    /// this order.
    pub(crate) fn end_grant(
        &mut self,
        now: BootTime,
        marker: &Marker,
        (outcome, end): (Ended, InsertEnd),
        out: &mut Vec<Output>,
    ) {
        self.spool_outcome(now, (marker.grant_id, &marker.patch_set), outcome, out);
        self.close_insert(marker, end, out);
    }

    /// Remembers how an insert ended, and removes its marker.
    pub(crate) fn close_insert(&mut self, marker: &Marker, end: InsertEnd, out: &mut Vec<Output>) {
        if end != InsertEnd::Crashed {
            self.grant_over(marker.grant_id);
        }
        let keep = |memory: &mut PatchSetMemory| {
            memory.highest_epoch = memory.highest_epoch.max(marker.epoch);
            memory.asking = None;
            memory.last_insert = Some(marker.last_insert(end));
        };
        self.remember(&marker.patch_set, keep, out);
        out.push(Output::ClearMarker);
        out.push(Output::Log(Fact::GrantEnded {
            grant_id: marker.grant_id,
            how: format!("{end:?}").to_lowercase(),
        }));
        self.life = Life::Idle;
    }

    /// The host will not apply, its kernel untouched: says so, once for each grant.
    pub(crate) fn refuse(
        &mut self,
        now: BootTime,
        offer: &Offer,
        refusal: (RefusalReason, &str),
        out: &mut Vec<Output>,
    ) {
        self.spool_refusal(now, (offer.grant_id, &offer.patch_set), refusal, out);
    }

    pub(crate) fn spool_refusal(
        &mut self,
        now: BootTime,
        grant: (u64, &str),
        (reason, message): (RefusalReason, &str),
        out: &mut Vec<Output>,
    ) {
        let message = clip(message, MESSAGE_BYTES);
        let how = format!("refused: {message}");
        let refused = Ended::Refused(Refused { reason: reason.into(), message });
        self.spool_outcome(now, grant, refused, out);
        self.remember(grant.1, |memory| memory.asking = None, out);
        self.grant_over(grant.0);
        out.push(Output::Log(Fact::GrantEnded { grant_id: grant.0, how }));
    }

    /// Spools an outcome; returns the report's number.
    pub(crate) fn spool_outcome(
        &mut self,
        now: BootTime,
        (grant_id, patch_set): (u64, &str),
        result: Ended,
        out: &mut Vec<Output>,
    ) -> u64 {
        let patch_set = patch_set.to_owned();
        let outcome = Outcome { grant_id, patch_set, result: Some(result) };
        self.spool(now, Body::Outcome(outcome), out)
    }
}

/// What a kernel's trouble makes of a grant.
pub(crate) fn trouble_outcome(trouble: Trouble) -> (Ended, InsertEnd) {
    match trouble {
        Trouble::Crashed(evidence) => {
            let evidence = limits::evidence(&evidence);
            (Ended::Crashed(Crashed { evidence: Some(evidence) }), InsertEnd::Crashed)
        }
        Trouble::Degraded { probe, message } => (
            Ended::Degraded(Degraded {
                probe: clip(&probe, PROBE_BYTES),
                message: clip(&message, MESSAGE_BYTES),
            }),
            InsertEnd::Crashed,
        ),
    }
}
