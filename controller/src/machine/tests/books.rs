//! Do the counts say what the grants and hosts say? Every book recounted from scratch.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::evidence::{Class, Counts};
use tidegate_policies::limits::{DomainKind, Unsettled};

use crate::machine::Machine;
use crate::machine::grants::{Grant, Phase};
use crate::machine::ids::HostId;
use crate::machine::ledger::{Leaves, Owed, Owing};
use crate::machine::rollouts::{Entry, Rollout, StageProgress};
use crate::machine::trial::Role;

use super::trial_books::trials_balance;

/// Asserts that every count, timer and back reference equals its recount.
pub(super) fn books_balance(machine: &Machine) {
    tokens_balance(machine);
    evictions_balance(machine);
    timers_balance(machine);
    live_grants_balance(machine);
    trials_balance(machine);
    ledgers_balance(machine);
    for rollout in machine.rollouts.values() {
        counts_balance(machine, rollout);
        census_balances(machine, rollout);
        if rollout.policy.limits.counts_domains() {
            domains_balance(machine, rollout);
        }
    }
}

/// Each domain counts the unsettled hosts that stand in it, or stood there when they were evicted.
pub(super) fn domains_balance(machine: &Machine, rollout: &Rollout) {
    let mut of = BTreeMap::<_, Unsettled>::new();
    for (host, entry) in machine.entries().of(rollout) {
        let facts = machine.host_of_old(host).unwrap().facts;
        for key in [(DomainKind::Zone, facts.zone), (DomainKind::Rack, facts.rack)] {
            let unsettled = of.entry(key).or_default();
            match entry.class {
                Class::Offered => unsettled.offered += 1,
                Class::InFlight => unsettled.in_flight += 1,
                Class::Failure(_) if !entry.acknowledged => unsettled.wrong += 1,
                Class::None
                | Class::Verified
                | Class::Refused
                | Class::Reverted
                | Class::Failure(_) => (),
            }
        }
    }
    of.retain(|_, unsettled| !unsettled.is_empty());
    assert_eq!(rollout.domains.of, of, "unsettled hosts by zone and rack");
}

fn tokens_balance(machine: &Machine) {
    assert_eq!(machine.secrets.len(), machine.tokens.len());
    for token in machine.tokens.values() {
        assert_eq!(machine.token_of(&token.secret), Some(token));
        let hosts = machine.hosts.values().filter(|host| host.token == token.id);
        assert_eq!(token.enrolled, hosts.count() as u64, "hosts enrolled with {}", token.id);
    }
}

/// Nobody is evicted and enrolled, and whoever was evicted has nothing under way.
fn evictions_balance(machine: &Machine) {
    for evicted in machine.evicted.values() {
        let id = evicted.host.id;
        assert!(machine.hosts.get(&id).is_none(), "{id} is evicted and enrolled");
        let live = machine.grants.values().find(|grant| grant.host == id && grant.phase.is_live());
        assert_eq!(live, None, "a grant of {id}, which was evicted");
        assert_eq!(evicted.host.live_grant, None, "the live grant of {id}, which was evicted");
        for (rollout, _) in machine.trials() {
            let role = machine.subjects.role(rollout.created_index, id);
            let cohort = role.as_ref().and_then(Role::cohort);
            assert_eq!(cohort, None, "{id} was evicted, and is compared in {}", rollout.id);
        }
    }
}

fn timers_balance(machine: &Machine) {
    let mut expiries = BTreeSet::new();
    let mut dead_man = BTreeSet::new();
    for grant in machine.grants.values() {
        if let Phase::Offered { expires } = grant.phase {
            expiries.insert((expires, grant.id));
        }
        dead_man.extend(grant.phase.in_flight().map(|begun| (begun.dead_at(), grant.id)));
    }
    assert_eq!(*machine.grants.expiries(), expiries, "offers and their expiries");
    assert_eq!(*machine.grants.dead_man(), dead_man, "hosts in flight and their dead-man timers");
}

fn live_grants_balance(machine: &Machine) {
    for host in machine.hosts.values() {
        let own = machine.grants.values().filter(|grant| grant.host == host.id);
        let live: Vec<_> = own.filter(|grant| grant.phase.is_live()).map(|g| g.id).collect();
        assert!(live.len() <= 1, "{} has several live grants: {live:?}", host.id);
        assert_eq!(host.live_grant, live.first().copied(), "the live grant of {}", host.id);
    }
}

/// Who is on a ledger is who the books say, and is counted.
fn ledgers_balance(machine: &Machine) {
    for patch_set in machine.patch_sets.values() {
        let rows: Vec<(HostId, Owed)> = machine.ledger.after(patch_set, None).collect();
        let Some(withdrawal) = &patch_set.withdrawn else {
            assert_eq!(rows, [], "{} is not withdrawn", patch_set.version);
            continue;
        };
        let runs = |host: &HostId| machine.runs(&patch_set.version, *host);
        let hosts = machine.hosts.values().map(|host| host.id);
        let expected: Vec<_> = hosts.filter_map(|host| Some((host, runs(&host)?))).collect();
        let kept: Vec<_> = rows.iter().map(|(host, owed)| (*host, owed.grant)).collect();
        assert_eq!(kept, expected, "the ledger of {}", patch_set.version);
        let reverts = rows.iter().filter(|(_, owed)| owed.leaves == Leaves::ByRevert).count();
        let owing = Owing { reverts: reverts as u64, reboots: (rows.len() - reverts) as u64 };
        assert_eq!(withdrawal.owing, owing, "counts of the ledger of {}", patch_set.version);
    }
}

fn counts_balance(machine: &Machine, rollout: &Rollout) {
    let mut newest: BTreeMap<_, (Grant, bool)> = BTreeMap::new();
    for grant in machine.grants.values().filter(|grant| grant.rollout == rollout.id) {
        let began = grant.phase.begun().is_some();
        let host = grant.host;
        let before = newest.insert(host, (grant, began));
        if let (Some((_, true)), Some(slot)) = (before, newest.get_mut(&host)) {
            slot.1 = true;
        }
    }
    let entries: BTreeMap<HostId, Entry> = machine.entries.of(rollout).collect();
    assert!(newest.keys().eq(entries.keys()), "who had a grant");
    let mut acknowledged = Vec::new();

    let mut counts = Counts::default();
    let mut unacknowledged = Counts::default();
    let mut shut_out = Counts::default();
    let mut stages = vec![StageProgress::default(); rollout.stages.len()];
    for (host, (grant, began)) in newest {
        let entry = &entries[&host];
        let class = grant.phase.class();
        assert_eq!((entry.grant, entry.stage), (grant.id, grant.stage), "entry of {host}");
        assert_eq!((entry.class, entry.begun), (class, began), "class of {host}");
        let stage = &mut stages[grant.stage];
        let row = machine.host_of_old(host).unwrap();
        let out = machine.halted_slice(rollout, &row).is_some();
        assert_eq!(entry.shut_out, out, "whether {host} is in a halted slice");
        let mut books = vec![&mut counts, &mut unacknowledged, &mut stage.counts];
        if out {
            books.extend([&mut shut_out, &mut stage.shut_out.counts]);
        }
        for book in books {
            book.shift(Class::None, class);
            book.begun += u64::from(began);
        }
        if entry.acknowledged {
            assert!(matches!(class, Class::Failure(_)), "{host} is acknowledged as {class:?}");
            unacknowledged.shift(class, Class::None);
            stage.acknowledged += 1;
            if out {
                shut_out.shift(class, Class::None);
                stage.shut_out.acknowledged += 1;
            }
            acknowledged.push((host, grant.stage));
        }
    }
    assert!(machine.entries.acknowledged(rollout).eq(acknowledged), "acknowledged, by host");
    assert_eq!(rollout.counts, counts, "counts of {}", rollout.id);
    assert_eq!(rollout.unacknowledged, unacknowledged, "unacknowledged of {}", rollout.id);
    assert_eq!(rollout.shut_out, shut_out, "shut out of {}", rollout.id);
    for (kept, recount) in rollout.stages.iter().zip(stages) {
        assert_eq!(kept.counts, recount.counts, "counts of a tier of {}", rollout.id);
        assert_eq!(kept.acknowledged, recount.acknowledged, "acknowledged in {}", rollout.id);
        let (kept, recount) = (kept.shut_out, recount.shut_out);
        assert_eq!(kept.counts, recount.counts, "shut out of a tier of {}", rollout.id);
        assert_eq!(kept.acknowledged, recount.acknowledged, "shut out and acknowledged");
    }
}

fn census_balances(machine: &Machine, rollout: &Rollout) {
    let mut stages: Vec<(u64, Vec<u64>)> =
        rollout.stages.iter().map(|stage| (0, vec![0; stage.waves.len()])).collect();
    let mut shut_out = vec![0; rollout.stages.len()];
    let gone = machine.evicted.values().map(|evicted| (evicted.host, true));
    let hosts = machine.hosts.values().map(|host| (host, false)).chain(gone);
    for (host, is_gone) in hosts.filter(|_| rollout.place.is_some()) {
        let Ok(part) = machine.place_of(rollout, &host) else { continue };
        let entry = machine.entries.get(rollout, host.id);
        let begun = entry.is_some_and(|entry| entry.begun);
        let refused = entry.is_some_and(|entry| entry.class == Class::Refused);
        if (is_gone && (!begun || refused)) || (machine.entitled(&host).is_err() && !begun) {
            continue;
        }
        if machine.halted_slice(rollout, &host).is_some() {
            shut_out[part.stage] += 1;
            continue;
        }
        let (hosts, waves) = &mut stages[part.stage];
        *hosts += 1;
        let shares = rollout.policy.ladder[part.stage].waves.iter().enumerate();
        let last = waves.len() - 1;
        for (wave, (nth, share)) in waves.iter_mut().zip(shares) {
            let inside = part.bucket.is_inside(*share) && !part.held_out;
            *wave += u64::from(inside || nth == last);
        }
    }
    for (kept, (hosts, waves)) in rollout.stages.iter().zip(stages) {
        let kept_waves: Vec<u64> = kept.waves.iter().map(|wave| wave.hosts).collect();
        assert_eq!((kept.hosts, kept_waves), (hosts, waves), "census of {}", rollout.id);
    }
    let kept: Vec<u64> = rollout.stages.iter().map(|stage| stage.shut_out.hosts).collect();
    assert_eq!(kept, shut_out, "hosts that {} shuts out", rollout.id);
}
