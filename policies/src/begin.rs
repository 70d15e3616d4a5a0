//! May further hosts begin? The last look before a grant begins, with the numbers of the very entry.

use serde::{Deserialize, Serialize};

use crate::decide::{Inputs, VerdictKind};

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

/// How many more hosts may begin under a verdict, one at least, with `reserved` further hosts already promised
/// a place. Credit is asked for besides, with [`crate::credit::CreditBook::room`].
///
/// # Errors
///
/// [`NoRoom`]: the first reason in the order verdict, exposure budget, in-flight cap.
pub fn room_by(kind: VerdictKind, inputs: &Inputs, reserved: u64) -> Result<u64, NoRoom> {
    match kind {
        VerdictKind::Continue | VerdictKind::Promote => (),
        kind @ (VerdictKind::Hold | VerdictKind::Halt) => return Err(NoRoom::Verdict(kind)),
    }
    let exposed = inputs.counts.exposed() + reserved;
    let unexposed = inputs.exposure_budget.saturating_sub(exposed);
    if unexposed == 0 {
        return Err(NoRoom::ExposureBudget { exposed, budget: inputs.exposure_budget });
    }
    let in_flight = inputs.counts.in_flight + reserved;
    let places = inputs.in_flight_cap.saturating_sub(in_flight);
    if places == 0 {
        return Err(NoRoom::InFlight { in_flight, cap: inputs.in_flight_cap });
    }
    Ok(unexposed.min(places))
}
