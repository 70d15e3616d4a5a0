//! How does the host get from an offer to a go? It downloads and verifies, then asks until the
//! answer is known.

use tidegate_proto::v1::begin_response::Decision;
use tidegate_proto::v1::{BeginRequest, BeginResponse, Go, NoGo, NoGoReason, RefusalReason};

use crate::core::agent::Agent;
use crate::core::backoff::Backoff;
use crate::core::fact::Fact;
use crate::core::input::{CallFailed, FetchFailed, Fetched};
use crate::core::lease::Lease;
use crate::core::life::{
    ApplyStep, Applying, AskStep, Asking, Doubt, FetchStep, Fetching, Life, Standing,
};
use crate::core::memory::{Departure, Heard, Marker, MarkerStage};
use crate::core::output::{CallId, Insertion, Output};
use crate::core::{BootTime, Millis};

/// How long after its lease and a whole transition an insert without the driver's word is stuck.
const INSERT_SLACK: Millis = Millis(5_000);

impl Agent {
    /// Starts the download when it is time, and lets go of an offer that has expired.
    pub(crate) fn drive_fetch(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let Life::Fetching(fetching) = &mut self.life else { return };
        let FetchStep::Waiting { until } = fetching.step else { return };
        if now >= fetching.offer.expires_at {
            self.withdraw(now, "it expired", out);
        } else if now >= until {
            let outstanding = self.calls.open(now, self.config.fetch_timeout);
            fetching.step = FetchStep::InFlight(outstanding);
            let artifact = fetching.offer.artifact.clone();
            out.push(Output::Fetch { call: outstanding.call, artifact });
        }
    }

    /// Takes the end of a download: only the very bytes that were offered lead on.
    pub(crate) fn fetched(
        &mut self,
        now: BootTime,
        call: CallId,
        result: Result<Fetched, FetchFailed>,
        out: &mut Vec<Output>,
    ) {
        let Life::Fetching(fetching) = &mut self.life else { return };
        let FetchStep::InFlight(outstanding) = fetching.step else { return };
        if outstanding.call != call {
            return;
        }
        match result {
            Ok(fetched) => self.verify(now, fetched, out),
            Err(FetchFailed::NoSpace) => {
                let offer = fetching.offer.clone();
                self.life = Life::Idle;
                let why = "no room to store the artifact";
                self.refuse(now, &offer, (RefusalReason::NoSpace, why), out);
            }
            Err(FetchFailed::Call(failed)) => {
                let again_in = fetching.backoff.after(&failed, &self.config, &mut self.chance);
                fetching.step = FetchStep::Waiting { until: now + again_in };
                self.calls.failed(outstanding, out);
                let why = failed.message;
                out.push(Output::Log(Fact::CallFailed { what: "download", why, again_in }));
            }
        }
    }

    fn verify(&mut self, now: BootTime, fetched: Fetched, out: &mut Vec<Output>) {
        let Life::Fetching(fetching) = std::mem::replace(&mut self.life, Life::Idle) else {
            return;
        };
        let Fetching { offer, .. } = *fetching;
        let expected =
            Fetched { digest: offer.artifact.digest, size_bytes: offer.artifact.size_bytes };
        if fetched != expected {
            let why = format!(
                "expected {} bytes with SHA-256 {}, stored {} bytes with {}",
                expected.size_bytes, expected.digest, fetched.size_bytes, fetched.digest
            );
            self.refuse(now, &offer, (RefusalReason::DigestMismatch, &why), out);
            return;
        }
        self.life = Life::Asking(Box::new(Asking {
            offer,
            standing: Standing::Stands,
            doubt: Doubt::None,
            backoff: Backoff::default(),
            step: AskStep::Waiting { until: now },
        }));
    }

    /// Whether the cluster knows of this start: nothing begins before it does.
    pub(crate) fn start_is_known(&self) -> bool {
        self.outbox.is_settled(self.started)
    }

    /// Asks when it is time, with a new request id every time.
    pub(crate) fn drive_asking(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let known = self.start_is_known();
        let Life::Asking(asking) = &self.life else { return };
        let AskStep::Waiting { until } = asking.step else { return };
        if now >= asking.offer.expires_at {
            self.withdraw(now, "it expired", out);
        } else if known && now >= until {
            // Whoever starts after this agent must know that the grant may have begun.
            let (patch_set, grant_id) = (asking.offer.patch_set.clone(), asking.offer.grant_id);
            self.remember(&patch_set, |memory| memory.asking = Some(grant_id), out);
            let Life::Asking(asking) = &mut self.life else { return };
            let outstanding = self.calls.open(now, self.config.call_timeout);
            let request_id = self.chance.uuid();
            out.push(Output::Begin {
                call: outstanding.call,
                request: BeginRequest {
                    request_id: request_id.clone(),
                    grant_id: asking.offer.grant_id,
                    patch_set: asking.offer.patch_set.clone(),
                    epoch: asking.offer.epoch,
                    boot_id: self.boot.boot_id.clone(),
                    artifact_sha256: asking.offer.artifact.digest.0.to_vec(),
                },
            });
            let asked_after = self.history.newest();
            asking.step =
                AskStep::InFlight { outstanding, request_id, first_sent: now, asked_after };
        }
    }

    /// Takes the end of a `Begin`. What does not echo the outstanding request id is no answer.
    pub(crate) fn begin_answered(
        &mut self,
        now: BootTime,
        call: CallId,
        result: Result<BeginResponse, CallFailed>,
        out: &mut Vec<Output>,
    ) {
        let Life::Asking(asking) = &mut self.life else { return };
        let AskStep::InFlight { outstanding, request_id, first_sent, asked_after } = &asking.step
        else {
            return;
        };
        if outstanding.call != call {
            return;
        }
        let (outstanding, first_sent) = (*outstanding, *first_sent);
        let answer = result.and_then(|response| {
            let said = Heard { generation: response.generation, revision: response.revision };
            self.history.admit_generation(said.generation)?;
            if said < *asked_after {
                return Err(CallFailed::unusable("the answer is older than its request"));
            }
            match response.decision {
                Some(Decision::Go(go)) if go.request_id == *request_id => {
                    Ok((Decision::Go(go), said))
                }
                Some(Decision::NoGo(no_go)) if no_go.request_id == *request_id => {
                    Ok((Decision::NoGo(no_go), said))
                }
                Some(Decision::Go(_) | Decision::NoGo(_)) | None => {
                    Err(CallFailed::unusable("the answer is to another request"))
                }
            }
        });
        match answer {
            Ok((Decision::Go(go), said)) => {
                self.is_news(said, out);
                self.take_go(now, &go, first_sent, out);
            }
            Ok((Decision::NoGo(no_go), said)) => {
                self.is_news(said, out);
                self.take_no_go(now, &no_go, out);
            }
            Err(failed) => {
                self.calls.failed(outstanding, out);
                self.answer_lost(now, failed, out);
            }
        }
    }

    /// The answer is unknown: the grant may have begun. The host asks again while the offer
    /// stands.
    fn answer_lost(&mut self, now: BootTime, failed: CallFailed, out: &mut Vec<Output>) {
        let Life::Asking(asking) = &mut self.life else { return };
        let again_in = asking.backoff.after(&failed, &self.config, &mut self.chance);
        asking.doubt = Doubt::AnswerLost;
        asking.step = AskStep::Waiting { until: now + again_in };
        let standing = asking.standing;
        out.push(Output::Log(Fact::CallFailed { what: "begin", why: failed.message, again_in }));
        match standing {
            Standing::Stands => {}
            Standing::Withdrawn => self.withdraw(now, "it was withdrawn", out),
        }
    }

    /// A go: it counts from the first send of its request, and the lease is checked last.
    fn take_go(&mut self, now: BootTime, go: &Go, first_sent: BootTime, out: &mut Vec<Output>) {
        let Life::Asking(asking) = std::mem::replace(&mut self.life, Life::Idle) else { return };
        let Asking { offer, standing, .. } = *asking;
        if standing == Standing::Withdrawn || self.departure == Departure::Announced {
            let why = "the offer went away while the host was asking";
            self.refuse(now, &offer, (RefusalReason::Withdrawn, why), out);
            return;
        }
        if !self.admit_epoch(&offer.patch_set, go.epoch, out) {
            let why = format!("the go is of epoch {}, which is out of date", go.epoch);
            self.refuse(now, &offer, (RefusalReason::Withdrawn, &why), out);
            return;
        }
        let lease = Lease::until(first_sent + Millis(go.lease_ms), self.config.checks_leases());
        if !lease.holds(now) {
            let why = lease_ran_out(lease, now);
            self.refuse(now, &offer, (RefusalReason::LeaseExpired, &why), out);
            return;
        }
        let marker = Marker {
            grant_id: offer.grant_id,
            patch_set: offer.patch_set.clone(),
            epoch: go.epoch,
            module: offer.artifact.module.clone(),
            boot_id: self.boot.boot_id.clone(),
            taint_before: self.boot.observation.taint,
            plan: offer.plan,
            stage: MarkerStage::Applying { since: now },
            departure: Departure::Unannounced,
        };
        let not_after = lease.not_after();
        out.push(Output::Log(Fact::Go { grant_id: offer.grant_id, not_after }));
        // Whoever starts after this insert must not go back behind it.
        self.keep_history(out);
        out.push(Output::WriteMarker(Box::new(marker.clone())));
        out.push(Output::Insert(Box::new(Insertion {
            grant_id: offer.grant_id,
            patch_set: offer.patch_set,
            artifact: offer.artifact,
            lease,
            transition_timeout: marker.plan.transition_timeout,
        })));
        let until = not_after.max(now) + marker.plan.transition_timeout + INSERT_SLACK;
        let step = ApplyStep::Inserting { until };
        self.life = Life::Applying(Box::new(Applying { marker, step }));
    }

    fn take_no_go(&mut self, now: BootTime, no_go: &NoGo, out: &mut Vec<Output>) {
        let Life::Asking(mut asking) = std::mem::replace(&mut self.life, Life::Idle) else {
            return;
        };
        let reason = no_go.reason();
        let why = format!("{}: {}", reason.as_str_name(), no_go.message);
        let withdrawn = asking.standing == Standing::Withdrawn;
        let final_answer = no_go.retry_after_ms == 0 || withdrawn;
        let may_have_begun = match asking.doubt {
            Doubt::None => false,
            Doubt::AnswerLost => final_answer || !says_not_begun(reason),
        };
        if may_have_begun {
            self.refuse(now, &asking.offer, (RefusalReason::Withdrawn, &why), out);
        } else if final_answer {
            let grant_id = asking.offer.grant_id;
            self.remember(&asking.offer.patch_set, |memory| memory.asking = None, out);
            self.grant_over(grant_id);
            out.push(Output::Log(Fact::OfferDropped { grant_id, why }));
        } else {
            let asks_again_in = Millis(no_go.retry_after_ms);
            let grant_id = asking.offer.grant_id;
            out.push(Output::Log(Fact::NoGo { grant_id, why, asks_again_in }));
            asking.backoff.reset();
            asking.step = AskStep::Waiting { until: now + asks_again_in };
            self.life = Life::Asking(asking);
        }
    }
}

/// Whether a no-go with this reason also says that no earlier request began the grant: one that
/// has begun needs no more room, and a grant begun in this boot has a boot that is known.
fn says_not_begun(reason: NoGoReason) -> bool {
    match reason {
        NoGoReason::Budget | NoGoReason::BootChanged => true,
        NoGoReason::Unspecified
        | NoGoReason::Halted
        | NoGoReason::Paused
        | NoGoReason::Held
        | NoGoReason::Expired
        | NoGoReason::StaleEpoch
        | NoGoReason::Withdrawn
        | NoGoReason::ArtifactMismatch
        | NoGoReason::Closed => false,
    }
}

pub(crate) fn lease_ran_out(lease: Lease, now: BootTime) -> String {
    let late = now.since(lease.not_after());
    format!("the lease ran out {} ms before the insert", late.0)
}
