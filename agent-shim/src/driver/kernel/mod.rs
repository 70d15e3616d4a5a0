//! How is the real kernel patched and watched? Modules go in by `finit_module`; everything else is
//! read from `/sys/kernel/livepatch`, `/proc` and `/dev/kmsg`.

mod facts;
mod insert;
mod livepatch;
mod log;
mod roots;

use std::sync::{Arc, Mutex, PoisonError};

use tidegate_proto::v1::HostFacts;

use super::{Driver, DriverFailed, Dumps, Following, LastWords, Words};
use crate::clock;
use crate::core::{DriverEvent, Insertion, ModuleName, Observation};
use crate::state::Place;
use crate::storage::StoredArtifact;

use log::KernelLog;
pub use roots::Roots;

/// The kernel that this process runs on.
#[derive(Debug)]
pub struct KernelDriver {
    roots: Roots,
    place: Place,
    log: Mutex<KernelLog>,
}

impl KernelDriver {
    /// A driver that looks below `roots` and reports `place` among the facts.
    #[must_use]
    pub fn new(roots: Roots, place: Place) -> Self {
        Self { roots, place, log: Mutex::default() }
    }

    /// The same driver, following the kernel's log from now on. Needs root.
    #[must_use]
    pub fn following_log(self) -> Self {
        let log = Mutex::new(KernelLog::open(&self.roots.dev.join("kmsg")));
        Self { log, ..self }
    }

    fn with_log<T>(&self, work: impl FnOnce(&mut KernelLog) -> T) -> T {
        work(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Driver for KernelDriver {
    fn boot_id(&self) -> Result<String, DriverFailed> {
        self.roots.read_proc("sys/kernel/random/boot_id")
    }

    fn facts(&self) -> Result<HostFacts, DriverFailed> {
        facts::read(&self.roots, &self.place)
    }

    fn last_words(&self, module: Option<&ModuleName>, known: &Dumps) -> LastWords {
        log::last_words(&self.roots.sys.join("fs/pstore"), module, known)
    }

    fn observe(&self) -> Result<Observation, DriverFailed> {
        let at = clock::boot_time();
        let livepatches = livepatch::list(&self.roots)?;
        let said = self.roots.read_proc("sys/kernel/tainted")?;
        let taint = said.parse().map_err(|_| DriverFailed::Senseless {
            path: self.roots.proc.join("sys/kernel/tainted"),
            said,
        })?;
        Ok(Observation { at, livepatches, taint, trouble: self.with_log(KernelLog::trouble) })
    }

    fn insert(self: Arc<Self>, insertion: Insertion, artifact: StoredArtifact, words: Words) {
        let following = Following {
            grant_id: insertion.grant_id,
            module: insertion.artifact.module.clone(),
            since: clock::boot_time(),
            transition_timeout: insertion.transition_timeout,
        };
        tokio::spawn(async move {
            let driver = Arc::clone(&self);
            let inserted = tokio::task::spawn_blocking(move || {
                driver.with_log(|log| log.start_over(&insertion.artifact.module));
                insert::insert(&driver.roots, &insertion, &artifact)
            });
            let event = inserted.await.unwrap_or_else(|error| DriverEvent::InsertFailed {
                message: format!("the insert was cut short: {error}"),
            });
            let is_in = matches!(event, DriverEvent::Inserted);
            say(&words, following.grant_id, event);
            if is_in {
                livepatch::follow(&self.roots, &following, &words).await;
            }
        });
    }

    fn follow(self: Arc<Self>, following: Following, words: Words) {
        self.with_log(|log| log.watch(&following.module));
        tokio::spawn(async move { livepatch::follow(&self.roots, &following, &words).await });
    }

    fn revert(self: Arc<Self>, grant_id: u64, module: ModuleName, words: Words) {
        tokio::spawn(async move {
            let end = livepatch::revert(&self.roots, &module).await;
            say(&words, grant_id, DriverEvent::Reverted(end));
        });
    }
}

/// Says a word on a grant. Nobody listens any more when the agent has stopped; its next start
/// finds the kernel's state by itself.
fn say(words: &Words, grant_id: u64, event: DriverEvent) {
    if words.send((grant_id, event)).is_err() {
        tracing::debug!(grant_id, "the agent has stopped; a driver's word is lost");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::{KernelDriver, Roots};
    use crate::clock;
    use crate::core::Millis;
    use crate::driver::{Driver as _, Following};
    use crate::state::Place;

    #[tokio::test]
    async fn an_oops_that_names_a_module_followed_after_a_restart_names_it() {
        let tree = tempfile::tempdir().unwrap();
        let here = tree.path().to_owned();
        fs::create_dir_all(here.join("sys/kernel")).unwrap();
        fs::write(here.join("sys/kernel/tainted"), "0\n").unwrap();
        fs::write(here.join("kmsg"), "").unwrap();
        let roots =
            Roots { proc: here.clone(), sys: here.clone(), dev: here.clone(), etc: here.clone() };
        let driver = Arc::new(KernelDriver::new(roots, Place::default()).following_log());
        let (words, _said) = mpsc::unbounded_channel();
        let following = Following {
            grant_id: 7,
            module: "livepatch_113_1".to_owned().try_into().unwrap(),
            since: clock::boot_time(),
            transition_timeout: Millis(0),
        };
        Arc::clone(&driver).follow(following, words);
        let oops = "1,2,2,-;BUG: unable to handle page fault\n\
            4,4,4,-;RIP: 0010:show+0x5/0x20 [livepatch_113_1]\n";
        let mut kmsg = OpenOptions::new().append(true).open(here.join("kmsg")).unwrap();
        kmsg.write_all(oops.as_bytes()).unwrap();
        assert!(driver.observe().unwrap().trouble.unwrap().names_module);
    }
}
