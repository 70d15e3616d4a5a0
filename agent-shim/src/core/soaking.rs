//! Is the host still well, and when may it say that its soak is over?

use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{
    Health, LivepatchState, ReportDisposition, ReportResult, Reverted, Soaked,
};

use crate::core::agent::Agent;
use crate::core::fact::Fact;
use crate::core::input::Trouble;
use crate::core::life::{ApplyStep, Life, SoakWord, Soaking};
use crate::core::memory::{InsertEnd, Marker, MarkerStage};
use crate::core::output::Output;
use crate::core::{BootTime, Millis};

/// Taint bits that speak of a kernel in trouble: bad page (B), died (D), soft lockup (L).
const TROUBLE_TAINTS: u64 = 1 << 5 | 1 << 7 | 1 << 14;

impl Agent {
    /// Goes on with a soak that an earlier run of the agent started at `since`. Health checks
    /// that were missed meanwhile are not made up.
    pub(crate) fn go_on_soaking(&mut self, now: BootTime, marker: Marker, since: BootTime) {
        let passed = now.since(since);
        let next_check = marker.plan.health_checks.partition_point(|offset| *offset < passed);
        let word = SoakWord::Due(since + marker.plan.soak);
        self.life = Life::Soaking(Box::new(Soaking { marker, since, next_check, word }));
    }

    /// Judges the last observation of the kernel, and writes the reports that wait for it.
    pub(crate) fn judge_kernel(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let (marker, soaking_since) = match &self.life {
            Life::Idle | Life::Fetching(_) | Life::Asking(_) | Life::Reverting(_) => return,
            Life::Applying(applying) => match applying.step {
                ApplyStep::Inserting { .. } => return,
                ApplyStep::Stuck | ApplyStep::InTransition | ApplyStep::Kept => {
                    (applying.marker.clone(), None)
                }
            },
            Life::Soaking(soaking) => (soaking.marker.clone(), Some(soaking.since)),
        };
        if let Some(trouble) = self.trouble(&marker) {
            // A stuck insert, and a stalled transition, was reported as a failure: only a crash says more.
            let known = match (&marker.stage, &trouble) {
                (
                    MarkerStage::Stuck { .. } | MarkerStage::Stalled { .. },
                    Trouble::Degraded { .. },
                ) => true,
                (MarkerStage::Stuck { .. } | MarkerStage::Stalled { .. }, Trouble::Crashed(_))
                | (MarkerStage::Applying { .. } | MarkerStage::Soaking { .. }, _) => false,
            };
            if !known {
                self.troubled(now, &marker, trouble, out);
            }
            return;
        }
        if let MarkerStage::Stalled { stalled_at, .. } = marker.stage {
            self.judge_kept(now, &marker, stalled_at, out);
            return;
        }
        // What was seen before the transition ended says nothing of the soak.
        if soaking_since.is_none_or(|since| self.boot.observation.at < since) {
            return;
        }
        match self.livepatch(&marker).cloned() {
            Some(livepatch) if livepatch.enabled => {
                self.report_health(now, &livepatch, out);
                self.give_word(now, livepatch, out);
            }
            Some(_) | None => {
                let reverted = Ended::Reverted(Reverted {});
                self.end_grant(now, &marker, (reverted, InsertEnd::Failed), out);
            }
        }
    }

    /// A transition that had stalled, and was kept: it may end late, or somebody may turn it back. It was
    /// reported as stalled, and nothing hangs any more.
    fn judge_kept(
        &mut self,
        now: BootTime,
        marker: &Marker,
        stalled_at: BootTime,
        out: &mut Vec<Output>,
    ) {
        if self.boot.observation.at < stalled_at {
            return;
        }
        match self.livepatch(marker) {
            Some(livepatch) if livepatch.transition => {}
            Some(livepatch) if livepatch.enabled => {
                out.push(Output::Log(Fact::EndedLate { grant_id: marker.grant_id }));
                self.close_insert(marker, InsertEnd::Failed, out);
            }
            Some(_) | None => {
                let reverted = Ended::Reverted(Reverted {});
                self.end_grant(now, marker, (reverted, InsertEnd::Failed), out);
            }
        }
    }

    fn trouble(&self, marker: &Marker) -> Option<Trouble> {
        let seen = &self.boot.observation;
        if let Some(evidence) = &seen.trouble {
            return Some(if evidence.names_module {
                Trouble::Crashed(evidence.clone())
            } else {
                let message = evidence.signature.clone();
                Trouble::Degraded { probe: "kmsg-oops".to_owned(), message }
            });
        }
        let new = seen.taint & !marker.taint_before & TROUBLE_TAINTS;
        (new != 0).then(|| Trouble::Degraded {
            probe: "taint".to_owned(),
            message: format!("tainted was {}, is {}", marker.taint_before, seen.taint),
        })
    }

    /// Writes the health check that is due; of several, the last.
    fn report_health(&mut self, now: BootTime, livepatch: &LivepatchState, out: &mut Vec<Output>) {
        let seen_at = self.boot.observation.at;
        let Life::Soaking(soaking) = &mut self.life else { return };
        let passed = seen_at.since(soaking.since);
        let checks = &soaking.marker.plan.health_checks;
        let due = checks.partition_point(|offset| *offset <= passed);
        if due <= soaking.next_check {
            return;
        }
        let health = Health {
            grant_id: soaking.marker.grant_id,
            offset_ms: checks[due - 1].0,
            livepatch: Some(livepatch.clone()),
            taint: self.boot.observation.taint,
        };
        soaking.next_check = due;
        self.spool(now, Body::Health(health), out);
    }

    /// Says that the soak is over, when it is and the livepatch is whole.
    fn give_word(&mut self, now: BootTime, livepatch: LivepatchState, out: &mut Vec<Output>) {
        let seen_at = self.boot.observation.at;
        let Life::Soaking(soaking) = &self.life else { return };
        let SoakWord::Due(due) = soaking.word else { return };
        if seen_at < due || livepatch.transition {
            return;
        }
        let marker = soaking.marker.clone();
        let soaked = Ended::Soaked(Soaked {
            soaked_ms: seen_at.since(soaking.since).0,
            livepatch: Some(livepatch),
        });
        let sequence = self.spool_outcome(now, (marker.grant_id, &marker.patch_set), soaked, out);
        if let Life::Soaking(soaking) = &mut self.life {
            soaking.word = SoakWord::Given { sequence };
        }
    }

    /// Takes the controller's answer to the host's word, where `result` is one.
    pub(crate) fn word_answered(
        &mut self,
        now: BootTime,
        result: &ReportResult,
        out: &mut Vec<Output>,
    ) {
        let Life::Soaking(soaking) = &mut self.life else { return };
        if soaking.word != (SoakWord::Given { sequence: result.sequence }) {
            return;
        }
        match result.disposition() {
            ReportDisposition::NotYet | ReportDisposition::Unspecified => {
                let reports_again_in =
                    Millis(result.retry_after_ms).max(self.config.shortest_interval);
                soaking.word = SoakWord::Due(now + reports_again_in);
                let grant_id = soaking.marker.grant_id;
                out.push(Output::Log(Fact::SoakNotOver { grant_id, reports_again_in }));
            }
            ReportDisposition::Counted | ReportDisposition::Stale | ReportDisposition::Refused => {
                self.soak_ended(out)
            }
        }
    }

    /// The host's word was settled without a result that says how: it is given anew.
    pub(crate) fn word_unanswered(&mut self, now: BootTime, through: u64) {
        let Life::Soaking(soaking) = &mut self.life else { return };
        match soaking.word {
            SoakWord::Given { sequence } if sequence <= through => {
                soaking.word = SoakWord::Due(now + self.config.shortest_interval);
            }
            SoakWord::Given { .. } | SoakWord::Due(_) => {}
        }
    }

    fn soak_ended(&mut self, out: &mut Vec<Output>) {
        let Life::Soaking(soaking) = std::mem::replace(&mut self.life, Life::Idle) else { return };
        self.close_insert(&soaking.marker, InsertEnd::Soaked, out);
    }
}
