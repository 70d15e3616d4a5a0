//! The ladder, windows, freezes and holdbacks, in and out.

use std::collections::BTreeMap;

use tidegate_policies::document::{self, parse_ladder, write_ladder};
use tidegate_policies::schedule::{At, Window};
use tidegate_policies::tiers::{Holdback, Tier, TierRules};
use tidegate_policies::time::{Millis, WallTime};
use tidegate_proto::v1 as pb;

use super::check::{bounded, resource, wall};
use super::rollout::MAX_REASON_BYTES;
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::calendar::{Freeze, HeldBack};
use crate::machine::command::{ApplyLadder, CreateFreeze, HoldBack, TierSpec};
use crate::machine::ids::{NotAName, TierName};

/// A ladder to declare.
///
/// # Errors
///
/// [`BadField`], also for a document that is none.
pub fn apply_ladder(request: &pb::ApplyLadderRequest) -> Result<ApplyLadder, BadField> {
    use pb::apply_ladder_request::Ladder as Asked;
    let (source, text) = match &request.ladder {
        Some(Asked::Preset(name)) => {
            let Some(preset) = document::ladder_preset(name) else {
                let known: Vec<&str> = document::LADDERS.iter().map(|preset| preset.name).collect();
                let what = format!("is no ladder that ships; there are {}", known.join(", "));
                return Err(BadField::new("preset", name, &what));
            };
            (preset.name, preset.text)
        }
        Some(Asked::LadderToml(text)) => {
            let source = if request.source.is_empty() { "ladder" } else { &request.source };
            (source, text.as_str())
        }
        None => {
            return Err(BadField::new(
                "ladder",
                "",
                "is missing: name a preset or send a document",
            ));
        }
    };
    let declared = parse_ladder(source, text)
        .map_err(|error| BadField::new("ladder_toml", "…", &error.to_string()))?;
    let (mut tiers, mut rules) = (Vec::new(), BTreeMap::new());
    for Tier { name, sampled, rules: of } in declared {
        let name: TierName = name
            .parse()
            .map_err(|error: NotAName| BadField::new("ladder_toml", &name, &error.to_string()))?;
        rules.insert(name.clone(), of);
        tiers.push(TierSpec { name, sampled });
    }
    Ok(ApplyLadder { tiers, rules })
}

/// The ladder for the wire.
pub fn ladder(machine: &Machine) -> pb::Ladder {
    let calendar = machine.calendar();
    let declared =
        machine.cluster().map_or(&[][..], |cluster| &cluster.ladder).iter().map(|spec| Tier {
            name: spec.name.to_string(),
            sampled: spec.sampled,
            rules: calendar.rules(spec.name.as_str()).cloned().unwrap_or_default(),
        });
    pb::Ladder {
        tiers: super::fleet::tiers(machine),
        version: calendar.ladder_version,
        ladder_toml: write_ladder(&declared.collect::<Vec<_>>()),
        etag: calendar.etag().to_string(),
    }
}

/// What the calendar says of a tier; its name and its hosts are left out.
pub fn of_tier(machine: &Machine, tier: &str) -> pb::Tier {
    let (calendar, clock) = (machine.calendar(), machine.clock());
    let nothing = TierRules::default();
    let rules = calendar.rules(tier).unwrap_or(&nothing);
    let at = calendar.window(rules, clock.wall_fresh.then_some(clock.wall));
    let (window_open, changes) = match at {
        None => (true, None),
        Some(At::Open { until }) => (true, Some(until)),
        Some(At::Closed { opens }) => (false, opens),
        Some(At::Unknown) => (false, None),
    };
    let frozen = calendar.frozen(tier, clock.wall);
    pb::Tier {
        windows: rules.windows.iter().map(window).collect(),
        delay_ms: rules.holdback.delay.0,
        cut_off: rules.holdback.cutoff.map(timestamp),
        frozen_by: frozen.map_or_else(String::new, |frozen| format!("freezes/{}", frozen.name)),
        objectives: rules.objectives.iter().map(super::exposure::objective).collect(),
        window_open,
        window_changes: changes.map(timestamp),
        ..pb::Tier::default()
    }
}

fn window(window: &Window) -> pb::Window {
    pb::Window {
        opens: window.cron().to_owned(),
        lasts_ms: window.lasts().0,
        zone: window.zone().to_owned(),
    }
}

/// A freeze to begin.
///
/// # Errors
///
/// [`BadField`].
pub fn create_freeze(request: &pb::CreateFreezeRequest) -> Result<CreateFreeze, BadField> {
    let freeze = request.freeze_id.parse().map_err(|error: NotAName| {
        BadField::new("freeze_id", &request.freeze_id, &error.to_string())
    })?;
    let tier = match request.tier.as_str() {
        "" => None,
        tier => Some(resource("tier", "tiers", tier)?),
    };
    let until = wall("until", request.until.as_ref())?;
    let reason = bounded("reason", &request.reason, MAX_REASON_BYTES)?;
    Ok(CreateFreeze { freeze, tier, until, reason })
}

/// A freeze for the wire.
pub fn freeze(freeze: &Freeze, now: WallTime) -> pb::Freeze {
    let tier = freeze.tier.as_ref();
    pb::Freeze {
        name: format!("freezes/{}", freeze.id),
        tier: tier.map_or_else(String::new, |tier| format!("tiers/{tier}")),
        until: freeze.until.map(timestamp),
        reason: freeze.reason.clone(),
        actor: freeze.actor.clone(),
        create_time: Some(timestamp(freeze.since)),
        over: freeze.until.is_some_and(|until| until <= now),
    }
}

/// What is to be held back, and from whom.
///
/// # Errors
///
/// [`BadField`].
pub fn hold_back(request: &pb::SetHoldbackRequest) -> Result<HoldBack, BadField> {
    let missing = || BadField::new("holdback", "", "is missing: say from whom what is held back");
    let asked = request.holdback.as_ref().ok_or_else(missing)?;
    let cutoff = wall("holdback.cut_off", asked.cut_off.as_ref())?;
    Ok(HoldBack {
        of: held_back(&asked.name)?,
        holdback: Holdback { delay: Millis(asked.delay_ms), cutoff },
        reason: bounded("reason", &request.reason, MAX_REASON_BYTES)?,
    })
}

fn held_back(name: &str) -> Result<HeldBack, BadField> {
    let field = "holdback.name";
    match name.split_once('/') {
        Some(("tokens", _)) => Ok(HeldBack::Token(resource(field, "tokens", name)?)),
        Some(("hosts", _)) => Ok(HeldBack::Host(resource(field, "hosts", name)?)),
        Some(_) | None => {
            Err(BadField::new(field, name, "is not of the form `tokens/…` or `hosts/…`"))
        }
    }
}

/// A holdback for the wire.
pub fn holdback(of: &HeldBack, holdback: &Holdback) -> pb::Holdback {
    pb::Holdback {
        name: of.name(),
        delay_ms: holdback.delay.0,
        cut_off: holdback.cutoff.map(timestamp),
    }
}
