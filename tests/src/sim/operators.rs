//! What do the operators do? A script from the first entry to both rollouts, and whims. Each of their
//! jobs has a request id and is tried through any controller until its answer is known.

use std::collections::BTreeMap;

use tidegate_controller::api::convert;
use tidegate_controller::machine::cluster::Cluster;
use tidegate_controller::machine::command::{
    Action, Bootstrap, Command, CreateRollout, CreateToken, EnrollHost, Expiry, OfSlice, Operate,
    Promote, PromoteRollout, PublishPatchSet, StoreBlob, TierSpec, WithReason,
};
use tidegate_controller::machine::fleet::Mode;
use tidegate_controller::machine::ids::{Digest, NodeId};
use tidegate_controller::machine::rollouts::State;
use tidegate_controller::machine::tokens::Scope;
use tidegate_controller::machine::{Machine, Outcome, Position, Rejection};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::Dimension;
use tidegate_policies::document;
use tidegate_policies::time::WallTime;

use super::chance::Chance;
use super::checks::Violation;
use super::clocks::EPOCH;
use super::happening::{Caller, Happening, HostHappening, Question};
use super::network::End;
use super::sabotage::Sabotage;
use super::scenario::{Patch, Scenario};
use super::world::World;

/// After how long an unanswered job is tried again, in milliseconds.
const PATIENCE: u64 = 2_500;
/// After how long a refused step of the script is asked for anew.
const ASK_AGAIN: u64 = 4_000;

/// The operators' desk.
#[derive(Debug)]
pub struct Operators {
    luck: Chance,
    jobs: BTreeMap<u64, Job>,
    script: Vec<Step>,
    at: usize,
}

/// Who types a command, and under which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hand {
    /// Who it is.
    pub(super) person: &'static str,
    /// Who they say they are.
    pub(super) name: &'static str,
}

impl Hand {
    /// She does what the script says, and has most of the whims.
    pub(super) const ADA: Self = Self::of("ada");

    /// Somebody under their own name.
    pub(super) const fn of(person: &'static str) -> Self {
        Self { person, name: person }
    }
}

/// A step of the script.
#[derive(Clone, Debug)]
enum Step {
    /// A command without a request id, safe to repeat.
    Bare(Command),
    /// An operator's action.
    Operate(Action),
}

/// Something that an operator wants done.
#[derive(Clone, Debug)]
struct Job {
    command: Command,
    attempt: u64,
    is_done: bool,
    is_script: bool,
}

impl Operators {
    /// An empty desk.
    #[must_use]
    pub fn new(luck: Chance) -> Self {
        Self { luck, jobs: BTreeMap::new(), script: Vec::new(), at: 0 }
    }
}

impl World {
    /// Writes the script, and begins with it.
    pub(super) fn begin_script(&mut self) {
        match script(&self.scenario) {
            Ok(script) => self.operators.script = script,
            Err(what) => return self.violated(Violation::new("SCRIPT", what)),
        }
        self.next_step(1_500);
    }

    /// Asks for the present step of the script, after `delay`.
    fn next_step(&mut self, delay: u64) {
        let Some(step) = self.operators.script.get(self.operators.at).cloned() else { return };
        // The fleet needs a moment to enrol before the first rollout starts.
        let starts = matches!(&step, Step::Operate(Action::StartRollout(_)));
        let delay = if starts { delay.max(12_000_u64.saturating_sub(self.now())) } else { delay };
        let job = match step {
            Step::Bare(command) => self.new_job(command),
            Step::Operate(action) => self.new_operation(Hand::ADA, action),
        };
        if let Some(job) = self.operators.jobs.get_mut(&job) {
            job.is_script = true;
        }
        self.queue.after(delay, Happening::Job { job, attempt: 0 });
    }

    /// Whether all of the script was done.
    pub(super) fn has_ended_script(&self) -> bool {
        !self.operators.script.is_empty() && self.operators.at >= self.operators.script.len()
    }

    fn new_job(&mut self, command: Command) -> u64 {
        let id = u64::try_from(self.operators.jobs.len()).unwrap_or(0) + 1;
        let job = Job { command, attempt: 0, is_done: false, is_script: false };
        self.operators.jobs.insert(id, job);
        id
    }

    /// Whether a job was answered.
    pub(super) fn is_settled(&self, job: u64) -> bool {
        self.operators.jobs.get(&job).is_none_or(|job| job.is_done)
    }

    fn new_operation(&mut self, hand: Hand, action: Action) -> u64 {
        let id = u64::try_from(self.operators.jobs.len()).unwrap_or(0) + 1;
        let (request, actor) = (format!("job-{id}"), hand.name.to_owned());
        self.checks.asked(&request, hand.person);
        self.new_job(Command::Operate(Operate { request, actor, action }))
    }

    /// Has this person do something, after `delay`.
    pub(super) fn has_done(&mut self, delay: u64, hand: Hand, action: Action) {
        let job = self.new_operation(hand, action);
        self.queue.after(delay, Happening::Job { job, attempt: 0 });
    }

    /// Has an operator do something, after `delay`.
    pub(super) fn operate(&mut self, delay: u64, action: Action) {
        self.order(delay, action);
    }

    /// Has an operator do something, after `delay`: the job.
    pub(super) fn order(&mut self, delay: u64, action: Action) -> u64 {
        let job = self.new_operation(Hand::ADA, action);
        self.queue.after(delay, Happening::Job { job, attempt: 0 });
        job
    }

    /// Sends a job to some controller, unless it was answered.
    pub(super) fn try_job(&mut self, id: u64, attempt: u64) {
        let now = self.now();
        let leader = self.controllers.iter().find(|(_, one)| one.leads()).map(|(&id, _)| id);
        let nodes = self.nodes_there();
        let Some(job) = self.operators.jobs.get_mut(&id) else { return };
        if job.is_done || job.attempt != attempt {
            return;
        }
        job.attempt += 1;
        // An operator in a hurry asks the leader, all others anybody.
        let anybody = self.operators.luck.pick(&nodes);
        let hurried = self.operators.luck.below(2) == 0;
        let Some(node) = leader.filter(|_| hurried).or(anybody) else { return };
        let question = Question::Command(Box::new(job.command.clone()));
        for delay in self.network.fates(now, End::Desk, End::Node(node)) {
            let (caller, question) = (Caller::Desk { job: id }, question.clone());
            self.queue.after(delay, Happening::Asked { node, caller, question });
        }
        self.queue.after(PATIENCE, Happening::Job { job: id, attempt: attempt + 1 });
    }

    /// A job was answered.
    pub(super) fn job_answered(&mut self, id: u64, position: Position, outcome: &Outcome) {
        let now = self.now();
        let Some(job) = self.operators.jobs.get_mut(&id) else { return };
        let known = self.checks.acknowledged(&job.command, position, outcome);
        if let Err(violation) = known {
            return self.violated(violation);
        }
        if std::mem::replace(&mut job.is_done, true) {
            return;
        }
        let (is_script, job_command) = (job.is_script, job.command.clone());
        self.stats.jobs += 1;
        let refused = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.clients.told(position.index);
        self.trace.line(now, format_args!("job {id} is answered at {}: {refused}", position.index));
        if !is_script {
            return;
        }
        match outcome {
            Ok(_) | Err(Rejection::AlreadyBootstrapped { .. }) => {
                self.operators.at += 1;
                self.next_step(10);
            }
            // A node that has left stores nothing; another one does.
            Err(_) if matches!(job_command, Command::StoreBlob(_)) => {
                self.upload_elsewhere();
                self.next_step(ASK_AGAIN);
            }
            Err(_) => self.next_step(ASK_AGAIN),
        }
    }

    /// The artifact of this step is given to another voter.
    fn upload_elsewhere(&mut self) {
        let cluster = self.newest().and_then(Machine::cluster);
        let voters: Vec<NodeId> = cluster.into_iter().flat_map(Cluster::voters).collect();
        let (Some(voter), at) = (self.luck.pick(&voters), self.operators.at) else { return };
        if let Some(Step::Bare(Command::StoreBlob(stored))) = self.operators.script.get_mut(at) {
            stored.node = voter;
        }
    }

    /// A host's installer asks for it to be enrolled.
    pub(super) fn enrol(&mut self, at: usize) {
        let now = self.now();
        let nodes = self.nodes_there();
        let again = self.hosts.get(at).map_or(0, |host| host.enrolments);
        let spare = self.secret_for(again);
        let Some(host) = self.hosts.get_mut(at).filter(|host| !host.enrolled) else { return };
        let Ok(facts) = convert::facts::facts(Some(&host.facts)) else { return };
        let (boot, with) = (host.boot, spare.map_or(0, |spare| spare.0[0]));
        let command = Command::EnrollHost(Box::new(EnrollHost {
            request: format!("enrol-{at}-{again}-{boot}-{with}"),
            secret: spare.unwrap_or_else(|| secret(host.tier.as_str())),
            machine: [u8::try_from(at).unwrap_or(u8::MAX); 32],
            host: host.id,
            facts,
            boot: host.boot_id(),
            mode: Mode::Normal,
        }));
        let Some(node) = host.luck.pick(&nodes) else { return };
        let question = Question::Command(Box::new(command));
        for delay in self.network.fates(now, End::Host(at), End::Node(node)) {
            let (caller, question) = (Caller::Installer { host: at }, question.clone());
            self.queue.after(delay, Happening::Asked { node, caller, question });
        }
        self.queue.after(PATIENCE, Happening::Host { host: at, what: HostHappening::Enrol });
    }

    /// A host's enrolment was answered.
    pub(super) fn enrolled(&mut self, at: usize, accepted: bool) {
        let Some(host) = self.hosts.get_mut(at).filter(|host| !host.enrolled && accepted) else {
            return;
        };
        host.enrolled = true;
        let what = HostHappening::AgentStarts { boot: host.boot };
        self.queue.after(20, Happening::Host { host: at, what });
    }

    /// An operator has a whim.
    pub(super) fn whim(&mut self) {
        if self.is_calm() || self.faults.people.whim_every == 0 {
            return;
        }
        let luck = &mut self.operators.luck;
        let patch = if luck.below(3) == 0 { Patch::Bad } else { Patch::Good };
        let (kind, later) = (luck.below(10), luck.between(500, 9_000));
        let next = luck.between(1, 2 * self.faults.people.whim_every);
        match kind {
            0..=2 => {
                self.operate(0, Action::PauseRollout(because(patch, "lunch")));
                self.operate(later, Action::ResumeRollout(because(patch, "lunch is over")));
            }
            // No draw of its own, so that the other whims of a seed are what they were.
            3..=5 if later % 2 == 0 => {
                self.operate(0, Action::HaltSlice(of_slice(patch, "a bad feeling")));
                self.operate(later, Action::ResumeSlice(of_slice(patch, "it was nothing")));
            }
            3..=5 => {
                self.operate(0, Action::HaltRollout(because(patch, "a bad feeling")));
                self.operate(later, Action::ResumeRollout(because(patch, "it was nothing")));
            }
            6 | 7 => self.operate(0, Action::ResumeRollout(because(patch, "go on"))),
            // Nor here. What harms is taken back, for good.
            8 if later % 4 == 0 => {
                self.operate(0, Action::RollBack(because(Patch::Bad, "it harms")));
            }
            8 => self.operate(0, promote(patch, Promote::WhenOpen)),
            _ => {
                let reason = "the board wants it".to_owned();
                self.operate(0, promote(patch, Promote::Forced { reason }));
            }
        }
        self.queue.after(next, Happening::Whim);
    }

    /// Once the faults are over: the good rollout is to go on, the bad one to stand.
    pub(super) fn look_after_rollouts(&mut self) {
        let Some(machine) = self.newest() else { return };
        let state = |patch: Patch| machine.rollouts().get(&patch.rollout()).map(|one| one.state);
        let (good, bad) = (state(Patch::Good), state(Patch::Bad));
        let has_started = |patch: Patch| {
            let rollout = machine.rollouts().get(&patch.rollout());
            rollout.is_some_and(|rollout| rollout.place.is_some())
        };
        let has_started = has_started(Patch::Bad);
        let patch_set = machine.patch_sets().get(&Patch::Good.version());
        let is_sliced = patch_set.is_some_and(|patch_set| !patch_set.slices.is_empty());
        match bad {
            // In half of the stories it is taken back from everybody.
            Some(State::Running | State::Paused | State::Halted | State::Completed)
                if self.scenario.seed.is_multiple_of(2) && has_started =>
            {
                self.operate(0, Action::RollBack(because(Patch::Bad, "it harms")));
            }
            Some(State::Running | State::Paused) => {
                self.operate(0, Action::HaltRollout(because(Patch::Bad, "it harms")));
            }
            Some(
                State::Draft
                | State::Halted
                | State::Completed
                | State::Superseded
                | State::RollingBack
                | State::RolledBack,
            )
            | None => (),
        }
        match good {
            Some(State::Paused | State::Halted) => {
                self.operate(0, Action::ResumeRollout(because(Patch::Good, "all is calm")));
            }
            Some(
                State::Draft
                | State::Running
                | State::Completed
                | State::Superseded
                | State::RollingBack
                | State::RolledBack,
            )
            | None => (),
        }
        if is_sliced {
            self.operate(0, Action::ResumeSlice(of_slice(Patch::Good, "all is calm")));
        }
    }
}

/// A rollout and a reason.
pub(super) fn because(patch: Patch, reason: &str) -> WithReason {
    WithReason { rollout: patch.rollout(), reason: reason.to_owned() }
}

/// The slice that operators halt by themselves: a zone.
fn of_slice(patch: Patch, reason: &str) -> OfSlice {
    let cut = Cut::one(Dimension::Zone, "zone-1".to_owned());
    OfSlice { rollout: patch.rollout(), cut, reason: reason.to_owned() }
}

fn promote(patch: Patch, how: Promote) -> Action {
    let rollout = patch.rollout();
    Action::PromoteRollout(PromoteRollout { rollout, how, from_tier: None, from_wave: None })
}

fn secret(tier: &str) -> Digest {
    let mut secret = [0; 32];
    for (byte, letter) in secret.iter_mut().zip(tier.bytes()) {
        *byte = letter;
    }
    Digest(secret)
}

/// From the first entry to both rollouts.
fn script(scenario: &Scenario) -> Result<Vec<Step>, String> {
    let policy_toml = scenario.policy();
    let policy = document::parse("policy", &policy_toml).map_err(|error| error.to_string())?;
    let mut script = vec![Step::Bare(Command::Bootstrap(bootstrap()?))];
    for tier in ["free", "paid"] {
        script.push(Step::Operate(Action::CreateToken(Box::new(CreateToken {
            token: tier.parse().map_err(|_| "a token's name".to_owned())?,
            tier: tier.parse().map_err(|_| "a tier's name".to_owned())?,
            max_hosts: 1_000,
            secret: secret(tier),
            expiry: Expiry::Never,
            scope: Scope::default(),
        }))));
    }
    let (first, second) = match scenario.first {
        Patch::Good => (Patch::Good, Patch::Bad),
        Patch::Bad => (Patch::Bad, Patch::Good),
    };
    for patch in [first, second] {
        let artifacts = Scenario::artifacts(patch);
        for node in 1..=3 {
            script.extend(artifacts.values().map(|artifact| {
                Step::Bare(Command::StoreBlob(StoreBlob {
                    node: NodeId(node),
                    digest: artifact.digest,
                    size: Scenario::artifact_bytes(),
                }))
            }));
        }
        script.push(Step::Operate(Action::PublishPatchSet(PublishPatchSet {
            version: patch.version(),
            notice: format!("LSN-{}", patch.name()),
            artifacts,
            fixes: Vec::new(),
        })));
        script.push(Step::Operate(Action::CreateRollout(Box::new(CreateRollout {
            rollout: patch.rollout(),
            version: patch.version(),
            policy: policy.clone(),
            policy_toml: policy_toml.clone(),
            start_at: scenario.meaning.start_at.map(|at| WallTime(EPOCH + at)),
        }))));
    }
    script.push(Step::Operate(Action::StartRollout(first.rollout())));
    if scenario.sabotage != Sabotage::NoEpochCheck {
        script.push(Step::Operate(Action::StartRollout(second.rollout())));
    }
    Ok(script)
}

fn bootstrap() -> Result<Bootstrap, String> {
    Ok(Bootstrap {
        cluster: "simulated".to_owned(),
        id: [7; 16],
        members: (1..=3).map(|id| (NodeId(id), format!("node-{id}:7400"))).collect(),
        ladder: tiers()?,
    })
}

/// The ladder.
pub(super) fn tiers() -> Result<Vec<TierSpec>, String> {
    let tier = |(name, sampled): (&str, bool)| {
        let name = name.parse().map_err(|_| "a tier's name".to_owned())?;
        Ok::<_, String>(TierSpec { name, sampled })
    };
    [("canary", true), ("free", false), ("paid", false)].into_iter().map(tier).collect()
}
