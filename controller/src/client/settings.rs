//! What holds for this run? Flags before the environment, the environment before files, and where nobody says
//! anything the defaults.

use std::time::Duration;

use tonic::transport::Uri;

use super::args::{Flags, OutputFormat, parse_duration, parse_endpoint, parse_operator};
use super::contexts::{Context, Files, Found};
use super::errors::Failure;
use super::ids::RequestId;
use super::output::time::Times;

/// Whom to ask where nobody says: a controller on this machine.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7443";

/// What holds for this run of a client.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own to the operator")]
pub struct Globals {
    /// Controllers to ask.
    pub endpoint: Vec<Uri>,
    /// What to print on stdout.
    pub output: OutputFormat,
    /// How long to try; `None`: the default of each call.
    pub timeout: Option<Duration>,
    /// Do not ask: yes.
    pub yes: bool,
    /// Never ask.
    pub no_input: bool,
    /// Only check what would become of it.
    pub dry_run: bool,
    /// The etag that the operator saw.
    pub if_match: Option<String>,
    /// The id of the request.
    pub request_id: Option<RequestId>,
    /// Who the operator is.
    pub operator: Option<String>,
    /// Read what the answering controller has.
    pub stale: bool,
    /// Leave the column names out of tables.
    pub no_headers: bool,
    /// Say less on stderr.
    pub quiet: bool,
    /// Say more on stderr, the more the higher.
    pub verbose: u8,
    /// How times are written for people.
    pub(crate) times: Times,
    /// The context; `None`: none is chosen.
    pub context: Option<String>,
    /// Where each setting comes from.
    pub(crate) origins: Vec<Origin>,
}

/// One setting, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The setting.
    pub(crate) key: &'static str,
    /// Its value in words.
    pub(crate) value: String,
    /// Where it comes from.
    pub(crate) source: String,
}

/// Whether a run can do with what flags and environment say alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It takes what the files say.
    Files,
    /// It stops something: a file that is wrong must not be in its way, where the controllers are named
    /// otherwise.
    ToStop,
    /// It asks no controller, or sets the files right.
    Nothing,
}

impl Flags {
    /// What holds for this run, and what is wrong with files that were left out.
    ///
    /// # Errors
    /// A file or a context is not what it should be.
    pub(crate) fn settle(self, need: Need) -> Result<(Globals, Option<Failure>), Failure> {
        if need == Need::Nothing {
            let named = self.context.clone();
            let bare = Self { context: None, ..self }.with(&Files::default())?;
            return Ok((Globals { context: named, ..bare }, None));
        }
        match Files::read() {
            Ok(files) => Ok((self.with(&files)?, None)),
            Err(wrong) if need == Need::ToStop && self.endpoint.is_some() => {
                let bare = Self { context: None, ..self };
                Ok((bare.with(&Files::default())?, Some(wrong)))
            }
            Err(wrong) => Err(wrong),
        }
    }

    fn with(self, files: &Files) -> Result<Globals, Failure> {
        let chosen = match &self.context {
            Some(name) => {
                Some(Found { value: name.as_str(), source: said("--context", "TIDEGATE_CONTEXT") })
            }
            None => files.current(),
        };
        if let Some(chosen) = &chosen {
            files.check(chosen.value)?;
        }
        let (context, times) = (chosen.as_ref().map(|found| found.value), self.times());
        let endpoints = self.endpoints(files, context)?;
        let output = found(self.output, ("--output", "TIDEGATE_OUTPUT"), || {
            in_files(files, context, |of| of.output.as_ref(), OutputFormat::read)
        })?;
        let operator = found(self.operator, ("--operator", "TIDEGATE_OPERATOR"), || {
            in_files(files, context, |of| of.operator.as_ref(), parse_operator)
        })?;
        let timeout = found(self.timeout, ("--timeout", "TIDEGATE_TIMEOUT"), || {
            in_files(files, context, |of| of.timeout.as_ref(), parse_duration)
        })?;
        let origins = [
            chosen.as_ref().map(|of| of.origin("context", |name| (*name).to_owned())),
            Some(endpoints.origin("endpoints", |uris| words(uris))),
            output.as_ref().map(|of| of.origin("output", |format| format.word())),
            operator.as_ref().map(|of| of.origin("operator", Clone::clone)),
            timeout.as_ref().map(|of| of.origin("timeout", |of| format!("{}ms", of.as_millis()))),
        ];
        Ok(Globals {
            context: context.map(str::to_owned),
            origins: origins.into_iter().flatten().collect(),
            endpoint: endpoints.value,
            output: output.map_or(OutputFormat::Table, |found| found.value),
            timeout: timeout.map(|found| found.value),
            operator: operator.map(|found| found.value),
            yes: self.yes,
            no_input: self.no_input,
            dry_run: self.dry_run,
            if_match: self.if_match,
            request_id: self.request_id,
            stale: self.stale,
            no_headers: self.no_headers,
            quiet: self.quiet,
            verbose: self.verbose,
            times,
        })
    }

    fn endpoints(&self, files: &Files, context: Option<&str>) -> Result<Found<Vec<Uri>>, Failure> {
        if let Some(given) = &self.endpoint {
            let source = said("--endpoint", "TIDEGATE_ENDPOINTS");
            return Ok(Found { value: given.clone(), source });
        }
        let Some(found) = context.and_then(|of| files.of_context(of, |of| of.endpoints.as_ref()))
        else {
            let value = vec![Uri::from_static(DEFAULT_ENDPOINT)];
            return Ok(Found { value, source: "default".to_owned() });
        };
        let uris: Result<Vec<Uri>, String> =
            found.value.iter().map(|text| parse_endpoint(text)).collect();
        let value = uris.map_err(|why| bad(&found.source, why))?;
        Ok(Found { value, source: found.source })
    }
}

/// What was said by flag or environment, else what the files say.
fn found<T>(
    given: Option<T>,
    (flag, variable): (&str, &str),
    in_files: impl FnOnce() -> Result<Option<Found<T>>, Failure>,
) -> Result<Option<Found<T>>, Failure> {
    match given {
        Some(value) => Ok(Some(Found { value, source: said(flag, variable) })),
        None => in_files(),
    }
}

/// What the files say of the context, read.
fn in_files<T>(
    files: &Files,
    context: Option<&str>,
    of: impl Fn(&Context) -> Option<&String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Found<T>>, Failure> {
    let Some(found) = context.and_then(|name| files.of_context(name, of)) else { return Ok(None) };
    let value = parse(found.value).map_err(|why| bad(&found.source, why))?;
    Ok(Some(Found { value, source: found.source }))
}

fn bad(source: &str, why: String) -> Failure {
    let next = "tidegate config set KEY VALUE   # or correct the file";
    Failure::usage(format!("read the {source}"), "BAD_CONFIG", why, next)
}

/// Where a value comes from that was in no file.
fn said(flag: &str, variable: &str) -> String {
    match std::env::var_os(variable) {
        Some(_) => format!("{flag} or {variable}"),
        None => flag.to_owned(),
    }
}

/// Endpoints as they are typed.
pub(crate) fn words(uris: &[Uri]) -> String {
    let names = uris.iter().filter_map(|uri| uri.authority()).map(ToString::to_string);
    names.collect::<Vec<_>>().join(",")
}

impl<T> Found<T> {
    fn origin(&self, key: &'static str, words: impl FnOnce(&T) -> String) -> Origin {
        Origin { key, value: words(&self.value), source: self.source.clone() }
    }
}
