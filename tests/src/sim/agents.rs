//! How is carried out what an agent asks for? In order, and sometimes not to the end.

use tidegate_agent::core::{CallFailed, CallFailure, Fact, FetchFailed, Fetched, Input, Output};

use super::happening::{Caller, Happening, HostHappening, Permission, Question, Reply};
use super::hosts::{Host, Power};
use super::kernel::Bite;
use super::network::End;
use super::world::World;

impl World {
    /// Carries out an agent's outputs. `false`: the agent died on the way.
    pub(super) fn carry_out_for(&mut self, at: usize, outputs: Vec<Output>) -> bool {
        let torn = self.faults.hosts.torn_step;
        for output in outputs {
            let Some(host) = self.hosts.get_mut(at) else { return false };
            if host.luck.happens(torn) {
                if host.luck.below(3) == 0 {
                    self.power_fails(at, None, "the power fails in mid-step");
                } else {
                    self.kill_agent(at);
                }
                return false;
            }
            self.carry_out_one(at, output);
        }
        true
    }

    fn carry_out_one(&mut self, at: usize, output: Output) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at) else { return };
        match output {
            Output::Sync { call, request } => {
                let caller = agent_caller(at, host, call, String::new());
                self.ask(at, &caller, &Question::Sync(request));
            }
            Output::Begin { call, request } => {
                host.begins.insert(call, now);
                let caller = agent_caller(at, host, call, request.request_id.clone());
                let (grant, epoch) = (request.grant_id, request.epoch);
                self.trace.line(now, format_args!("host {at} asks to begin grant {grant}"));
                let asked = self.checks.acts_on(host.id, &request.patch_set, epoch);
                self.ask(at, &caller, &Question::Begin(request));
                if let Err(violation) = asked {
                    self.violated(violation);
                }
            }
            Output::Report { call, request } => {
                let caller = agent_caller(at, host, call, String::new());
                self.ask(at, &caller, &Question::Report(request));
            }
            Output::Fetch { call, artifact } => {
                let took = host.luck.between(20, self.faults.hosts.fetch_most.max(21));
                let mut fetched =
                    Fetched { digest: artifact.digest, size_bytes: artifact.size_bytes };
                let result = match host.luck.happens(self.faults.hosts.bad_fetch) {
                    false => Ok(fetched),
                    true if host.luck.below(4) == 0 => {
                        fetched.digest.0[0] ^= 1;
                        Ok(fetched)
                    }
                    true => Err(FetchFailed::Call(CallFailed {
                        kind: CallFailure::Unavailable,
                        retry_after: None,
                        message: "the stream broke".to_owned(),
                    })),
                };
                let what = HostHappening::Fetched { run: host.run, call, result };
                self.queue.after(took, Happening::Host { host: at, what });
            }
            Output::NextController => host.controller = host.controller.wrapping_add(1),
            Output::Spool(report) => host.storage.append(*report),
            Output::SpoolDrop { sequence } => host.storage.drop_one(sequence),
            Output::SpoolTrim { through } => host.storage.trim(through),
            Output::WriteMarker(marker) => host.storage.set_marker(Some(*marker)),
            Output::ClearMarker => host.storage.set_marker(None),
            Output::Remember { patch_set, memory } => host.storage.remember(patch_set, memory),
            Output::KeepHeard(heard) => host.storage.keep_heard(heard),
            Output::WakeAt(due) => {
                host.wake = Some(due);
                let late = host.luck.below(12);
                let wait = host.until(due, now) + late;
                let what = HostHappening::Wake { run: host.run, at: due };
                self.queue.after(wait, Happening::Host { host: at, what });
            }
            Output::Log(fact) => self.says(at, &fact),
            driver @ (Output::Insert(_)
            | Output::Follow { .. }
            | Output::Revert { .. }
            | Output::Observe) => self.drive(at, driver),
        }
    }

    /// An agent writes a line into its log: what it says that it does, it may do.
    fn says(&mut self, at: usize, fact: &Fact) {
        self.trace.line(self.queue.now(), format_args!("host {at}: {fact}"));
        let Some(id) = self.hosts.get(at).map(|host| host.id) else { return };
        let stalls = |patch_set: &str| {
            !self.scenario.keeps_stalls() && self.scenario.bite(patch_set, at) == Bite::Stalls
        };
        let mut checked = Ok(());
        if let Fact::OfferTaken { patch_set, epoch, .. }
        | Fact::Reverting { patch_set, epoch, .. } = fact
        {
            checked = self.checks.acts_on(id, patch_set, *epoch);
        }
        if let Fact::Reverting { patch_set, .. } = fact
            && !stalls(patch_set)
        {
            checked = checked.and_then(|()| self.checks.takes_out(id, patch_set));
        }
        if let Err(violation) = checked {
            self.violated(violation);
        }
    }

    /// Sends an agent's question to the controller that it speaks to.
    fn ask(&mut self, at: usize, caller: &Caller, question: &Question) {
        let Some(host) = self.hosts.get(at) else { return };
        let ids = self.nodes_there();
        let Some(&node) = ids.get(host.controller % ids.len().max(1)) else { return };
        for delay in self.network.fates(self.now(), End::Host(at), End::Node(node)) {
            let (caller, question) = (caller.clone(), question.clone());
            self.queue.after(delay, Happening::Asked { node, caller, question });
        }
    }

    /// An answer has arrived at the host that asked.
    pub(super) fn agent_answered(&mut self, caller: &Caller, answer: Reply) {
        let Caller::Agent { host: at, run, call, .. } = *caller else { return };
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.run == run) else { return };
        if host.agent.is_none() {
            return;
        }
        let first = host.answered.insert(call);
        let is_unknown = is_unknown(&answer);
        let mut told = Vec::new();
        let input = match answer {
            Reply::Sync(result) => {
                if let Ok(response) = &result {
                    let offer = response.offer.as_ref();
                    told.extend(offer.map(|offer| (offer.patch_set.clone(), offer.epoch)));
                    let revert = response.revert.as_ref();
                    told.extend(revert.map(|revert| (revert.patch_set.clone(), revert.epoch)));
                }
                Input::SyncAnswered { call, result }
            }
            Reply::Begin(result) => {
                host.permission = permission(host, call, &result);
                Input::BeginAnswered { call, result }
            }
            Reply::Report(result) => {
                if let Ok(response) = &result {
                    let (id, spool) = (host.id, host.storage.spool_id());
                    let through = response.acknowledged_sequence;
                    if let Err(violation) = self.checks.reports_acknowledged(id, spool, through) {
                        self.violated(violation);
                    }
                }
                Input::ReportAnswered { call, result }
            }
            Reply::Command(_) | Reply::Read(_) => return,
        };
        let stepped = self.step_agent(at, run, input);
        for (patch_set, epoch) in told.into_iter().filter(|_| stepped && first) {
            let Some(host) = self.hosts.get(at) else { break };
            // What came too late for the agent's patience it has not heard either.
            if host.storage.highest_epoch(&patch_set) >= epoch {
                self.checks.told(host.id, &patch_set, epoch);
            }
        }
        if is_unknown {
            self.is_unknown(at);
        }
        self.trace.fold_number(now);
    }

    /// Something happens on a host.
    pub(super) fn host_happens(&mut self, at: usize, what: HostHappening) {
        match what {
            HostHappening::PowerOn => self.power_on(at),
            HostHappening::Enrol => self.enrol(at),
            HostHappening::AgentStarts { boot } => self.start_agent(at, boot),
            HostHappening::Wake { run, at: due } => {
                let wanted = self.hosts.get(at).is_some_and(|host| host.wake == Some(due));
                if wanted {
                    self.step_agent(at, run, Input::Wake);
                }
            }
            HostHappening::Fetched { run, call, result } => {
                self.step_agent(at, run, Input::ArtifactFetched { call, result });
            }
            HostHappening::PowerOff { boot } => {
                let goes = |host: &&Host| host.boot == boot && host.power == Power::On;
                if self.hosts.get(at).filter(goes).is_some() {
                    self.power_fails(at, None, "as it said");
                }
            }
            driver @ (HostHappening::Insert { .. }
            | HostHappening::TransitionDue { .. }
            | HostHappening::Reverted { .. }
            | HostHappening::Observed { .. }
            | HostHappening::PatchBites { .. }) => self.driver_happens(at, driver),
        }
    }
}

fn agent_caller(
    at: usize,
    host: &Host,
    call: tidegate_agent::core::CallId,
    request: String,
) -> Caller {
    Caller::Agent { host: at, run: host.run, call, request }
}

/// What a go permits.
fn permission(
    host: &Host,
    call: tidegate_agent::core::CallId,
    result: &Result<tidegate_proto::v1::BeginResponse, CallFailed>,
) -> Option<Permission> {
    use tidegate_proto::v1::begin_response::Decision;
    let first_sent = *host.begins.get(&call)?;
    let response = result.as_ref().ok()?;
    match response.decision.as_ref()? {
        Decision::Go(go) => {
            Some(Permission { first_sent, index: response.revision, epoch: go.epoch })
        }
        Decision::NoGo(_) => None,
    }
}

/// Whether an answer says that the cluster does not know the host.
fn is_unknown(answer: &Reply) -> bool {
    let failed = match answer {
        Reply::Sync(result) => result.as_ref().err(),
        Reply::Begin(result) => result.as_ref().err(),
        Reply::Report(result) => result.as_ref().err(),
        Reply::Command(_) | Reply::Read(_) => None,
    };
    failed.is_some_and(|failed| failed.kind == CallFailure::UnknownHost)
}
