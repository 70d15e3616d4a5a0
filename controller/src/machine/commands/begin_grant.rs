//! `BeginGrant`: a host asks to go, and is answered at this very index.
//!
//! A grant begins here and nowhere else. Asking again is decided afresh and changes no count.

use tidegate_policies::begin::NoRoom;
use tidegate_policies::decide::VerdictKind;
use tidegate_policies::time::Millis;

use super::Decided;
use crate::machine::command::BeginGrant;
use crate::machine::event::Event;
use crate::machine::fleet::Host;
use crate::machine::grants::{Begun, Grant, Phase};
use crate::machine::membership::{NoPart, artifact_for};
use crate::machine::patch_sets::PatchSet;
use crate::machine::reply::{Begin, NoGo, NoGoReason};
use crate::machine::rollouts::{Rollout, State};
use crate::machine::room::Full;
use crate::machine::withdrawals::Withdrawal;
use crate::machine::{Machine, Position, Reply};

/// Why a host may not go; `Ok` where it may.
type Look = Result<(), NoGo>;

impl Machine {
    pub(super) fn begin_grant(&self, at: Position, begin: &BeginGrant) -> Decided {
        let host = self.host(begin.host)?;
        let grant = self.grants().get(&begin.grant).filter(|grant| grant.host == begin.host);
        let parts = grant.as_ref().and_then(|grant| {
            let rollout = self.rollouts().get(&grant.rollout)?;
            let patch_set = self.patch_sets().get(&rollout.version)?;
            (patch_set.version == begin.version).then_some((grant, rollout, patch_set))
        });
        let Some((grant, rollout, patch_set)) = parts else {
            let what = format!("grant {} of {} is not this host's", begin.grant, begin.version);
            return Ok(no_go(never(NoGoReason::Withdrawn, what)));
        };
        let looked = stands(rollout, patch_set, begin)
            .and_then(|()| self.fits((rollout, patch_set), &host, (grant, begin)))
            .and_then(|()| self.phase_allows(rollout, &host, grant));
        match looked {
            Ok(begins) => {
                let lease = rollout.policy.timing.lease;
                let reply = Reply::Begin(Begin::Go { epoch: patch_set.epoch, lease });
                Ok((
                    reply,
                    begins.then(|| self.begun(at, rollout, grant, begin)).into_iter().collect(),
                ))
            }
            Err(no) => Ok(no_go(no)),
        }
    }

    /// The kernel that is known, the boot that is known, the tier's turn.
    fn fits(
        &self,
        (rollout, patch_set): (&Rollout, &PatchSet),
        host: &Host,
        (grant, begin): (&Grant, &BeginGrant),
    ) -> Look {
        if host.boot != begin.boot {
            let what =
                format!("the boot is {}, not {}: report the start first", host.boot, begin.boot);
            let retry_after = Some(Millis::from_secs(1));
            return Err(NoGo { reason: NoGoReason::BootChanged, message: what, retry_after });
        }
        let artifact = artifact_for(patch_set, host);
        if artifact.is_none_or(|artifact| artifact.digest != begin.digest) {
            let what = format!("{} is not the artifact for {}", begin.digest, host.facts.kernel);
            return Err(never(NoGoReason::ArtifactMismatch, what));
        }
        match self.part(rollout, host) {
            // It went to another tier since: where it begins is where it counts.
            Ok(part) if part.stage != grant.stage => {
                Err(never(NoGoReason::Withdrawn, "it is of another tier by now".to_owned()))
            }
            Ok(part) if part.has_its_turn(rollout) => self.it_is_time(rollout, part.stage),
            Ok(_) => Err(never(NoGoReason::Withdrawn, "it is not its tier's turn".to_owned())),
            Err(none @ NoPart::SliceHalted { .. }) => {
                Err(never(NoGoReason::Halted, none.words(host, rollout)))
            }
            Err(
                none @ (NoPart::NoApply
                | NoPart::NoArtifact
                | NoPart::TierNotInPolicy
                | NoPart::HeldBack { .. }
                | NoPart::TokenRevoked { .. }
                | NoPart::OutOfScope { .. }
                | NoPart::NotCovered { .. }),
            ) => Err(never(NoGoReason::Withdrawn, none.words(host, rollout))),
        }
    }

    /// The calendar lets hosts of this step begin.
    fn it_is_time(&self, rollout: &Rollout, step: usize) -> Look {
        let Some(gate) = self.closed(rollout, step) else { return Ok(()) };
        let retry_after = Some(rollout.policy.timing.beat);
        Err(NoGo { reason: NoGoReason::Closed, message: gate.detail, retry_after })
    }

    /// Whether the grant begins now (`true`), or began before and may still go (`false`).
    fn phase_allows(&self, rollout: &Rollout, host: &Host, grant: &Grant) -> Result<bool, NoGo> {
        let Some(basis) = self.basis(rollout) else {
            return Err(never(NoGoReason::Withdrawn, "the rollout has not started".to_owned()));
        };
        match &grant.phase {
            Phase::Offered { expires } if *expires <= self.clock().elapsed => {
                Err(never(NoGoReason::Expired, format!("the offer {} expired", grant.id)))
            }
            Phase::Offered { .. } => match self.room_to_begin(&basis, (rollout, host)) {
                Ok(()) => Ok(true),
                Err(full) => Err(no_room(&full, rollout)),
            },
            Phase::Begun(_) => match basis.judge_silently().kind {
                VerdictKind::Continue | VerdictKind::Promote => Ok(false),
                kind @ (VerdictKind::Hold | VerdictKind::Halt) => {
                    Err(no_room(&Full::Books(NoRoom::Verdict(kind)), rollout))
                }
            },
            phase @ (Phase::Applied { .. }
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. }) => {
                let what = format!("grant {} is over: {}", grant.id, phase.word());
                Err(never(NoGoReason::Withdrawn, what))
            }
        }
    }

    fn begun(&self, at: Position, rollout: &Rollout, grant: &Grant, begin: &BeginGrant) -> Event {
        let clock = self.clock();
        let begun = Begun {
            index: at.index,
            at: clock.elapsed,
            boot: begin.boot.as_str().into(),
            silent_at: clock.listened.after(rollout.policy.timing.silent_after()),
            due: clock.listened.after(rollout.policy.timing.apply_takes()),
        };
        Event::GrantMoved { grant: grant.id, to: Phase::Begun(begun), soak_ends: None }
    }
}

/// The rollout lets hosts begin, and the offer is of its epoch.
fn stands(rollout: &Rollout, patch_set: &PatchSet, begin: &BeginGrant) -> Look {
    if let Some(Withdrawal { actor, reason, .. }) = &patch_set.withdrawn {
        let what = format!("{actor} withdrew {}: {reason}", patch_set.version);
        return Err(never(NoGoReason::Withdrawn, what));
    }
    if let Some(halt) = &patch_set.halt {
        let what = format!("a halt stands on {}: {}", patch_set.version, halt.reason);
        return Err(never(NoGoReason::Halted, what));
    }
    if begin.epoch != patch_set.epoch {
        let what = format!("the offer is of epoch {}, now is {}", begin.epoch, patch_set.epoch);
        return Err(never(NoGoReason::StaleEpoch, what));
    }
    match rollout.state {
        State::Running | State::Completed => Ok(()),
        State::Paused => Err(NoGo {
            reason: NoGoReason::Paused,
            message: format!("the rollout {} is paused", rollout.id),
            retry_after: Some(rollout.policy.timing.beat),
        }),
        State::Draft
        | State::Halted
        | State::Superseded
        | State::RollingBack
        | State::RolledBack => {
            Err(never(NoGoReason::Halted, format!("the rollout {} does not run", rollout.id)))
        }
    }
}

fn no_room(full: &Full, rollout: &Rollout) -> NoGo {
    let (reason, message) = match full {
        Full::Books(NoRoom::Verdict(_)) => {
            (NoGoReason::Held, format!("the judge holds the rollout {}", rollout.id))
        }
        Full::NotStarted
        | Full::Books(NoRoom::ExposureBudget { .. } | NoRoom::InFlight { .. })
        | Full::Credit { .. }
        | Full::Limited(_) => (NoGoReason::Budget, full.words()),
    };
    NoGo { reason, message, retry_after: Some(rollout.policy.timing.beat) }
}

const fn never(reason: NoGoReason, message: String) -> NoGo {
    NoGo { reason, message, retry_after: None }
}

fn no_go(no: NoGo) -> (Reply, Vec<Event>) {
    (Reply::Begin(Begin::NoGo(no)), Vec::new())
}
