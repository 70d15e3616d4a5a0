//! How does an agent speak to its cluster? gRPC to one controller at a time; another when it
//! fails.

mod attempt;
mod calls;
mod download;
mod endpoints;
mod failure;

pub use attempt::{Attempt, TRACE_HEADER};
pub use endpoints::{Endpoints, EndpointsRefused};

use tidegate_proto::v1::agent_service_client::AgentServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use attempt::Worth;
use download::Begun;

/// Largest message that an agent takes.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// One host's way to its cluster. Hosts of one process may share the connections.
#[derive(Clone, Debug)]
pub struct Transport {
    endpoints: Endpoints,
    lane: usize,
    current: usize,
    identity: Option<MetadataValue<Ascii>>,
    begun: Begun,
}

impl Transport {
    /// A way over `endpoints`. `lane` picks one of the connections to each controller, and the
    /// controller to start with, so that many hosts spread out.
    #[must_use]
    pub fn new(endpoints: Endpoints, lane: usize) -> Self {
        Self { endpoints, lane, current: lane, identity: None, begun: Begun::default() }
    }

    /// The same way, for the host of this development identity.
    ///
    /// # Errors
    ///
    /// Where the identity cannot be sent as metadata.
    pub fn with_identity(mut self, identity: &str) -> Result<Self, InvalidIdentity> {
        let value = identity.parse().map_err(|_| InvalidIdentity(identity.to_owned()))?;
        self.identity = Some(value);
        Ok(self)
    }

    /// Moves on to the next controller.
    pub fn next_controller(&mut self) {
        self.current = self.current.wrapping_add(1);
    }

    fn client(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.endpoints.channel(self.current, self.lane))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// A request in the trace of an attempt, if it speaks of one.
    fn traced<T>(&self, message: T, grant: Option<(u64, Worth)>) -> tonic::Request<T> {
        let mut request = self.request(message);
        let host = self.identity.as_ref().and_then(|identity| identity.to_str().ok());
        let traced = host
            .zip(grant)
            .and_then(|(host, (grant, worth))| Attempt::of(host, grant).header(worth).parse().ok());
        if let Some(value) = traced {
            request.metadata_mut().insert(TRACE_HEADER, value);
        }
        request
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(identity) = &self.identity {
            request
                .metadata_mut()
                .insert(tidegate_proto::DEVELOPMENT_HOST_HEADER, identity.clone());
        }
        request
    }
}

/// An identity that no header can carry.
#[derive(Debug, thiserror::Error)]
#[error("the identity `{0}` cannot be sent: enrol this host again with `tidegate-agent enable`")]
pub struct InvalidIdentity(String);
