//! What do all services need? One desk: the way to the leader, the state, the relay, the artifacts.

use std::sync::Arc;
use std::time::Duration;

use tidegate_policies::time::Millis;
use tokio::sync::Semaphore;

use super::backup_stream::MAX_BACKUPS;
use super::error::ApiError;
use crate::artifacts::Store;
use crate::machine::command::{Action, Operate};
use crate::machine::{Command, Machine, Position, Reply};
use crate::peers::Peers;
use crate::relay::Relay;
use crate::runtime::Handle;
use crate::views::Views;
use crate::webhooks::Egress;

/// How long an answer waits for this node to see what the leader did.
const READ_YOUR_WRITES: Duration = Duration::from_secs(2);

/// What all services of a node share.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The node.
    pub handle: Handle,
    /// The other nodes.
    pub peers: Peers,
    /// The hosts that were heard here.
    pub relay: Arc<Relay>,
    /// The artifacts on this node's disk.
    pub store: Store,
    /// How often hosts sync that no rollout concerns.
    pub idle_sync: Millis,
    /// What watchers of this node see.
    pub views: Views,
    /// How many more backups may be read from this node now.
    pub backups: Arc<Semaphore>,
    /// How many more reports on the whole fleet may be made by this node now.
    pub reports: Arc<Semaphore>,
    /// Whom this node may call, and with which secrets it signs.
    pub egress: Arc<Egress>,
}

/// Reports on the whole fleet that a node makes at a time. Each takes a core while it lasts.
const MAX_REPORTS: usize = 2;

impl Desk {
    /// As many backups as one node gives at a time.
    pub fn backups() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_BACKUPS))
    }

    /// As many reports as one node makes at a time.
    pub fn reports() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_REPORTS))
    }

    /// Has the cluster carry out `command`.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: refused, or the outcome is not known.
    pub async fn propose(&self, command: Command) -> Result<(Position, Reply), ApiError> {
        let (position, outcome) = self.peers.propose(command).await?;
        Ok((position, outcome?))
    }

    /// Has the cluster carry out `command`, and waits until this node sees it too.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: refused, the outcome is not known, or it is done and this node lags behind.
    pub async fn propose_and_see(&self, command: Command) -> Result<Reply, ApiError> {
        let (reply, ()) = self.propose_and_look(command, |_| ()).await?;
        Ok(reply)
    }

    /// Has the cluster carry out `command`, and looks at the state of this node as soon as it sees it
    /// too. The look runs on the node's thread: keep it short.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: refused, the outcome is not known, or it is done and this node lags behind.
    async fn propose_and_look<T: Send + 'static>(
        &self,
        command: Command,
        look: impl FnOnce(&Machine) -> T + Clone + Send + 'static,
    ) -> Result<(Reply, T), ApiError> {
        let settled = self.peers.propose_and_look(command, look.clone()).await?;
        let (position, outcome, seen) = settled;
        let reply = outcome?;
        if let Some(seen) = seen {
            return Ok((reply, seen));
        }
        let seen = self.handle.look_after(position.index, READ_YOUR_WRITES, look).await;
        let seen = seen.map_err(|late| ApiError::Unavailable {
            reason: "NODE_LAGS",
            what: format!("it is done, but {late}: ask again with the same request id"),
        })?;
        Ok((reply, seen))
    }

    /// Has the cluster carry out what an operator wants.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: refused, or the outcome is not known.
    pub async fn operate(
        &self,
        actor: String,
        request: String,
        action: Action,
    ) -> Result<Reply, ApiError> {
        let looked = self.operate_and_look((actor, request), action, |_| Ok(())).await?;
        let (reply, ()) = looked;
        Ok(reply)
    }

    /// Has the cluster carry out what an operator wants, and looks at the state right after it.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: refused, the outcome is not known, or that of the look.
    pub async fn operate_and_look<T: Send + 'static>(
        &self,
        (actor, request): (String, String),
        action: Action,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Clone + Send + 'static,
    ) -> Result<(Reply, T), ApiError> {
        tracing::info!(actor, request, action = action_word(&action), "operator.command");
        let operate = Operate { request, actor, action };
        let (reply, seen) = self.propose_and_look(Command::Operate(operate), look).await?;
        Ok((reply, seen?))
    }

    /// Looks at the state that this node has applied.
    ///
    /// # Errors
    ///
    /// [`ApiError`] of the look itself, or because the node has stopped.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.handle.query(look).await?
    }
}

/// The word for an action in logs.
fn action_word(action: &Action) -> &'static str {
    match action {
        Action::CreateToken(_) => "token.create",
        Action::PublishPatchSet(_) => "patch-set.publish",
        Action::CreateRollout(_) => "rollout.create",
        Action::StartRollout(_) => "rollout.start",
        Action::PauseRollout(_) => "rollout.pause",
        Action::ResumeRollout(_) => "rollout.resume",
        Action::HaltRollout(_) => "rollout.halt",
        Action::PromoteRollout(_) => "rollout.promote",
        Action::AddMember(_) => "member.add",
        Action::PromoteMember(_) => "member.promote",
        Action::RemoveMember(_) => "member.remove",
        Action::CheckState => "cluster.check-state",
        Action::HaltSlice(_) => "rollout.slice.halt",
        Action::ResumeSlice(_) => "rollout.slice.resume",
        Action::ApplyLadder(_) => "ladder.apply",
        Action::CreateFreeze(_) => "freeze.create",
        Action::LiftFreeze(_) => "freeze.lift",
        Action::HoldBack(_) => "holdback.set",
        Action::ApproveWave(_) => "rollout.approve",
        Action::ExpediteRollout(_) => "rollout.expedite",
        Action::SupersedeRollout(_) => "rollout.supersede",
        Action::AgreeToProposal(_) => "proposal.agree",
        Action::RejectProposal(_) => "proposal.reject",
        Action::IfUnchanged(guarded) => action_word(&guarded.action),
        Action::RollBack(_) => "rollout.rollback",
        Action::WithdrawPatchSet(_) => "patch-set.withdraw",
        Action::UpdateToken(_) => "token.update",
        Action::RevokeToken(_) => "token.revoke",
        Action::EvictHost(_) => "host.evict",
        Action::MoveHost(_) => "host.move",
        Action::AcknowledgeIncident(_) => "incident.acknowledge",
        Action::NoteIncident(_) => "incident.note",
        Action::ResolveIncident(_) => "incident.resolve",
        Action::CreateBlock(_) => "block.create",
        Action::LiftBlock(_) => "block.lift",
        Action::ApplyWebhooks(_) => "webhooks.apply",
        Action::TestWebhook(_) => "webhook.test",
        Action::ApplyCoverage(_) => "coverage.apply",
        Action::ResendNotifications(_) => "webhook.resend",
    }
}
