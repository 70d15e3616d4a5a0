//! What did the hosts really do, and might they? I2 on the hosts, I3, I9, I10, and the fence.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_agent::core::Insertion;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::grants::Phase;
use tidegate_controller::machine::ids::{GrantId, HostId};
use tidegate_controller::machine::withdrawal_event::WithdrawalEvent;
use tidegate_policies::evidence::Failure;

use super::Violation;
use super::log::{Entry, Log};
use crate::sim::clocks::Drift;
use crate::sim::happening::Permission;
use crate::sim::kernel::Bite;
use crate::sim::scenario::{Patch, Scenario};

/// A host is about to insert.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    /// The host.
    pub host: HostId,
    /// Its boot.
    pub boot: u64,
    /// It said in this boot that it goes down.
    pub said_goodbye: bool,
    /// What it inserts.
    pub insertion: &'a Insertion,
    /// The go that it heard.
    pub permission: Permission,
    /// What the patch does to it.
    pub bite: Bite,
    /// When the transition ends, if it does, in milliseconds of the run.
    pub settles: u64,
}

/// What the hosts really did.
#[derive(Debug)]
pub(super) struct Truth {
    lease: u64,
    soak: u64,
    /// Whose each grant is.
    hosts: BTreeMap<GrantId, HostId>,
    inserts: BTreeMap<GrantId, Inserted>,
    /// Boots that have ended.
    downs: BTreeSet<(HostId, u64)>,
    /// The highest epoch that each host heard of each patch set.
    told: BTreeMap<(HostId, String), u64>,
    /// When each patch set was halted: log index, and milliseconds of the run.
    halts: BTreeMap<String, Vec<(u64, u64)>>,
    /// The patch sets that are withdrawn.
    withdrawn: BTreeSet<String>,
}

#[derive(Debug)]
struct Inserted {
    bite: Bite,
    settles: u64,
}

impl Truth {
    pub(super) fn new(lease: u64, soak: u64) -> Self {
        Self {
            lease,
            soak,
            hosts: BTreeMap::new(),
            inserts: BTreeMap::new(),
            downs: BTreeSet::new(),
            told: BTreeMap::new(),
            halts: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
        }
    }

    /// A host takes out on command only what was withdrawn.
    pub(super) fn takes_out(&self, host: HostId, patch_set: &str) -> Result<(), Violation> {
        if self.withdrawn.contains(patch_set) {
            return Ok(());
        }
        let what = format!("host {host} takes {patch_set} out, and nobody has withdrawn it");
        Err(Violation::new("WITHDRAWN", what))
    }

    pub(super) fn told(&mut self, host: HostId, patch_set: &str, epoch: u64) {
        let highest = self.told.entry((host, patch_set.to_owned())).or_default();
        *highest = epoch.max(*highest);
    }

    pub(super) fn host_went_down(&mut self, host: HostId, boot: u64) {
        self.downs.insert((host, boot));
    }

    /// Older than the last word means no: such an offer is neither taken up nor asked for.
    pub(super) fn acts_on(
        &self,
        host: HostId,
        patch_set: &str,
        epoch: u64,
    ) -> Result<(), Violation> {
        match self.told.get(&(host, patch_set.to_owned())) {
            Some(&told) if epoch < told => {
                let what = format!(
                    "host {host} acts on epoch {epoch} of {patch_set}, and was told of {told}"
                );
                Err(Violation::new("FENCE", what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A committed entry: what it says of hosts must be what they did.
    pub(super) fn take(&mut self, now: u64, index: u64, entry: &Entry) -> Result<(), Violation> {
        for event in &entry.events {
            match event {
                Event::Halted { rollout, .. } => {
                    let name = format!("patchSets/{rollout}");
                    self.halts.entry(name).or_default().push((index, now));
                }
                Event::Withdrawal(WithdrawalEvent::Withdrawn { version, .. }) => {
                    let name = format!("patchSets/{version}");
                    self.halts.entry(name.clone()).or_default().push((index, now));
                    self.withdrawn.insert(name);
                }
                Event::GrantOffered(grant) => drop(self.hosts.insert(grant.id, grant.host)),
                Event::GrantMoved { grant, to, .. } => self.grant_moved(now, *grant, to)?,
                Event::ClusterBootstrapped(_)
                | Event::Cluster(_)
                | Event::Calendar(_)
                | Event::People(_)
                | Event::ClockAdvanced(_)
                | Event::BlobStored(_)
                | Event::TokenCreated { .. }
                | Event::Entitlement(_)
                | Event::Incident(_)
                | Event::Block(_)
                | Event::Webhook(_)
                | Event::HostEnrolled(_)
                | Event::GoodbyeSaid { .. }
                | Event::HostChanged { .. }
                | Event::ReportCounted { .. }
                | Event::PatchSetPublished { .. }
                | Event::RolloutCreated { .. }
                | Event::RolloutStarted { .. }
                | Event::WaveStarted { .. }
                | Event::RolloutCompleted { .. }
                | Event::RolloutPaused { .. }
                | Event::RolloutResumed { .. }
                | Event::SliceHalted { .. }
                | Event::SliceResumed { .. }
                | Event::WaveApproved { .. }
                | Event::Withdrawal(_)
                | Event::Trial { .. }
                | Event::HoldMoved { .. }
                | Event::VerdictReached { .. } => (),
            }
        }
        Ok(())
    }

    fn grant_moved(&self, now: u64, grant: GrantId, to: &Phase) -> Result<(), Violation> {
        let inserted = self.inserts.get(&grant);
        match to {
            Phase::Applied { .. } if inserted.is_none() => Err(Violation::new(
                "I9",
                format!("grant {grant} is applied, and no host inserted it"),
            )),
            Phase::Soaked { .. } => match inserted {
                // The host's clock may run a little fast.
                Some(inserted)
                    if now + Drift::most_over(self.soak) >= inserted.settles + self.soak =>
                {
                    Ok(())
                }
                Some(inserted) => {
                    let soaked = now.saturating_sub(inserted.settles);
                    let what = format!("grant {grant} is soaked {soaked} ms after its transition");
                    Err(Violation::new("I10", what))
                }
                None => {
                    let what = format!("grant {grant} is soaked, and no host inserted it");
                    Err(Violation::new("I10", what))
                }
            },
            Phase::Failed { failure: Failure::Crashed, begun, .. } => {
                let host = self.hosts.get(&grant);
                let host_fell = self
                    .downs
                    .iter()
                    .any(|(fell, boot)| Some(fell) == host && begun.boot == boot_id(*boot));
                let oopsed = inserted.is_some_and(|one| one.bite == Bite::Oopses);
                if host_fell || oopsed {
                    return Ok(());
                }
                let what = format!("grant {grant} counts as crashed, and no such boot has ended");
                Err(Violation::new("I9", what))
            }
            Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Applied { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => Ok(()),
        }
    }

    pub(super) fn inserts(
        &mut self,
        now: u64,
        act: &Insert<'_>,
        log: &Log,
    ) -> Result<(), Violation> {
        let Insert { host, insertion, permission, .. } = act;
        let grant = GrantId(insertion.grant_id);
        let patch_set = &insertion.patch_set;
        if !log.is_go(permission.index, host.0, grant.0) {
            let what = format!(
                "host {host} inserts for grant {grant}, and no committed entry let it go: {permission:?}"
            );
            return Err(Violation::new("I8", what));
        }
        let lease_ends = permission.first_sent + self.lease;
        if now > lease_ends + Drift::most_over(self.lease) {
            let what = format!(
                "host {host} inserts for grant {grant} {} ms after its lease",
                now - lease_ends
            );
            return Err(Violation::new("I2", what));
        }
        let halts = self.halts.get(patch_set).into_iter().flatten();
        let after_go = halts.filter(|(index, _)| *index > permission.index);
        if let Some((index, at)) = after_go
            .into_iter()
            .find(|(_, at)| now > at + self.lease + Drift::most_over(self.lease))
        {
            let what = format!(
                "host {host} inserts {} ms after the halt at index {index}, more than the lease",
                now - at
            );
            return Err(Violation::new("I2", what));
        }
        self.acts_on(*host, patch_set, permission.epoch)?;
        fits(insertion)?;
        let inserted = Inserted { bite: act.bite, settles: act.settles };
        if self.inserts.insert(grant, inserted).is_some() {
            return Err(Violation::new("I9", format!("grant {grant} is inserted twice")));
        }
        Ok(())
    }
}

fn boot_id(number: u64) -> String {
    format!("boot-{number}")
}

/// The very artifact that was published for the host's kernel.
fn fits(insertion: &Insertion) -> Result<(), Violation> {
    let artifact = &insertion.artifact;
    let published = Patch::ALL.into_iter().any(|patch| {
        format!("patchSets/{}", patch.name()) == insertion.patch_set
            && Scenario::artifacts(patch).iter().any(|(kernel, published)| {
                published.digest.0 == artifact.digest.0
                    && kernel.release == artifact.kernel_release
                    && kernel.flavour == artifact.flavour
                    && kernel.arch == artifact.arch
            })
    });
    if published {
        return Ok(());
    }
    Err(Violation::new("I3", format!("{artifact:?} was never published for this kernel")))
}
