//! How far did it come? Exposure against its budget, then each tier with a bar and its waves.

use ratatui::text::Line;
use tidegate_proto::v1;
use tidegate_proto::v1::StageState;

use super::board::{NAMES, named};
use super::clipped;
use super::ink::{Ink, Tone};
use crate::client::names::id_of;
use crate::client::output::rollout::failures_in_words;
use crate::client::output::text::{plain, ppm, share_of};

/// Columns of a bar in a wide window.
const WIDE_BAR: usize = 24;
/// The same in a narrow one.
const NARROW_BAR: usize = 10;
/// Columns below which a window is narrow.
const NORMAL: usize = 80;
/// Columns from which on a window is wide.
const WIDE: usize = 100;

/// Hosts exposed and in flight, against what they may be.
pub(super) fn exposure(rollout: &v1::Rollout, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let of = |name: &str, part: u64, whole: u64, what: &str| {
        let tone = if part > 0 && part >= whole { Tone::Waits } else { Tone::Plain };
        let text = format!("{}  {} hosts {what}", bar(part, whole, width), share_of(part, whole));
        named(ink, name, (tone, clipped(&text, width.saturating_sub(NAMES))))
    };
    let shut_out = (rollout.shut_out_hosts > 0)
        .then(|| format!("of the budget; {} shut out by halted slices", rollout.shut_out_hosts));
    let budget = shut_out.as_deref().unwrap_or("of the budget");
    vec![
        of("exposed", rollout.exposed_hosts, rollout.exposure_budget_hosts, budget),
        of("in flight", rollout.in_flight_hosts, rollout.in_flight_cap_hosts, "of the cap"),
    ]
}

/// One line a tier: how many of its hosts have begun, and what became of them.
pub(super) fn bars(rollout: &v1::Rollout, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let line = |tier: &v1::TierProgress| {
        let counts = tier.counts.unwrap_or_default();
        let failures = failures_in_words(&counts);
        let (mark, tone) = mark(tier.state());
        let name = clipped(&plain(id_of(&tier.tier)), NAMES - 1);
        let (begun, hosts) = (counts.begun, tier.eligible_hosts);
        let text = if width < NORMAL {
            let sign: String = mark.chars().take(1).collect();
            format!("{sign} {begun}/{hosts} begun, {failures}")
        } else {
            let (share, bar) = (share_of(begun, hosts), bar(begun, hosts, width));
            let (flying, verified) = (counts.in_flight, counts.verified);
            format!(
                "{bar}  {mark} {share} begun, {failures}, {flying} in flight, {verified} verified"
            )
        };
        let tone = if failures == "no failures" { tone } else { Tone::Bad };
        named(ink, &name, (tone, clipped(&text, width.saturating_sub(NAMES))))
    };
    rollout.tiers.iter().map(line).collect()
}

/// All waves on one line: `free ● 1.25 % 125  ◦ 100 % 10000`.
pub(super) fn waves(rollout: &v1::Rollout, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let wave = |wave: &v1::WaveProgress| {
        let share = if wave.share_ppm == 0 { "drawn".to_owned() } else { ppm(wave.share_ppm) };
        let sign: String = mark(wave.state()).0.chars().take(1).collect();
        format!("{sign} {share} = {}", wave.hosts)
    };
    let tier = |tier: &v1::TierProgress| {
        let waves: Vec<String> = tier.waves.iter().map(wave).collect();
        format!("{}: {}", plain(id_of(&tier.tier)), waves.join(", "))
    };
    let all: Vec<String> = rollout.tiers.iter().map(tier).collect();
    if all.is_empty() {
        return Vec::new();
    }
    vec![named(ink, "waves", (Tone::Plain, clipped(&all.join("   "), width.saturating_sub(NAMES))))]
}

const fn mark(state: StageState) -> (&'static str, Tone) {
    match state {
        StageState::Passed => ("✓ passed ", Tone::Good),
        StageState::Current => ("● current", Tone::Plain),
        StageState::Waiting => ("◦ waiting", Tone::Faint),
        StageState::Unspecified => ("?        ", Tone::Faint),
    }
}

/// `███░░░░░░░`; whatever is not nothing shows.
fn bar(part: u64, whole: u64, width: usize) -> String {
    let columns = if width >= WIDE { WIDE_BAR } else { NARROW_BAR };
    let most = u64::try_from(columns).unwrap_or(0);
    let filled = match (part, whole) {
        (0, _) => 0,
        (_, 0) => most,
        (part, whole) => (part.saturating_mul(most) / whole).clamp(1, most),
    };
    let filled = usize::try_from(filled).unwrap_or(columns);
    format!("{}{}", "█".repeat(filled), "░".repeat(columns - filled))
}
