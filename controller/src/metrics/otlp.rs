//! How do metrics leave for a collector? The same families as for Prometheus, over OTLP/gRPC, every so often.
//!
//! A collector that is slow, wrong or gone costs its own picture alone: what could not be sent is not kept, and the
//! next push has the whole, since every number counts from the start of the process.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram as Histograms, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use tonic::transport::{Channel, Endpoint};

use super::Metrics;
use super::catalogue::Kind;
use super::family::{Family, Series, Value};

/// How often everything is sent.
const INTERVAL: Duration = Duration::from_secs(15);
/// Longest wait for the collector.
const WITHIN: Duration = Duration::from_secs(5);

/// The span of time that a push tells of, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Span {
    since: u64,
    now: u64,
}

/// Sends everything to the collector at `endpoint`, until the node stops or this is aborted.
pub async fn run(metrics: Metrics, endpoint: String, instance: String) {
    let Ok(collector) = Endpoint::from_shared(endpoint.clone()) else { return };
    let channel = collector.connect_timeout(WITHIN).timeout(WITHIN).connect_lazy();
    let mut client = MetricsServiceClient::new(channel);
    let since = nanos(&metrics);
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = Push::Taken;
    loop {
        interval.tick().await;
        let Ok(families) = metrics.families().await else { return };
        let span = Span { since, now: nanos(&metrics) };
        let request = request(&families, span, [&instance, &metrics.node().0.to_string()]);
        last = push(&mut client, request, last).await;
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Push {
    /// The collector took it.
    Taken,
    /// It is lost.
    Lost,
}

/// Sends once; what is wrong is said when it begins, not each time.
async fn push(
    client: &mut MetricsServiceClient<Channel>,
    request: ExportMetricsServiceRequest,
    last: Push,
) -> Push {
    match client.export(request).await {
        Ok(_) => Push::Taken,
        Err(status) => {
            if last == Push::Taken {
                let error = status.message();
                tracing::warn!(error, "metrics.not_sent: the next push has the whole again");
            }
            Push::Lost
        }
    }
}

fn nanos(metrics: &Metrics) -> u64 {
    metrics.clock.wall().0.saturating_mul(1_000_000)
}

fn request(
    families: &[Family],
    span: Span,
    [instance, node]: [&str; 2],
) -> ExportMetricsServiceRequest {
    let resource = Resource {
        attributes: vec![
            pair("service.name", "tidegate-controller"),
            pair("service.instance.id", instance),
            pair("service.version", env!("CARGO_PKG_VERSION")),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope { name: "tidegate".to_owned(), ..Default::default() };
    let metrics = families.iter().map(|family| metric(family, span, node)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..Default::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics,
            ..Default::default()
        }],
    }
}

fn metric(family: &Family, span: Span, node: &str) -> Metric {
    let numbers =
        || family.series.iter().filter_map(|of| number(family, of, (span, node))).collect();
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.described.kind {
        Kind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Counter => metric::Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Histogram => metric::Data::Histogram(Histograms {
            data_points: family
                .series
                .iter()
                .filter_map(|of| histogram(family, of, (span, node)))
                .collect(),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: family.described.convention.unwrap_or(family.described.name).to_owned(),
        unit: unit(family.described.name).to_owned(),
        description: family.described.help.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// The unit that a name ends with, as UCUM has it; empty: a count.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_seconds") {
        "s"
    } else if name.ends_with("_ratio") || name.contains("_ratio_") {
        "1"
    } else {
        ""
    }
}

fn number(family: &Family, series: &Series, (span, node): (Span, &str)) -> Option<NumberDataPoint> {
    let Value::Number(value) = &series.value else { return None };
    Some(NumberDataPoint {
        attributes: attributes(family, series, node),
        start_time_unix_nano: span.since,
        time_unix_nano: span.now,
        value: Some(number_data_point::Value::AsDouble(*value)),
        ..NumberDataPoint::default()
    })
}

fn histogram(
    family: &Family,
    series: &Series,
    (span, node): (Span, &str),
) -> Option<HistogramDataPoint> {
    let Value::Histogram(histogram) = &series.value else { return None };
    Some(HistogramDataPoint {
        attributes: attributes(family, series, node),
        start_time_unix_nano: span.since,
        time_unix_nano: span.now,
        count: histogram.count(),
        sum: Some(histogram.sum()),
        bucket_counts: histogram.counts().to_vec(),
        explicit_bounds: histogram.bounds().to_vec(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(family: &Family, series: &Series, node: &str) -> Vec<KeyValue> {
    let named = family.described.labels.iter().zip(&series.labels);
    // An attribute that does not apply is left out.
    let named = named.filter(|(_, value)| !value.is_empty());
    let named = named.map(|(label, value)| pair(label, value));
    std::iter::once(pair("node", node)).chain(named).collect()
}

fn pair(key: &str, value: &str) -> KeyValue {
    let value = any_value::Value::StringValue(value.to_owned());
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
