//! How are metrics written for Prometheus? In its text format, version 0.0.4.

use std::fmt::Write as _;

use super::catalogue::Kind;
use super::family::{Family, Series, Value, number};
use crate::machine::ids::NodeId;
use crate::meters::Histogram;

/// The text's media type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families, of this node.
pub(super) fn write(families: &[Family], node: NodeId) -> String {
    let mut text = String::new();
    for family in families {
        let described = family.described;
        let kind = match described.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        let (name, help) = (described.name, escaped(described.help, &['\\', '\n']));
        // Writing to a text cannot fail.
        let _written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for series in &family.series {
            sample(&mut text, family, series, node);
        }
    }
    text
}

fn sample(text: &mut String, family: &Family, series: &Series, node: NodeId) {
    let name = family.described.name;
    let named = family.described.labels.iter().zip(&series.labels);
    let mut labels = format!("node=\"{}\"", node.0);
    for (label, value) in named {
        let label = label.replace('.', "_");
        let _written = write!(labels, ",{label}=\"{}\"", escaped(value, &['\\', '\n', '"']));
    }
    match &series.value {
        Value::Number(value) => line(text, &format!("{name}{{{labels}}}"), *value),
        Value::Histogram(histogram) => {
            for (bound, count) in cumulative(histogram) {
                let bucket = format!("{name}_bucket{{{labels},le=\"{bound}\"}}");
                line(text, &bucket, number(count));
            }
            line(text, &format!("{name}_sum{{{labels}}}"), histogram.sum());
            line(text, &format!("{name}_count{{{labels}}}"), number(histogram.count()));
        }
    }
}

fn cumulative(histogram: &Histogram) -> impl Iterator<Item = (String, u64)> {
    let bounds = histogram.bounds().iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    bounds.zip(histogram.counts()).map(move |(bound, count)| {
        below += count;
        (bound, below)
    })
}

fn line(text: &mut String, series: &str, value: f64) {
    let _written = writeln!(text, "{series} {value}");
}

fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            c => {
                if special.contains(&c) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
        }
    }
    escaped
}
