//! What does this process see itself do? Times and counts, noted where something happens; `metrics` tells them.
//!
//! Nothing here decides, and nothing here is replicated: two controllers of one cluster see different things.

mod histogram;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use histogram::{CALL_TIMES, Histogram, LAG_TIMES, LONG_TIMES, SHORT_TIMES};

/// Most kinds of calls that are timed apart; what comes later is [`Call::other`].
pub const MAX_CALLS: usize = 100;
/// Most tiers whose beats are timed apart; what comes later is [`OTHER`].
pub const MAX_TIERS: usize = 32;

/// What has no row of its own, under the name that OpenTelemetry's conventions have for it.
pub const OTHER: &str = "_OTHER";

/// The meters of one process. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<Seen>>);

/// What was seen since the process began.
#[derive(Clone, Debug)]
pub struct Seen {
    /// From when a command was given to this node until it was applied here.
    pub proposals: Histogram,
    /// The same, of the entries that halted something.
    pub halts: Histogram,
    /// How long each sync of the log took.
    pub syncs: Histogram,
    /// How many requests were turned away because too many waited.
    pub shed: BTreeMap<Shed, u64>,
    /// How late the beats of each tier's hosts came.
    pub check_ins: BTreeMap<String, Histogram>,
    /// How long calls took.
    pub calls: BTreeMap<Call, Histogram>,
}

/// What was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// A beat of a host, which comes again by itself.
    Beat,
    /// A command.
    Command,
}

/// A kind of call, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The method in full, such as `tidegate.v1.RolloutService/HaltRollout`.
    pub method: String,
    /// The gRPC status, such as `OK`.
    pub status: &'static str,
    /// Why it counts as an error of the server's; empty: it does not.
    pub error: &'static str,
}

impl Call {
    /// Where a call is counted that has no row of its own.
    pub fn other(self) -> Self {
        Self { method: OTHER.to_owned(), ..self }
    }
}

impl Default for Seen {
    /// Nothing yet.
    fn default() -> Self {
        Self {
            proposals: Histogram::new(SHORT_TIMES),
            halts: Histogram::new(SHORT_TIMES),
            syncs: Histogram::new(SHORT_TIMES),
            shed: BTreeMap::new(),
            check_ins: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }
}

impl Meters {
    /// A command that was given to this node is applied, `took` later.
    pub fn proposal_applied(&self, took: Duration) {
        self.lock().proposals.note(took.as_secs_f64());
    }

    /// An entry that was given to this node has halted something, `took` later.
    pub fn halt_applied(&self, took: Duration) {
        self.lock().halts.note(took.as_secs_f64());
    }

    /// A sync of the log took so long.
    pub fn log_synced(&self, took: Duration) {
        self.lock().syncs.note(took.as_secs_f64());
    }

    /// Something was turned away.
    pub fn shed(&self, what: Shed) {
        *self.lock().shed.entry(what).or_default() += 1;
    }

    /// A host of `tier` came so much later than it was told to.
    pub fn checked_in(&self, tier: &str, late: Duration) {
        let mut seen = self.lock();
        let rows = &mut seen.check_ins;
        let is_full = rows.len() >= MAX_TIERS && !rows.contains_key(tier);
        let row = rows.entry(if is_full { OTHER } else { tier }.to_owned());
        row.or_insert_with(|| Histogram::new(LAG_TIMES)).note(late.as_secs_f64());
    }

    /// A call has ended.
    pub fn call_ended(&self, call: Call, took: Duration) {
        let mut seen = self.lock();
        let rows = &mut seen.calls;
        let is_full = rows.len() >= MAX_CALLS && !rows.contains_key(&call);
        let row = rows.entry(if is_full { call.other() } else { call });
        row.or_insert_with(|| Histogram::new(CALL_TIMES)).note(took.as_secs_f64());
    }

    /// Everything as it is now.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Each change is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: usize) -> Call {
        Call { method: format!("a.B/{method}"), status: "OK", error: "" }
    }

    #[test]
    fn callers_who_make_up_methods_and_tiers_fill_one_row_and_nothing_is_lost() {
        let meters = Meters::default();
        for number in 0..1_000 {
            meters.call_ended(call(number), Duration::from_millis(6));
            meters.checked_in(&format!("tier-{number}"), Duration::ZERO);
        }
        meters.call_ended(call(0), Duration::from_millis(6));
        let seen = meters.seen();
        assert_eq!((seen.calls.len(), seen.check_ins.len()), (MAX_CALLS + 1, MAX_TIERS + 1));
        assert_eq!(seen.calls[&call(0)].count(), 2);
        assert_eq!(seen.calls[&call(0).other()].count(), 900);
        assert_eq!(seen.check_ins[OTHER].count(), 968);
    }
}
