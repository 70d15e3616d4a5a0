//! How is what the dashboard wants carried out? As the commands of the same name do it.

use tidegate_proto::v1;
use tidegate_proto::v1::dashboard_service_client::DashboardServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::msg::{Effect, Msg, Steer};
use crate::client::advice::{Intent, Subject};
use crate::client::connect::Attempt;
use crate::client::errors::Failure;
use crate::client::names::id_of;
use crate::client::output::rollout::standing;
use crate::client::session::Session;
use crate::client::settings::Globals;

/// Hosts in a page.
const PAGE_SIZE: i32 = 200;

/// Does it; answers what came of it.
pub(super) async fn carry_out(globals: Globals, effect: Effect) -> Option<Msg> {
    // Each has a request id of its own: one of the command line is for one command.
    let mut session = Session::new(Globals { request_id: None, ..globals }).ok()?;
    // What is asked for is shown with its age; it shall not be in the way of anything.
    match effect {
        Effect::Quit => None,
        Effect::Steer { rollout, how } => {
            let done = steer(&mut session, &rollout, &how).await;
            let said = done.map(|of| format!("{}: {}", id_of(&rollout), standing(&of)));
            Some(Msg::Steered(said.map_err(|failure| failure.lines())))
        }
        Effect::Hosts { rollout, page_token } => {
            session.client.show_what_is_there();
            let page = hosts(&mut session, &rollout, page_token).await;
            Some(Msg::Hosts { rollout, page: page.map_err(|failure| failure.why()) })
        }
        Effect::Explain(rollout) => {
            session.client.show_what_is_there();
            let answer = explain(&mut session, &rollout).await.map(Box::new);
            Some(Msg::Explained { rollout, answer: answer.map_err(|failure| failure.why()) })
        }
        Effect::History(rollout) => {
            session.client.show_what_is_there();
            // Trends that are not there are not drawn.
            history(&mut session, &rollout).await.ok().map(Msg::History)
        }
    }
}

async fn steer(session: &mut Session, name: &str, how: &Steer) -> Result<v1::Rollout, Failure> {
    let (request_id, name) = (session.request_id.to_string(), name.to_owned());
    let subject = Subject::Rollout(name.clone());
    let intent = Intent::write(format!("{} {name}", how.verb()), subject, session.request_id);
    let client = &mut session.client;
    match how.clone() {
        Steer::Halt { reason } => {
            let body = v1::HaltRolloutRequest {
                request_id,
                name,
                reason,
                ..v1::HaltRolloutRequest::default()
            };
            let halt = async |attempt: Attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).halt_rollout(request).await
            };
            client.unary(&intent, body, halt).await
        }
        Steer::Pause => {
            let body =
                v1::PauseRolloutRequest { request_id, name, ..v1::PauseRolloutRequest::default() };
            let pause = async |attempt: Attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).pause_rollout(request).await
            };
            client.unary(&intent, body, pause).await
        }
        Steer::Resume { reason } => {
            let body = v1::ResumeRolloutRequest { request_id, name, reason, ..Default::default() };
            let resume = async |attempt: Attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).resume_rollout(request).await
            };
            client.unary(&intent, body, resume).await
        }
        Steer::Promote { tier, wave } => {
            let body = v1::PromoteRolloutRequest {
                request_id,
                name,
                from_tier: tier,
                from_wave: wave,
                ..Default::default()
            };
            let promote = async |attempt: Attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).promote_rollout(request).await
            };
            client.unary(&intent, body, promote).await
        }
    }
}

async fn hosts(
    session: &mut Session,
    rollout: &str,
    page_token: String,
) -> Result<v1::ListGrantsResponse, Failure> {
    let intent = Intent::read(format!("list the hosts of {rollout}"), subject(rollout));
    let rollout = rollout.to_owned();
    let body =
        v1::ListGrantsRequest { rollout, page_size: PAGE_SIZE, page_token, filter: String::new() };
    let list = async |attempt: Attempt, body| {
        let request = attempt.request(body);
        RolloutServiceClient::new(attempt.channel).list_grants(request).await
    };
    session.client.unary(&intent, body, list).await
}

async fn explain(
    session: &mut Session,
    rollout: &str,
) -> Result<v1::ExplainRolloutResponse, Failure> {
    let intent = Intent::read(format!("explain {rollout}"), subject(rollout));
    let body = v1::ExplainRolloutRequest { name: rollout.to_owned(), host: String::new() };
    let explain = async |attempt: Attempt, body| {
        let request = attempt.request(body);
        RolloutServiceClient::new(attempt.channel).explain_rollout(request).await
    };
    session.client.unary(&intent, body, explain).await
}

async fn history(session: &mut Session, rollout: &str) -> Result<v1::History, Failure> {
    let intent = Intent::read(format!("show the trends of {rollout}"), subject(rollout));
    let body = v1::GetHistoryRequest { rollout: rollout.to_owned(), since: None };
    let history = async |attempt: Attempt, body| {
        let request = attempt.request(body);
        DashboardServiceClient::new(attempt.channel).get_history(request).await
    };
    session.client.unary(&intent, body, history).await
}

fn subject(rollout: &str) -> Subject {
    Subject::Rollout(rollout.to_owned())
}

impl Steer {
    /// The command that does the same.
    const fn verb(&self) -> &'static str {
        match self {
            Self::Halt { .. } => "halt",
            Self::Pause => "pause",
            Self::Resume { .. } => "resume",
            Self::Promote { .. } => "promote",
        }
    }
}
