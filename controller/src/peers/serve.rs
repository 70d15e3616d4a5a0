//! How are the peers' connections taken? On a listener of their own, with limits.

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Error, Server};

use super::Peers;
use super::link::{KEEPALIVE, WINDOW_BYTES};

/// Most calls at a time on one peer's connection.
const MAX_STREAMS: u32 = 4_096;

/// Answers the peers on `listener` until the node stops.
///
/// # Errors
///
/// The transport's error where the listener fails.
pub async fn serve(peers: Peers, listener: TcpListener) -> Result<(), Error> {
    let handle = peers.shared.handle.clone();
    let stopped = async move { drop(handle.stopped().await) };
    Server::builder()
        .tcp_nodelay(true)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .add_service(peers.desk().into_server())
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
        .await
}
