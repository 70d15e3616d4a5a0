//! How does the rest of the process speak to the node?

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::carrier::settled;
use super::disk::may_pass;
use super::inbox::{Reply, Request};
use super::tap::Tap;
use super::timed::Timed;
use super::{
    Beats, Clock, DiskGauge, ProposeError, QueryError, Readings, Stopped, TurnedAway, WaitError,
};
use crate::journal::{MAX_ENTRY_BYTES, PieceReader, Violation};
use crate::machine::cluster::Cluster;
use crate::machine::event::Event;
use crate::machine::touched::Touched;
use crate::machine::{Command, Machine, Outcome, Position};
use crate::meters::{Meters, Shed};
use crate::node::{Fatal, Input, Leadership, Node, NodeId, NodeStatus};

/// An entry that this node has applied.
#[derive(Clone, Debug)]
pub struct AppliedEntry {
    /// Its place in the log.
    pub position: Position,
    /// The command that it holds.
    pub command: Arc<Command>,
    /// What the machine answered.
    pub outcome: Outcome,
    /// What happened.
    pub events: Vec<Event>,
}

/// Why the node's thread ended.
#[derive(Clone, Debug)]
pub enum Stop {
    /// It was asked to, or its last handle was dropped.
    Asked,
    /// It could not go on; the process must stop too.
    Fatal(Arc<Fatal>),
    /// What it stored is damaged; the process must stop too.
    Damaged(Arc<Violation>),
    /// The others will never let it in again as it is; the process must stop too.
    TurnedAway(TurnedAway),
    /// It broke one of its own assertions; the process must stop too.
    Panicked,
}

/// Reaches one replica. Clones reach the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) id: NodeId,
    pub(super) incarnation: [u8; 16],
    pub(super) pieces: PieceReader,
    pub(super) peer_inputs: mpsc::Sender<Input>,
    /// What operators ask for; agents cannot fill it.
    pub(super) operators: mpsc::Sender<Request>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) entries: broadcast::WeakSender<Arc<AppliedEntry>>,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) replaced: watch::Receiver<u64>,
    pub(super) tap: Arc<Tap>,
    pub(super) cluster: watch::Receiver<Option<Arc<Cluster>>>,
    pub(super) applied: watch::Receiver<u64>,
    pub(super) stopped: watch::Receiver<Option<Stop>>,
    pub(super) beats: Arc<Beats>,
    pub(super) readings: Arc<Readings>,
    pub(super) disk: DiskGauge,
    pub(super) clock: Clock,
    pub(super) meters: Meters,
}

impl Handle {
    /// The node that this handle reaches.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Has `command` replicated and applied, and answers what the machine made of it. When it
    /// returns, a [`Handle::query`] on this node sees the effect. What an operator asks for waits in
    /// a queue of its own, and each round takes it first.
    ///
    /// # Errors
    ///
    /// [`ProposeError`]; after `Unknown` alone the command may have an effect.
    pub async fn propose(&self, command: Command) -> Result<(Position, Outcome), ProposeError> {
        let (position, outcome, ()) = self.propose_and_look(command, |_| ()).await?;
        Ok((position, outcome))
    }

    /// Like [`Handle::propose`], and `look` sees the replicated state as it is right after the command.
    /// It runs on the node's thread: keep it short.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::propose`].
    pub async fn propose_and_look<T: Send + 'static>(
        &self,
        command: Command,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<(Position, Outcome, T), ProposeError> {
        self.check_disk(&command)?;
        let queue = match &command {
            Command::Operate(_) => &self.operators,
            #[cfg(feature = "next-version")]
            Command::NextProbe(_) => &self.requests,
            Command::Bootstrap(_)
            | Command::RegisterNode(_)
            | Command::VouchState(_)
            | Command::KnowOpenings(_)
            | Command::SettleNotifications(_)
            | Command::LeaveJoint
            | Command::Tick(_)
            | Command::StoreBlob(_)
            | Command::EnrollHost(_)
            | Command::BeginGrant(_)
            | Command::RecordReports(_) => &self.requests,
        };
        let (sender, answer) = oneshot::channel();
        let reply: Reply = Box::new(move |settled, machine| {
            let seen = settled.map(|(position, outcome)| (position, outcome, look(machine)));
            // Whoever asked may have gone; the command stands all the same.
            drop(sender.send(seen));
        });
        let asked = self.clock.monotonic();
        queue.try_send(Request::Propose { command, reply, asked }).map_err(
            |error| match error {
                TrySendError::Full(_) => {
                    self.meters.shed(Shed::Command);
                    ProposeError::Busy
                }
                TrySendError::Closed(_) => ProposeError::Stopped,
            },
        )?;
        // A node that stops on the way leaves the command's fate to the others.
        answer.await.unwrap_or(Err(ProposeError::Unknown))
    }

    /// Whether this node's disk has room for what follows from `command`.
    ///
    /// # Errors
    ///
    /// [`ProposeError::DiskLow`].
    pub fn check_disk(&self, command: &Command) -> Result<(), ProposeError> {
        let state = self.disk.state();
        if may_pass(command, state) { Ok(()) } else { Err(ProposeError::DiskLow { state }) }
    }

    /// Whether the leader would take `command` now, before the machine is asked, as far as this node can know.
    /// Who is there and who has caught up, the leader alone does: elsewhere a change of the members is answered
    /// with who leads.
    ///
    /// # Errors
    ///
    /// [`ProposeError`], as the command itself would get it.
    pub async fn check_taken(&self, command: &Command) -> Result<(), ProposeError> {
        self.check_disk(command)?;
        let bytes = command.encode().len();
        if bytes > MAX_ENTRY_BYTES {
            return Err(ProposeError::TooLarge { bytes });
        }
        let command = command.clone();
        let objection = self.look(move |node| match command.member_change() {
            Some(_) => node.objection(&command),
            None => node.too_new(&command),
        });
        let objection = objection.await.map_err(|Stopped| ProposeError::Stopped)?;
        objection.map_or(Ok(()), |answer| settled(answer).map(drop))
    }

    /// How full this node's disk is.
    pub fn disk(&self) -> &DiskGauge {
        &self.disk
    }

    /// Lets `look` see the replicated state as this node has it, between two rounds. It runs on the
    /// node's thread: keep it short.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn query<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.look(|node| look(node.machine())).await
    }

    /// Like [`Handle::query`], for callers who are many and come back by themselves, such as agents:
    /// while more than half of the queue is taken, it refuses at once instead of waiting.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub async fn query_or_shed<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        if self.requests.capacity() < self.requests.max_capacity() / 2 {
            self.meters.shed(Shed::Beat);
            return Err(QueryError::Shed);
        }
        let (request, answer) = looking(|node| look(node.machine()));
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.meters.shed(Shed::Beat);
                QueryError::Shed
            }
            TrySendError::Closed(_) => QueryError::Stopped(Stopped),
        })?;
        answer.await.map_err(|_| QueryError::Stopped(Stopped))
    }

    /// Lets `look` see the replicated state once this node has applied the entry at `index`. It runs on
    /// the node's thread: keep it short.
    ///
    /// # Errors
    ///
    /// [`WaitError`] after `timeout`, when too many wait already, or when the node stops.
    pub async fn look_after<T: Send + 'static>(
        &self,
        index: u64,
        timeout: Duration,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, WaitError> {
        let (sender, answer) = oneshot::channel();
        // Whoever asked may have gone.
        let see = Box::new(move |machine: &Machine| drop(sender.send(look(machine))));
        let stopped = |_| WaitError::Stopped(Stopped);
        self.requests.send(Request::See { index, see }).await.map_err(stopped)?;
        let waited = tokio::time::timeout(timeout, answer).await;
        match waited {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(_)) if self.stopped.borrow().is_some() => Err(WaitError::Stopped(Stopped)),
            Ok(Err(_)) | Err(_) => {
                Err(WaitError::TimedOut { index, applied: *self.applied.borrow() })
            }
        }
    }

    /// How the node is.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn status(&self) -> Result<NodeStatus, Stopped> {
        self.look(Node::status).await
    }

    /// Lets `look` see the replicated state and the node, with what was touched since the last such look.
    /// For one reader alone: whoever takes what was touched has it. It runs on the node's thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn gather<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Machine, &NodeStatus, &Touched) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let tap = Arc::clone(&self.tap);
        self.look(move |node| look(node.machine(), &node.status(), &tap.take())).await
    }

    /// Who leads, as far as this node knows; changes can be awaited.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Whether this node believes that it leads. Another may lead already in a later term.
    pub fn leads(&self) -> bool {
        self.leadership.borrow().leader == Some(self.id)
    }

    /// Who the members are, as far as this node has applied the log; `None` before the cluster was
    /// bootstrapped. Changes can be awaited.
    pub fn cluster(&self) -> watch::Receiver<Option<Arc<Cluster>>> {
        self.cluster.clone()
    }

    /// Changes whenever the state was replaced by a newer one as a whole: to the index of the last
    /// entry in it. What was applied in between never comes as an [`AppliedEntry`].
    pub fn replaced(&self) -> watch::Receiver<u64> {
        self.replaced.clone()
    }

    /// Gives the node pieces of a snapshot that it asked for. Dropped while too much waits; the node
    /// asks again.
    pub fn pieces_arrived(&self, pieces: Vec<Vec<u8>>) {
        drop(self.peer_inputs.try_send(Input::Pieces { pieces }));
    }

    /// Gives the node a peer's message. Dropped while too many wait; raft sends again.
    pub fn peer_message(&self, message: Vec<u8>) {
        drop(self.peer_inputs.try_send(Input::Peer(message)));
    }

    /// Tells the node that its last messages to `peer` were not delivered.
    pub fn unreachable(&self, peer: NodeId) {
        drop(self.peer_inputs.try_send(Input::Unreachable(peer)));
    }

    /// Every entry applied from now on, in order. Who reads too slowly loses the oldest, and is told
    /// how many.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub fn subscribe(&self) -> Result<broadcast::Receiver<Arc<AppliedEntry>>, Stopped> {
        Ok(self.entries.upgrade().ok_or(Stopped)?.subscribe())
    }

    /// The index of the last entry that is applied; changes can be awaited.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    /// Waits until this node has applied the entry at `index`, or more.
    ///
    /// # Errors
    ///
    /// [`WaitError`] after `timeout`, or when the node stops.
    pub async fn wait_applied(&self, index: u64, timeout: Duration) -> Result<(), WaitError> {
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|&applied| applied >= index);
        let waited = tokio::time::timeout(timeout, reached).await.map(|seen| seen.map(drop));
        match waited {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(WaitError::Stopped(Stopped)),
            Err(_) => Err(WaitError::TimedOut { index, applied: *self.applied.borrow() }),
        }
    }

    /// Where to note the hosts that were heard, for the next `Tick` that this node proposes. It is
    /// emptied whenever the node begins or ceases to lead.
    pub fn beats(&self) -> Arc<Beats> {
        Arc::clone(&self.beats)
    }

    /// Where this process notes what it does.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// The node's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Which data directory this node has.
    pub fn incarnation(&self) -> [u8; 16] {
        self.incarnation
    }

    /// Reads the pieces of the newest checkpoints, off the node's thread.
    pub fn pieces(&self) -> PieceReader {
        self.pieces.clone()
    }

    /// Where to note what the other nodes' wall clocks say.
    pub fn readings(&self) -> Arc<Readings> {
        Arc::clone(&self.readings)
    }

    /// Stops the node: the others will never let it in again as it is.
    pub fn turn_away(&self, why: TurnedAway) {
        // Where the queue is full, the others will say it again.
        drop(self.requests.try_send(Request::Stop(Stop::TurnedAway(why))));
    }

    /// Asks the node to stop after its present round.
    pub async fn stop(&self) {
        // Where it fails, the node has stopped already.
        drop(self.requests.send(Request::Stop(Stop::Asked)).await);
    }

    /// Waits until the node has stopped and its journal is closed, and answers why.
    pub async fn stopped(&self) -> Stop {
        let mut stopped = self.stopped.clone();
        let seen = stopped.wait_for(Option::is_some).await;
        seen.ok().and_then(|stop| stop.clone()).unwrap_or(Stop::Panicked)
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node<Timed>) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (request, answer) = looking(look);
        self.requests.send(request).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

/// The request that has `look` see the node, and where the answer arrives.
fn looking<T: Send + 'static>(
    look: impl FnOnce(&Node<Timed>) -> T + Send + 'static,
) -> (Request, oneshot::Receiver<T>) {
    let (reply, answer) = oneshot::channel();
    // Whoever asked may have gone.
    let look = Box::new(move |node: &Node<Timed>| drop(reply.send(look(node))));
    (Request::Look(look), answer)
}
