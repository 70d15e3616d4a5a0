//! How does a program hear of incidents? It listens where a webhook calls, checks who signed, and says what happened.
//!
//! ```sh
//! cargo run -p tidegate-examples --example receiver -- 127.0.0.1:9099 webhook-secrets/pager
//! ```
//!
//! Prints one line for each message. What comes again has the same `webhook-id`, and is printed once.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// A message that is older was perhaps copied on its way; in seconds.
const MAX_AGE: u64 = 5 * 60;

/// For how long the ids of messages are kept, in seconds: the three days for which a controller tries, and three
/// more for a person who has it sent again.
const KEPT: u64 = 7 * 86_400;

const MAX_HEAD_BYTES: u64 = 16 * 1_024;
const MAX_BODY_BYTES: u64 = 64 * 1_024;

/// What came.
#[derive(Debug, Default)]
struct Message {
    /// Lines of the head; names in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(place), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: receiver HOST:PORT FILE-WITH-SECRET".into());
    };
    let secret = secret(&fs::read_to_string(file)?).ok_or("the file has no secret `whsec_…`")?;
    let mut seen = BTreeMap::new();
    let mut out = io::stdout().lock();
    for stream in TcpListener::bind(place)?.incoming() {
        let mut stream = stream?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let answer = match hear(&stream, &secret, now) {
            Ok(message) => {
                // Printed before it is answered: what is not answered comes again, what is does not.
                if seen.insert(message.header("webhook-id").to_owned(), now).is_none() {
                    writeln!(out, "{}", line(&message.body)?)?;
                }
                "204 No Content"
            }
            Err(why) => {
                writeln!(io::stderr(), "a message was not taken: {why}")?;
                "400 Bad Request"
            }
        };
        seen.retain(|_, at| now.saturating_sub(*at) <= KEPT);
        // Who has gone meanwhile calls again.
        let _answered = write!(stream, "HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n");
    }
    Ok(())
}

/// Reads one request, and checks it.
fn hear(stream: &TcpStream, secret: &[u8], now: u64) -> Result<Message, Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut message = Message::default();
    for line in reader.by_ref().take(MAX_HEAD_BYTES).lines().skip(1) {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        message.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: u64 = message.header("content-length").parse()?;
    if length > MAX_BODY_BYTES {
        return Err("it is too long".into());
    }
    reader.take(length).read_to_end(&mut message.body)?;
    check(secret, &message, now)?;
    Ok(message)
}

/// Whether a message is of now, and from somebody who has the secret.
fn check(secret: &[u8], message: &Message, now: u64) -> Result<(), &'static str> {
    let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp"));
    let sent: u64 = at.parse().map_err(|_| "it has no time")?;
    if sent.abs_diff(now) > MAX_AGE {
        return Err("it is not of now: look at the clocks, or somebody plays an old one again");
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| "the secret is none")?;
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&message.body);
    // While the secret is changed there are two signatures, of which any will do.
    let signatures = message.header("webhook-signature").split(' ');
    let mut signatures =
        signatures.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    if signatures.any(|one| mac.clone().verify_slice(&one).is_ok()) {
        return Ok(());
    }
    Err("its signature is of another secret, or of another message")
}

/// The bytes that a secret stands for.
fn secret(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.lines().next()?.trim().strip_prefix("whsec_")?).ok()
}

/// What happened, in a line.
fn line(body: &[u8]) -> Result<String, serde_json::Error> {
    let event: Value = serde_json::from_slice(body)?;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let words = [&event["time"], &event["type"], &event["subject"]].map(word);
    Ok(format!(
        "{}  {}: {}",
        words.join("  "),
        word(&event["data"]["actor"]),
        word(&event["data"]["text"])
    ))
}

impl Message {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: u64 = 1_614_265_330;

    /// The example of the scheme's own libraries.
    fn message() -> Message {
        let headers = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Message { headers: headers.into(), body: br#"{"test": 2432232314}"#.to_vec() }
    }

    fn checked(message: &Message, now: u64) -> bool {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        check(&secret, message, now).is_ok()
    }

    #[test]
    fn a_message_is_taken_that_is_signed_and_of_now() {
        assert!(checked(&message(), SENT));
        for now in [SENT - MAX_AGE, SENT + MAX_AGE] {
            assert!(checked(&message(), now));
        }
        for now in [0, SENT - MAX_AGE - 1, SENT + MAX_AGE + 1] {
            assert!(!checked(&message(), now), "{now}");
        }
    }

    #[test]
    fn one_good_signature_of_two_is_enough_and_none_is_not() {
        let good = message().header("webhook-signature").to_owned();
        let other = format!("v1,{}", STANDARD.encode([7; 32]));
        for (signatures, is_taken) in [
            (format!("{other} {good}"), true),
            (format!("{good} {other}"), true),
            (other, false),
            (good.replace("v1,", "v2,"), false),
            (String::new(), false),
        ] {
            let mut message = message();
            message.headers.insert("webhook-signature".to_owned(), signatures);
            assert_eq!(checked(&message, SENT), is_taken, "{message:?}");
        }
    }

    #[test]
    fn nothing_that_is_signed_can_be_exchanged() {
        let change: [fn(&mut Message); 3] = [
            |message| message.body.push(b' '),
            |message| drop(message.headers.insert("webhook-id".to_owned(), "other".to_owned())),
            |message| {
                drop(
                    message.headers.insert("webhook-timestamp".to_owned(), "1614265331".to_owned()),
                )
            },
        ];
        for change in change {
            let mut message = message();
            change(&mut message);
            assert!(!checked(&message, SENT), "{message:?}");
        }
    }
}
