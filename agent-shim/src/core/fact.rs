//! What does an agent write to its log? One line for each change of phase.

use std::fmt;

use crate::core::{BootTime, Millis};

/// One fact for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A marker of this boot was found: the agent was restarted in mid-grant.
    Resumed {
        /// The grant.
        grant_id: u64,
    },
    /// A marker of another boot was found.
    Interrupted {
        /// The grant.
        grant_id: u64,
        /// Its patch set.
        patch_set: String,
    },
    /// An offer was taken up.
    OfferTaken {
        /// The grant.
        grant_id: u64,
        /// Its patch set.
        patch_set: String,
        /// Its epoch.
        epoch: u64,
    },
    /// An offer was passed over.
    OfferIgnored {
        /// Why.
        why: String,
    },
    /// The offer went away before the host began.
    OfferDropped {
        /// The grant.
        grant_id: u64,
        /// Why.
        why: String,
    },
    /// A no-go came; the host asks again later.
    NoGo {
        /// The grant.
        grant_id: u64,
        /// Why.
        why: String,
        /// When it asks again.
        asks_again_in: Millis,
    },
    /// A go came within its lease.
    Go {
        /// The grant.
        grant_id: u64,
        /// The lease's last millisecond.
        not_after: BootTime,
    },
    /// The module is in.
    Inserted {
        /// The grant.
        grant_id: u64,
    },
    /// The transition ended; the soak starts.
    Soaking {
        /// The grant.
        grant_id: u64,
        /// How long the soak is.
        soak: Millis,
    },
    /// The controller's soak is not over yet.
    SoakNotOver {
        /// The grant.
        grant_id: u64,
        /// When the host reports again.
        reports_again_in: Millis,
    },
    /// A grant ended.
    GrantEnded {
        /// The grant.
        grant_id: u64,
        /// How.
        how: String,
    },
    /// A controller refused a report.
    ReportRefused {
        /// The report.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// A report was let go of: controllers refuse it even without its words.
    ReportLost {
        /// The report.
        sequence: u64,
        /// Why it was refused.
        why: String,
    },
    /// A call failed.
    CallFailed {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
        /// When it is made again.
        again_in: Millis,
    },
    /// A livepatch is being taken out again.
    Reverting {
        /// The grant.
        grant_id: u64,
        /// Its patch set.
        patch_set: String,
        /// The epoch of the order.
        epoch: u64,
    },
    /// A livepatch cannot be taken out.
    NotReverted {
        /// The grant.
        grant_id: u64,
        /// Why.
        why: String,
    },
    /// An order to revert was passed over.
    RevertIgnored {
        /// The grant.
        grant_id: u64,
        /// Why.
        why: String,
    },
    /// A transition has stalled, and is kept.
    StallKept {
        /// The grant.
        grant_id: u64,
        /// How long it was waited for.
        waited: Millis,
    },
    /// A transition that had stalled has ended after all.
    EndedLate {
        /// The grant.
        grant_id: u64,
    },
    /// The cluster does not know this host.
    UnknownHost {
        /// When it is asked again.
        again_in: Millis,
    },
    /// The spool is full and a report was dropped.
    ReportDropped {
        /// The report.
        sequence: u64,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resumed { grant_id } => write!(f, "grant {grant_id}: resumed after a restart"),
            Self::Interrupted { grant_id, patch_set } => {
                write!(f, "grant {grant_id}: the host went down inside {patch_set}")
            }
            Self::OfferTaken { grant_id, patch_set, epoch } => {
                write!(f, "grant {grant_id}: offered {patch_set} at epoch {epoch}")
            }
            Self::OfferIgnored { why } => write!(f, "offer ignored: {why}"),
            Self::OfferDropped { grant_id, why } => {
                write!(f, "grant {grant_id}: offer dropped: {why}")
            }
            Self::NoGo { grant_id, why, asks_again_in } => {
                write!(f, "grant {grant_id}: no-go, asks again in {} ms: {why}", asks_again_in.0)
            }
            Self::Go { grant_id, not_after } => {
                write!(f, "grant {grant_id}: go until {} ms", not_after.as_millis())
            }
            Self::Inserted { grant_id } => write!(f, "grant {grant_id}: inserted"),
            Self::Soaking { grant_id, soak } => {
                write!(f, "grant {grant_id}: applied, soaks for {} ms", soak.0)
            }
            Self::SoakNotOver { grant_id, reports_again_in } => {
                write!(f, "grant {grant_id}: not over yet, again in {} ms", reports_again_in.0)
            }
            Self::GrantEnded { grant_id, how } => write!(f, "grant {grant_id}: ended: {how}"),
            Self::ReportRefused { sequence, why } => {
                write!(f, "report {sequence} was refused: {why}")
            }
            Self::ReportLost { sequence, why } => {
                write!(f, "report {sequence} is lost, it was refused even without its words: {why}")
            }
            Self::CallFailed { what, why, again_in } => {
                write!(f, "{what} failed, again in {} ms: {why}", again_in.0)
            }
            Self::Reverting { grant_id, patch_set, epoch } => {
                write!(f, "grant {grant_id}: takes {patch_set} out again at epoch {epoch}")
            }
            Self::NotReverted { grant_id, why } => {
                write!(f, "grant {grant_id}: the livepatch stays until the host reboots: {why}")
            }
            Self::RevertIgnored { grant_id, why } => {
                write!(f, "grant {grant_id}: order to revert ignored: {why}")
            }
            Self::StallKept { grant_id, waited } => write!(
                f,
                "grant {grant_id}: the transition has stalled after {} ms, and is kept",
                waited.0
            ),
            Self::EndedLate { grant_id } => {
                write!(f, "grant {grant_id}: the stalled transition has ended after all")
            }
            Self::UnknownHost { again_in } => write!(
                f,
                "the cluster does not know this host: enrol it again (asks again in {} ms)",
                again_in.0
            ),
            Self::ReportDropped { sequence } => {
                write!(f, "the spool is full: report {sequence} was dropped")
            }
        }
    }
}
