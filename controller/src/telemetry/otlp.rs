//! How do traces leave? In batches over OTLP/gRPC, on threads that nothing else waits for.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Runtime;
use tonic::codegen::http::Uri;

use super::{TelemetryConfig, TelemetryError};

/// Longest wait for the last traces to leave, at the end.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Longest wait for the collector's answer to a batch; the batch is lost then.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);

/// Sends spans until it is dropped.
#[derive(Debug)]
pub(super) struct Exporter {
    provider: SdkTracerProvider,
    /// Its own, so that a busy controller does not keep traces back, nor the other way round.
    runtime: Option<Runtime>,
}

impl Exporter {
    /// Starts to send spans to `endpoint`, whether anybody listens there or not.
    pub(super) fn start(endpoint: &str, config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()
            .map_err(|source| TelemetryError::Thread { source })?;
        let inside = runtime.enter();
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_LIMIT)
            .build()
            .map_err(|source| TelemetryError::Exporter { endpoint: endpoint.to_owned(), source })?;
        drop(inside);
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attributes([
                KeyValue::new("service.instance.id", config.instance.clone()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { provider, runtime: Some(runtime) })
    }

    /// Makes spans that are sent.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("tidegate")
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_LIMIT) {
            tracing::warn!(%error, "the last traces were not sent");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether `text` is a collector's address that this exporter can speak to: `http://HOST:PORT`.
pub(crate) fn is_endpoint(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty())
    })
}
