//! Which controllers are there, and may they be spoken to as things stand?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take until its answer starts.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The controllers of one cluster, with connections that are made when they are first used.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// For each controller, its connections; none of the lists is empty.
    channels: Vec<Vec<Channel>>,
}

/// Why a list of controllers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointsRefused {
    /// There is none.
    #[error("no controller is named: give one with `--controller host:port`")]
    Empty,
    /// One is not an address.
    #[error("`{0}` is no controller's address: write `host:port`, such as `127.0.0.1:7443`")]
    Malformed(String),
    /// One is beyond this machine, and TLS is not there yet.
    #[error(
        "`{0}` is not on this machine: it needs TLS, which this version does not have yet; \
         use a loopback address, or name the address with `--allow-plaintext-to` where the \
         network between is yours alone"
    )]
    NeedsTls(String),
}

impl Endpoints {
    /// The controllers `addresses` (`host:port`), each with `connections` connections (at least
    /// one). Speaks plaintext, and therefore only to loopback and to `plaintext_to`. Must be
    /// called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where there is no address, or one cannot or must not be used.
    pub fn plaintext(
        addresses: &[String],
        plaintext_to: &[String],
        connections: usize,
    ) -> Result<Self, EndpointsRefused> {
        if addresses.is_empty() {
            return Err(EndpointsRefused::Empty);
        }
        let channels = addresses
            .iter()
            .map(|address| {
                let endpoint = endpoint(address, plaintext_to)?;
                Ok((0..connections.max(1)).map(|_| endpoint.connect_lazy()).collect())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { channels })
    }

    /// How many controllers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Never: a list without controllers is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    pub(super) fn channel(&self, controller: usize, lane: usize) -> Channel {
        let channels = &self.channels[controller % self.channels.len()];
        channels[lane / self.channels.len() % channels.len()].clone()
    }
}

fn endpoint(address: &str, plaintext_to: &[String]) -> Result<Endpoint, EndpointsRefused> {
    let malformed = || EndpointsRefused::Malformed(address.to_owned());
    if address.starts_with("https://") {
        return Err(EndpointsRefused::NeedsTls(address.to_owned()));
    }
    let bare = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    let (host, port) = bare.rsplit_once(':').ok_or_else(malformed)?;
    port.parse::<u16>().map_err(|_| malformed())?;
    let loopback = host == "localhost"
        || bare.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !loopback && !plaintext_to.iter().any(|allowed| allowed == host || allowed == bare) {
        return Err(EndpointsRefused::NeedsTls(address.to_owned()));
    }
    let endpoint = Endpoint::from_shared(format!("http://{bare}")).map_err(|_| malformed())?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

#[cfg(test)]
mod tests {
    use super::{EndpointsRefused, endpoint};

    #[test]
    fn plaintext_goes_to_loopback_and_to_named_addresses_alone() {
        for address in ["127.0.0.1:7443", "localhost:7443", "[::1]:7443", "http://127.0.0.1:1/"] {
            assert!(endpoint(address, &[]).is_ok(), "{address} was refused");
        }
        for address in ["10.0.2.2:7443", "https://127.0.0.1:7443", "127.0.0.1.example:7443"] {
            let refused = endpoint(address, &[]);
            assert!(matches!(refused, Err(EndpointsRefused::NeedsTls(_))), "{address} passed");
        }
        assert!(endpoint("10.0.2.2:7443", &["10.0.2.2".to_owned()]).is_ok());
    }

    #[test]
    fn an_address_without_a_port_is_malformed() {
        for address in ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"] {
            let refused = endpoint(address, &[]);
            assert!(matches!(refused, Err(EndpointsRefused::Malformed(_))), "{address:?} passed");
        }
    }
}
