//! Where does the host stand in the life of its grant? At most one grant is live at a time.

use crate::core::backoff::Backoff;
use crate::core::calls::Outstanding;
use crate::core::memory::{Heard, Marker, RevertOrder};
use crate::core::offer::Offer;
use crate::core::{BootTime, Millis};

/// The life of the one grant. Boxed where it is large, since it is moved about.
#[derive(Debug)]
pub(crate) enum Life {
    /// There is none.
    Idle,
    /// The artifact is not here yet.
    Fetching(Box<Fetching>),
    /// The artifact is verified; the host asks to go.
    Asking(Box<Asking>),
    /// The driver has the insert.
    Applying(Box<Applying>),
    /// The transition ended.
    Soaking(Box<Soaking>),
    /// The driver takes a livepatch out again.
    Reverting(Box<Reverting>),
}

#[derive(Debug)]
pub(crate) struct Fetching {
    pub(crate) offer: Offer,
    pub(crate) backoff: Backoff,
    pub(crate) step: FetchStep,
}

#[derive(Debug)]
pub(crate) enum FetchStep {
    Waiting { until: BootTime },
    InFlight(Outstanding),
}

#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) offer: Offer,
    pub(crate) standing: Standing,
    pub(crate) doubt: Doubt,
    pub(crate) backoff: Backoff,
    pub(crate) step: AskStep,
}

/// Whether the offer still stands while a request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Stands,
    Withdrawn,
}

/// Whether an earlier request may have begun the grant without the host knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    AnswerLost,
}

#[derive(Debug)]
pub(crate) enum AskStep {
    Waiting {
        until: BootTime,
    },
    InFlight {
        outstanding: Outstanding,
        request_id: String,
        first_sent: BootTime,
        /// The newest moment that was heard of before the request was sent: a decision comes after it.
        asked_after: Heard,
    },
}

#[derive(Debug)]
pub(crate) struct Applying {
    pub(crate) marker: Marker,
    pub(crate) step: ApplyStep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyStep {
    /// The driver has the insert; without its word until then, the insert is stuck.
    Inserting {
        until: BootTime,
    },
    /// The insert did not return, and that was reported. The host is watched, and begins nothing
    /// more in this boot.
    Stuck,
    InTransition,
    /// The transition did not end in time, that was reported, and it is kept. The host is watched, and begins
    /// nothing more until it has ended.
    Kept,
}

#[derive(Debug)]
pub(crate) struct Reverting {
    pub(crate) patch_set: String,
    pub(crate) order: RevertOrder,
    /// The marker of its grant, while that is live.
    pub(crate) marker: Option<Marker>,
}

#[derive(Debug)]
pub(crate) struct Soaking {
    pub(crate) marker: Marker,
    pub(crate) since: BootTime,
    /// Index of the next health check of the plan.
    pub(crate) next_check: usize,
    pub(crate) word: SoakWord,
}

/// The host's word that its soak is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoakWord {
    /// To be given at this time.
    Due(BootTime),
    /// Given in this report; the answer is outstanding.
    Given { sequence: u64 },
}

impl Life {
    /// The offer, before the host has gone.
    pub(crate) fn offer_mut(&mut self) -> Option<&mut Offer> {
        match self {
            Self::Fetching(fetching) => Some(&mut fetching.offer),
            Self::Asking(asking) => Some(&mut asking.offer),
            Self::Idle | Self::Applying(_) | Self::Soaking(_) | Self::Reverting(_) => None,
        }
    }

    /// The intent marker, once the host has gone.
    pub(crate) fn marker_mut(&mut self) -> Option<&mut Marker> {
        match self {
            Self::Applying(applying) => Some(&mut applying.marker),
            Self::Soaking(soaking) => Some(&mut soaking.marker),
            Self::Reverting(reverting) => reverting.marker.as_mut(),
            Self::Idle | Self::Fetching(_) | Self::Asking(_) => None,
        }
    }

    /// How often a host in this phase beats, by policy.
    pub(crate) fn beat_interval(&self) -> Option<Millis> {
        match self {
            Self::Idle => None,
            Self::Fetching(fetching) => Some(fetching.offer.plan.beat_interval),
            Self::Asking(asking) => Some(asking.offer.plan.beat_interval),
            Self::Applying(applying) => Some(applying.marker.plan.beat_interval),
            Self::Soaking(soaking) => Some(soaking.marker.plan.beat_interval),
            Self::Reverting(reverting) => {
                reverting.marker.as_ref().map(|marker| marker.plan.beat_interval)
            }
        }
    }
}
