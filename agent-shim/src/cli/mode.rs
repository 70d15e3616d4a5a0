//! May this agent touch its kernel? The strictest word wins: the command line of the agent, the
//! enrolment, and `canonical_livepatch_mode=` on the kernel's command line.

use clap::ValueEnum;

use crate::core::Mode;

/// What a person says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeWord {
    /// Apply what is granted.
    #[default]
    Normal,
    /// Report, and apply nothing.
    NoApply,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Normal => Self::Normal,
            ModeWord::NoApply => Self::NoApply,
        }
    }
}

/// What the kernel's command line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BootWord {
    /// Nothing against it.
    Silent,
    /// Apply nothing.
    NoApply,
    /// Do not run at all.
    Stop,
}

/// Reads `canonical_livepatch_mode=` from a kernel's command line. A word that is not known means
/// that somebody wanted less than normal.
pub(super) fn boot_word(command_line: &str) -> BootWord {
    let said = command_line
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("canonical_livepatch_mode="))
        .next_back();
    match said {
        None | Some("normal") => BootWord::Silent,
        Some("stop") => BootWord::Stop,
        Some(_) => BootWord::NoApply,
    }
}

/// The strictest of all words.
pub(super) fn strictest(flag: ModeWord, enrolled: Mode, boot: BootWord) -> Mode {
    match (flag, enrolled, boot) {
        (ModeWord::Normal, Mode::Normal, BootWord::Silent) => Mode::Normal,
        (
            ModeWord::Normal | ModeWord::NoApply,
            Mode::Normal | Mode::NoApply,
            BootWord::Silent | BootWord::NoApply | BootWord::Stop,
        ) => Mode::NoApply,
    }
}

#[cfg(test)]
mod tests {
    use super::{BootWord, ModeWord, boot_word, strictest};
    use crate::core::Mode;

    #[test]
    fn the_boot_loader_can_hold_an_agent_back() {
        assert_eq!(boot_word("quiet panic=1"), BootWord::Silent);
        assert_eq!(boot_word("canonical_livepatch_mode=normal"), BootWord::Silent);
        assert_eq!(boot_word("a canonical_livepatch_mode=no-apply b"), BootWord::NoApply);
        assert_eq!(boot_word("canonical_livepatch_mode=stop"), BootWord::Stop);
        assert_eq!(boot_word("canonical_livepatch_mode=no-refresh"), BootWord::NoApply);
    }

    #[test]
    fn one_word_against_applying_is_enough() {
        use BootWord::Silent;
        assert_eq!(strictest(ModeWord::Normal, Mode::Normal, Silent), Mode::Normal);
        assert_eq!(strictest(ModeWord::NoApply, Mode::Normal, Silent), Mode::NoApply);
        assert_eq!(strictest(ModeWord::Normal, Mode::NoApply, Silent), Mode::NoApply);
        assert_eq!(strictest(ModeWord::Normal, Mode::Normal, BootWord::NoApply), Mode::NoApply);
    }
}
