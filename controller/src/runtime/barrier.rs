//! How does the rest of the process read what is certainly the newest, or have another node lead? Both
//! ask the node again and again, until it is so or the time is over.

use std::time::Duration;

use tokio::sync::oneshot;

use super::inbox::Request;
use super::{Handle, ReadError, Stopped, TransferError};
use crate::machine::frozen::Frozen;
use crate::node::NodeId;

/// How long a reader waits in all: an election fits in.
const READ_DEADLINE: Duration = Duration::from_secs(3);
/// How long it waits for one answer before it asks again.
const READ_PATIENCE: Duration = Duration::from_millis(500);
/// How long it waits after an answer that it cannot use.
const READ_PAUSE: Duration = Duration::from_millis(20);
/// How long moving the leadership may take in all.
const TRANSFER_DEADLINE: Duration = Duration::from_secs(5);
/// How long it waits for a leader to move before it asks again.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(1);

impl Handle {
    /// Waits until this node has applied everything that was acknowledged by any node before the call:
    /// a [`Handle::query`] after it reads no older state. Answers the index that was applied. The
    /// leader confirms it with a majority; nothing is written.
    ///
    /// # Errors
    ///
    /// [`ReadError`] after 3 s, or when the node stops.
    pub async fn read_barrier(&self) -> Result<u64, ReadError> {
        let asked = async {
            loop {
                let (reply, answer) = oneshot::channel();
                self.requests.send(Request::Read(reply)).await.map_err(|_| Stopped)?;
                match tokio::time::timeout(READ_PATIENCE, answer).await {
                    Ok(Ok(Some(index))) => return Ok(index),
                    Ok(Ok(None)) => tokio::time::sleep(READ_PAUSE).await,
                    Ok(Err(_)) => return Err(Stopped),
                    Err(_) => (),
                }
            }
        };
        match tokio::time::timeout(READ_DEADLINE, asked).await {
            Ok(read) => read.map_err(ReadError::Stopped),
            Err(_) => {
                let leader = self.leadership.borrow().leader;
                Err(ReadError::NotConfirmed { leader })
            }
        }
    }

    /// Has `to` lead, and waits until this node sees that it does. Only the leader can hand over: on
    /// another node, use [`Peers::transfer`](crate::peers::Peers::transfer).
    ///
    /// # Errors
    ///
    /// [`TransferError`] after 5 s, or when the node stops.
    pub async fn transfer(&self, to: NodeId) -> Result<(), TransferError> {
        let mut leadership = self.leadership.clone();
        let moved = async {
            loop {
                if leadership.borrow().leader == Some(to) {
                    return Ok(());
                }
                self.operators.send(Request::Transfer(to)).await.map_err(|_| Stopped)?;
                let led = leadership.wait_for(|leadership| leadership.leader == Some(to));
                match tokio::time::timeout(TRANSFER_PATIENCE, led).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(_)) => return Err(Stopped),
                    Err(_) => (),
                }
            }
        };
        match tokio::time::timeout(TRANSFER_DEADLINE, moved).await {
            Ok(moved) => moved.map_err(TransferError::Stopped),
            Err(_) => {
                let leader = self.leadership.borrow().leader;
                Err(TransferError::TimedOut { to, leader })
            }
        }
    }

    /// The replicated state as this node has it, in pieces. Cheap for the node's thread; the caller
    /// does the rest.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn frozen(&self) -> Result<Frozen, Stopped> {
        self.look(|node| node.machine().freeze()).await
    }
}
