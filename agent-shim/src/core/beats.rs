//! When does the host beat, and what does it make of the answer?

use tidegate_proto::v1::{AgentMode, KernelCoverage, SyncRequest, SyncResponse};

use crate::core::agent::{Agent, Look};
use crate::core::backoff::Backoff;
use crate::core::calls::Outstanding;
use crate::core::fact::Fact;
use crate::core::input::{CallFailed, CallFailure, Mode};
use crate::core::memory::Heard;
use crate::core::output::{CallId, Output};
use crate::core::{BootTime, Millis};

/// Shortest patience with a beat of a live grant, however often policy wants one.
const SHORTEST_PATIENCE: Millis = Millis(200);

/// The beats of one agent.
#[derive(Debug)]
pub(crate) struct Beats {
    last: u64,
    due: BootTime,
    outstanding: Option<Outstanding>,
    backoff: Backoff,
    /// Why the host has an offer or none, in the controller's words; `None` before the first
    /// answer.
    pub(crate) explanation: Option<String>,
    /// How the host's kernel is covered, as the controller says; `None` where it does not.
    pub(crate) coverage: Option<Box<KernelCoverage>>,
    /// When a beat was answered last.
    pub(crate) answered_at: Option<BootTime>,
    /// How the last beat ended.
    pub(crate) last_failed: bool,
}

impl Beats {
    pub(crate) fn new(first: BootTime) -> Self {
        Self {
            last: 0,
            due: first,
            outstanding: None,
            backoff: Backoff::default(),
            explanation: None,
            coverage: None,
            answered_at: None,
            last_failed: false,
        }
    }

    pub(crate) fn next_wake(&self) -> BootTime {
        self.outstanding.map_or(self.due, |outstanding| outstanding.deadline)
    }

    pub(crate) fn expired(&self, now: BootTime) -> Option<Outstanding> {
        self.outstanding.filter(|sync| now >= sync.deadline)
    }
}

impl Agent {
    pub(crate) fn drive_beats(&mut self, now: BootTime, out: &mut Vec<Output>) {
        if self.beats.outstanding.is_some() || now < self.beats.due {
            return;
        }
        let timeout = self.within_a_beat(self.config.call_timeout);
        let outstanding = self.calls.open(now, timeout);
        self.beats.outstanding = Some(outstanding);
        // Counted by the clock, so that beats rise through a restart of the agent too.
        self.beats.last = now.as_millis().max(self.beats.last + 1);
        out.push(Output::Sync {
            call: outstanding.call,
            request: SyncRequest {
                boot_id: self.boot.boot_id.clone(),
                beat: self.beats.last,
                mode: self.wire_mode().into(),
                livepatches: self.boot.observation.livepatches.clone(),
            },
        });
    }

    pub(crate) fn sync_answered(
        &mut self,
        now: BootTime,
        call: CallId,
        result: Result<SyncResponse, CallFailed>,
        out: &mut Vec<Output>,
    ) {
        let Some(outstanding) = self.beats.outstanding.take_if(|sync| sync.call == call) else {
            return;
        };
        let result = result.and_then(|response| {
            self.history.admit_generation(response.generation).map(|()| response)
        });
        self.beats.last_failed = result.is_err();
        let wait = match result {
            Ok(response) => self.sync_heard(now, response, out),
            Err(failed) => {
                self.calls.failed(outstanding, out);
                match failed.kind {
                    CallFailure::Unavailable | CallFailure::Refused => {
                        let again_in =
                            self.beats.backoff.after(&failed, &self.config, &mut self.chance);
                        let again_in = self.within_a_beat(again_in);
                        let why = failed.message;
                        out.push(Output::Log(Fact::CallFailed { what: "sync", why, again_in }));
                        again_in
                    }
                    CallFailure::UnknownHost => {
                        let again_in = self.beats.backoff.at_cap(&self.config, &mut self.chance);
                        let again_in = self.within_a_beat(again_in);
                        out.push(Output::Log(Fact::UnknownHost { again_in }));
                        again_in
                    }
                }
            }
        };
        self.beats.due = now + wait;
    }

    /// While a grant is live, no longer than a beat: one dead controller must not make the host
    /// silent.
    fn within_a_beat(&self, span: Millis) -> Millis {
        let live = self.life.beat_interval();
        live.map_or(span, |beat| span.min(beat.max(SHORTEST_PATIENCE)))
    }

    /// Takes a good answer; returns when to beat again.
    fn sync_heard(
        &mut self,
        now: BootTime,
        response: SyncResponse,
        out: &mut Vec<Output>,
    ) -> Millis {
        self.beats.backoff.reset();
        self.beats.answered_at = Some(now);
        self.beats.explanation = Some(response.explanation);
        self.beats.coverage = response.kernel_coverage;
        if self.look == Look::NotWanted {
            self.look = Look::Wanted;
        }
        let said = Heard { generation: response.generation, revision: response.revision };
        if self.is_news(said, out) {
            // A kernel that has to let go of one livepatch takes no other before.
            self.hear_revert(now, response.revert, out);
            self.hear_offer(now, response.offer, out);
        } else {
            let why = "the answer is older than an earlier one".to_owned();
            out.push(Output::Log(Fact::OfferIgnored { why }));
        }
        let told = Millis(response.next_sync_ms);
        let live = self.life.beat_interval().unwrap_or(told);
        told.min(live).max(self.config.shortest_interval)
    }

    pub(crate) fn wire_mode(&self) -> AgentMode {
        match self.boot.mode {
            Mode::Normal => AgentMode::Normal,
            Mode::NoApply => AgentMode::NoApply,
        }
    }
}
