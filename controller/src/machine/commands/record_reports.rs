//! `RecordReports`: a host says what became of it. Each report is counted once.

use std::collections::BTreeSet;

use tidegate_policies::detector::signatures::KernelEvidence;
use tidegate_policies::evidence::Failure;
use tidegate_policies::time::{Elapsed, Listened, Millis};

use crate::machine::absorb::may_become;
use crate::machine::command::RecordReports;
use crate::machine::event::Event;
use crate::machine::fleet::SpoolMark;
use crate::machine::grants::{Begun, Grant, Livepatch, Phase};
use crate::machine::hosts::Standing;
use crate::machine::ids::{GrantId, HostId};
use crate::machine::report::{Body, Disposition, Goodbye, Outcome as HostOutcome, Report, Started};
use crate::machine::{Machine, Outcome, Position, Rejection, Reply};

/// What a report means: what becomes of it, and what happened.
type Meaning = (Disposition, Vec<Event>);

/// Who reports.
struct Reporter {
    id: HostId,
    standing: Standing,
}

impl Machine {
    /// Records the reports one by one: each is decided on what those before it changed.
    pub(super) fn record_reports(
        &mut self,
        at: Position,
        batch: &RecordReports,
        events: &mut Vec<Event>,
    ) -> Outcome {
        self.reporter(batch.host)?;
        let mut results = Vec::new();
        for report in &batch.reports {
            let host = self.reporter(batch.host)?;
            if host.standing.has_counted(batch.spool, report.sequence) {
                results.push((report.sequence, self.again(&host, report)));
                continue;
            }
            let (disposition, decided) = self.meaning(&host, report);
            let mark = SpoolMark { spool: batch.spool, sequence: report.sequence };
            let tier = self.hosts().tier(&host.standing).ok_or_else(|| self.no_host(batch.host))?;
            let counted = Event::ReportCounted { host: batch.host, tier, mark };
            self.take(at, vec![counted], events);
            self.take(at, decided, events);
            results.push((report.sequence, disposition));
        }
        Ok(Reply::Reports(results))
    }

    fn reporter(&self, id: HostId) -> Result<Reporter, Rejection> {
        let standing = self.hosts().standing(id).ok_or_else(|| self.no_host(id))?;
        Ok(Reporter { id, standing })
    }

    /// What a report that was delivered before is answered. A soak that was not over then may be by now,
    /// and its report is spent: the host has to write a new one.
    fn again(&self, host: &Reporter, report: &Report) -> Disposition {
        let Body::Outcome { grant, outcome: HostOutcome::Soaked { .. } } = &report.body else {
            return Disposition::Counted;
        };
        let soaking = self.own_grant(host, *grant).ok().and_then(|grant| match &grant.phase {
            Phase::Applied { at, .. } if began_in(&grant, &report.boot) => {
                self.soak_ends(&grant, *at)
            }
            Phase::Applied { .. }
            | Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => None,
        });
        soaking.map_or(Disposition::Counted, |end| {
            let remaining = end.since(self.clock().elapsed).max(Millis(1));
            Disposition::NotYet { remaining }
        })
    }

    fn meaning(&self, host: &Reporter, report: &Report) -> Meaning {
        let mut meaning = match &report.body {
            Body::Started(started) => self.started(host, &report.boot, started),
            Body::Outcome { grant, outcome } => match self.own_grant(host, *grant) {
                Ok(grant) => self.outcome(&grant, &report.boot, outcome),
                Err(refused) => return (refused, Vec::new()),
            },
            Body::Health { grant, in_effect } => match self.own_grant(host, *grant) {
                Ok(grant) if began_in(&grant, &report.boot) => health(&grant, *in_effect),
                Ok(_) => stale(),
                Err(refused) => return (refused, Vec::new()),
            },
            Body::Goodbye(goodbye) => self.goodbye(host, &report.boot, *goodbye),
        };
        if meaning.1.is_empty() && host.standing.boot == report.boot {
            meaning.1.extend(self.heard(host.id));
        }
        meaning
    }

    fn own_grant(&self, host: &Reporter, id: GrantId) -> Result<Grant, Disposition> {
        self.grants().get(&id).filter(|grant| grant.host == host.id).ok_or_else(|| {
            Disposition::Refused {
                reason: "NOT_YOUR_GRANT".to_owned(),
                message: format!(
                    "grant {id} is not a grant of host {}: report on your own offer's grant only",
                    host.id
                ),
            }
        })
    }

    /// The agent started. In another boot, that ends what was in flight: nobody said goodbye.
    fn started(&self, host: &Reporter, boot: &str, started: &Started) -> Meaning {
        let rebooted = host.standing.boot != boot;
        let under_way = [host.standing.live_grant, started.interrupted].into_iter().flatten();
        let mut suspects: BTreeSet<GrantId> =
            under_way.filter(|id| rebooted && self.has_begun(*id)).collect();
        if suspects.is_empty() && rebooted && started.evidence.is_some() {
            // Nothing was under way: what had soaked is to blame, and only then.
            suspects.extend(self.soaked_in_known_boot(host));
        }
        let mut events: Vec<Event> = suspects
            .into_iter()
            .filter_map(|id| self.own_grant(host, id).ok())
            .flat_map(|grant| self.cut_short(&grant, boot, started.evidence.as_deref()))
            .collect();
        if rebooted && host.standing.goodbye.as_ref() != Some(&host.standing.boot) {
            events.extend(self.reboots_in_trials(host.id, started.evidence.as_deref(), &events));
        }
        if rebooted || host.standing.mode != started.mode || self.has_other_facts(host, started) {
            events.push(Event::HostChanged {
                host: host.id,
                facts: Box::new(started.facts.clone()),
                boot: boot.to_owned(),
                mode: started.mode,
            });
        }
        (Disposition::Counted, events)
    }

    /// What a new boot means for a grant that began in another. A goodbye or the end of the soak explains
    /// it, unless the kernel left evidence while the host's marker still named the grant.
    fn cut_short(&self, grant: &Grant, boot: &str, evidence: Option<&str>) -> Vec<Event> {
        let Some(begun) = grant.phase.begun().filter(|begun| begun.boot != boot) else {
            return Vec::new();
        };
        let unexplained = "the host rebooted without a goodbye, and left no kernel evidence";
        let detail = evidence.unwrap_or(unexplained).to_owned();
        let was_over = matches!(
            grant.phase,
            Phase::Refused { .. } | Phase::Soaked { .. } | Phase::Reverted { .. }
        );
        if was_over && evidence.is_none() {
            return Vec::new();
        }
        let trace = evidence.and_then(|words| self.trace_of(grant, words));
        let harm = Harm { trace, ..Harm::of(Failure::Crashed) };
        fail(grant, begun, harm, detail)
    }

    fn has_begun(&self, grant: GrantId) -> bool {
        self.grants().get(&grant).is_some_and(|grant| grant.phase.begun().is_some())
    }

    fn has_other_facts(&self, host: &Reporter, started: &Started) -> bool {
        self.hosts().get(&host.id).is_none_or(|host| host.facts != started.facts)
    }

    /// The newest grant that soaked in the boot that is known: what a crash after the soak speaks of.
    fn soaked_in_known_boot(&self, host: &Reporter) -> Option<GrantId> {
        let entries =
            self.rollouts().values().filter_map(|rollout| self.entries().get(rollout, host.id));
        let grants = entries.filter_map(|entry| self.grants().get(&entry.grant));
        let known = &host.standing.boot;
        let soaked = grants.filter(
            |grant| matches!(&grant.phase, Phase::Soaked { begun } if begun.boot == *known),
        );
        soaked.map(|grant| grant.id).max()
    }

    fn outcome(&self, grant: &Grant, boot: &str, outcome: &HostOutcome) -> Meaning {
        let failed = |harm: Harm, detail: String| match grant.phase.begun() {
            Some(begun) => settled(fail(grant, begun, harm, detail)),
            None => stale(),
        };
        let stalled = |waited| format!("the transition did not end within {waited}");
        match outcome {
            // Good news of another boot is no news: the livepatch was lost with the boot.
            HostOutcome::Applied { .. }
            | HostOutcome::Soaked { .. }
            | HostOutcome::Refused { .. }
            | HostOutcome::NotReverted { .. }
                if !began_in(grant, boot) =>
            {
                stale()
            }
            HostOutcome::Applied { .. } => self.patch_applied(grant),
            HostOutcome::Soaked { in_effect } => self.soak_over(grant, *in_effect),
            HostOutcome::Refused { detail } => refused(grant, detail),
            HostOutcome::ApplyFailed { detail } => {
                failed(Harm::gone(Failure::Failed), detail.clone())
            }
            HostOutcome::Degraded { detail } => failed(Harm::of(Failure::Failed), detail.clone()),
            HostOutcome::Reverted => match self.reverted(grant, boot) {
                Some(to) => settled(vec![moved(grant, to)]),
                None => {
                    let detail = "the livepatch was reverted on the host".to_owned();
                    failed(Harm::gone(Failure::Failed), detail)
                }
            },
            HostOutcome::NotReverted { detail } => match self.reboot_owed(grant, detail) {
                Some(owed) => settled(vec![owed]),
                None => stale(),
            },
            HostOutcome::Stalled { waited } => failed(Harm::of(Failure::Stalled), stalled(*waited)),
            HostOutcome::StalledAndReverted { waited } => {
                failed(Harm::gone(Failure::Stalled), stalled(*waited))
            }
            HostOutcome::Crashed { signature } => match grant.phase.begun() {
                Some(begun) => {
                    let trace = self.trace_of(grant, signature);
                    let harm = Harm { trace, ..Harm::of(Failure::Crashed) };
                    settled(fail(grant, begun, harm, signature.clone()))
                }
                None => stale(),
            },
        }
    }

    fn patch_applied(&self, grant: &Grant) -> Meaning {
        let at = self.clock().elapsed;
        let soak_ends = self.soak_ends(grant, at);
        match &grant.phase {
            Phase::Begun(begun) => {
                let silent_at = self.silent_at(grant).unwrap_or(begun.silent_at);
                let due = self.soak_due(grant).unwrap_or(begun.due);
                let begun = Begun { silent_at, due, ..begun.clone() };
                let to = Phase::Applied { begun, at };
                settled(vec![Event::GrantMoved { grant: grant.id, to, soak_ends }])
            }
            // Away, and back in the same boot: the ledger learns when it was applied.
            Phase::Failed {
                begun,
                failure: Failure::Silent,
                detail,
                applied: None,
                trace,
                livepatch,
            } => {
                let to = Phase::Failed {
                    begun: begun.clone(),
                    failure: Failure::Silent,
                    detail: detail.clone(),
                    applied: Some(at),
                    trace: *trace,
                    livepatch: *livepatch,
                };
                settled(vec![moved(grant, to)])
            }
            Phase::Offered { .. }
            | Phase::Applied { .. }
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => stale(),
        }
    }

    /// Verified only when the soak is over on the cluster's own clock, too.
    fn soak_over(&self, grant: &Grant, in_effect: bool) -> Meaning {
        let (Some(begun), Some(at)) = (grant.phase.begun(), grant.phase.applied_at()) else {
            return stale();
        };
        match &grant.phase {
            Phase::Applied { .. } | Phase::Failed { failure: Failure::Silent, .. } => (),
            Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => return stale(),
        }
        let (Some(end), now) = (self.soak_ends(grant, at), self.clock().elapsed) else {
            return stale();
        };
        if !in_effect {
            let detail = "at the end of the soak the livepatch is not enabled".to_owned();
            return settled(fail(grant, begun, Harm::of(Failure::Failed), detail));
        }
        if now < end {
            return (Disposition::NotYet { remaining: end.since(now) }, Vec::new());
        }
        let to = Phase::Soaked { begun: begun.clone() };
        settled(vec![Event::GrantMoved { grant: grant.id, to, soak_ends: None }])
    }

    /// When the host must have said that its soak is over.
    fn soak_due(&self, grant: &Grant) -> Option<Listened> {
        let rollout = self.rollouts().get(&grant.rollout)?;
        let soak = self.soak_of(grant)?;
        Some(self.clock().listened.after(rollout.policy.timing.soak_takes(soak)))
    }

    fn soak_ends(&self, grant: &Grant, applied: Elapsed) -> Option<Elapsed> {
        Some(applied.after(self.soak_of(grant)?))
    }

    /// A goodbye is no failure: the grant ends, and the host may have another when it is back.
    fn goodbye(&self, host: &Reporter, boot: &str, goodbye: Goodbye) -> Meaning {
        if host.standing.boot != boot {
            return stale();
        }
        let said = Event::GoodbyeSaid { host: host.id, boot: boot.to_owned() };
        let Some(grant) = host.standing.live_grant.and_then(|id| self.grants().get(&id)) else {
            return settled(vec![said]);
        };
        let detail = format!("the host said goodbye: {}", goodbye.word());
        let to = match &grant.phase {
            Phase::Offered { .. } => Phase::Withdrawn,
            Phase::Begun(begun) | Phase::Applied { begun, .. } => {
                let (begun, livepatch) = (Some(begun.clone()), Livepatch::MayRun);
                Phase::Refused { begun, detail, livepatch }
            }
            Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => return stale(),
        };
        settled(vec![said, Event::GrantMoved { grant: grant.id, to, soak_ends: None }])
    }
}

/// Whether a report of `boot` speaks of the boot in which the grant began, if it did.
fn began_in(grant: &Grant, boot: &str) -> bool {
    grant.phase.begun().is_none_or(|begun| begun.boot == boot)
}

/// The host did not apply, for reasons of its own.
fn refused(grant: &Grant, detail: &str) -> Meaning {
    let begun = match &grant.phase {
        Phase::Offered { .. } => None,
        Phase::Begun(begun) => Some(begun.clone()),
        Phase::Applied { .. }
        | Phase::Soaked { .. }
        | Phase::Expired
        | Phase::Withdrawn
        | Phase::Refused { .. }
        | Phase::Failed { .. }
        | Phase::Reverted { .. } => return stale(),
    };
    let to = Phase::Refused { begun, detail: detail.to_owned(), livepatch: Livepatch::Gone };
    settled(vec![moved(grant, to)])
}

fn health(grant: &Grant, in_effect: bool) -> Meaning {
    match &grant.phase {
        Phase::Applied { begun, .. } if !in_effect => {
            let detail = "while soaking the livepatch is not enabled any more".to_owned();
            settled(fail(grant, begun, Harm::of(Failure::Failed), detail))
        }
        Phase::Applied { .. } => settled(Vec::new()),
        Phase::Offered { .. }
        | Phase::Begun(_)
        | Phase::Soaked { .. }
        | Phase::Expired
        | Phase::Withdrawn
        | Phase::Refused { .. }
        | Phase::Failed { .. }
        | Phase::Reverted { .. } => stale(),
    }
}

/// How a grant goes wrong.
#[derive(Clone, Copy)]
struct Harm {
    failure: Failure,
    /// What the kernel left of it.
    trace: Option<KernelEvidence>,
    /// Whether the livepatch may run all the same.
    livepatch: Livepatch,
}

impl Harm {
    /// A failure that leaves the livepatch where it is.
    const fn of(failure: Failure) -> Self {
        Self { failure, trace: None, livepatch: Livepatch::MayRun }
    }

    /// A failure that leaves no livepatch.
    const fn gone(failure: Failure) -> Self {
        Self { livepatch: Livepatch::Gone, ..Self::of(failure) }
    }
}

/// The grant goes wrong, unless it has gone wrong as badly before.
fn fail(grant: &Grant, begun: &Begun, harm: Harm, detail: String) -> Vec<Event> {
    let Harm { failure, trace, livepatch } = harm;
    let may = match &grant.phase {
        Phase::Begun(_) | Phase::Applied { .. } => true,
        Phase::Failed { failure: before, .. } => may_become(*before, failure),
        // Whoever said goodbye and stayed, has soaked, or has reverted may still crash.
        Phase::Refused { begun: Some(_), .. } | Phase::Soaked { .. } | Phase::Reverted { .. } => {
            failure == Failure::Crashed
        }
        Phase::Offered { .. }
        | Phase::Expired
        | Phase::Withdrawn
        | Phase::Refused { begun: None, .. } => false,
    };
    let applied = grant.phase.applied_at();
    // What is gone comes back by another grant alone.
    let livepatch = if grant.phase.may_run().is_some() { livepatch } else { Livepatch::Gone };
    let to = Phase::Failed { begun: begun.clone(), failure, detail, applied, trace, livepatch };
    may.then(|| moved(grant, to)).into_iter().collect()
}

const fn moved(grant: &Grant, to: Phase) -> Event {
    Event::GrantMoved { grant: grant.id, to, soak_ends: None }
}

const fn settled(events: Vec<Event>) -> Meaning {
    (Disposition::Counted, events)
}

const fn stale() -> Meaning {
    (Disposition::Stale, Vec::new())
}
