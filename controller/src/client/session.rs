//! What does a command need to run? The controllers to ask, a place to print, and who asks.

use tonic::metadata::{Ascii, MetadataValue};

use super::change::Change;
use super::confirm::Asking;
use super::connect::Client;
use super::errors::Failure;
use super::ids::RequestId;
use super::output::Output;
use super::output::time::write_as;
use super::settings::Globals;

/// One run of one command.
#[derive(Debug)]
pub(crate) struct Session {
    /// The controllers.
    pub(crate) client: Client,
    /// Where results go.
    pub(crate) out: Output,
    /// How the operator wants to be asked.
    pub(crate) asking: Asking,
    /// The command's request id, given or random.
    pub(crate) request_id: RequestId,
}

impl Session {
    /// Reads the flags; connects to nothing yet.
    ///
    /// # Errors
    /// No random bytes for a request id.
    pub(crate) fn new(globals: Globals) -> Result<Self, Failure> {
        let request_id = match globals.request_id {
            Some(id) => id,
            None => RequestId::random().map_err(|error| {
                let error = std::io::Error::other(error);
                Failure::machine("make a request id", &error, "give one with --request-id UUID")
            })?,
        };
        write_as(globals.times);
        let (change, asking) = (Change::of(&globals), Asking::of(&globals));
        let operator = globals.operator.or_else(login_name).and_then(header);
        let client = Client::new(globals.endpoint, operator, globals.timeout);
        Ok(Self {
            client: client.reading(globals.stale).changing(change).telling(globals.verbose),
            out: Output::new(globals.output, globals.no_headers, globals.quiet),
            asking,
            request_id,
        })
    }

    /// Whether the operator only wants to know what would become of it. Each command that changes something puts
    /// the answer into its requests; one that does not ask is refused where the operator says `--dry-run`.
    pub(crate) fn validate_only(&mut self) -> bool {
        self.client.change_mut().validate_only()
    }

    /// The etag that the operator saw; empty: none was given. A command that does not ask is refused where the
    /// operator gave one.
    pub(crate) fn etag(&mut self) -> String {
        self.client.change_mut().etag()
    }

    /// What was done, or would be, as words that go on from a subject: `is halted`, `would be halted`.
    pub(crate) fn did(&self, done: &str) -> String {
        if self.client.change().is_dry() { format!("would be {done}") } else { done.to_owned() }
    }

    /// Says at the end of `attempt` what to type next; or that nothing was changed, where it was only checked.
    pub(crate) fn end(&self, attempt: &str, next: &str) {
        if self.client.change().is_dry() {
            self.out.talk(&format!("would {attempt}; nothing was changed"));
        } else {
            self.out.next(next);
        }
    }
}

fn login_name() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|key| std::env::var(key).ok())
}

fn header(name: String) -> Option<MetadataValue<Ascii>> {
    MetadataValue::try_from(name).ok().filter(|value| !value.is_empty())
}
