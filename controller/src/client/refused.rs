//! What became of a request that was not carried out? A controller's word says more than silence, and
//! silence more than a connection that was never made.

use std::error::Error as _;
use std::time::Duration;

use tonic::transport::Uri;
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

/// A request that was answered with an error, or not answered.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The answer, or what stands for the missing one.
    pub(crate) status: Status,
    /// Some controller may have received the request.
    pub(crate) sent: bool,
    heard: Heard,
}

/// How much is known of a request's fate, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    /// It never left: there was no connection.
    NoConnection,
    /// It left, and no answer came.
    Silence,
    /// What a controller said.
    Answer,
}

impl Refused {
    /// A controller's own word.
    pub(crate) fn answer(status: Status) -> Self {
        Self { status, sent: true, heard: Heard::Answer }
    }

    /// A stream ended before its time, `after` so much of it: the controller's own word, or the
    /// transport's, which says "unknown" of a controller that went away.
    pub(crate) fn midway(status: Status, after: &str) -> Self {
        if status.source().is_none() {
            return Self::answer(status);
        }
        let message = format!("the connection broke off after {after}: {}", root_cause(&status));
        Self { status: Status::unavailable(message), sent: true, heard: Heard::Silence }
    }

    /// There was nobody to ask.
    pub(super) fn nobody() -> Self {
        let status = Status::unavailable("no endpoint was given");
        Self { status, sent: false, heard: Heard::NoConnection }
    }

    /// A controller that does not know `--dry-run` took a check for the request itself.
    pub(super) fn done_instead(uri: &Uri) -> Self {
        let message = format!(
            "the controller at {} does not know --dry-run, and has carried it out",
            address(uri)
        );
        Self { status: Status::data_loss(message), sent: true, heard: Heard::Answer }
    }

    /// Nobody answered at `uri`, which was asked again and again for `time`.
    pub(super) fn silence(uri: &Uri, time: Duration) -> Self {
        let message = format!("no answer from {} within {} ms", address(uri), time.as_millis());
        Self { status: Status::deadline_exceeded(message), sent: true, heard: Heard::Silence }
    }

    /// What the transport says, as what it means: a broken or refused connection is "unavailable",
    /// whatever it was called on the way.
    pub(super) fn of(uri: &Uri, time: Duration, status: Status) -> Self {
        // A controller that gives up at the deadline which it was told says "cancelled".
        let gave_up = matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled);
        if gave_up || caused_by::<TimeoutExpired>(&status) {
            return Self::silence(uri, time);
        }
        if status.source().is_none() {
            return Self::answer(status);
        }
        let sent = !caused_by::<ConnectError>(&status);
        let (verb, heard) = if sent {
            ("lost the connection to", Heard::Silence)
        } else {
            ("cannot connect to", Heard::NoConnection)
        };
        let message = format!("{verb} {}: {}", address(uri), root_cause(&status));
        Self { status: Status::unavailable(message), sent, heard }
    }

    /// The more telling of what was heard before and this; of two that tell as much, this one.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        let sent = before.sent || self.sent;
        let kept = if before.heard > self.heard { before } else { self };
        Self { sent, ..kept }
    }

    /// Whether another controller, or the same one later, may answer better.
    pub(super) fn may_pass(&self) -> bool {
        self.status.code() == Code::Unavailable || self.was_silent()
    }

    /// Whether the request left and nothing came back in time.
    pub(super) fn was_silent(&self) -> bool {
        self.heard == Heard::Silence
    }

    /// How long the controller asks to wait before the next try.
    pub(super) fn retry_delay(&self) -> Option<Duration> {
        self.status.get_details_retry_info().and_then(|info| info.retry_delay)
    }
}

fn address(uri: &Uri) -> String {
    uri.authority().map_or_else(String::new, ToString::to_string)
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
mod tests {
    use super::*;

    #[test]
    fn an_answer_outweighs_silence_and_silence_a_connection_that_was_never_made() {
        let uri = Uri::from_static("http://n1:7443/");
        let answer = || Refused::answer(Status::unavailable("no leader"));
        let silence = || Refused::silence(&uri, Duration::from_secs(1));
        let words = |refused: Refused| refused.status.message().to_owned();
        assert_eq!(words(silence().after(Some(answer()))), "no leader");
        assert_eq!(words(answer().after(Some(silence()))), "no leader");
        assert_eq!(
            words(Refused::nobody().after(Some(silence()))),
            "no answer from n1:7443 within 1000 ms"
        );
        let last = Refused::answer(Status::aborted("changed")).after(Some(answer()));
        assert_eq!(words(last), "changed");
        assert!(Refused::nobody().after(Some(silence())).sent, "it was sent once");
    }
    #[test]
    fn a_stream_that_breaks_off_is_the_transports_word_and_one_that_is_ended_the_controllers() {
        let lost = Refused::midway(Status::from_error("reset by peer".into()), "2.0 MiB");
        assert_eq!(lost.status.code(), Code::Unavailable);
        assert_eq!(lost.status.message(), "the connection broke off after 2.0 MiB: reset by peer");
        let said = Refused::midway(Status::internal("the disk refuses"), "2.0 MiB");
        assert_eq!(
            (said.status.code(), said.status.message()),
            (Code::Internal, "the disk refuses")
        );
    }
}
