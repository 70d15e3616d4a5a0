//! How does a command reach the leader from any node?

use std::pin::Pin;
use std::time::Duration;

use tidegate_proto::v1::{ProposeRequest, ProposeResponse};
use tokio::time::Sleep;

use super::{Peers, refusal};
use crate::machine::{Command, Machine, Outcome, Position};
use crate::node::NodeId;
use crate::runtime::ProposeError;

/// Pause before the next attempt while no leader is known or it cannot be reached.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// What became of a command, and the index of its entry.
type Settled = Result<(Position, Outcome), ProposeError>;

impl Peers {
    /// Has `command` replicated by the leader, whichever node that is, and answers what the machine
    /// made of it. While there is no leader it looks for one, until the deadline. When it returns,
    /// this node may not have applied the entry yet: see [`crate::runtime::Handle::wait_applied`].
    ///
    /// # Errors
    ///
    /// [`ProposeError`]. After `Unknown` the command may have an effect, and it is never sent twice
    /// by this function: the caller asks again with its request id.
    pub async fn propose(&self, command: Command) -> Settled {
        let (position, outcome, _) = self.propose_and_look(command, |_| ()).await?;
        Ok((position, outcome))
    }

    /// Like [`Peers::propose`]. Where this node leads, `look` sees the state as it is right after the
    /// command, on the node's thread; `None` comes from a command that another node carried out.
    ///
    /// # Errors
    ///
    /// Those of [`Peers::propose`].
    pub async fn propose_and_look<T: Send + 'static>(
        &self,
        command: Command,
        look: impl FnOnce(&Machine) -> T + Clone + Send + 'static,
    ) -> Result<(Position, Outcome, Option<T>), ProposeError> {
        self.shared.handle.check_disk(&command)?;
        let mut deadline = std::pin::pin!(tokio::time::sleep(self.shared.propose_deadline));
        let mut leadership = self.shared.handle.leadership();
        let mut hint = None;
        loop {
            let known = leadership.borrow_and_update().leader;
            let settled = match hint.or(known) {
                Some(leader) => {
                    self.propose_at(leader, &command, look.clone(), deadline.as_mut()).await
                }
                None => Err(ProposeError::NotLeader { leader: None }),
            };
            let followed_hint = hint.take().is_some();
            let leader = match settled {
                Err(ProposeError::NotLeader { leader }) => leader,
                settled @ (Ok(_)
                | Err(
                    ProposeError::Unknown
                    | ProposeError::Busy
                    | ProposeError::TooLarge { .. }
                    | ProposeError::DiskLow { .. }
                    | ProposeError::ChangePending
                    | ProposeError::WouldLoseQuorum { .. }
                    | ProposeError::LeaderMustMove
                    | ProposeError::NotCaughtUp { .. }
                    | ProposeError::NeedsVersion { .. }
                    | ProposeError::Stopped,
                )) => return settled,
            };
            if leader.is_some() && leader != known && !followed_hint {
                hint = leader; // Somebody knows better: ask there at once.
                continue;
            }
            tokio::select! {
                () = deadline.as_mut() => return Err(ProposeError::NotLeader { leader }),
                Ok(()) = leadership.changed() => (),
                () = tokio::time::sleep(RETRY_PAUSE) => (),
            }
        }
    }

    async fn propose_at<T: Send + 'static>(
        &self,
        leader: NodeId,
        command: &Command,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
        deadline: Pin<&mut Sleep>,
    ) -> Result<(Position, Outcome, Option<T>), ProposeError> {
        let handle = &self.shared.handle;
        if leader != handle.id() {
            let (position, outcome) = self.forward(leader, command, deadline).await?;
            return Ok((position, outcome, None));
        }
        tokio::select! {
            settled = handle.propose_and_look(command.clone(), look) => {
                settled.map(|(position, outcome, seen)| (position, outcome, Some(seen)))
            }
            () = deadline => Err(ProposeError::Unknown),
        }
    }

    /// Sends the command to another node. Where no connection is to be had, it was not sent.
    async fn forward(
        &self,
        leader: NodeId,
        command: &Command,
        mut deadline: Pin<&mut Sleep>,
    ) -> Settled {
        let not_sent = Err(ProposeError::NotLeader { leader: Some(leader) });
        let Some(link) = self.shared.links.get(leader) else {
            return Err(ProposeError::NotLeader { leader: None });
        };
        let connected = tokio::select! {
            connected = link.client() => connected,
            () = deadline.as_mut() => return not_sent,
        };
        let Ok(mut client) = connected else { return not_sent };
        let header = self.header_for(leader);
        let request = ProposeRequest { header, command: command.encode() };
        let answered = tokio::select! {
            answered = client.propose(request) => answered,
            () = deadline => return Err(ProposeError::Unknown),
        };
        match answered {
            Ok(response) => decode(&response.into_inner()).ok_or(ProposeError::Unknown),
            Err(status) => {
                tracing::debug!(leader = leader.0, %status, "a forwarded command was not answered");
                Err(match refusal::from_status(&status) {
                    // A node that is going down took nothing.
                    ProposeError::Stopped => ProposeError::NotLeader { leader: None },
                    ProposeError::Unknown => {
                        link.forget().await;
                        ProposeError::Unknown
                    }
                    refused @ (ProposeError::NotLeader { .. }
                    | ProposeError::Busy
                    | ProposeError::TooLarge { .. }
                    | ProposeError::DiskLow { .. }
                    | ProposeError::ChangePending
                    | ProposeError::WouldLoseQuorum { .. }
                    | ProposeError::LeaderMustMove
                    | ProposeError::NotCaughtUp { .. }
                    | ProposeError::NeedsVersion { .. }) => refused,
                })
            }
        }
    }
}

/// The leader's answer to a forwarded command.
pub(super) fn encode(position: Position, outcome: &Outcome) -> postcard::Result<ProposeResponse> {
    let outcome = postcard::to_stdvec(&(position.term, outcome))?;
    Ok(ProposeResponse { log_index: position.index, outcome })
}

fn decode(response: &ProposeResponse) -> Option<(Position, Outcome)> {
    let (term, outcome) = postcard::from_bytes::<(u64, Outcome)>(&response.outcome).ok()?;
    Some((Position { index: response.log_index, term }, outcome))
}
