//! The agent: one step for each input, then whatever has become due.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_proto::v1::GoodbyeKind;
use tidegate_proto::v1::host_report::Body;

use crate::core::beats::Beats;
use crate::core::calls::Calls;
use crate::core::history::History;
use crate::core::input::{Boot, Input, Observation, Setup};
use crate::core::life::{ApplyStep, AskStep, FetchStep, Life, SoakWord};
use crate::core::memory::{Departure, PatchSetMemory};
use crate::core::outbox::Outbox;
use crate::core::output::Output;
use crate::core::reverting::Told;
use crate::core::{AgentConfig, BootTime, Chance, limits};

/// Grants that are over and remembered by number, so that a late offer of one is passed over.
const GRANTS_REMEMBERED: usize = 64;

/// One host's agent.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: AgentConfig,
    pub(crate) chance: Chance,
    pub(crate) boot: Boot,
    pub(crate) memory: BTreeMap<String, PatchSetMemory>,
    pub(crate) over: BTreeSet<u64>,
    pub(crate) history: History,
    pub(crate) outbox: Outbox,
    /// The report that says that this agent started.
    pub(crate) started: u64,
    pub(crate) calls: Calls,
    pub(crate) beats: Beats,
    pub(crate) life: Life,
    pub(crate) look: Look,
    /// An order to revert that waits for a look at the kernel.
    pub(crate) ordered: Option<Told>,
    pub(crate) departure: Departure,
    wake: Option<BootTime>,
}

/// Whether somebody looks at the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    NotWanted,
    Wanted,
    Outstanding,
}

impl Agent {
    /// Starts an agent: the start report is spooled, and a grant that was live in this boot is
    /// taken up again. No clock is read: `now` is the time.
    #[must_use]
    pub fn start(now: BootTime, setup: Setup, out: &mut Vec<Output>) -> Self {
        let Setup { config, seed, mut boot, restored } = setup;
        boot.facts = limits::facts(&boot.facts);
        boot.evidence = boot.evidence.as_ref().map(limits::evidence);
        let mut chance = Chance::new(seed);
        let first_beat = now + chance.jitter(config.start_jitter);
        let mut agent = Self {
            chance,
            boot,
            memory: restored.memory,
            over: BTreeSet::new(),
            history: History::new(restored.heard, config.checks_history()),
            outbox: Outbox::new(
                restored.spool_id,
                restored.next_sequence,
                restored.unacknowledged,
                now,
            ),
            started: 0,
            calls: Calls::default(),
            beats: Beats::new(first_beat),
            life: Life::Idle,
            look: Look::NotWanted,
            ordered: None,
            departure: Departure::Unannounced,
            wake: None,
            config,
        };
        agent.report_start(now, restored.marker, out);
        agent.settle(now, out);
        agent
    }

    /// Takes one input that came at `now`, and appends what is to be done.
    pub fn step(&mut self, now: BootTime, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Wake => {}
            Input::SyncAnswered { call, result } => self.sync_answered(now, call, result, out),
            Input::BeginAnswered { call, result } => self.begin_answered(now, call, result, out),
            Input::ReportAnswered { call, result } => self.report_answered(now, call, result, out),
            Input::ArtifactFetched { call, result } => self.fetched(now, call, result, out),
            Input::Driver { grant_id, event } => self.driver_said(now, grant_id, event, out),
            Input::Observed(observation) => self.observed(now, observation, out),
            Input::ShutdownRequested(kind) => self.say_goodbye(now, kind, out),
        }
        self.settle(now, out);
    }

    /// How many reports no controller has acknowledged yet.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }

    /// Does whatever is due at `now`, and asks to be woken for the next thing.
    fn settle(&mut self, now: BootTime, out: &mut Vec<Output>) {
        self.expire_calls(now, out);
        self.drive_fetch(now, out);
        self.drive_asking(now, out);
        self.drive_reports(now, out);
        self.drive_beats(now, out);
        self.drive_look(now, out);
        let next = self.next_wake();
        if self.wake != Some(next) {
            self.wake = Some(next);
            out.push(Output::WakeAt(next));
        }
    }

    fn next_wake(&self) -> BootTime {
        let life = match &self.life {
            Life::Idle => None,
            Life::Fetching(fetching) => Some(match fetching.step {
                FetchStep::Waiting { until } => until.min(fetching.offer.expires_at),
                FetchStep::InFlight(outstanding) => outstanding.deadline,
            }),
            Life::Asking(asking) => match &asking.step {
                AskStep::InFlight { outstanding, .. } => Some(outstanding.deadline),
                AskStep::Waiting { until } if self.start_is_known() => {
                    Some((*until).min(asking.offer.expires_at))
                }
                AskStep::Waiting { .. } => Some(asking.offer.expires_at),
            },
            Life::Applying(applying) => match applying.step {
                ApplyStep::Inserting { until } => Some(until),
                ApplyStep::Stuck | ApplyStep::InTransition | ApplyStep::Kept => None,
            },
            Life::Soaking(_) | Life::Reverting(_) => None,
        };
        [life, self.outbox.next_wake(), self.next_look()]
            .into_iter()
            .flatten()
            .fold(self.beats.next_wake(), BootTime::min)
    }

    /// When the kernel has to be looked at next; nothing while somebody looks.
    pub(crate) fn next_look(&self) -> Option<BootTime> {
        let seen_at = self.boot.observation.at;
        let watch = seen_at + self.config.watch_interval;
        match (&self.look, &self.life) {
            (Look::Outstanding, _) => None,
            (Look::Wanted, _) => Some(seen_at),
            (
                Look::NotWanted,
                Life::Idle | Life::Fetching(_) | Life::Asking(_) | Life::Reverting(_),
            ) => None,
            (Look::NotWanted, Life::Applying(applying)) => match applying.step {
                ApplyStep::Inserting { .. } => None,
                ApplyStep::Stuck | ApplyStep::InTransition | ApplyStep::Kept => Some(watch),
            },
            (Look::NotWanted, Life::Soaking(soaking)) => {
                let check = soaking.marker.plan.health_checks.get(soaking.next_check);
                let check = check.map(|offset| soaking.since + *offset);
                let word = match soaking.word {
                    SoakWord::Due(due) => Some(due),
                    SoakWord::Given { .. } => None,
                };
                let due = [check, word].into_iter().flatten().fold(watch, BootTime::min);
                Some(due.max(seen_at + self.config.shortest_interval))
            }
        }
    }

    fn drive_look(&mut self, now: BootTime, out: &mut Vec<Output>) {
        if self.next_look().is_some_and(|due| now >= due) {
            self.look = Look::Outstanding;
            out.push(Output::Observe);
        }
    }

    fn observed(&mut self, now: BootTime, observation: Observation, out: &mut Vec<Output>) {
        self.look = Look::NotWanted;
        self.boot.observation = observation;
        self.judge_kernel(now, out);
        self.obey_order(now, out);
    }

    /// The host goes down on purpose: it says so, and begins nothing any more.
    fn say_goodbye(&mut self, now: BootTime, kind: GoodbyeKind, out: &mut Vec<Output>) {
        if self.departure == Departure::Announced {
            return;
        }
        self.departure = Departure::Announced;
        self.withdraw(now, "the host goes down", out);
        if let Some(marker) = self.life.marker_mut() {
            marker.departure = Departure::Announced;
            out.push(Output::WriteMarker(Box::new(marker.clone())));
        }
        self.spool(now, Body::Goodbye(tidegate_proto::v1::Goodbye { kind: kind.into() }), out);
    }

    /// Remembers that nothing more is to be done for a grant.
    pub(crate) fn grant_over(&mut self, grant_id: u64) {
        self.over.insert(grant_id);
        if self.over.len() > GRANTS_REMEMBERED {
            self.over.pop_first();
        }
    }
}
