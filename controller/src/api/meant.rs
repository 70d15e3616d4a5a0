//! How is a call meant that changes something? Who wants it, under which id, for what they saw, and whether they
//! only want to know what would become of it.

use tidegate_proto::VALIDATED_HEADER;
use tidegate_proto::v1 as pb;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::check;
use super::desk::Desk;
use super::error::{ApiError, BadField};
use super::reads::Freshness;
use crate::machine::command::{Action, IfUnchanged, Operate};
use crate::machine::etag::{Etag, NotAnEtag};
use crate::machine::{Command, Machine, Reply};

/// A request that changes something.
pub(super) trait Changing {
    /// Its id.
    fn request_id(&self) -> &str;
    /// The etag of what it changes, as the caller saw it; empty where the caller does not say.
    fn etag(&self) -> &str;
    /// How far it goes.
    fn way(&self) -> Way;
}

/// How far a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is done.
    Done,
    /// It is checked, and nothing changes.
    OnlyChecked,
}

macro_rules! changing {
    ($($message:ident $(: $etag:ident)?),* $(,)?) => {$(
        impl Changing for pb::$message {
            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn etag(&self) -> &str {
                changing!(@etag self $($etag)?)
            }

            fn way(&self) -> Way {
                if self.validate_only { Way::OnlyChecked } else { Way::Done }
            }
        }
    )*};
    (@etag $self:ident $etag:ident) => { &$self.$etag };
    (@etag $self:ident) => { "" };
}

// What stops takes no etag: nothing that was seen, or not, may be in its way.
changing! {
    AcknowledgeIncidentRequest: etag,
    AddMemberRequest,
    ApplyCoverageRequest: etag,
    ApplyLadderRequest: etag,
    ApplyWebhooksRequest: etag,
    ApproveProposalRequest,
    ApproveRolloutRequest: etag,
    CreateBlockRequest,
    CreateFreezeRequest,
    CreateRolloutRequest,
    CreateTokenRequest,
    EvictHostRequest,
    ExpediteRolloutRequest: etag,
    HaltRolloutRequest,
    LiftBlockRequest,
    LiftFreezeRequest,
    MoveHostRequest,
    NoteIncidentRequest,
    PauseRolloutRequest,
    PromoteMemberRequest,
    PromoteRolloutRequest: etag,
    PublishPatchSetRequest,
    RejectProposalRequest,
    RemoveMemberRequest,
    ResendNotificationsRequest,
    ResolveIncidentRequest: etag,
    ResumeRolloutRequest: etag,
    RevokeTokenRequest,
    RollbackRolloutRequest,
    SetHoldbackRequest,
    StartRolloutRequest: etag,
    SupersedeRolloutRequest: etag,
    TestWebhookRequest,
    UpdateTokenRequest: etag,
    WithdrawPatchSetRequest,
}

/// How a call is meant.
#[derive(Clone, Debug)]
pub(super) struct Meant {
    actor: String,
    request: String,
    etag: Option<Etag>,
    way: Way,
    /// What is taken for done before, where the call is only checked.
    supposed: Vec<Command>,
    /// What is checked after it, where it is only checked.
    then: Vec<Action>,
}

impl Meant {
    /// How this call is meant, and the rest of it.
    pub(super) fn of<R: Changing>(request: Request<R>) -> Result<(Self, R), ApiError> {
        let actor = caller::operator(request.metadata())?;
        let body = request.into_inner();
        let meant = Self {
            actor,
            request: check::request_id(body.request_id())?,
            etag: etag(body.etag())?,
            way: body.way(),
            supposed: Vec::new(),
            then: Vec::new(),
        };
        Ok((meant, body))
    }

    /// The check takes these for done.
    pub(super) fn supposing(self, supposed: Vec<Command>) -> Result<Self, ApiError> {
        self.is_only_checked("assume_uploaded")?;
        Ok(Self { supposed, ..self })
    }

    /// The check goes on with this.
    pub(super) fn and_then(mut self, next: Action) -> Result<Self, ApiError> {
        self.is_only_checked("validate_start")?;
        self.then.push(next);
        Ok(self)
    }

    fn is_only_checked(&self, field: &'static str) -> Result<(), BadField> {
        match self.way {
            Way::OnlyChecked => Ok(()),
            Way::Done => {
                let what = "says more about a check, and this is none: set `validate_only` too, or leave it out";
                Err(BadField::new(field, "true", what))
            }
        }
    }

    /// The entry that does it.
    fn operate(&self, action: Action) -> Operate {
        let action = match self.etag.clone() {
            None => action,
            Some(etag) => Action::IfUnchanged(Box::new(IfUnchanged { etag, action })),
        };
        Operate { request: self.request.clone(), actor: self.actor.clone(), action }
    }

    /// The entries that a check supposes, one after the other.
    fn foretold(&self, action: Action) -> Vec<Command> {
        let mut commands = self.supposed.clone();
        commands.push(Command::Operate(self.operate(action)));
        let later = self.then.iter().zip(1..).map(|(action, n)| {
            let request = format!("{}/{n}", self.request);
            let (actor, action) = (self.actor.clone(), action.clone());
            Command::Operate(Operate { request, actor, action })
        });
        commands.extend(later);
        commands
    }
}

/// The etag that a caller gave.
fn etag(text: &str) -> Result<Option<Etag>, BadField> {
    if text.is_empty() {
        return Ok(None);
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    let bad = |error: NotAnEtag| BadField::new("etag", &shown, &error.to_string());
    text.parse().map(Some).map_err(bad)
}

/// Says on an answer that nothing was changed.
pub(super) fn only_checked<T>(answer: T) -> Response<T> {
    let mut response = Response::new(answer);
    response.metadata_mut().insert(VALIDATED_HEADER, MetadataValue::from_static("true"));
    response
}

impl Desk {
    /// Has the cluster carry out `action` as it is meant, and looks at the state right after it; or looks at the
    /// state as it would be, where it is only to be checked.
    pub(super) async fn carry_out<T: Send + 'static>(
        &self,
        meant: Meant,
        action: Action,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Clone + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let (_, response) = self.carry_out_and_hear(meant, action, look).await?;
        Ok(response)
    }

    /// The same, with what the command is answered.
    pub(super) async fn carry_out_and_hear<T: Send + 'static>(
        &self,
        meant: Meant,
        action: Action,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Clone + Send + 'static,
    ) -> Result<(Reply, Response<T>), ApiError> {
        match meant.way {
            Way::Done => {
                let Operate { request, actor, action } = meant.operate(action);
                let (reply, seen) = self.operate_and_look((actor, request), action, look).await?;
                Ok((reply, Response::new(seen)))
            }
            Way::OnlyChecked => {
                let (reply, seen) = self.foretell(meant.foretold(action), look).await?;
                Ok((reply, only_checked(seen)))
            }
        }
    }

    /// Looks at the state as it would be after `commands`, by all that was acknowledged before the question.
    async fn foretell<T: Send + 'static>(
        &self,
        commands: Vec<Command>,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(Reply, T), ApiError> {
        self.ready(Freshness::Linearizable).await?;
        for command in &commands {
            self.handle.check_taken(command).await?;
        }
        let would = move |machine: &Machine| {
            let (reply, then) = machine.would(&commands)?;
            Ok((reply, look(&then)?))
        };
        self.look(would).await
    }
}
