//! What is a run about, and what came out of it?

use tidegate_policies::cohort::CohortRule;

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Chance that a host fails by itself within an hour.
    pub base: f64,
    pub fault: Fault,
    pub order: Order,
    pub trouble: Trouble,
    /// What the controllers do about it.
    pub care: Care,
    pub seed: u64,
}

/// What the patch does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// No harm.
    None,
    /// A host fails with this chance.
    Hosts(f64),
    /// A host of the rare CPU model does.
    Model(f64),
    /// With this chance a host takes its whole rack down for good.
    Racks(f64),
}

/// In which order hosts are patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As chance has it.
    Chance,
    /// Rack by rack.
    Racks,
    /// Zone by zone.
    Zones,
    /// Kernel by kernel.
    Kernels,
}

/// What happens to the fleet that the patch has no part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Some rack is cut off for twenty minutes, once in so many minutes.
    Racks(u32),
    /// Some zone is cut off for a quarter of an hour, once in so many minutes.
    Zones(u32),
    /// The zone of the host whose turn it is, once, after so many minutes.
    ZoneInTurn(u32),
    /// For half an hour hosts fail twenty times as often, once in so many minutes.
    Spikes(u32),
    /// Hosts of one kernel fail up to four times as often as those of another, all the time.
    Kernels,
}

/// What keeps trouble from looking like harm. All of it, unless a trap is planted.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// Silence in a domain that is not heard says nothing.
    pub listening: bool,
    /// A rack's failures within two minutes are one.
    pub thinning: bool,
    /// Hosts are compared with their like.
    pub strata: Strata,
    /// Domains are compared with domains, too.
    pub domains: bool,
    /// Reference hosts from which on a domain is listened to by itself.
    pub reference: u32,
    /// Hosts that patched ones are compared with, of a fleet of more than fifty thousand.
    pub sentinels: u64,
}

/// With whom a host is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strata {
    /// With everybody.
    One,
    /// With hosts of its kernel, where they are a hundred.
    Kernels,
    /// With hosts of its kernel and zone, where they are a hundred.
    KernelsAndZones,
    /// With hosts of its kernel and zone, or else of its kernel, where enough of them are sentinels, as
    /// controllers do.
    Controllers,
}

/// What became of a run, or of one rule in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub halted: bool,
    /// After four hours of hold a person looked, and that halted it.
    pub by_person: bool,
    pub held: bool,
    /// Hosts that had begun by the halt and that the patch makes fail; racks where it takes racks.
    pub harmed: u32,
    /// Hosts that had begun by the halt.
    pub exposed: u32,
    /// Minutes from the start to the halt, or to the end.
    pub minutes: u64,
}

impl Setup {
    /// A good patch in an untroubled fleet, in the order of chance.
    pub const fn good(base: f64, seed: u64) -> Self {
        Self {
            base,
            fault: Fault::None,
            order: Order::Chance,
            trouble: Trouble::None,
            care: Care::ALL,
            seed,
        }
    }

    /// Of all hosts, those that the patch makes fail.
    pub fn share(&self) -> f64 {
        match self.fault {
            Fault::None => 0.0,
            Fault::Hosts(chance) | Fault::Racks(chance) => chance,
            Fault::Model(chance) => chance * 0.02,
        }
    }
}

impl Care {
    /// How many are compared with.
    pub fn cohorts(&self) -> CohortRule {
        CohortRule { sentinels: self.sentinels, ..CohortRule::STANDARD }
    }

    pub const ALL: Self = Self {
        listening: true,
        thinning: true,
        strata: Strata::Controllers,
        domains: true,
        reference: 5,
        sentinels: CohortRule::STANDARD.sentinels,
    };
}
