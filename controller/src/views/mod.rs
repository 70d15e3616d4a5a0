//! What does everybody see who looks at screens? One board for all watchers of this node, drawn from one tap
//! of the apply loop.
//!
//! A *look* runs on the node's thread at most ten times a second and draws what entries have touched since
//! the one before, however many entries, hosts and watchers there are. The board keeps the last state of each
//! thing, and the records; a watcher is a position on it. So a slow one costs nothing, and gets the last state
//! of each thing when it reads on. `api` streams it; nothing here decides anything.

mod board;
mod drawn;
mod filter;
mod gather;
mod history;
#[cfg(test)]
mod tests;
mod token;
mod trail;
mod watcher;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_proto::v1 as pb;
use tokio::sync::{Notify, watch};

use crate::api::error::WatchError;
use crate::machine::ids::RolloutId;
use crate::runtime::Clock;
use board::Board;
pub use filter::Filter;
pub use gather::run;
use history::History;
use token::Token;
pub use watcher::{Next, Watcher};

/// Most streams at a time from one node.
const MAX_WATCHERS: usize = 1_000;

/// How long whoever asks waits for this node to see what the cluster has.
const REACHED_WITHIN: Duration = Duration::from_secs(2);

/// The board of a node. Clones see the same one.
#[derive(Clone, Debug)]
pub struct Views {
    shared: Arc<Shared>,
    /// Changes with each step of the board; ends with the node.
    news: watch::Receiver<u64>,
    clock: Clock,
}

/// What wakes the watchers; whoever draws has it.
#[derive(Debug)]
pub struct Announce(watch::Sender<u64>);

#[derive(Debug, Default)]
struct Shared {
    board: Mutex<Board>,
    history: Mutex<History>,
    watchers: AtomicUsize,
    /// Somebody waits for a look.
    wanted: Notify,
}

/// A place among the watchers; given back when it is dropped.
#[derive(Debug)]
pub struct Seat(Arc<Shared>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Views {
    /// An empty board, and what [`run`] needs to fill it.
    pub fn new(clock: Clock) -> (Self, Announce) {
        let (sender, news) = watch::channel(0);
        (Self { shared: Arc::default(), news, clock }, Announce(sender))
    }

    /// Takes a place among the watchers.
    ///
    /// # Errors
    ///
    /// [`WatchError::TooMany`].
    pub fn sit_down(&self) -> Result<Seat, WatchError> {
        let seat = Seat(Arc::clone(&self.shared));
        let others = self.shared.watchers.fetch_add(1, Ordering::Relaxed);
        if others >= MAX_WATCHERS {
            return Err(WatchError::TooMany { most: MAX_WATCHERS });
        }
        Ok(seat)
    }

    /// Waits until the board shows everything up to `revision`.
    ///
    /// # Errors
    ///
    /// [`WatchError::Lags`] where this node does not come that far soon.
    pub async fn reach(&self, revision: u64) -> Result<(), WatchError> {
        let mut news = self.news.clone();
        let reached = async {
            loop {
                news.borrow_and_update();
                if self.board().revision() >= revision {
                    return true;
                }
                self.shared.wanted.notify_one();
                if news.changed().await.is_err() {
                    return false;
                }
            }
        };
        match tokio::time::timeout(REACHED_WITHIN, reached).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => {
                let shown = self.board().revision();
                Err(WatchError::Lags { asked: revision, shown })
            }
        }
    }

    /// Whether there is such a rollout on the board.
    pub fn knows(&self, rollout: &RolloutId) -> bool {
        self.board().knows(&format!("rollouts/{rollout}"))
    }

    /// What is there for `filter`.
    pub fn overview(&self, filter: &Filter) -> pb::Overview {
        self.board().overview(filter, self.clock.monotonic())
    }

    /// A watcher who begins with a snapshot.
    pub fn watch(&self, filter: Filter) -> Watcher {
        Watcher::new(filter)
    }

    /// A watcher who goes on behind a token, once this node has come as far.
    ///
    /// # Errors
    ///
    /// [`WatchError`]: it is none of this stream's, or too old, or this node lags.
    pub async fn resume(&self, filter: Filter, token: &str) -> Result<Watcher, WatchError> {
        let token = Token::parse(token)?;
        self.board().accepts(&token, &filter)?;
        self.reach(token.records).await?;
        // What was kept then may have gone while we waited.
        self.board().accepts(&token, &filter)?;
        Ok(Watcher::resumed(filter, token))
    }

    /// What the watcher is to be told next.
    pub fn next(&self, watcher: &mut Watcher) -> Next {
        watcher.next(&self.board(), self.clock.monotonic())
    }

    /// A sign of life for a watcher who has been told everything.
    pub fn bookmark(&self, watcher: &Watcher) -> pb::WatchResponse {
        watcher.bookmark(&self.board(), self.clock.monotonic())
    }

    /// Changes whenever there may be something new; ends with the node.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// What was seen of a rollout from a time on, in milliseconds since the Unix epoch.
    pub fn history(&self, rollout: &RolloutId, since_ms: u64) -> pb::History {
        self.kept().of(&format!("rollouts/{rollout}"), since_ms)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing panics while it holds the lock.
        self.shared.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, History> {
        // Nothing panics while it holds the lock.
        self.shared.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
