//! Are more hosts exposed than the policy allows, and does any begin after a halt? What the controllers
//! say over time, held against what really happened on the hosts.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_agent::clock::boot_time;
use tidegate_agent::core::BootTime;
use tidegate_agent::fleet::FleetHandle;
use tidegate_proto::v1 as pb;
use tokio::task::JoinHandle;
use tonic::Code;

use crate::cluster::Cluster;
use crate::door::{self, Door};
use crate::trouble::{Outcome, Trouble};
use crate::view::{SOON, eventually, is_passing};

/// How often the controllers are asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Somebody who asks how far a rollout is, until the books are closed.
#[derive(Debug)]
pub struct Books {
    rollout: &'static str,
    stop: Arc<AtomicBool>,
    work: JoinHandle<Vec<Page>>,
}

/// What was answered to a question that was asked at `asked`.
#[derive(Debug)]
struct Page {
    asked: BootTime,
    verified: u64,
    exposed: u64,
    budget: u64,
}

impl Books {
    /// Begins to ask every controller in turn for `rollout`.
    ///
    /// # Errors
    ///
    /// An address is none.
    pub fn open(cluster: &Cluster, rollout: &'static str) -> Outcome<Self> {
        let doors: Vec<Door> =
            cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let work = tokio::spawn(async move {
            let mut pages = Vec::new();
            for door in doors.iter().cycle() {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let asked = boot_time();
                let answer = tokio::time::timeout(ASK_EVERY * 10, door.rollout(rollout)).await;
                if let Ok(Ok(answer)) = answer {
                    pages.push(page(asked, &answer));
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
            pages
        });
        Ok(Self { rollout, stop, work })
    }

    /// Stops to ask, and compares; answers how many hosts inserted the livepatch.
    ///
    /// Who had inserted it when the question was asked, and is not verified in the answer, was exposed
    /// in between. Whoever failed counts as exposed for ever.
    ///
    /// # Errors
    ///
    /// Nobody answers.
    ///
    /// # Panics
    ///
    /// The hosts did what they should not have done.
    pub async fn close(self, door: &Door, fleet: &FleetHandle) -> Outcome<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let pages = self.work.await?;
        let truths = fleet.truths();
        let inserts: Vec<_> = truths.iter().flat_map(|truth| &truth.inserts).collect();
        for page in &pages {
            let Page { asked, verified, exposed, budget } = page;
            assert!(exposed <= budget, "{exposed} hosts exposed, {budget} allowed");
            let inserted = inserts.iter().filter(|insert| insert.at <= *asked).count();
            let really = u64::try_from(inserted)?.saturating_sub(*verified);
            assert!(really <= *budget, "{really} hosts were exposed, {budget} allowed");
        }
        for truth in &truths {
            let mut passed = truth.lease_checks.iter().filter(|check| check.passed);
            let overdue = passed.find(|check| check.at > check.not_after);
            assert!(overdue.is_none(), "{} inserted without a lease", truth.machine_id);
            let boots = truth.inserts.iter().map(|insert| insert.boot);
            let different: BTreeSet<u64> = boots.collect();
            assert_eq!(different.len(), truth.inserts.len(), "{} did twice", truth.machine_id);
        }
        let grants = door.grants(self.rollout).await?;
        for insert in &inserts {
            let grant = grants.iter().find(|grant| grant.grant_id == insert.grant_id);
            let begun = grant.is_some_and(|grant| grant.begun_index > 0);
            assert!(begun, "grant {} was inserted and never begun", insert.grant_id);
        }
        drop(writeln!(
            std::io::stderr(),
            "{} looks at the rollout, {} hosts inserted",
            pages.len(),
            inserts.len()
        ));
        assert!(!pages.is_empty(), "nobody ever answered");
        Ok(inserts.len())
    }
}

fn page(asked: BootTime, rollout: &pb::Rollout) -> Page {
    Page {
        asked,
        verified: rollout.counts.unwrap_or_default().verified,
        exposed: rollout.exposed_hosts,
        budget: rollout.exposure_budget_hosts,
    }
}

/// Halts `rollout` through one controller after the other, until one says that it is halted; when
/// that was. `None`: it was completed by then.
///
/// # Errors
///
/// Nobody says so in time.
pub async fn halted(cluster: &Cluster, rollout: &str) -> Outcome<Option<BootTime>> {
    let doors: Vec<Door> =
        cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
    let request = door::halt(rollout, "somebody called");
    let mut turn = 0;
    let found = eventually("the rollout is halted", SOON, async || {
        let door = &doors[turn % doors.len()];
        turn += 1;
        match door.rollouts().halt_rollout(request.clone()).await {
            Ok(_) => Some(Ok(Some(boot_time()))),
            Err(status) if is_passing(&status) => None,
            Err(status) if status.code() == Code::FailedPrecondition => {
                match door.rollout(rollout).await.ok()?.state() {
                    pb::RolloutState::Completed => Some(Ok(None)),
                    pb::RolloutState::Halted => Some(Ok(Some(boot_time()))),
                    pb::RolloutState::Unspecified
                    | pb::RolloutState::Draft
                    | pb::RolloutState::Running
                    | pb::RolloutState::AwaitingApproval
                    | pb::RolloutState::Superseded
                    | pb::RolloutState::Paused
                    | pb::RolloutState::RollingBack
                    | pb::RolloutState::RolledBack => Some(Err(Trouble::from(status))),
                }
            }
            Err(status) => Some(Err(status.into())),
        }
    });
    found.await?
}

/// No host has inserted the livepatch later than a lease after the halt.
///
/// # Errors
///
/// The clock stands still.
///
/// # Panics
///
/// One has.
pub async fn no_insert_after(halt: BootTime, lease_ms: u64, fleet: &FleetHandle) -> Outcome<()> {
    let last = BootTime::from_millis(halt.as_millis() + lease_ms);
    let late = BootTime::from_millis(last.as_millis() + 1_000);
    eventually("the last lease is over", SOON, async || (boot_time() > late).then_some(())).await?;
    for truth in fleet.truths() {
        for insert in &truth.inserts {
            assert!(insert.at <= last, "{} inserted after the halt's last lease", truth.machine_id);
        }
    }
    Ok(())
}
