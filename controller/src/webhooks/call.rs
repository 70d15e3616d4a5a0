//! How is a receiver called? One POST over HTTP/1.1 on a connection of its own, within a time, and no further than
//! the address that was looked at: no redirect is followed, and no answer is read.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tidegate_policies::time::Millis;
use tokio::net::{TcpStream, lookup_host};

use super::egress::{Egress, Forbidden, is_off_limits};
use super::message::{self, body};
use super::schedule::Heard;
use crate::machine::outbox::Notification;
use crate::machine::webhooks::Receiver;

/// How long a receiver has, from the first look for its address to the first line of its answer.
const WITHIN: Duration = Duration::from_secs(10);

/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 3;

/// How long a receiver has to take a connection at one of its addresses.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// What is sent, to whom.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// The name of the cluster that tells it.
    pub(super) cluster: String,
    /// Whom.
    pub(super) receiver: Receiver,
    /// What.
    pub(super) notification: Notification,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NotCalled {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("its address is off limits")]
    OffLimits,
    #[error("nobody takes a connection at {address} within {} s", CONNECT_WITHIN.as_secs())]
    NotConnected { address: SocketAddr },
    #[error("it is not reached: {0}")]
    System(#[from] std::io::Error),
    #[error("it does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the message cannot be signed")]
    NotSigned,
    #[error("no answer within {} s", WITHIN.as_secs())]
    TimedOut,
}

/// Calls a receiver once; `timestamp`: now, in seconds since 1970.
pub(super) async fn call(egress: &Egress, letter: &Letter, timestamp: u64) -> Heard {
    let answer = tokio::time::timeout(WITHIN, post(egress, letter, timestamp)).await;
    match answer.unwrap_or(Err(NotCalled::TimedOut)) {
        Ok(answer) => heard(answer.status(), answer.headers()),
        Err(error) => Heard::Refused { why: error.to_string(), after: None },
    }
}

async fn post(
    egress: &Egress,
    letter: &Letter,
    timestamp: u64,
) -> Result<Response<Incoming>, NotCalled> {
    egress.may_call(&letter.receiver.url)?;
    let request = request(egress, letter, timestamp)?;
    let stream = connect(addresses_of(&letter.receiver).await?).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = sender.send_request(request);
    tokio::pin!(connection);
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answered = &mut answer => Ok(answered?),
        // It ends by itself after an answer, which is there then, or by an error.
        ended = &mut connection => {
            ended?;
            Ok(answer.await?)
        }
    }
}

/// Where the receiver is. What is connected to is what was looked at: a name cannot mean something else meanwhile.
async fn addresses_of(receiver: &Receiver) -> Result<Vec<SocketAddr>, NotCalled> {
    let (host, port) = (receiver.url.host(), receiver.url.port());
    let addresses = lookup_host((host, port)).await?;
    Ok(addresses.filter(|address| !is_off_limits(address.ip())).take(MAX_ADDRESSES).collect())
}

/// Connects to the first address that answers, in their order: a name may have one that nobody listens at.
async fn connect(addresses: Vec<SocketAddr>) -> Result<TcpStream, NotCalled> {
    let mut last = NotCalled::OffLimits;
    for address in addresses {
        match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.into(),
            Err(_) => last = NotCalled::NotConnected { address },
        }
    }
    Err(last)
}

fn request(
    egress: &Egress,
    letter: &Letter,
    timestamp: u64,
) -> Result<Request<Full<Bytes>>, NotCalled> {
    let Letter { cluster, receiver, notification } = letter;
    let body = body(cluster, notification);
    let id = notification.event.as_str();
    let secrets = egress.secrets(&receiver.secret)?;
    let signature = secrets.signatures(id, timestamp, &body).ok_or(NotCalled::NotSigned)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(receiver.url.path())
        .header(HOST, receiver.url.authority())
        .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, message::CONTENT_TYPE)
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(body)))?;
    Ok(request)
}

/// What an answer means.
fn heard(status: StatusCode, headers: &HeaderMap) -> Heard {
    if status.is_success() {
        return Heard::Taken;
    }
    if status == StatusCode::GONE {
        return Heard::Gone;
    }
    let asks = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    let after = headers.get(RETRY_AFTER).filter(|_| asks).and_then(|after| after.to_str().ok());
    // A date in this place is of a clock that is not ours: the wait grows by itself then.
    let after = after.and_then(|after| after.trim().parse().ok()).map(Millis::from_secs);
    Heard::Refused { why: format!("it answered {}", status.as_u16()), after }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn answered(status: u16, after: &'static str) -> Heard {
        let mut headers = HeaderMap::new();
        if !after.is_empty() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
        }
        heard(StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn refused(status: u16, after: Option<u64>) -> Heard {
        let after = after.map(Millis::from_secs);
        Heard::Refused { why: format!("it answered {status}"), after }
    }

    #[tokio::test]
    async fn a_name_is_reached_where_any_of_its_addresses_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        assert_eq!(connect(vec![closed, open]).await.unwrap().peer_addr().unwrap(), open);
        assert!(matches!(connect(vec![closed]).await, Err(NotCalled::System(_))));
        assert!(matches!(connect(Vec::new()).await, Err(NotCalled::OffLimits)));
    }

    #[test]
    fn success_alone_is_taken_and_a_redirect_is_no_success() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answered(status, ""), Heard::Taken);
        }
        for status in [300, 301, 302, 307, 308, 400, 401, 404, 500, 502, 503] {
            assert_eq!(answered(status, ""), refused(status, None));
        }
        assert_eq!(answered(410, ""), Heard::Gone);
    }

    #[test]
    fn who_asks_for_time_is_heard_where_that_means_something() {
        assert_eq!(answered(429, "120"), refused(429, Some(120)));
        assert_eq!(answered(503, "5"), refused(503, Some(5)));
        assert_eq!(answered(301, "5"), refused(301, None));
        assert_eq!(answered(429, "-1"), refused(429, None));
        assert_eq!(answered(429, "Fri, 31 Dec 1999 23:59:59 GMT"), refused(429, None));
        assert_eq!(answered(429, "18446744073709551615"), refused(429, Some(u64::MAX)));
    }
}
