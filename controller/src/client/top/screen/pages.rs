//! How do the pages behind the board look?

use ratatui::text::Line;
use tidegate_proto::v1::GrantPhase;

use super::ink::{Ink, Tone};
use super::{small, wrapped};
use crate::client::names::id_of;
use crate::client::output::text::plain;
use crate::client::top::pages::{Explanation, Hosts};

/// What the keys do.
const HELP: [(&str, &str); 14] = [
    ("h", "HALT the rollout that is shown, now. Never asks. Safe to repeat"),
    ("H", "the same, with a reason of your own for the record"),
    (
        "p",
        "pause: nobody begins until it is resumed. Never asks. A paused one: resume, after a yes",
    ),
    ("r", "resume what is halted or paused, with a reason, after a yes"),
    (
        "m, P",
        "promote to the next wave or tier, after a yes that says how many hosts; never past shut gates",
    ),
    ("tab, ↑ ↓", "another rollout"),
    ("enter", "its hosts; / filters what is loaded, ↓ at the end loads more"),
    ("e", "why it is where it is, with the arithmetic"),
    ("esc", "back"),
    ("q", "quit; nothing is undone"),
    ("", ""),
    ("age", "how old what you see may be; beyond 15 s all is grey, and h halts all the same"),
    ("✓ ● ◦", "passed, current, waiting"),
    ("▲", "patched hosts fail more than unpatched ones; the verdict says whether by chance"),
];

/// The keys.
pub(super) fn help(ink: Ink) -> Vec<Line<'static>> {
    let line = |(key, what): (&str, &str)| {
        Line::from(vec![
            ink.of(Tone::Title, format!("{key:<10}")),
            ink.of(Tone::Plain, what.to_owned()),
        ])
    };
    std::iter::once(Line::default()).chain(HELP.into_iter().map(line)).collect()
}

/// The hosts, with the chosen one in sight.
pub(super) fn hosts(of: &Hosts, ink: Ink, height: usize) -> Vec<Line<'static>> {
    let shown = of.shown();
    let (loaded, more) = of.loaded();
    let count = match (more, of.loading) {
        (_, true) => format!("{} of {loaded} shown, asking …", shown.len()),
        (true, false) => {
            format!("{} of {loaded} loaded; there are more, ↓ at the end", shown.len())
        }
        (false, false) => format!("{} of {loaded}", shown.len()),
    };
    let cursor = if of.is_filtering() { "█" } else { "" };
    let filter = if of.filter.is_empty() && !of.is_filtering() {
        String::new()
    } else {
        format!("   filter /{}{cursor}", plain(&of.filter))
    };
    let title = format!("hosts of {}: {count}{filter}", id_of(&of.rollout));
    let mut lines = vec![ink.line(Tone::Title, title)];
    lines.extend(of.trouble.iter().map(|why| ink.line(Tone::Bad, plain(why))));
    let titles =
        format!("  {:<16} {:<16} {:<8} {:<9} {}", "HOST", "NAME", "TIER", "PHASE", "DETAIL");
    lines.push(ink.line(Tone::Faint, titles));
    let room = height.saturating_sub(lines.len()).max(1);
    let first = of.at.saturating_sub(room - 1);
    for (at, grant) in shown.iter().enumerate().skip(first).take(room) {
        let phase = small::<GrantPhase>(grant.phase);
        let mark = if at == of.at { "▸" } else { " " };
        let text = format!(
            "{mark} {:<16} {:<16} {:<8} {phase:<9} {}",
            id_of(&grant.host),
            grant.hostname,
            id_of(&grant.tier),
            grant.detail
        );
        lines.push(ink.line(tone(grant.phase()), plain(&text)));
    }
    lines
}

const fn tone(phase: GrantPhase) -> Tone {
    match phase {
        GrantPhase::Crashed | GrantPhase::Failed | GrantPhase::Stalled | GrantPhase::Silent => {
            Tone::Bad
        }
        GrantPhase::Soaked => Tone::Good,
        GrantPhase::Unspecified
        | GrantPhase::Offered
        | GrantPhase::Begun
        | GrantPhase::Applied
        | GrantPhase::Expired
        | GrantPhase::Refused
        | GrantPhase::Withdrawn
        | GrantPhase::Reverted => Tone::Plain,
    }
}

/// Why, from the line that was scrolled to.
pub(super) fn explanation(
    of: &Explanation,
    ink: Ink,
    (width, height): (u16, usize),
) -> Vec<Line<'static>> {
    let title = ink.line(Tone::Title, format!("why {} is where it is", id_of(&of.rollout)));
    let text = of.lines.iter().skip(of.at).flat_map(|line| wrapped(line, width));
    let lines = text.take(height.saturating_sub(1)).map(|line| ink.line(Tone::Plain, line));
    std::iter::once(title).chain(lines).collect()
}
