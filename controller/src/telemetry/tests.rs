//! What do operators and collectors get to see?

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use tracing::subscriber::with_default;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    Colour, ENDPOINT_VARIABLE, FLUSH_LIMIT, LOG_VARIABLE, LogFormat, Settings, TelemetryConfig,
    TelemetryError, collector, init,
};

fn config() -> TelemetryConfig {
    TelemetryConfig {
        log_filter: None,
        log_format: LogFormat::Text,
        otlp_endpoint: None,
        metrics_listen: None,
        service_name: "tidegate-controller".to_owned(),
        instance: "lab-1".to_owned(),
    }
}

fn config_to(address: SocketAddr) -> TelemetryConfig {
    TelemetryConfig { otlp_endpoint: Some(format!("http://{address}")), ..config() }
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Paper {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What is logged, under the configuration alone, by `work`; traces have left when it returns.
fn logged(config: &TelemetryConfig, work: impl FnOnce()) -> String {
    let paper = Paper::default();
    let settings = Settings::resolve(config, |_| None).unwrap();
    let exporter = settings.exporter(config).unwrap();
    with_default(settings.subscriber(paper.clone(), Colour(false), exporter.as_ref()), || {
        work();
        drop(exporter);
    });
    String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
}

fn after_time(line: &str) -> &str {
    line.split_once(' ').unwrap().1
}

#[test]
fn what_somebody_sends_cannot_speak_to_a_terminal_or_forge_a_line() {
    let evil = "\u{1b}[2Jweb\u{9b}1m\r\n2026-01-01 INFO all is well\u{202e}\u{7}";
    let text = logged(&config(), || {
        let span = tracing::info_span!("host", name = %evil);
        let _inside = span.enter();
        tracing::info!(plain = evil, shown = %evil, error = &*Box::<dyn std::error::Error>::from(evil), "said {evil}");
    });
    let escaped = r"\u{1b}[2Jweb\u{9b}1m\r\n2026-01-01 INFO all is well\u{202e}\u{7}";
    assert_eq!(
        after_time(&text).trim_start(),
        format!(
            "INFO host{{name={escaped}}}: {}: said {escaped} plain=\"{escaped}\" shown={escaped} error={escaped}\n",
            module_path!()
        )
    );
    let json = logged(&TelemetryConfig { log_format: LogFormat::Json, ..config() }, || {
        tracing::info!(shown = %evil, "said {evil}");
    });
    assert_eq!(json.lines().count(), 1, "{json}");
    assert!(!json.trim_end().contains(|c: char| c.is_ascii_control()), "{json:?}");
}

#[test]
fn a_json_line_is_an_object_with_the_level_and_the_fields() {
    let json = logged(&TelemetryConfig { log_format: LogFormat::Json, ..config() }, || {
        tracing::warn!(event = "rollout.halt", failed = 37_u64, "halted");
    });
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(
        line["fields"],
        serde_json::json!({ "event": "rollout.halt", "failed": 37, "message": "halted" })
    );
}

#[test]
fn an_error_is_logged_with_its_causes() {
    let cause = io::Error::other("disk\ngone");
    let error = TelemetryError::Thread { source: cause };
    let text = logged(&config(), || {
        tracing::error!(error = &error as &dyn std::error::Error, "failed");
    });
    let expected = r"failed error=cannot start the thread that sends traces; raise the limit on threads: disk\ngone";
    assert!(text.trim_end().ends_with(expected), "{text}");
}

#[test]
fn info_and_above_is_logged_unless_the_filter_says_otherwise() {
    let levels = |filter: Option<&str>| {
        let config = TelemetryConfig { log_filter: filter.map(str::to_owned), ..config() };
        let text = logged(&config, || {
            tracing::debug!("one");
            tracing::info!("two");
            tracing::warn!("three");
        });
        text.lines().map(|line| line.rsplit_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(levels(None), ["two", "three"]);
    assert_eq!(levels(Some("warn")), ["three"]);
    assert_eq!(levels(Some("debug")), ["one", "two", "three"]);
}

#[test]
fn the_environment_goes_before_the_configuration_unless_it_is_empty() {
    let config = TelemetryConfig {
        log_filter: Some("warn".to_owned()),
        otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..config()
    };
    let resolved = |filter: &'static str, endpoint: &'static str| {
        let variable = |name| match name {
            LOG_VARIABLE => Some(filter.to_owned()),
            ENDPOINT_VARIABLE => Some(endpoint.to_owned()),
            _ => None,
        };
        let settings = Settings::resolve(&config, variable).unwrap();
        (settings.filter.to_string(), settings.endpoint.unwrap())
    };
    assert_eq!(resolved("", ""), ("warn".to_owned(), "http://127.0.0.1:1".to_owned()));
    let expected = ("trace".to_owned(), "http://127.0.0.1:2".to_owned());
    assert_eq!(resolved("trace", "http://127.0.0.1:2"), expected);
}

#[test]
fn a_setting_without_a_meaning_is_refused_with_the_way_out() {
    let refused = |name: &'static str, text: &str| {
        let variable = |asked: &str| (asked == name).then(|| text.to_owned());
        Settings::resolve(&config(), variable).unwrap_err().to_string()
    };
    assert_eq!(
        refused(LOG_VARIABLE, "inof"),
        "cannot set up logs: `inof` from TIDEGATE_LOG is no log filter; write a level such as \
        `info`, or levels by module such as `info,tidegate_controller::node=debug`"
    );
    for bad in ["https://127.0.0.1:4317", "127.0.0.1:4317", "http://", "collector", "http://a b"] {
        assert_eq!(
            refused(ENDPOINT_VARIABLE, bad),
            format!(
                "cannot set up traces: `{bad}` from OTEL_EXPORTER_OTLP_ENDPOINT is no collector's \
                address; write one such as `http://127.0.0.1:4317`, without TLS, or leave it out"
            )
        );
    }
}

#[test]
fn a_process_sets_up_telemetry_once() {
    let quiet = TelemetryConfig { log_filter: Some("off".to_owned()), ..config() };
    let guard = init(&quiet).unwrap();
    let again = init(&quiet);
    assert!(matches!(again, Err(TelemetryError::AlreadySetUp { .. })), "{again:?}");
    drop(guard);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_gets_our_own_spans_and_who_sent_them() {
    let (address, mut received) = collector::start().await;
    let work = move || {
        let quiet = TelemetryConfig { log_filter: Some("off".to_owned()), ..config_to(address) };
        logged(&quiet, || {
            let outer = tracing::info_span!(target: "tidegate_controller::api", "halt_rollout");
            outer.in_scope(|| {
                tracing::info_span!(target: "h2::server", "not ours").in_scope(|| ());
                tracing::debug_span!(target: "tidegate_controller::api", "too small")
                    .in_scope(|| ());
            });
        })
    };
    assert_eq!(tokio::task::spawn_blocking(work).await.unwrap(), "");
    let export = received.recv().await.unwrap();
    assert_eq!(export.spans(), ["halt_rollout"]);
    let resource = export.resource();
    assert_eq!(resource["service.name"], "tidegate-controller");
    assert_eq!(resource["service.instance.id"], "lab-1");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
}

/// Works and ends with traces for `address`; gives what was logged, unless the end takes too long.
fn end_in_time(address: SocketAddr) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let text = logged(&config_to(address), || {
            tracing::info_span!(target: "tidegate", "lost").in_scope(|| tracing::info!("working"));
        });
        sender.send(text)
    });
    receiver
        .recv_timeout(FLUSH_LIMIT * 10)
        .expect("the end waits for the collector for a bounded time")
}

#[test]
fn a_collector_that_is_gone_stops_neither_the_work_nor_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let text = end_in_time(address);
    assert!(text.contains("working"), "{text}");
}

#[test]
fn a_collector_that_never_answers_holds_up_the_end_for_a_bounded_time_only() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = end_in_time(listener.local_addr().unwrap());
    assert!(text.contains("the last traces were not sent"), "{text}");
}
