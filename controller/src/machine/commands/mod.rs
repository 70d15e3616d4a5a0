//! What does each command ask for, and when is it refused? One command, one file.

mod acknowledge_incident;
mod add_member;
mod apply_coverage;
mod apply_ladder;
mod apply_webhooks;
mod begin_grant;
mod blocks;
mod bootstrap;
mod check_state;
mod create_rollout;
mod create_token;
mod enroll_host;
mod evict_host;
mod expedite_rollout;
mod freezes;
mod halt_rollout;
mod halt_slice;
mod hold_back;
mod if_unchanged;
mod know_openings;
mod leave_joint;
mod move_host;
#[cfg(feature = "next-version")]
mod next_probe;
mod note_incident;
mod pause_rollout;
mod promote_member;
mod promote_rollout;
mod publish_patch_set;
mod record_reports;
mod register_node;
mod remove_member;
mod resend_notifications;
mod resolve_incident;
mod resume_rollout;
mod resume_slice;
mod revoke_token;
mod roll_back;
mod settle_notifications;
mod start_rollout;
mod store_blob;
mod supersede_rollout;
mod test_webhook;
mod tick;
mod two_people;
mod update_token;
mod vouch_state;
mod withdraw_patch_set;

use serde::Serialize;

use super::command::{Action, Command, Operate};
use super::event::Event;
use super::{Machine, Outcome, Position, Rejection, Reply};

/// What a command decided: its answer, and what happened.
type Decided = Result<(Reply, Vec<Event>), Rejection>;

impl Machine {
    /// Runs `command`: decides, absorbs, and answers.
    pub(super) fn run(
        &mut self,
        at: Position,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Outcome {
        let decided = match command {
            Command::Tick(tick) => return Ok(self.tick(at, tick, events)),
            Command::RecordReports(reports) => return self.record_reports(at, reports, events),
            Command::Operate(operate) => return self.operate(at, operate, events),
            Command::EnrollHost(enroll) => {
                let request = Request::of(&enroll.request, enroll);
                return self.once(at, request, events, |machine| machine.enroll_host(at, enroll));
            }
            Command::Bootstrap(bootstrap) => self.bootstrap(bootstrap),
            Command::StoreBlob(stored) => self.store_blob(stored),
            Command::BeginGrant(begin) => self.begin_grant(at, begin),
            Command::RegisterNode(register) => self.register_node(register),
            Command::VouchState(vouch) => self.vouch_state(at, vouch),
            #[cfg(feature = "next-version")]
            Command::NextProbe(probe) => self.next_probe(probe),
            Command::LeaveJoint => self.leave_joint(),
            Command::KnowOpenings(know) => self.know_openings(know),
            Command::SettleNotifications(settle) => Ok(self.settle_notifications(settle)),
        };
        let (reply, decided) = decided?;
        self.take(at, decided, events);
        Ok(reply)
    }

    fn operate(&mut self, at: Position, operate: &Operate, events: &mut Vec<Event>) -> Outcome {
        let request = Request::of(&operate.request, operate);
        self.once(at, request, events, |machine| machine.decide_or_propose(at, operate))
    }

    /// Decides one action, for whoever is behind it.
    fn decide(&self, at: Position, action: &Action, actor: &str) -> Decided {
        match action {
            Action::CreateToken(token) => self.create_token(at, token, actor),
            Action::PublishPatchSet(publish) => self.publish_patch_set(at, publish, actor),
            Action::CreateRollout(create) => self.create_rollout(at, create, actor),
            Action::StartRollout(rollout) => self.start_rollout(rollout, actor),
            Action::PauseRollout(pause) => self.pause_rollout(pause, actor),
            Action::ResumeRollout(resume) => self.resume_rollout(resume, actor),
            Action::HaltRollout(halt) => self.halt_rollout(at, halt, actor),
            Action::PromoteRollout(promote) => self.promote_rollout(promote, actor),
            Action::AddMember(add) => self.add_member(add, actor),
            Action::PromoteMember(promote) => self.promote_member(*promote, actor),
            Action::RemoveMember(remove) => self.remove_member(*remove, actor),
            Action::CheckState => self.check_state(actor),
            Action::HaltSlice(of) => self.halt_slice(at, of, actor),
            Action::ResumeSlice(of) => self.resume_slice(of, actor),
            Action::ApplyLadder(apply) => self.apply_ladder(apply, actor),
            Action::CreateFreeze(create) => self.create_freeze(create, actor),
            Action::LiftFreeze(lift) => self.lift_freeze(lift, actor),
            Action::HoldBack(of) => self.hold_back_from(of, actor),
            Action::ApproveWave(approve) => self.approve_wave(approve, actor),
            Action::ExpediteRollout(of) => self.expedite_rollout(at, of, actor),
            Action::SupersedeRollout(of) => self.supersede_rollout(of, actor),
            Action::AgreeToProposal(of) => self.agree_to_proposal(at, of, actor),
            Action::RejectProposal(of) => self.reject_proposal(of, actor),
            Action::RollBack(back) => self.roll_back(at, back, actor),
            Action::WithdrawPatchSet(of) => self.withdraw_patch_set(at, of, actor),
            Action::IfUnchanged(guarded) => self.if_unchanged(at, guarded, actor),
            Action::UpdateToken(update) => self.update_token(at, update, actor),
            Action::RevokeToken(revoke) => self.revoke_token(at, revoke, actor),
            Action::EvictHost(evict) => self.evict_host(at, evict, actor),
            Action::MoveHost(wanted) => self.move_host(at, wanted, actor),
            Action::AcknowledgeIncident(of) => self.acknowledge_incident(at, of, actor),
            Action::NoteIncident(of) => self.note_incident(at, of, actor),
            Action::ResolveIncident(of) => self.resolve_incident(at, of, actor),
            Action::CreateBlock(of) => self.create_block(at, of, actor),
            Action::LiftBlock(of) => self.lift_block(of, actor),
            Action::ApplyWebhooks(apply) => self.apply_webhooks(apply, actor),
            Action::TestWebhook(webhook) => self.test_webhook(webhook, actor),
            Action::ApplyCoverage(apply) => self.apply_coverage(apply, actor),
            Action::ResendNotifications(of) => self.resend_notifications(of, actor),
        }
    }

    /// Whether `command` is a person's request of an id that was answered before: it will be again, by
    /// what is remembered, and changes nothing.
    pub fn remembers(&self, command: &Command) -> bool {
        let Command::Operate(operate) = command else { return false };
        let request = Request::of(&operate.request, operate);
        !matches!(self.requests.recall(request.id, &request.body), Ok(None))
    }

    /// Decides a request that was not answered before, and remembers its answer.
    fn once(
        &mut self,
        at: Position,
        request: Request<'_>,
        events: &mut Vec<Event>,
        decide: impl FnOnce(&Self) -> Decided,
    ) -> Outcome {
        if let Some(reply) = self.requests.recall(request.id, &request.body)? {
            return Ok(reply);
        }
        let (reply, decided) = decide(self)?;
        self.records.asked_by(request.id);
        self.take(at, decided, events);
        self.records.asked_by("");
        self.requests.remember(request.id, request.body, reply.clone());
        Ok(reply)
    }
}

/// What makes a retry the same request: its id, and a hash of all it says.
#[derive(Clone, Copy)]
struct Request<'a> {
    id: &'a str,
    body: [u8; 32],
}

impl<'a> Request<'a> {
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    fn of(id: &'a str, body: &impl Serialize) -> Self {
        let bytes = postcard::to_stdvec(body).expect("plain data can be written");
        Self { id, body: *blake3::hash(&bytes).as_bytes() }
    }
}
