//! Which sections does a root name? Their ids tell the pieces of one from those of another, for ever.

pub(in crate::machine) const HOSTS: u8 = 1;
pub(in crate::machine) const PROFILES: u8 = 2;
pub(in crate::machine) const PROFILE_NUMBERS: u8 = 3;
pub(in crate::machine) const LABELS: u8 = 4;
pub(in crate::machine) const LABEL_NUMBERS: u8 = 5;
pub(in crate::machine) const GRANTS: u8 = 6;
pub(in crate::machine) const ENTRIES: u8 = 7;
pub(in crate::machine) const DRAWN: u8 = 8;
pub(in crate::machine) const ACKNOWLEDGED: u8 = 9;
pub(in crate::machine) const RECORDS: u8 = 10;
pub(in crate::machine) const ANSWERED: u8 = 11;
pub(in crate::machine) const REQUEST_NUMBERS: u8 = 12;
pub(in crate::machine) const SUBJECTS: u8 = 13;
pub(in crate::machine) const INCIDENTS: u8 = 14;
pub(in crate::machine) const LEDGER: u8 = 15;
pub(in crate::machine) const EVICTED: u8 = 16;
pub(in crate::machine) const OUTBOX: u8 = 17;
pub(in crate::machine) const DEAD_LETTERS: u8 = 18;

/// Clocks, members, tokens, vouches, and where the chain of records stands.
pub(super) const CORE: u8 = 64;
pub(super) const PATCH_SETS: u8 = 65;
pub(super) const ROLLOUTS: u8 = 66;
pub(super) const BLOBS: u8 = 67;

/// The evidence and the credit of judged rollouts.
pub(super) const TRIALS: u8 = 69;

/// The values that are too large for the chunks of their tables.
pub(super) const LONG: u8 = 68;
