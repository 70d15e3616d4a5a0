//! What does a host's kernel do with a livepatch? The truth that no controller sees.

use std::collections::BTreeMap;

use tidegate_agent::core::{BootTime, ModuleName, Observation};
use tidegate_proto::v1::{KernelEvidence, LivepatchState};

use super::chance::Chance;

/// The kernel of one boot.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    modules: BTreeMap<ModuleName, Module>,
    trouble: Option<KernelEvidence>,
}

/// A loaded module.
#[derive(Clone, Copy, Debug)]
struct Module {
    /// When its transition ends, on the host's clock; `None`: it stalls.
    settles: Option<BootTime>,
    enabled: bool,
}

/// What a patch does to one host. A property of the artifact and the host: it does it every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bite {
    /// It works.
    None,
    /// The kernel refuses the module.
    Refused,
    /// It is loaded and never enabled.
    NotEnabled,
    /// Its transition never ends.
    Stalls,
    /// The kernel panics, and the next boot finds its words.
    Panics,
    /// The host reboots without a word.
    Reboots,
    /// The host hangs: it is never heard again.
    Hangs,
    /// The kernel oopses and runs on.
    Oopses,
    /// Somebody disables the livepatch behind the agent's back.
    Vanishes,
}

impl Bite {
    /// What a patch that harms `share` percent of its hosts does to one of them.
    pub fn draw(luck: &mut Chance, share: u64) -> Self {
        if luck.below(100) >= share {
            return Self::None;
        }
        let all = [
            Self::Panics,
            Self::Panics,
            Self::Panics,
            Self::Reboots,
            Self::Reboots,
            Self::Stalls,
            Self::Hangs,
            Self::Oopses,
            Self::Refused,
            Self::NotEnabled,
            Self::Vanishes,
        ];
        luck.pick(&all).unwrap_or(Self::Panics)
    }
}

/// How an insert ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The kernel refused.
    Refused,
    /// It is in.
    In,
}

impl Kernel {
    /// Inserts `module`, whose transition takes until `settles` if it ends at all.
    pub fn insert(&mut self, module: &ModuleName, bite: Bite, settles: BootTime) -> Inserted {
        let settles = match bite {
            Bite::Refused => return Inserted::Refused,
            Bite::Stalls => None,
            Bite::None
            | Bite::NotEnabled
            | Bite::Panics
            | Bite::Reboots
            | Bite::Hangs
            | Bite::Oopses
            | Bite::Vanishes => Some(settles),
        };
        // The agent is told of trouble since the last insert.
        self.trouble = None;
        let enabled = bite != Bite::NotEnabled;
        self.modules.insert(module.clone(), Module { settles, enabled });
        Inserted::In
    }

    /// Disables `module`.
    pub fn disable(&mut self, module: &ModuleName) {
        self.modules.remove(module);
    }

    /// The kernel writes of trouble, and runs on.
    pub fn oops(&mut self, module: &ModuleName) {
        self.trouble =
            Some(KernelEvidence { signature: format!("oops: RIP: {module}"), names_module: true });
    }

    /// Whether `module` is enabled; `None` where it is not loaded.
    pub fn is_enabled(&self, module: &ModuleName) -> Option<bool> {
        self.modules.get(module).map(|module| module.enabled)
    }

    /// When the transition of `module` ends.
    pub fn settles(&self, module: &ModuleName) -> Option<BootTime> {
        self.modules.get(module)?.settles
    }

    /// What the agent sees at `at`.
    pub fn observe(&self, at: BootTime) -> Observation {
        let livepatches = self.modules.iter().map(|(name, module)| LivepatchState {
            module: name.to_string(),
            enabled: module.enabled,
            transition: module.settles.is_none_or(|settles| at < settles),
        });
        Observation {
            at,
            livepatches: livepatches.collect(),
            taint: 0,
            trouble: self.trouble.clone(),
        }
    }
}
