//! `tidegate rollout plan`: what would a rollout do that started now?

use clap::Args;
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::create_rollout_request::Policy as Read;
use tidegate_proto::v1::plan_rollout_request::Policy;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::start::policy;
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::plan::whole;
use crate::client::session::Session;

/// Flags of `rollout plan`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout plan 113.1 --policy standard")]
pub struct Plan {
    /// The patch set, e.g. `113.1`.
    #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
    version: String,
    /// A preset's name, or a policy file (`.toml`) [default: standard].
    #[arg(long, value_name = "PRESET|FILE.toml")]
    policy: Option<String>,
    /// Nobody begins before this date, such as `2026-12-01T06:00:00Z`.
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    start_at: Option<Timestamp>,
}

/// Asks, and draws the answer.
pub(crate) async fn run(session: &mut Session, flags: Plan) -> Result<Exit, Failure> {
    let (policy, policy_source) = policy(flags.policy.as_deref())?;
    let policy = match policy {
        Read::Preset(preset) => Policy::Preset(preset),
        Read::PolicyToml(text) => Policy::PolicyToml(text),
    };
    let attempt = format!("plan a rollout of {}", flags.version);
    let intent = Intent::read(attempt, Subject::PatchSet(flags.version.clone()));
    let body = v1::PlanRolloutRequest {
        patch_set: flags.version,
        policy: Some(policy),
        policy_source,
        start_at: flags.start_at,
    };
    let plan = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).plan_rollout(request).await
        })
        .await?;
    session.out.one(&plan, |show, _| whole(&plan, show))?;
    Ok(Exit::Done)
}
