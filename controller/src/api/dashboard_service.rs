//! What does a dashboard ask? The whole at a glance, a stream of what changes, and the last two days.

use std::time::Duration;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::dashboard_service_server::DashboardService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::rollout;
use super::desk::Desk;
use super::error::{ApiError, BadField, WatchError};
use super::reads::Freshness;
use crate::machine::Rejection;
use crate::machine::ids::RolloutId;
use crate::views::{Filter, Next, Seat, Views, Watcher};

/// How long nothing changes until a watcher is given a sign of life.
const BOOKMARK_AFTER: Duration = Duration::from_secs(10);

type Answer<T> = Result<Response<T>, Status>;
type Told = mpsc::Sender<Result<pb::WatchResponse, Status>>;

#[tonic::async_trait]
impl DashboardService for Desk {
    type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

    async fn get_overview(&self, request: Request<pb::GetOverviewRequest>) -> Answer<pb::Overview> {
        caller::operator(request.metadata())?;
        let freshness = Freshness::of(request.metadata())?;
        let wanted = wanted(&request.get_ref().rollout)?;
        self.show(freshness, wanted.as_ref()).await?;
        let overview = self.views.overview(&Filter::of(wanted.as_ref()));
        let revision = overview.revision;
        Ok(freshness.label(overview, revision))
    }

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Self::WatchStream> {
        caller::operator(request.metadata())?;
        let freshness = Freshness::of(request.metadata())?;
        let request = request.into_inner();
        let wanted = wanted(&request.rollout)?;
        let filter = filter(wanted.as_ref(), request.content)?;
        let seat = self.views.sit_down().map_err(ApiError::from)?;
        let shown = self.show(freshness, wanted.as_ref()).await?;
        let watcher = match request.resume_token.as_str() {
            "" => self.views.watch(filter),
            token => self.views.resume(filter, token).await.map_err(ApiError::from)?,
        };
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(tell(self.views.clone(), watcher, sender, seat));
        Ok(freshness.label(ReceiverStream::new(receiver), shown))
    }

    async fn get_history(&self, request: Request<pb::GetHistoryRequest>) -> Answer<pb::History> {
        caller::operator(request.metadata())?;
        let freshness = Freshness::of(request.metadata())?;
        let request = request.into_inner();
        let id = rollout::id(&request.rollout).map_err(ApiError::from)?;
        let since_ms = request
            .since
            .map_or(0, |since| u64::try_from(since.seconds).unwrap_or(0).saturating_mul(1_000));
        let shown = self.show(freshness, Some(&id)).await?;
        Ok(freshness.label(self.views.history(&id, since_ms), shown))
    }
}

impl Desk {
    /// Waits until the board shows what a reader wants to see, and says up to which log index it does.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: nobody leads, this node lags, or there is no such rollout.
    pub(super) async fn show(
        &self,
        freshness: Freshness,
        rollout: Option<&RolloutId>,
    ) -> Result<u64, ApiError> {
        self.ready(freshness).await?;
        let applied = self.look(|machine| Ok(machine.applied())).await?;
        self.views.reach(applied).await?;
        match rollout.filter(|id| !self.views.knows(id)) {
            Some(id) => Err(Rejection::UnknownRollout { rollout: id.clone() }.into()),
            None => Ok(applied),
        }
    }
}

fn wanted(rollout: &str) -> Result<Option<RolloutId>, ApiError> {
    if rollout.is_empty() {
        return Ok(None);
    }
    let id = super::convert::check::resource("rollout", "rollouts", rollout)?;
    Ok(Some(id))
}

fn filter(rollout: Option<&RolloutId>, content: i32) -> Result<Filter, ApiError> {
    let filter = Filter::of(rollout);
    match pb::WatchContent::try_from(content) {
        Ok(pb::WatchContent::Unspecified | pb::WatchContent::Everything) => Ok(filter),
        Ok(pb::WatchContent::Records) => Ok(filter.records_only()),
        Err(_) => {
            let what = "is no content that this version knows: leave it out for everything";
            Err(BadField::new("content", &content.to_string(), what).into())
        }
    }
}

/// Tells the watcher everything, until it goes away, cannot follow, or the node stops. A message is made when
/// there is room for it: who does not read has one waiting, and no more.
async fn tell(views: Views, mut watcher: Watcher, told: Told, _seat: Seat) {
    while let Ok(room) = told.reserve().await {
        let Some(message) = next(&views, &mut watcher, &told).await else { return };
        let ends = message.is_err();
        room.send(message);
        if ends {
            return;
        }
    }
}

/// What the watcher is told next, as soon as there is something; `None`: it went away.
async fn next(
    views: &Views,
    watcher: &mut Watcher,
    told: &Told,
) -> Option<Result<pb::WatchResponse, Status>> {
    let mut news = views.news();
    let quiet = tokio::time::sleep(BOOKMARK_AFTER);
    tokio::pin!(quiet);
    loop {
        news.borrow_and_update();
        match views.next(watcher) {
            Next::Message(message) => return Some(Ok(*message)),
            Next::TooSlow(error) => return Some(Err(ApiError::from(error).into())),
            Next::Nothing => (),
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() {
                return Some(Err(ApiError::from(WatchError::Ended).into()));
            },
            () = &mut quiet => return Some(Ok(views.bookmark(watcher))),
            () = told.closed() => return None,
        }
    }
}
