//! How does one run go? A machine, hosts, and a queue, from one seed; the time is virtual.

use std::collections::BTreeMap;

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::gate::GateName;
use tidegate_proto::v1;

use super::chance::Chance;
use super::controllers::Controllers;
use super::fleet::Fleet;
use super::host::Host;
use super::outcome::{Course, End, Outcome, Sample};
use super::promises::Promises;
use super::queue::{Happening, Queue};
use super::scenario::Scenario;
use super::turns::Turns;
use crate::api::explain;
use crate::machine::event::Event;
use crate::machine::grants::Phase;
use crate::machine::ids::GrantId;
use crate::machine::patch_sets::Halt;
use crate::machine::records::rollout_subject;
use crate::machine::rollouts::Reached;
use crate::machine::trial::TrialMove;
use crate::machine::{Applied, Command};

/// What a run is about: the same for all seeds.
#[derive(Debug)]
pub(super) struct Scene {
    /// The scenario.
    pub scenario: Scenario,
    /// Its fleet, enrolled.
    pub fleet: Fleet,
}

/// Which beats are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beats {
    /// Those that change something.
    ThatMatter,
    /// All of them, and a tick every second.
    All,
}

/// What is kept of a run besides its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing.
    Nothing,
    /// Its decisions, and how the numbers went.
    TheCourse,
}

/// One run under way.
#[derive(Debug)]
pub(super) struct World<'s> {
    pub(super) scene: &'s Scene,
    pub(super) seed: u64,
    pub(super) beats: Beats,
    pub(super) now: u64,
    /// When the rollout started.
    pub(super) start: u64,
    pub(super) queue: Queue,
    pub(super) controllers: Controllers,
    pub(super) turns: Turns,
    pub(super) hosts: Vec<Host>,
    /// Hosts that were down or cut off and may be yet, while somebody waits to hear them, and when they last
    /// were.
    pub(super) away: BTreeMap<usize, u64>,
    pub(super) luck: Chance,
    /// Which host has which grant; they are numbered from the first one of the run.
    pub(super) grants: Vec<usize>,
    pub(super) first_grant: u64,
    /// How many times as often hosts fail by themselves now.
    pub(super) times: u64,
    /// Counts the plans of what happens to hosts by itself: only the newest is good.
    pub(super) plan: u64,
    /// What each mishap that is on has hit.
    pub(super) hit: Vec<Vec<usize>>,
    pub(super) outcome: Outcome,
    pub(super) course: Option<Course>,
    pub(super) promises: Promises,
    pub(super) end: Option<End>,
    /// A person was called and finds no fault.
    pub(super) clears: bool,
}

/// What the run's own chance is drawn for.
const LUCK: u64 = 0x4C55_434B;
/// How far apart samples of a run are, in milliseconds.
const SAMPLED: u64 = 300_000;

impl World<'_> {
    /// Plays until the rollout ends, or is given up.
    pub(super) fn play(&mut self) {
        self.begin();
        self.play_on();
    }

    /// Plays on from its beginning.
    pub(super) fn play_on(&mut self) {
        let give_up = self.scene.scenario.give_up_after.0;
        while self.end.is_none() {
            let tick = self.next_tick();
            let event = self.queue.next_at();
            if tick.min(event.unwrap_or(u64::MAX)) > self.start + give_up {
                self.give_up();
                break;
            }
            if event.is_none_or(|event| tick <= event) {
                self.now = self.now.max(tick);
                self.tick(tick);
            } else if let Some((at, what)) = self.queue.pop() {
                self.now = at;
                self.happens(what);
            }
            self.approve();
            self.look();
            self.sample();
        }
    }

    fn happens(&mut self, what: Happening) {
        match what {
            Happening::Beats(n) => self.beat_with_an_offer(n),
            Happening::Wakes(n, due) => self.wake(n, due),
            Happening::Fetched(n, call, artifact) => self.fetched(n, call, &artifact),
            Happening::TransitionOver(n, grant) => self.transition_over(n, grant),
            Happening::Bites(n, boot) => self.bites(n, boot),
            Happening::Lies(n, boot) => self.lies(n, boot),
            Happening::LastBeat(n) => self.last_beat(n),
            Happening::PowerOn(n) => self.power_on(n),
            Happening::Back(n) => self.back(n),
            Happening::ByItself(plan, n, fate) => self.by_itself(plan, n, fate),
            Happening::Foreshadowed(nth) => self.foreshadowed(nth),
            Happening::Begins(nth) => self.mishap_begins(nth),
            Happening::Ends(nth) => self.mishap_ends(nth),
        }
    }

    /// Has a command applied, on the time that has come.
    pub(super) fn propose(&mut self, command: &Command) -> Applied {
        self.catch_up();
        let applied = self.controllers.apply(command);
        self.learn(&applied.events);
        applied
    }

    /// Looks at what a command or a tick has done.
    pub(super) fn learn(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::GrantOffered(grant) => self.offered(grant.id, grant.host),
                Event::WaveStarted { place, .. } => {
                    self.wave_started(*place);
                    self.turns.start_wave(*place);
                    self.hear_sentinels();
                }
                Event::RolloutCompleted { .. } => {
                    self.outcome.to_full = Some(self.now - self.start);
                    self.end = Some(End::Completed);
                    self.completed();
                }
                Event::SliceHalted { slice, .. } => {
                    self.note_halt(&slice.halt);
                    self.outcome.slices.push(slice.cut.to_string());
                }
                // A person who finds no fault halts, to acknowledge what was seen and go on.
                Event::Halted { .. } if self.clears => (),
                Event::Halted { halt, .. } => {
                    self.note_halt(halt);
                    let gates = halt.gates.iter().map(|gate| gate.name.as_str().to_owned());
                    self.outcome.halted_by = gates.collect();
                    self.outcome.by_person = self.outcome.halted_by.is_empty();
                    self.end = Some(End::Halted);
                }
                Event::VerdictReached { reached, .. } => self.judged(reached),
                // Whoever counts as silent is waited for no more.
                Event::Trial { moved: TrialMove::Failed { host, .. }, .. } => {
                    self.scene.fleet.place_of(*host).map(|n| self.away.remove(&n));
                }
                Event::GrantMoved { grant, to: Phase::Begun(_), .. } => self.begun(*grant),
                Event::GrantMoved { grant, to: Phase::Failed { .. }, .. } => {
                    self.host_of(*grant).map(|n| self.away.remove(&n));
                }
                Event::ClusterBootstrapped(_)
                | Event::Cluster(_)
                | Event::Calendar(_)
                | Event::People(_)
                | Event::ClockAdvanced(_)
                | Event::BlobStored(_)
                | Event::TokenCreated { .. }
                | Event::Entitlement(_)
                | Event::Incident(_)
                | Event::Block(_)
                | Event::Webhook(_)
                | Event::HostEnrolled(_)
                | Event::HostChanged { .. }
                | Event::GoodbyeSaid { .. }
                | Event::ReportCounted { .. }
                | Event::PatchSetPublished { .. }
                | Event::RolloutCreated { .. }
                | Event::RolloutStarted { .. }
                | Event::RolloutPaused { .. }
                | Event::RolloutResumed { .. }
                | Event::SliceResumed { .. }
                | Event::WaveApproved { .. }
                | Event::Withdrawal(_)
                | Event::Trial { .. }
                | Event::HoldMoved { .. }
                | Event::GrantMoved { .. } => (),
            }
        }
    }

    /// How much was exposed at the first halt, and how long it took.
    fn note_halt(&mut self, halt: &Halt) {
        let took = self.now - self.start - self.outcome.first_harm.unwrap_or(0);
        self.outcome.exposed_at_halt.get_or_insert_with(|| halt.counts.exposed());
        self.outcome.to_halt.get_or_insert(took);
    }

    fn judged(&mut self, reached: &Reached) {
        let holds = reached.verdict.kind == VerdictKind::Hold;
        let held = std::mem::replace(&mut self.outcome.held, holds);
        if holds && !held {
            self.outcome.holds += 1;
        }
        let waits = reached.verdict.waiting_on().map(|gate| gate.name);
        self.outcome.approval_due = waits == Some(GateName::Approval);
    }

    fn offered(&mut self, grant: GrantId, host: crate::machine::ids::HostId) {
        let Some(n) = self.scene.fleet.place_of(host) else { return };
        if self.grants.is_empty() {
            self.first_grant = grant.0;
        }
        self.grants.push(n);
        self.turns.serve(n);
        let soon = self.luck.between(200, 1_000);
        self.queue.put(self.now + soon, Happening::Beats(n));
    }

    /// The host of a grant of this run.
    pub(super) fn host_of(&self, grant: GrantId) -> Option<usize> {
        let nth = usize::try_from(grant.0.checked_sub(self.first_grant)?).ok()?;
        self.grants.get(nth).copied()
    }

    /// Notes how the numbers are, every few minutes.
    fn sample(&mut self) {
        let Some(course) = &mut self.course else { return };
        if self.end.is_none()
            && course.samples.last().is_some_and(|last| self.now < self.start + last.at + SAMPLED)
        {
            return;
        }
        let Some(rollout) = self.controllers.rollout() else { return };
        let counts = rollout.counts;
        course.samples.push(Sample {
            at: self.now - self.start,
            in_flight: counts.in_flight,
            verified: counts.verified,
            gone_wrong: counts.all_failures(),
            harmed: self.outcome.harmed,
        });
    }

    fn give_up(&mut self) {
        self.end = Some(if self.outcome.held { End::Held } else { End::WentOn });
    }

    /// What came out.
    pub(super) fn finish(mut self) -> (Outcome, Option<Course>) {
        self.outcome.end = self.end.unwrap_or(End::WentOn);
        let machine = &self.controllers.machine;
        let subject = rollout_subject(self.controllers.rollout.as_str());
        if let Some(course) = &mut self.course {
            course.records = machine.records().on(&subject).collect();
            course.records.reverse();
            let of = machine.rollouts().get(&self.controllers.rollout);
            let explained = of.and_then(|of| explain::rollout(machine, of, "").ok());
            // The timeline has the records.
            course.explained =
                explained.map(|of| v1::ExplainRolloutResponse { records: Vec::new(), ..of });
        }
        (self.outcome, self.course)
    }

    /// A run of `scene` from this seed, before its first moment.
    pub(super) fn new<'s>(scene: &'s Scene, seed: u64, beats: Beats, keep: Keep) -> World<'s> {
        let policy = &scene.scenario.policy.policy;
        let version = super::opening::version(seed);
        let beat = policy.timing.beat;
        let machine = scene.fleet.machine.clone();
        let hosts = scene.fleet.members.iter().map(|_| Host::new()).collect();
        World {
            scene,
            seed,
            beats,
            now: 0,
            start: 0,
            queue: Queue::default(),
            controllers: Controllers::new(machine, version, beat),
            turns: Turns::new(&scene.fleet, beat, seed),
            hosts,
            away: BTreeMap::new(),
            luck: Chance::new(seed, LUCK),
            grants: Vec::new(),
            first_grant: 0,
            times: 1,
            plan: 0,
            hit: vec![Vec::new(); scene.scenario.mishaps.len()],
            outcome: Outcome::of_seed(seed),
            course: (keep == Keep::TheCourse).then(Course::default),
            promises: Promises::of(&scene.scenario),
            end: None,
            clears: false,
        }
    }
}
