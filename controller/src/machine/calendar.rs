//! When may hosts begin, by the wall? Windows as they will open, freezes, and what is held back from hosts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tidegate_policies::schedule::{At, Openings, Window};
use tidegate_policies::tiers::{Holdback, TierRules};
use tidegate_policies::time::WallTime;
use tidegate_policies::when::Frozen;

use super::ids::{FreezeId, HostId, NotAName, TierName, TokenId};

/// Freezes that may stand at a time.
pub const MAX_FREEZES: usize = 1_000;

/// Tokens and hosts that something may be held back from; for more hosts, hold it back from their token.
pub const MAX_HOLDBACKS: usize = 10_000;

/// What is known of dates and times of day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// What each tier is declared to be, apart from its name and whether it is sampled; those without rules have
    /// none here.
    pub tiers: BTreeMap<TierName, TierRules>,
    /// How often the ladder was declared, from 1.
    pub ladder_version: u64,
    /// When each window that a tier has is open.
    pub openings: BTreeMap<Window, Openings>,
    /// The freezes.
    pub freezes: BTreeMap<FreezeId, Freeze>,
    /// What is held back from tokens and hosts.
    pub holdbacks: BTreeMap<HeldBack, Holdback>,
}

/// Nobody begins, everywhere or in a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its name.
    pub id: FreezeId,
    /// The tier; `None`: every tier.
    pub tier: Option<TierName>,
    /// When it ends by itself; `None`: when a person lifts it.
    pub until: Option<WallTime>,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Since when.
    pub since: WallTime,
}

/// From whom something is held back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HeldBack {
    /// The hosts of a token.
    Token(TokenId),
    /// One host.
    Host(HostId),
}

impl FromStr for HeldBack {
    type Err = NotAName;

    /// The inverse of [`HeldBack::name`].
    fn from_str(name: &str) -> Result<Self, NotAName> {
        match name.split_once('/') {
            Some(("tokens", token)) => Ok(Self::Token(token.parse()?)),
            Some(("hosts", host)) => Ok(Self::Host(host.parse()?)),
            Some(_) | None => Err(NotAName { text: name.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl HeldBack {
    /// The resource name.
    pub fn name(&self) -> String {
        match self {
            Self::Token(token) => format!("tokens/{token}"),
            Self::Host(host) => format!("hosts/{host}"),
        }
    }
}

impl Calendar {
    /// The freeze that keeps hosts of `tier` from beginning at `wall`: the one that ends last.
    pub fn frozen(&self, tier: &str, wall: WallTime) -> Option<Frozen> {
        let of_tier = |freeze: &&Freeze| {
            freeze.tier.as_ref().is_none_or(|of| of.as_str() == tier)
                && freeze.until.is_none_or(|until| until > wall)
        };
        let standing = self.freezes.values().filter(of_tier);
        let last = standing.max_by_key(|freeze| freeze.until.map_or(u64::MAX, |until| until.0))?;
        let (name, reason) = (last.id.to_string(), last.reason.clone());
        Some(Frozen { name, reason, until: last.until })
    }

    /// What a tier is declared to be.
    pub fn rules(&self, tier: &str) -> Option<&TierRules> {
        self.tiers.iter().find(|(name, _)| name.as_str() == tier).map(|(_, rules)| rules)
    }

    /// Whether one of a tier's windows is open at `wall`; `None`: it has none.
    pub fn window(&self, rules: &TierRules, wall: Option<WallTime>) -> Option<At> {
        let at = |window: &Window| {
            let known = wall.and_then(|wall| Some(self.openings.get(window)?.at(wall)));
            known.unwrap_or(At::Unknown)
        };
        rules.windows.iter().map(at).reduce(At::or)
    }

    /// The windows whose openings have to be computed anew at `wall`.
    pub fn run_out(&self, wall: WallTime) -> Vec<Window> {
        let run_out = |window: &&Window| {
            self.openings.get(window).is_none_or(|openings| openings.run_out(wall))
        };
        let mut windows: Vec<Window> =
            self.tiers.values().flat_map(|rules| &rules.windows).filter(run_out).cloned().collect();
        windows.sort();
        windows.dedup();
        windows
    }

    /// What is held back from a host of this token.
    pub fn held_back(&self, token: &TokenId, host: HostId) -> Holdback {
        if self.holdbacks.is_empty() {
            return Holdback::NONE;
        }
        let of = |of: HeldBack| self.holdbacks.get(&of).copied().unwrap_or_default();
        of(HeldBack::Token(token.clone())).and(of(HeldBack::Host(host)))
    }
}
