//! If everything burned down now, what would a backup bring back? A cluster of one that leads and
//! commits, and in which nobody goes on by itself.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_controller::journal::{Batch, Checkpoint, Journal, PieceHash, Recovered};
use tidegate_controller::machine::command::BeginGrant;
use tidegate_controller::machine::frozen::Frozen;
use tidegate_controller::machine::grants::{Grant, Phase};
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::machine::reply::Begin;
use tidegate_controller::machine::restore::Restoration;
use tidegate_controller::machine::rollouts::State;
use tidegate_controller::machine::{Command, Machine, Reply};
use tidegate_controller::node::{Answer, Input, Node, NodeConfig, Output};

use super::checks::Violation;
use super::controllers::address;
use super::disk::SimDisk;
use super::faults::Disks;
use super::happening::Happening;
use super::sabotage::Sabotage;
use super::world::World;

/// Time between two drills, in milliseconds.
const DRILL_EVERY: u64 = 40_000;
/// The one controller of the restored cluster: an id that no other ever has.
const ALONE: u64 = 1_000;
/// How far the restored log is ahead of the backup.
const INDEX_JUMP: u64 = 1_000_000;
/// Raft ticks within which the restored controller must lead.
const TICKS_TO_LEAD: usize = 60;

impl World {
    /// The first drill is called for.
    pub(super) fn begin_backups(&mut self) {
        let wait = self.luck.between(15_000, DRILL_EVERY);
        self.queue.after(wait, Happening::Backup);
    }

    /// A backup is taken, and restored beside the world.
    pub(super) fn backup(&mut self) {
        self.queue.after(DRILL_EVERY, Happening::Backup);
        let Some(backup) = self.newest().filter(|machine| machine.cluster().is_some()) else {
            return;
        };
        let backup = backup.freeze();
        self.stats.restores += 1;
        match self.restore(&backup) {
            Err(what) => self.violated(Violation::new("RESTORE", what)),
            Ok((before, after)) => {
                if let Err(what) = self.past_is_past(&before, &after) {
                    self.violated(Violation::new("HISTORY", what));
                }
            }
        }
    }

    /// A checkpoint that some disk remembers.
    fn some_checkpoint(&self) -> Option<Checkpoint> {
        let mut disks = self.controllers.values().map(|one| one.stored.borrow());
        disks.find_map(|disk| disk.checkpoint().cloned())
    }

    /// The state of a backup, and what a restore makes of it.
    fn restore(&mut self, backup: &Frozen) -> Result<(Machine, Machine), String> {
        let held: BTreeMap<_, _> = backup.pieces().collect();
        let thawed = Machine::thaw(backup.root(), &mut |hash| held.get(hash).cloned());
        let before = thawed.map_err(|error| error.to_string())?;
        let index = before.applied() + INDEX_JUMP;
        let mut machine = before.clone();
        if self.scenario.sabotage != Sabotage::RestoredRunning {
            let restoration = Restoration {
                cluster_id: [9; 16],
                generation: before.cluster().map_or(0, |cluster| cluster.generation) + 1,
                node: NodeId(ALONE),
                address: address(ALONE),
                index,
                reason: "everything burned down".to_owned(),
            };
            machine.restore(&restoration).map_err(|error| error.to_string())?;
        }
        stands_still(&before, &machine)?;
        self.goes_on(&before, &machine, index)?;
        Ok((before, machine))
    }

    /// The restored state as the beginning of a log: one controller leads, commits, and lets nobody go
    /// with an offer of before.
    fn goes_on(&mut self, before: &Machine, machine: &Machine, index: u64) -> Result<(), String> {
        let calm = Rc::new(Cell::new(true));
        let mut disk = SimDisk::new(Disks::default(), Sabotage::None, calm, self.luck.split());
        let frozen = machine.freeze();
        let pieces: Vec<_> =
            frozen.pieces().map(|(hash, piece)| (PieceHash(hash.0), piece)).collect();
        let known = self.some_checkpoint().ok_or("no disk holds a checkpoint")?;
        let mut conf_state = known.conf_state;
        conf_state.voters = vec![ALONE];
        conf_state.learners.clear();
        conf_state.voters_outgoing.clear();
        conf_state.learners_next.clear();
        conf_state.auto_leave = false;
        let root = frozen.root().clone();
        let words = |error: &dyn std::error::Error| error.to_string();
        disk.store(&pieces).map_err(|error| words(&error))?;
        let checkpoint = Checkpoint { index, term: 1, conf_state, root };
        disk.checkpoint(&checkpoint).map_err(|error| words(&error))?;
        let mut hard_state = Recovered::default().hard_state;
        (hard_state.term, hard_state.commit) = (1, index);
        let batch = Batch { entries: Vec::new(), hard_state: Some(hard_state) };
        disk.append(&batch).and_then(|()| disk.sync()).map_err(|error| words(&error))?;
        let recovered = disk.recover().map_err(|damaged| damaged.0)?;
        let config = NodeConfig::joining(NodeId(ALONE), self.luck.draw());
        let mut node = Node::open(config, disk, recovered).map_err(|error| words(&error))?;
        let mut outputs = Vec::new();
        for _ in 0..TICKS_TO_LEAD {
            node.step([Input::Tick], &mut outputs).map_err(|error| words(&error))?;
        }
        if !node.leads() {
            return Err("the restored controller does not lead".to_owned());
        }
        for begin in begins(before) {
            let (ticket, command) = (1, Command::BeginGrant(begin.clone()));
            let mut outputs = Vec::new();
            node.step([Input::Propose { ticket, command }], &mut outputs)
                .map_err(|error| words(&error))?;
            let goes = outputs.iter().any(|output| {
                matches!(
                    output,
                    Output::Answer {
                        answer: Answer::Applied { outcome: Ok(Reply::Begin(Begin::Go { .. })), .. },
                        ..
                    }
                )
            });
            if goes {
                return Err(format!("the restored cluster lets {begin:?} go"));
            }
        }
        Ok(())
    }
}

/// What every host with an offer would ask.
fn begins(machine: &Machine) -> Vec<BeginGrant> {
    let offered = |grant: &Grant| matches!(grant.phase, Phase::Offered { .. });
    let mut begins = Vec::new();
    for grant in machine.grants().values().filter(offered) {
        let rollout = machine.rollouts().get(&grant.rollout);
        let host = machine.hosts().get(&grant.host);
        let (Some(rollout), Some(host)) = (rollout, host) else { continue };
        let patch_set = machine.patch_sets().get(&rollout.version);
        begins.extend(patch_set.into_iter().flat_map(|set| set.artifacts.values()).map(
            |artifact| BeginGrant {
                host: grant.host,
                grant: grant.id,
                version: rollout.version.clone(),
                epoch: grant.epoch,
                boot: host.boot.to_string(),
                digest: artifact.digest,
            },
        ));
    }
    begins
}

/// Nothing goes on by itself, and every fence number is beyond all that a host has seen.
fn stands_still(before: &Machine, after: &Machine) -> Result<(), String> {
    if let Some(rollout) = after.rollouts().values().find(|one| one.state == State::Running) {
        return Err(format!("{} runs on after a restore", rollout.id));
    }
    for (version, patch_set) in before.patch_sets() {
        let epoch = after.patch_sets().get(version).map_or(0, |after| after.epoch);
        if epoch <= patch_set.epoch {
            return Err(format!("the epoch of {version} does not rise: {epoch}"));
        }
    }
    let generation = |machine: &Machine| machine.cluster().map_or(0, |one| one.generation);
    if generation(after) <= generation(before) {
        return Err("the generation does not rise".to_owned());
    }
    Ok(())
}
