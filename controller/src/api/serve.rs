//! What does a node's door let in? All services on one listener, each within its limits.

use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_semantic_conventions::attribute::{RPC_METHOD, RPC_SYSTEM_NAME};
use tidegate_proto::FILE_DESCRIPTOR_SET;
use tidegate_proto::v1::agent_service_server::AgentServiceServer;
use tidegate_proto::v1::audit_service_server::AuditServiceServer;
use tidegate_proto::v1::calendar_service_server::CalendarServiceServer;
use tidegate_proto::v1::cluster_service_server::ClusterServiceServer;
use tidegate_proto::v1::dashboard_service_server::DashboardServiceServer;
use tidegate_proto::v1::fleet_service_server::FleetServiceServer;
use tidegate_proto::v1::incident_service_server::IncidentServiceServer;
use tidegate_proto::v1::patch_set_service_server::PatchSetServiceServer;
use tidegate_proto::v1::report_service_server::ReportServiceServer;
use tidegate_proto::v1::rollout_service_server::RolloutServiceServer;
use tidegate_proto::v1::webhook_service_server::WebhookServiceServer;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::desk::Desk;
use super::metered::Timing;
use crate::config::Loopback;
use crate::telemetry;

/// Largest request of an agent, in bytes.
const MAX_AGENT_REQUEST_BYTES: usize = 64 * 1024;
/// Largest request of an operator, in bytes.
const MAX_OPERATOR_REQUEST_BYTES: usize = 1024 * 1024;
/// Largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Largest set of header fields, in bytes.
const MAX_HEADER_BYTES: u32 = 8 * 1024;
/// Most calls at a time on one connection.
const MAX_STREAMS: u32 = 1_024;
/// How often an idle connection is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long it may take to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Window of a connection and of a call, in bytes: a peer's stream is read as fast as it comes.
const WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// The health name of "this node knows a leader".
const READY_LINEARIZABLE: &str = "tidegate.ready.Linearizable";
/// The health name of "this node may take agents".
const READY_SERVING: &str = "tidegate.ready.Serving";

/// Where callers come in.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
}

/// The node cannot listen where it should.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is taken, or the address is not this machine's.
    #[error(
        "could not listen on {address}; stop the process that has the port (`ss -ltnp`), or configure \
         another address"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        cause: std::io::Error,
    },
}

impl Door {
    /// Listens on a loopback address, since there is no TLS yet; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn open(address: Loopback) -> Result<Self, ListenError> {
        let address = address.socket_addr();
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|cause| ListenError::Bind { address, cause })?;
        Ok(Self { listener })
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

/// Answers callers until the node stops or `shutdown` is done.
///
/// # Errors
///
/// The transport's word, where the listener fails.
pub async fn serve(
    desk: Desk,
    door: Door,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let watch = tokio::spawn(report_health(desk.clone(), health));
    let handle = desk.handle.clone();
    let ended = async move {
        tokio::select! {
            _ = handle.stopped() => (),
            () = shutdown => (),
        }
    };
    // The builder's own setting does not reach a listener that it did not open itself.
    let incoming = TcpIncoming::from(door.listener).with_nodelay(Some(true));
    let served = limited()
        .layer(Timing::of(&desk.handle))
        .add_routes(for_operators(&desk))
        .add_service(
            AgentServiceServer::new(desk.clone())
                .max_decoding_message_size(MAX_AGENT_REQUEST_BYTES)
                .max_encoding_message_size(MAX_ANSWER_BYTES),
        )
        .add_service(desk.peers.desk().into_server())
        .add_service(health_service)
        .add_optional_service(reflection().build_v1().ok())
        .add_optional_service(reflection().build_v1alpha().ok())
        .serve_with_incoming_shutdown(incoming, ended)
        .await;
    watch.abort();
    served
}

/// What operators call.
fn for_operators(desk: &Desk) -> Routes {
    macro_rules! service {
        ($server:ident) => {
            $server::new(desk.clone())
                .max_decoding_message_size(MAX_OPERATOR_REQUEST_BYTES)
                .max_encoding_message_size(MAX_ANSWER_BYTES)
        };
    }
    Routes::new(service!(RolloutServiceServer))
        .add_service(service!(DashboardServiceServer))
        .add_service(service!(IncidentServiceServer))
        .add_service(service!(AuditServiceServer))
        .add_service(service!(PatchSetServiceServer))
        .add_service(service!(FleetServiceServer))
        .add_service(service!(ReportServiceServer))
        .add_service(service!(CalendarServiceServer))
        .add_service(service!(ClusterServiceServer))
        .add_service(service!(WebhookServiceServer))
}

/// A server within its limits, whose calls go on with their callers' traces.
fn limited() -> Server {
    Server::builder()
        .trace_fn(|request| {
            let span = call_span(request.uri().path());
            telemetry::go_on(&span, request.headers());
            span
        })
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
}

/// The span of one call, under the names of OpenTelemetry's conventions. Peers' calls have none: they
/// are many, and last as long as the node.
fn call_span(path: &str) -> tracing::Span {
    let method = path.trim_start_matches('/');
    if method.starts_with("tidegate.v1.PeerService/") {
        return tracing::Span::none();
    }
    tracing::info_span!("rpc", { RPC_SYSTEM_NAME } = "grpc", { RPC_METHOD } = method)
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Says over gRPC health whether this node knows a leader, until it is aborted.
async fn report_health(desk: Desk, health: HealthReporter) {
    let mut leadership = desk.handle.leadership();
    loop {
        let knows = leadership.borrow_and_update().leader.is_some();
        let status = if knows { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in [READY_LINEARIZABLE, READY_SERVING] {
            health.set_service_status(name, status).await;
        }
        if leadership.changed().await.is_err() {
            return;
        }
    }
}
