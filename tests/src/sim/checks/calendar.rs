//! I3: does anybody begin at a time that is not theirs? An account of freezes, holdbacks, dates and windows, kept from
//! the operators' commands alone, in the simplest words there are: minutes of the hour, and zones that never change.

use std::collections::BTreeMap;

use tidegate_controller::machine::calendar::HeldBack;
use tidegate_controller::machine::command::Action;
use tidegate_controller::machine::entitlement_event::EntitlementEvent;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::ids::{
    FreezeId, GrantId, HostId, RolloutId, TierName, TokenId, Version,
};
use tidegate_controller::machine::reply::Begin;
use tidegate_controller::machine::{Command, Reply};
use tidegate_policies::schedule::Window;
use tidegate_policies::tiers::{Holdback, TierRules};

use super::Violation;
use super::log::Entry;
use crate::sim::meaning::Meaning;

/// A minute and an hour, in milliseconds.
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// The steps of the policy's ladder.
const LADDER: [&str; 3] = ["canary", "free", "paid"];
/// Who goes on where no person does.
const JUDGE: &str = "judge";

/// The account.
#[derive(Debug)]
pub(super) struct Calendar {
    meant: Meaning,
    /// What the cluster's wall shows, and whether a majority has just said so.
    wall: u64,
    is_fresh: bool,
    /// Whom each freeze concerns, and until when it stands.
    freezes: BTreeMap<FreezeId, (Option<TierName>, Option<u64>)>,
    holdbacks: BTreeMap<HeldBack, Holdback>,
    tiers: BTreeMap<TierName, TierRules>,
    published: BTreeMap<Version, u64>,
    rollouts: BTreeMap<RolloutId, Dated>,
    tokens: BTreeMap<HostId, TokenId>,
    grants: BTreeMap<GrantId, (HostId, RolloutId, usize)>,
    /// Changes of the calendar that took effect.
    pub(super) changes: u64,
}

/// What the calendar has to know of a rollout.
#[derive(Debug)]
struct Dated {
    version: Version,
    starts: Option<u64>,
    stage: usize,
}

impl Calendar {
    /// An account of operators who mean this.
    pub(super) fn new(meant: Meaning) -> Self {
        Self {
            meant,
            wall: 0,
            is_fresh: false,
            freezes: BTreeMap::new(),
            holdbacks: BTreeMap::new(),
            tiers: BTreeMap::new(),
            published: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            grants: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Enters a committed entry.
    pub(super) fn take(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        if let Command::Operate(operate) = &*entry.command
            && entry.outcome.is_ok()
            && !entry.events.is_empty()
        {
            self.operated(&operate.action);
        }
        for event in &entry.events {
            self.enter(index, event)?;
        }
        let (Command::BeginGrant(begin), Ok(Reply::Begin(Begin::Go { .. }))) =
            (&*entry.command, &entry.outcome)
        else {
            return Ok(());
        };
        self.may_go(index, begin.grant)
    }

    /// An operator's command took effect.
    fn operated(&mut self, action: &Action) {
        if let Action::CreateRollout(create) = action {
            let (version, starts) = (create.version.clone(), create.start_at.map(|at| at.0));
            self.rollouts.insert(create.rollout.clone(), Dated { version, starts, stage: 0 });
        } else if let Action::PublishPatchSet(publish) = action {
            self.published.insert(publish.version.clone(), self.wall);
        } else {
            self.changes += u64::from(self.changed(action));
        }
    }

    /// Whether an operator's command has changed the calendar.
    fn changed(&mut self, action: &Action) -> bool {
        if let Action::CreateFreeze(create) = action {
            let longer = self.meant.freeze_lasts_longer();
            let until = create.until.map(|until| until.0 + longer);
            self.freezes.insert(create.freeze.clone(), (create.tier.clone(), until));
        } else if let Action::LiftFreeze(lift) = action {
            self.freezes.remove(&lift.freeze);
        } else if let Action::HoldBack(of) = action {
            self.holdbacks.insert(of.of.clone(), of.holdback);
        } else if let Action::ApplyLadder(apply) = action {
            self.tiers.clone_from(&apply.rules);
        } else {
            return false;
        }
        true
    }

    fn enter(&mut self, index: u64, event: &Event) -> Result<(), Violation> {
        if let Event::ClockAdvanced(clock) = event {
            (self.wall, self.is_fresh) = (clock.wall.0, clock.wall_fresh);
        } else if let Event::HostEnrolled(host) = event {
            self.tokens.insert(host.id, host.token.clone());
        } else if let Event::Entitlement(event) = event {
            if let EntitlementEvent::HostMoved { host, token, .. } = &**event {
                self.tokens.insert(*host, token.clone());
            }
        } else if let Event::GrantOffered(grant) = event {
            let whose = (grant.host, grant.rollout.clone(), grant.stage);
            self.grants.insert(grant.id, whose);
        } else if let Event::WaveStarted { rollout, place, actor, .. } = event {
            self.goes_on(index, rollout, actor)?;
            if let Some(dated) = self.rollouts.get_mut(rollout) {
                dated.stage = place.stage;
            }
        } else if let Event::RolloutCompleted { rollout, actor, .. } = event {
            self.goes_on(index, rollout, actor)?;
        }
        Ok(())
    }

    /// Under a freeze of its present tier, no rollout goes on by itself.
    fn goes_on(&self, index: u64, rollout: &RolloutId, actor: &str) -> Result<(), Violation> {
        let stage = self.rollouts.get(rollout).map_or(0, |dated| dated.stage);
        let freeze = self.freeze(tier_of(stage)).filter(|_| actor == JUDGE);
        let Some(freeze) = freeze else { return Ok(()) };
        let what = format!("{rollout} goes on at index {index}, and {freeze} stands");
        Err(Violation::new("I7", what))
    }

    /// I3 at the entry that lets a host go, whether its grant begins in it or has begun before.
    fn may_go(&self, index: u64, grant: GrantId) -> Result<(), Violation> {
        let Some((host, rollout, stage)) = self.grants.get(&grant) else { return Ok(()) };
        let Some(why) = self.closed(*host, rollout, *stage) else { return Ok(()) };
        let what = format!(
            "grant {grant} of {host} is let go at index {index}, when the wall shows {}: {why}",
            self.wall
        );
        Err(Violation::new("I3", what))
    }

    /// Why a host may not begin now; `None`: it may.
    fn closed(&self, host: HostId, rollout: &RolloutId, stage: usize) -> Option<String> {
        let (tier, dated) = (tier_of(stage), self.rollouts.get(rollout)?);
        if let Some(freeze) = self.freeze(tier) {
            return Some(format!("{freeze} stands"));
        }
        if dated.starts.is_some_and(|at| self.wall < at) {
            return Some(format!("{rollout} starts at {:?}", dated.starts));
        }
        let published = self.published.get(&dated.version).copied().unwrap_or(u64::MAX);
        let of_token = self.tokens.get(&host).cloned().map(HeldBack::Token);
        let of_host = of_token.into_iter().chain([HeldBack::Host(host)]);
        let of_host = of_host.filter_map(|of| self.holdbacks.get(&of));
        let rules = self.tiers.iter().find(|(name, _)| name.as_str() == tier);
        let rules = rules.map(|(_, rules)| rules);
        let of_tier = rules.map(|rules| &rules.holdback);
        let shut = |of: &&Holdback| self.holds_back(of, published);
        if let Some(holdback) = of_host.chain(of_tier).find(shut) {
            return Some(format!("{} was published at {published}: {holdback:?}", dated.version));
        }
        let windows = &rules?.windows;
        let is_open = |window: &Window| self.is_fresh && self.is_open(window);
        if windows.is_empty() || windows.iter().any(is_open) {
            return None;
        }
        Some(format!("the tier's windows are {windows:?}, fresh: {}", self.is_fresh))
    }

    /// A freeze that stands for a tier.
    fn freeze(&self, tier: &str) -> Option<&FreezeId> {
        let mut stands = self.freezes.iter().filter(|(_, (of, until))| {
            of.as_ref().is_none_or(|of| of.as_str() == tier)
                && until.is_none_or(|until| self.wall < until)
        });
        stands.next().map(|(name, _)| name)
    }

    fn holds_back(&self, of: &Holdback, published: u64) -> bool {
        let longer = if of.delay.0 > 0 { self.meant.delay_is_longer() } else { 0 };
        let is_too_new = self.wall < published.saturating_add(of.delay.0 + longer);
        is_too_new || of.cutoff.is_some_and(|cutoff| published > cutoff.0)
    }

    /// Whether a window that opens once an hour is open: so many milliseconds have passed since the minute.
    fn is_open(&self, window: &Window) -> bool {
        let ahead = match window.zone() {
            "UTC" => 0,
            "Asia/Kolkata" => 330,
            _ => return false,
        };
        let minute = window.cron().strip_suffix(" * * * *").and_then(|text| text.parse().ok());
        let Some(minute): Option<u64> = minute else { return false };
        let passed = (self.wall + ahead * MINUTE + HOUR - minute * MINUTE) % HOUR;
        passed < window.lasts().0 - self.meant.window_is_shorter()
    }
}

fn tier_of(stage: usize) -> &'static str {
    LADDER.get(stage).copied().unwrap_or_default()
}
