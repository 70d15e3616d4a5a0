//! How is something written so that everybody can read it? Every meaning has a word; colour, bold and
//! reversed only underline it.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::client::top::app::Paint;

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Plain,
    /// A heading.
    Title,
    /// All is well.
    Good,
    /// It waits, or is held.
    Waits,
    /// It went wrong, or stands still.
    Bad,
    /// The way to stop.
    Stop,
    /// Of little interest.
    Faint,
}

/// How the whole screen is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    pub(super) paint: Paint,
    /// What is shown is too old to be relied on: all of it is grey.
    pub(super) stale: bool,
}

impl Ink {
    /// A piece of text.
    pub(super) fn of(self, tone: Tone, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(tone))
    }

    /// A line of one piece.
    pub(super) fn line(self, tone: Tone, text: impl Into<String>) -> Line<'static> {
        Line::from(self.of(tone, text))
    }

    fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        // The way to stop, and what is wrong with the screen itself, stay as they are.
        if tone == Tone::Stop {
            return style.add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        if self.stale {
            return match self.paint {
                Paint::Colours => style.fg(Color::DarkGray),
                Paint::Plain => style.add_modifier(Modifier::DIM),
            };
        }
        // Blue, yellow and red are told apart whichever colours somebody sees.
        let (colour, modifier) = match tone {
            Tone::Plain | Tone::Stop => (None, Modifier::empty()),
            Tone::Title => (Some(Color::Cyan), Modifier::empty()),
            Tone::Good => (Some(Color::LightBlue), Modifier::empty()),
            Tone::Waits => (Some(Color::Yellow), Modifier::empty()),
            Tone::Bad => (Some(Color::LightRed), Modifier::BOLD),
            Tone::Faint => (None, Modifier::DIM),
        };
        let style = style.add_modifier(modifier);
        colour.filter(|_| self.paint == Paint::Colours).map_or(style, |colour| style.fg(colour))
    }
}
