//! How does a request reach a controller? Every endpoint is tried; only "unavailable" is tried
//! again, under the same request id, until the time is up.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, ConnectError, Request, Response, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use super::advice::Intent;
use super::errors::{Failure, Refused, talk};
use super::ids::RequestId;

/// How long a request is tried where the operator does not say.
pub(crate) const UNARY_PATIENCE: Duration = Duration::from_secs(10);

/// How long one artifact's upload is tried where the operator does not say.
pub(crate) const UPLOAD_PATIENCE: Duration = Duration::from_secs(300);

/// How long one endpoint may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// A peer that answers no ping for this long is gone; otherwise a watch would wait for ever.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_PATIENCE: Duration = Duration::from_secs(5);

/// Pause before all endpoints are tried again: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The controllers, and how to ask them.
#[derive(Debug)]
pub(crate) struct Client {
    endpoints: Vec<(Uri, Channel)>,
    preferred: usize,
    operator: Option<MetadataValue<Ascii>>,
    patience: Option<Duration>,
    under_way: Option<RequestId>,
    reading: Reading,
}

/// What reads are to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// All that was acknowledged before.
    Newest,
    /// What the answering controller has.
    Stale,
    /// The same, and the operator has been told of it.
    StaleAndTold,
}

/// One try at one endpoint.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The connection to use.
    pub(crate) channel: Channel,
    operator: Option<MetadataValue<Ascii>>,
    deadline: Option<Duration>,
    reading: Reading,
}

impl Attempt {
    /// The request with the operator's name and the deadline on it.
    pub(crate) fn request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        if let Some(operator) = &self.operator {
            let key = tidegate_proto::DEVELOPMENT_OPERATOR_HEADER;
            request.metadata_mut().insert(key, operator.clone());
        }
        if self.reading != Reading::Newest {
            let stale = MetadataValue::from_static(tidegate_proto::READ_STALE);
            request.metadata_mut().insert(tidegate_proto::READ_HEADER, stale);
        }
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        request
    }
}

/// Whether the server is told the deadline: it bounds the whole answer, streams included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deadline {
    Sent,
    Kept,
}

impl Client {
    /// Connects to nothing yet. `patience`: as the operator says, `None`: the default of each call.
    pub(crate) fn new(
        uris: Vec<Uri>,
        operator: Option<MetadataValue<Ascii>>,
        patience: Option<Duration>,
    ) -> Self {
        let endpoints = uris
            .into_iter()
            .map(|uri| {
                let channel = Endpoint::from(uri.clone())
                    .connect_timeout(CONNECT_PATIENCE)
                    .tcp_nodelay(true)
                    .http2_keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_PATIENCE)
                    .keep_alive_while_idle(true)
                    .connect_lazy();
                (uri, channel)
            })
            .collect();
        let reading = Reading::Newest;
        Self { endpoints, preferred: 0, operator, patience, under_way: None, reading }
    }

    /// With `stale`, reads show what the answering controller has, which may be out of date.
    pub(crate) fn reading(self, stale: bool) -> Self {
        Self { reading: if stale { Reading::Stale } else { Reading::Newest }, ..self }
    }

    /// The operator's own limit on how long to try; `None`: not given.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// How much of `patience` each endpoint gets, if all have to be tried.
    pub(crate) fn share(&self, patience: Duration) -> Duration {
        patience / u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Sends one request and waits for its answer.
    pub(crate) async fn unary<B: Clone, R>(
        &mut self,
        intent: &Intent,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        let patience = self.patience.unwrap_or(UNARY_PATIENCE);
        self.ask(intent, (patience, Deadline::Sent), body, call).await
    }

    /// Sends one artifact and waits for its answer.
    pub(crate) async fn upload<B: Clone, R>(
        &mut self,
        intent: &Intent,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        let patience = self.patience.unwrap_or(UPLOAD_PATIENCE);
        self.ask(intent, (patience, Deadline::Sent), body, call).await
    }

    /// Opens a stream, within `patience`; how long it then lasts is the caller's matter.
    pub(crate) async fn open<B: Clone, R>(
        &mut self,
        intent: &Intent,
        patience: Duration,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        self.ask(intent, (patience, Deadline::Kept), body, call).await
    }

    /// What to say when the operator interrupts.
    pub(crate) fn interrupted(&self) -> String {
        match self.under_way {
            None => "interrupted: nothing is undone".to_owned(),
            Some(id) => format!(
                "interrupted: nothing is undone, and what was sent may still happen; \
                 repeat the command with --request-id {id} to be sure"
            ),
        }
    }

    async fn ask<B: Clone, R>(
        &mut self,
        intent: &Intent,
        (patience, send): (Duration, Deadline),
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        self.under_way = intent.request_id();
        let until = Instant::now() + patience;
        let mut sent = false;
        let mut answered: Option<Status> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let round = self.round(until, send, &body, &call).await;
            let status = match round {
                Ok(answer) => {
                    self.under_way = None;
                    return Ok(answer);
                }
                Err(refused) => {
                    sent |= refused.sent;
                    refused.status
                }
            };
            let wait = retry_delay(&status).unwrap_or(pause);
            if status.code() != Code::Unavailable || Instant::now() + wait >= until {
                self.under_way = None;
                // What a controller said before the time was up says more than that it is up.
                let late = status.code() == Code::DeadlineExceeded;
                let status = answered.filter(|_| late).unwrap_or(status);
                return Err(Failure::of_request(intent, &Refused { status, sent }));
            }
            if status.get_details_error_info().is_some() {
                answered = Some(status);
            }
            sleep(wait).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Tries each endpoint once, the one that last answered first. Each gets its share of the time
    /// left, so that a hanging one cannot use up all of it.
    async fn round<B: Clone, R>(
        &mut self,
        until: Instant,
        send: Deadline,
        body: &B,
        call: &impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Refused> {
        let count = self.endpoints.len();
        let mut told: Option<Refused> = None;
        for turn in 0..count {
            let at = (self.preferred + turn) % count;
            let left = u32::try_from(count - turn).unwrap_or(u32::MAX);
            let share = until.saturating_duration_since(Instant::now()) / left;
            let attempt = Attempt {
                channel: self.endpoints[at].1.clone(),
                operator: self.operator.clone(),
                deadline: (send == Deadline::Sent).then_some(share),
                reading: self.reading,
            };
            let status = match timeout(share, call(attempt, body.clone())).await {
                Ok(Ok(answer)) => {
                    self.preferred = at;
                    self.tell_if_stale(at, answer.metadata());
                    return Ok(answer.into_inner());
                }
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded(""),
            };
            let refused = plain_words(&self.endpoints[at].0, share, status);
            let elsewhere =
                matches!(refused.status.code(), Code::Unavailable | Code::DeadlineExceeded);
            told = Some(more_telling(told, refused));
            if !elsewhere {
                break;
            }
        }
        let none = || Status::unavailable("no endpoint was given");
        Err(told.unwrap_or_else(|| Refused { status: none(), sent: false }))
    }
}

impl Client {
    /// Says once on stderr that an answer may be out of date; also with `--quiet`.
    fn tell_if_stale(&mut self, at: usize, said: &MetadataMap) {
        let text = |key| said.get(key).and_then(|value| value.to_str().ok());
        let stale = text(tidegate_proto::READ_HEADER) == Some(tidegate_proto::READ_STALE);
        if self.reading == Reading::StaleAndTold || !stale {
            return;
        }
        self.reading = Reading::StaleAndTold;
        let address = self.endpoints[at].0.authority().map_or("", |address| address.as_str());
        let index = text(tidegate_proto::APPLIED_HEADER).unwrap_or("unknown");
        talk(&format!("stale: as {address} had it at log index {index}; it may be out of date"));
    }
}

/// Turns what the transport says into what it means: a broken or refused connection is
/// "unavailable", whatever it was called on the way.
fn plain_words(uri: &Uri, share: Duration, status: Status) -> Refused {
    let address = uri.authority().map_or_else(String::new, ToString::to_string);
    // A controller that gives up at the deadline which it was told says "cancelled".
    let gave_up = matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled);
    if gave_up || caused_by::<TimeoutExpired>(&status) {
        let message = format!("no answer from {address} within {} ms", share.as_millis());
        return Refused { status: Status::deadline_exceeded(message), sent: true };
    }
    if status.source().is_none() {
        return Refused { status, sent: true };
    }
    let sent = !caused_by::<ConnectError>(&status);
    let verb = if sent { "lost the connection to" } else { "cannot connect to" };
    let message = format!("{verb} {address}: {}", root_cause(&status));
    Refused { status: Status::unavailable(message), sent }
}

/// An answer outweighs a failed connection; otherwise the last one counts.
fn more_telling(told: Option<Refused>, refused: Refused) -> Refused {
    let Some(told) = told else { return refused };
    let sent = told.sent || refused.sent;
    let keep = told.sent && !refused.sent;
    let status = if keep { told.status } else { refused.status };
    Refused { status, sent }
}

fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|info| info.retry_delay)
}

fn caused_by<E: std::error::Error + 'static>(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn root_cause(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
