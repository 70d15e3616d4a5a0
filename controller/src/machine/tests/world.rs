//! A machine with its log: where do scripts and random walks apply their commands?

use std::collections::BTreeMap;

use tidegate_policies::time::Millis;

use crate::machine::command::Command;
use crate::machine::ids::{Digest, GrantId, HostId};
use crate::machine::patch_sets::KernelKey;
use crate::machine::restore::{NotRestored, Restoration};
use crate::machine::trial::RollCall;
use crate::machine::{Applied, Machine, Missed, Position, Reply};

use super::books::books_balance;
use super::watch::{Step, Watch};

/// A machine, its log, and who watches it.
pub(super) struct World {
    pub(super) machine: Machine,
    /// The term of the present leader.
    pub(super) term: u64,
    /// What that leader remembers, with its term.
    roll_call: (u64, RollCall),
    /// Numbers requests that name none.
    pub(super) requests: u64,
    /// What the log begins with: nothing, or what a restore left.
    base: Machine,
    log: Vec<(Position, Command)>,
    watch: Watch,
    sequences: BTreeMap<(HostId, u64), u64>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            machine: Machine::new(),
            term: 1,
            roll_call: (1, RollCall::default()),
            requests: 0,
            base: Machine::new(),
            log: Vec::new(),
            watch: Watch::default(),
            sequences: BTreeMap::new(),
        }
    }

    /// Of those that were heard, whom the leader's next tick tells of, and who is missed.
    pub(super) fn call_roll(
        &mut self,
        step: Millis,
        heard: Vec<HostId>,
    ) -> (Vec<HostId>, Vec<Missed>) {
        if self.roll_call.0 != self.term {
            self.roll_call = (self.term, RollCall::default());
        }
        let (machine, roll) = (&self.machine, &mut self.roll_call.1);
        let now = machine.clock().elapsed_after(step);
        let told = heard.into_iter().filter(|&host| roll.hear(machine, now, host)).collect();
        (told, roll.missed(machine, now, usize::MAX))
    }

    /// Applies `command` as the next entry, and looks for broken invariants.
    pub(super) fn apply(&mut self, command: &Command) -> Applied {
        let at = Position { index: self.machine.applied() + 1, term: self.term };
        let is_raft_s = matches!(command, Command::LeaveJoint);
        assert!(is_raft_s || Command::decode(&command.encode()).as_ref() == Ok(command));
        let before = self.machine.clone();
        let applied = self.machine.apply(at, command);
        self.was_foretold(&before, command, &applied);
        let after = &self.machine;
        self.watch.look(&Step { before: &before, at, command, applied: &applied, after });
        self.log.push((at, command.clone()));
        applied
    }

    /// What a person's command did is what the state before said that it would do, to the last row.
    fn was_foretold(&self, before: &Machine, command: &Command, applied: &Applied) {
        if !matches!(command, Command::Operate(_)) {
            return;
        }
        let looked_at = before.clone();
        match before.would(std::slice::from_ref(command)) {
            Ok((reply, then)) => {
                assert_eq!(Ok(reply), applied.outcome, "{command:?}");
                assert!(then == self.machine, "another state than was foretold: {command:?}");
            }
            Err(rejection) => assert_eq!(Err(rejection), applied.outcome, "{command:?}"),
        }
        assert!(looked_at == *before, "foretelling changed the state: {command:?}");
    }

    /// Takes the state for a backup and goes on from it, with another log.
    pub(super) fn restore(&mut self, restoration: &Restoration) -> Result<Applied, NotRestored> {
        let before = self.machine.clone();
        let restored = self.machine.restore(restoration);
        let Ok(events) = restored else {
            assert!(before == self.machine, "a refused restore changed the state");
            return Err(restored.unwrap_err());
        };
        self.watch.look_at_restore(&self.machine);
        self.base = self.machine.clone();
        self.log.clear();
        Ok(Applied { outcome: Ok(Reply::Done), events })
    }

    /// Replays the log and restores the state from its bytes: both give the same state.
    pub(super) fn finish(&self) {
        books_balance(&self.machine);
        let mut replayed = self.base.clone();
        for (at, command) in &self.log {
            replayed.apply(*at, command);
        }
        assert_eq!(replayed.state_hash(), self.machine.state_hash(), "a replay differs");
        let frozen = self.machine.freeze();
        let pieces: BTreeMap<_, _> = frozen.pieces().collect();
        let thawed = Machine::thaw(frozen.root(), &mut |hash| pieces.get(hash).cloned()).unwrap();
        assert!(thawed == self.machine, "a thawed state differs");
        assert_eq!(thawed.state_hash(), self.machine.state_hash());
    }

    /// The next sequence number of a host's spool.
    pub(super) fn next_sequence(&mut self, host: HostId, spool: u64) -> u64 {
        let sequence = self.sequences.entry((host, spool)).or_default();
        *sequence += 1;
        *sequence
    }

    /// The newest grant of `host`, or one that never was.
    pub(super) fn newest_grant(&self, host: HostId) -> GrantId {
        let own = self.machine.grants().values().filter(|grant| grant.host == host);
        own.map(|grant| grant.id).max().unwrap_or(GrantId(999))
    }
}

/// The host called `name`.
pub(super) fn host(name: &str) -> HostId {
    HostId::of_machine(name)
}

/// What `host` is called in scripts.
pub(super) fn name(host: HostId) -> String {
    let names = (1..=40).map(|n| format!("h{n}"));
    names
        .into_iter()
        .find(|name| HostId::of_machine(name) == host)
        .unwrap_or_else(|| "?".to_owned())
}

/// The kernel called `name`.
pub(super) fn kernel(name: &str) -> KernelKey {
    KernelKey { release: name.to_owned(), flavour: "generic".to_owned(), arch: "amd64".to_owned() }
}

/// The digest of the artifact of patch set `version` for the kernel called `kernel`.
pub(super) fn artifact(version: &str, kernel: &str) -> Digest {
    Digest(*blake3::hash(format!("{version}/{kernel}").as_bytes()).as_bytes())
}

/// The hash of the secret of the token called `token`.
pub(super) fn secret(token: &str) -> Digest {
    Digest(*blake3::hash(token.as_bytes()).as_bytes())
}
