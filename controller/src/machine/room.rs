//! Is there room for one more host? The judge, the budget, the cap and the credit, in this order.

use tidegate_policies::begin::{NoRoom, room_by};
use tidegate_policies::credit::NoCredit;
use tidegate_policies::decide::{Inputs, VerdictKind, decide_silently};
use tidegate_policies::detector::slices::{Membership, SliceId};
use tidegate_policies::limits::Limited;
use tidegate_policies::time::Elapsed;

use super::Machine;
use super::fleet::Host;
use super::rollouts::Rollout;
use super::trial::{Basis, Trial};

/// Why a host may not begin now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The rollout has not started.
    NotStarted,
    /// The judge, the budget or the cap.
    Books(NoRoom),
    /// Its credit.
    Credit {
        /// What is missing.
        none: NoCredit,
        /// The name of the slice that it is missing in.
        slice: String,
    },
    /// A limit of the policy: its zone, its rack, the hour.
    Limited(Limited),
}

/// That there is room, as far as the judge, the budget, the cap and the credit of all go.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// For how many hosts at most.
    pub hosts: u64,
    trial: Option<&'a Trial>,
    promised: (u64, u64),
    now: Elapsed,
}

impl Room<'_> {
    /// Whether the slices of a host have credit too.
    pub fn takes(&self, of_host: &Membership) -> bool {
        self.trial.is_none_or(|trial| trial.has_credit(of_host, self.promised, self.now))
    }
}

impl Full {
    /// Whether a host of another slice, zone or rack might begin.
    pub(super) fn is_of_slice(&self) -> bool {
        let whole = SliceId(0);
        match self {
            Self::Credit { none: NoCredit::Cap { slice, .. }, .. } => *slice != whole,
            Self::Limited(Limited::AtOnce { .. } | Limited::Per { .. }) => true,
            Self::Limited(Limited::Rate { .. })
            | Self::Credit { none: NoCredit::Rate { .. }, .. }
            | Self::NotStarted
            | Self::Books(_) => false,
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::NotStarted => "the rollout has not started".to_owned(),
            Self::Books(NoRoom::Verdict(_)) => "the judge holds the rollout".to_owned(),
            Self::Books(NoRoom::ExposureBudget { exposed, budget }) => {
                format!("{exposed} of at most {budget} hosts are exposed")
            }
            Self::Books(NoRoom::InFlight { in_flight, cap }) => {
                format!("{in_flight} of at most {cap} hosts are in flight")
            }
            Self::Credit { none: NoCredit::Cap { in_flight, cap, .. }, slice } => format!(
                "{in_flight} hosts of {slice} are in flight or promised a place, and those before them \
                 earned {cap}"
            ),
            Self::Credit { none: NoCredit::Rate { begun, most }, .. } => {
                format!("{begun} hosts began in this minute, of at most {most}")
            }
            Self::Limited(limited) => limited.to_string(),
        }
    }
}

impl Machine {
    /// Whether a host of `rollout` may have an offer now, with those that are offered reserved a place, so
    /// that a begin seldom finds the room gone; `None`: nobody may.
    pub fn room(&self, rollout: &Rollout) -> Option<Room<'_>> {
        let reserved = rollout.counts.offered;
        let inputs = self.inputs(rollout)?;
        let hosts = room_by(self.kind_at_a_glance(rollout, &inputs), &inputs, reserved).ok()?;
        let (trial, promised) = (self.trial(rollout), (reserved, inputs.in_flight_cap));
        let credit = trial.map_or(hosts, |trial| trial.credit_left(promised));
        let now = self.clock.elapsed;
        let room = Room { hosts: hosts.min(credit), trial, promised, now };
        room.takes(&Membership::WHOLE).then_some(room)
    }

    /// Whether `host` may have an offer now, with those that are offered reserved a place.
    pub(super) fn room_to_offer(&self, rollout: &Rollout, host: &Host) -> Result<(), Full> {
        let inputs = self.inputs(rollout).ok_or(Full::NotStarted)?;
        let kind = self.kind_at_a_glance(rollout, &inputs);
        self.room_under(kind, &inputs, (rollout, host), rollout.counts.offered)
    }

    /// Whether `host` may begin now.
    pub(super) fn room_to_begin(
        &self,
        basis: &Basis,
        (rollout, host): (&Rollout, &Host),
    ) -> Result<(), Full> {
        self.room_under(basis.judge_silently().kind, basis.books(), (rollout, host), 0)
    }

    fn room_under(
        &self,
        kind: VerdictKind,
        books: &Inputs,
        (rollout, host): (&Rollout, &Host),
        reserved: u64,
    ) -> Result<(), Full> {
        room_by(kind, books, reserved).map_err(Full::Books)?;
        let credit = self.credit_for(rollout, host, (reserved, books.in_flight_cap));
        credit.map_err(|(none, slice)| Full::Credit { none, slice })?;
        self.limited(rollout, host).map_err(Full::Limited)
    }

    /// The verdict's kind. Of a trial the recorded one, which is that of now: each entry that can change it
    /// is judged at its end.
    fn kind_at_a_glance(&self, rollout: &Rollout, inputs: &Inputs) -> VerdictKind {
        if self.trial(rollout).is_none() {
            return decide_silently(inputs).kind;
        }
        let reached = rollout.verdict.as_ref();
        reached.map_or(VerdictKind::Hold, |reached| reached.verdict.kind)
    }
}
