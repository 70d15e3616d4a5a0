//! Is anything lost that an operator was told is done? One who never stops asking.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_tests::cluster::Cluster;
use tidegate_tests::door::{self, Door};
use tidegate_tests::processes::LOOK_AGAIN;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{SOON, is_passing};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a cluster may be without a leader. The goal is 3 s; this machine does other things too.
const FAILOVER: Duration = Duration::from_secs(10);

/// An operator who never stops making tokens, and remembers which were acknowledged.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Outcome<(BTreeSet<String>, Duration)>>,
}

impl Writer {
    /// Starts to write to every node in turn.
    pub(crate) fn start(cluster: &Cluster) -> Outcome<Self> {
        let doors: Vec<Door> =
            cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let work = tokio::spawn(async move {
            let (mut acknowledged, mut longest) = (BTreeSet::new(), Duration::ZERO);
            for number in 0_usize.. {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("writer-{number}");
                let asked = Instant::now();
                write_one(&doors, &id, number).await?;
                longest = longest.max(asked.elapsed());
                acknowledged.insert(id);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok((acknowledged, longest))
        });
        Ok(Self { stop, work })
    }

    /// Stops writing: what was acknowledged, and how long the slowest took. None may have waited for
    /// longer than a change of leader may last.
    pub(crate) async fn stop(self) -> Outcome<(BTreeSet<String>, Duration)> {
        self.stop.store(true, Ordering::Relaxed);
        let (acknowledged, longest) = self.work.await??;
        assert!(acknowledged.len() > 20, "hardly anything was written");
        assert!(longest < FAILOVER, "a write waited for {longest:?}");
        Ok((acknowledged, longest))
    }
}

/// Makes one token, and asks one node after the other until it is acknowledged.
async fn write_one(doors: &[Door], id: &str, first: usize) -> Outcome<()> {
    let request = door::token(id, "free", 1);
    let end = Instant::now() + SOON;
    for turn in first.. {
        let mut fleet = doors[turn % doors.len()].fleet();
        match fleet.create_token(request.clone()).await {
            Ok(_) => break,
            Err(status) if is_passing(&status) && Instant::now() < end => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
    Ok(())
}
