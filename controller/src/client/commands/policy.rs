//! `tidegate policy`, and what of `rollout` is about policies: which presets come with Tidegate, is a document a
//! policy, does it fit the ladder, and in what do two differ? All but the ladder without any controller.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tidegate_policies::document;
use tidegate_policies::policy::Policy;
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::rollout::fetch;
use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::Output;
use crate::client::output::table::grid;
use crate::client::session::Session;

/// Verbs of `policy` that look at documents.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List the policies that come with Tidegate.
    #[command(after_help = "Example:\n  tidegate policy list")]
    List,
    /// Print one of them: the document, to copy and change.
    #[command(after_help = "Example:\n  tidegate policy get standard > ours.toml")]
    Get {
        /// The preset.
        #[arg(value_name = "PRESET")]
        name: String,
    },
    /// Say whether a document is a policy, and what is wrong with it.
    #[command(after_help = "Example:\n  tidegate policy lint ours.toml")]
    Lint {
        /// The documents.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
    },
    /// Say in what two policies differ; exit code 5 where they do.
    #[command(after_help = "Example:\n  tidegate policy diff standard ours.toml")]
    Diff {
        /// A preset, or a file.
        #[arg(value_name = "PRESET|FILE.toml")]
        left: String,
        /// Another one.
        #[arg(value_name = "PRESET|FILE.toml")]
        right: String,
    },
}

/// Flags of `rollout lint`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout lint -f ours.toml")]
pub struct Lint {
    /// The policy: a file, or a preset.
    #[arg(short, long, value_name = "PRESET|FILE.toml")]
    file: String,
}

/// Flags of `rollout diff`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout diff 113.1 standard")]
pub struct Diff {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = crate::client::complete::rollouts())]
    name: String,
    /// What to compare its policy with: a preset, a file, or `rollouts/NAME`.
    #[arg(value_name = "PRESET|FILE.toml|rollouts/NAME")]
    with: String,
}

/// Runs a verb of `policy`.
pub(crate) fn run(out: &Output, command: PolicyCommand) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::List => list(out),
        PolicyCommand::Get { name } => get(out, &name),
        PolicyCommand::Lint { files } => lint(out, &files),
        PolicyCommand::Diff { left, right } => {
            let (a, b) = (text_of(&left)?, text_of(&right)?);
            differences(out, (&left, &a), (&right, &b))
        }
    }
}

/// Whether a policy is one, and fits the cluster's ladder.
pub(crate) async fn fits(session: &mut Session, flags: Lint) -> Result<Exit, Failure> {
    let name = flags.file;
    let policy = parsed(&name, &text_of(&name)?)?;
    let intent = Intent::read("list the tiers", Subject::Tiers);
    let answer = session
        .client
        .unary(&intent, v1::ListTiersRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).list_tiers(request).await
        })
        .await?;
    let ladder: Vec<&str> = answer.tiers.iter().map(|tier| id_of(&tier.name)).collect();
    let steps: Vec<&str> = policy.ladder.iter().map(|stage| stage.tier.as_str()).collect();
    if !ladder.starts_with(&steps) {
        let why = format!(
            "its ladder is {}, and the cluster's is {}: a policy names the cluster's tiers from the first on, in \
             their order, and may stop early",
            steps.join(" → "),
            ladder.join(" → ")
        );
        return Err(bad(&name, "LADDER_MISMATCH", why));
    }
    let text = format!("{name} is a policy for {}", steps.join(" → "));
    session.out.done(
        &policy.name,
        &[("policy", policy.name.as_str().into()), ("fits", true.into())],
        &text,
    )?;
    session.out.next(&format!("tidegate rollout start VERSION --policy {name} --dry-run"));
    Ok(Exit::Done)
}

/// In what a rollout's policy differs from another.
pub(crate) async fn diff(session: &mut Session, flags: Diff) -> Result<Exit, Failure> {
    let Diff { name, with } = flags;
    let left = fetch(session, &name).await?.policy_toml;
    let right = if with.starts_with("rollouts/") {
        let other = names::rollout(&with);
        let other = other.map_err(|why| bad(&with, "BAD_NAME", why))?;
        fetch(session, &other).await?.policy_toml
    } else {
        text_of(&with)?
    };
    differences(&session.out, (&name, &left), (&with, &right))
}

fn list(out: &Output) -> Result<Exit, Failure> {
    let mut policies = Vec::new();
    for preset in document::PRESETS {
        policies.push(parsed(preset.name, preset.text)?);
    }
    let json = |policy: &Policy| json!({ "name": policy.name, "description": policy.description });
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml => {
            out.value(&json!({ "policies": policies.iter().map(json).collect::<Value>() }))?;
        }
        OutputFormat::Jsonl => policies.iter().try_for_each(|policy| out.value(&json(policy)))?,
        OutputFormat::Name => policies.iter().try_for_each(|policy| out.raw(&policy.name))?,
        OutputFormat::Table | OutputFormat::Wide => {
            let head = ["NAME", "DESCRIPTION"].map(str::to_owned);
            let line = |policy: &Policy| vec![policy.name.clone(), policy.description.clone()];
            out.raw(&grid(Some(&head), policies.iter().map(line).collect()))?;
        }
    }
    Ok(Exit::Done)
}

fn get(out: &Output, name: &str) -> Result<Exit, Failure> {
    let Some(preset) = document::preset(name) else {
        let known: Vec<&str> = document::PRESETS.iter().map(|preset| preset.name).collect();
        let why = format!("there is no preset `{name}`; there are {}", known.join(", "));
        return Err(bad(name, "UNKNOWN_PRESET", why).with_next("tidegate policy list".to_owned()));
    };
    match out.format() {
        OutputFormat::Table | OutputFormat::Wide => out.raw(preset.text)?,
        OutputFormat::Name => out.raw(preset.name)?,
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
            out.value(&json!({ "name": preset.name, "toml": preset.text }))?;
        }
    }
    Ok(Exit::Done)
}

fn lint(out: &Output, files: &[String]) -> Result<Exit, Failure> {
    for file in files {
        let policy = parsed(file, &text_of(file)?)?;
        let text = format!("{file} is the policy {}", policy.name);
        let fields = [("file", file.as_str().into()), ("policy", policy.name.as_str().into())];
        out.done(&policy.name, &fields, &text)?;
    }
    Ok(Exit::Done)
}

/// A preset's text, or a file's.
fn text_of(given: &str) -> Result<String, Failure> {
    if let Some(preset) = document::preset(given) {
        return Ok(preset.text.to_owned());
    }
    std::fs::read_to_string(Path::new(given)).map_err(|error| {
        bad(given, "BAD_POLICY_FILE", error.to_string())
            .with_next("name a preset of `tidegate policy list`, or a TOML file".to_owned())
    })
}

fn parsed(name: &str, text: &str) -> Result<Policy, Failure> {
    document::parse(name, text).map_err(|error| bad(name, "BAD_POLICY", error.to_string()))
}

fn bad(name: &str, reason: &str, why: String) -> Failure {
    let attempt = format!("take {name} for a policy");
    Failure::usage(attempt, reason, why, format!("correct {name}, then try again"))
}

/// Prints in what two policies differ.
fn differences(
    out: &Output,
    (left, a): (&str, &str),
    (right, b): (&str, &str),
) -> Result<Exit, Failure> {
    let (a, b) = (leaves(left, a)?, leaves(right, b)?);
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differing: Vec<&String> =
        keys.into_iter().filter(|key| a.get(*key) != b.get(*key)).collect();
    let said = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned();
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
            let one = |key: &&String| json!({ "key": key, "left": said(&a, key), "right": said(&b, key) });
            let differences: Value = differing.iter().map(one).collect();
            out.value(&json!({ "left": left, "right": right, "differences": differences }))?;
        }
        OutputFormat::Name => differing.iter().try_for_each(|key| out.raw(key))?,
        OutputFormat::Table | OutputFormat::Wide => {
            let line = |key: &&String| {
                let or_default = |of| said(of, key).unwrap_or_else(|| "(not said)".to_owned());
                vec![(*key).clone(), or_default(&a), or_default(&b)]
            };
            let head = ["KEY".to_owned(), left.to_owned(), right.to_owned()];
            out.raw(&grid(Some(&head), differing.iter().map(line).collect()))?;
        }
    }
    Ok(if differing.is_empty() { Exit::Done } else { Exit::Differs })
}

/// What a document says, key by key: `exposure.budget` is `"5%"`. It has to be a policy.
fn leaves(name: &str, text: &str) -> Result<BTreeMap<String, String>, Failure> {
    parsed(name, text)?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| bad(name, "BAD_POLICY", error.to_string()))?;
    let mut leaves = BTreeMap::new();
    collect(&toml::Value::Table(table), "", &mut leaves);
    // What a policy is called, and what for, changes nothing.
    leaves.remove("name");
    leaves.remove("description");
    Ok(leaves)
}

fn collect(value: &toml::Value, path: &str, leaves: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) => {
            table.iter().for_each(|(key, value)| collect(value, &below(key), leaves));
        }
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            list.iter().zip(1..).for_each(|(value, n)| {
                collect(value, &format!("{path}[{n}]"), leaves);
            });
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_) => drop(leaves.insert(path.to_owned(), value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str) -> &'static str {
        document::preset(name).unwrap().text
    }

    #[test]
    fn a_policy_differs_from_another_key_by_key_and_not_in_its_name() {
        let standard = leaves("standard", preset("standard")).unwrap();
        let text = preset("standard").replace("budget = \"5%\"", "budget = \"6%\"");
        let renamed = text.replace("name = \"standard\"", "name = \"ours\"");
        let ours = leaves("ours", &renamed).unwrap();
        let differing: Vec<_> =
            standard.iter().filter(|(key, value)| ours.get(*key) != Some(value)).collect();
        assert_eq!(differing, [(&"exposure.budget".to_owned(), &"\"5%\"".to_owned())]);
    }

    #[test]
    fn what_is_no_policy_is_not_compared() {
        let Failure::Problem(problem) = leaves("x", "name = 1").unwrap_err() else { panic!() };
        assert_eq!((problem.reason.as_str(), problem.exit.number()), ("BAD_POLICY", 2));
    }
}
