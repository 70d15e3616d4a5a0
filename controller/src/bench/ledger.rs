//! How are numbered things written, once each whatever happens on the way, and looked for later?

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::BenchError;
use super::cluster::{CONNECT_TIMEOUT, System};
use super::commands::VALUE_BYTES;
use super::etcd::{Etcd, Keys};
use super::tidegate::Tidegate;

/// A system that keeps numbered things.
pub(super) trait Ledger: System + 'static {
    /// Writes the thing with this number; writing it again changes nothing.
    fn write(channel: Channel, number: u64) -> impl Future<Output = Result<(), Status>> + Send;

    /// Whether it was written.
    fn is_there(channel: Channel, number: u64)
    -> impl Future<Output = Result<bool, Status>> + Send;
}

/// A connection to each server that mends itself.
pub(super) fn spread_channels(addresses: &[String]) -> Result<Vec<Channel>, BenchError> {
    let channel = |address: &String| {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| BenchError::setup("name a server", &error))?;
        Ok(endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect_lazy())
    };
    addresses.iter().map(channel).collect()
}

/// A numbered thing is a token.
impl Ledger for Tidegate {
    async fn write(channel: Channel, number: u64) -> Result<(), Status> {
        // The same id for every attempt: what was carried out already is only answered again.
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        FleetServiceClient::new(channel).create_token(token(number, id)).await?;
        Ok(())
    }

    /// Asked under another request id, it is refused because it exists, or created because it is lost.
    async fn is_there(channel: Channel, number: u64) -> Result<bool, Status> {
        let id = format!("00000000-0000-4000-9000-{number:012x}");
        match FleetServiceClient::new(channel).create_token(token(number, id)).await {
            Ok(_) => Ok(false),
            Err(status) if status.code() == Code::AlreadyExists => Ok(true),
            Err(status) => Err(status),
        }
    }
}

fn token(number: u64, request_id: String) -> pb::CreateTokenRequest {
    pb::CreateTokenRequest {
        request_id,
        token_id: format!("w-{number}"),
        tier: "tiers/free".to_owned(),
        max_hosts: 1,
        secret_sha256: Sha256::digest(number.to_le_bytes()).to_vec(),
        ..pb::CreateTokenRequest::default()
    }
}

/// A numbered thing is a key.
impl Ledger for Etcd {
    async fn write(channel: Channel, number: u64) -> Result<(), Status> {
        Keys::new(channel).put(key(number), vec![b'v'; VALUE_BYTES]).await
    }

    async fn is_there(channel: Channel, number: u64) -> Result<bool, Status> {
        Keys::new(channel).has(key(number)).await
    }
}

fn key(number: u64) -> Vec<u8> {
    format!("w/{number}").into_bytes()
}
