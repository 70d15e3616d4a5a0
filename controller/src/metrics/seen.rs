//! What does this process know of itself? From its meters, and from those who speak to it.

use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME,
};

use super::catalogue::{
    AGENTS_CONNECTED, CALLS, CHECK_INS, CORRUPTION, FSYNCS, HALT_PROPAGATION, PROPOSALS, SHED,
};
use super::family::{Family, number};
use super::gauges::ByTier;
use crate::machine::ids::TierName;
use crate::meters::{Seen, Shed};

/// What a call is split by, under the names of OpenTelemetry's conventions.
pub(super) const OF_CALLS: [&str; 4] =
    [RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE];

/// The only system that there is.
const SYSTEM: &str = "grpc";

/// What the meters say.
pub(super) fn of_meters(seen: Seen) -> Vec<Family> {
    let shed = [(Shed::Beat, "beat"), (Shed::Command, "command")].map(|(what, word)| {
        let count = seen.shed.get(&what).copied().unwrap_or_default();
        (vec![word.to_owned()], number(count))
    });
    let calls = seen.calls.into_iter().map(|(call, times)| {
        let labels = [SYSTEM, &call.method, call.status, call.error];
        (labels.map(str::to_owned).to_vec(), times)
    });
    let check_ins = seen.check_ins.into_iter().map(|(tier, times)| (vec![tier], times));
    vec![
        Family::histogram(PROPOSALS, seen.proposals),
        Family::histogram(HALT_PROPAGATION, seen.halts),
        Family::histogram(FSYNCS, seen.syncs),
        Family::new(SHED, shed),
        Family::histograms(CHECK_INS, check_ins),
        Family::histograms(CALLS, calls),
    ]
}

/// Who speaks to this node.
pub(super) fn of_callers(connected: impl IntoIterator<Item = (TierName, u64)>) -> Family {
    let mut by_tier = ByTier::default();
    for (tier, hosts) in connected {
        by_tier.add(tier.as_str(), hosts);
    }
    by_tier.family(AGENTS_CONNECTED)
}

/// What rotted on this node's disk and was replaced.
pub(super) fn of_artifacts(damaged: u64) -> Family {
    Family::one(CORRUPTION, number(damaged))
}
