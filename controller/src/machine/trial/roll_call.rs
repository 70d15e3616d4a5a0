//! Which reference hosts are heard no more? Kept by a leader, beside the log.
//!
//! The log holds no beat that changes nothing: a reference host that enters, comes back or is missed is
//! told once. A leader remembers when it heard each of them, in the cluster's running time, and calls the
//! roll four times a beat. One that it has not heard at all counts as heard when it first calls. What a
//! host in flight says is always news, so that a leader who tells nothing leaves it silent.

use std::collections::BTreeMap;

use tidegate_policies::time::{Elapsed, Millis};

use super::subjects::Watch;
use crate::machine::clock::TICK;
use crate::machine::ids::HostId;
use crate::machine::rollouts::Rollout;
use crate::machine::{Machine, Missed};

/// How often the roll is called in a beat.
const CALLS_PER_BEAT: u64 = 4;

/// For how long a host counts as heard: a beat and a half, and the tick that carries it.
pub const fn heard_for(beat: Millis) -> Millis {
    Millis(beat.0 + beat.0 / 2 + TICK.0)
}

/// What a leader remembers of the reference hosts. It begins with nothing in every term.
#[derive(Debug, Default)]
pub struct RollCall {
    last: BTreeMap<HostId, Elapsed>,
    next: Elapsed,
}

impl RollCall {
    /// Notes that a host was heard by `now`, the running time of the tick to come. Whether that tick has to
    /// say so: not where a reference host counts as heard, and nothing else hangs on its beat.
    pub fn hear(&mut self, machine: &Machine, now: Elapsed, host: HostId) -> bool {
        let word = machine.word_of(host);
        if word.is_of_reference {
            self.last.insert(host, now);
        }
        word.is_news || !word.is_of_reference
    }

    /// The reference hosts that are heard no more at `now`, the running time of the tick to come, `limit` of
    /// them at most: the others follow.
    pub fn missed(&mut self, machine: &Machine, now: Elapsed, limit: usize) -> Vec<Missed> {
        if now < self.next {
            return Vec::new();
        }
        let watched = || machine.watched_trials().map(|(rollout, _)| rollout);
        let mut missed = Vec::new();
        let mut last = BTreeMap::new();
        for rollout in watched() {
            let trial = rollout.created_index;
            for host in machine.subjects().heard(trial) {
                let heard_at = self.last.get(&host).copied().unwrap_or(now);
                last.insert(host, heard_at);
                if heard_at.after(heard_for(rollout.policy.timing.beat)) <= now {
                    missed.push(Missed { trial, host, heard_at });
                }
            }
        }
        self.last = last;
        if missed.len() > limit {
            missed.truncate(limit);
        } else {
            let pause = |rollout: &Rollout| Millis(rollout.policy.timing.beat.0 / CALLS_PER_BEAT);
            self.next = now.after(watched().map(pause).min().unwrap_or_default());
        }
        missed
    }
}

/// What it means that a host is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Word {
    /// Patched hosts are compared with it, and it counts as heard.
    is_of_reference: bool,
    /// The log has to know.
    is_news: bool,
}

impl Machine {
    /// Whether a beat of this host is of any use: it has a grant in flight, or patched hosts are or will be
    /// compared with it.
    pub fn listens_to(&self, host: HostId) -> bool {
        self.is_in_flight(host) || self.watched_at(host).is_some()
    }

    /// Whether a host has a grant in flight.
    pub fn is_in_flight(&self, host: HostId) -> bool {
        let grant = self.hosts.live_grant(host).and_then(|grant| self.grants.get(&grant));
        grant.is_some_and(|grant| grant.phase.in_flight().is_some())
    }

    fn word_of(&self, host: HostId) -> Word {
        let mut word = Word { is_news: self.is_in_flight(host), ..Word::default() };
        for (rollout, _) in self.watched_trials() {
            match self.subjects.role(rollout.created_index, host) {
                Some(role) => match role.watch() {
                    Some(Watch::Heard) => word.is_of_reference = true,
                    Some(Watch::Missed { .. }) => word.is_news = true,
                    None => (),
                },
                None => word.is_news |= self.is_sentinel(rollout, host),
            }
        }
        word
    }
}
