//! Which addresses may a controller without encryption have? Those that no other host can reach.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

/// A loopback address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loopback(SocketAddr);

/// Why a text or address is not [`Loopback`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotLoopback {
    /// It is no IP address with a port.
    NotAnAddress {
        /// What was written.
        text: String,
    },
    /// Other hosts can reach it.
    Reachable {
        /// The address.
        address: SocketAddr,
    },
}

impl Loopback {
    /// `port` of 127.0.0.1; 0 takes a free one.
    pub const fn port(port: u16) -> Self {
        Self(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)))
    }

    /// The address.
    pub const fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<SocketAddr> for Loopback {
    type Error = NotLoopback;

    fn try_from(address: SocketAddr) -> Result<Self, NotLoopback> {
        if address.ip().is_loopback() {
            return Ok(Self(address));
        }
        Err(NotLoopback::Reachable { address })
    }
}

impl FromStr for Loopback {
    type Err = NotLoopback;

    fn from_str(text: &str) -> Result<Self, NotLoopback> {
        let address: Result<SocketAddr, _> = text.parse();
        address.map_err(|_| NotLoopback::NotAnAddress { text: text.to_owned() })?.try_into()
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl NotLoopback {
    /// What is wrong, without a full stop.
    pub fn problem(&self) -> String {
        match self {
            Self::NotAnAddress { text } => {
                let text = tidegate_policies::document::plain(text);
                format!("`{text}` is not an IP address with a port")
            }
            Self::Reachable { address } => format!(
                "other hosts can reach {address}, and development mode has no encryption and \
                believes every caller"
            ),
        }
    }

    /// What to write instead, without a full stop.
    pub const fn way_out(&self) -> &'static str {
        match self {
            Self::NotAnAddress { .. } => "Write for example \"127.0.0.1:7441\" or \"[::1]:7441\"",
            Self::Reachable { .. } => {
                "Write a loopback address such as \"127.0.0.1:7441\", and reach it from elsewhere \
                over SSH"
            }
        }
    }
}

impl fmt::Display for NotLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem(), self.way_out())
    }
}

impl std::error::Error for NotLoopback {}
