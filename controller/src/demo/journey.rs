//! How does one patch set fare? Published, started, and watched to its end: completed or halted.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_proto::v1 as pb;

use super::operator::Operator;
use super::patch_sets::Publication;
use super::show::Show;
use super::{DemoError, call};
use crate::runtime::Clock;

/// What became of a patch set.
pub(super) struct Journey {
    /// The rollout as it was at its end.
    pub(super) rollout: pb::Rollout,
    /// From its start to its end.
    pub(super) took: Duration,
    /// The kernel whose hosts it crashes, if any.
    pub(super) bad_kernel: Option<String>,
}

impl Journey {
    /// Publishes `publication`, starts it, and watches it to its end.
    pub(super) async fn of(
        operator: &mut Operator,
        publication: &Publication,
        kernels: &BTreeMap<String, u64>,
        show: &Show,
    ) -> Result<Self, DemoError> {
        show.say(&format!("{}: {}", publication.version, publication.words));
        let set = publication.patch_set(kernels.keys());
        operator.publish(set, publication.artifact()).await?;
        let clock = Clock::start();
        let started = operator.start(publication.version).await?;
        let rollout = watch(operator, started, show).await?;
        let bad_kernel = publication.bad_kernel.clone();
        Ok(Self { rollout, took: clock.monotonic(), bad_kernel })
    }

    /// Every wave of every tier passed.
    pub(super) fn is_completed(&self) -> bool {
        self.rollout.state() == pb::RolloutState::Completed
    }

    /// The halt that stands on it.
    pub(super) fn halt(&self) -> Option<&pb::Halt> {
        self.rollout.halt.as_ref()
    }
}

/// Follows the rollout until it is completed or halted.
async fn watch(
    operator: &mut Operator,
    started: pb::Rollout,
    show: &Show,
) -> Result<pb::Rollout, DemoError> {
    let watch = pb::WatchRolloutRequest { name: started.name.clone(), from_revision: 0 };
    let stream = operator.rollouts.watch_rollout(watch).await;
    let mut stream = stream.map_err(call("watch the rollout"))?.into_inner();
    let mut last = started;
    while let Some(change) = stream.message().await.map_err(call("watch the rollout"))? {
        for record in &change.records {
            show.record(record);
        }
        let Some(rollout) = change.rollout else { continue };
        show.progress(&rollout);
        last = rollout;
        if matches!(last.state(), pb::RolloutState::Completed | pb::RolloutState::Halted) {
            break;
        }
    }
    show.end_of_rollout(&last);
    Ok(last)
}
