//! How does Prometheus get the metrics? `GET /metrics` over HTTP/1.1, on a listener of its own: a scrape has no
//! part in what operators and agents need.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{Metrics, text};

/// Most scrapes at a time; others wait in the listener's queue.
const MAX_CONNECTIONS: usize = 8;
/// How long a caller may take to ask.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a whole connection may last.
const CONNECTION_WITHIN: Duration = Duration::from_secs(60);
/// How long the node may take to look; a node that is busy for longer has no answer.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// Where scrapes come in.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
}

impl Endpoint {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The system's word.
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's word.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Answers scrapes until it is aborted.
pub async fn run(endpoint: Endpoint, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match endpoint.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "metrics.not_accepted");
                // Out of descriptors, most likely: it is no use to ask again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // Whoever hangs up or stalls is let go.
            drop(tokio::time::timeout(CONNECTION_WITHIN, converse(stream, metrics)).await);
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, metrics: Metrics) {
    let answer = service_fn(|request| {
        let metrics = metrics.clone();
        async move { Ok::<_, Infallible>(answer(&request, &metrics).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "metrics.connection_broke");
    }
}

async fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "only /metrics is here\n".to_owned());
    }
    if request.method() != Method::GET {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET it\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    match tokio::time::timeout(LOOK_WITHIN, metrics.families()).await {
        Ok(Ok(families)) => {
            let text = text::write(&families, metrics.node());
            let mut told = plain(StatusCode::OK, text);
            let format = HeaderValue::from_static(text::CONTENT_TYPE);
            told.headers_mut().insert(CONTENT_TYPE, format);
            told
        }
        Ok(Err(_)) => plain(StatusCode::SERVICE_UNAVAILABLE, "the node has stopped\n".to_owned()),
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the node does not answer\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
