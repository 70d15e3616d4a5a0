//! What does a command need to run? The controllers to ask, a place to print, and who asks.

use tonic::metadata::{Ascii, MetadataValue};

use super::args::Globals;
use super::confirm::Asking;
use super::connect::Client;
use super::errors::Failure;
use super::ids::RequestId;
use super::output::Output;

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
        let operator = globals.operator.or_else(login_name).and_then(header);
        Ok(Self {
            client: Client::new(globals.endpoint, operator, globals.timeout).reading(globals.stale),
            out: Output::new(globals.output, globals.no_headers, globals.quiet),
            asking: Asking::new(globals.yes, globals.no_input),
            request_id,
        })
    }
}

fn login_name() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|key| std::env::var(key).ok())
}

fn header(name: String) -> Option<MetadataValue<Ascii>> {
    MetadataValue::try_from(name).ok().filter(|value| !value.is_empty())
}
