//! Whom may this controller call, and with which secrets does it sign? Both are its own, and in files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::sign::Secrets;
use crate::machine::ids::SecretName;
use crate::machine::webhook_url::WebhookUrl;
use crate::machine::webhooks::Receiver;

/// No file with a secret is larger.
const MAX_SECRET_FILE_BYTES: u64 = 1_024;

/// What a controller may say to the outside, as its configuration has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// The folder with a file for each secret, called like it; `None`: there are none.
    pub secrets: Option<PathBuf>,
    /// Who may be called, `host:port` each. Nobody else is, whatever the webhooks say.
    pub allow: BTreeSet<String>,
}

/// Why a receiver is not called by this controller.
#[derive(Debug, thiserror::Error)]
pub enum Forbidden {
    /// Nobody has allowed it.
    #[error(
        "this controller may not call {authority}: write it into `allow` of [webhooks] in the configuration file of \
         each controller, and start them again"
    )]
    NotAllowed {
        /// Whom.
        authority: String,
    },
    /// It has no folder for secrets.
    #[error(
        "this controller has no folder for secrets: write `secrets` into [webhooks] in the configuration file of \
         each controller, and start them again"
    )]
    NoFolder,
    /// The secret is not there.
    #[error("the secret `{name}` is not on this controller: put it into {} on each controller", path.display())]
    NoSecret {
        /// Its name.
        name: SecretName,
        /// Where it should be.
        path: PathBuf,
        /// The system's word.
        #[source]
        cause: io::Error,
    },
    /// Others may read it.
    #[error("the file {} may be read by others: `chmod 600` it, and change the secret", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// It is none.
    #[error(
        "the file {} has no secret, or more than two: write `whsec_` and 24 to 64 random bytes in base64, as \
         `echo whsec_$(openssl rand -base64 32)` prints them",
        path.display()
    )]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
}

impl Forbidden {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotAllowed { .. } => "WEBHOOK_NOT_ALLOWED",
            Self::NoFolder | Self::NoSecret { .. } => "WEBHOOK_SECRET_MISSING",
            Self::Readable { .. } | Self::NotASecret { .. } => "WEBHOOK_SECRET_BAD",
        }
    }
}

impl Egress {
    /// Whether this controller could call a receiver now.
    ///
    /// # Errors
    ///
    /// [`Forbidden`].
    pub fn check(&self, receiver: &Receiver) -> Result<(), Forbidden> {
        self.may_call(&receiver.url)?;
        self.secrets(&receiver.secret).map(drop)
    }

    /// Whether the operator of this controller has allowed to call there.
    pub(super) fn may_call(&self, url: &WebhookUrl) -> Result<(), Forbidden> {
        let authority = url.authority();
        if self.allow.contains(&authority) {
            return Ok(());
        }
        Err(Forbidden::NotAllowed { authority })
    }

    /// Reads a secret anew, so that another one takes effect without a restart; or two, while one takes the other's
    /// place.
    pub(super) fn secrets(&self, name: &SecretName) -> Result<Secrets, Forbidden> {
        let folder = self.secrets.as_ref().ok_or(Forbidden::NoFolder)?;
        let path = folder.join(name.as_str());
        let text = read(&path).map_err(|cause| match cause {
            Unread::Readable => Forbidden::Readable { path: path.clone() },
            Unread::System(cause) => {
                Forbidden::NoSecret { name: name.clone(), path: path.clone(), cause }
            }
        })?;
        Secrets::read(&text).ok_or(Forbidden::NotASecret { path })
    }
}

/// Why a file with a secret was not read.
enum Unread {
    Readable,
    System(io::Error),
}

impl From<io::Error> for Unread {
    fn from(cause: io::Error) -> Self {
        Self::System(cause)
    }
}

fn read(path: &std::path::Path) -> Result<String, Unread> {
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file").into());
    }
    let file = fs::File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(Unread::Readable);
    }
    let mut text = String::new();
    file.take(MAX_SECRET_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether an address is one that nobody has a receiver at: the link's own, where clouds keep what their machines
/// may do, and what is no single machine's.
pub(super) fn is_off_limits(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                // The metadata service of a large cloud.
                || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn write(path: &std::path::Path, mode: u32, text: &str) {
        use std::io::Write as _;
        let file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn nobody_is_called_whom_the_configuration_does_not_name() {
        let egress = Egress { secrets: None, allow: ["pager.example:80".to_owned()].into() };
        assert!(egress.may_call(&"http://pager.example/x".parse().unwrap()).is_ok());
        for other in ["http://pager.example:81/", "http://127.0.0.1/", "http://xpager.example/"] {
            let refused = egress.may_call(&other.parse().unwrap()).unwrap_err();
            assert_eq!(refused.reason(), "WEBHOOK_NOT_ALLOWED", "{other}");
        }
        assert!(Egress::default().may_call(&"http://pager.example/".parse().unwrap()).is_err());
    }

    #[test]
    fn a_secret_is_a_file_that_its_owner_alone_may_read() {
        let dir = tempfile::tempdir().unwrap();
        let egress = Egress { secrets: Some(dir.path().to_owned()), allow: BTreeSet::new() };
        write(&dir.path().join("good"), 0o600, SECRET);
        write(&dir.path().join("open"), 0o640, SECRET);
        write(&dir.path().join("bad"), 0o600, "tgt_0123");
        let reason = |name: &str| {
            egress.secrets(&name.parse().unwrap()).map_err(|why| why.reason()).map(drop)
        };
        assert_eq!(reason("good"), Ok(()));
        assert_eq!(reason("open"), Err("WEBHOOK_SECRET_BAD"));
        assert_eq!(reason("bad"), Err("WEBHOOK_SECRET_BAD"));
        assert_eq!(reason("absent"), Err("WEBHOOK_SECRET_MISSING"));
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert_eq!(reason("folder"), Err("WEBHOOK_SECRET_MISSING"));
        let nowhere = Egress::default().secrets(&"good".parse().unwrap()).unwrap_err();
        assert_eq!(nowhere.reason(), "WEBHOOK_SECRET_MISSING");
        assert!("../good".parse::<SecretName>().is_err());
    }

    #[test]
    fn no_name_leads_to_the_links_own_addresses() {
        for bad in [
            "169.254.169.254",
            "169.254.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "::",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
        ] {
            assert!(is_off_limits(bad.parse().unwrap()), "{bad}");
        }
        for good in ["127.0.0.1", "10.1.2.3", "192.0.2.1", "::1", "fd00::1", "2001:db8::1"] {
            assert!(!is_off_limits(good.parse().unwrap()), "{good}");
        }
    }
}
