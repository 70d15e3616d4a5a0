//! `IfUnchanged`: a command that stands for what its caller saw. Decided at the index of its own entry: between
//! the look and the entry, anything may have happened.

use super::Decided;
use crate::machine::command::{Action, IfUnchanged};
use crate::machine::etag::Etag;
use crate::machine::ids::RolloutId;
use crate::machine::{Machine, Position, Rejection};

impl Machine {
    pub(super) fn if_unchanged(&self, at: Position, of: &IfUnchanged, actor: &str) -> Decided {
        let (resource, current) = self.changed_by(&of.action)?;
        if current == of.etag {
            return self.decide(at, &of.action, actor);
        }
        Err(Rejection::EtagMismatch { resource, given: of.etag.clone(), current })
    }

    /// What `action` changes, and its etag now. What is not there yet, and what has no etag, was seen by
    /// nobody.
    fn changed_by(&self, action: &Action) -> Result<(String, Etag), Rejection> {
        let new = |what: &str| Ok((what.to_owned(), Etag::none()));
        match action {
            Action::StartRollout(rollout) => self.etag_of_rollout(rollout),
            Action::PauseRollout(of)
            | Action::ResumeRollout(of)
            | Action::HaltRollout(of)
            | Action::RollBack(of) => self.etag_of_rollout(&of.rollout),
            Action::PromoteRollout(of) => self.etag_of_rollout(&of.rollout),
            Action::HaltSlice(of) | Action::ResumeSlice(of) => self.etag_of_rollout(&of.rollout),
            Action::ApproveWave(of) => self.etag_of_rollout(&of.rollout),
            Action::ExpediteRollout(of) => self.etag_of_rollout(&of.rollout),
            Action::SupersedeRollout(of) => self.etag_of_rollout(&of.rollout),
            Action::ApplyLadder(_) => Ok(("the ladder".to_owned(), self.calendar().etag())),
            Action::ApplyCoverage(_) => {
                Ok(("the coverage table".to_owned(), self.coverage().etag()))
            }
            Action::CreateFreeze(_) | Action::LiftFreeze(_) => new("a freeze"),
            Action::HoldBack(_) => new("a holdback"),
            Action::CreateBlock(_) | Action::LiftBlock(_) => new("a block"),
            Action::AgreeToProposal(_) | Action::RejectProposal(_) => new("a proposal"),
            Action::IfUnchanged(of) => self.changed_by(&of.action),
            Action::CreateToken(_) => new("a new token"),
            Action::WithdrawPatchSet(of) => {
                let set = self.patch_set(&of.version)?;
                Ok((format!("patchSets/{}", of.version), self.etag_of(set)))
            }
            Action::PublishPatchSet(_) => new("a new patch set"),
            Action::CreateRollout(_) => new("a new rollout"),
            Action::AddMember(_)
            | Action::PromoteMember(_)
            | Action::RemoveMember(_)
            | Action::CheckState => new("the cluster"),
            Action::UpdateToken(of) => {
                let token = self.token(&of.token)?;
                Ok((format!("tokens/{}", token.id), token.etag()))
            }
            Action::RevokeToken(_) => new("a token's revocation"),
            Action::EvictHost(_) | Action::MoveHost(_) => new("a host"),
            Action::AcknowledgeIncident(of)
            | Action::NoteIncident(of)
            | Action::ResolveIncident(of) => {
                let incident = self.incident(of.number)?;
                Ok((format!("incidents/{}", of.number), incident.etag()))
            }
            Action::ApplyWebhooks(_) => Ok(("the webhooks".to_owned(), self.webhooks().etag())),
            Action::TestWebhook(_) => new("a test"),
            Action::ResendNotifications(_) => new("dead letters"),
        }
    }

    fn etag_of_rollout(&self, id: &RolloutId) -> Result<(String, Etag), Rejection> {
        let rollout = self.rollout(id)?;
        Ok((format!("rollouts/{id}"), rollout.etag()))
    }
}
