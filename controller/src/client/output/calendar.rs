//! How do tiers, freezes and holdbacks look to a person?

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use serde_json::Value;
use tidegate_proto::v1;

use super::Show::{self, Always, Wide};
use super::exposure::promise;
use super::json;
use super::rollout::pair;
use super::rows::{Resource, Row};
use super::text::or_dash;
use super::time::{ago, rfc3339, span, utc};
use crate::client::names::id_of;

/// `0 22 * * MON-FRI for 6h, Europe/Berlin`.
pub(crate) fn window(window: &v1::Window) -> String {
    format!("{} for {}, {}", window.opens, span(window.lasts_ms), window.zone)
}

/// A delay; `-` where there is none.
pub(crate) fn delay(delay_ms: u64) -> String {
    if delay_ms == 0 { or_dash("") } else { span(delay_ms) }
}

/// A date; `-` where there is none.
pub(crate) fn date(at: Option<&Timestamp>) -> String {
    or_dash(&at.and_then(rfc3339).unwrap_or_default())
}

/// Whether hosts of a tier may begin now, as far as freezes and windows go.
pub(crate) fn begins(tier: &v1::Tier, now: DateTime<Utc>) -> String {
    let changes = tier.window_changes.as_ref().and_then(utc);
    let left = changes.and_then(|at| u64::try_from((at - now).num_milliseconds()).ok());
    match (tier.frozen_by.as_str(), tier.window_open, tier.windows.is_empty()) {
        ("", true, true) => "any time".to_owned(),
        ("", true, false) => left.map_or_else(
            || "window open".to_owned(),
            |left| format!("window open, {} left", span(left)),
        ),
        ("", false, _) => left.map_or_else(
            || "window closed".to_owned(),
            |left| format!("window opens in {}", span(left)),
        ),
        (freeze, _, _) => format!("frozen: {}", id_of(freeze)),
    }
}

/// One tier, line by line.
pub(crate) fn tier_whole(tier: &v1::Tier, now: DateTime<Utc>) -> String {
    let drawn = match id_of(&tier.drawn_from) {
        "" => "nobody draws for it: its tokens name it".to_owned(),
        next => format!("drawn from {next} for each patch set"),
    };
    let windows: Vec<String> = tier.windows.iter().map(window).collect();
    let windows =
        if windows.is_empty() { "at any time".to_owned() } else { windows.join("\n             ") };
    let promised: Vec<String> = tier.objectives.iter().map(promise).collect();
    let promised = or_dash(&promised.join("\n             "));
    [
        pair("tier", id_of(&tier.name)),
        pair("hosts", &format!("{}, {drawn}", tier.hosts)),
        pair("begins", &begins(tier, now)),
        pair("windows", &windows),
        pair("delay", &delay(tier.delay_ms)),
        pair("cut-off", &date(tier.cut_off.as_ref())),
        pair("promised", &promised),
    ]
    .join("\n")
}

impl Resource for v1::Ladder {
    fn name(&self) -> String {
        "ladder".to_owned()
    }

    fn json(&self) -> Value {
        json::ladder(self)
    }
}

impl Resource for v1::Freeze {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::freeze(self)
    }
}

impl Row for v1::Freeze {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NAME", Always),
        ("TIER", Always),
        ("UNTIL", Always),
        ("BY", Always),
        ("BEGAN", Wide),
        ("BECAUSE", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let until = match (&self.until, self.over) {
            (None, _) => "lifted by a person".to_owned(),
            (Some(_), true) => "over".to_owned(),
            (until, false) => date(until.as_ref()),
        };
        let tier = if self.tier.is_empty() { "every tier" } else { id_of(&self.tier) };
        vec![
            id_of(&self.name).to_owned(),
            tier.to_owned(),
            until,
            self.actor.clone(),
            ago(self.create_time.as_ref(), now),
            or_dash(&self.reason),
        ]
    }
}

impl Resource for v1::Holdback {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::holdback(self)
    }
}

impl Row for v1::Holdback {
    const COLUMNS: &'static [(&'static str, Show)] =
        &[("FROM", Always), ("DELAY", Always), ("CUT-OFF", Always)];

    fn cells(&self, _: DateTime<Utc>) -> Vec<String> {
        vec![self.name.clone(), delay(self.delay_ms), date(self.cut_off.as_ref())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_says_whether_its_hosts_may_begin_now() {
        let now: DateTime<Utc> = "2026-05-02T12:00:00Z".parse().unwrap();
        let later = Some(Timestamp { seconds: now.timestamp() + 5_400, nanos: 0 });
        let windows = vec![v1::Window {
            opens: "0 22 * * FRI".to_owned(),
            lasts_ms: 7_200_000,
            zone: "UTC".to_owned(),
        }];
        let check = |tier: &v1::Tier, expected: &str| assert_eq!(begins(tier, now), expected);
        let always = v1::Tier { window_open: true, ..v1::Tier::default() };
        check(&always, "any time");
        let open = v1::Tier { windows, window_changes: later, ..always };
        check(&open, "window open, 1h30m left");
        check(&v1::Tier { window_open: false, ..open.clone() }, "window opens in 1h30m");
        let unknown = v1::Tier { window_open: false, window_changes: None, ..open.clone() };
        check(&unknown, "window closed");
        check(&v1::Tier { frozen_by: "freezes/xmas".to_owned(), ..open.clone() }, "frozen: xmas");
        assert_eq!(window(&open.windows[0]), "0 22 * * FRI for 2h, UTC");
    }
}
