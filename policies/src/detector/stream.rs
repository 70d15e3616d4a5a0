//! What kinds of evidence are there, over which time, of which hosts? Streams, windows, cohorts.

use serde::{Deserialize, Serialize};

use super::bits::{Bits, log2_ceil, log2_floor};
use crate::time::{Elapsed, Millis};

/// How many streams there are.
pub const STREAMS: usize = 3;

/// How many windows there are.
pub const WINDOWS: usize = 3;

/// How a host failed, as evidence sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Symptom {
    /// Kernel evidence – a panic, an oops, a lockup – or a failed health check.
    Hard,
    /// Not heard for too long, or rebooted without a word and without kernel evidence.
    Silence,
}

/// A kind of evidence, summed up by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// [`Symptom::Hard`] alone.
    Hard,
    /// [`Symptom::Silence`] alone.
    Silence,
    /// Either.
    Union,
}

/// A stretch of time after a grant began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Window {
    /// Ten minutes: what a bad patch breaks at once.
    Early,
    /// The soak.
    Soak,
    /// Seven days: what comes late.
    Tail,
}

/// The windows a patched host is inside of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Windows(u8);

/// How long each window is, as a host's grant begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLengths {
    /// The soak of the tier.
    pub soak: Millis,
    /// Time in which a failure may still be reported: the silence deadline and a minute. Each window is
    /// longer by it, so that no host leaves before its failure could have been heard of.
    pub grace: Millis,
}

/// On which side of the experiment a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cohort {
    /// Its grant has begun, and it is inside these windows.
    Treated(Windows),
    /// A sentinel: drawn from the hosts that have not begun, heard at the same cadence.
    Control,
}

impl Symptom {
    /// The stream that is its own.
    pub const fn stream(self) -> Stream {
        match self {
            Self::Hard => Stream::Hard,
            Self::Silence => Stream::Silence,
        }
    }
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; STREAMS] = [Self::Hard, Self::Silence, Self::Union];

    /// Its place in tables.
    pub const fn index(self) -> usize {
        match self {
            Self::Hard => 0,
            Self::Silence => 1,
            Self::Union => 2,
        }
    }

    /// How a host fails that it counts, after "failed".
    pub const fn how(self) -> &'static str {
        match self {
            Self::Hard => "by kernel evidence or a health check",
            Self::Silence => "without a word",
            Self::Union => "in any way",
        }
    }

    /// What its weight costs: a quarter, a quarter, a half.
    pub const fn penalty(self) -> Bits {
        match self {
            Self::Hard | Self::Silence => Bits::whole(2),
            Self::Union => Bits::whole(1),
        }
    }
}

impl Window {
    /// Every window.
    pub const ALL: [Self; WINDOWS] = [Self::Early, Self::Soak, Self::Tail];

    /// Its place in tables.
    pub const fn index(self) -> usize {
        match self {
            Self::Early => 0,
            Self::Soak => 1,
            Self::Tail => 2,
        }
    }

    /// The word for it on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Soak => "soak",
            Self::Tail => "tail",
        }
    }

    /// When a host fails that it counts, after "failed".
    pub const fn when(self) -> &'static str {
        match self {
            Self::Early => "within ten minutes",
            Self::Soak => "within the soak",
            Self::Tail => "within seven days",
        }
    }

    /// What its weight costs, rounded up: 0.45, 0.45, 0.1.
    pub const fn penalty(self) -> Bits {
        match self {
            Self::Early | Self::Soak => const { Bits(log2_ceil(20) - log2_floor(9)) },
            Self::Tail => const { Bits(log2_ceil(10)) },
        }
    }
}

impl Windows {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All of them: a host whose grant just began.
    pub const EVERY: Self = Self(0b111);

    /// Whether `window` is one of them.
    pub const fn contains(self, window: Window) -> bool {
        self.0 & (1 << window.index()) != 0
    }

    /// These without `window`.
    #[must_use]
    pub const fn without(self, window: Window) -> Self {
        Self(self.0 & !(1 << window.index()))
    }
}

impl WindowLengths {
    /// When a host whose grant began at `begun` leaves each window, in the order of [`Window::ALL`].
    pub const fn ends(&self, begun: Elapsed) -> [Elapsed; WINDOWS] {
        const EARLY: Millis = Millis::from_secs(600);
        const TAIL: Millis = Millis::from_secs(7 * 86_400);
        [
            begun.after(EARLY).after(self.grace),
            begun.after(self.soak).after(self.grace),
            begun.after(TAIL).after(self.grace),
        ]
    }
}
