//! How is a rollout followed? By its stream: redrawn on a terminal, one line a change in a pipe,
//! opened again where it breaks, until it is over or the time is.

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::RolloutState;
use tidegate_proto::v1::watch_response::Body;
use tokio::time::Instant;

use super::rollout::fetch;
use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::clock;
use crate::client::complete;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::feed::{Fed, Feed};
use crate::client::names::{self, id_of};
use crate::client::output::rollout::{line, standing, tree, waiting_on};
use crate::client::output::text::plain;
use crate::client::output::{Output, json};
use crate::client::session::Session;

/// Flags of `rollout get`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout get 113.1")]
pub struct Get {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Follow it, as `rollout watch` does.
    #[arg(short, long)]
    watch: bool,
}

/// Flags of `rollout status`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout status 113.1 --wait --timeout 2h")]
pub struct Status {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Wait until it is completed (exit 0), halted (exit 3), or --timeout is over (exit 4).
    #[arg(long)]
    wait: bool,
}

/// Where each change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// The terminal, redrawn.
    Screen,
    /// Stdout, one line each.
    Lines,
    /// Stderr, one line for each change of phase; stdout gets the end alone.
    Progress,
}

/// What ends the following.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The rollout is completed.
    Completed,
    /// The rollout is completed or halted.
    Over,
}

/// Prints one rollout.
pub(crate) async fn get(session: &mut Session, flags: Get) -> Result<Exit, Failure> {
    if flags.watch {
        return follow(session, &flags.name).await;
    }
    let rollout = fetch(session, &flags.name).await?;
    session.out.one(&rollout, |show, now| tree(&rollout, show, now))?;
    Ok(Exit::Done)
}

/// Prints one line and says by the exit code whether it is halted.
pub(crate) async fn status(session: &mut Session, flags: Status) -> Result<Exit, Failure> {
    if flags.wait {
        return until_over(session, &flags.name).await;
    }
    let rollout = fetch(session, &flags.name).await?;
    session.out.one(&rollout, |_, _| status_line(&rollout))?;
    Ok(exit_of(&rollout))
}

/// Shows every change until the rollout is completed.
pub(crate) async fn follow(session: &mut Session, name: &str) -> Result<Exit, Failure> {
    let view = if session.out.is_screen() { View::Screen } else { View::Lines };
    let last = changes(session, name, view, Until::Completed).await?;
    Ok(last.map_or(Exit::StillGoing, |_| Exit::Done))
}

/// Waits until the rollout is completed or halted, and prints how it ended.
pub(crate) async fn until_over(session: &mut Session, name: &str) -> Result<Exit, Failure> {
    match changes(session, name, View::Progress, Until::Over).await? {
        Some(rollout) => {
            session.out.one(&rollout, |_, _| status_line(&rollout))?;
            if exit_of(&rollout) == Exit::Halted {
                session.out.next(&format!("tidegate rollout explain {}", id_of(name)));
            }
            Ok(exit_of(&rollout))
        }
        None => {
            session.out.talk(&format!("{name} is still going on, and the time is up"));
            session.out.next(&format!("tidegate rollout explain {}", id_of(name)));
            Ok(Exit::StillGoing)
        }
    }
}

fn status_line(rollout: &v1::Rollout) -> String {
    format!("{}: {}; waiting on {}", rollout.name, standing(rollout), waiting_on(rollout))
}

fn exit_of(rollout: &v1::Rollout) -> Exit {
    match rollout.state() {
        RolloutState::Halted | RolloutState::RollingBack | RolloutState::RolledBack => Exit::Halted,
        RolloutState::Unspecified
        | RolloutState::Draft
        | RolloutState::Running
        | RolloutState::AwaitingApproval
        | RolloutState::Paused
        | RolloutState::Completed
        | RolloutState::Superseded => Exit::Done,
    }
}

fn is_over(rollout: &v1::Rollout, until: Until) -> bool {
    match rollout.state() {
        RolloutState::Completed | RolloutState::Superseded | RolloutState::RolledBack => true,
        // Hosts may owe a reboot for months.
        RolloutState::Halted | RolloutState::RollingBack => until == Until::Over,
        RolloutState::Unspecified
        | RolloutState::Draft
        | RolloutState::Running
        | RolloutState::AwaitingApproval
        | RolloutState::Paused => false,
    }
}

/// Follows the stream to the end; `None`: the operator's time is up.
async fn changes(
    session: &mut Session,
    name: &str,
    view: View,
    until: Until,
) -> Result<Option<v1::Rollout>, Failure> {
    let deadline = session.client.patience().map(|patience| Instant::now() + patience);
    let mut seen = Seen { policy_toml: policy(session, name).await?, ..Seen::default() };
    let mut feed = Feed::new(intent(name), name);
    loop {
        let told = match feed.next(&mut session.client, deadline).await? {
            Fed::Told(told) => *told,
            Fed::Broken(status) => {
                lost(&session.out, &seen, (&status, view))?;
                continue;
            }
            Fed::TimeIsUp => return Ok(None),
        };
        let opens = seen.rollout.is_none();
        let Some(change) = seen.news(told, view) else { continue };
        // Who waits is told of changes of phase alone: those leave a record.
        if view != View::Progress || opens || !change.records.is_empty() {
            show(&session.out, &change, view)?;
        }
        if let Some(rollout) = change.rollout.filter(|rollout| is_over(rollout, until)) {
            return Ok(Some(rollout));
        }
    }
}

/// Says on a screen that what it shows may be old; elsewhere nothing is said until there is something.
fn lost(out: &Output, seen: &Seen, (status, view): (&tonic::Status, View)) -> Result<(), Failure> {
    match (view, &seen.rollout) {
        (View::Screen, Some(rollout)) => {
            let shown = tree(rollout, out.show(), clock::now());
            let why = plain(status.message());
            out.redraw(&format!("{shown}\n\nNOT CONNECTED, this may be old: {why}"))
        }
        (View::Screen | View::Lines | View::Progress, _) => Ok(()),
    }
}

/// The policy as it was written, where it is printed: streams leave it out.
async fn policy(session: &mut Session, name: &str) -> Result<String, Failure> {
    if !session.out.format().is_json() {
        return Ok(String::new());
    }
    Ok(fetch(session, name).await?.policy_toml)
}

fn intent(name: &str) -> Intent {
    Intent::read(format!("watch {name}"), Subject::Rollout(name.to_owned()))
}

/// What was shown already. A stream that begins with a new snapshot repeats some of it.
#[derive(Debug, Default)]
struct Seen {
    policy_toml: String,
    rollout: Option<v1::Rollout>,
    sequence: u64,
}

impl Seen {
    /// The change without what was shown before; `None`: nothing of it is new to this view.
    fn news(&mut self, told: v1::WatchResponse, view: View) -> Option<v1::WatchRolloutResponse> {
        let (views, mut records, begins) = match told.body? {
            Body::Snapshot(overview) => (overview.rollouts, overview.recent_records, true),
            Body::Changes(changes) => (changes.rollouts, changes.records, false),
            Body::Bookmark(_) => return None,
        };
        // What was decided before the first look is for `rollout explain`.
        let first = begins && self.rollout.is_none();
        let newest = records.last().map_or(0, |record| record.sequence);
        records.retain(|record| record.sequence > self.sequence && !first);
        self.sequence = self.sequence.max(newest);
        let before = self.rollout.clone();
        if let Some(rollout) = views.into_iter().find_map(|view| view.rollout) {
            let policy_toml = self.policy_toml.clone();
            self.rollout = Some(v1::Rollout { policy_toml, ..rollout });
        }
        let revision = |of: &Option<v1::Rollout>| of.as_ref().map(|of| of.revision);
        let moved = match view {
            // On a screen times run on.
            View::Screen => self.rollout != before,
            View::Lines | View::Progress => revision(&self.rollout) > revision(&before),
        };
        let rollout = self.rollout.clone();
        (moved || !records.is_empty()).then_some(v1::WatchRolloutResponse { rollout, records })
    }
}

fn show(out: &Output, change: &v1::WatchRolloutResponse, view: View) -> Result<(), Failure> {
    match view {
        View::Progress => {
            out.talk(&line(change));
            Ok(())
        }
        View::Screen => change
            .rollout
            .as_ref()
            .map_or(Ok(()), |rollout| out.redraw(&tree(rollout, out.show(), clock::now()))),
        View::Lines => match out.format() {
            OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
                out.event(&json::change(change))
            }
            OutputFormat::Name => {
                let name = change.rollout.as_ref().map(|rollout| rollout.name.as_str());
                out.raw(name.unwrap_or_default())
            }
            OutputFormat::Table | OutputFormat::Wide => out.raw(&line(change)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: Body) -> v1::WatchResponse {
        v1::WatchResponse { body: Some(body), ..Default::default() }
    }

    fn view_of(revision: u64) -> Vec<v1::RolloutView> {
        let rollout = Some(v1::Rollout { revision, ..Default::default() });
        vec![v1::RolloutView { rollout, ..Default::default() }]
    }

    fn records_of(sequences: &[u64]) -> Vec<v1::DecisionRecord> {
        let record =
            |sequence: &u64| v1::DecisionRecord { sequence: *sequence, ..Default::default() };
        sequences.iter().map(record).collect()
    }

    fn snapshot(revision: u64, sequences: &[u64]) -> v1::WatchResponse {
        let (rollouts, recent_records) = (view_of(revision), records_of(sequences));
        told(Body::Snapshot(v1::Overview { rollouts, recent_records, ..Default::default() }))
    }

    fn change(revision: u64, sequences: &[u64]) -> v1::WatchResponse {
        let (rollouts, records) = (view_of(revision), records_of(sequences));
        told(Body::Changes(v1::Changes { rollouts, records, ..Default::default() }))
    }

    fn in_state(state: RolloutState) -> v1::Rollout {
        v1::Rollout { state: state.into(), ..Default::default() }
    }

    #[test]
    fn a_stream_that_begins_anew_shows_no_record_twice_and_none_is_missing() {
        let mut seen = Seen::default();
        let mut records = |message| {
            let change = seen.news(message, View::Lines);
            change.map(|change| change.records.iter().map(|of| of.sequence).collect::<Vec<_>>())
        };
        // What was decided before is not news.
        assert_eq!(records(snapshot(5, &[1, 2])), Some(Vec::new()));
        assert_eq!(records(change(6, &[3])), Some(vec![3]));
        assert_eq!(records(snapshot(6, &[2, 3])), None);
        assert_eq!(records(snapshot(7, &[3, 4, 5])), Some(vec![4, 5]));
        assert_eq!(records(change(7, &[5])), None);
        assert_eq!(records(change(8, &[])), Some(Vec::new()));
        assert_eq!(records(told(Body::Bookmark(v1::Bookmark {}))), None);
    }

    #[test]
    fn a_change_without_a_rollout_comes_with_the_last_one() {
        let mut seen = Seen::default();
        drop(seen.news(snapshot(5, &[]), View::Lines));
        let records = records_of(&[9]);
        let alone = told(Body::Changes(v1::Changes { records, ..Default::default() }));
        let change = seen.news(alone, View::Lines).unwrap();
        assert_eq!((change.rollout.unwrap().revision, change.records.len()), (5, 1));
    }

    #[test]
    fn waiting_ends_when_completed_or_halted_and_watching_when_completed() {
        let (halted, completed) =
            (in_state(RolloutState::Halted), in_state(RolloutState::Completed));
        assert!(is_over(&halted, Until::Over) && !is_over(&halted, Until::Completed));
        assert!(is_over(&completed, Until::Over) && is_over(&completed, Until::Completed));
        for state in [RolloutState::Running, RolloutState::Paused, RolloutState::AwaitingApproval] {
            assert!(!is_over(&in_state(state), Until::Over), "{state:?}");
        }
    }

    #[test]
    fn a_halt_is_exit_code_3() {
        assert_eq!(exit_of(&in_state(RolloutState::Halted)).number(), 3);
        assert_eq!(exit_of(&in_state(RolloutState::Completed)).number(), 0);
        assert_eq!(exit_of(&in_state(RolloutState::Running)).number(), 0);
    }
}
