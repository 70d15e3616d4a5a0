//! How hostile is a run? Each seed draws which kinds of fault it knows, and how often they come, so
//! that some runs know one fault only and others all of them.

use super::chance::{Chance, Odds};
use super::sabotage::Sabotage;

/// How often what goes wrong, and for how long. Spans are milliseconds; a mean of 0 is never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// What happens to messages.
    pub links: Links,
    /// What happens to controllers.
    pub nodes: Nodes,
    /// What happens to their disks.
    pub disks: Disks,
    /// What happens to their clocks.
    pub clocks: Clocks,
    /// What happens to hosts.
    pub hosts: Hosts,
    /// What people do.
    pub people: People,
}

/// What happens to messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Messages lost.
    pub loss: Odds,
    /// Messages delivered twice.
    pub duplication: Odds,
    /// Messages that take long, and so come after later ones.
    pub slow: Odds,
    /// The longest that such a message takes.
    pub slow_most: u64,
    /// Pieces of snapshots that arrive damaged.
    pub bad_pieces: Odds,
    /// Mean time between two partitions.
    pub partition_every: u64,
    /// The longest that a partition lasts.
    pub partition_most: u64,
}

/// What happens to controllers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Mean time between two crashes of a controller.
    pub crash_every: u64,
    /// The longest that a crashed controller stays down.
    pub down_most: u64,
    /// Mean time between two spells in which a controller does everything late.
    pub slow_every: u64,
    /// Mean time between two disks that are lost for good, or wiped under their old id.
    pub loss_every: u64,
}

/// What happens to controllers' disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disks {
    /// Writes and syncs that fail, which stop the controller.
    pub failed_writes: Odds,
    /// Mean time between two disks that are full for a while.
    pub full_every: u64,
    /// Syncs that are skipped: for sabotage only.
    pub skipped_syncs: Odds,
}

/// What happens to controllers' clocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Mean time between two clocks that go wrong.
    pub trouble_every: u64,
    /// The longest that a clock stays wrong.
    pub wrong_most: u64,
}

/// What happens to hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Mean time between two troubles of some host that have nothing to do with a patch.
    pub trouble_every: u64,
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
}

/// What people do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Mean time between two whims of an operator.
    pub whim_every: u64,
    /// Mean time between two changes of the membership.
    pub member_every: u64,
}

impl Faults {
    /// Draws a mix, and what `sabotage` needs to show itself.
    #[must_use]
    pub fn draw(luck: &mut Chance, sabotage: Sabotage) -> Self {
        let drawn = Self {
            links: Links::draw(luck),
            nodes: Nodes::draw(luck),
            disks: Disks::draw(luck),
            clocks: Clocks {
                trouble_every: every(luck, 10_000, 60_000),
                wrong_most: luck.between(5_000, 60_000),
            },
            hosts: Hosts::draw(luck),
            people: People {
                whim_every: every(luck, 10_000, 60_000),
                member_every: every(luck, 10_000, 50_000),
            },
        };
        drawn.for_sabotage(sabotage)
    }

    /// No faults any more.
    #[must_use]
    pub fn calm() -> Self {
        Self { hosts: Hosts { fetch_most: 500, ..Hosts::default() }, ..Self::default() }
    }

    /// The mix in which a planted defect shows soonest.
    fn for_sabotage(mut self, sabotage: Sabotage) -> Self {
        match sabotage {
            Sabotage::None
            | Sabotage::BudgetOffByOne
            | Sabotage::CreditOffByOne
            | Sabotage::TokenOffByOne
            | Sabotage::FreezeEndsEarly
            | Sabotage::DelayTooShort
            | Sabotage::WindowTooLong
            | Sabotage::OnePersonWidens
            | Sabotage::AuthorAgrees
            | Sabotage::ApprovalsOffByOne
            | Sabotage::VerifiedTooLow
            | Sabotage::SampleTooSmall
            | Sabotage::WaveTooLarge
            | Sabotage::EarlyAck
            | Sabotage::StubbornLeader
            | Sabotage::RestoredRunning => (),
            Sabotage::SkippedSync => {
                self.disks.skipped_syncs = Odds(300_000);
                self.nodes.crash_every = 6_000;
            }
            Sabotage::TornWrites => self.disks.failed_writes = Odds(2_000),
            Sabotage::ForgottenHistory => self.hosts.fetch_most = 12_000,
            Sabotage::ForgottenVote => {
                self.nodes = Nodes { crash_every: 3_000, down_most: 300, ..self.nodes };
            }
            Sabotage::UncheckedPieces | Sabotage::CompactedTooFar => {
                self.nodes.crash_every = 6_000;
            }
            Sabotage::UnheardVouches => self.nodes.loss_every = 20_000,
            Sabotage::ForgottenMembers => {
                self.nodes.crash_every = 6_000;
                self.people.member_every = 8_000;
            }
            Sabotage::StaleReads => {
                self.links = Links { partition_every: 5_000, partition_most: 9_000, ..self.links };
            }
            Sabotage::LeaderClock => {
                self.clocks = Clocks { trouble_every: 6_000, wrong_most: 60_000 };
            }
            // A go must come after its lease.
            Sabotage::NoLeaseCheck => {
                self.links = Links { slow: Odds(300_000), slow_most: 6_000, ..self.links };
                self.hosts.slow_driver = Odds(500_000);
            }
            // The drill does the rest; downloads are slow, so that offers stand for a while.
            Sabotage::NoEpochCheck => {
                self = Self::calm();
                self.hosts.fetch_most = 12_000;
            }
        }
        self
    }
}

/// Whether this run knows a fault at all: a coin.
fn is_known(luck: &mut Chance) -> bool {
    luck.below(2) == 0
}

fn odds(luck: &mut Chance, most: u64) -> Odds {
    let drawn = luck.below(most);
    Odds(if is_known(luck) { drawn } else { 0 })
}

fn every(luck: &mut Chance, least: u64, most: u64) -> u64 {
    let drawn = luck.between(least, most);
    if is_known(luck) { drawn } else { 0 }
}

impl Links {
    fn draw(luck: &mut Chance) -> Self {
        Self {
            loss: odds(luck, 200_000),
            duplication: odds(luck, 300_000),
            slow: odds(luck, 150_000),
            slow_most: 2_000,
            bad_pieces: odds(luck, 200_000),
            partition_every: every(luck, 8_000, 50_000),
            partition_most: 15_000,
        }
    }
}

impl Nodes {
    fn draw(luck: &mut Chance) -> Self {
        Self {
            crash_every: every(luck, 8_000, 60_000),
            down_most: 12_000,
            slow_every: every(luck, 15_000, 60_000),
            loss_every: every(luck, 30_000, 90_000),
        }
    }
}

impl Disks {
    fn draw(luck: &mut Chance) -> Self {
        Self {
            failed_writes: odds(luck, 600),
            full_every: every(luck, 20_000, 80_000),
            skipped_syncs: Odds(0),
        }
    }
}

impl Hosts {
    fn draw(luck: &mut Chance) -> Self {
        Self {
            trouble_every: every(luck, 6_000, 60_000),
            never_returns: odds(luck, 200_000),
            torn_step: odds(luck, 2_000),
            bad_fetch: odds(luck, 300_000),
            fetch_most: 1_500,
            slow_driver: odds(luck, 300_000),
        }
    }
}
