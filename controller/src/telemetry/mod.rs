//! What does a controller tell the outside about its work? Log lines on stderr, and traces to a
//! collector if there is one.
//!
//! | setting | from | default |
//! | --- | --- | --- |
//! | what is logged | `TIDEGATE_LOG`, else [`TelemetryConfig::log_filter`] | `info` |
//! | how a line looks | [`TelemetryConfig::log_format`] | text |
//! | where traces and metrics go | `OTEL_EXPORTER_OTLP_ENDPOINT`, else [`TelemetryConfig::otlp_endpoint`] | nowhere |
//! | where metrics are asked for | [`TelemetryConfig::metrics_listen`] | nowhere |
//!
//! stdout is left alone: it is for data. Traces hold Tidegate's own spans from level `info` up,
//! whatever the log filter says. A collector that is slow, wrong or gone costs traces and log
//! lines, never the controller: spans wait in a bounded queue, and leave on a thread of their own.

mod context;
mod error;
mod fields;
mod filter;
mod otlp;

#[cfg(test)]
mod collector;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

pub use self::context::{comes_from, go_on};
pub use self::error::TelemetryError;
pub use self::otlp::FLUSH_LIMIT;

pub(crate) use self::filter::parse_filter;
pub(crate) use self::otlp::is_endpoint;

use self::fields::OneLine;
use self::otlp::Exporter;

/// The environment variable that says what is logged.
pub const LOG_VARIABLE: &str = "TIDEGATE_LOG";

/// The environment variable that says where traces go.
pub const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What is logged when nobody says otherwise.
pub const DEFAULT_FILTER: &str = "info";

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: one line of text each.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What is told, and to whom. Read once, at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// A level, or levels by module: `info`, `info,tidegate_controller::node=debug`.
    pub log_filter: Option<String>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// An OTLP collector that speaks gRPC without TLS, such as `http://127.0.0.1:4317`.
    pub otlp_endpoint: Option<String>,
    /// Where Prometheus finds `/metrics`; loopback alone, port 0 takes a free one.
    pub metrics_listen: Option<SocketAddr>,
    /// `service.name` of the traces: `tidegate-controller`.
    pub service_name: String,
    /// `service.instance.id` of the traces: one value for each controller.
    pub instance: String,
}

/// Keeps telemetry alive. When it is dropped, traces that wait are sent, for at most
/// [`FLUSH_LIMIT`].
#[derive(Debug)]
#[must_use = "traces end when this is dropped"]
pub struct Guard {
    _exporter: Option<Exporter>,
}

/// Sets up logs and traces for the whole process. Needs no async runtime.
///
/// # Errors
///
/// A setting has no meaning, or telemetry was set up before. A collector that cannot be reached is
/// no error.
pub fn init(config: &TelemetryConfig) -> Result<Guard, TelemetryError> {
    let settings = Settings::resolve(config, |variable| std::env::var(variable).ok())?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let exporter = settings.exporter(config)?;
    let subscriber = settings.subscriber(io::stderr, Colour(colour), exporter.as_ref());
    subscriber.try_init().map_err(|source| TelemetryError::AlreadySetUp { source })?;
    Ok(Guard { _exporter: exporter })
}

/// Where the collector is, if there is one.
///
/// # Errors
///
/// A setting has no meaning.
pub fn collector(config: &TelemetryConfig) -> Result<Option<String>, TelemetryError> {
    Ok(Settings::resolve(config, |variable| std::env::var(variable).ok())?.endpoint)
}

/// What a thread of a test writes to, and what sends its traces.
#[cfg(test)]
pub(crate) fn traced_to(
    config: &TelemetryConfig,
) -> Result<(impl Subscriber + Send + Sync, Guard), TelemetryError> {
    let settings = Settings::resolve(config, |_| None)?;
    let exporter = settings.exporter(config)?;
    let subscriber = settings.subscriber(io::sink, Colour(false), exporter.as_ref());
    Ok((subscriber, Guard { _exporter: exporter }))
}

/// Whether a terminal that shows colours reads along.
#[derive(Clone, Copy, Debug)]
struct Colour(bool);

/// The configuration under the environment.
#[derive(Debug)]
struct Settings {
    filter: EnvFilter,
    format: LogFormat,
    endpoint: Option<String>,
}

impl Settings {
    fn resolve(
        config: &TelemetryConfig,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, TelemetryError> {
        let either = |name: &'static str, configured: &Option<String>| {
            let from_environment = variable(name).filter(|text| !text.is_empty());
            from_environment
                .map(|text| (name, text))
                .or_else(|| configured.clone().map(|text| ("the configuration", text)))
        };
        let (origin, filter) = either(LOG_VARIABLE, &config.log_filter)
            .unwrap_or_else(|| ("the default", DEFAULT_FILTER.to_owned()));
        let filter = parse_filter(&filter).map_err(|source| TelemetryError::Filter {
            text: filter,
            origin,
            source,
        })?;
        let endpoint = match either(ENDPOINT_VARIABLE, &config.otlp_endpoint) {
            Some((origin, text)) if !is_endpoint(&text) => {
                return Err(TelemetryError::Endpoint { text, origin });
            }
            good => good.map(|(_, text)| text),
        };
        Ok(Self { filter, format: config.log_format, endpoint })
    }

    fn exporter(&self, config: &TelemetryConfig) -> Result<Option<Exporter>, TelemetryError> {
        self.endpoint.as_deref().map(|endpoint| Exporter::start(endpoint, config)).transpose()
    }

    fn subscriber<W>(
        self,
        writer: W,
        colour: Colour,
        exporter: Option<&Exporter>,
    ) -> impl Subscriber + Send + Sync + use<W>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let traces = exporter.map(|exporter| {
            let ours = Targets::new().with_target("tidegate", LevelFilter::INFO);
            tracing_opentelemetry::layer().with_tracer(exporter.tracer()).with_filter(ours)
        });
        let lines = lines(self.format, writer, colour).with_filter(self.filter);
        tracing_subscriber::registry().with(lines).with(traces)
    }
}

/// Writes log lines. What is logged stays on its line and cannot speak to a terminal.
fn lines<S, W>(format: LogFormat, writer: W, colour: Colour) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => layer.with_ansi(colour.0).fmt_fields(OneLine).boxed(),
        LogFormat::Json => layer.json().boxed(),
    }
}
