//! How is one rollout followed by `WatchRollout`? On the same board as every dashboard, without tokens.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::watch_response::Body;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::desk::Desk;
use super::error::{ApiError, WatchError};
use crate::machine::Rejection;
use crate::machine::ids::RolloutId;
use crate::views::{Filter, Next, Seat, Views, Watcher};

type Change = pb::WatchRolloutResponse;
type Told = mpsc::Sender<Result<Change, Status>>;

/// The rollout as it is, then each change.
pub(super) async fn stream(
    desk: &Desk,
    id: &RolloutId,
    seat: Seat,
) -> Result<ReceiverStream<Result<Change, Status>>, ApiError> {
    let wanted = id.clone();
    let policy_toml = desk.look(move |machine| {
        let of = machine.rollouts().get(&wanted);
        let unknown = || Rejection::UnknownRollout { rollout: wanted.clone() };
        Ok(of.ok_or_else(unknown)?.policy_toml.clone())
    });
    let shown = Shown { policy_toml: policy_toml.await?, rollout: None };
    let views = desk.views.clone();
    let filter = Filter::of(Some(id));
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let watcher = views.watch(filter.clone());
        Follow { views, filter, watcher, shown, _seat: seat }.tell(sender).await;
    });
    Ok(ReceiverStream::new(receiver))
}

/// One follower.
struct Follow {
    views: Views,
    filter: Filter,
    watcher: Watcher,
    shown: Shown,
    _seat: Seat,
}

/// What was shown last.
struct Shown {
    policy_toml: String,
    rollout: Option<pb::Rollout>,
}

impl Follow {
    /// Sends each change until the watcher goes away. A slow one gets the latest state and every record.
    async fn tell(mut self, told: Told) {
        let mut news = self.views.news();
        while let Ok(room) = told.reserve().await {
            let change = loop {
                news.borrow_and_update();
                match self.next().await {
                    Ok(Some(change)) => break Ok(change),
                    Ok(None) => (),
                    Err(error) => break Err(Status::from(ApiError::from(error))),
                }
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    () = told.closed() => return,
                }
            };
            let ends = change.is_err();
            room.send(change);
            if ends {
                return;
            }
        }
    }

    /// What is new; `None`: nothing.
    async fn next(&mut self) -> Result<Option<Change>, WatchError> {
        loop {
            match self.views.next(&mut self.watcher) {
                Next::Nothing => return Ok(None),
                Next::Message(message) => {
                    let change = message.body.and_then(|body| self.shown.news(body));
                    if change.is_some() {
                        return Ok(change);
                    }
                }
                // It has no token to come again with, so what has piled up is told in pieces.
                Next::TooSlow(WatchError::TooSlow { token }) => {
                    self.watcher = self.views.resume(self.filter.clone(), &token).await?;
                }
                Next::TooSlow(error) => return Err(error),
            }
        }
    }
}

impl Shown {
    /// The change, unless nothing but the time has moved on.
    fn news(&mut self, body: Body) -> Option<Change> {
        let (view, records) = match body {
            Body::Snapshot(overview) => (overview.rollouts.into_iter().next(), Vec::new()),
            Body::Changes(changes) => (changes.rollouts.into_iter().next(), changes.records),
            Body::Bookmark(_) => return None,
        };
        let before = self.rollout.as_ref().map(|rollout| rollout.revision);
        if let Some(rollout) = view.and_then(|view| view.rollout) {
            self.rollout = Some(pb::Rollout { policy_toml: self.policy_toml.clone(), ..rollout });
        }
        let now = self.rollout.as_ref().map(|rollout| rollout.revision);
        (now != before || !records.is_empty())
            .then(|| Change { rollout: self.rollout.clone(), records })
    }
}
