//! Who listens where a webhook calls? A receiver on a real socket, which writes down what it gets and answers as the
//! test wants it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Gate, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::trouble::{Outcome, Trouble};

/// What a receiver was sent.
#[derive(Clone, Debug)]
pub struct Received {
    /// The first line.
    pub line: String,
    /// The other lines of the head, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a receiver answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These lines, and nothing behind them.
    Says(&'static str),
    /// Nothing; the connection stays open.
    Hangs,
    /// This, once the test opens the gate.
    Gated(&'static str),
}

/// The answer of a receiver that took what it was sent.
pub const TAKEN: Answer = Answer::Says("HTTP/1.1 204 No Content\r\n\r\n");

type Heard = Arc<Mutex<Vec<Received>>>;

/// A receiver.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    heard: Heard,
    gate: Sender<()>,
}

impl Receiver {
    /// A receiver that answers its requests, counted from 0, as `answer` says. It listens for as long as the test
    /// runs.
    ///
    /// # Errors
    ///
    /// No port is to be had.
    pub fn start(answer: impl Fn(usize, &Received) -> Answer + Send + 'static) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let heard = Heard::default();
        let (gate, opened) = channel();
        let written = Arc::clone(&heard);
        thread::spawn(move || serve(&listener, &written, (&opened, answer)));
        Ok(Self { port, heard, gate })
    }

    /// Where it listens.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was sent so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Received> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the answer go that waits at the gate.
    ///
    /// # Errors
    ///
    /// The receiver has ended.
    pub fn open_gate(&self) -> Outcome<()> {
        self.gate.send(()).map_err(|_| Trouble::new("the receiver has ended"))
    }
}

/// One connection after the other; one that hangs is put aside.
fn serve(
    listener: &TcpListener,
    heard: &Heard,
    (gate, answer): (&Gate<()>, impl Fn(usize, &Received) -> Answer),
) {
    let mut hanging = Vec::new();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let Some(received) = read(&stream) else { continue };
        let count = {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(received.clone());
            heard.len() - 1
        };
        let said = match answer(count, &received) {
            Answer::Says(said) => said,
            Answer::Hangs => {
                hanging.push(stream);
                continue;
            }
            Answer::Gated(said) => {
                if gate.recv().is_err() {
                    return;
                }
                said
            }
        };
        // Who has gone meanwhile hears nothing.
        let _said = stream.write_all(said.as_bytes());
    }
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { line: line.trim_end().to_owned(), headers, body })
}

impl Received {
    /// A line of the head; empty: there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn event(&self) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Whether it is signed with this secret, `whsec_…`, as a receiver would look.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let Ok(key) = STANDARD.decode(secret.trim_start_matches("whsec_")) else { return false };
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let signed = [format!("{id}.{at}.").as_bytes(), &self.body].concat();
        let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &signed)));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// RFC 2104, written out: what a receiver computes must not be computed by the sender's own code. The key is no
/// longer than a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).collect();
    let hashed = Sha256::digest([&inner, message].concat());
    Sha256::digest([outer.as_slice(), hashed.as_slice()].concat()).into()
}
