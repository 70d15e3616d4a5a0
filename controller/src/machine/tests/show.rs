//! How does a transcript say what a command was answered and did?

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::time::Elapsed;

use crate::machine::entitlement_event::EntitlementEvent;
use crate::machine::event::Event;
use crate::machine::fleet::Mode;
use crate::machine::grants::{Grant, Phase};
use crate::machine::ids::{GrantId, RolloutId};
use crate::machine::patch_sets::KernelKey;
use crate::machine::people_event::PeopleEvent;
use crate::machine::reply::Begin;
use crate::machine::report::Disposition;
use crate::machine::rollouts::Reached;
use crate::machine::trial::{HoldMove, TrialMove};
use crate::machine::withdrawal_event::WithdrawalEvent;
use crate::machine::{Applied, Outcome, Reply};

use super::world::{World, name};

/// The answer and the events of the entry that was applied last, in compact words.
pub(super) fn show(world: &World, applied: &Applied) -> String {
    let mut words = vec![answer(&applied.outcome)];
    words.extend(applied.events.iter().filter_map(|event| event_words(world, event)));
    words.join("; ")
}

fn answer(outcome: &Outcome) -> String {
    match outcome {
        Err(rejection) => rejection.reason().to_owned(),
        Ok(Reply::Begin(Begin::Go { epoch, lease })) => format!("go, epoch {epoch}, lease {lease}"),
        Ok(Reply::Begin(Begin::NoGo(no))) => {
            let retry =
                no.retry_after.map_or_else(|| "never".to_owned(), |after| format!("in {after}"));
            format!("no-go {:?}, again {retry}", no.reason)
        }
        Ok(Reply::Reports(results)) => {
            let words: Vec<String> = results.iter().map(|(_, what)| disposition(what)).collect();
            words.join(" ")
        }
        Ok(Reply::Host { host, tier }) => format!("{} in {tier}", name(*host)),
        Ok(Reply::Proposed { number, .. }) => format!("proposed as {number}"),
        Ok(Reply::Evicted { host, token, counted_silent }) => {
            format!("{} leaves {token}, silent {counted_silent}", name(*host))
        }
        Ok(Reply::Done | Reply::Token(_) | Reply::PatchSet(_) | Reply::Rollout(_)) => "ok".into(),
    }
}

fn disposition(what: &Disposition) -> String {
    match what {
        Disposition::Counted => "counted".to_owned(),
        Disposition::Stale => "stale".to_owned(),
        Disposition::NotYet { remaining } => format!("not-yet({remaining})"),
        Disposition::Refused { reason, .. } => format!("refused({reason})"),
    }
}

fn event_words(world: &World, event: &Event) -> Option<String> {
    Some(match event {
        Event::ClockAdvanced(_)
        | Event::BlobStored(_)
        | Event::GoodbyeSaid { .. }
        | Event::ReportCounted { .. } => return None,
        Event::ClusterBootstrapped(_) => "bootstrapped".to_owned(),
        Event::Cluster(event) => super::cluster_words::show(event),
        Event::Calendar(event) => super::calendar_words::show(event),
        Event::TokenCreated { token, .. } => format!("token {} of {}", token.id, token.tier),
        Event::PatchSetPublished { patch_set, .. } => format!("published {}", patch_set.version),
        Event::RolloutCreated { rollout, .. } => format!("drafted {}", rollout.id),
        Event::HostEnrolled(host) => {
            format!("{} enrolled with {} in {}", name(host.id), host.token, host.tier)
        }
        Event::Entitlement(event) => entitlement_words(event),
        Event::Incident(event) => super::incidents::show(event),
        Event::Block(event) => super::blocks::show(event),
        Event::Webhook(event) => super::webhooks::show(event),
        Event::HostChanged { host, facts, boot, mode } => {
            let mode = if *mode == Mode::NoApply { ", no-apply" } else { "" };
            format!("{} runs {} in {boot}{mode}", name(*host), facts.kernel.release)
        }
        Event::RolloutStarted { rollout, drawn, proven, .. } => {
            let drawn: Vec<String> = drawn.values().flatten().map(|&host| name(host)).collect();
            let by = |(kernel, by): (&KernelKey, &RolloutId)| format!(", {kernel} proven by {by}");
            let proven: String = proven.iter().map(by).collect();
            format!("started {rollout}, drawn [{}]{proven}", drawn.join(" "))
        }
        Event::WaveStarted { label, actor, reason, .. } => format!("{label} by {actor}: {reason}"),
        Event::RolloutCompleted { rollout, actor, reason } => {
            format!("completed {rollout} by {actor}: {reason}")
        }
        Event::RolloutPaused { rollout, .. } => format!("paused {rollout}"),
        Event::RolloutResumed { rollout, acknowledged, .. } => {
            let hosts: Vec<String> = acknowledged.iter().map(|&host| name(host)).collect();
            format!("resumed {rollout}, acknowledged [{}]", hosts.join(" "))
        }
        Event::People(event) => people_words(event),
        Event::WaveApproved { actor, .. } => format!("approved by {actor}"),
        Event::Halted { rollout, halt } => {
            format!("HALT {rollout} by {}, epoch {}: {}", halt.actor, halt.epoch, halt.reason)
        }
        Event::SliceHalted { rollout, slice } => {
            let (cut, halt) = (&slice.cut, &slice.halt);
            format!("HALT {rollout} {cut} alone by {}: {}", halt.actor, halt.reason)
        }
        Event::SliceResumed { rollout, rejoined } => {
            let hosts: Vec<String> = rejoined.acknowledged.iter().map(|&host| name(host)).collect();
            format!("resumed {rollout} {}, acknowledged [{}]", rejoined.cut, hosts.join(" "))
        }
        Event::Withdrawal(event) => withdrawal_words(event),
        Event::GrantOffered(Grant { id, host, epoch, .. }) => {
            format!("g{id} offered to {}, epoch {epoch}", name(*host))
        }
        Event::GrantMoved { grant, to, soak_ends } => moved(world, *grant, to, *soak_ends),
        Event::Trial { moved, .. } => return trial_words(moved),
        Event::HoldMoved { moved, .. } => match moved {
            HoldMove::Began(_) => "the evidence holds".to_owned(),
            HoldMove::Ended => "the evidence holds no more".to_owned(),
            HoldMove::Released => "the hold is released to try again".to_owned(),
        },
        Event::VerdictReached { reached, .. } => verdict_words(reached),
    })
}

fn verdict_words(reached: &Reached) -> String {
    let waits = reached.verdict.waiting_on();
    let waits = waits.map_or(String::new(), |gate| format!(" ({})", gate.name.as_str()));
    let word = match reached.verdict.kind {
        VerdictKind::Continue => "continue",
        VerdictKind::Promote => "promote",
        VerdictKind::Hold => "hold",
        VerdictKind::Halt => "halt",
    };
    format!("verdict {word}{waits}")
}

fn withdrawal_words(event: &WithdrawalEvent) -> String {
    match event {
        WithdrawalEvent::Withdrawn { version, withdrawal } => {
            let (actor, epoch, reason) = (&withdrawal.actor, withdrawal.epoch, &withdrawal.reason);
            format!("WITHDRAWN {version} by {actor}, epoch {epoch}: {reason}")
        }
        WithdrawalEvent::RollbackStarted { rollout, .. } => format!("{rollout} rolls back"),
        WithdrawalEvent::RolledBack { rollout } => format!("{rollout} is rolled back"),
        WithdrawalEvent::RebootOwed { version, host, .. } => {
            format!("{} owes a reboot for {version}", name(*host))
        }
    }
}

/// A trial's move; that a host is heard, or not, is said of nobody.
fn trial_words(moved: &TrialMove) -> Option<String> {
    Some(match moved {
        TrialMove::Heard(_) | TrialMove::Unheard { .. } => return None,
        TrialMove::Failed { host, symptom, .. } => {
            format!("{} failed unoffered: {symptom:?}", name(*host))
        }
        TrialMove::Left(host) => format!("{} left the trial", name(*host)),
        TrialMove::Excused { host, .. } => format!("{} excused", name(*host)),
        TrialMove::Outlived(host, window) => format!("{} outlived {}", name(*host), window.word()),
        TrialMove::Disrupted(_) => "a domain is deaf".to_owned(),
        TrialMove::Recovered(_) => "a domain is heard again".to_owned(),
    })
}

/// A grant's move; one that only runs its dead-man timer anew is `heard`.
fn moved(world: &World, id: GrantId, to: &Phase, soak_ends: Option<Elapsed>) -> String {
    let grant = world.machine.grants().get(&id);
    let host = grant.map_or(String::new(), |grant| format!(" of {}", name(grant.host)));
    let began_before = matches!(to, Phase::Begun(begun) if begun.index != world.machine.applied());
    let applied_before = matches!(to, Phase::Applied { .. }) && soak_ends.is_none();
    let word = if began_before || applied_before { "heard" } else { to.word() };
    let detail = to.detail();
    let colon = if detail.is_empty() { "" } else { ": " };
    format!("g{id}{host} {word}{colon}{detail}")
}

fn entitlement_words(event: &EntitlementEvent) -> String {
    match event {
        EntitlementEvent::TokenUpdated { token, max_hosts, expires, enrolled, .. } => {
            let until = expires.map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
            format!("token {token}: {enrolled} of {max_hosts}, {until}")
        }
        EntitlementEvent::TokenRevoked { token, revocation, .. } => {
            format!("REVOKED {token} by {}: {}", revocation.actor, revocation.reason)
        }
        EntitlementEvent::HostMoved { host, from, token, tier, .. } => {
            format!("{} from {from} to {token} in {tier}", name(*host))
        }
        EntitlementEvent::HostEvicted { host, eviction, .. } => {
            format!("EVICTED {} by {}: {}", name(*host), eviction.actor, eviction.reason)
        }
    }
}

fn people_words(event: &PeopleEvent) -> String {
    match event {
        PeopleEvent::Proposed(of) => format!("proposal {}: {}", of.number, of.words()),
        PeopleEvent::Agreed { proposal, actor, .. } => {
            format!("{actor} agrees to {}", proposal.number)
        }
        PeopleEvent::Rejected { proposal, actor, .. } => {
            format!("{actor} rejects {}", proposal.number)
        }
        PeopleEvent::Lapsed(of) => format!("proposal {} lapsed", of.number),
        PeopleEvent::Overtaken { proposal, why } => {
            format!("proposal {} overtaken: {why}", proposal.number)
        }
        PeopleEvent::Expedited { rollout, expedited } => {
            format!("expedited {rollout} by {}: {}", expedited.actor, expedited.reason)
        }
        PeopleEvent::Superseded { rollout, by, .. } => format!("{by} supersedes {rollout}"),
    }
}
