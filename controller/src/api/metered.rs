//! How long does each call take, and how does it end? A layer around all services, which notes what
//! OpenTelemetry's conventions ask for: <https://opentelemetry.io/docs/specs/semconv/rpc/grpc/>.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as Frames, Bytes, Frame, SizeHint};
use tidegate_proto::code_name;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;

use crate::meters::{Call, Meters, OTHER};
use crate::runtime::{Clock, Handle};

/// Where the status of a call stands, in the head of the answer or behind its last message.
const STATUS: &str = "grpc-status";

/// Times the calls of a service.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    clock: Clock,
    meters: Meters,
}

impl Timing {
    /// Times go to the meters of the node.
    pub(super) fn of(handle: &Handle) -> Self {
        Self { clock: handle.clock(), meters: handle.meters().clone() }
    }
}

impl<S> Layer<S> for Timing {
    type Service = Timed<S>;

    fn layer(&self, service: S) -> Timed<S> {
        Timed { service, timing: self.clone() }
    }
}

/// A service whose calls are timed.
#[derive(Clone, Debug)]
pub(super) struct Timed<S> {
    service: S,
    timing: Timing,
}

impl<S> Service<Request<Body>> for Timed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<TimedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut open = Open::new(&self.timing, request.uri().path());
        let answer = self.service.call(request);
        Box::pin(async move {
            let (head, body) = answer.await?.into_parts();
            // An answer without a message has its status in the head.
            open.end_with(&head.headers);
            Ok(Response::from_parts(head, TimedBody { body, open }))
        })
    }
}

/// The body of an answer, whose end is the call's.
#[derive(Debug)]
pub(super) struct TimedBody {
    body: Body,
    open: Open,
}

impl Frames for TimedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            this.open.end_with(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A call that is noted when it ends. One that is dropped before its status was said was given up by whoever
/// called.
#[derive(Debug)]
struct Open {
    timing: Timing,
    began: Duration,
    method: Option<String>,
}

impl Open {
    fn new(timing: &Timing, path: &str) -> Self {
        let method = Some(path.trim_start_matches('/').to_owned());
        Self { timing: timing.clone(), began: timing.clock.monotonic(), method }
    }

    fn end_with(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get(STATUS) {
            self.end(Code::from_bytes(status.as_bytes()));
        }
    }

    fn end(&mut self, code: Code) {
        let Some(method) = self.method.take() else { return };
        // Whatever a stranger makes up is no method.
        let is_served = code != Code::Unimplemented;
        let method = if is_served { method } else { OTHER.to_owned() };
        let status = code_name(code);
        let error = if is_error(code) { status } else { "" };
        let took = self.timing.clock.monotonic().saturating_sub(self.began);
        self.timing.meters.call_ended(Call { method, status, error }, took);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Whether the conventions count it as an error of the server's.
const fn is_error(code: Code) -> bool {
    match code {
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => false,
    }
}
