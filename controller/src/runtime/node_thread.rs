//! What does the node's thread do, round by round?
//!
//! A round takes what waits, steps the node once – one append and one sync for all of it – and lets
//! the queries look. The thread ends on the first fatal error: what a node could not write, it must
//! not talk about. A leader that sees that another would do better says so to the node ([`HandOver`]).

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tidegate_policies::time::WallTime;
use tokio::sync::{broadcast, mpsc, watch};

use super::beats::Noted;
use super::carrier::{Carrier, Stopwatch};
use super::clock::millis;
use super::hand_over::{HandOver, successor};
use super::inbox::{
    Inbox, MAX_QUEUED_OPERATORS, MAX_QUEUED_PEER_INPUTS, MAX_QUEUED_REQUESTS, Request, Work,
};
use super::pacing::{MachinePacer, Pace, RaftPacer};
use super::slow_disk::Slow;
use super::timed::Timed;
use super::{
    Beats, Clock, DiskGauge, DiskState, Handle, Outbound, Readings, RuntimeConfig, Stop, TurnedAway,
};
use crate::journal::{MAX_ENTRY_BYTES, PieceReader};
use crate::machine::cluster::Cluster;
use crate::machine::trial::RollCall;
use crate::machine::{Command, Tick};
use crate::node::{Answer, Fatal, Input, Node, NodeId, Room};

/// Applied entries that a slow subscriber may lag behind before it loses some.
const SUBSCRIPTION_ENTRIES: usize = 8_192;
/// Most hosts of each kind in one tick; fewer where they would exceed [`MAX_ENTRY_BYTES`].
const MAX_TICK_HOSTS: usize = 8_192;

/// Everything that lives on the node's thread.
pub(super) struct NodeThread {
    id: NodeId,
    node: Node<Timed>,
    inbox: Inbox,
    carrier: Carrier,
    clock: Clock,
    raft_pacer: RaftPacer,
    machine_pacer: MachinePacer,
    beats: Arc<Beats>,
    /// Whom it hears of those that hosts in flight are compared with.
    roll_call: RollCall,
    readings: Arc<Readings>,
    hand_over: HandOver,
    /// Who should lead instead, for the next round.
    hand_to: Option<NodeId>,
    disk: DiskGauge,
    /// What the node was last told of the disk.
    room: Room,
    cluster: watch::Sender<Option<Arc<Cluster>>>,
    applied: watch::Sender<u64>,
    stopped: watch::Sender<Option<Stop>>,
}

/// What was taken before the node had the journal: what that knows of itself, and the clock beside it.
pub(super) struct Kept {
    pub(super) incarnation: [u8; 16],
    pub(super) pieces: PieceReader,
    pub(super) clock: Clock,
}

/// Whether another round follows.
enum Next {
    Round,
    Stop(Stop),
}

impl NodeThread {
    /// The thread's state, and the handle that reaches it.
    pub(super) fn new(
        node: Node<Timed>,
        kept: Kept,
        config: &RuntimeConfig,
        outbound: Outbound,
    ) -> (Handle, Self) {
        let (peer_sender, peer_inputs) = mpsc::channel(MAX_QUEUED_PEER_INPUTS);
        let (operator_sender, operators) = mpsc::channel(MAX_QUEUED_OPERATORS);
        let (request_sender, requests) = mpsc::channel(MAX_QUEUED_REQUESTS);
        let (entries, _) = broadcast::channel(SUBSCRIPTION_ENTRIES);
        let (leadership, leadership_seen) = watch::channel(node.leadership());
        let (cluster, cluster_seen) = watch::channel(None);
        let (applied, applied_seen) = watch::channel(0);
        let (stopped, stopped_seen) = watch::channel(None);
        let beats = Arc::new(Beats::default());
        let (clock, meters) = (kept.clock, config.meters.clone());
        let readings = Arc::new(Readings::new(clock));
        let carrier = Carrier::new(
            outbound,
            entries,
            leadership,
            Stopwatch { clock, meters: meters.clone() },
        );
        let handle = Handle {
            id: config.id,
            incarnation: kept.incarnation,
            pieces: kept.pieces,
            peer_inputs: peer_sender,
            operators: operator_sender,
            requests: request_sender,
            entries: carrier.entries.downgrade(),
            leadership: leadership_seen,
            replaced: carrier.replaced.subscribe(),
            tap: Arc::clone(&carrier.tap),
            cluster: cluster_seen,
            applied: applied_seen,
            stopped: stopped_seen,
            beats: Arc::clone(&beats),
            readings: Arc::clone(&readings),
            disk: config.disk.clone(),
            clock,
            meters,
        };
        let thread = Self {
            id: config.id,
            node,
            inbox: Inbox { peer_inputs, operators, requests },
            carrier,
            clock,
            raft_pacer: RaftPacer::new(config.raft_tick, clock.monotonic()),
            machine_pacer: MachinePacer::new(config.machine_tick),
            beats,
            roll_call: RollCall::default(),
            readings,
            hand_over: HandOver::default(),
            hand_to: None,
            disk: config.disk.clone(),
            room: Room::default(),
            cluster,
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
                Ok(Next::Stop(stop)) => break stop,
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
        let (mut looks, mut readers) = (Vec::new(), Vec::new());
        let mut next = Next::Round;
        for request in work.requests {
            match request {
                Request::Propose { command, reply, asked } => {
                    let ticket = self.carrier.ticket_for(reply, asked);
                    inputs.push(Input::Propose { ticket, command });
                }
                Request::Read(reader) => readers.push(reader),
                Request::Transfer(to) => inputs.push(Input::TransferLeader { to }),
                Request::See { index, see } => self.carrier.see(index, see, self.node.machine()),
                Request::Look(look) => looks.push(look),
                // It knows, and lingers for those who do not.
                Request::Stop(Stop::TurnedAway(TurnedAway::Removed)) if self.node.has_left() => (),
                Request::Stop(stop) => next = Next::Stop(stop),
            }
        }
        if !readers.is_empty() {
            let ticket = self.carrier.ticket_for_readers(readers);
            inputs.push(Input::Read { ticket });
        }
        inputs.extend(self.hand_to.take().map(|to| Input::TransferLeader { to }));
        inputs.extend(self.room_changed());
        // Last, so that a heartbeat that waited counts before patience runs out.
        inputs.extend((0..self.raft_pacer.due(now)).map(|_| Input::Tick));
        inputs.extend(self.machine_tick(now));
        self.step(inputs)?;
        self.note_tick_answer();
        self.note_leadership();
        self.note_applied();
        for look in looks {
            look(&self.node);
        }
        Ok(next)
    }

    /// Steps the node, and looks how long its writes take.
    fn step(&mut self, inputs: Vec<Input>) -> Result<(), Fatal> {
        let (syncs, began) = (self.node.syncs(), self.clock.monotonic());
        self.node.step(inputs, &mut self.carrier)?;
        if self.node.syncs() != syncs {
            let now = self.clock.monotonic();
            self.hand_over.disk.note(now, now.saturating_sub(began));
            self.yield_slow_disk(now);
        }
        Ok(())
    }

    /// Has another node lead where this one's disk is too slow for it.
    fn yield_slow_disk(&mut self, now: Duration) {
        if !self.node.leads() || !self.hand_over.is_rested(now) {
            return;
        }
        let Some(slow) = self.hand_over.disk.judge(now) else { return };
        self.hand_over.tried(now);
        self.hand_to = successor(&self.node.status(), |_| true);
        let to = self.hand_to.map(|to| to.0);
        let Slow { writes, slow, longest } = slow;
        let longest_ms = millis(longest);
        tracing::warn!(to, writes, slow, longest_ms, "leadership.disk_slow");
    }

    /// Has another node lead where this one's clock is too wrong for it.
    fn yield_clock(&mut self, now: Duration, readings: &BTreeMap<NodeId, WallTime>) {
        let Some(off) = self.hand_over.clock.compare(self.id, readings) else { return };
        if !self.hand_over.is_rested(now) {
            return;
        }
        self.hand_over.tried(now);
        self.hand_to = successor(&self.node.status(), |node| off.agreeing.contains(&node));
        let to = self.hand_to.map(|to| to.0);
        let (own_ms, median_ms) = (off.own.0, off.median.0);
        tracing::warn!(to, own_ms, median_ms, "leadership.clock_off");
    }

    /// Tells the node whether the disk has room for checkpoints, where that changed.
    fn room_changed(&mut self) -> Option<Input> {
        let room = match self.disk.state() {
            DiskState::Fine | DiskState::Low | DiskState::Scarce => Room::Enough,
            DiskState::Critical => Room::Scarce,
        };
        let before = std::mem::replace(&mut self.room, room);
        (before != room).then_some(Input::Room(room))
    }

    /// Tells what was applied, and who the members are since.
    fn note_applied(&self) {
        let applied = self.node.applied();
        if *self.applied.borrow() == applied {
            return;
        }
        let cluster = self.node.machine().cluster();
        self.cluster.send_if_modified(|seen| {
            let is_news = seen.as_deref() != cluster;
            if is_news {
                *seen = cluster.cloned().map(Arc::new);
            }
            is_news
        });
        self.applied.send_replace(applied);
    }

    /// The machine's next tick, where it is due.
    fn machine_tick(&mut self, now: Duration) -> Option<Input> {
        let pace = if self.node.machine().is_live() { Pace::Live } else { Pace::Idle };
        let step = self.machine_pacer.due(now, pace)?;
        let wall = self.clock.wall();
        let mut readings = self.readings.fresh(now);
        readings.insert(self.id, wall);
        self.yield_clock(now, &readings);
        let machine = self.node.machine();
        let elapsed = machine.clock().elapsed_after(step);
        self.beats.sift(|&host| self.roll_call.hear(machine, elapsed, host));
        let missed = self.roll_call.missed(machine, elapsed, MAX_TICK_HOSTS);
        let mut limit = MAX_TICK_HOSTS;
        loop {
            let (noted, more) = self.beats.take(limit);
            let Noted { heard, asking } = &noted;
            let (heard, asking) =
                (heard.iter().copied().collect(), asking.iter().copied().collect());
            let readings = readings.clone();
            let missed = missed.iter().copied().take(limit).collect();
            let command = Command::Tick(Tick { step, wall, heard, asking, readings, missed });
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
            Answer::NotLeader { .. }
            | Answer::Unknown
            | Answer::TooLarge { .. }
            | Answer::Busy
            | Answer::Readable { .. }
            | Answer::ChangePending
            | Answer::WouldLoseQuorum { .. }
            | Answer::LeaderMustMove
            | Answer::NotCaughtUp { .. }
            | Answer::NeedsVersion { .. } => {
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
            self.roll_call = RollCall::default();
            self.hand_over.begin_term();
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
