//! `tidegate config`: which contexts are there, which one is meant, and what holds for this run?

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::args::{OutputFormat, parse_duration, parse_endpoint, parse_operator};
use crate::client::contexts::{self, Files, user_file};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::Output;
use crate::client::output::table::grid;
use crate::client::output::text::or_dash;
use crate::client::settings::{Globals, Need};

/// Verbs of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Choose the context that is meant where nobody says another.
    #[command(after_help = "Example:\n  tidegate config use-context prod")]
    UseContext {
        /// The context.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the contexts, and the files that they are in.
    #[command(after_help = "Example:\n  tidegate config get-contexts")]
    GetContexts,
    /// Show what holds for this run, and where each setting comes from.
    #[command(after_help = "Example:\n  tidegate config view --context prod")]
    View,
    /// Write a setting of a context into the user's file; the context is made if it is not there.
    #[command(after_help = "\
Examples:
  tidegate config set endpoints n1:7443,n2:7443,n3:7443 --context prod
  tidegate config set output wide")]
    Set(Set),
}

/// Flags of `config set`.
#[derive(Debug, Args)]
pub struct Set {
    /// `endpoints`, `operator`, `output` or `timeout`.
    #[arg(value_name = "KEY")]
    key: String,
    /// Its value; several endpoints with commas between them.
    #[arg(value_name = "VALUE")]
    value: String,
}

impl ConfigCommand {
    /// What it needs of the files: it may be what sets them right.
    pub(crate) fn need(&self) -> Need {
        match self {
            Self::View => Need::Files,
            Self::UseContext { .. } | Self::GetContexts | Self::Set(_) => Need::Nothing,
        }
    }
}

/// Runs one of them.
pub(crate) fn run(globals: &Globals, command: ConfigCommand) -> Result<Exit, Failure> {
    let out = Output::new(globals.output, globals.no_headers, globals.quiet);
    match command {
        ConfigCommand::UseContext { name } => use_context(globals, &out, &name),
        ConfigCommand::GetContexts => get_contexts(&out),
        ConfigCommand::View => view(globals, &out),
        ConfigCommand::Set(set) => write(globals, &out, &set),
    }
}

fn use_context(globals: &Globals, out: &Output, name: &str) -> Result<Exit, Failure> {
    Files::read()?.check(name)?;
    let path = home()?;
    if globals.dry_run {
        out.talk(&format!("would write current-context = \"{name}\" to {}", path.display()));
        return Ok(Exit::Done);
    }
    contexts::choose(&path, name)?;
    out.done(name, &[("context", name.into())], &format!("{name} is the context now"))?;
    // A project's file counts more than the user's.
    let current = Files::read()?.current().map(|found| (found.value.to_owned(), found.source));
    if let Some((other, source)) = current.filter(|(current, _)| current != name) {
        out.talk(&format!("here it is {other} all the same: the {source} says so"));
    }
    out.next("tidegate config view");
    Ok(Exit::Done)
}

fn get_contexts(out: &Output) -> Result<Exit, Failure> {
    let files = Files::read()?;
    let current = files.current().map(|found| found.value).unwrap_or_default();
    let contexts: Vec<Value> = files
        .names()
        .into_iter()
        .map(|name| {
            let endpoints = files.of_context(name, |of| of.endpoints.as_ref());
            let operator = files.of_context(name, |of| of.operator.as_ref());
            let holding = files.iter().filter(|file| file.document.contexts.contains_key(name));
            let paths: Vec<String> = holding.map(|file| file.path.display().to_string()).collect();
            json!({
                "name": name,
                "current": name == current,
                "endpoints": endpoints.map(|found| found.value.clone()).unwrap_or_default(),
                "operator": operator.map(|found| found.value.clone()).unwrap_or_default(),
                "files": paths,
            })
        })
        .collect();
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml => out.value(&json!({ "contexts": contexts }))?,
        OutputFormat::Jsonl => contexts.iter().try_for_each(|context| out.value(context))?,
        OutputFormat::Name => files.names().iter().try_for_each(|name| out.raw(name))?,
        OutputFormat::Table | OutputFormat::Wide => out.raw(&listed(&contexts))?,
    }
    if contexts.is_empty() {
        out.next("tidegate config set endpoints HOST:PORT,… --context NAME");
    }
    Ok(Exit::Done)
}

fn listed(contexts: &[Value]) -> String {
    let joined = |value: &Value| {
        let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        or_dash(&words.collect::<Vec<_>>().join(","))
    };
    let line = |context: &Value| {
        let text = |key: &str| or_dash(context[key].as_str().unwrap_or_default());
        let current = if context["current"] == true { "*" } else { " " };
        vec![
            current.to_owned(),
            text("name"),
            joined(&context["endpoints"]),
            text("operator"),
            joined(&context["files"]),
        ]
    };
    let head = ["CURRENT", "NAME", "ENDPOINTS", "OPERATOR", "FILES"].map(str::to_owned);
    grid(Some(&head), contexts.iter().map(line).collect())
}

fn view(globals: &Globals, out: &Output) -> Result<Exit, Failure> {
    let settings = &globals.origins;
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
            let pairs = settings
                .iter()
                .map(|of| (of.key.to_owned(), json!({ "value": of.value, "source": of.source })));
            out.value(&Value::Object(pairs.collect()))?;
        }
        OutputFormat::Name => settings.iter().try_for_each(|of| out.raw(of.key))?,
        OutputFormat::Table | OutputFormat::Wide => {
            let head = ["SETTING", "VALUE", "FROM"].map(str::to_owned);
            let lines = settings
                .iter()
                .map(|of| vec![of.key.to_owned(), of.value.clone(), of.source.clone()]);
            out.raw(&grid(Some(&head), lines.collect()))?;
        }
    }
    Ok(Exit::Done)
}

fn write(globals: &Globals, out: &Output, set: &Set) -> Result<Exit, Failure> {
    let Set { key, value } = set;
    check(key, value)?;
    let context = match &globals.context {
        Some(context) => context.clone(),
        None => Files::read()?.current().map(|found| found.value.to_owned()).ok_or_else(|| {
            let next = format!("tidegate config set {key} VALUE --context NAME");
            let why = "no context is chosen, and none is named";
            Failure::usage(format!("set {key}"), "NO_CONTEXT", why, next)
        })?,
    };
    let named = names::id(&context);
    named.map_err(|why| Failure::usage("name a context", "BAD_CONTEXT", why, "choose another"))?;
    let path = home()?;
    let text = format!("contexts.{context}.{key} = {value}");
    if globals.dry_run {
        out.talk(&format!("would write {text} to {}", path.display()));
        return Ok(Exit::Done);
    }
    contexts::set(&path, (&context, key), value)?;
    let fields = [
        ("context", context.as_str().into()),
        ("key", key.as_str().into()),
        ("value", value.as_str().into()),
    ];
    out.done(&context, &fields, &text)?;
    out.next(&format!("tidegate config use-context {context}"));
    Ok(Exit::Done)
}

/// What would not be understood later is not written.
fn check(key: &str, value: &str) -> Result<(), Failure> {
    let read = match key {
        "endpoints" => value.split(',').try_for_each(|one| parse_endpoint(one).map(drop)),
        "operator" => parse_operator(value).map(drop),
        "output" => OutputFormat::read(value).map(drop),
        "timeout" => parse_duration(value).map(drop),
        // The writer knows which keys there are.
        _ => Ok(()),
    };
    read.map_err(|why| Failure::usage(format!("set {key}"), "BAD_VALUE", why, "correct the value"))
}

fn home() -> Result<std::path::PathBuf, Failure> {
    user_file().ok_or_else(|| {
        let why = "neither XDG_CONFIG_HOME nor HOME says where the user's files are";
        Failure::usage("find the user's file", "NO_HOME", why, "set HOME")
    })
}
