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
//! ```
//!
//! Nothing that could widen a rollout has a default: a key that is missing is an error, and so is a
//! key that is not known. A policy takes effect in the rollouts that are created with it, and never
//! in one that exists.
//!
//! [`Place`], [`Table`] and [`Value`] read other strict TOML documents too: the controller's
//! configuration is one.

mod duration;
mod error;
mod ladder;
mod place;
mod presets;
mod sections;
mod table;
mod value;

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

pub use self::error::DocumentError;
pub use self::place::{Place, plain};
pub use self::presets::{PRESETS, Preset, preset};
pub use self::table::{Field, Table};
pub use self::value::Value;

use crate::policy::Policy;

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
const FIELDS: &[Field] = &[NAME, DESCRIPTION, EXPOSURE, GUARD_RAILS, TIMING, LADDER];

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
    Ok(Policy { name, description, exposure, guard_rails, timing, ladder })
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
