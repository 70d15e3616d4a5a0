//! How is a rollout followed? By its stream: redrawn on a terminal, one line a change in a pipe,
//! opened again where it breaks, until it is over or the time is.

use std::time::Duration;

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::RolloutState;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Streaming};

use super::rollout::fetch;
use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::clock;
use crate::client::connect::UNARY_PATIENCE;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::rollout::{line, standing, tree, waiting_on};
use crate::client::output::{Output, json};
use crate::client::refused::Refused;
use crate::client::session::Session;

/// Pause before a broken stream is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);

/// Flags of `rollout get`.
#[derive(Debug, Args)]
pub struct Get {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout)]
    name: String,
    /// Follow it, as `rollout watch` does.
    #[arg(short, long)]
    watch: bool,
}

/// Flags of `rollout status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout)]
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
        RolloutState::Halted => Exit::Halted,
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
        RolloutState::Completed | RolloutState::Superseded => true,
        RolloutState::Halted => until == Until::Over,
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
    let mut seen = Seen::default();
    loop {
        let mut stream = open(session, name, deadline).await?;
        let broken = loop {
            let next = match deadline {
                None => stream.message().await,
                Some(deadline) => match timeout_at(deadline, stream.message()).await {
                    Ok(next) => next,
                    Err(_) => return Ok(None),
                },
            };
            match next {
                Ok(Some(change)) => {
                    let opens = seen.rollout.is_none();
                    if let Some(change) = seen.news(change) {
                        // Who waits is told of changes of phase alone: those leave a record.
                        if view != View::Progress || opens || !change.records.is_empty() {
                            show(&session.out, &change, view)?;
                        }
                        if let Some(rollout) = change.rollout.filter(|r| is_over(r, until)) {
                            return Ok(Some(rollout));
                        }
                    }
                }
                Ok(None) => break None,
                Err(status) => break Some(status),
            }
        };
        if let Some(status) = broken.filter(|status| !may_reopen(status)) {
            return Err(Failure::of_request(&intent(name), &Refused::answer(status)));
        }
        if deadline.is_some_and(|deadline| Instant::now() + REOPEN_PAUSE >= deadline) {
            return Ok(None);
        }
        sleep(REOPEN_PAUSE).await;
    }
}

/// A stream ends where its controller goes away; a stream that was refused stays refused.
fn may_reopen(status: &tonic::Status) -> bool {
    let broken = std::error::Error::source(status).is_some();
    broken || status.code() == Code::Unavailable
}

fn intent(name: &str) -> Intent {
    Intent::read(format!("watch {name}"), Subject::Rollout(name.to_owned()))
}

async fn open(
    session: &mut Session,
    name: &str,
    deadline: Option<Instant>,
) -> Result<Streaming<v1::WatchRolloutResponse>, Failure> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let patience = left.map_or(UNARY_PATIENCE, |left| left.min(UNARY_PATIENCE));
    let body = v1::WatchRolloutRequest { name: name.to_owned(), from_revision: 0 };
    session
        .client
        .open(&intent(name), patience, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).watch_rollout(request).await
        })
        .await
}

/// What was shown already. A stream that is opened again starts with the present state, and a
/// controller that lags behind starts with an older one.
#[derive(Debug, Default)]
struct Seen {
    rollout: Option<v1::Rollout>,
    sequence: u64,
}

impl Seen {
    /// The change without what was shown before; `None`: nothing of it is new.
    fn news(&mut self, mut change: v1::WatchRolloutResponse) -> Option<v1::WatchRolloutResponse> {
        change.records.retain(|record| record.sequence > self.sequence);
        let shown = self.rollout.as_ref().map_or(0, |rollout| rollout.revision);
        let old = change.rollout.as_ref().is_some_and(|rollout| rollout.revision < shown);
        if old || (change.rollout == self.rollout && change.records.is_empty()) {
            return None;
        }
        self.rollout.clone_from(&change.rollout);
        let newest = change.records.iter().map(|record| record.sequence).max();
        self.sequence = self.sequence.max(newest.unwrap_or(0));
        Some(change)
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
            OutputFormat::Json | OutputFormat::Jsonl => out.raw(&json::change(change).to_string()),
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

    fn change(revision: u64, sequences: &[u64]) -> v1::WatchRolloutResponse {
        let record =
            |sequence: &u64| v1::DecisionRecord { sequence: *sequence, ..Default::default() };
        v1::WatchRolloutResponse {
            rollout: Some(v1::Rollout { revision, ..Default::default() }),
            records: sequences.iter().map(record).collect(),
        }
    }

    fn in_state(state: RolloutState) -> v1::Rollout {
        v1::Rollout { state: state.into(), ..Default::default() }
    }

    #[test]
    fn a_reopened_stream_shows_nothing_twice() {
        let mut seen = Seen::default();
        assert!(seen.news(change(5, &[1, 2])).is_some());
        assert!(seen.news(change(5, &[1, 2])).is_none());
        let news = seen.news(change(6, &[2, 3])).unwrap();
        assert_eq!(news.records.len(), 1);
        assert!(seen.news(change(7, &[])).is_some());
        assert!(seen.news(change(6, &[])).is_none());
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
