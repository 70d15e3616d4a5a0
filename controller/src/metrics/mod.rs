//! What can be counted on this controller? The metrics of `/metrics`, which also leave over OTLP.
//!
//! Counters of what was decided follow the entries that this node applies, the same that leave the records, and
//! never disagree with them. What the process itself did is in its [`meters`](crate::meters). Gauges are read from
//! the replicated state when somebody asks. Every series has the label `node`. All nodes apply the same log, so all
//! count the same decisions: `max without (node, instance) (…)` is the cluster's number, a sum is not. What a node's
//! log holds when it starts is not counted again.
//!
//! No label can grow with the fleet: [`catalogue`] has every name, and each of its families has a limit.

mod book;
pub mod catalogue;
mod door;
mod family;
mod gauges;
mod otlp;
mod ratios;
mod seen;
mod tally;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::error::RecvError;

use crate::artifacts::Store;
use crate::machine::ids::NodeId;
use crate::relay::Relay;
use crate::runtime::{Clock, Handle, Stopped};
use book::Book;
use family::Family;

pub use door::{Endpoint, run as serve};
pub use otlp::run as push;

/// The metrics of one node. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Metrics {
    handle: Handle,
    clock: Clock,
    relay: Arc<Relay>,
    store: Store,
    book: Arc<Mutex<Book>>,
}

impl Metrics {
    /// The metrics of the node that `handle` reaches, which hears hosts through `relay` and keeps artifacts
    /// in `store`; nothing is counted before [`Metrics::follow`].
    pub fn new(handle: Handle, clock: Clock, relay: Arc<Relay>, store: Store) -> Self {
        Self { handle, clock, relay, store, book: Arc::default() }
    }

    /// The node.
    pub fn node(&self) -> NodeId {
        self.handle.id()
    }

    /// Everything as it is now, by name.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    async fn families(&self) -> Result<Vec<Family>, Stopped> {
        let status = self.handle.status().await?;
        let disk = self.handle.disk().state();
        let (mut families, shown) = self.handle.query(gauges::of_machine).await?;
        families.extend(ratios::families(&shown));
        families.extend(gauges::of_node(&status, disk));
        families.extend(seen::of_meters(self.handle.meters().seen()));
        families.push(seen::of_callers(self.relay.connected()));
        families.push(seen::of_artifacts(self.store.damaged()));
        families.extend(self.book().families());
        families.sort_by_key(|family| family.described.name);
        Ok(families)
    }

    /// Counts what this node applies, until it stops.
    pub async fn follow(self) {
        let Ok(mut entries) = self.handle.subscribe() else { return };
        // What is in the log already was counted in another life, whether it is applied by now or not.
        let Ok(status) = self.handle.status().await else { return };
        let mut leadership = self.handle.leadership();
        loop {
            tokio::select! {
                entry = entries.recv() => match entry {
                    Ok(entry) if entry.position.index > status.last_index => {
                        self.book().note(&entry.command, &entry.outcome, &entry.events);
                    }
                    Ok(_) => (),
                    Err(RecvError::Lagged(missed)) => self.book().missed(missed),
                    Err(RecvError::Closed) => return,
                },
                changed = leadership.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let leader = leadership.borrow_and_update().leader;
                    self.book().led_by(leader);
                }
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it holds the lock.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
