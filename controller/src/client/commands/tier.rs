//! `tidegate tier`: which steps has the ladder?

use clap::Subcommand;
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::session::Session;

/// Verbs of `tier`.
#[derive(Debug, Subcommand)]
pub enum TierCommand {
    /// List the tiers, first to last.
    List,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: TierCommand) -> Result<Exit, Failure> {
    match command {
        TierCommand::List => {
            let intent = Intent::read("list the tiers", Subject::Tiers);
            let answer = session
                .client
                .unary(&intent, v1::ListTiersRequest {}, async |attempt, body| {
                    let request = attempt.request(body);
                    FleetServiceClient::new(attempt.channel).list_tiers(request).await
                })
                .await?;
            session.out.list("tiers", &answer.tiers, [])?;
            Ok(Exit::Done)
        }
    }
}
