//! How is a peer reached? One connection for its calls, made when it is needed and made anew after
//! it failed.
//!
//! It is made explicitly, never lazily: a call that found no connection certainly had no effect,
//! and may be tried elsewhere. It leaves from the address that this node listens on: a firewall
//! between controllers then knows who speaks.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tidegate_proto::v1::peer_service_client::PeerServiceClient;
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint, Error};

use super::service::MAX_MESSAGE_BYTES;

/// How long an attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a silent connection is probed, and how long the answer may take.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Bytes that may be on their way unread. Raft's small messages are batched, and a receiver that is
/// slow for a moment must not lose its connection for it.
const WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// A peer's address, and the connection to it while there is one.
#[derive(Debug)]
pub(super) struct Link {
    address: String,
    endpoint: Endpoint,
    channel: Mutex<Option<Channel>>,
}

impl Link {
    /// A link to `address`, `host:port`, for a node that listens on `own`. Connects to nobody yet.
    pub(super) fn new(address: &str, own: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .local_address(speaks_from(own))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        Ok(Self { address: address.to_owned(), endpoint, channel: Mutex::new(None) })
    }

    /// Where it leads.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A client on the connection that the peer's calls share.
    pub(super) async fn client(&self) -> Result<PeerServiceClient<Channel>, Error> {
        let mut channel = self.channel.lock().await;
        let connected = match &*channel {
            Some(connected) => connected.clone(),
            None => channel.insert(self.endpoint.connect().await?).clone(),
        };
        Ok(client_on(connected))
    }

    /// A client on a connection of its own.
    pub(super) async fn separate_client(&self) -> Result<PeerServiceClient<Channel>, Error> {
        Ok(client_on(self.endpoint.connect().await?))
    }

    /// Gives up the shared connection: the next call makes a new one.
    pub(super) async fn forget(&self) {
        *self.channel.lock().await = None;
    }
}

/// The address that a node speaks from which listens on `own`; `None`: the system chooses, as for a
/// name, or for every address that the host has.
fn speaks_from(own: &str) -> Option<IpAddr> {
    let listens_on = own.parse::<SocketAddr>().ok()?.ip();
    (!listens_on.is_unspecified()).then_some(listens_on)
}

fn client_on(channel: Channel) -> PeerServiceClient<Channel> {
    PeerServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_speaks_from_where_it_listens_if_that_is_one_address() {
        assert_eq!(speaks_from("127.0.7.3:7441"), Some(IpAddr::from([127, 0, 7, 3])));
        assert_eq!(speaks_from("[::1]:7441"), Some("::1".parse().unwrap()));
        for anywhere in ["0.0.0.0:7441", "[::]:7441", "controller-1.example:7441", ""] {
            assert_eq!(speaks_from(anywhere), None, "{anywhere}");
        }
    }
}
