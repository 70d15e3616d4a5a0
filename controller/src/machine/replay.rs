//! Does a recorded verdict follow from what was recorded with it? Computed again, and compared to the bit.

use tidegate_policies::decide::Verdict;

use super::Machine;
use super::records::{rollout_subject, verdict_hash};
use super::rollouts::Rollout;

/// A verdict, computed again from its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Log index of the entry that reached it.
    pub index: u64,
    /// What the record says of it.
    pub recorded: String,
    /// What its inputs give today.
    pub verdict: Verdict,
    /// BLAKE3 of the verdict that was reached.
    pub recorded_hash: [u8; 32],
    /// BLAKE3 of the one that its inputs give today.
    pub computed_hash: [u8; 32],
    /// The arithmetic of its evidence, line by line; none where guard rails alone decided.
    pub evidence: Vec<String>,
}

impl Replayed {
    /// Whether both are the same to the bit.
    pub fn is_same(&self) -> bool {
        self.recorded_hash == self.computed_hash
    }
}

impl Machine {
    /// The verdicts on `rollout` that the entry at `index` reached, computed again; 0: the newest one. None
    /// where the entry reached none, or its record is not kept any more.
    pub fn replay(&self, rollout: &Rollout, index: u64) -> Option<Replayed> {
        let subject = rollout_subject(rollout.id.as_str());
        let mut records = self.records().on(&subject);
        let record = records
            .find(|record| record.basis.is_some() && (index == 0 || record.index == index))?;
        let (basis, recorded_hash) = record.basis.zip(record.verdict)?;
        let verdict = basis.judge();
        Some(Replayed {
            index: record.index,
            recorded: record.note.detail,
            computed_hash: verdict_hash(&verdict),
            evidence: self.arithmetic(&basis),
            verdict,
            recorded_hash,
        })
    }
}
