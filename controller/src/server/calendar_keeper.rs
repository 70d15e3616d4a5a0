//! Who says when a window is open? The leader, by the rules of time zones that its build knows, some days ahead.

use std::time::Duration;

use tidegate_policies::schedule::Window;
use tidegate_policies::time::WallTime;

use crate::api::Desk;
use crate::machine::Command;
use crate::machine::command::KnowOpenings;

/// How often a leader looks whether openings run out. A new window opens no later than that.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps the openings of every window known, until it is aborted or the node has stopped.
pub(super) async fn run(desk: Desk) {
    loop {
        if desk.handle.leads() {
            let wanted =
                desk.handle.query(|machine| (machine.clock().wall, machine.windows_run_out()));
            let Ok((wall, windows)) = wanted.await else { return };
            for window in windows {
                compute(&desk, wall, window).await;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn compute(desk: &Desk, wall: WallTime, window: Window) {
    let said = window.to_string();
    let Some(openings) = window.openings(wall) else {
        tracing::warn!(window = said, "calendar.zone_unknown");
        return;
    };
    let spans = openings.spans.len();
    match desk.handle.propose(Command::KnowOpenings(KnowOpenings { window, openings })).await {
        Ok((position, Ok(_))) => {
            tracing::info!(window = said, spans, index = position.index, "calendar.openings");
        }
        Ok((_, Err(rejection))) => tracing::warn!(window = said, %rejection, "calendar.refused"),
        Err(error) => tracing::debug!(window = said, %error, "calendar.not_said"),
    }
}
