//! How is carried out what an agent asks for? Files are kept, calls are answered at once, the kernel
//! takes its time.

use std::collections::VecDeque;

use tidegate_agent::core::{
    BootTime, CallFailed, CallFailure, CallId, Fetched, Input, MarkerStage, OfferedArtifact, Output,
};
use tidegate_policies::time::Millis;
use tidegate_proto::v1 as pb;

use super::chance::Chance;
use super::fleet::boot_id;
use super::host::Power;
use super::queue::Happening;
use super::world::{Beats, World};
use crate::api::convert::{begin, facts, report};
use crate::machine::ids::HostId;
use crate::machine::{Command, Outcome, Reply};
use crate::relay::answers;

/// How often hosts sync that no rollout concerns.
pub(super) const IDLE: Millis = Millis::from_secs(900);
/// How long a download takes, in milliseconds.
const DOWNLOAD: (u64, u64) = (200, 5_000);
/// What the chance of agents is drawn for.
const AGENTS: u64 = 0x4147_454E_5453;

impl World<'_> {
    /// A host that has an offer beats: its agent takes it up.
    pub(super) fn beat_with_an_offer(&mut self, n: usize) {
        if self.hosts[n].power == Power::On && self.hosts[n].agent.is_none() {
            self.start_agent(n);
        }
    }

    /// The agent of a host starts, and goes on only where it has something to do.
    pub(super) fn start_agent(&mut self, n: usize) {
        self.wake_agent(n);
        self.put_to_rest(n);
    }

    /// The agent of a host starts, from its files.
    pub(super) fn wake_agent(&mut self, n: usize) {
        let facts = facts::facts_out(&self.scene.fleet.facts(n));
        let host = &mut self.hosts[n];
        let number = u64::try_from(n).unwrap_or(u64::MAX) << 32 | u64::from(host.boot);
        let seed = Chance::new(self.seed ^ AGENTS, number).draw();
        let outputs = host.start_agent(n, self.now, facts, seed);
        self.carry_out(n, outputs);
    }

    /// Gives the agent of a host an input, and carries out what it asks for.
    pub(super) fn step(&mut self, n: usize, input: Input) {
        let outputs = self.step_only(n, input);
        self.carry_out(n, outputs);
        self.put_to_rest(n);
    }

    fn step_only(&mut self, n: usize, input: Input) -> Vec<Output> {
        let host = &mut self.hosts[n];
        let clock = host.clock(self.now);
        let mut outputs = Vec::new();
        if let Some(agent) = &mut host.agent {
            agent.step(clock, input, &mut outputs);
        }
        outputs
    }

    fn carry_out(&mut self, n: usize, outputs: Vec<Output>) {
        let mut left: VecDeque<Output> = outputs.into();
        while let Some(output) = left.pop_front() {
            let Some(files) = &mut self.hosts[n].files else { return };
            let Some(output) = files.keep(output) else { continue };
            if let Some(input) = self.carry_out_one(n, output) {
                left.extend(self.step_only(n, input));
            }
            if self.hosts[n].agent.is_none() {
                return; // It went down on the way.
            }
        }
        self.plan_wake(n);
    }

    /// Carries out one output; answers with what the agent is told at once.
    fn carry_out_one(&mut self, n: usize, output: Output) -> Option<Input> {
        match output {
            Output::Sync { call, request } => {
                Some(Input::SyncAnswered { call, result: self.sync(n, &request) })
            }
            Output::Begin { call, request } => {
                Some(Input::BeginAnswered { call, result: self.begin_grant(n, request) })
            }
            Output::Report { call, request } => {
                Some(Input::ReportAnswered { call, result: self.report(n, &request) })
            }
            Output::Fetch { call, artifact } => {
                let takes = self.luck.between(DOWNLOAD.0, DOWNLOAD.1);
                let what = Happening::Fetched(n, call, Box::new(artifact));
                self.queue.put(self.now + takes, what);
                None
            }
            Output::Insert(insertion) => self.insert(n, *insertion),
            Output::Follow { grant_id, .. } => self.follow(n, grant_id),
            Output::Revert { grant_id, .. } => Some(self.revert(n, grant_id)),
            Output::Observe => Some(Input::Observed(self.hosts[n].observe(self.now))),
            Output::WakeAt(due) => {
                self.hosts[n].wishes = Some(due);
                None
            }
            Output::NextController
            | Output::Log(_)
            | Output::Spool(_)
            | Output::SpoolDrop { .. }
            | Output::SpoolTrim { .. }
            | Output::WriteMarker(_)
            | Output::ClearMarker
            | Output::Remember { .. }
            | Output::KeepHeard(_) => None,
        }
    }

    /// Plans when the agent of a host is woken: when it wishes; where it would only beat and say nothing
    /// new, when it has something to say.
    fn plan_wake(&mut self, n: usize) {
        let clock = self.hosts[n].clock(self.now);
        let host = &mut self.hosts[n];
        let Some(wish) = host.wishes else { return };
        let all_told = host.agent.as_ref().is_some_and(|agent| agent.unacknowledged() == 0);
        let marker = host.files.as_ref().and_then(|files| files.marker.as_ref());
        let stage = marker.filter(|_| all_told && self.beats == Beats::ThatMatter);
        let due = match stage.map(|marker| (&marker.stage, &marker.plan)) {
            None => Some(wish),
            Some((
                MarkerStage::Applying { .. }
                | MarkerStage::Stuck { .. }
                | MarkerStage::Stalled { .. },
                _,
            )) => None,
            Some((MarkerStage::Soaking { since, .. }, plan)) => {
                let checks = plan.health_checks.iter().map(|&check| *since + check);
                let words = checks.chain([*since + plan.soak]);
                Some(words.filter(|&at| at > clock).min().unwrap_or(wish))
            }
        };
        if host.wake == due {
            return;
        }
        host.wake = due;
        if let Some(due) = due {
            let at = host.when(due).max(self.now);
            self.queue.put(at, Happening::Wakes(n, due));
        }
    }

    /// The time has come that the agent of a host wanted to be woken at.
    pub(super) fn wake(&mut self, n: usize, due: BootTime) {
        if self.hosts[n].wake == Some(due) {
            self.hosts[n].wake = None;
            self.step(n, Input::Wake);
        }
    }

    /// A download has ended.
    pub(super) fn fetched(&mut self, n: usize, call: CallId, artifact: &OfferedArtifact) {
        let fetched = Fetched { digest: artifact.digest, size_bytes: artifact.size_bytes };
        self.step(n, Input::ArtifactFetched { call, result: Ok(fetched) });
    }

    /// Whether a host reaches a controller that answers.
    fn reaches(&self, n: usize) -> Result<HostId, CallFailed> {
        if self.controllers.up && self.hosts[n].is_up() {
            return Ok(self.scene.fleet.members[n].id);
        }
        Err(unavailable("no controller answers".to_owned()))
    }

    fn sync(
        &mut self,
        n: usize,
        request: &pb::SyncRequest,
    ) -> Result<pb::SyncResponse, CallFailed> {
        let id = self.reaches(n)?;
        self.catch_up();
        let machine = &self.controllers.machine;
        let answer = answers::sync(machine, id, &request.boot_id, IDLE)
            .map_err(|rejection| unavailable(rejection.to_string()))?;
        if machine.is_in_flight(id) && request.boot_id == boot_id(n, self.hosts[n].boot) {
            self.controllers.heard.push(id);
        }
        Ok(answer.response)
    }

    fn begin_grant(
        &mut self,
        n: usize,
        request: pb::BeginRequest,
    ) -> Result<pb::BeginResponse, CallFailed> {
        let id = self.reaches(n)?;
        let command = begin::begin(id, &request).map_err(|bad| unavailable(bad.to_string()))?;
        let outcome = self.propose(&Command::BeginGrant(command)).outcome;
        let machine = &self.controllers.machine;
        let generation = machine.cluster().map_or(0, |cluster| cluster.generation);
        let at = (generation, machine.applied());
        match outcome {
            Ok(Reply::Begin(decision)) => Ok(begin::begun(request.request_id, decision, at)),
            other => Err(unexpected(&other)),
        }
    }

    fn report(
        &mut self,
        n: usize,
        request: &pb::ReportRequest,
    ) -> Result<pb::ReportResponse, CallFailed> {
        let id = self.reaches(n)?;
        let command = report::reports(id, request).map_err(|bad| unavailable(bad.to_string()))?;
        match self.propose(&Command::RecordReports(command)).outcome {
            Ok(Reply::Reports(results)) => Ok(report::reported(results)),
            other => Err(unexpected(&other)),
        }
    }

    /// An agent that has nothing to do and nothing to tell is not played any further. Where it is, or
    /// will be, the host's turn, the host asks again.
    fn put_to_rest(&mut self, n: usize) {
        let id = self.scene.fleet.members[n].id;
        let host = &self.hosts[n];
        let has_marker = host.files.as_ref().is_some_and(|files| files.marker.is_some());
        let told = host.agent.as_ref().is_some_and(|agent| agent.unacknowledged() == 0);
        let machine = &self.controllers.machine;
        if has_marker || !told || machine.hosts().live_grant(id).is_some() {
            return;
        }
        self.hosts[n].agent = None;
        self.hosts[n].wishes = None;
        self.hosts[n].wake = None;
        let rollout = self.controllers.rollout();
        let row = machine.hosts().get(&id);
        let wants = rollout.zip(row).is_some_and(|(rollout, row)| machine.wants(rollout, &row));
        if wants {
            self.turns.wait(n);
        }
    }
}

fn unavailable(message: String) -> CallFailed {
    CallFailed { kind: CallFailure::Unavailable, retry_after: None, message }
}

fn unexpected(outcome: &Outcome) -> CallFailed {
    match outcome {
        Ok(reply) => unavailable(format!("the machine answered {reply:?} to another question")),
        Err(rejection) => unavailable(rejection.to_string()),
    }
}
