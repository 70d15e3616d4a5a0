//! How does an operator, at any node, have another one lead? The leader is asked; while nobody knows who
//! that is, or it has just changed, this node asks again.

use std::time::Duration;

use tidegate_proto::v1::TransferRequest;
use tonic::Code;

use super::forward::RETRY_PAUSE;
use super::{Peers, refusal};
use crate::node::NodeId;
use crate::runtime::{ProposeError, TransferError};

/// How long all of it may take: a leader gives up after 5 s.
const TRANSFER_DEADLINE: Duration = Duration::from_secs(8);

/// What became of asking a leader.
enum Asked {
    /// It has seen that the other one leads.
    Moved,
    /// It does not lead, or was not reached.
    NotThere,
    /// It tried in vain.
    NotMoved,
}

impl Peers {
    /// Has `to` lead, whichever node leads now, and waits until this node sees that it does.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn transfer(&self, to: NodeId) -> Result<(), TransferError> {
        let handle = &self.shared.handle;
        let moved = async {
            loop {
                let leader = handle.leadership().borrow().leader;
                let asked = match leader {
                    Some(leader) if leader == to => return Ok(()),
                    Some(leader) if leader == handle.id() => return handle.transfer(to).await,
                    Some(leader) => self.ask_leader(leader, to).await,
                    None => Asked::NotThere,
                };
                match asked {
                    Asked::Moved => {
                        // The news may still be on its way here.
                        let mut seen = handle.leadership();
                        drop(seen.wait_for(|now| now.leader == Some(to)).await);
                        return Ok(());
                    }
                    Asked::NotMoved => return Err(TransferError::TimedOut { to, leader }),
                    Asked::NotThere => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
        };
        let waited = tokio::time::timeout(TRANSFER_DEADLINE, moved).await;
        waited.unwrap_or_else(|_| {
            Err(TransferError::TimedOut { to, leader: handle.leadership().borrow().leader })
        })
    }

    async fn ask_leader(&self, leader: NodeId, to: NodeId) -> Asked {
        let Some(link) = self.shared.links.get(leader) else { return Asked::NotThere };
        let Ok(mut client) = link.client().await else { return Asked::NotThere };
        let request = TransferRequest { header: self.header_for(leader), to_leader: to.0 };
        let Err(status) = client.transfer(request).await else { return Asked::Moved };
        tracing::debug!(leader = leader.0, to = to.0, %status, "leadership.not_moved");
        let refused = refusal::from_status(&status);
        if matches!(refused, ProposeError::NotLeader { .. }) {
            return Asked::NotThere;
        }
        if matches!(refused, ProposeError::Unknown) && status.code() != Code::FailedPrecondition {
            // No refusal: the leader went away over it.
            link.forget().await;
            return Asked::NotThere;
        }
        Asked::NotMoved
    }
}
