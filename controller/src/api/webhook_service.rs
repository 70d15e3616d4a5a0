//! What can an operator ask of webhooks? Who is told of incidents, whether they heard, and whether the way works.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::webhook_service_server::WebhookService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, webhook};
use super::desk::Desk;
use super::error::ApiError;
use super::meant::Meant;
use crate::machine::Machine;
use crate::machine::command::{Action, ApplyWebhooks};
use crate::machine::ids::WebhookId;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl WebhookService for Desk {
    async fn apply_webhooks(
        &self,
        request: Request<pb::ApplyWebhooksRequest>,
    ) -> Answer<pb::Webhooks> {
        let (meant, request) = Meant::of(request)?;
        let apply = webhook::apply(&request).map_err(ApiError::from)?;
        self.could_tell(&apply)?;
        let look = |machine: &Machine| Ok(webhook::all(machine));
        self.carry_out(meant, Action::ApplyWebhooks(apply), look).await
    }

    async fn list_webhooks(
        &self,
        request: Request<pb::ListWebhooksRequest>,
    ) -> Answer<pb::Webhooks> {
        caller::operator(request.metadata())?;
        self.read(request.metadata(), |machine| Ok(webhook::all(machine))).await
    }

    async fn get_webhook(&self, request: Request<pb::GetWebhookRequest>) -> Answer<pb::Webhook> {
        caller::operator(request.metadata())?;
        let id = named(&request.get_ref().name)?;
        self.read(request.metadata(), move |machine| get(machine, &id)).await
    }

    async fn test_webhook(&self, request: Request<pb::TestWebhookRequest>) -> Answer<pb::Webhook> {
        let (meant, request) = Meant::of(request)?;
        let id = named(&request.name)?;
        let look = {
            let id = id.clone();
            move |machine: &Machine| get(machine, &id)
        };
        self.carry_out(meant, Action::TestWebhook(id), look).await
    }

    async fn resend_notifications(
        &self,
        request: Request<pb::ResendNotificationsRequest>,
    ) -> Answer<pb::Webhook> {
        let (meant, request) = Meant::of(request)?;
        let resend = webhook::resend(&request).map_err(ApiError::from)?;
        let id = resend.webhook.clone();
        let look = move |machine: &Machine| get(machine, &id);
        self.carry_out(meant, Action::ResendNotifications(resend), look).await
    }
}

impl Desk {
    /// Whether this controller could call all of these. What holds here should hold at the others.
    fn could_tell(&self, apply: &ApplyWebhooks) -> Result<(), ApiError> {
        for (webhook, receiver) in &apply.webhooks {
            let webhook = webhook.clone();
            self.egress.check(receiver).map_err(|why| ApiError::Forbidden { webhook, why })?;
        }
        Ok(())
    }
}

fn named(name: &str) -> Result<WebhookId, ApiError> {
    Ok(check::resource("name", "webhooks", name)?)
}

fn get(machine: &Machine, id: &WebhookId) -> Result<pb::Webhook, ApiError> {
    Ok(webhook::whole(machine, id, machine.webhook(id)?))
}
