//! `tidegate doctor`: can this operator reach their controllers, and is there anything that will hurt later? One line
//! for each thing that was looked at, and what to do about it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::{self, DiskState};
use tokio::time::Instant;
use tonic::transport::Uri;

use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::clock;
use crate::client::connect::Client;
use crate::client::contexts::Files;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::output::json::word;
use crate::client::output::table::grid;
use crate::client::output::time::{span, utc};
use crate::client::session::Session;
use crate::client::settings::{Globals, words};

/// How long each controller may take where the operator does not say.
const PATIENCE: Duration = Duration::from_secs(3);

/// More apart than this, a clock is wrong. The cluster's is as old as its last tick, at most 10 s.
const CLOCK_APART_MS: u64 = 30_000;

/// What was looked at, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    level: Level,
    what: String,
    found: String,
    /// What to do; empty: nothing.
    next: String,
}

/// How something is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

impl Check {
    fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, what: what.into(), found: found.into(), next: String::new() }
    }

    fn warn(what: impl Into<String>, found: impl Into<String>, next: &str) -> Self {
        Self { level: Level::Warn, next: next.to_owned(), ..Self::ok(what, found) }
    }

    fn fail(what: impl Into<String>, found: impl Into<String>, next: &str) -> Self {
        Self { level: Level::Fail, next: next.to_owned(), ..Self::ok(what, found) }
    }

    fn json(&self) -> Value {
        let level = self.level.word().to_ascii_lowercase();
        json!({ "level": level, "what": self.what, "found": self.found, "next": self.next })
    }
}

/// Looks at everything, and says how it is.
pub(crate) async fn run(session: &mut Session, globals: &Globals) -> Result<Exit, Failure> {
    let mut checks = of_files(globals);
    let mut seen: Vec<(String, v1::ClusterStatus)> = Vec::new();
    for uri in &globals.endpoint {
        let (check, status) = of_endpoint(uri, globals).await;
        checks.push(check);
        seen.extend(status.map(|status| (words(std::slice::from_ref(uri)), status)));
    }
    checks.extend(of_cluster(&seen));
    if !seen.is_empty() {
        checks.push(of_reads(session).await);
    }
    show(session, &checks)?;
    let worst = checks.iter().map(|check| check.level).max();
    Ok(match worst {
        Some(Level::Fail) if seen.is_empty() => Exit::Unavailable,
        Some(Level::Fail) => Exit::Failed,
        Some(Level::Ok | Level::Warn) | None => Exit::Done,
    })
}

/// The operator's own side: files, context, name.
fn of_files(globals: &Globals) -> Vec<Check> {
    let mut checks = Vec::new();
    let settings = globals.origins.iter().find(|of| of.key == "endpoints");
    let source = settings.map_or("default", |of| of.source.as_str());
    let context = globals.context.as_deref().unwrap_or("none chosen");
    checks.push(Check::ok("context", format!("{context}; endpoints from {source}")));
    checks.push(match &globals.operator {
        Some(name) => Check::ok("operator", name.clone()),
        None => {
            let next = "tidegate config set operator NAME   # or --operator, TIDEGATE_OPERATOR";
            Check::warn("operator", "no name is set: records show $USER", next)
        }
    });
    for file in Files::read().iter().flat_map(Files::iter) {
        let (what, path) = (format!("{} file", file.whose), file.path.display());
        let mode = file.path.metadata().map(|about| about.permissions().mode() & 0o777);
        checks.push(match mode {
            Ok(mode) if mode & 0o022 != 0 => {
                let found = format!("{path} may be written by others (mode {mode:03o})");
                Check::warn(what, found, &format!("chmod go-w {path}"))
            }
            Ok(_) => Check::ok(what, path.to_string()),
            Err(error) => Check::fail(what, format!("{path}: {error}"), "look at its permissions"),
        });
    }
    checks
}

/// One controller, asked by itself.
async fn of_endpoint(uri: &Uri, globals: &Globals) -> (Check, Option<v1::ClusterStatus>) {
    let address = words(std::slice::from_ref(uri));
    let what = format!("controller {address}");
    let patience = globals.timeout.unwrap_or(PATIENCE);
    let mut client = Client::new(vec![uri.clone()], None, Some(patience));
    let intent = Intent::read(format!("reach {address}"), Subject::Cluster);
    let asked = Instant::now();
    let answered = client
        .unary(&intent, v1::GetClusterStatusRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).get_cluster_status(request).await
        })
        .await;
    match answered {
        Ok(status) => {
            let ms = asked.elapsed().as_millis();
            let (node, version) = (status.node_id, &status.version);
            let own = env!("CARGO_PKG_VERSION");
            let found = format!("node {node} of {}, version {version}, {ms} ms", status.cluster);
            let check = if version == own {
                Check::ok(what, found)
            } else {
                let found = format!("{found}; this program is {own}");
                Check::warn(what, found, "use the version that the controllers have")
            };
            (check, Some(status))
        }
        Err(failure) => {
            let why = match &failure {
                Failure::Problem(problem) => problem.why.clone(),
                Failure::PipeClosed => String::new(),
            };
            let next = "check that it runs and that the address is right, then the network";
            (Check::fail(what, why, next), None)
        }
    }
}

/// What the controllers say of each other.
fn of_cluster(seen: &[(String, v1::ClusterStatus)]) -> Vec<Check> {
    let Some((_, first)) = seen.first() else { return Vec::new() };
    let mut checks = Vec::new();
    let clusters: BTreeSet<&Vec<u8>> = seen.iter().map(|(_, status)| &status.cluster_id).collect();
    if clusters.len() > 1 {
        let found = "the endpoints belong to different clusters";
        checks.push(Check::fail("cluster", found, "name the controllers of one cluster alone"));
    }
    checks.push(of_leader(seen));
    let members = first.members.len();
    let named: BTreeSet<u64> = seen.iter().map(|(_, status)| status.node_id).collect();
    let missing: Vec<&str> = first
        .members
        .iter()
        .filter(|member| !named.contains(&member.node_id))
        .map(|member| member.address.as_str())
        .collect();
    checks.push(if missing.is_empty() {
        Check::ok("members", format!("all {members} are among the endpoints and answer"))
    } else {
        let found = format!("not among those that answered: {}", missing.join(", "));
        Check::warn("members", found, "name every controller as an endpoint, so that one may fail")
    });
    checks.extend(seen.iter().filter_map(|(address, status)| of_disk(address, status)));
    checks.extend(seen.iter().filter_map(|(address, status)| of_clock(address, status)));
    if !first.version_held_by.is_empty() {
        let held: Vec<String> = first.version_held_by.iter().map(u64::to_string).collect();
        let found = format!(
            "the rules stay at {}: held by node {}",
            first.cluster_version,
            held.join(", ")
        );
        checks.push(Check::warn("versions", found, "upgrade these nodes"));
    }
    checks
}

fn of_leader(seen: &[(String, v1::ClusterStatus)]) -> Check {
    let leaders: BTreeSet<u64> =
        seen.iter().map(|(_, status)| status.leader_id).filter(|id| *id > 0).collect();
    match leaders.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => {
            let next = "start the controllers that are down: a majority has to run";
            Check::fail("leader", "no controller knows of one", next)
        }
        [leader] => Check::ok("leader", format!("node {leader}")),
        several => {
            let found = format!("the controllers name {several:?}: an election may be going on");
            Check::warn("leader", found, "look again in a moment: tidegate cluster status")
        }
    }
}

fn of_disk(address: &str, status: &v1::ClusterStatus) -> Option<Check> {
    let what = format!("disk of {address}");
    let found = word::<DiskState>(status.disk_state);
    let next = "free room on it, or move the controller";
    match status.disk_state() {
        DiskState::Unspecified | DiskState::Fine => None,
        DiskState::Low => Some(Check::warn(what, found, next)),
        DiskState::Scarce | DiskState::Critical => Some(Check::fail(what, found, next)),
    }
}

/// The cluster's wall clock, as this controller has applied it, against ours.
fn of_clock(address: &str, status: &v1::ClusterStatus) -> Option<Check> {
    let theirs = status.wall_time.as_ref().and_then(utc)?;
    let apart = (clock::now() - theirs).num_milliseconds().unsigned_abs();
    let what = format!("clock at {address}");
    if apart <= CLOCK_APART_MS {
        return Some(Check::ok(what, format!("within {} of this machine's", span(CLOCK_APART_MS))));
    }
    let found = format!("{} apart from this machine's", span(apart));
    let next =
        "compare this machine's clock with the controllers', and see that both are synchronised";
    Some(Check::warn(what, found, next))
}

/// Whether a majority stands behind a leader: only then is anything carried out.
async fn of_reads(session: &mut Session) -> Check {
    let intent = Intent::read("list the tiers", Subject::Tiers);
    let answered = session.client.unary(&intent, v1::ListTiersRequest {}, async |attempt, body| {
        let request = attempt.request(body);
        FleetServiceClient::new(attempt.channel).list_tiers(request).await
    });
    match answered.await {
        Ok(answer) => {
            let tiers = answer.tiers.len();
            Check::ok("quorum", format!("a leader with a majority answers; {tiers} tiers"))
        }
        Err(Failure::Problem(problem)) => Check::fail("quorum", problem.why.clone(), &problem.next),
        Err(Failure::PipeClosed) => Check::fail("quorum", "no answer", "try again"),
    }
}

fn show(session: &Session, checks: &[Check]) -> Result<(), Failure> {
    let out = &session.out;
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml => {
            out.value(&json!({ "checks": checks.iter().map(Check::json).collect::<Value>() }))
        }
        OutputFormat::Jsonl => checks.iter().try_for_each(|check| out.value(&check.json())),
        OutputFormat::Name => checks.iter().try_for_each(|check| {
            out.raw(&format!("{} {}", check.level.word().to_ascii_lowercase(), check.what))
        }),
        OutputFormat::Table | OutputFormat::Wide => {
            let line = |check: &Check| {
                let next = match check.next.as_str() {
                    "" => String::new(),
                    next => format!("→ {next}"),
                };
                vec![check.level.word().to_owned(), check.what.clone(), check.found.clone(), next]
            };
            out.raw(&grid(None, checks.iter().map(line).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(node_id: u64, leader_id: u64) -> v1::ClusterStatus {
        let member = |node_id| v1::Member {
            node_id,
            address: format!("n{node_id}:1"),
            ..Default::default()
        };
        v1::ClusterStatus {
            node_id,
            leader_id,
            cluster_id: vec![7],
            members: vec![member(1), member(2)],
            ..Default::default()
        }
    }

    fn levels(seen: &[v1::ClusterStatus]) -> Vec<(Level, String)> {
        let seen: Vec<_> =
            seen.iter().map(|of| (format!("n{}:1", of.node_id), of.clone())).collect();
        of_cluster(&seen).into_iter().map(|check| (check.level, check.what)).collect()
    }

    #[test]
    fn a_cluster_that_is_well_is_and_one_that_is_not_is_told() {
        let well = [(Level::Ok, "leader".to_owned()), (Level::Ok, "members".to_owned())];
        assert_eq!(levels(&[status(1, 1), status(2, 1)]), well);
        let alone = levels(&[status(1, 0)]);
        assert_eq!(alone[0], (Level::Fail, "leader".to_owned()));
        assert_eq!(alone[1], (Level::Warn, "members".to_owned()));
        let two = levels(&[status(1, 1), status(2, 2)]);
        assert_eq!(two[0], (Level::Warn, "leader".to_owned()));
    }

    #[test]
    fn endpoints_of_two_clusters_and_full_disks_are_told() {
        let other = v1::ClusterStatus {
            cluster_id: vec![8],
            disk_state: DiskState::Critical.into(),
            ..status(2, 1)
        };
        let told = levels(&[status(1, 1), other]);
        assert_eq!(told[0], (Level::Fail, "cluster".to_owned()));
        assert!(told.contains(&(Level::Fail, "disk of n2:1".to_owned())), "{told:?}");
    }
}
