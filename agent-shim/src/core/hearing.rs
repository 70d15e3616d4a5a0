//! Is the offer one that this host takes up, and what when it goes away?

use tidegate_proto::v1::{self, RefusalReason};

use crate::core::BootTime;
use crate::core::agent::Agent;
use crate::core::backoff::Backoff;
use crate::core::fact::Fact;
use crate::core::fence;
use crate::core::input::Mode;
use crate::core::life::{AskStep, Doubt, FetchStep, Fetching, Life, Standing};
use crate::core::memory::{Departure, InsertEnd, PatchSetMemory};
use crate::core::offer::{MalformedOffer, Offer};
use crate::core::output::Output;

impl Agent {
    /// Takes what a `Sync` says about the host's offer.
    pub(crate) fn hear_offer(
        &mut self,
        now: BootTime,
        offer: Option<v1::Offer>,
        out: &mut Vec<Output>,
    ) {
        let Some(offer) = offer else {
            self.withdraw(now, "it was withdrawn", out);
            return;
        };
        let (grant_id, patch_set, epoch) = (offer.grant_id, offer.patch_set.clone(), offer.epoch);
        let offer = match Offer::from_wire(offer, now) {
            Ok(offer) => offer,
            Err(malformed) => {
                self.refuse_malformed(now, (grant_id, &patch_set, epoch), &malformed, out);
                return;
            }
        };
        if !self.admit_epoch(&offer.patch_set, offer.epoch, out) {
            let why = format!("epoch {} of {} is out of date", offer.epoch, offer.patch_set);
            out.push(Output::Log(Fact::OfferIgnored { why }));
            return;
        }
        if let Some(mine) = self.life.offer_mut() {
            if mine.grant_id == offer.grant_id && mine.artifact == offer.artifact {
                *mine = offer;
                self.stands_again();
                return;
            }
            self.withdraw(now, "another offer took its place", out);
        }
        if matches!(self.life, Life::Idle) {
            self.consider(now, offer, out);
        }
    }

    /// An offer that makes no sense is refused once, so that its controller hears of it. One that
    /// names no patch set cannot be answered.
    fn refuse_malformed(
        &mut self,
        now: BootTime,
        (grant_id, patch_set, epoch): (u64, &str, u64),
        malformed: &MalformedOffer,
        out: &mut Vec<Output>,
    ) {
        let inserted = |memory: &PatchSetMemory| {
            memory.last_insert.as_ref().is_some_and(|last| last.grant_id == grant_id)
        };
        if self.over.contains(&grant_id) || self.departure == Departure::Announced {
            return;
        }
        if patch_set.is_empty()
            || self.memory.get(patch_set).is_some_and(inserted)
            || !self.admit_epoch(patch_set, epoch, out)
        {
            out.push(Output::Log(Fact::OfferIgnored { why: malformed.to_string() }));
            return;
        }
        if self.life.offer_mut().is_some() {
            self.withdraw(now, "another offer took its place", out);
        }
        if matches!(self.life, Life::Idle) && !self.over.contains(&grant_id) {
            let why = malformed.to_string();
            self.spool_refusal(now, (grant_id, patch_set), (RefusalReason::Unspecified, &why), out);
        }
    }

    /// Checks an epoch against the highest seen, and keeps it where it is higher.
    pub(crate) fn admit_epoch(
        &mut self,
        patch_set: &str,
        epoch: u64,
        out: &mut Vec<Output>,
    ) -> bool {
        let highest = self.memory.get(patch_set).map_or(0, |memory| memory.highest_epoch);
        if !fence::admits(highest, epoch, self.config.checks_epochs()) {
            return false;
        }
        if epoch > highest {
            self.remember(patch_set, |memory| memory.highest_epoch = epoch, out);
        }
        true
    }

    /// Changes what is kept of a patch set, durably.
    pub(crate) fn remember(
        &mut self,
        patch_set: &str,
        change: impl FnOnce(&mut PatchSetMemory),
        out: &mut Vec<Output>,
    ) {
        let memory = self.memory.entry(patch_set.to_owned()).or_default();
        let before = memory.clone();
        change(memory);
        if *memory != before {
            let memory = memory.clone();
            out.push(Output::Remember { patch_set: patch_set.to_owned(), memory });
        }
    }

    fn consider(&mut self, now: BootTime, offer: Offer, out: &mut Vec<Output>) {
        if self.over.contains(&offer.grant_id) || self.departure == Departure::Announced {
            return;
        }
        if self.ordered.is_some() {
            let why = "a livepatch is to be taken out first".to_owned();
            out.push(Output::Log(Fact::OfferIgnored { why }));
            return;
        }
        if now >= offer.expires_at {
            let why = format!("grant {} had expired when it came", offer.grant_id);
            out.push(Output::Log(Fact::OfferIgnored { why }));
            return;
        }
        let last = self.memory.get(&offer.patch_set).and_then(|memory| memory.last_insert.as_ref());
        if last.is_some_and(|last| last.grant_id == offer.grant_id && !crashed(last.end)) {
            let why = format!("grant {} was inserted before", offer.grant_id);
            out.push(Output::Log(Fact::OfferIgnored { why }));
            self.grant_over(offer.grant_id);
            return;
        }
        if let Some((reason, why)) = self.objection(&offer) {
            self.refuse(now, &offer, (reason, &why), out);
            return;
        }
        out.push(Output::Log(Fact::OfferTaken {
            grant_id: offer.grant_id,
            patch_set: offer.patch_set.clone(),
            epoch: offer.epoch,
        }));
        let step = FetchStep::Waiting { until: now };
        self.life = Life::Fetching(Box::new(Fetching { offer, backoff: Backoff::default(), step }));
    }

    /// Why this host will not do what it is offered, its kernel untouched.
    fn objection(&self, offer: &Offer) -> Option<(RefusalReason, String)> {
        let facts = &self.boot.facts;
        if !offer.artifact.fits(facts) {
            let built_for = &offer.artifact;
            return Some((
                RefusalReason::WrongKernel,
                format!(
                    "the artifact is for {} {} {}, the host runs {} {} {}",
                    built_for.kernel_release,
                    built_for.flavour,
                    built_for.arch,
                    facts.kernel_release,
                    facts.flavour,
                    facts.arch,
                ),
            ));
        }
        let last = self.memory.get(&offer.patch_set).and_then(|memory| memory.last_insert.as_ref());
        if let Some(last) = last
            && crashed(last.end)
            && (offer.epoch <= last.epoch || offer.grant_id == last.grant_id)
        {
            return Some((
                RefusalReason::CrashedLastTime,
                format!(
                    "grant {} of this patch set took the host down at epoch {}",
                    last.grant_id, last.epoch
                ),
            ));
        }
        match self.boot.mode {
            Mode::Normal => None,
            Mode::NoApply => {
                Some((RefusalReason::NoApply, "the agent is in mode no-apply".to_owned()))
            }
        }
    }

    /// The offer is gone. What has begun goes on; what may have begun is reported as refused.
    pub(crate) fn withdraw(&mut self, now: BootTime, why: &str, out: &mut Vec<Output>) {
        match std::mem::replace(&mut self.life, Life::Idle) {
            Life::Idle => {}
            Life::Fetching(fetching) => {
                let grant_id = fetching.offer.grant_id;
                out.push(Output::Log(Fact::OfferDropped { grant_id, why: why.to_owned() }));
            }
            Life::Asking(mut asking) => match (&asking.step, asking.doubt) {
                (AskStep::InFlight { .. }, _) => {
                    asking.standing = Standing::Withdrawn;
                    self.life = Life::Asking(asking);
                }
                (AskStep::Waiting { .. }, Doubt::AnswerLost) => {
                    self.refuse(now, &asking.offer, (RefusalReason::Withdrawn, why), out);
                }
                (AskStep::Waiting { .. }, Doubt::None) => {
                    let grant_id = asking.offer.grant_id;
                    self.remember(&asking.offer.patch_set, |memory| memory.asking = None, out);
                    out.push(Output::Log(Fact::OfferDropped { grant_id, why: why.to_owned() }));
                }
            },
            live @ (Life::Applying(_) | Life::Soaking(_) | Life::Reverting(_)) => self.life = live,
        }
    }

    fn stands_again(&mut self) {
        if let Life::Asking(asking) = &mut self.life {
            asking.standing = Standing::Stands;
        }
    }
}

fn crashed(end: InsertEnd) -> bool {
    match end {
        InsertEnd::Crashed => true,
        InsertEnd::Soaked | InsertEnd::Failed | InsertEnd::Reverted => false,
    }
}
