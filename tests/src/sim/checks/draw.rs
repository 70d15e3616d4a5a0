//! I11: is each host drawn once for a patch set, for good, and by lot? The lots are cast again here, from what is written
//! of them, and no offer may go to a host that has not won its place.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_controller::machine::Command;
use tidegate_controller::machine::calendar::HeldBack;
use tidegate_controller::machine::command::Action;
use tidegate_controller::machine::entitlement_event::EntitlementEvent;
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::fleet::{Facts, Host};
use tidegate_controller::machine::grants::Grant;
use tidegate_controller::machine::ids::{HostId, RolloutId, TokenId, Version};
use tidegate_controller::machine::rollouts::Place;

use super::Violation;
use super::log::Entry;
use crate::sim::meaning::Meaning;

/// The steps of the policy's ladder, and which of them is drawn from the one after it.
const LADDER: [&str; 3] = ["canary", "free", "paid"];
const DRAWN: usize = 0;

/// The account.
#[derive(Debug)]
pub(super) struct Draw {
    meant: Meaning,
    rollouts: BTreeMap<RolloutId, (Version, Option<Place>)>,
    hosts: BTreeMap<HostId, Row>,
    revoked: BTreeSet<TokenId>,
    held_back: BTreeSet<HeldBack>,
}

/// A host.
#[derive(Debug)]
struct Row {
    tier: String,
    token: TokenId,
    stratum: (String, String),
}

impl Draw {
    /// An account of operators who mean this.
    pub(super) fn new(meant: Meaning) -> Self {
        Self {
            meant,
            rollouts: BTreeMap::new(),
            hosts: BTreeMap::new(),
            revoked: BTreeSet::new(),
            held_back: BTreeSet::new(),
        }
    }

    /// Enters a committed entry.
    pub(super) fn take(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        if let Command::Operate(operate) = &*entry.command
            && let Action::HoldBack(of) = &operate.action
        {
            // Who was ever held back may or may not be drawn, as far as this account goes.
            self.held_back.insert(of.of.clone());
        }
        entry.events.iter().try_for_each(|event| self.enter(index, event))
    }

    fn enter(&mut self, index: u64, event: &Event) -> Result<(), Violation> {
        if let Event::RolloutCreated { rollout, .. } = event {
            self.rollouts.insert(rollout.id.clone(), (rollout.version.clone(), None));
        } else if let Event::WaveStarted { rollout, place, .. } = event {
            if let Some((_, now)) = self.rollouts.get_mut(rollout) {
                *now = Some(*place);
            }
        } else if let Event::RolloutStarted { rollout, drawn, .. } = event {
            return self.was_drawn(index, rollout, drawn.get(&DRAWN));
        } else if let Event::GrantOffered(grant) = event {
            return self.has_its_turn(index, grant);
        } else if let Event::HostEnrolled(host) = event {
            self.hosts.insert(host.id, row(host));
        } else if let Event::HostChanged { host, facts, .. } = event {
            if let Some(row) = self.hosts.get_mut(host) {
                row.stratum = stratum(facts);
            }
        } else if let Event::Entitlement(event) = event {
            self.entitle(event);
        }
        Ok(())
    }

    fn entitle(&mut self, event: &EntitlementEvent) {
        if let EntitlementEvent::HostMoved { host, token, tier, .. } = event {
            if let Some(row) = self.hosts.get_mut(host) {
                (row.tier, row.token) = (tier.to_string(), token.clone());
            }
        } else if let EntitlementEvent::HostEvicted { host, .. } = event {
            self.hosts.remove(host);
        } else if let EntitlementEvent::TokenRevoked { token, .. } = event {
            self.revoked.insert(token.clone());
        }
    }

    /// Whoever was drawn comes before everybody of its stratum who was not, and could have been.
    fn was_drawn(
        &self,
        index: u64,
        rollout: &RolloutId,
        drawn: Option<&BTreeSet<HostId>>,
    ) -> Result<(), Violation> {
        let (Some((version, _)), Some(drawn)) = (self.rollouts.get(rollout), drawn) else {
            let what = format!("{rollout} is started at index {index} without a draw");
            return Err(Violation::new("I11", what));
        };
        let lot = lot(version, "draw", LADDER[DRAWN]);
        let mut last: BTreeMap<&(String, String), u64> = BTreeMap::new();
        for host in drawn {
            let Some(row) = self.hosts.get(host).filter(|row| row.tier == LADDER[DRAWN + 1]) else {
                let what = format!("{rollout} draws {host} at index {index}, which is not there");
                return Err(Violation::new("I11", what));
            };
            let last = last.entry(&row.stratum).or_default();
            *last = place(&lot, *host).max(*last);
        }
        let left = self.hosts.iter().filter(|(host, row)| {
            row.tier == LADDER[DRAWN + 1]
                && !drawn.contains(host)
                && !self.revoked.contains(&row.token)
                && !self.held_back.contains(&HeldBack::Host(**host))
                && !self.held_back.contains(&HeldBack::Token(row.token.clone()))
        });
        for (host, row) in left {
            if last.get(&row.stratum).is_none_or(|last| place(&lot, *host) < *last) {
                let what = format!("{rollout} passes {host} over at index {index}: {drawn:?}");
                return Err(Violation::new("I11", what));
            }
        }
        Ok(())
    }

    /// An offer of the present wave goes to a host inside its share, which the next wave's holds, too.
    fn has_its_turn(&self, index: u64, grant: &Grant) -> Result<(), Violation> {
        let Some((version, Some(now))) = self.rollouts.get(&grant.rollout) else { return Ok(()) };
        if grant.stage != now.stage {
            return Ok(());
        }
        let shares = self.meant.waves.get(now.stage).copied().unwrap_or_default();
        let share = shares.get(now.wave).copied().unwrap_or(100);
        let tier = LADDER.get(now.stage).copied().unwrap_or_default();
        let at = place(&lot(version, "wave", tier), grant.host);
        if u128::from(at) * 100 < u128::from(share) << 64 {
            return Ok(());
        }
        let what = format!(
            "{} is offered {version} at index {index} in {now:?}, and is not inside {share} %",
            grant.host
        );
        Err(Violation::new("I11", what))
    }
}

fn row(host: &Host) -> Row {
    let (tier, token) = (host.tier.to_string(), host.token.clone());
    Row { tier, token, stratum: stratum(&host.facts) }
}

fn stratum(facts: &Facts) -> (String, String) {
    (facts.kernel.to_string(), facts.zone.clone())
}

/// The order of all hosts for a patch set and a purpose: a key, from both and the tier, each after its length.
fn lot(version: &Version, purpose: &str, tier: &str) -> [u8; 32] {
    let mut said = Vec::new();
    for part in [version.as_str(), purpose, tier] {
        said.extend(u64::try_from(part.len()).unwrap_or(0).to_le_bytes());
        said.extend(part.as_bytes());
    }
    blake3::derive_key("tidegate bucket salt v1", &said)
}

/// A host's place in an order: the first 64 bits of the hash of its name.
fn place(lot: &[u8; 32], host: HostId) -> u64 {
    let hash = blake3::keyed_hash(lot, host.to_string().as_bytes());
    let (first, _) = hash.as_bytes().split_at(8);
    first.iter().fold(0, |place, byte| place << 8 | u64::from(*byte))
}
