//! Which flags does every command take? Their names, defaults and environment variables.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};
use tonic::transport::Uri;

use super::ids::RequestId;
use super::output::time::Times;

/// Flags that every client command takes. What they leave open, files say: see `settings`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own to the operator")]
pub struct Flags {
    /// The context, as `tidegate config get-contexts` lists them [default: the files' current one].
    #[arg(long, global = true, env = "TIDEGATE_CONTEXT", value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// Controllers to ask, separated by commas; all are tried [default: the context's, else 127.0.0.1:7443].
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_ENDPOINTS",
        value_delimiter = ',',
        value_name = "HOST:PORT",
        value_parser = parse_endpoint
    )]
    pub(crate) endpoint: Option<Vec<Uri>>,

    /// What to print on stdout [default: the context's, else table].
    #[arg(short, long, global = true, env = "TIDEGATE_OUTPUT", value_enum)]
    pub(crate) output: Option<OutputFormat>,

    /// How long to try, e.g. `10s`, `1m30s` [default: 10s; cluster check, promote and transfer 30s;
    /// backup 1m; uploads 5m; watch and --wait: no limit].
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_TIMEOUT",
        value_name = "DURATION",
        value_parser = parse_duration
    )]
    pub(crate) timeout: Option<Duration>,

    /// Do not ask: yes.
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,

    /// Never ask; fail where an answer would be needed.
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_NO_INPUT",
        value_parser = FalseyValueParser::new()
    )]
    pub(crate) no_input: bool,

    /// Only check what would become of it, and say so; nothing is changed.
    #[arg(short = 'n', long, global = true)]
    pub(crate) dry_run: bool,

    /// Change it only while it is as you saw it: its etag, as `-o json` shows it.
    #[arg(long, global = true, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,

    /// Repeat a request under its old id, so that it cannot happen twice [default: random].
    #[arg(long, global = true, value_name = "UUID")]
    pub(crate) request_id: Option<RequestId>,

    /// Who you are, for the record [default: the context's, else $USER].
    #[arg(
        long,
        global = true,
        env = "TIDEGATE_OPERATOR",
        value_name = "NAME",
        value_parser = parse_operator
    )]
    pub(crate) operator: Option<String>,

    /// Read what the answering controller has, without asking the leader; it may be out of date.
    #[arg(long, global = true)]
    pub(crate) stale: bool,

    /// Leave the column names out of tables.
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,

    /// Say less on stderr.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more on stderr: who answered, and when; twice: also who did not.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// Write times in UTC instead of how long ago they are.
    #[arg(long, global = true, conflicts_with = "local")]
    pub(crate) utc: bool,

    /// Write times in this machine's time zone instead of how long ago they are.
    #[arg(long, global = true)]
    pub(crate) local: bool,
}

/// What is printed on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people. Columns may change.
    Table,
    /// For people, with more columns.
    Wide,
    /// One JSON document; keys are only ever added.
    Json,
    /// The same as YAML.
    Yaml,
    /// One JSON object a line.
    Jsonl,
    /// Resource names alone, one a line.
    Name,
}

impl Flags {
    /// How times are written for people.
    pub(crate) fn times(&self) -> Times {
        match (self.utc, self.local) {
            (true, _) => Times::Utc,
            (false, true) => Times::Local,
            (false, false) => Times::Ago,
        }
    }
}

impl OutputFormat {
    /// Whether stdout is for a program.
    pub(crate) fn is_json(self) -> bool {
        match self {
            Self::Json | Self::Jsonl | Self::Yaml => true,
            Self::Table | Self::Wide | Self::Name => false,
        }
    }

    /// Reads what a file says.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        Self::from_str(text, false).map_err(|_| {
            let words: Vec<String> = Self::value_variants().iter().map(|of| of.word()).collect();
            format!("`{text}` is no output; there are {}", words.join(", "))
        })
    }

    /// What it is called.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Reads `1h30m`, `90s`, `250ms`: whole numbers with the units `ms`, `s`, `m`, `h`, `d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("`{text}` is not a duration; write e.g. `500ms`, `10s`, `1m30s`, `2h`");
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(advice)?;
        let number: u64 = rest[..digits].parse().map_err(|_| advice())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_ms: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(advice()),
        };
        rest = &rest[letters..];
        let part = number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(advice)?;
        total = total.checked_add(part).ok_or_else(advice)?;
    }
    if total.is_zero() { Err(advice()) } else { Ok(total) }
}

/// Reads `host:port`, with or without `http://`.
pub(crate) fn parse_endpoint(text: &str) -> Result<Uri, String> {
    let advice = || format!("`{text}` is not an endpoint; write `host:port`");
    let bare = text.trim().strip_prefix("http://").unwrap_or_else(|| text.trim());
    if bare.contains("://") {
        return Err(format!("`{text}`: only plain `host:port` endpoints are supported"));
    }
    let uri: Uri = format!("http://{bare}").parse().map_err(|_| advice())?;
    if uri.port_u16().is_none() || uri.path() != "/" { Err(advice()) } else { Ok(uri) }
}

/// An operator's name travels in a header: printable ASCII without spaces at its ends.
pub(crate) fn parse_operator(text: &str) -> Result<String, String> {
    let name = text.trim();
    let printable = name.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if name.is_empty() || name.len() > 128 || !printable {
        return Err("an operator's name is 1 to 128 printable ASCII characters".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_their_parts() {
        for (text, ms) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_an_example() {
        for text in ["", "10", "s", "10 s", "-1s", "1.5s", "0s", "99999999999999999999s", "1y"] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("1m30s"), "{text}: {error}");
        }
    }

    #[test]
    fn endpoints_need_a_host_and_a_port_and_no_scheme() {
        assert_eq!(parse_endpoint("n1:7443").unwrap().to_string(), "http://n1:7443/");
        assert_eq!(parse_endpoint("http://[::1]:7443").unwrap().to_string(), "http://[::1]:7443/");
        for text in ["", "n1", "https://n1:7443", "n1:7443/path", "n1:port"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_operators_name_fits_into_a_header() {
        assert_eq!(parse_operator(" ana "), Ok("ana".to_owned()));
        for name in ["", "  ", "a\nb", "änne"] {
            assert!(parse_operator(name).is_err(), "{name:?}");
        }
    }
}
