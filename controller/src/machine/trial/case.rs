//! What may the judge look at? The books alone, or the books and the evidence.

use serde::{Deserialize, Serialize};
use tidegate_policies::credit::NoCredit;
use tidegate_policies::decide::{
    Case, CreditSeen, Inputs, Next, ProofSeen, Soaked, Verdict, decide, decide_silently, judge,
    judge_silently,
};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::{Membership, SliceId};
use tidegate_policies::detector::trail;
use tidegate_policies::policy::{Judgement, WhenFewer};
use tidegate_policies::proof::bound::{Group, MOST_HOSTS};
use tidegate_policies::proof::{self, ProofRule};
use tidegate_policies::time::Elapsed;

use super::Trial;
use super::facts::{borrowed, facts_of};
use crate::machine::Machine;
use crate::machine::fleet::{Facts, Host};
use crate::machine::rollouts::Rollout;

/// All that a verdict was computed from. Stored with it, so that it can be computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// The counts: the policy says nothing of evidence.
    Books(Box<Inputs>),
    /// The counts, the evidence, and what was earned.
    Evidence {
        /// What the judge looks at.
        case: Box<Case>,
        /// The newest failures that were evidence for the strongest finding, where it holds or halts.
        steps: Vec<trail::Step>,
    },
}

impl Basis {
    /// What was counted.
    pub const fn books(&self) -> &Inputs {
        match self {
            Self::Books(inputs) => inputs,
            Self::Evidence { case, .. } => &case.books,
        }
    }

    /// The verdict. Equal bases give equal verdicts, on every replica and every build.
    pub fn judge(&self) -> Verdict {
        match self {
            Self::Books(inputs) => decide(inputs),
            Self::Evidence { case, .. } => judge(case),
        }
    }

    /// The same without the sentences.
    pub fn judge_silently(&self) -> Verdict {
        match self {
            Self::Books(inputs) => decide_silently(inputs),
            Self::Evidence { case, .. } => judge_silently(case),
        }
    }

    /// Why a slice is what is bad, and the rest is not; `None` where the evidence does not say so.
    pub fn why_alone(&self, slice: SliceId) -> Option<String> {
        let Self::Evidence { case, .. } = self else { return None };
        let mut suspects = case.evidence.suspects.iter();
        let suspect = suspects.find(|suspect| suspect.slice == slice)?;
        Some(suspect.sentence(case.evidence.hold_at))
    }
}

impl Machine {
    /// What a decision on `rollout` may look at now; `None` before it has started.
    pub fn basis(&self, rollout: &Rollout) -> Option<Basis> {
        let books = self.inputs(rollout)?;
        let judged = rollout.policy.judgement.as_ref().zip(self.trial(rollout));
        let Some((judgement, trial)) = judged else { return Some(Basis::Books(Box::new(books))) };
        let slices = self.patch_sets.get(&rollout.version).map(|patch_set| patch_set.slices.iter());
        let halted: Vec<Cut> = slices.into_iter().flatten().map(|of| of.cut.clone()).collect();
        let case = Box::new(trial.case((rollout, &halted), judgement, books));
        Some(Basis::Evidence { case, steps: Vec::new() })
    }

    /// The same with the failures that the evidence was made from: what is stored.
    pub(in crate::machine) fn whole_basis(&self, rollout: &Rollout) -> Option<Basis> {
        let steps = self.trial(rollout).map(|trial| trial.detector.record().steps);
        Some(match self.basis(rollout)? {
            Basis::Evidence { case, .. } => {
                Basis::Evidence { case, steps: steps.unwrap_or_default() }
            }
            books @ Basis::Books(_) => books,
        })
    }

    /// The slices that a host with these facts is in: the whole alone where nothing is judged by evidence.
    pub fn slices_of(&self, rollout: &Rollout, facts: &Facts) -> Membership {
        let of = |trial: &Trial| trial.detector.slices().find(&borrowed(&facts_of(facts)));
        self.trial(rollout).map_or(Membership::WHOLE, of)
    }

    /// Whether credit lets `host` begin now, with so many others promised a place.
    ///
    /// # Errors
    ///
    /// [`NoCredit`], and the name of the slice that has none.
    pub(in crate::machine) fn credit_for(
        &self,
        rollout: &Rollout,
        host: &Host,
        (reserved, most): (u64, u64),
    ) -> Result<(), (NoCredit, String)> {
        let Some(trial) = self.trial(rollout) else { return Ok(()) };
        let slices = trial.detector.slices();
        let of_host = self.slices_of(rollout, &host.facts);
        let now = self.clock.elapsed;
        let room = trial.book.room(&trial.credit, (slices, &of_host), (reserved, most), now);
        room.map_err(|none| {
            let slice = match none {
                NoCredit::Cap { slice, .. } => slice,
                NoCredit::Rate { .. } => SliceId(0),
            };
            (none, slices.name(slice))
        })
    }
}

impl Trial {
    /// Whether these slices have credit for one more host, with so many promised a place in the whole cohort
    /// and so many in flight there at most.
    pub(in crate::machine) fn has_credit(
        &self,
        of_host: &Membership,
        promised: (u64, u64),
        now: Elapsed,
    ) -> bool {
        let slices = (self.detector.slices(), of_host);
        self.book.room(&self.credit, slices, promised, now).is_ok()
    }

    /// For how many more hosts the whole cohort has credit.
    pub(in crate::machine) fn credit_left(&self, promised: (u64, u64)) -> u64 {
        self.book.left(&self.credit, promised)
    }

    fn case(
        &self,
        (rollout, halted): (&Rollout, &[Cut]),
        judgement: &Judgement,
        books: Inputs,
    ) -> Case {
        let fleet = rollout.hosts();
        let most = books.in_flight_cap;
        let slice = self.book.tightest(&self.credit, self.detector.slices(), most);
        let name = self.detector.slices().name(slice);
        let credit = self.book.of(slice);
        let soaked = self.soaked(&books);
        let proof = match books.next {
            Next::Tier => Some(self.proof_seen((rollout, halted), judgement, (&books, soaked))),
            Next::Wave | Next::End => None,
        };
        Case {
            evidence: self.detector.inputs(),
            signatures: self.detector.signatures().ruling(judgement.signatures, fleet),
            silent_in_window: self.silences.count(),
            hold: self.hold,
            soaked,
            proof,
            credit: CreditSeen { slice, name, credit, rule: self.credit, most },
            books,
        }
    }

    /// What must be proven before the tier is left. A tier that is too small for it, and whose policy asks for
    /// every verified host of it instead, proves nothing.
    fn proof_seen(
        &self,
        (rollout, halted): (&Rollout, &[Cut]),
        judgement: &Judgement,
        (books, soaked): (&Inputs, Soaked),
    ) -> ProofSeen {
        let step = rollout.place.map_or(0, |place| place.stage);
        let (strata, strata_short) = self.strata_of(rollout, step + 1, halted);
        let wanted = books.gates.min_verified;
        let honest = ProofRule { liars: 0, ..judgement.proof };
        let seen = proof::Seen {
            treated: soaked.patched,
            control: soaked.sentinels,
            rule: judgement.proof,
            bound: proof::shown_by(wanted, honest),
        };
        // A tier smaller than the number that the policy asks for must verify every host instead.
        let too_small = books.tier_hosts.saturating_sub(books.tier_acknowledged_eligible) < wanted;
        let asked = match books.gates.when_fewer {
            WhenFewer::Hold => wanted > 0,
            WhenFewer::EveryHost => wanted > 0 && !too_small,
        };
        ProofSeen { seen: asked.then_some(seen), strata, strata_short }
    }

    /// Patched hosts of the tier whose outcome is known, and sentinels, each for as long as a patched host soaks.
    fn soaked(&self, books: &Inputs) -> Soaked {
        let failures = books.tier.all_failures();
        // Who fails after its soak has outlived the time that sentinels are compared over.
        let failed = failures.min(self.since.lost);
        let watched = (self.since.watched / books.gates.soak.0.max(1)).min(MOST_HOSTS);
        Soaked {
            patched: Group { hosts: books.tier.verified + failures, failed },
            sentinels: Group { hosts: watched, failed: self.since.failed.min(watched) },
        }
    }

    /// A person has resumed after a halt: new evidence, and credit from its start.
    pub(in crate::machine) fn renew(&mut self) {
        self.detector.renew();
        self.book.renew();
        self.silences.clear();
        self.hold = None;
    }
}
