//! How does a receiver know that a message is from this cluster? By the Standard Webhooks scheme: HMAC-SHA256.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has, as the scheme wants it.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets that sign at a time: the one that is, and while it is changed, the one that will be.
const MAX_SECRETS: usize = 2;

/// The secrets that sign. They are shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secrets(Vec<Vec<u8>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// The secrets in this text, one or two, each on a line: `whsec_` and 24 to 64 bytes in base64. Empty lines and
    /// spaces around a secret are nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<Vec<u8>> = lines.map(secret).collect::<Option<_>>()?;
        (1..=MAX_SECRETS).contains(&secrets.len()).then_some(Self(secrets))
    }

    /// The header `webhook-signature` of a message: a signature by each secret, any of which is enough.
    pub(super) fn signatures(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let signed = |secret: &Vec<u8>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        let signatures: Vec<String> = self.0.iter().map(signed).collect::<Option<_>>()?;
        Some(signatures.join(" "))
    }
}

fn secret(line: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(line.strip_prefix(PREFIX)?).ok()?;
    BYTES.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn signed(text: &str) -> String {
        let secrets = Secrets::read(text).unwrap();
        let body = br#"{"test": 2432232314}"#;
        secrets.signatures("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap()
    }

    /// The example of the scheme's own libraries.
    #[test]
    fn a_message_is_signed_as_the_scheme_says() {
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed(&format!("{OLD}\n")), expected);
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let both = format!("{} {}", signed(OLD), signed(NEW));
        assert_eq!(signed(&format!("{OLD}\n{NEW}\n")), both);
        assert_eq!(signed(&format!("\n  {OLD}\r\n\n{NEW}  ")), both);
        assert_eq!(Secrets::read(&format!("{OLD}\n{NEW}\n{OLD}")), None);
        assert_eq!(Secrets::read(&format!("{OLD}\nnone")), None);
    }

    #[test]
    fn a_secret_is_shown_by_nothing_and_has_24_to_64_bytes() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (bytes, fits) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(Secrets::read(&of(bytes)).is_some(), fits, "{bytes}");
        }
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all!"] {
            assert_eq!(Secrets::read(text), None, "{text}");
        }
        assert_eq!(format!("{:?}", Secrets::read(&of(24)).unwrap()), "Secrets(…)");
    }
}
