//! Approvals, haste, and what waits for a second person, in and out.

use tidegate_proto::v1 as pb;

use super::check::{bounded, resource};
use super::rollout::{MAX_REASON_BYTES, id, with_reason};
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::{ApproveWave, OfProposal, SupersedeRollout, WithReason};
use crate::machine::proposals::Proposal;
use crate::machine::rollouts::{Approval, Expedited, Rollout};

/// A wave to approve.
///
/// # Errors
///
/// [`BadField`].
pub fn approve(request: &pb::ApproveRolloutRequest) -> Result<ApproveWave, BadField> {
    let from_tier = match request.from_tier.as_str() {
        "" => None,
        tier => Some(resource("from_tier", "tiers", tier)?),
    };
    Ok(ApproveWave {
        rollout: id(&request.name)?,
        remark: bounded("remark", &request.remark, MAX_REASON_BYTES)?,
        from_tier,
        from_wave: Some(request.from_wave).filter(|&wave| wave > 0),
    })
}

/// A rollout to expedite.
///
/// # Errors
///
/// [`BadField`].
pub fn expedite(request: &pb::ExpediteRolloutRequest) -> Result<WithReason, BadField> {
    with_reason(&request.name, &request.reason)
}

/// A rollout whose place another one takes.
///
/// # Errors
///
/// [`BadField`].
pub fn supersede(request: &pb::SupersedeRolloutRequest) -> Result<SupersedeRollout, BadField> {
    Ok(SupersedeRollout {
        rollout: id(&request.name)?,
        by: resource("by", "rollouts", &request.by)?,
        reason: bounded("reason", &request.reason, MAX_REASON_BYTES)?,
    })
}

/// A proposal and a word on it.
///
/// # Errors
///
/// [`BadField`].
pub fn of_proposal(name: &str, remark: &str) -> Result<OfProposal, BadField> {
    let number = name.strip_prefix("proposals/").and_then(|number| number.parse().ok());
    let number =
        number.ok_or_else(|| BadField::new("name", name, "is not of the form `proposals/3`"));
    Ok(OfProposal { number: number?, remark: bounded("remark", remark, MAX_REASON_BYTES)? })
}

/// What people said of a rollout; the rest of it is left out.
pub fn of_rollout(machine: &Machine, of: &Rollout) -> pb::Rollout {
    let proposals = machine.proposals().open.values().filter(|proposal| proposal.rollout == of.id);
    let by = of.superseded_by.as_ref();
    pb::Rollout {
        author: of.author.clone(),
        approvals: of.approvals.iter().map(approval).collect(),
        approvals_needed: of.policy.people.approvals,
        expedited: of.expedited.as_ref().map(expedited),
        superseded_by: by.map_or_else(String::new, |by| format!("rollouts/{by}")),
        proposals: proposals.map(|of| proposal(machine, of)).collect(),
        proven: proven(of),
        ..pb::Rollout::default()
    }
}

fn approval(approval: &Approval) -> pb::Approval {
    pb::Approval {
        actor: approval.actor.clone(),
        remark: approval.remark.clone(),
        time: Some(timestamp(approval.at)),
    }
}

fn expedited(of: &Expedited) -> pb::Expedited {
    pb::Expedited {
        actor: of.actor.clone(),
        reason: of.reason.clone(),
        log_index: of.index,
        time: Some(timestamp(of.at)),
    }
}

fn proven(of: &Rollout) -> Vec<pb::Proven> {
    let soak_ms = of.policy.proven.map_or(0, |rule| rule.soak.0);
    let proven = of.proven.iter().map(|(kernel, by)| pb::Proven {
        kernel: kernel.to_string(),
        rollout: format!("rollouts/{by}"),
        soak_ms,
    });
    proven.collect()
}

/// A proposal for the wire.
pub fn proposal(machine: &Machine, of: &Proposal) -> pb::Proposal {
    pb::Proposal {
        name: format!("proposals/{}", of.number),
        rollout: format!("rollouts/{}", of.rollout),
        action: of.words(),
        actor: of.actor.clone(),
        time: Some(timestamp(of.at)),
        lapses_in_ms: of.until.since(machine.clock().elapsed).0,
    }
}
