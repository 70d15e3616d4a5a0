//! What can happen to the dashboard, and what does it want done? Values alone; the driver carries them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tidegate_proto::v1;

/// When something happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// For "3m ago".
    pub(crate) wall: DateTime<Utc>,
    /// For how old what is shown is.
    pub(crate) since_start: Duration,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A letter or sign.
    Char(char),
    /// Carries something out.
    Enter,
    /// Goes back.
    Esc,
    /// The next rollout.
    Tab,
    /// The one before.
    BackTab,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// Takes a letter back.
    Backspace,
    /// Ends the program.
    Interrupt,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The stream told something.
    Told(Box<v1::WatchResponse>),
    /// The stream broke off, and is being opened again.
    Lost(String),
    /// Time went on, or the screen has another size.
    Tick,
    /// A command was carried out or refused, in words.
    Steered(Result<String, String>),
    /// A page of a rollout's hosts.
    Hosts {
        /// `rollouts/{rollout}`.
        rollout: String,
        /// The page, or why there is none.
        page: Result<v1::ListGrantsResponse, String>,
    },
    /// Why a rollout is where it is.
    Explained {
        /// `rollouts/{rollout}`.
        rollout: String,
        /// The explanation, or why there is none.
        answer: Result<Box<v1::ExplainRolloutResponse>, String>,
    },
    /// What was seen of a rollout, minute by minute.
    History(v1::History),
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Steer a rollout.
    Steer {
        /// `rollouts/{rollout}`.
        rollout: String,
        /// How.
        how: Steer,
    },
    /// Ask for a page of a rollout's hosts.
    Hosts {
        /// `rollouts/{rollout}`.
        rollout: String,
        /// Where the page begins; empty: at the beginning.
        page_token: String,
    },
    /// Ask why a rollout is where it is.
    Explain(String),
    /// Ask what was seen of a rollout.
    History(String),
    /// End the program.
    Quit,
}

/// How a rollout is steered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Steer {
    /// Stop it.
    Halt {
        /// Why, for the record.
        reason: String,
    },
    /// Let nobody begin for now.
    Pause,
    /// Lift a pause or a halt.
    Resume {
        /// Why, for the record.
        reason: String,
    },
    /// On to the next wave, from where the operator saw it.
    Promote {
        /// `tiers/{tier}`.
        tier: String,
        /// From 1.
        wave: u32,
    },
}
