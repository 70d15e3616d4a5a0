//! When is the board drawn? When something was applied and the last look is a while ago, at once when somebody
//! waits for it, and when the leadership changes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::drawn::draw;
use super::{Announce, Views};
use crate::runtime::{Handle, Stopped};

/// Pause between two looks while somebody watches: no thing is told of more than ten times a second.
const WATCHED: Duration = Duration::from_millis(100);
/// The same while nobody does.
const UNWATCHED: Duration = Duration::from_secs(1);

/// Draws until the node stops. For one task of the node.
pub async fn run(views: Views, announce: Announce, handle: Handle) {
    let (mut applied, mut leadership) = (handle.applied(), handle.leadership());
    loop {
        applied.borrow_and_update();
        leadership.borrow_and_update();
        if look(&views, &announce, &handle).await.is_err() {
            return;
        }
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            changed = leadership.changed() => if changed.is_err() { return },
            () = views.shared.wanted.notified() => continue,
        }
        let watched = views.shared.watchers.load(Ordering::Relaxed) > 0;
        tokio::select! {
            () = tokio::time::sleep(if watched { WATCHED } else { UNWATCHED }) => (),
            () = views.shared.wanted.notified() => (),
        }
    }
}

async fn look(views: &Views, announce: &Announce, handle: &Handle) -> Result<(), Stopped> {
    let (last, disk) = (views.board().trail.last(), handle.disk().state());
    let looked =
        handle.gather(move |machine, node, touched| draw(machine, (node, disk), touched, last));
    let drawn = looked.await?;
    let step = {
        let mut board = views.board();
        board.put(drawn, views.clock.monotonic());
        views.kept().note(board.clocks().wall_time, board.rollouts());
        board.step()
    };
    announce.0.send_replace(step);
    Ok(())
}
