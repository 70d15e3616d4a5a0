//! How does a livepatch get out of the kernel again? On command, since its patch set was withdrawn, or because
//! its transition has stalled and the policy says so. The order is durable before the kernel is touched, and
//! what became of it is said before the order is forgotten.

use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{self, NotReverted, RevertFailure, Reverted};

use crate::core::BootTime;
use crate::core::agent::{Agent, Look};
use crate::core::fact::Fact;
use crate::core::input::{DriverEvent, Mode, RevertEnd};
use crate::core::life::{ApplyStep, Applying, Life, Reverting};
use crate::core::limits::{MESSAGE_BYTES, clip};
use crate::core::memory::{
    Departure, InsertEnd, Marker, MarkerStage, PatchSetMemory, RevertOrder, RevertStage,
};
use crate::core::offer::ModuleName;
use crate::core::output::Output;
use crate::core::start::follow;

/// An order to revert, as it was told.
#[derive(Debug)]
pub(crate) struct Told {
    patch_set: String,
    grant_id: u64,
    epoch: u64,
    module: ModuleName,
    at: BootTime,
}

/// What the kernel has of a livepatch that is to be taken out, while no grant is live.
enum Found {
    /// It is in, and this agent has inserted it in this boot.
    Ours,
    /// It is in, and nobody knows whose it is.
    NotOurs,
    /// It is not in, and a newer livepatch of this agent is.
    Replaced(ModuleName),
    /// It is not in.
    Nothing,
}

impl Agent {
    /// Takes what a `Sync` says about a livepatch that is to be taken out. It is told again with every beat
    /// until it is answered, so that what does not suit now may be passed over.
    pub(crate) fn hear_revert(
        &mut self,
        now: BootTime,
        revert: Option<Box<v1::Revert>>,
        out: &mut Vec<Output>,
    ) {
        let Some(revert) = revert else { return };
        let v1::Revert { grant_id, patch_set, epoch, module } = *revert;
        let ignored = |why: String| Output::Log(Fact::RevertIgnored { grant_id, why });
        let Ok(module) = ModuleName::try_from(module) else {
            out.push(ignored("it names no module".to_owned()));
            return;
        };
        if patch_set.is_empty() || self.departure == Departure::Announced {
            return;
        }
        if !self.admit_epoch(&patch_set, epoch, out) {
            out.push(ignored(format!("epoch {epoch} of {patch_set} is out of date")));
            return;
        }
        let known = self.memory.get(&patch_set).and_then(|memory| memory.revert.as_ref());
        if known.is_some_and(|order| {
            order.grant_id == grant_id && order.epoch >= epoch && order.boot_id == self.boot.boot_id
        }) {
            return;
        }
        self.obey(now, Told { patch_set, grant_id, epoch, module, at: now }, out);
    }

    fn obey(&mut self, now: BootTime, told: Told, out: &mut Vec<Output>) {
        if self.life.offer_mut().is_some() {
            self.withdraw(now, "a livepatch is to be taken out first", out);
        }
        match &self.life {
            // What the kernel has is looked at anew, as after each answer.
            Life::Idle => self.ordered = Some(told),
            // What it may have begun is settled first.
            Life::Fetching(_) | Life::Asking(_) | Life::Reverting(_) => {}
            Life::Soaking(soaking) if soaking.marker.patch_set == told.patch_set => {
                let marker = soaking.marker.clone();
                self.revert(&told, Some(marker), out);
            }
            Life::Applying(applying) if applying.marker.patch_set == told.patch_set => {
                match applying.step {
                    ApplyStep::Inserting { .. } => {}
                    ApplyStep::InTransition | ApplyStep::Kept => {
                        let marker = applying.marker.clone();
                        self.revert(&told, Some(marker), out);
                    }
                    ApplyStep::Stuck => {
                        let why = (RevertFailure::InsertHangs, "the insert has not returned");
                        self.refuse_to_revert(now, &told, why, out);
                    }
                }
            }
            // A kernel changes one livepatch at a time.
            Life::Soaking(_) | Life::Applying(_) => {}
        }
    }

    /// The kernel was looked at: an order that waits for that is obeyed, or answered.
    pub(crate) fn obey_order(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let Some(told) = self.ordered.take() else { return };
        match self.life {
            Life::Idle if self.boot.observation.at < told.at => {
                self.ordered = Some(told);
                self.look = Look::Wanted;
            }
            Life::Idle => self.obey_idle(now, &told, out),
            // It is told again.
            Life::Fetching(_)
            | Life::Asking(_)
            | Life::Applying(_)
            | Life::Soaking(_)
            | Life::Reverting(_) => {}
        }
    }

    fn obey_idle(&mut self, now: BootTime, told: &Told, out: &mut Vec<Output>) {
        if self.boot.mode == Mode::NoApply {
            let why = (RevertFailure::NoApply, "the agent is in mode no-apply");
            self.refuse_to_revert(now, told, why, out);
            return;
        }
        match self.found(told) {
            Found::Ours => self.revert(told, None, out),
            Found::NotOurs => {
                let why = format!("{} is loaded, and not by this agent in this boot", told.module);
                self.refuse_to_revert(now, told, (RevertFailure::NotOurs, &why), out);
            }
            Found::Replaced(newer) => {
                let why = format!("{newer} has taken the place of {}", told.module);
                self.refuse_to_revert(now, told, (RevertFailure::Replaced, &why), out);
            }
            Found::Nothing => {
                let outcome = Ended::Reverted(Reverted {});
                self.spool_outcome(now, (told.grant_id, &told.patch_set), outcome, out);
                self.keep_order(told, RevertStage::Answered, out);
            }
        }
    }

    fn found(&self, told: &Told) -> Found {
        let seen = &self.boot.observation.livepatches;
        let loaded =
            |module: &ModuleName| seen.iter().any(|livepatch| livepatch.module == module.as_str());
        let inserts = self.memory.iter().filter_map(|(patch_set, memory)| {
            let last = memory.last_insert.as_ref()?;
            (last.boot_id == self.boot.boot_id).then_some((patch_set, last))
        });
        let mut inserts = inserts.filter(|(_, last)| loaded(&last.module));
        if loaded(&told.module) {
            let ours = inserts.any(|(patch_set, last)| {
                *patch_set == told.patch_set && last.module == told.module
            });
            return if ours { Found::Ours } else { Found::NotOurs };
        }
        let newer = inserts.find(|(_, last)| last.grant_id > told.grant_id);
        newer.map_or(Found::Nothing, |(_, last)| Found::Replaced(last.module.clone()))
    }

    /// Has the driver take it out. The order is durable first.
    fn revert(&mut self, told: &Told, marker: Option<Marker>, out: &mut Vec<Output>) {
        out.push(Output::Log(Fact::Reverting {
            grant_id: told.grant_id,
            patch_set: told.patch_set.clone(),
            epoch: told.epoch,
        }));
        let order = self.keep_order(told, RevertStage::UnderWay, out);
        self.go_on_reverting(told.patch_set.clone(), order, marker, out);
    }

    /// A transition has stalled, that was reported, and the policy says to turn it back.
    pub(crate) fn revert_stalled(&mut self, now: BootTime, marker: Marker, out: &mut Vec<Output>) {
        let told = Told {
            patch_set: marker.patch_set.clone(),
            grant_id: marker.grant_id,
            epoch: marker.epoch,
            module: marker.module.clone(),
            at: now,
        };
        self.revert(&told, Some(marker), out);
    }

    fn go_on_reverting(
        &mut self,
        patch_set: String,
        order: RevertOrder,
        marker: Option<Marker>,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::Revert { grant_id: order.grant_id, module: order.module.clone() });
        self.life = Life::Reverting(Box::new(Reverting { patch_set, order, marker }));
    }

    /// Takes up an order that an earlier run of the agent was carrying out in this boot; forgets one of
    /// another boot, with which the livepatch was lost. Returns the marker of a grant that has nothing to do
    /// with it.
    pub(crate) fn resume_reverting(
        &mut self,
        marker: Option<Marker>,
        out: &mut Vec<Output>,
    ) -> Option<Marker> {
        let under_way = |memory: &PatchSetMemory| {
            let order = memory.revert.clone();
            order.filter(|order| order.stage == RevertStage::UnderWay)
        };
        let orders = self.memory.iter().filter_map(|(set, of)| Some((set.clone(), under_way(of)?)));
        let orders: Vec<(String, RevertOrder)> = orders.collect();
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            orders.into_iter().partition(|(_, order)| order.boot_id == self.boot.boot_id);
        for (patch_set, _) in elsewhere {
            self.remember(&patch_set, |memory| memory.revert = None, out);
        }
        let Some((patch_set, order)) = here.into_iter().next() else { return marker };
        let (own, other): (Option<Marker>, Option<Marker>) =
            if marker.as_ref().is_some_and(|marker| marker.patch_set == patch_set) {
                (marker, None)
            } else {
                (None, marker)
            };
        out.push(Output::Log(Fact::Resumed { grant_id: order.grant_id }));
        self.go_on_reverting(patch_set, order, own, out);
        other
    }

    /// Takes the driver's word while a livepatch is being taken out.
    pub(crate) fn revert_went(&mut self, now: BootTime, event: DriverEvent, out: &mut Vec<Output>) {
        let end = match event {
            DriverEvent::Reverted(end) => end,
            DriverEvent::Troubled(trouble) => {
                let Life::Reverting(reverting) = &self.life else { return };
                let grant = (reverting.order.grant_id, reverting.patch_set.clone());
                let (outcome, _) = crate::core::applying::trouble_outcome(trouble);
                self.spool_outcome(now, (grant.0, &grant.1), outcome, out);
                return;
            }
            // A word on the transition that is being turned back.
            DriverEvent::Declined(_)
            | DriverEvent::InsertFailed { .. }
            | DriverEvent::Inserted
            | DriverEvent::NotEnabled
            | DriverEvent::TransitionDone { .. }
            | DriverEvent::TransitionStalled { .. } => return,
        };
        let Life::Reverting(reverting) = std::mem::replace(&mut self.life, Life::Idle) else {
            return;
        };
        let Reverting { patch_set, order, marker } = *reverting;
        let told = Told {
            patch_set,
            grant_id: order.grant_id,
            epoch: order.epoch,
            module: order.module,
            at: now,
        };
        let stays = match end {
            RevertEnd::Done => {
                self.is_out(now, &told, marker, out);
                return;
            }
            RevertEnd::StillInTransition => {
                (RevertFailure::StillInTransition, "the transition back has not ended")
            }
            RevertEnd::Refused => (RevertFailure::Refused, "the driver refuses to disable it"),
        };
        self.refuse_to_revert(now, &told, stays, out);
        if let Some(marker) = marker {
            self.go_on_with(now, marker, out);
        }
    }

    /// The livepatch is out: said, remembered, and the grant closed, in this order.
    fn is_out(
        &mut self,
        now: BootTime,
        told: &Told,
        marker: Option<Marker>,
        out: &mut Vec<Output>,
    ) {
        let outcome = Ended::Reverted(Reverted {});
        self.spool_outcome(now, (told.grant_id, &told.patch_set), outcome, out);
        self.keep_order(told, RevertStage::Answered, out);
        match marker {
            Some(marker) => {
                let end = match marker.stage {
                    MarkerStage::Stalled { .. } => InsertEnd::Failed,
                    MarkerStage::Applying { .. }
                    | MarkerStage::Soaking { .. }
                    | MarkerStage::Stuck { .. } => InsertEnd::Reverted,
                };
                self.close_insert(&marker, end, out);
            }
            None => {
                let is_reverted = |memory: &mut PatchSetMemory| {
                    if let Some(last) = &mut memory.last_insert {
                        last.end = InsertEnd::Reverted;
                    }
                };
                self.remember(&told.patch_set, is_reverted, out);
            }
        }
    }

    /// The livepatch stays: the grant goes on from where it was.
    fn go_on_with(&mut self, now: BootTime, marker: Marker, out: &mut Vec<Output>) {
        match marker.stage {
            MarkerStage::Soaking { since, .. } => self.go_on_soaking(now, marker, since),
            MarkerStage::Applying { since } => {
                out.push(follow(&marker, since));
                let step = ApplyStep::InTransition;
                self.life = Life::Applying(Box::new(Applying { marker, step }));
            }
            MarkerStage::Stalled { .. } => {
                let step = ApplyStep::Kept;
                self.life = Life::Applying(Box::new(Applying { marker, step }));
            }
            MarkerStage::Stuck { .. } => {
                let step = ApplyStep::Stuck;
                self.life = Life::Applying(Box::new(Applying { marker, step }));
            }
        }
    }

    /// The livepatch cannot be taken out: says so, once for each order.
    fn refuse_to_revert(
        &mut self,
        now: BootTime,
        told: &Told,
        (reason, message): (RevertFailure, &str),
        out: &mut Vec<Output>,
    ) {
        let message = clip(message, MESSAGE_BYTES);
        let why = message.clone();
        let outcome = Ended::NotReverted(NotReverted { reason: reason.into(), message });
        self.spool_outcome(now, (told.grant_id, &told.patch_set), outcome, out);
        self.keep_order(told, RevertStage::Answered, out);
        out.push(Output::Log(Fact::NotReverted { grant_id: told.grant_id, why }));
    }

    fn keep_order(
        &mut self,
        told: &Told,
        stage: RevertStage,
        out: &mut Vec<Output>,
    ) -> RevertOrder {
        let order = RevertOrder {
            grant_id: told.grant_id,
            epoch: told.epoch,
            boot_id: self.boot.boot_id.clone(),
            module: told.module.clone(),
            stage,
        };
        let kept = order.clone();
        self.remember(&told.patch_set, |memory| memory.revert = Some(kept), out);
        order
    }
}
