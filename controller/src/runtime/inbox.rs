//! What does the node's thread work on next? Two bounded queues, so that clients cannot crowd out
//! the peers whose heartbeats keep a leader in office.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::ProposeError;
use crate::journal::SledJournal;
use crate::machine::{Command, Outcome, Position};
use crate::node::{Input, Node};

/// Most inputs of one round, half of them from each queue.
const ROUND_INPUTS: usize = 1_024;
/// Most inputs of peers that wait; further ones are dropped, and raft sends again.
pub(super) const MAX_QUEUED_PEER_INPUTS: usize = 8_192;
/// Most requests that wait; further proposals are refused as busy.
pub(super) const MAX_QUEUED_REQUESTS: usize = 8_192;

/// Tells a proposer what became of its proposal.
pub(super) type Reply = oneshot::Sender<Result<(Position, Outcome), ProposeError>>;

/// Looks at the node between two rounds.
pub(super) type Look = Box<dyn FnOnce(&Node<SledJournal>) + Send>;

/// What this process asks of the node.
pub(super) enum Request {
    Propose { command: Command, reply: Reply },
    Look(Look),
    Stop,
}

/// Both queues, as the node's thread sees them.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) peer_inputs: mpsc::Receiver<Input>,
    pub(super) requests: mpsc::Receiver<Request>,
}

/// The work of one round.
#[derive(Default)]
pub(super) struct Work {
    pub(super) peer_inputs: Vec<Input>,
    pub(super) requests: Vec<Request>,
}

impl Inbox {
    /// Waits at most `wait` for something to do, then takes what is there.
    pub(super) async fn next_round(&mut self, wait: Duration) -> Work {
        let mut work = Work::default();
        tokio::select! {
            biased;
            Some(input) = self.peer_inputs.recv() => work.peer_inputs.push(input),
            request = self.requests.recv() => {
                // Without a handle nobody is left to work for.
                work.requests.push(request.unwrap_or(Request::Stop));
            }
            () = tokio::time::sleep(wait) => (),
        }
        fill(&mut work.peer_inputs, &mut self.peer_inputs);
        fill(&mut work.requests, &mut self.requests);
        work
    }
}

fn fill<T>(taken: &mut Vec<T>, queue: &mut mpsc::Receiver<T>) {
    while taken.len() < ROUND_INPUTS / 2 {
        let Ok(next) = queue.try_recv() else { break };
        taken.push(next);
    }
}
