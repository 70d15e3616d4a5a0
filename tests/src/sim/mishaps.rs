//! What befalls the controllers' machines? Disks are lost, wiped, filled and tampered with; clocks jump
//! and stop; everything becomes slow. What is beyond repair happens to one at a time.

use tidegate_controller::machine::command::{Action, CreateToken, Expiry, Operate};
use tidegate_controller::machine::frozen::PieceHash as Name;
use tidegate_controller::machine::ids::{Digest, NodeId};
use tidegate_controller::machine::tokens::Scope;
use tidegate_controller::machine::{Command, Machine, Position};

use super::clocks::ClockTrouble;
use super::controllers::{Controller, Life, Origin, Standing};
use super::happening::Happening;
use super::life::FOUNDERS;
use super::sabotage::Sabotage;
use super::stored::Stored;
use super::world::World;

/// How often somebody asks whether all have the same state, where a state was tampered with.
const CHECK_EVERY: u64 = 9_000;

impl World {
    /// Calls for the first of each mishap.
    pub(super) fn begin_mishaps(&mut self) {
        self.call_again(self.faults.nodes.loss_every, Happening::DiskLoss);
        self.call_again(self.faults.nodes.slow_every, Happening::SlowNode);
        self.call_again(self.faults.disks.full_every, Happening::DiskFull);
        self.call_again(self.faults.clocks.trouble_every, Happening::ClockTrouble);
        self.queue.after(CHECK_EVERY, Happening::CheckState);
    }

    /// Whether the cluster can do without `id` for ever: it is the only one that is lost.
    fn can_do_without(&self, id: u64) -> bool {
        let Some(cluster) = self.newest().and_then(Machine::cluster) else { return false };
        let all_sound = cluster.members.keys().all(|member| {
            self.controllers
                .get(&member.0)
                .is_some_and(|one| !one.is_lost() && one.standing == Standing::Sound)
        });
        let registered =
            cluster.members.get(&NodeId(id)).is_some_and(|member| member.incarnation.is_some());
        all_sound && registered && cluster.voters().count() >= 3
    }

    /// A disk is lost for good, or wiped under its old id, or tampered with.
    pub(super) fn disk_loss(&mut self) {
        if self.is_calm() {
            return;
        }
        self.call_again(self.faults.nodes.loss_every, Happening::DiskLoss);
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        let (one, kind) = (self.luck.pick(&nodes), self.luck.below(4));
        let Some(id) = one.filter(|&id| self.can_do_without(id)) else { return };
        match kind {
            _ if self.scenario.sabotage == Sabotage::UnheardVouches => self.tamper(id),
            0 if self.may_found_again(id) => self.wipe_node(id, Origin::Founder),
            0 | 1 => self.wipe_node(id, Origin::Joins),
            2 => {
                self.crash_node(id, "its disk is gone");
                self.retire(id, "its disk is gone");
            }
            _ => self.tamper(id),
        }
    }

    /// Whether somebody may start a node with an empty disk as the founder that it was. Two of them would
    /// be a majority of the founders, and a cluster of their own where nobody else is heard.
    fn may_found_again(&self, id: u64) -> bool {
        let wiped = |one: &Controller| one.standing == Standing::Wiped;
        FOUNDERS.contains(&id) && !self.controllers.values().any(wiped)
    }

    /// Somebody changes the state that a controller's disk holds, and the hashes with it.
    fn tamper(&mut self, id: u64) {
        let now = self.now();
        self.crash_node(id, "somebody opens it");
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let Life::Down(disk) = &mut controller.life else { return };
        if tamper_with(&mut disk.stored().borrow_mut()).is_some() {
            controller.standing = Standing::Tampered;
            self.stats.tampered += 1;
            self.trace.line(now, format_args!("node {id}'s state was changed behind its back"));
        }
    }

    /// A controller took its leader's state as it is. If that was tampered with, it has it now, too; if
    /// not, whatever its own was is gone.
    pub(super) fn catch_from_leader(&mut self, id: u64) {
        let node = self.controllers.get(&id).and_then(Controller::node);
        let leader = node.and_then(|node| node.leadership().leader);
        let leader = leader.and_then(|leader| self.controllers.get(&leader.0));
        let Some(standing) = leader.map(|leader| leader.standing) else { return };
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        match (standing, controller.standing) {
            (Standing::Tampered, _) => {
                self.stats.tampered += 1;
                controller.standing = Standing::Tampered;
            }
            (Standing::Sound, Standing::Tampered) => controller.standing = Standing::Sound,
            (Standing::Sound | Standing::Wiped, Standing::Sound | Standing::Wiped)
            | (Standing::Wiped, Standing::Tampered) => (),
        }
    }

    /// Whether so many voters were tampered with that the others can no longer tell. Nothing is
    /// promised then.
    pub(super) fn is_hopeless(&self) -> bool {
        let Some(cluster) = self.newest().and_then(Machine::cluster) else { return false };
        let tampered = |id: &NodeId| {
            self.controllers.get(&id.0).is_some_and(|one| one.standing == Standing::Tampered)
        };
        let voters = cluster.voters().count();
        2 * cluster.voters().filter(tampered).count() >= voters
    }

    /// Somebody wants to know whether all have the same state.
    pub(super) fn check_state(&mut self) {
        self.queue.after(CHECK_EVERY, Happening::CheckState);
        let is_asked = self.controllers.values().any(|one| one.standing == Standing::Tampered);
        if is_asked {
            self.operate(0, Action::CheckState);
        }
    }

    /// A disk fills up, and has room again some time later.
    pub(super) fn disk_full(&mut self) {
        if self.is_calm() {
            return;
        }
        self.call_again(self.faults.disks.full_every, Happening::DiskFull);
        let now = self.now();
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        let Some(id) = self.luck.pick(&nodes) else { return };
        let span = self.luck.between(3_000, 25_000);
        if let Some(controller) = self.controllers.get(&id) {
            controller.meter.borrow_mut().is_full = true;
        }
        self.trace.line(now, format_args!("node {id}'s disk is full for {span} ms"));
        self.queue.after(span, Happening::DiskRoom(id));
    }

    /// A disk has room again.
    pub(super) fn disk_has_room(&self, id: u64) {
        if let Some(controller) = self.controllers.get(&id) {
            controller.meter.borrow_mut().is_full = false;
        }
    }

    /// A controller does everything late for a while, or its disk does.
    pub(super) fn slow_node(&mut self) {
        if self.is_calm() {
            return;
        }
        self.call_again(self.faults.nodes.slow_every, Happening::SlowNode);
        let now = self.now();
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        let Some(id) = self.luck.pick(&nodes) else { return };
        let span = self.luck.between(2_000, 20_000);
        if self.luck.below(2) == 0 {
            self.network.delay(id, now + span);
            self.trace.line(now, format_args!("node {id} is slow for {span} ms"));
        } else {
            self.set_slow_disk(id, true);
            self.trace.line(now, format_args!("node {id}'s disk is slow for {span} ms"));
            self.queue.after(span, Happening::DiskQuick(id));
        }
    }

    /// A clock goes wrong, unless one is wrong already: a majority is right at any time.
    pub(super) fn clock_trouble(&mut self) {
        if self.is_calm() {
            return;
        }
        self.call_again(self.faults.clocks.trouble_every, Happening::ClockTrouble);
        let now = self.now();
        if self.controllers.values().any(|one| one.clock.misleads(now)) {
            return;
        }
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        let Some(id) = self.luck.pick(&nodes) else { return };
        let trouble = ClockTrouble::draw(&mut self.luck);
        let span = self.luck.between(1_000, self.faults.clocks.wrong_most.max(1_001));
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.clock.suffers(now, trouble);
        }
        self.stats.clock_troubles += 1;
        self.trace.line(now, format_args!("node {id}'s clock: {trouble:?}, for {span} ms"));
        self.queue.after(span, Happening::ClockSet(id));
    }

    /// Somebody sets a clock right.
    pub(super) fn set_clock(&mut self, id: u64) {
        let now = self.now();
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.clock.suffers(now, ClockTrouble::IsSet);
        }
    }

    /// Once the faults are over: disks have room, and clocks are right.
    pub(super) fn mend_machines(&mut self) {
        let now = self.now();
        for controller in self.controllers.values_mut() {
            controller.meter.borrow_mut().is_full = false;
            controller.meter.borrow_mut().is_slow = false;
            controller.clock.suffers(now, ClockTrouble::IsSet);
        }
    }

    /// A member whose state was tampered with, and which still goes on.
    pub(super) fn tampered_state(&self) -> Option<u64> {
        let cluster = self.newest().and_then(Machine::cluster)?;
        let mut members = cluster.members.keys().map(|id| id.0);
        members.find(|id| {
            let member = self.controllers.get(id);
            member.is_some_and(|one| one.standing == Standing::Tampered && !one.is_lost())
        })
    }
}

/// Puts a token into the state of the newest checkpoint that nobody ever created.
fn tamper_with(stored: &mut Stored) -> Option<()> {
    let checkpoint = stored.checkpoint()?;
    let at = Position { index: checkpoint.index, term: checkpoint.term };
    let mut machine = Machine::thaw(&checkpoint.root, &mut |name: &Name| {
        stored.piece(&tidegate_controller::journal::PieceHash(name.0)).cloned()
    })
    .ok()?;
    let command = Command::Operate(Operate {
        request: "tampered".to_owned(),
        actor: "mallory".to_owned(),
        action: Action::CreateToken(Box::new(CreateToken {
            token: "tampered".parse().ok()?,
            tier: "free".parse().ok()?,
            max_hosts: 1_000,
            secret: Digest([0xEE; 32]),
            expiry: Expiry::Never,
            scope: Scope::default(),
        })),
    });
    machine.apply(at, &command).outcome.ok()?;
    let frozen = machine.freeze();
    for (name, piece) in frozen.pieces() {
        stored.put(tidegate_controller::journal::PieceHash(name.0), piece);
    }
    stored.settle_pieces();
    stored.replace_root(frozen.root().clone());
    Some(())
}
