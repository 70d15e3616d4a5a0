//! May hosts of a tier begin at this moment? Freezes, dates and windows, each as a gate.

use serde::{Deserialize, Serialize};

use crate::gate::{Gate, GateName, GateState, Unit};
use crate::schedule::At;
use crate::tiers::Holdback;
use crate::time::WallTime;

/// All that a moment is looked at with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// What the cluster's wall clock shows. It may be late, and never early.
    pub wall: WallTime,
    /// The freeze that stands, the one that ends last.
    pub frozen: Option<Frozen>,
    /// Nobody begins before this.
    pub start_at: Option<WallTime>,
    /// When the patch set was published.
    pub published: WallTime,
    /// What the tier holds back.
    pub holdback: Holdback,
    /// Whether a window of the tier is open; `None`: it has none.
    pub window: Option<At>,
}

/// A freeze that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself; `None`: when a person lifts it.
    pub until: Option<WallTime>,
}

impl When {
    /// What there is to look at, in this order: freeze, start, cut-off, delay, window.
    pub fn gates(&self) -> Vec<Gate> {
        [self.freeze(), self.start(), self.cutoff(), self.delay(), self.window()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The first gate that keeps hosts from beginning; `None`: they may.
    pub fn closed(&self) -> Option<Gate> {
        self.gates().into_iter().find(|gate| gate.state != GateState::Open)
    }

    /// Whether hosts may begin.
    pub fn is_open(&self) -> bool {
        self.closed().is_none()
    }

    /// From when on freeze, start, cut-off and delay let hosts begin, and not before now; `None`: never, or a person
    /// has to lift the freeze. A window may be closed then.
    pub fn dates(&self) -> Option<WallTime> {
        let thawed = match &self.frozen {
            None => self.wall,
            Some(Frozen { until, .. }) => (*until)?,
        };
        let through = self.holdback.lets_through_from(self.published)?;
        let start = self.start_at.unwrap_or(self.wall);
        Some(self.wall.max(thawed).max(through).max(start))
    }

    /// The freeze, where one stands.
    pub fn freeze(&self) -> Option<Gate> {
        let Frozen { name, reason, until } = self.frozen.as_ref()?;
        let (state, detail) = match until {
            Some(until) => {
                (GateState::Waiting, format!("the freeze {name} stands until {until}: {reason}"))
            }
            None => (
                GateState::Shut,
                format!("the freeze {name} stands until `tidegate freeze lift {name}`: {reason}"),
            ),
        };
        Some(self.gate(GateName::Freeze, state, (until.unwrap_or_default(), detail)))
    }

    fn start(&self) -> Option<Gate> {
        let at = self.start_at?;
        Some(self.from(GateName::StartAt, at, format!("the rollout starts at {at}")))
    }

    fn cutoff(&self) -> Option<Gate> {
        let (cutoff, published) = (self.holdback.cutoff?, self.published);
        let state = if published <= cutoff { GateState::Open } else { GateState::Shut };
        let detail =
            format!("the tier takes nothing published after {cutoff}; this was at {published}");
        Some(Gate { observed: published.0, ..self.gate(GateName::CutOff, state, (cutoff, detail)) })
    }

    fn delay(&self) -> Option<Gate> {
        let (delay, published) = (self.holdback.delay, self.published);
        let at = published.after(delay);
        let detail = format!("the tier waits {delay} after publication at {published}: until {at}");
        (delay.0 > 0).then(|| self.from(GateName::Delay, at, detail))
    }

    fn window(&self) -> Option<Gate> {
        let (state, at, detail) = match self.window? {
            At::Open { until } => {
                (GateState::Open, self.wall, format!("the tier's window is open until {until}"))
            }
            At::Closed { opens: Some(opens) } => {
                (GateState::Waiting, opens, format!("the tier's window opens at {opens}"))
            }
            At::Closed { opens: None } => (
                GateState::Shut,
                WallTime(0),
                "none of the tier's windows opens in the next years".to_owned(),
            ),
            At::Unknown => (
                GateState::Waiting,
                WallTime(0),
                "no majority of the controllers says what time it is, or when the window opens"
                    .to_owned(),
            ),
        };
        Some(self.gate(GateName::Window, state, (at, detail)))
    }

    fn from(&self, name: GateName, at: WallTime, detail: String) -> Gate {
        let state = if self.wall >= at { GateState::Open } else { GateState::Waiting };
        self.gate(name, state, (at, detail))
    }

    fn gate(&self, name: GateName, state: GateState, (at, detail): (WallTime, String)) -> Gate {
        Gate { name, state, observed: self.wall.0, required: at.0, unit: Unit::UnixMillis, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    /// What is looked at on 2 May 2026 at noon, of a patch set that was published a day before.
    fn noon() -> When {
        let noon = 1_777_723_200_000;
        When { wall: WallTime(noon), published: WallTime(noon - 86_400_000), ..When::default() }
    }

    #[track_caller]
    fn check(when: &When, expected: &str) {
        let shown: Vec<String> = when
            .gates()
            .iter()
            .map(|gate| format!("{:?} {}: {}", gate.state, gate.name.as_str(), gate.detail))
            .collect();
        assert_eq!(shown.join("\n"), expected);
        assert_eq!(when.is_open(), shown.iter().all(|gate| gate.starts_with("Open")));
    }

    #[test]
    fn without_any_rule_it_is_always_time() {
        check(&noon(), "");
        assert_eq!(noon().dates(), Some(noon().wall));
    }

    #[test]
    fn a_delay_ends_to_the_millisecond() {
        let day = Millis::from_secs(86_400);
        let when = |delay| When { holdback: Holdback { delay, cutoff: None }, ..noon() };
        assert!(when(day).is_open());
        let later = when(Millis(day.0 + 1));
        assert!(!later.is_open());
        assert_eq!(later.dates(), Some(WallTime(noon().wall.0 + 1)));
    }

    #[test]
    fn a_cut_off_is_never_opened_by_time() {
        let cutoff = Some(WallTime(noon().published.0 - 1));
        let when = When { holdback: Holdback { cutoff, ..Holdback::NONE }, ..noon() };
        check(
            &when,
            "Shut cut-off: the tier takes nothing published after 2026-05-01T11:59:59Z; this was at \
             2026-05-01T12:00:00Z",
        );
        assert_eq!(when.dates(), None);
    }

    #[test]
    fn the_latest_of_all_dates_says_when_they_let_hosts_begin() {
        let at = |hours: u64| WallTime(noon().wall.0 + hours * 3_600_000);
        let frozen = Frozen {
            name: "quarter-end".to_owned(),
            reason: "books".to_owned(),
            until: Some(at(2)),
        };
        let when = When {
            frozen: Some(frozen),
            start_at: Some(at(3)),
            window: Some(At::Closed { opens: Some(at(1)) }),
            ..noon()
        };
        check(
            &when,
            "Waiting freeze: the freeze quarter-end stands until 2026-05-02T14:00:00Z: books\n\
             Waiting start-at: the rollout starts at 2026-05-02T15:00:00Z\n\
             Waiting window: the tier's window opens at 2026-05-02T13:00:00Z",
        );
        assert_eq!(when.dates(), Some(at(3)));
    }

    #[test]
    fn a_window_that_nobody_knows_is_closed() {
        let when = When { window: Some(At::Unknown), ..noon() };
        assert!(!when.is_open());
    }
}
