//! What does the node's thread work on next? Three bounded queues, so that agents crowd out neither
//! the peers whose heartbeats keep a leader in office, nor the operator who wants to halt.

use std::time::Duration;

use tokio::sync::mpsc;

use super::reads::ReadReply;
use super::sights::See;
use super::timed::Timed;
use super::{ProposeError, Stop};
use crate::machine::{Command, Machine, Outcome, Position};
use crate::node::{Input, Node, NodeId};

/// Most inputs of one round besides the operators', half of them from each queue.
const ROUND_INPUTS: usize = 1_024;
/// Most inputs of peers that wait; further ones are dropped, and raft sends again.
pub(super) const MAX_QUEUED_PEER_INPUTS: usize = 8_192;
/// Most operators' commands that wait; further ones are refused as busy. A round takes all of them.
pub(super) const MAX_QUEUED_OPERATORS: usize = 256;
/// Most other requests that wait; further proposals are refused as busy.
pub(super) const MAX_QUEUED_REQUESTS: usize = 8_192;

/// Tells a proposer what became of its proposal, and shows it the machine as it is at that moment. It
/// runs on the node's thread.
pub(super) type Reply = Box<dyn FnOnce(Result<(Position, Outcome), ProposeError>, &Machine) + Send>;

/// Looks at the node between two rounds.
pub(super) type Look = Box<dyn FnOnce(&Node<Timed>) + Send>;

/// What this process asks of the node.
pub(super) enum Request {
    Propose {
        command: Command,
        reply: Reply,
        /// When, on the node's clock.
        asked: Duration,
    },
    /// Waits until the newest state may be read here.
    Read(ReadReply),
    /// Wants another node to lead.
    Transfer(NodeId),
    Look(Look),
    /// Looks at the machine once the entry at `index` is applied.
    See {
        index: u64,
        see: See,
    },
    Stop(Stop),
}

/// All queues, as the node's thread sees them.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) peer_inputs: mpsc::Receiver<Input>,
    pub(super) operators: mpsc::Receiver<Request>,
    pub(super) requests: mpsc::Receiver<Request>,
}

/// The work of one round.
#[derive(Default)]
pub(super) struct Work {
    pub(super) peer_inputs: Vec<Input>,
    /// What operators ask for comes first.
    pub(super) requests: Vec<Request>,
}

impl Inbox {
    /// Waits at most `wait` for something to do, then takes what is there.
    pub(super) async fn next_round(&mut self, wait: Duration) -> Work {
        let (mut operators, mut peer_inputs, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        tokio::select! {
            biased;
            Some(request) = self.operators.recv() => operators.push(request),
            Some(input) = self.peer_inputs.recv() => peer_inputs.push(input),
            request = self.requests.recv() => {
                // Without a handle nobody is left to work for.
                requests.push(request.unwrap_or(Request::Stop(Stop::Asked)));
            }
            () = tokio::time::sleep(wait) => (),
        }
        fill(&mut operators, &mut self.operators, MAX_QUEUED_OPERATORS);
        fill(&mut peer_inputs, &mut self.peer_inputs, ROUND_INPUTS / 2);
        fill(&mut requests, &mut self.requests, ROUND_INPUTS / 2);
        operators.append(&mut requests);
        Work { peer_inputs, requests: operators }
    }
}

fn fill<T>(taken: &mut Vec<T>, queue: &mut mpsc::Receiver<T>, most: usize) {
    while taken.len() < most {
        let Ok(next) = queue.try_recv() else { break };
        taken.push(next);
    }
}
