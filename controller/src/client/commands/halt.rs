//! `tidegate halt`, and `rollout halt`: stop it, or one slice of it, or everything that runs. Typed with shaking
//! hands: it never asks.

use clap::Args;
use serde_json::{Value, json};
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tidegate_proto::v1::{self, RolloutState};

use super::rollout::announce;
use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::errors::{Failure, Problem};
use crate::client::exit::Exit;
use crate::client::ids::RequestId;
use crate::client::names::{self, id_of};
use crate::client::output::text::{counted, hosts};
use crate::client::session::Session;

/// What must be typed to halt everything.
const EVERYTHING: &str = "ALL";

/// Rollouts that one question asks for.
const PAGE_ROWS: i32 = 1_000;

/// Flags of `halt`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate halt 113.1 --reason 'hosts reboot in zone b'
  tidegate halt 113.1 --slice kernel=5.15.0-107.117    only this slice; the rest goes on
  tidegate halt --all --confirm=ALL                    every rollout that is running or paused")]
pub struct Halt {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(
        value_parser = names::rollout,
        required_unless_present = "all",
        conflicts_with = "all",
        add = crate::client::complete::rollouts()
    )]
    name: Option<String>,
    /// Halt every rollout that is running or paused, one after the other, also where one cannot be halted.
    #[arg(long, requires = "confirm")]
    all: bool,
    /// Agree to --all: `ALL`.
    #[arg(long, value_name = "ALL", requires = "all", value_parser = [EVERYTHING])]
    confirm: Option<String>,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Stop this slice alone, and let the rest go on: a fact and its value, `kernel=5.15.0-107.117`, or
    /// `kernel=…,cpu=…`. There are kernel, cpu, arch, flavour, zone and class.
    #[arg(
        long,
        value_name = "FACT=VALUE",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "all"
    )]
    slice: String,
}

/// Halts what was named, or everything.
pub(crate) async fn run(session: &mut Session, flags: Halt) -> Result<Exit, Failure> {
    let Halt { name, all, confirm, reason, slice } = flags;
    let Some(name) = name else {
        // Without a name there is `--all`, and with `--all` the word for it: clap sees to that.
        let agreed = all && confirm.as_deref() == Some(EVERYTHING);
        let next = format!("tidegate halt --all --confirm={EVERYTHING}");
        let unnamed = || Failure::usage("halt", "NO_NAME", "no rollout is named", next);
        return if agreed { everything(session, &reason).await } else { Err(unnamed()) };
    };
    let request = request(session, &name, &reason);
    let intent = intent(&name, session.request_id);
    let request = v1::HaltRolloutRequest { slice: slice.clone(), ..request };
    let rollout = send(session, &intent, request).await?;
    let under_way = hosts(rollout.in_flight_hosts);
    let next = format!("tidegate rollout explain {}", id_of(&name));
    if slice.is_empty() {
        session
            .out
            .talk(&format!("no further host begins; under way and still watched: {under_way}"));
        announce(session, &rollout, (intent.attempt(), "halted"), &next)?;
    } else {
        session.out.talk(&slice_stops(&rollout, &slice));
        let did = format!("halted for {slice}");
        announce(session, &rollout, (intent.attempt(), &did), &next)?;
    }
    Ok(Exit::Done)
}

fn intent(name: &str, id: RequestId) -> Intent {
    Intent::write(format!("halt {name}"), Subject::Rollout(name.to_owned()), id)
}

fn request(session: &mut Session, name: &str, reason: &str) -> v1::HaltRolloutRequest {
    v1::HaltRolloutRequest {
        request_id: session.request_id.to_string(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        validate_only: session.validate_only(),
        ..v1::HaltRolloutRequest::default()
    }
}

async fn send(
    session: &mut Session,
    intent: &Intent,
    request: v1::HaltRolloutRequest,
) -> Result<v1::Rollout, Failure> {
    session
        .client
        .unary(intent, request, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).halt_rollout(request).await
        })
        .await
}

/// How many hosts the halt of a slice stops; a slice that nobody is in is mostly misspelt.
fn slice_stops(rollout: &v1::Rollout, slice: &str) -> String {
    let stops = rollout.halted_slices.iter().find(|of| of.slice == slice);
    match stops.map(|of| of.hosts) {
        Some(0) => format!(
            "{slice} is halted, and no enrolled host is in it: is it spelt as `tidegate host get HOST` shows it?"
        ),
        Some(n) => format!("no further host of {slice} begins: {}; the rest goes on", hosts(n)),
        None => format!("{slice} is inside of a slice that is halted already"),
    }
}

/// What became of one rollout.
struct Halted {
    name: String,
    failed: Option<Box<Problem>>,
}

impl Halted {
    fn line(&self, did: &str) -> String {
        match &self.failed {
            None => format!("{} {did}", self.name),
            Some(problem) => format!("{} NOT halted: {}", self.name, problem.why),
        }
    }

    fn json(&self) -> Value {
        match &self.failed {
            None => json!({ "name": self.name, "halted": true }),
            Some(problem) => json!({
                "name": self.name,
                "halted": false,
                "reason": problem.reason,
                "message": problem.why,
            }),
        }
    }
}

/// Halts every rollout under which hosts may begin as it is, or after a resume; goes on where one fails.
async fn everything(session: &mut Session, reason: &str) -> Result<Exit, Failure> {
    let rollouts = all(session).await?;
    let (live, others): (Vec<_>, Vec<_>) = rollouts.into_iter().partition(is_live);
    let own = session.request_id;
    let mut halted: Vec<Halted> = Vec::new();
    for rollout in live {
        let name = rollout.name;
        let id = own.derive(&name);
        let request = request(session, &name, reason);
        let request = v1::HaltRolloutRequest { request_id: id.to_string(), ..request };
        let failed = match send(session, &intent(&name, id), request).await {
            Ok(_) => None,
            Err(Failure::PipeClosed) => return Err(Failure::PipeClosed),
            Err(Failure::Problem(problem)) => Some(problem),
        };
        halted.push(Halted { name, failed });
    }
    show(session, &halted)?;
    let serving: Vec<&str> = others
        .iter()
        .filter(|of| of.state() == RolloutState::Completed)
        .map(|of| id_of(&of.name))
        .collect();
    if !serving.is_empty() {
        let names = serving.join(", ");
        let which = "completed, not halted, and still serving hosts that come late";
        session.out.talk(&format!("{which}: {names}"));
    }
    let failed = halted.iter().filter_map(|of| of.failed.as_ref());
    let worst = failed.clone().next().map(|problem| problem.exit);
    let (count, failures) =
        (counted(halted.len() - failed.clone().count(), "rollout"), failed.count());
    if failures > 0 {
        session.out.talk(&format!("{count} halted, {failures} NOT halted"));
    }
    let again = format!("tidegate halt --all --confirm={EVERYTHING} --request-id {own}");
    let next = if failures > 0 { again.as_str() } else { "tidegate incident list" };
    session.end(&format!("halt {count}"), next);
    Ok(worst.unwrap_or(Exit::Done))
}

fn show(session: &Session, halted: &[Halted]) -> Result<(), Failure> {
    let out = &session.out;
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml => {
            out.value(&json!({ "rollouts": halted.iter().map(Halted::json).collect::<Value>() }))
        }
        OutputFormat::Jsonl => halted.iter().try_for_each(|of| out.value(&of.json())),
        OutputFormat::Name => {
            let done = halted.iter().filter(|of| of.failed.is_none());
            done.map(|of| of.name.as_str()).try_for_each(|name| out.raw(name))
        }
        OutputFormat::Table | OutputFormat::Wide if halted.is_empty() => {
            out.raw("no rollout is running or paused")
        }
        OutputFormat::Table | OutputFormat::Wide => {
            let did = session.did("halted");
            halted.iter().try_for_each(|of| out.raw(&of.line(&did)))
        }
    }
}

fn is_live(rollout: &v1::Rollout) -> bool {
    match rollout.state() {
        RolloutState::Running | RolloutState::AwaitingApproval | RolloutState::Paused => true,
        RolloutState::Unspecified
        | RolloutState::Draft
        | RolloutState::Halted
        | RolloutState::Completed
        | RolloutState::Superseded
        | RolloutState::RollingBack
        | RolloutState::RolledBack => false,
    }
}

async fn all(session: &mut Session) -> Result<Vec<v1::Rollout>, Failure> {
    let intent = Intent::read("list the rollouts to halt", Subject::Rollouts);
    let (mut rollouts, mut page_token) = (Vec::new(), String::new());
    loop {
        let body =
            v1::ListRolloutsRequest { page_size: PAGE_ROWS, page_token, ..Default::default() };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).list_rollouts(request).await
            })
            .await?;
        rollouts.extend(page.rollouts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(rollouts);
        }
    }
}
