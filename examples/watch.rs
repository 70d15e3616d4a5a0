//! How does a program follow a rollout? One stream; each message has the rollout as it is now and
//! the decisions that were made since the message before.
//!
//! ```sh
//! cargo run -p tidegate-examples --example watch -- 127.0.0.1:7443 113.1
//! ```
//!
//! Prints one line a decision, and ends when the rollout is completed or halted.

use std::io::{self, Write};

use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tidegate_proto::v1::{Rollout, RolloutState, WatchRolloutRequest};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(controller), Some(rollout)) = (arguments.next(), arguments.next()) else {
        return Err("usage: watch HOST:PORT ROLLOUT".into());
    };
    let mut client = RolloutServiceClient::connect(format!("http://{controller}")).await?;
    let name = format!("rollouts/{rollout}");
    let request = WatchRolloutRequest { name, from_revision: 0 };
    let opened = client.watch_rollout(request).await;
    let mut changes = opened.map_err(|status| status.message().to_owned())?.into_inner();

    let mut out = io::stdout().lock();
    while let Some(change) = changes.message().await? {
        for record in &change.records {
            let (index, actor) = (record.log_index, &record.actor);
            writeln!(out, "log {index:>6}  {actor}  {}: {}", record.event, record.detail)?;
        }
        if let Some(rollout) = change.rollout.filter(is_over) {
            writeln!(out, "{} is {}", rollout.name, rollout.state().as_str_name())?;
            return Ok(());
        }
    }
    // A controller that goes away ends its streams. Nothing is lost: ask another one.
    Err(format!("{controller} ended the stream; watch at another controller").into())
}

/// Where a program that waits can stop waiting: a halted rollout moves only when a person lifts it.
fn is_over(rollout: &Rollout) -> bool {
    matches!(rollout.state(), RolloutState::Completed | RolloutState::Halted)
}
