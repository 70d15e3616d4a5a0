//! Would Prometheus take this text? Stricter than it is: every rule of the format, and those of this project.

use std::collections::BTreeMap;

use crate::metrics::catalogue::{CATALOGUE, Described, Kind};

/// A text that was taken: every sample's value, by its name and labels.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// By what stands before the value.
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// The value of one series.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// All series of a family together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of = |series: &&String| series.split('{').next() == Some(name);
        self.samples.keys().filter(of).map(|series| self.samples[series]).sum()
    }
}

/// Reads a text.
pub(crate) fn read(text: &str) -> Result<Scrape, String> {
    let rest = text.strip_suffix('\n').ok_or("the last line has no end")?;
    let mut scrape = Scrape { samples: BTreeMap::new() };
    let mut seen: Vec<&str> = Vec::new();
    let mut lines = rest.split('\n').peekable();
    while let Some(line) = lines.next() {
        let help = line.strip_prefix("# HELP ").ok_or_else(|| format!("no help: {line}"))?;
        let (name, _) = help.split_once(' ').ok_or_else(|| format!("no help: {line}"))?;
        let described = CATALOGUE.iter().find(|of| of.name == name);
        let described = described.ok_or_else(|| format!("not in the catalogue: {name}"))?;
        if seen.last().is_some_and(|last| *last >= name) {
            return Err(format!("{name} comes twice, or not in order"));
        }
        seen.push(name);
        let kind = match described.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        if lines.next() != Some(&format!("# TYPE {name} {kind}")) {
            return Err(format!("no type: {name}"));
        }
        let mut samples = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            samples.push(sample(line, described)?);
        }
        family(described, &samples)?;
        for Sample { series, value, .. } in samples {
            if scrape.samples.insert(series.clone(), value).is_some() {
                return Err(format!("{series} comes twice"));
            }
        }
    }
    Ok(scrape)
}

struct Sample {
    series: String,
    suffix: String,
    /// The labels besides `le`.
    labels: Vec<(String, String)>,
    le: Option<String>,
    value: f64,
}

fn sample(line: &str, described: &Described) -> Result<Sample, String> {
    let wrong = |what: &str| format!("{what}: {line}");
    let (series, value) = line.rsplit_once(' ').ok_or_else(|| wrong("no value"))?;
    let value: f64 = value.parse().map_err(|_| wrong("no number"))?;
    let (name, labels) = series.split_once('{').ok_or_else(|| wrong("no labels"))?;
    let suffix = name.strip_prefix(described.name).ok_or_else(|| wrong("of another family"))?;
    let labels = labels.strip_suffix('}').ok_or_else(|| wrong("labels without an end"))?;
    let mut labels = pairs(labels).ok_or_else(|| wrong("labels that cannot be read"))?;
    let le = labels.pop_if(|(name, _)| name == "le").map(|(_, value)| value);
    let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
    let catalogued = described.labels.iter().map(|label| label.replace('.', "_"));
    let expected: Vec<String> = std::iter::once("node".to_owned()).chain(catalogued).collect();
    if names != expected {
        return Err(wrong("other labels than the catalogue's"));
    }
    Ok(Sample { series: series.to_owned(), suffix: suffix.to_owned(), labels, le, value })
}

/// The labels and their values, unescaped.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let fits = |c: char| c.is_ascii_lowercase() || c == '_';
        if name.is_empty() || !name.chars().all(fits) {
            return None;
        }
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                (_, '\n') => return None,
                (_, c) => value.push(c),
            }
        };
        pairs.push((name.to_owned(), value));
        rest = &after[end + 1..];
        if rest.is_empty() {
            return Some(pairs);
        }
        rest = rest.strip_prefix(',')?;
    }
}

fn family(described: &Described, samples: &[Sample]) -> Result<(), String> {
    let name = described.name;
    match described.kind {
        Kind::Gauge | Kind::Counter => {
            if samples.iter().any(|of| !of.suffix.is_empty() || of.le.is_some()) {
                return Err(format!("{name} has samples of another kind"));
            }
            let falls = described.kind == Kind::Counter && samples.iter().any(|of| of.value < 0.0);
            if falls { Err(format!("{name} is below 0")) } else { Ok(()) }
        }
        Kind::Histogram => {
            let each = samples.chunk_by(|one, next| one.labels == next.labels);
            let odd = each.into_iter().any(|samples| !is_histogram(samples));
            if odd { Err(format!("{name} is no histogram")) } else { Ok(()) }
        }
    }
}

/// Whether these samples of the same labels are one histogram.
fn is_histogram(samples: &[Sample]) -> bool {
    let buckets: Vec<&Sample> = samples.iter().filter(|of| of.suffix == "_bucket").collect();
    let rises = buckets.windows(2).all(|pair| pair[0].value <= pair[1].value);
    let count = samples.iter().find(|of| of.suffix == "_count").map(|of| of.value);
    let has_sum = samples.iter().any(|of| of.suffix == "_sum");
    let last = buckets.last();
    let ends =
        last.is_some_and(|last| last.le.as_deref() == Some("+Inf") && count == Some(last.value));
    rises && ends && has_sum && samples.len() == buckets.len() + 2
}

#[test]
fn what_prometheus_would_not_take_is_not_taken_here() {
    let good = "# HELP tidegate_raft_term t\n# TYPE tidegate_raft_term gauge\ntidegate_raft_term{node=\"1\"} 3\n";
    assert_eq!(read(good).unwrap().value("tidegate_raft_term{node=\"1\"}"), Some(3.0));
    let bad = [
        good.trim_end().to_owned(),
        good.replace(" gauge", " counter"),
        good.replace("# TYPE tidegate_raft_term gauge\n", ""),
        good.replace("\"1\"", "1"),
        good.replace("\"1\"", "\"1\\x\""),
        good.replace("node", "host"),
        good.replace("} 3", "} three"),
        good.replace("tidegate_raft_term", "tidegate_raft_terms"),
        format!("{good}{good}"),
        format!("{good}tidegate_raft_term{{node=\"1\"}} 4\n"),
        format!("{good}tidegate_raft_leader{{node=\"1\"}} 4\n"),
    ];
    for text in bad {
        assert!(read(&text).is_err(), "{text}");
    }
}
