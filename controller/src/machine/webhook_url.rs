//! Where does a webhook's receiver listen? A checked address: what it says is where is called, and nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most bytes of a receiver's URL.
pub const MAX_URL_BYTES: usize = 512;

/// Where a receiver listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookUrl {
    /// A name or an address, without brackets.
    host: String,
    port: u16,
    /// Path and query, from the first slash on.
    path: String,
}

/// A text that is no URL of a receiver. It says what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUrl {
    /// Longer than [`MAX_URL_BYTES`].
    #[error("is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// TLS.
    #[error(
        "asks for TLS, which controllers do not speak yet: write http:// and the address of a proxy on this \
         network that does"
    )]
    Tls,
    /// Another scheme, or none.
    #[error("does not begin with http://")]
    Scheme,
    /// A user or a password in it.
    #[error(
        "names a user: whoever reads the webhooks would read it; what is sent is signed instead"
    )]
    User,
    /// No host, or none that could be one.
    #[error("has no host: write for example http://127.0.0.1:9099/tidegate")]
    Host,
    /// A port that is none.
    #[error("has no port from 1 to 65535 behind its host")]
    Port,
    /// Spaces, controls, or a fragment.
    #[error("has a character that cannot stand in a path: write it in percent-encoding")]
    Path,
}

impl FromStr for WebhookUrl {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(NotAUrl::TooLong);
        }
        if text.starts_with("https://") {
            return Err(NotAUrl::Tls);
        }
        let rest = text.strip_prefix("http://").ok_or(NotAUrl::Scheme)?;
        let path_at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        if authority.contains('@') {
            return Err(NotAUrl::User);
        }
        let (host, port) = split_port(authority)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(NotAUrl::Path);
        }
        Ok(Self { host: host.to_owned(), port, path })
    }
}

/// The host without brackets, and the port.
fn split_port(authority: &str) -> Result<(&str, u16), NotAUrl> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(NotAUrl::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| NotAUrl::Host)?;
        (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("80")))
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if host.is_empty() || !host.bytes().all(known) {
            return Err(NotAUrl::Host);
        }
        (host, Some(port))
    };
    let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    port.map(|port| (host, port)).ok_or(NotAUrl::Port)
}

impl WebhookUrl {
    /// Name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, as an allow-list names it and as the header `Host` does.
    pub fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_what_is_called() {
        for (text, whole) in [
            ("http://127.0.0.1:9099/tidegate", "http://127.0.0.1:9099/tidegate"),
            ("http://pager.example", "http://pager.example:80/"),
            ("http://pager.example?team=kernel", "http://pager.example:80/?team=kernel"),
            ("http://[::1]:8080/a?b=c%20d", "http://[::1]:8080/a?b=c%20d"),
            ("http://[::1]", "http://[::1]:80/"),
        ] {
            let url: WebhookUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), whole);
            assert_eq!(whole.parse(), Ok(url));
        }
    }

    #[test]
    fn what_is_no_url_is_refused_for_what_is_wrong_with_it() {
        let long = format!("http://a/{}", "x".repeat(MAX_URL_BYTES));
        for (text, why) in [
            ("", NotAUrl::Scheme),
            ("pager.example/x", NotAUrl::Scheme),
            ("ftp://pager.example", NotAUrl::Scheme),
            ("file:///etc/passwd", NotAUrl::Scheme),
            ("https://pager.example/x", NotAUrl::Tls),
            ("http://", NotAUrl::Host),
            ("http:///x", NotAUrl::Host),
            ("http://pa ger/x", NotAUrl::Host),
            ("http://[::1", NotAUrl::Host),
            ("http://[pager]/x", NotAUrl::Host),
            ("http://ada:secret@pager.example/x", NotAUrl::User),
            ("http://pager:0/x", NotAUrl::Port),
            ("http://pager:/x", NotAUrl::Port),
            ("http://pager:65536/x", NotAUrl::Port),
            ("http://pager:+80/x", NotAUrl::Port),
            ("http://[::1]80/x", NotAUrl::Port),
            ("http://pager/a b", NotAUrl::Path),
            ("http://pager/a\r\nHost: other", NotAUrl::Path),
            ("http://pager/a#b", NotAUrl::Path),
            (&long, NotAUrl::TooLong),
        ] {
            assert_eq!(text.parse::<WebhookUrl>(), Err(why), "{text}");
        }
        let longest = format!("http://a/{}", "x".repeat(MAX_URL_BYTES - "http://a/".len()));
        assert!(longest.parse::<WebhookUrl>().is_ok());
    }
}
