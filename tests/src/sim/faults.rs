//! How hostile is a run? Each seed draws its own mix, so that some runs know one fault only and
//! others all of them.

use super::chance::{Chance, Odds};

/// A defect planted on purpose, so that a test can show that the checks would notice one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Everything as it is.
    None,
    /// The controllers' disks skip syncs.
    SkippedSync,
    /// The agents take offers and permissions of an old epoch.
    NoEpochCheck,
    /// The agents insert after their lease ran out.
    NoLeaseCheck,
    /// The controllers work with an exposure budget of one host more than the operator asked for.
    BudgetOffByOne,
}

/// How often what goes wrong, and for how long. Spans are milliseconds; a mean of 0 is never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Messages lost.
    pub loss: Odds,
    /// Messages delivered twice.
    pub duplication: Odds,
    /// Messages that take long, and so come after later ones.
    pub slow: Odds,
    /// The longest that such a message takes.
    pub slow_most: u64,
    /// Mean time between two crashes of a controller.
    pub node_crash_every: u64,
    /// The longest that a crashed controller stays down.
    pub node_down_most: u64,
    /// Writes that fail, which stop the controller.
    pub failed_writes: Odds,
    /// Syncs that are skipped: for sabotage only.
    pub skipped_syncs: Odds,
    /// Mean time between two partitions.
    pub partition_every: u64,
    /// The longest that a partition lasts.
    pub partition_most: u64,
    /// Mean time between two troubles of some host that have nothing to do with a patch.
    pub host_trouble_every: u64,
    /// Hosts that never return from an unplanned reboot.
    pub never_returns: Odds,
    /// Agents that die between two of their outputs.
    pub torn_step: Odds,
    /// Downloads that fail or come damaged.
    pub bad_fetch: Odds,
    /// The longest that a download takes.
    pub fetch_most: u64,
    /// Inserts that the driver starts late.
    pub slow_driver: Odds,
    /// Mean time between two whims of an operator.
    pub whim_every: u64,
}

impl Faults {
    /// Draws a mix, and what `sabotage` needs to show itself.
    #[must_use]
    pub fn draw(luck: &mut Chance, sabotage: Sabotage) -> Self {
        let mut odds = |most| Odds(if luck.below(3) == 0 { 0 } else { luck.below(most) });
        let (loss, duplication) = (odds(200_000), odds(300_000));
        let (slow, torn_step) = (odds(150_000), odds(2_000));
        let (bad_fetch, slow_driver) = (odds(300_000), odds(300_000));
        let (never_returns, failed_writes) = (odds(200_000), odds(600));
        let mut every =
            |least, most| if luck.below(4) == 0 { 0 } else { luck.between(least, most) };
        let drawn = Self {
            loss,
            duplication,
            slow,
            slow_most: 2_000,
            node_crash_every: every(8_000, 60_000),
            node_down_most: 12_000,
            failed_writes,
            skipped_syncs: Odds(0),
            partition_every: every(8_000, 50_000),
            partition_most: 15_000,
            host_trouble_every: every(6_000, 60_000),
            never_returns,
            torn_step,
            bad_fetch,
            fetch_most: 1_500,
            slow_driver,
            whim_every: every(10_000, 60_000),
        };
        drawn.for_sabotage(sabotage)
    }

    /// The mix in which a planted defect shows soonest.
    fn for_sabotage(self, sabotage: Sabotage) -> Self {
        match sabotage {
            Sabotage::None | Sabotage::BudgetOffByOne => self,
            Sabotage::SkippedSync => {
                Self { skipped_syncs: Odds(300_000), node_crash_every: 6_000, ..self }
            }
            // A go must come after its lease.
            Sabotage::NoLeaseCheck => {
                Self { slow: Odds(300_000), slow_most: 6_000, slow_driver: Odds(500_000), ..self }
            }
            // The drill does the rest; downloads are slow, so that offers stand for a while.
            Sabotage::NoEpochCheck => Self { fetch_most: 12_000, ..self.calm() },
        }
    }

    /// No faults any more.
    #[must_use]
    pub fn calm(&self) -> Self {
        Self {
            loss: Odds(0),
            duplication: Odds(0),
            slow: Odds(0),
            slow_most: 0,
            node_crash_every: 0,
            node_down_most: 0,
            failed_writes: Odds(0),
            skipped_syncs: Odds(0),
            partition_every: 0,
            partition_most: 0,
            host_trouble_every: 0,
            never_returns: Odds(0),
            torn_step: Odds(0),
            bad_fetch: Odds(0),
            fetch_most: 500,
            slow_driver: Odds(0),
            whim_every: 0,
        }
    }
}
