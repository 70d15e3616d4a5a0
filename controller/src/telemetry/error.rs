//! Why could telemetry not be set up, and what is to be done?

use std::io;

use opentelemetry_otlp::ExporterBuildError;
use tracing_subscriber::util::TryInitError;

use super::filter::NotAFilter;

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter means nothing.
    #[error(
        "cannot set up logs: `{}` from {origin} is no log filter; \
        write a level such as `info`, or levels by module such as `info,tidegate_controller::node=debug`",
        text.escape_debug()
    )]
    Filter {
        /// The filter.
        text: String,
        /// Where it was written.
        origin: &'static str,
        /// What is wrong with it.
        source: NotAFilter,
    },
    /// The collector's address means nothing.
    #[error(
        "cannot set up traces: `{}` from {origin} is no collector's address; \
        write one such as `http://127.0.0.1:4317`, without TLS, or leave it out",
        text.escape_debug()
    )]
    Endpoint {
        /// The address.
        text: String,
        /// Where it was written.
        origin: &'static str,
    },
    /// The exporter refuses its settings.
    #[error(
        "cannot set up traces to `{endpoint}`; correct the OTEL_EXPORTER_* variables, or unset them"
    )]
    Exporter {
        /// The collector's address.
        endpoint: String,
        /// What the exporter said.
        source: ExporterBuildError,
    },
    /// The system gives no thread to send traces with.
    #[error("cannot start the thread that sends traces; raise the limit on threads")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// Something else took the process's logs already.
    #[error("cannot set up logs: they were set up before; do it once in a process")]
    AlreadySetUp {
        /// What the logging library said.
        source: TryInitError,
    },
}
