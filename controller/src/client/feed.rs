//! How does a client follow the cluster? A stream that is opened again where it breaks, behind the last message
//! that came: nothing is missing then, and no record comes twice.

use std::error::Error as _;
use std::time::Duration;

use tidegate_proto::v1;
use tidegate_proto::v1::dashboard_service_client::DashboardServiceClient;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Status, Streaming};

use super::advice::Intent;
use super::connect::{Client, UNARY_PATIENCE};
use super::errors::Failure;
use super::refused::Refused;

/// Pause before a broken stream is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);

/// A stream that lasts.
#[derive(Debug)]
pub(crate) struct Feed {
    intent: Intent,
    /// `rollouts/{rollout}`; empty: all.
    rollout: String,
    content: v1::WatchContent,
    token: String,
    stream: Option<Streaming<v1::WatchResponse>>,
}

/// What comes of a stream next.
#[derive(Debug)]
pub(crate) enum Fed {
    /// A message.
    Told(Box<v1::WatchResponse>),
    /// It broke off, and is opened again with the next question.
    Broken(Status),
    /// The time is up.
    TimeIsUp,
}

impl Feed {
    /// Everything, or one rollout; nothing is opened yet.
    pub(crate) fn new(intent: Intent, rollout: &str) -> Self {
        let content = v1::WatchContent::Everything;
        Self { intent, rollout: rollout.to_owned(), content, token: String::new(), stream: None }
    }

    /// The same, the records alone.
    pub(crate) fn of_records(intent: Intent, rollout: &str) -> Self {
        Self { content: v1::WatchContent::Records, ..Self::new(intent, rollout) }
    }

    /// The next message, or that there is none for now.
    ///
    /// # Errors
    ///
    /// [`Failure`]: it was refused, and will be again.
    pub(crate) async fn next(
        &mut self,
        client: &mut Client,
        deadline: Option<Instant>,
    ) -> Result<Fed, Failure> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let opened = self.open(client, deadline).await?;
                self.stream.insert(opened)
            }
        };
        let next = match deadline {
            None => stream.message().await,
            Some(deadline) => match timeout_at(deadline, stream.message()).await {
                Ok(next) => next,
                Err(_) => return Ok(Fed::TimeIsUp),
            },
        };
        match next {
            Ok(Some(told)) => {
                self.token.clone_from(&told.resume_token);
                Ok(Fed::Told(Box::new(told)))
            }
            Ok(None) => self.broken(Status::unavailable("the stream ended"), deadline).await,
            Err(status) => self.broken(status, deadline).await,
        }
    }

    async fn open(
        &mut self,
        client: &mut Client,
        deadline: Option<Instant>,
    ) -> Result<Streaming<v1::WatchResponse>, Failure> {
        let opened = self.open_once(client, deadline).await;
        // What is no longer kept, or of another life of the cluster, is not asked for twice.
        let forgotten = |failure: &Failure| {
            failure.has_reason("RESUME_TOKEN_COMPACTED") || failure.has_reason("BAD_RESUME_TOKEN")
        };
        match opened {
            Err(failure) if forgotten(&failure) && !self.token.is_empty() => {
                self.token.clear();
                self.open_once(client, deadline).await
            }
            opened => opened,
        }
    }

    async fn open_once(
        &self,
        client: &mut Client,
        deadline: Option<Instant>,
    ) -> Result<Streaming<v1::WatchResponse>, Failure> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = left.map_or(UNARY_PATIENCE, |left| left.min(UNARY_PATIENCE));
        let body = v1::WatchRequest {
            rollout: self.rollout.clone(),
            content: self.content.into(),
            resume_token: self.token.clone(),
        };
        client
            .open(&self.intent, patience, body, async |attempt, body| {
                let request = attempt.request(body);
                DashboardServiceClient::new(attempt.channel).watch(request).await
            })
            .await
    }

    /// The stream broke off. Waits a moment, so that whoever asks again does not do so at once.
    async fn broken(&mut self, status: Status, deadline: Option<Instant>) -> Result<Fed, Failure> {
        self.stream = None;
        if !may_reopen(&status) {
            return Err(Failure::of_request(&self.intent, &Refused::answer(status)));
        }
        if deadline.is_some_and(|deadline| Instant::now() + REOPEN_PAUSE >= deadline) {
            return Ok(Fed::TimeIsUp);
        }
        sleep(REOPEN_PAUSE).await;
        Ok(Fed::Broken(status))
    }
}

/// A stream ends where its controller goes away, or where it was read too slowly; one that was refused stays
/// refused, but for a token that is too old by now.
fn may_reopen(status: &Status) -> bool {
    let code = status.code();
    status.source().is_some() || code == Code::Unavailable || code == Code::OutOfRange
}
