//! How is a policy written? As a TOML document, read and checked here, key by key.
//!
//! ```toml
//! name = "example"
//! description = "What it is for, in a sentence or two."
//!
//! [exposure]
//! budget = "5%"                  # a share, or a number of hosts
//! in-flight = "10%"
//!
//! [guard-rails]                  # hosts gone wrong that halt the rollout
//! crashed = 3
//! failed = 5
//! stalled = 5
//! silent = 6
//! failure-share = { at-least = 5, hold = "10%", halt = "20%" }   # optional
//!
//! [timing]
//! beat = "60s"
//! silent-after-beats = 5
//! offer = "5m"
//! lease = "10s"
//! transition = "15m"
//! health-checks = ["0s", "1m", "5m", "15m"]
//! on-stall = "keep"              # or "revert"; may be left out: "keep"
//!
//! [[ladder]]                     # a sampled tier: its hosts are drawn from the next tier
//! tier = "canary"
//! draw = { share = "1%", at-least-per-stratum = 1 }
//! soak = "24h"
//! coverage = "80%"
//! verified = "95%"
//! min-verified = 299
//! when-fewer = "every-host"      # or "hold"; may be left out when min-verified is 0
//! promotion = "automatic"        # or "manual"
//!
//! [[ladder]]
//! tier = "free"
//! waves = ["1%", "10%", "50%", "100%"]   # may be left out in a sampled tier: ["100%"]
//! soak = "1h30m"
//! coverage = "80%"
//! verified = "95%"
//! min-verified = 0
//! promotion = "automatic"
//!
//! [evidence]                     # these four tables may be left out; without any, guard rails decide
//! false-halt = "1%"              # how often a harmless patch may be halted, by each test
//! false-hold = "10%"
//! on-slice = "everything"        # or "quarantine": what a halt by one slice stops
//! named = 3                      # hosts whose kernel names the patch that halt
//! rails-below = 500              # from so many hosts on the guard rails do not count; else always
//!
//! [credit]                       # hosts in flight: start + gain x verified - cost x failed
//! start = 50
//! slice-start = 20
//! gain = 3
//! cost = 10
//! floor = 10
//! slice-floor = 4
//! ramp = "30m"
//!
//! [cohorts]                      # whom patched hosts are compared with
//! everybody-up-to = 50000
//! sentinels = 20000
//! in-flight = "25%"
//! holdout = { share = "5%", at-least = 50 }
//!
//! [proof]
//! liars = 0
//! per-stratum = 59
//!
//! [limits]                       # these tables may be left out, too, and so may each key of the first two
//! rate = { hosts = "5%", every = "1h" }
//! zones-at-once = 1              # zones with hosts in flight
//! racks-at-once = 20
//! per-zone = "10%"               # hosts of a zone that are in flight or went wrong
//! per-rack = 2
//!
//! [people]
//! approvals = 1                  # different people that promote, where promotion is manual
//! author-may-approve = false
//! two-to-widen = false           # whether a start, a resume, force and haste take a second person
//!
//! [expedite]                     # `rollout expedite`: without it there is no haste
//! soak = "1h"
//!
//! [proven]                       # artifacts that hosts have soaked with before, in a rollout that was completed
//! soak = "2h"
//! hosts = 20                     # verified on each kernel, at least
//! ```
//!
//! Nothing that could widen a rollout has a default: a key that is missing is an error, and so is a
//! key that is not known. A policy takes effect in the rollouts that are created with it, and never
//! in one that exists.
//!
//! [`Place`], [`Table`] and [`Value`] read other strict TOML documents too: the controller's
//! configuration is one.

mod coverage;
mod duration;
mod error;
mod haste;
mod judgement;
mod ladder;
mod place;
mod presets;
mod sections;
mod table;
mod tiers;
mod value;

#[cfg(test)]
mod judgement_refusals;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

pub use self::coverage::{MAX_BUILDS, MAX_LINES, parse_coverage, write_coverage};
pub use self::error::DocumentError;
pub use self::place::{Place, plain};
pub use self::presets::{
    COVERAGES, LADDERS, PRESETS, Preset, coverage_preset, ladder_preset, preset,
};
pub use self::table::{Field, Table};
pub use self::tiers::{MAX_DELAY, parse_date, parse_ladder, read_tiers, write_ladder};
pub use self::value::Value;

use crate::policy::{Judgement, Policy};

/// The largest document, in bytes of UTF-8; a larger one is refused unread.
pub const MAX_DOCUMENT_BYTES: usize = 65_536;

/// The longest description, in bytes of UTF-8.
pub const MAX_DESCRIPTION_BYTES: usize = 1_000;

const NAME: Field = Field { key: "name", example: r#"name = "standard""# };
const DESCRIPTION: Field =
    Field { key: "description", example: r#"description = "What it is for.""# };
const EXPOSURE: Field = Field { key: "exposure", example: "[exposure]" };
const GUARD_RAILS: Field = Field { key: "guard-rails", example: "[guard-rails]" };
const TIMING: Field = Field { key: "timing", example: "[timing]" };
const LADDER: Field = Field { key: "ladder", example: "[[ladder]]" };
const EVIDENCE: Field = Field { key: "evidence", example: "[evidence]" };
const CREDIT: Field = Field { key: "credit", example: "[credit]" };
const COHORTS: Field = Field { key: "cohorts", example: "[cohorts]" };
const PROOF: Field = Field { key: "proof", example: "[proof]" };
const LIMITS: Field = Field { key: "limits", example: "[limits]" };
const PEOPLE: Field = Field { key: "people", example: "[people]" };
const EXPEDITE: Field = Field { key: "expedite", example: "[expedite]" };
const PROVEN: Field = Field { key: "proven", example: "[proven]" };
const FIELDS: &[Field] = &[
    NAME,
    DESCRIPTION,
    EXPOSURE,
    GUARD_RAILS,
    TIMING,
    LADDER,
    EVIDENCE,
    CREDIT,
    COHORTS,
    PROOF,
    LIMITS,
    PEOPLE,
    EXPEDITE,
    PROVEN,
];

/// Reads and checks the policy in `text`.
///
/// `source` is what messages call the document, e.g. the name of its file.
///
/// # Errors
///
/// The first thing that is wrong with the document, where it is, and the way out.
pub fn parse(source: &str, text: &str) -> Result<Policy, DocumentError> {
    let document = Place::document(source, text);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(document.error(
            format!("the document has {} bytes", text.len()),
            format!("A policy has at most {MAX_DOCUMENT_BYTES}"),
        ));
    }
    let root = document.parse()?;
    let root = Table::open(document, root.get_ref(), FIELDS)?;
    let name = root.required(&NAME)?.name()?;
    let description = read_description(&root)?;
    let exposure = sections::read_exposure(&root.required(&EXPOSURE)?)?;
    let guard_rails = sections::read_guard_rails(&root.required(&GUARD_RAILS)?)?;
    let timing = sections::read_timing(&root.required(&TIMING)?)?;
    let ladder = ladder::read_ladder(&root.required(&LADDER)?, &timing)?;
    let judgement = read_judgement(&root)?;
    let limits = root.optional(&LIMITS).map(|value| haste::read_limits(&value)).transpose()?;
    let people = root.optional(&PEOPLE).map(|value| haste::read_people(&value)).transpose()?;
    let parts = (&timing, ladder.as_slice());
    let expedite = root.optional(&EXPEDITE).map(|value| haste::read_expedite(&value, parts));
    let expedite = expedite.transpose()?;
    let proven = root.optional(&PROVEN).map(|value| haste::read_proven(&value, parts));
    let proven = proven.transpose()?;
    let (limits, people) = (limits.unwrap_or_default(), people.unwrap_or_default());
    Ok(Policy {
        name,
        description,
        exposure,
        guard_rails,
        timing,
        ladder,
        judgement,
        limits,
        people,
        expedite,
        proven,
    })
}

/// The tables that may be left out: what they say only narrows what the others allow. Where one is there,
/// those that are not say what the preset `standard` says.
fn read_judgement(root: &Table<'_>) -> Result<Option<Judgement>, DocumentError> {
    let mut judgement = Judgement::STANDARD;
    let mut written = false;
    if let Some(value) = root.optional(&EVIDENCE) {
        written = true;
        (judgement.evidence, judgement.signatures, judgement.rails_below) =
            judgement::read_evidence(&value)?;
    }
    if let Some(value) = root.optional(&CREDIT) {
        written = true;
        judgement.credit = Some(judgement::read_credit(&value)?);
    }
    if let Some(value) = root.optional(&COHORTS) {
        written = true;
        judgement.cohorts = judgement::read_cohorts(&value)?;
    }
    if let Some(value) = root.optional(&PROOF) {
        written = true;
        judgement.proof = judgement::read_proof(&value)?;
    }
    Ok(written.then_some(judgement))
}

/// A description goes to terminals and dashboards, so it has an end and no control characters.
fn read_description(root: &Table<'_>) -> Result<String, DocumentError> {
    let value = root.required(&DESCRIPTION)?;
    let text = value.text()?.trim();
    if text.is_empty() || text.len() > MAX_DESCRIPTION_BYTES {
        return Err(value.error(
            format!("the description has {} bytes", text.len()),
            format!("Say in 1 to {MAX_DESCRIPTION_BYTES} bytes what the policy is for"),
        ));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(value.error(
            "the description has a control character in it".to_owned(),
            "Write plain text and line breaks".to_owned(),
        ));
    }
    Ok(text.to_owned())
}
