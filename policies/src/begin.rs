//! May one more host begin? The last look before a grant begins, with the numbers of the very entry.

use serde::{Deserialize, Serialize};

use crate::decide::{Inputs, VerdictKind, decide};

/// Why no further host may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoRoom {
    /// The judge holds or halts.
    Verdict(VerdictKind),
    /// The exposure would pass its budget.
    ExposureBudget {
        /// Hosts exposed now.
        exposed: u64,
        /// Most hosts that may be.
        budget: u64,
    },
    /// The hosts in flight would pass their cap.
    InFlight {
        /// Hosts in flight now.
        in_flight: u64,
        /// Most hosts that may be.
        cap: u64,
    },
}

/// Whether one more host may begin, with `reserved` further hosts already promised a place.
///
/// # Errors
///
/// [`NoRoom`]: the first reason in the order verdict, exposure budget, in-flight cap.
pub fn room_for_one(inputs: &Inputs, reserved: u64) -> Result<(), NoRoom> {
    room_by(decide(inputs).kind, inputs, reserved)
}

/// The same under a verdict that knows more than the counts: the one of [`crate::decide::judge`]. Credit is
/// asked for besides, with [`crate::credit::CreditBook::room`].
///
/// # Errors
///
/// [`NoRoom`]: the first reason in the order verdict, exposure budget, in-flight cap.
pub fn room_by(kind: VerdictKind, inputs: &Inputs, reserved: u64) -> Result<(), NoRoom> {
    match kind {
        VerdictKind::Continue | VerdictKind::Promote => (),
        kind @ (VerdictKind::Hold | VerdictKind::Halt) => return Err(NoRoom::Verdict(kind)),
    }
    let exposed = inputs.counts.exposed() + reserved;
    if exposed + 1 > inputs.exposure_budget {
        return Err(NoRoom::ExposureBudget { exposed, budget: inputs.exposure_budget });
    }
    let in_flight = inputs.counts.in_flight + reserved;
    if in_flight + 1 > inputs.in_flight_cap {
        return Err(NoRoom::InFlight { in_flight, cap: inputs.in_flight_cap });
    }
    Ok(())
}
