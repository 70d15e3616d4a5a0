//! Who shuts the calendar, and opens it again? An operator with whims of its own: freezes begin and are lifted,
//! patch sets are held back from hosts and tokens, tiers get windows and delays and lose them.

use std::collections::BTreeMap;

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::calendar::HeldBack;
use tidegate_controller::machine::command::{
    Action, ApplyLadder, CreateFreeze, HoldBack, LiftFreeze,
};
use tidegate_controller::machine::ids::{FreezeId, HostId, TierName};
use tidegate_policies::schedule::Window;
use tidegate_policies::tiers::{Holdback, TierRules};
use tidegate_policies::time::{Millis, WallTime};

use super::chance::Chance;
use super::clocks::EPOCH;
use super::happening::Happening;
use super::operators::tiers;
use super::sabotage::{Part, Sabotage};
use super::world::World;

/// What the whims are drawn for.
const DATES: u64 = 0x0044_4154_4553;
/// Time from one whim to the next at most, in milliseconds.
const WHIM_EVERY: u64 = 16_000;
/// How long a shut calendar stays shut at most, where a person opens it, in milliseconds.
const SHUT_MOST: u64 = 15_000;
/// How long a window lasts, in milliseconds: the shortest that there is.
const WINDOW: u64 = 600_000;
/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;
/// How far the clocks of the zone are ahead, in minutes.
const ZONES: [(&str, u64); 2] = [("UTC", 0), ("Asia/Kolkata", 330)];

/// The operator's desk.
#[derive(Debug)]
pub(super) struct Dates {
    luck: Chance,
    /// Freezes that were asked for.
    freezes: u64,
}

impl Dates {
    /// A desk of its own chance, so that all else of a seed is drawn as ever.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self { luck: Chance::new(seed ^ DATES), freezes: 0 }
    }
}

impl World {
    /// The first whim comes when the fleet enrols.
    pub(super) fn begin_whims_about_dates(&mut self) {
        if self.scenario.sabotage.has(Part::Dates) {
            self.queue.after(10_000, Happening::DateWhim);
        }
    }

    /// The operator has a whim.
    pub(super) fn date_whim(&mut self) {
        if self.is_calm() {
            return;
        }
        let hosts: Vec<HostId> = match self.newest() {
            Some(machine) => machine.hosts().values().map(|host| host.id).collect(),
            None => Vec::new(),
        };
        match self.kind_of_whim() {
            0..=2 => self.freeze(),
            3 | 4 => self.hold_back_from_somebody(&hosts),
            5 => self.hold_back_from_a_token(),
            6 => self.delay_a_tier(),
            _ => self.give_a_tier_a_window(),
        }
        let next = self.dates.luck.between(500, WHIM_EVERY);
        self.queue.after(next, Happening::DateWhim);
    }

    /// Any kind, or the one that shows a planted defect soonest.
    fn kind_of_whim(&mut self) -> u64 {
        let kind = self.dates.luck.below(8);
        let is = |planted: Sabotage| self.scenario.sabotage == planted;
        if is(Sabotage::FreezeEndsEarly) {
            0
        } else if is(Sabotage::DelayTooShort) {
            3 + kind % 4
        } else if is(Sabotage::WindowTooLong) {
            7
        } else {
            kind
        }
    }

    /// What the operator's own clock shows.
    fn on_the_desk(&self) -> u64 {
        EPOCH + self.now()
    }

    /// A freeze that ends by itself, or one that somebody lifts.
    fn freeze(&mut self) {
        self.dates.freezes += 1;
        let (wall, luck) = (self.on_the_desk(), &mut self.dates.luck);
        let tier = if luck.below(2) == 0 { None } else { some_tier(luck) };
        let (ends, lasts) = (luck.below(2) == 0, luck.between(1_000, SHUT_MOST));
        let Some(freeze) = freeze_name(self.dates.freezes) else { return };
        let said = lasts.saturating_sub(self.scenario.meaning.freeze_lasts_longer()).max(1);
        let until = ends.then_some(WallTime(wall + said));
        let reason = "the quarter ends".to_owned();
        let create = CreateFreeze { freeze: freeze.clone(), tier, until, reason };
        self.operate(0, Action::CreateFreeze(create));
        if !ends {
            self.operate(lasts, lift(freeze));
        }
    }

    /// One host is to have nothing new for a while, or nothing at all until somebody says so.
    fn hold_back_from_somebody(&mut self, hosts: &[HostId]) {
        let Some(host) = self.dates.luck.pick(hosts) else { return };
        let holdback = self.some_holdback();
        self.hold_back_for_a_while(HeldBack::Host(host), holdback);
    }

    fn hold_back_from_a_token(&mut self) {
        let tier = if self.dates.luck.below(2) == 0 { "free" } else { "paid" };
        let holdback = self.some_holdback();
        let Ok(token) = tier.parse() else { return };
        self.hold_back_for_a_while(HeldBack::Token(token), holdback);
    }

    fn hold_back_for_a_while(&mut self, of: HeldBack, holdback: Holdback) {
        let later = self.dates.luck.between(1_000, 2 * SHUT_MOST);
        self.operate(0, hold_back(of.clone(), holdback));
        self.operate(later, hold_back(of, Holdback::NONE));
    }

    /// A delay that ends soon, as most patch sets are published in the first seconds; or a cut-off before all of them.
    fn some_holdback(&mut self) -> Holdback {
        let (now, luck) = (self.now(), &mut self.dates.luck);
        if luck.below(3) == 0 {
            return Holdback { delay: Millis(0), cutoff: Some(WallTime(EPOCH - 1)) };
        }
        let delay = now + luck.between(0, SHUT_MOST);
        let said = delay.saturating_sub(self.scenario.meaning.delay_is_longer());
        Holdback { delay: Millis(said), cutoff: None }
    }

    fn delay_a_tier(&mut self) {
        let holdback = self.some_holdback();
        self.declare_for_a_while(TierRules { holdback, ..TierRules::default() });
    }

    /// A tier gets a window that closes soon or opens soon, by the clock of some zone. One that stays open for too
    /// long shows soonest where it should have closed this minute.
    fn give_a_tier_a_window(&mut self) {
        let too_long = self.scenario.sabotage == Sabotage::WindowTooLong;
        let (wall, luck) = (self.on_the_desk(), &mut self.dates.luck);
        let minute = wall / MINUTE;
        let soon = if too_long { luck.below(2) } else { luck.between(1, 2) };
        let opened =
            if luck.below(2) == 0 { minute + soon } else { minute + soon - WINDOW / MINUTE };
        let Some((zone, ahead)) = luck.pick(&ZONES) else { return };
        let cron = format!("{} * * * *", (opened + ahead) % 60);
        let lasts = WINDOW + self.scenario.meaning.window_is_shorter();
        let Ok(window) = Window::new(&cron, Millis(lasts), zone) else { return };
        self.declare_for_a_while(TierRules { windows: vec![window], ..TierRules::default() });
    }

    /// The ladder is declared with these rules of some tier, and some time later without any.
    fn declare_for_a_while(&mut self, rules: TierRules) {
        let luck = &mut self.dates.luck;
        let later = luck.between(5_000, 5 * SHUT_MOST);
        let Some(tier) = some_tier(luck) else { return };
        self.operate(0, ladder(BTreeMap::from([(tier, rules)])));
        self.operate(later, ladder(BTreeMap::new()));
    }

    /// Once the faults are over, the calendar is opened for good.
    pub(super) fn look_after_dates(&mut self) {
        let Some(machine) = self.newest() else { return };
        let calendar = machine.calendar();
        let freezes = calendar.freezes.keys().cloned().map(lift);
        let held = calendar.holdbacks.keys().cloned().map(|of| hold_back(of, Holdback::NONE));
        let declared = (!calendar.tiers.is_empty()).then(|| ladder(BTreeMap::new()));
        let opened: Vec<Action> = freezes.chain(held).chain(declared).collect();
        opened.into_iter().for_each(|action| self.operate(0, action));
    }
}

/// Whether nothing in the calendar of a state keeps anybody from beginning.
pub(super) fn is_open(machine: &Machine) -> bool {
    let calendar = machine.calendar();
    calendar.freezes.is_empty() && calendar.holdbacks.is_empty() && calendar.tiers.is_empty()
}

fn some_tier(luck: &mut Chance) -> Option<TierName> {
    luck.pick(&["canary", "free", "paid"])?.parse().ok()
}

fn freeze_name(number: u64) -> Option<FreezeId> {
    format!("freeze-{number}").parse().ok()
}

fn lift(freeze: FreezeId) -> Action {
    Action::LiftFreeze(LiftFreeze { freeze, reason: "the books are closed".to_owned() })
}

fn hold_back(of: HeldBack, holdback: Holdback) -> Action {
    Action::HoldBack(HoldBack { of, holdback, reason: "its owner wants it so".to_owned() })
}

fn ladder(rules: BTreeMap<TierName, TierRules>) -> Action {
    Action::ApplyLadder(Box::new(ApplyLadder { tiers: tiers().unwrap_or_default(), rules }))
}
