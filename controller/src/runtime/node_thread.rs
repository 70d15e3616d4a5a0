//! What does the node's thread do, round by round?
//!
//! A round takes what waits, steps the node once – one append and one sync for all of it – and lets
//! the queries look. The thread ends on the first fatal error: what a node could not write, it must
//! not talk about.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

use super::beats::Noted;
use super::carrier::Carrier;
use super::inbox::{
    Inbox, MAX_QUEUED_OPERATORS, MAX_QUEUED_PEER_INPUTS, MAX_QUEUED_REQUESTS, Request, Work,
};
use super::pacing::{MachinePacer, Pace, RaftPacer};
use super::{Beats, Clock, Handle, Outbound, RuntimeConfig, Stop};
use crate::journal::{MAX_ENTRY_BYTES, SledJournal};
use crate::machine::{Command, Tick};
use crate::node::{Answer, Fatal, Input, Node};

/// Applied entries that a slow subscriber may lag behind before it loses some.
const SUBSCRIPTION_ENTRIES: usize = 8_192;
/// Most hosts of each kind in one tick; fewer where they would exceed [`MAX_ENTRY_BYTES`].
const MAX_TICK_HOSTS: usize = 8_192;

/// Everything that lives on the node's thread.
pub(super) struct NodeThread {
    node: Node<SledJournal>,
    inbox: Inbox,
    carrier: Carrier,
    clock: Clock,
    raft_pacer: RaftPacer,
    machine_pacer: MachinePacer,
    beats: Arc<Beats>,
    applied: watch::Sender<u64>,
    stopped: watch::Sender<Option<Stop>>,
}

/// Whether another round follows.
enum Next {
    Round,
    Stop,
}

impl NodeThread {
    /// The thread's state, and the handle that reaches it.
    pub(super) fn new(
        node: Node<SledJournal>,
        config: &RuntimeConfig,
        outbound: Outbound,
    ) -> (Handle, Self) {
        let (peer_sender, peer_inputs) = mpsc::channel(MAX_QUEUED_PEER_INPUTS);
        let (operator_sender, operators) = mpsc::channel(MAX_QUEUED_OPERATORS);
        let (request_sender, requests) = mpsc::channel(MAX_QUEUED_REQUESTS);
        let (entries, _) = broadcast::channel(SUBSCRIPTION_ENTRIES);
        let (leadership, leadership_seen) = watch::channel(node.leadership());
        let (applied, applied_seen) = watch::channel(0);
        let (stopped, stopped_seen) = watch::channel(None);
        let beats = Arc::new(Beats::default());
        let clock = Clock::start();
        let handle = Handle {
            id: config.id,
            peer_inputs: peer_sender,
            operators: operator_sender,
            requests: request_sender,
            entries: entries.downgrade(),
            leadership: leadership_seen,
            applied: applied_seen,
            stopped: stopped_seen,
            beats: Arc::clone(&beats),
        };
        let thread = Self {
            node,
            inbox: Inbox { peer_inputs, operators, requests },
            carrier: Carrier::new(outbound, entries, leadership),
            clock,
            raft_pacer: RaftPacer::new(config.raft_tick, clock.monotonic()),
            machine_pacer: MachinePacer::new(config.machine_tick),
            beats,
            applied,
            stopped,
        };
        (handle, thread)
    }

    /// Works until it is told to stop, or must.
    pub(super) fn run(mut self, timers: &tokio::runtime::Runtime) {
        let mut work = Work::default(); // The first round replays the log.
        let stop = loop {
            match self.round(work) {
                Ok(Next::Round) => (),
                Ok(Next::Stop) => break Stop::Asked,
                Err(fatal) => {
                    tracing::error!(error = chain(&fatal), "the node stops");
                    break Stop::Fatal(Arc::new(fatal));
                }
            }
            let wait = self.raft_pacer.wait(self.clock.monotonic());
            work = timers.block_on(self.inbox.next_round(wait));
        };
        // Whoever learns that the node stopped may open its journal, and finds its queues closed.
        let Self { inbox, carrier, node, stopped, .. } = self;
        drop((inbox, carrier, node));
        stopped.send_replace(Some(stop));
    }

    fn round(&mut self, work: Work) -> Result<Next, Fatal> {
        let now = self.clock.monotonic();
        let mut inputs = work.peer_inputs;
        let mut looks = Vec::new();
        let mut next = Next::Round;
        for request in work.requests {
            match request {
                Request::Propose { command, reply } => {
                    let ticket = self.carrier.ticket_for(reply);
                    inputs.push(Input::Propose { ticket, command });
                }
                Request::Look(look) => looks.push(look),
                Request::Stop => next = Next::Stop,
            }
        }
        // Last, so that a heartbeat that waited counts before patience runs out.
        inputs.extend((0..self.raft_pacer.due(now)).map(|_| Input::Tick));
        inputs.extend(self.machine_tick(now));
        self.node.step(inputs, &mut self.carrier)?;
        self.note_tick_answer();
        self.note_leadership();
        let applied = self.node.applied();
        self.applied.send_if_modified(|seen| std::mem::replace(seen, applied) != applied);
        for look in looks {
            look(&self.node);
        }
        Ok(next)
    }

    /// The machine's next tick, where it is due.
    fn machine_tick(&mut self, now: Duration) -> Option<Input> {
        let pace = if self.node.machine().is_live() { Pace::Live } else { Pace::Idle };
        let step = self.machine_pacer.due(now, pace)?;
        let wall = self.clock.wall();
        let mut limit = MAX_TICK_HOSTS;
        loop {
            let (noted, more) = self.beats.take(limit);
            let Noted { heard, asking } = &noted;
            let (heard, asking) =
                (heard.iter().copied().collect(), asking.iter().copied().collect());
            let command = Command::Tick(Tick { step, wall, heard, asking, ..Tick::default() });
            if command.encode().len() > MAX_ENTRY_BYTES && limit > 1 {
                self.beats.put_back(noted);
                limit /= 2;
                continue;
            }
            self.machine_pacer.proposed(now, noted, more);
            let ticket = self.carrier.ticket_for_tick();
            return Some(Input::Propose { ticket, command });
        }
    }

    fn note_tick_answer(&mut self) {
        let Some(answer) = self.carrier.take_tick_answer() else { return };
        match answer {
            Answer::Applied { .. } => self.machine_pacer.settled(),
            Answer::NotLeader { .. } | Answer::Unknown | Answer::TooLarge { .. } | Answer::Busy => {
                if let Some(noted) = self.machine_pacer.refused() {
                    self.beats.put_back(noted);
                }
            }
        }
    }

    fn note_leadership(&mut self) {
        let leading = self.node.leads().then(|| self.node.leadership().term);
        if self.machine_pacer.lead(leading) {
            self.beats.clear();
        }
    }
}

/// An error with its causes, outermost first.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
