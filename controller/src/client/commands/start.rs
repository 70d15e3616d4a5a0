//! `tidegate rollout start`: creates a rollout and starts it, as one command that may be repeated.

use std::fs;
use std::path::Path;

use clap::Args;
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::create_rollout_request::Policy;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::people;
use super::rollout::{announce, fetch};
use super::watch;
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::session::Session;

/// The preset where the operator names no policy.
const DEFAULT_PRESET: &str = "standard";

/// Reason code of an id that is taken.
const ROLLOUT_EXISTS: &str = "ROLLOUT_EXISTS";

/// Reason code of a patch set that too few controllers hold yet.
const ARTIFACTS_NOT_REPLICATED: &str = "ARTIFACTS_NOT_REPLICATED";

/// Largest policy document, in bytes.
const MAX_POLICY_BYTES: usize = 65_536;

/// Flags of `rollout start`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout start 113.1 --policy standard --dry-run")]
pub struct Start {
    /// The patch set, e.g. `113.1`.
    #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
    version: String,
    /// A preset's name, or a policy file (`.toml`) [default: standard].
    #[arg(long, value_name = "PRESET|FILE.toml")]
    policy: Option<String>,
    /// The rollout's id [default: the version].
    #[arg(long, value_parser = names::id)]
    id: Option<String>,
    /// Nobody begins before this date, such as `2026-12-01T06:00:00Z`.
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    start_at: Option<Timestamp>,
    /// Create a draft only.
    #[arg(long, conflicts_with = "wait")]
    draft: bool,
    /// Follow it until it is completed (exit 0) or halted (exit 3).
    #[arg(long)]
    wait: bool,
}

/// Creates the rollout where there is none, and starts it.
pub(crate) async fn run(session: &mut Session, flags: Start) -> Result<Exit, Failure> {
    let id = flags.id.clone().unwrap_or_else(|| id_of(&flags.version).to_owned());
    let name = format!("rollouts/{id}");
    let dry = session.validate_only();
    // An etag is of a draft that the operator has seen: nothing is created then.
    if flags.draft || session.etag().is_empty() {
        match create(session, &flags, &id).await {
            Err(failure) if failure.has_reason(ROLLOUT_EXISTS) && !flags.draft => {
                existing_draft(session, &flags, &name, failure).await?;
            }
            Err(failure) => return Err(failure),
            // The check of a draft went on with its start.
            Ok(draft) if dry || flags.draft => return created_or_checked(session, &flags, &draft),
            Ok(_) => (),
        }
    }
    let started = start(session, &name).await.map_err(|failure| {
        if failure.has_reason(ARTIFACTS_NOT_REPLICATED) {
            failure.with_next(once_replicated(&flags.version, &id))
        } else {
            failure
        }
    })?;
    if flags.wait && !dry && started.state() != v1::RolloutState::Draft {
        session.out.talk(&format!("{name} started; following it until it completes or halts"));
        return watch::until_over(session, &name).await;
    }
    people::done_or_proposed(session, &started, (&format!("start {name}"), "started"))
}

/// A draft was asked for; or the check of it, and of its start where none was.
fn created_or_checked(
    session: &Session,
    flags: &Start,
    rollout: &v1::Rollout,
) -> Result<Exit, Failure> {
    let next = format!("tidegate rollout start {}", id_of(&rollout.name));
    let (verb, did) = if flags.draft {
        ("create", "created")
    } else {
        ("create and start", "created and started")
    };
    announce(session, rollout, (&format!("{verb} {}", rollout.name), did), &next)?;
    Ok(Exit::Done)
}

async fn create(session: &mut Session, flags: &Start, id: &str) -> Result<v1::Rollout, Failure> {
    let (policy, policy_source) = policy(flags.policy.as_deref())?;
    let name = format!("rollouts/{id}");
    let intent =
        Intent::write(format!("create {name}"), Subject::Rollout(name), session.request_id);
    let validate_only = session.validate_only();
    let body = v1::CreateRolloutRequest {
        request_id: session.request_id.derive("create").to_string(),
        rollout_id: id.to_owned(),
        patch_set: flags.version.clone(),
        validate_only,
        validate_start: validate_only && !flags.draft,
        start_at: flags.start_at,
        policy_source,
        policy: Some(policy),
    };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).create_rollout(request).await
        })
        .await
}

/// The rollout that has the id already: it is started as it is if it is for the same patch set,
/// and the operator did not ask for another policy.
async fn existing_draft(
    session: &mut Session,
    flags: &Start,
    name: &str,
    exists: Failure,
) -> Result<(), Failure> {
    if flags.policy.is_some() || flags.start_at.is_some() {
        let next = format!(
            "tidegate rollout get {0}   # then start it without --policy and --start-at, or choose another --id",
            id_of(name)
        );
        return Err(exists.with_next(next));
    }
    let rollout = fetch(session, name).await?;
    if rollout.patch_set != flags.version {
        let next = format!("choose another --id: {name} is of {}", rollout.patch_set);
        return Err(exists.with_next(next));
    }
    Ok(())
}

async fn start(session: &mut Session, name: &str) -> Result<v1::Rollout, Failure> {
    let intent = Intent::write(
        format!("start {name}"),
        Subject::Rollout(name.to_owned()),
        session.request_id,
    );
    let body = v1::StartRolloutRequest {
        request_id: session.request_id.derive("start").to_string(),
        name: name.to_owned(),
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).start_rollout(request).await
        })
        .await
}

/// What to type when the artifacts are there: the draft exists by now, with its policy.
fn once_replicated(version: &str, id: &str) -> String {
    let version = id_of(version);
    let other_id = if id == version { String::new() } else { format!(" --id {id}") };
    format!("tidegate rollout start {version}{other_id}   # in a moment; the draft has its policy")
}

/// A preset's name is a word; what ends in `.toml` or has a `/` is a file.
pub(super) fn policy(given: Option<&str>) -> Result<(Policy, String), Failure> {
    let given = given.unwrap_or(DEFAULT_PRESET);
    if !given.ends_with(".toml") && !given.contains('/') {
        return Ok((Policy::Preset(given.to_owned()), String::new()));
    }
    let refuse = |why: String| {
        let attempt = format!("read the policy {given}");
        Failure::usage(attempt, "BAD_POLICY_FILE", why, "name a preset or a TOML file")
    };
    let document =
        fs::read_to_string(Path::new(given)).map_err(|error| refuse(error.to_string()))?;
    if document.len() > MAX_POLICY_BYTES {
        let size = document.len();
        return Err(refuse(format!("it has {size} bytes, {MAX_POLICY_BYTES} are the most")));
    }
    Ok((Policy::PolicyToml(document), given.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_preset_and_the_default_is_standard() {
        let preset = |name: &str| Policy::Preset(name.to_owned());
        assert_eq!(policy(None).unwrap().0, preset("standard"));
        assert_eq!(policy(Some("compressed")).unwrap().0, preset("compressed"));
    }

    #[test]
    fn a_start_that_came_too_early_is_repeated_without_a_policy() {
        let said = once_replicated("patchSets/113.1", "113.1");
        assert!(said.starts_with("tidegate rollout start 113.1   #"), "{said}");
        let said = once_replicated("patchSets/113.1", "again");
        assert!(said.starts_with("tidegate rollout start 113.1 --id again   #"), "{said}");
    }

    #[test]
    fn a_path_is_a_document_and_its_source_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slow.toml");
        let given = path.to_str().unwrap();
        fs::write(&path, "a".repeat(MAX_POLICY_BYTES)).unwrap();
        assert_eq!(policy(Some(given)).unwrap().1, given);
        fs::write(&path, "a".repeat(MAX_POLICY_BYTES + 1)).unwrap();
        assert!(policy(Some(given)).is_err());
        assert!(policy(Some("gone.toml")).is_err());
    }
}
