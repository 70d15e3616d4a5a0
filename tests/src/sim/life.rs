//! How does a controller begin, fall and end?

use std::rc::Rc;

use tidegate_controller::machine::Machine;
use tidegate_controller::node::{Fatal, Node, NodeConfig, NodeId};

use super::checks::Violation;
use super::controllers::{Controller, Desk, Life, Origin, Standing, incarnation};
use super::disk::SimDisk;
use super::happening::Happening;
use super::sabotage::Sabotage;
use super::world::World;

/// The controllers that found the cluster.
pub(super) const FOUNDERS: std::ops::RangeInclusive<u64> = 1..=3;

impl World {
    /// Starts a controller from its disk.
    pub(super) fn start_node(&mut self, id: u64) {
        let (now, seed, tick) = (self.now(), self.luck.draw(), self.scenario.machine_tick);
        let knows_cluster = self.newest().and_then(Machine::cluster).is_some();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let life = std::mem::replace(&mut controller.life, Life::Gone);
        let mut disk = match life {
            Life::Down(disk) => disk,
            life @ (Life::Up(_) | Life::Gone | Life::Retired(_)) => {
                controller.life = life;
                return;
            }
        };
        let recovered = match disk.recover() {
            Ok(recovered) => recovered,
            Err(damaged) => {
                return self.violated(Violation::new("I4", format!("node {id}: {}", damaged.0)));
            }
        };
        let founds = controller.origin == Origin::Founder;
        if recovered.is_new() && founds && controller.standing == Standing::Wiped && knows_cluster {
            return self.retire(id, "its folder is empty, and the cluster exists");
        }
        let commit = recovered.hard_state.commit;
        controller.run += 1;
        controller.desk = Desk::new(controller.run, tick);
        let run = controller.run;
        let mut config = if founds {
            NodeConfig::new(NodeId(id), FOUNDERS.map(NodeId), seed)
        } else {
            NodeConfig::joining(NodeId(id), seed)
        };
        config.checkpoint_entries = self.scenario.checkpoint_entries;
        config.speaks = controller.speaks;
        let again = Box::new(disk.again());
        match Node::open(config, *disk, recovered) {
            Ok(node) => controller.life = Life::Up(Box::new(node)),
            Err(fatal) => {
                controller.life = Life::Down(again);
                return self.stopped(id, &fatal);
            }
        }
        let applied = self.controllers.get(&id).and_then(Controller::node).map_or(0, Node::applied);
        self.trace.line(now, format_args!("node {id} starts at index {applied}, run {run}"));
        self.checks.node_starts(id, (applied, commit));
        self.step_node(id, Vec::new());
        self.queue.after(1, Happening::RaftTick { node: id, run });
    }

    /// The power of a controller fails.
    pub(super) fn crash_node(&mut self, id: u64, why: &str) {
        // A vote is soonest cast twice by a node that is back at once.
        let least = if self.scenario.sabotage == Sabotage::ForgottenVote { 1 } else { 300 };
        let down = self.luck.between(least, self.faults.nodes.down_most.max(least + 1));
        let now = self.now();
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let mut disk = match std::mem::replace(&mut controller.life, Life::Gone) {
            Life::Up(node) => node.into_journal(),
            Life::Down(disk) => {
                controller.life = Life::Down(disk);
                return;
            }
            life @ (Life::Gone | Life::Retired(_)) => {
                controller.life = life;
                return;
            }
        };
        disk.crash();
        controller.life = Life::Down(Box::new(disk));
        self.stats.node_crashes += 1;
        self.trace.line(now, format_args!("node {id} crashes: {why}, back in {down} ms"));
        self.queue.after(down, Happening::NodeStarts(id));
    }

    /// A controller stops for good, and says why.
    pub(super) fn retire(&mut self, id: u64, why: &str) {
        let now = self.now();
        self.trace.line(now, format_args!("node {id} stops for good: {why}"));
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.life = Life::Retired(why.to_owned());
        }
    }

    /// A controller has stopped by itself. It may have had to.
    pub(super) fn stopped(&mut self, id: u64, fatal: &Fatal) {
        let standing = self.controllers.get(&id).map_or(Standing::Sound, |one| one.standing);
        let is_removed = self.checks.log.has_left(NodeId(id));
        let had_to = match fatal {
            Fatal::Journal(_) => return self.comes_again(id, &words(fatal)),
            Fatal::Removed { .. } => is_removed,
            Fatal::Diverged { .. } => standing == Standing::Tampered,
            // It came with an old binary to a cluster that has moved on.
            Fatal::TooNew { cluster_version, speaks } if cluster_version > speaks => {
                self.give_newest_binary(id);
                return self.comes_again(id, &words(fatal));
            }
            Fatal::TooNew { .. }
            | Fatal::Config(_)
            | Fatal::Raft(_)
            | Fatal::UnknownEntry { .. }
            | Fatal::Encode(_)
            | Fatal::Thaw { .. } => false,
        };
        if matches!(fatal, Fatal::Diverged { .. }) && had_to {
            self.stats.divergences += 1;
        }
        self.retire(id, &words(fatal));
        if !had_to && !self.is_hopeless() {
            let name = if matches!(fatal, Fatal::Diverged { .. }) { "I5" } else { "STOP" };
            self.violated(Violation::new(name, format!("node {id} stops: {}", words(fatal))));
        }
    }

    fn is_down(&self, id: u64) -> bool {
        self.controllers.get(&id).is_some_and(|one| matches!(one.life, Life::Down(_)))
    }

    /// A controller stopped, or could not be started, and is started again.
    fn comes_again(&mut self, id: u64, why: &str) {
        if !self.is_down(id) {
            return self.crash_node(id, why);
        }
        let (now, wait) = (self.now(), self.luck.between(300, 3_000));
        self.trace.line(now, format_args!("node {id} does not start: {why}, again in {wait} ms"));
        self.queue.after(wait, Happening::NodeStarts(id));
    }

    /// A controller that nobody knows yet is started, and waits to be added.
    pub(super) fn spawn_node(&mut self, id: u64) {
        if self.controllers.contains_key(&id) {
            return;
        }
        let disk = self.new_disk();
        let controller = Controller::new(Origin::Joins, disk, &mut self.luck);
        self.controllers.insert(id, controller);
        self.queue.after(50, Happening::NodeStarts(id));
    }

    /// A controller's disk is lost. Somebody starts it again under its old id, with an empty one, and
    /// may even tell it to join.
    pub(super) fn wipe_node(&mut self, id: u64, origin: Origin) {
        let now = self.now();
        self.crash_node(id, "its disk is lost");
        let (disk, drawn) = (self.new_disk(), incarnation(&mut self.luck));
        if let Some(controller) = self.controllers.get_mut(&id) {
            (controller.meter, controller.stored) = (disk.meter(), disk.stored());
            controller.life = Life::Down(Box::new(disk));
            controller.standing = Standing::Wiped;
            (controller.incarnation, controller.origin) = (drawn, origin);
        }
        self.trace.line(now, format_args!("node {id} gets an empty disk and keeps its id"));
    }

    /// An empty disk.
    pub(super) fn new_disk(&mut self) -> SimDisk {
        let (faults, sabotage) = (self.faults.disks.clone(), self.scenario.sabotage);
        SimDisk::new(faults, sabotage, Rc::clone(&self.is_calm), self.luck.split())
    }
}

/// What stopped a node, with its cause.
fn words(fatal: &Fatal) -> String {
    let cause = std::error::Error::source(fatal).map(|cause| format!(": {cause}"));
    format!("{fatal}{}", cause.unwrap_or_default())
}
