//! What may be left out of the file, and what holds then? The clocks and the telemetry.

use std::ops::RangeInclusive;
use std::time::Duration;

use tidegate_policies::document::{DocumentError, Field, Value, plain};
use tidegate_policies::time::Millis;

use super::loopback::{Loopback, NotLoopback};
use super::{DEFAULT_IDLE_SYNC, DEFAULT_MACHINE_TICK, DEFAULT_RAFT_TICK};
use crate::telemetry::{LogFormat, TelemetryConfig, is_endpoint, parse_filter};

const RAFT_TICK: RangeInclusive<Millis> = Millis(5)..=Millis(1_000);
const IDLE_SYNC: RangeInclusive<Millis> = Millis(1_000)..=Millis(86_400_000);
const MACHINE_TICK: RangeInclusive<Millis> = Millis(50)..=Millis(10_000);

const TICK: Field = Field { key: "tick", example: r#"tick = "20ms""# };
const LOG: Field = Field { key: "log", example: r#"log = "info""# };
const LOG_FORMAT: Field = Field { key: "log-format", example: r#"log-format = "text""# };
const OTLP_ENDPOINT: Field =
    Field { key: "otlp-endpoint", example: r#"otlp-endpoint = "http://127.0.0.1:4317""# };

const METRICS_LISTEN: Field =
    Field { key: "metrics-listen", example: r#"metrics-listen = "127.0.0.1:9464""# };

/// Reads `machine-tick`.
pub(super) fn read_machine_tick(value: Option<&Value<'_>>) -> Result<Duration, DocumentError> {
    value.map_or(Ok(DEFAULT_MACHINE_TICK), |value| duration(value, MACHINE_TICK))
}

/// Reads `idle-sync`.
pub(super) fn read_idle_sync(value: Option<&Value<'_>>) -> Result<Duration, DocumentError> {
    value.map_or(Ok(DEFAULT_IDLE_SYNC), |value| duration(value, IDLE_SYNC))
}

/// Reads `[raft]`.
pub(super) fn read_raft(value: Option<&Value<'_>>) -> Result<Duration, DocumentError> {
    let Some(value) = value else { return Ok(DEFAULT_RAFT_TICK) };
    let tick = value.table(&[TICK])?.optional(&TICK);
    tick.map_or(Ok(DEFAULT_RAFT_TICK), |tick| duration(&tick, RAFT_TICK))
}

/// Reads `[telemetry]` over what holds without it.
pub(super) fn read_telemetry(
    value: &Value<'_>,
    telemetry: &mut TelemetryConfig,
) -> Result<(), DocumentError> {
    let table = value.table(&[LOG, LOG_FORMAT, OTLP_ENDPOINT, METRICS_LISTEN])?;
    if let Some(log) = table.optional(&LOG) {
        telemetry.log_filter = Some(read_filter(&log)?);
    }
    if let Some(format) = table.optional(&LOG_FORMAT) {
        telemetry.log_format =
            format.one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
    }
    if let Some(endpoint) = table.optional(&OTLP_ENDPOINT) {
        telemetry.otlp_endpoint = Some(read_endpoint(&endpoint)?);
    }
    if let Some(listen) = table.optional(&METRICS_LISTEN) {
        let address: Loopback = listen.text()?.parse().map_err(|error: NotLoopback| {
            listen.error(error.problem(), error.way_out().to_owned())
        })?;
        telemetry.metrics_listen = Some(address.socket_addr());
    }
    Ok(())
}

fn read_filter(value: &Value<'_>) -> Result<String, DocumentError> {
    let text = value.text()?;
    if parse_filter(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(value.error(
        format!("`{}` is no log filter", plain(text)),
        "Write one of the levels error, warn, info, debug, trace, or levels by module, such as \
            \"info,tidegate_controller::node=debug\""
            .to_owned(),
    ))
}

fn read_endpoint(value: &Value<'_>) -> Result<String, DocumentError> {
    let text = value.text()?;
    if is_endpoint(text) {
        return Ok(text.to_owned());
    }
    Err(value.error(
        format!("`{}` is no collector's address", plain(text)),
        format!("Write for example `{}`; it is spoken to without TLS", OTLP_ENDPOINT.example),
    ))
}

fn duration(value: &Value<'_>, range: RangeInclusive<Millis>) -> Result<Duration, DocumentError> {
    value.millis(range).map(|Millis(ms)| Duration::from_millis(ms))
}
