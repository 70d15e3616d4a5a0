//! Is anything broken? Looks at every command, whatever a test is about.

use std::collections::BTreeSet;

use tidegate_policies::coverage::{Day, Line};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::evidence::Class;
use tidegate_policies::schedule::Window;

use crate::machine::calendar::HeldBack;
use crate::machine::command::{Command, Tick};
use crate::machine::event::Event;
use crate::machine::fleet::Host;
use crate::machine::grants::{Grant, Phase};
use crate::machine::ids::{HostId, RolloutId, Version};
use crate::machine::reply::Begin;
use crate::machine::rollouts::{Rollout, State};
use crate::machine::slices::is_inside;
use crate::machine::withdrawal_event::WithdrawalEvent;
use crate::machine::{Applied, Machine, Position, Reply};

use super::books::books_balance;
use super::cluster_books::{cluster_goes_on, cluster_holds};

/// What is remembered between commands, apart from the machine.
#[derive(Default)]
pub(super) struct Watch {
    /// Patch sets that are halted, by the events alone.
    halted: BTreeSet<Version>,
    /// Slices that are, likewise.
    slices: BTreeSet<(Version, Cut)>,
    /// Patch sets that are withdrawn, likewise: nothing lifts that.
    withdrawn: BTreeSet<Version>,
}

/// One command: the state before, what it did, the state after.
pub(super) struct Step<'a> {
    pub(super) before: &'a Machine,
    pub(super) at: Position,
    pub(super) command: &'a Command,
    pub(super) applied: &'a Applied,
    pub(super) after: &'a Machine,
}

impl Watch {
    /// Looks at one command.
    pub(super) fn look(&mut self, step: &Step<'_>) {
        let Step { before, at, command, applied, after } = *step;
        // Recounting a large fleet takes long.
        if after.hosts.len() <= 40 || at.index % 64 == 0 {
            books_balance(after);
        }
        self.withdrawn_stays(after);
        cluster_goes_on(before, after);
        limits_hold(before, after);
        assert!(after.records.first_broken().is_none(), "the chain of records is broken");
        if applied.outcome.is_err() {
            let untouched = Machine { applied: at.index, ..before.clone() };
            assert!(untouched == *after, "a refused command changed the state");
            assert_eq!(untouched.state_hash(), after.state_hash());
            assert!(applied.events.is_empty(), "a refused command had events");
        }
        if let (Ok(Reply::Begin(Begin::Go { .. })), Command::BeginGrant(begin)) =
            (&applied.outcome, command)
        {
            assert!(!self.halted.contains(&begin.version), "go in spite of a halt");
            assert!(!self.withdrawn.contains(&begin.version), "go of what was withdrawn");
            assert!(!self.is_shut_out(before, &begin.version, begin.host), "go in a halted slice");
        }
        for event in &applied.events {
            self.look_at_event(step, event);
            if let (Event::GrantOffered(grant), Command::Tick(tick)) = (event, command) {
                offered_rightly(before, grant, tick, after);
            }
        }
    }

    /// Looks at what a restore left: nothing lets a host begin.
    pub(super) fn look_at_restore(&self, after: &Machine) {
        books_balance(after);
        cluster_holds(after);
        assert!(after.records.first_broken().is_none(), "the chain of records is broken");
        assert!(after.grants.expiries().is_empty(), "an offer outlived a restore");
        let goes_on =
            |rollout: &&Rollout| matches!(rollout.state, State::Running | State::Completed);
        let running = after.rollouts.values().find(goes_on).map(|rollout| &rollout.id);
        assert_eq!(running, None, "a rollout goes on after a restore");
    }

    fn look_at_event(&mut self, step: &Step<'_>, event: &Event) {
        let Step { before, at, after, .. } = *step;
        let version = |rollout: &RolloutId| after.rollouts[rollout].version.clone();
        if let Event::GrantMoved { grant, to: Phase::Begun(begun), .. } = event
            && begun.index == at.index
        {
            let rollout = &before.rollouts[&after.grants.get(grant).unwrap().rollout];
            assert!(!self.halted.contains(&rollout.version), "a begin after a halt");
            assert!(!self.withdrawn.contains(&rollout.version), "a begin after a withdrawal");
            let host = after.grants.get(grant).unwrap().host;
            assert!(!self.is_shut_out(before, &rollout.version, host), "a begin in a halted slice");
            leaves_room(before, rollout);
            in_its_time(before, rollout, host);
        }
        if let Event::GrantOffered(Grant { rollout, .. })
        | Event::WaveStarted { rollout, .. }
        | Event::RolloutCompleted { rollout, .. } = event
        {
            assert!(!self.halted.contains(&version(rollout)), "{event:?} after a halt");
        }
        if let Event::GrantOffered(Grant { rollout, .. })
        | Event::WaveStarted { rollout, .. }
        | Event::RolloutStarted { rollout, .. }
        | Event::RolloutResumed { rollout, .. }
        | Event::RolloutCompleted { rollout, .. } = event
        {
            assert!(!self.withdrawn.contains(&version(rollout)), "{event:?} after a withdrawal");
        }
        if let Event::Withdrawal(WithdrawalEvent::Withdrawn { version, .. }) = event {
            self.withdrawn.insert(version.clone());
        }
        if let Event::Halted { rollout, .. } = event {
            self.halted.insert(version(rollout));
        }
        if let Event::RolloutResumed { rollout, .. } = event
            && after.patch_sets[&version(rollout)].halt.is_none()
        {
            self.halted.remove(&version(rollout));
        }
        if let Event::SliceHalted { rollout, slice } = event {
            self.slices.insert((version(rollout), slice.cut.clone()));
        }
        if let Event::SliceResumed { rollout, rejoined } = event {
            let version = version(rollout);
            self.slices.retain(|(of, cut)| *of != version || !rejoined.cut.covers(cut));
        }
        if let Event::GrantOffered(grant) = event {
            let version = version(&grant.rollout);
            assert!(!self.is_shut_out(after, &version, grant.host), "an offer in a halted slice");
        }
        if let Event::VerdictReached { reached, .. } = event {
            assert_eq!(reached.basis.judge(), reached.verdict, "a verdict of its inputs");
        }
    }
}

impl Watch {
    /// What was withdrawn stays so, and nothing of it stands on offer.
    fn withdrawn_stays(&self, machine: &Machine) {
        for version in &self.withdrawn {
            assert!(machine.patch_sets[version].withdrawn.is_some(), "{version} came back");
            let rollouts = machine.rollouts.values().filter(|of| of.version == *version);
            for rollout in rollouts {
                assert_eq!(rollout.counts.offered, 0, "{} has offers", rollout.id);
                let goes_on =
                    matches!(rollout.state, State::Running | State::Paused | State::Completed);
                assert!(!goes_on, "{} is {:?}", rollout.id, rollout.state);
            }
        }
    }

    fn is_shut_out(&self, machine: &Machine, version: &Version, host: HostId) -> bool {
        let Some(host) = machine.hosts.get(&host) else { return false };
        self.slices.iter().any(|(of, cut)| of == version && is_inside(cut, &host.facts))
    }
}

/// I6: whatever takes a place under a token finds one free. A limit may fall below what is enrolled. Nobody comes
/// under a token that was taken back, or whose time is over.
fn limits_hold(before: &Machine, after: &Machine) {
    for token in after.tokens.values() {
        let known = before.tokens.get(&token.id);
        let had = known.map_or(0, |token| token.enrolled);
        if token.enrolled > had {
            assert!(token.enrolled <= token.max_hosts, "{} is over its limit", token.id);
            assert_eq!(token.revoked, None, "{} was revoked and has hosts more", token.id);
            let in_time = token.expires.is_none_or(|at| at > after.clock.wall);
            assert!(in_time, "{} has expired and has hosts more", token.id);
        }
    }
}

/// I3, from what was declared: the tier's windows as this build computes them, freezes, dates and holdbacks.
fn in_its_time(before: &Machine, rollout: &Rollout, host: HostId) {
    let (wall, calendar) = (before.clock.wall, before.calendar());
    let host = before.hosts.get(&host).unwrap();
    let stage = before.part(rollout, &host).expect("it has a part").stage;
    let tier = rollout.policy.ladder[stage].tier.as_str();
    let published = before.patch_sets[&rollout.version].published;
    covered(before, &host);
    assert!(rollout.start_at.is_none_or(|at| at <= wall), "a begin before the start");
    for freeze in calendar.freezes.values() {
        let other = freeze.tier.as_ref().is_some_and(|of| of.as_str() != tier);
        assert!(other || freeze.until.is_some_and(|until| until <= wall), "a begin in a freeze");
    }
    let of_host = [HeldBack::Token(host.token.clone()), HeldBack::Host(host.id)];
    let holdbacks = of_host.iter().filter_map(|of| calendar.holdbacks.get(of));
    for holdback in holdbacks.chain(calendar.rules(tier).map(|rules| &rules.holdback)) {
        assert!(holdback.cutoff.is_none_or(|cutoff| published <= cutoff), "a begin past a cut-off");
        assert!(published.0 + holdback.delay.0 <= wall.0, "a begin before a delay has ended");
    }
    let windows = calendar.rules(tier).map(|rules| rules.windows.as_slice()).unwrap_or_default();
    let opens = |window: &Window| {
        window
            .openings(wall)
            .is_some_and(|of| of.spans.first().is_some_and(|span| span.from <= wall))
    };
    assert!(windows.is_empty() || windows.iter().any(opens), "a begin outside of every window");
    assert!(windows.is_empty() || before.clock.wall_fresh, "a begin while nobody says the time");
}

/// Where there is a coverage table, some line of it is about the kernel and covers today, and every line that may be
/// meant does.
fn covered(before: &Machine, host: &Host) {
    let Some(table) = before.coverage().table() else { return };
    let (facts, today) = (&host.facts, Day::of(before.clock.wall));
    let seen = before.coverage().first_seen.get(&facts.kernel.release).map(|&at| Day::of(at));
    let since = table.builds.get(&facts.kernel.release).copied().or(seen).unwrap();
    let about = |line: &&Line| {
        line.series == facts.kernel.series().0
            && (facts.distro_release.is_empty() || line.release == facts.distro_release)
    };
    let lines: Vec<&Line> = table.lines.iter().filter(about).collect();
    assert!(!lines.is_empty(), "a begin on a kernel that is not in the coverage table");
    for line in lines {
        assert!(today <= line.covered_until.last_day(), "a begin on a kernel whose life is over");
        let due = since.after_months(line.upgrade_every).unwrap();
        assert!(today <= due, "a begin on a kernel that had to be upgraded");
    }
}

/// I1, counted from the grants: one more is within the budget and the cap.
fn leaves_room(before: &Machine, rollout: &Rollout) {
    let grants: Vec<Grant> =
        before.grants.values().filter(|grant| grant.rollout == rollout.id).collect();
    let acknowledged =
        |host| before.entries.get(rollout, host).is_some_and(|entry| entry.acknowledged);
    let exposes = |grant: &Grant| {
        let failed = matches!(grant.phase, Phase::Failed { .. });
        grant.phase.in_flight().is_some() || (failed && !acknowledged(grant.host))
    };
    let exposed = grants.iter().filter(|grant| exposes(grant)).count() as u64;
    let in_flight = grants.iter().filter(|grant| grant.phase.in_flight().is_some()).count() as u64;
    let exposure = rollout.policy.exposure;
    let place = rollout.place.expect("a host begins only in a started rollout");
    let (all, tier) = (rollout.hosts(), rollout.stages[place.stage].hosts);
    assert!(exposed < exposure.budget.of(all), "{exposed} exposed before a begin");
    assert!(in_flight < exposure.in_flight.of(tier), "{in_flight} in flight before a begin");
}

/// An offer goes to a host that asks, has its turn, and is free.
fn offered_rightly(before: &Machine, grant: &Grant, tick: &Tick, after: &Machine) {
    assert!(tick.asking.contains(&grant.host), "{} did not ask", grant.host);
    let rollout = &before.rollouts[&grant.rollout];
    let host = &after.hosts.get(&grant.host).unwrap();
    let part = after.part(rollout, host).expect("an offered host has a part");
    assert!(part.has_its_turn(rollout), "{} was offered before its turn", grant.host);
    let class = before.entries.get(rollout, grant.host).map(|entry| entry.class);
    assert_eq!(after.entitled(host), Ok(()), "{} was offered without a token", grant.host);
    let lost = host.goodbye.is_some(); // It has announced the reboot in which it lost the patch.
    let again = matches!(class, Some(Class::Failure(_) | Class::InFlight))
        || (class == Some(Class::Verified) && !lost);
    assert!(!again, "{} was {class:?} and was offered the patch set again", grant.host);
}
