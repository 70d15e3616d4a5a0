//! How does a result reach the operator? Data on stdout in the format that was asked for, talk on
//! stderr unless quiet.

pub(crate) mod arrange;
pub(crate) mod audit;
pub(crate) mod block;
pub(crate) mod calendar;
pub(crate) mod cluster;
pub(crate) mod coverage;
pub(crate) mod exposure;
pub(crate) mod incident;
pub(crate) mod json;
pub(crate) mod plan;
pub(crate) mod rollout;
pub(crate) mod rows;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod webhook;

use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::args::OutputFormat;
use super::clock;
use super::errors::{Failure, talk};
use arrange::Arrange;
use rows::{Resource, Row};

/// Where results go, and in which form.
#[derive(Debug)]
pub(crate) struct Output {
    format: OutputFormat,
    headers: bool,
    talks: bool,
}

/// Whether a table shows a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Always.
    Always,
    /// With `-o wide`.
    Wide,
}

impl Output {
    /// From the flags.
    pub(crate) fn new(format: OutputFormat, no_headers: bool, quiet: bool) -> Self {
        Self { format, headers: !no_headers, talks: !quiet }
    }

    /// What stdout is to hold.
    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// The widest columns that the format shows.
    pub(crate) fn show(&self) -> Show {
        match self.format {
            OutputFormat::Wide => Show::Wide,
            OutputFormat::Table
            | OutputFormat::Json
            | OutputFormat::Yaml
            | OutputFormat::Jsonl
            | OutputFormat::Name => Show::Always,
        }
    }

    /// Whether stdout is a terminal that can be redrawn.
    pub(crate) fn is_screen(&self) -> bool {
        io::stdout().is_terminal() && !self.format.is_json() && self.format != OutputFormat::Name
    }

    /// Prints one resource; `text` draws it for people.
    pub(crate) fn one<R: Resource>(
        &self,
        resource: &R,
        text: impl FnOnce(Show, DateTime<Utc>) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Table | OutputFormat::Wide => self.raw(&text(self.show(), clock::now())),
            OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
                self.value(&resource.json())
            }
            OutputFormat::Name => self.raw(&resource.name()),
        }
    }

    /// Prints a list, as `{"<key>": […], …}` with `-o json`; `more` adds further keys to that. `arrange` names the
    /// columns.
    pub(crate) fn list<R: Row>(
        &self,
        (key, rows): (&str, &[R]),
        arrange: &Arrange,
        more: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Table | OutputFormat::Wide => {
                let columns = arrange.columns::<R>(self.show())?;
                self.raw(&table::with_columns(rows, &columns, self.headers, clock::now()))
            }
            OutputFormat::Json | OutputFormat::Yaml => {
                let mut object: Map<String, Value> =
                    more.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
                object.insert(key.to_owned(), rows.iter().map(Resource::json).collect());
                self.value(&Value::Object(object))
            }
            OutputFormat::Jsonl => rows.iter().try_for_each(|row| self.value(&row.json())),
            OutputFormat::Name => rows.iter().try_for_each(|row| self.raw(&row.name())),
        }
    }

    /// Prints what a command did that left no resource to show: `text` for people, `fields` for
    /// programs, `name` where names alone are wanted.
    pub(crate) fn done(
        &self,
        name: &str,
        fields: &[(&str, Value)],
        text: &str,
    ) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Table | OutputFormat::Wide => self.raw(text),
            OutputFormat::Name => self.raw(name),
            OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
                let pairs = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
                self.value(&Value::Object(pairs.collect()))
            }
        }
    }

    /// Prints a JSON value: indented with `-o json`, as YAML with `-o yaml`, else on one line.
    pub(crate) fn value(&self, value: &Value) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Json => self.raw(&format!("{value:#}")),
            OutputFormat::Yaml => {
                let yaml = serde_saphyr::to_string(value);
                self.raw(&yaml.map_err(|error| io::Error::other(error.to_string()))?)
            }
            OutputFormat::Table | OutputFormat::Wide | OutputFormat::Jsonl | OutputFormat::Name => {
                self.raw(&value.to_string())
            }
        }
    }

    /// Prints one of several values that follow each other: on one line, or as a YAML document of its own.
    pub(crate) fn event(&self, value: &Value) -> Result<(), Failure> {
        if self.format == OutputFormat::Yaml {
            self.raw("---")?;
            return self.value(value);
        }
        self.raw(&value.to_string())
    }

    /// Prints text and ends its last line.
    pub(crate) fn raw(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(stdout.flush()?)
    }

    /// Draws a block over what the terminal shows.
    pub(crate) fn redraw(&self, block: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(b"\x1b[H")?;
        for line in block.lines() {
            writeln!(stdout, "{line}\x1b[K")?;
        }
        stdout.write_all(b"\x1b[J")?;
        Ok(stdout.flush()?)
    }

    /// Whether anything is said on stderr.
    pub(crate) const fn talks(&self) -> bool {
        self.talks
    }

    /// Says something on stderr.
    pub(crate) fn talk(&self, text: &str) {
        if self.talks {
            talk(&text::plain(text));
        }
    }

    /// Suggests the next command on stderr.
    pub(crate) fn next(&self, command: &str) {
        self.talk(&format!("next:  {command}"));
    }
}
