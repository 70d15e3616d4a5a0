//! How does a request reach a controller? Every endpoint is tried; what was not answered, or answered
//! with "unavailable", is tried again, under the same request id, until the time is up.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Response, Status};

use super::advice::Intent;
use super::change::Change;
use super::errors::{Failure, talk};
use super::ids::RequestId;
use super::output::text::plain;
use super::refused::Refused;

/// How long a request is tried where the operator does not say.
pub(crate) const UNARY_PATIENCE: Duration = Duration::from_secs(10);

/// How long one artifact's upload is tried where the operator does not say.
pub(crate) const UPLOAD_PATIENCE: Duration = Duration::from_secs(300);

/// How long one of several controllers may take to answer at first: one that stands still must not keep a
/// halt from the others.
const FIRST_SHARE: Duration = Duration::from_secs(1);

/// How long it may take in later rounds: longer than a controller looks for a leader before it says that
/// there is none.
const LATER_SHARE: Duration = Duration::from_secs(6);

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
    change: Change,
    verbose: u8,
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

/// How a request is tried.
#[derive(Debug, Clone, Copy)]
struct Tries {
    /// How long in all.
    patience: Duration,
    /// How long each endpoint may take to answer in the first round. Of one endpoint alone: all the time.
    first_share: Duration,
    deadline: Deadline,
}

/// One question to each endpoint.
#[derive(Debug, Clone, Copy)]
struct Round {
    until: Instant,
    /// How long each endpoint may take to answer.
    share: Duration,
    tries: Tries,
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
        let (reading, change) = (Reading::Newest, Change::default());
        Self {
            endpoints,
            preferred: 0,
            operator,
            patience,
            under_way: None,
            reading,
            change,
            verbose: 0,
        }
    }

    /// From 1 on it says on stderr who answered and how long it took, from 2 on also who did not.
    pub(crate) fn telling(self, verbose: u8) -> Self {
        Self { verbose, ..self }
    }

    /// Changes are meant like this.
    pub(crate) fn changing(self, change: Change) -> Self {
        Self { change, ..self }
    }

    /// How changes are meant.
    pub(crate) fn change(&self) -> &Change {
        &self.change
    }

    /// How changes are meant, for the command that makes one.
    pub(crate) fn change_mut(&mut self) -> &mut Change {
        &mut self.change
    }

    /// With `stale`, reads show what the answering controller has, which may be out of date.
    pub(crate) fn reading(self, stale: bool) -> Self {
        Self { reading: if stale { Reading::Stale } else { Reading::Newest }, ..self }
    }

    /// Reads show what the answering controller has; whoever asks says by itself how old that is.
    pub(crate) fn show_what_is_there(&mut self) {
        self.reading = Reading::StaleAndTold;
    }

    /// The operator's own limit on how long to try; `None`: not given.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// How much of `patience` each endpoint gets at first, if all have to be tried.
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
        let first_share = FIRST_SHARE.min(self.share(patience));
        let tries = Tries { patience, first_share, deadline: Deadline::Sent };
        self.ask(intent, tries, body, call).await
    }

    /// Sends one artifact and waits for its answer.
    pub(crate) async fn upload<B: Clone, R>(
        &mut self,
        intent: &Intent,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        let patience = self.patience.unwrap_or(UPLOAD_PATIENCE);
        let first_share = self.share(patience);
        let tries = Tries { patience, first_share, deadline: Deadline::Sent };
        self.ask(intent, tries, body, call).await
    }

    /// Opens a stream, within `patience`; how long it then lasts is the caller's matter.
    pub(crate) async fn open<B: Clone, R>(
        &mut self,
        intent: &Intent,
        patience: Duration,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        let first_share = self.share(patience);
        let tries = Tries { patience, first_share, deadline: Deadline::Kept };
        self.ask(intent, tries, body, call).await
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

    /// Tries until an answer comes that no other controller could better, or the time is up.
    async fn ask<B: Clone, R>(
        &mut self,
        intent: &Intent,
        tries: Tries,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Failure> {
        self.change.may_send(intent)?;
        self.under_way = intent.request_id();
        let asked = self.rounds(tries, body, call).await;
        self.under_way = None;
        asked.map_err(|refused| Failure::of_request(intent, &refused))
    }

    /// Asks all endpoints again and again, under the same request id.
    async fn rounds<B: Clone, R>(
        &mut self,
        tries: Tries,
        body: B,
        call: impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Refused> {
        let until = Instant::now() + tries.patience;
        let mut round = Round { until, share: tries.first_share, tries };
        let mut pause = FIRST_PAUSE;
        let mut told: Option<Refused> = None;
        loop {
            let refused = match self.round(&round, &body, &call).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            let wait = refused.retry_delay().unwrap_or(pause);
            let may_pass = refused.may_pass() && Instant::now() + wait < until;
            // What a controller said before says more than silence now.
            let refused = refused.after(told.take());
            if !may_pass {
                return Err(refused);
            }
            told = Some(refused);
            sleep(wait).await;
            pause = (pause * 2).min(LAST_PAUSE);
            round.share = round.share.max(LATER_SHARE);
        }
    }

    /// Tries each endpoint once, the one that last answered first. None may use up the others' time.
    async fn round<B: Clone, R>(
        &mut self,
        round: &Round,
        body: &B,
        call: &impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Refused> {
        let (first, count) = (self.preferred, self.endpoints.len());
        let mut told: Option<Refused> = None;
        for at in (0..count).map(|turn| (first + turn) % count) {
            if told.is_some() && Instant::now() >= round.until {
                break;
            }
            let refused = match self.attempt(at, round, body, call).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            if refused.was_silent() && at == self.preferred {
                self.preferred = (at + 1) % count;
            }
            let may_pass = refused.may_pass();
            told = Some(refused.after(told));
            if !may_pass {
                break;
            }
        }
        Err(told.unwrap_or_else(Refused::nobody))
    }

    /// Tries one endpoint once.
    async fn attempt<B: Clone, R>(
        &mut self,
        at: usize,
        round: &Round,
        body: &B,
        call: &impl AsyncFn(Attempt, B) -> Result<Response<R>, Status>,
    ) -> Result<R, Refused> {
        let left = round.until.saturating_duration_since(Instant::now());
        let share = if self.endpoints.len() == 1 { left } else { left.min(round.share) };
        let attempt = Attempt {
            channel: self.endpoints[at].1.clone(),
            operator: self.operator.clone(),
            deadline: (round.tries.deadline == Deadline::Sent).then_some(share),
            reading: self.reading,
        };
        let asked = Instant::now();
        let answered = timeout(share, call(attempt, body.clone())).await;
        self.tell_of(at, asked.elapsed(), &answered);
        match answered {
            Ok(Ok(answer)) => {
                self.preferred = at;
                self.tell_if_stale(at, answer.metadata());
                let is_change = self.under_way.is_some();
                if is_change && self.change.is_dry() && !is_validated(answer.metadata()) {
                    return Err(Refused::done_instead(&self.endpoints[at].0));
                }
                Ok(answer.into_inner())
            }
            Ok(Err(status)) => {
                Err(Refused::of(&self.endpoints[at].0, round.tries.patience, status))
            }
            Err(_) => Err(Refused::silence(&self.endpoints[at].0, round.tries.patience)),
        }
    }
}

impl Client {
    /// Says on stderr who answered, as far as the operator wants to know.
    fn tell_of<R, E>(
        &self,
        at: usize,
        took: Duration,
        answered: &Result<Result<Response<R>, Status>, E>,
    ) {
        let address = self.endpoints[at].0.authority().map_or("", |address| address.as_str());
        let ms = took.as_millis();
        match answered {
            Ok(Ok(answer)) if self.verbose > 0 => {
                let said = answer.metadata().get(tidegate_proto::APPLIED_HEADER);
                let index = said.and_then(|index| index.to_str().ok());
                let index =
                    index.map_or_else(String::new, |index| format!(" at log index {index}"));
                let id = self.under_way.map_or_else(String::new, |id| format!(", request id {id}"));
                talk(&format!("{address} answered after {ms} ms{index}{id}"));
            }
            Ok(Err(status)) if self.verbose > 1 => {
                let why = plain(status.message());
                talk(&format!("{address} refused after {ms} ms: {}: {why}", status.code()));
            }
            Err(_) if self.verbose > 1 => talk(&format!("{address} did not answer within {ms} ms")),
            Ok(Ok(_) | Err(_)) | Err(_) => (),
        }
    }

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

/// Whether a controller says of its answer that nothing was changed.
fn is_validated(said: &MetadataMap) -> bool {
    said.contains_key(tidegate_proto::VALIDATED_HEADER)
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
