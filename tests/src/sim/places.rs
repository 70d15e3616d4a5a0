//! Who gives places to hosts, and takes them away? An operator with whims of its own: hosts are evicted and moved,
//! spare tokens are made, changed and revoked; evicted hosts are enrolled again.

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::command::{
    Action, CreateToken, Evict, EvictHost, Expiry, MoveHost, RevokeToken, UpdateToken,
};
use tidegate_controller::machine::fleet::Host as Member;
use tidegate_controller::machine::ids::{Digest, TokenId};
use tidegate_controller::machine::tokens::Scope;
use tidegate_policies::time::Millis;

use super::chance::Chance;
use super::happening::{Happening, HostHappening};
use super::sabotage::Sabotage;
use super::world::World;

/// What the whims are drawn for.
const PLACES: u64 = 0x504c_4143_4553;
/// Time from one whim to the next at most, in milliseconds.
const WHIM_EVERY: u64 = 9_000;
/// Most hosts of a spare token when it is made.
const SPARE_HOSTS: u64 = 3;
/// After how long a host whose agent was told that it is unknown is enrolled again, in milliseconds.
const ENROLS_AFTER: u64 = 700;

/// The operator's desk.
#[derive(Debug)]
pub(super) struct Whims {
    luck: Chance,
    /// Spare tokens that were made.
    spares: u64,
}

impl Whims {
    /// A desk of its own chance, so that all else of a seed is drawn as ever.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self { luck: Chance::new(seed ^ PLACES), spares: 0 }
    }
}

impl World {
    /// The first whim comes when the fleet has enrolled. A run that has another defect planted has none.
    pub(super) fn begin_whims_about_places(&mut self) {
        if matches!(self.scenario.sabotage, Sabotage::None | Sabotage::TokenOffByOne) {
            self.queue.after(15_000, Happening::PlaceWhim);
        }
    }

    /// The operator has a whim.
    pub(super) fn place_whim(&mut self) {
        if self.is_calm() {
            return;
        }
        let Some(members) = self.newest().map(|machine| machine.hosts().values().collect()) else {
            return self.queue.after(1_000, Happening::PlaceWhim);
        };
        let wish = self.wish(members);
        for action in wish {
            self.operate(0, action);
        }
        let next = self.places.luck.between(500, WHIM_EVERY);
        self.queue.after(next, Happening::PlaceWhim);
    }

    fn wish(&mut self, members: Vec<Member>) -> Vec<Action> {
        let luck = &mut self.places.luck;
        let kind = luck.below(12);
        let nth = luck.below(u64::try_from(members.len()).unwrap_or(0));
        let nth = usize::try_from(nth).unwrap_or(0);
        let Some(one) = members.into_iter().nth(nth) else { return Vec::new() };
        let Some(spare) = spare_name(self.places.spares) else {
            return self.new_spare().into_iter().collect();
        };
        match kind {
            0..=2 => {
                let how = if luck.below(3) == 0 { Evict::Forced } else { Evict::Idle };
                let reason = "it was scrapped".to_owned();
                vec![Action::EvictHost(EvictHost { host: one.id, reason, how })]
            }
            3 => {
                let other = if one.tier.as_str() == "free" { "paid" } else { "free" };
                other.parse().map(|token| vec![move_to(&one, token)]).unwrap_or_default()
            }
            4 => {
                let hosts = luck.between(1, 2 * SPARE_HOSTS) + self.meant();
                let (max_hosts, expiry) = (Some(hosts), None);
                vec![Action::UpdateToken(UpdateToken { token: spare, max_hosts, expiry })]
            }
            5 => {
                let reason = "its secret is on a wall".to_owned();
                let revoke = Action::RevokeToken(RevokeToken { token: spare, reason });
                std::iter::once(revoke).chain(self.new_spare()).collect()
            }
            _ => vec![move_to(&one, spare)],
        }
    }

    /// By how many hosts the operators say more than they mean: for sabotage only.
    fn meant(&self) -> u64 {
        u64::from(self.scenario.sabotage == Sabotage::TokenOffByOne)
    }

    /// Another spare token, some of which expire soon.
    fn new_spare(&mut self) -> Option<Action> {
        self.places.spares += 1;
        let (luck, number) = (&mut self.places.luck, self.places.spares);
        let tier = if luck.below(2) == 0 { "free" } else { "paid" };
        let soon = Expiry::After(Millis::from_secs(luck.between(5, 60)));
        let expiry = if luck.below(3) == 0 { soon } else { Expiry::Never };
        Some(Action::CreateToken(Box::new(CreateToken {
            token: spare_name(number)?,
            tier: tier.parse().ok()?,
            max_hosts: SPARE_HOSTS + self.meant(),
            secret: spare_secret(number),
            expiry,
            scope: Scope::default(),
        })))
    }

    /// A host's agent was told that the cluster does not know it: somebody enrols the host again.
    pub(super) fn is_unknown(&mut self, at: usize) {
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.enrolled) else { return };
        host.enrolled = false;
        host.enrolments += 1;
        self.queue.after(ENROLS_AFTER, Happening::Host { host: at, what: HostHappening::Enrol });
    }

    /// The secret that a host enrols with: its tier's, or, where it enrols again, now and then a spare one, which
    /// may be full, over or revoked.
    pub(super) fn secret_for(&mut self, enrolments: u64) -> Option<Digest> {
        let spares = self.places.spares;
        let spare = enrolments > 0 && spares > 0 && self.places.luck.below(2) == 0;
        spare.then(|| spare_secret(spares))
    }

    /// Once the faults are over, every host gets a place under a token that lasts.
    pub(super) fn look_after_places(&mut self) {
        let Some(machine) = self.newest() else { return };
        let is_barred = |host: &Member| machine.entitled(host).is_err();
        let moved = machine.hosts().values().filter(is_barred).filter_map(|host| {
            let token = host.tier.as_str().parse().ok()?;
            Some(move_to(&host, token))
        });
        let moved: Vec<Action> = moved.collect();
        moved.into_iter().for_each(|action| self.operate(0, action));
    }
}

/// Whether no host of a state is without a token that lets it have grants.
pub(super) fn all_are_entitled(machine: &Machine) -> bool {
    machine.hosts().values().all(|host| machine.entitled(&host).is_ok())
}

fn move_to(host: &Member, token: TokenId) -> Action {
    let reason = "it belongs to somebody else".to_owned();
    Action::MoveHost(MoveHost { host: host.id, token, reason })
}

fn spare_name(number: u64) -> Option<TokenId> {
    (number > 0).then(|| format!("spare-{number}").parse().ok()).flatten()
}

fn spare_secret(number: u64) -> Digest {
    let mut secret = [0x5A; 32];
    secret[..8].copy_from_slice(&number.to_le_bytes());
    Digest(secret)
}
