//! What does a controller say without being asked? Which disk it has, which artifacts, and when windows are open.

use tidegate_controller::machine::cluster::Speaks;
use tidegate_controller::machine::command::{KnowOpenings, RegisterNode, StoreBlob};
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::machine::{Command, Machine};

use super::controllers::{Controller, address};
use super::glue::Kind;
use super::happening::{Caller, Happening};
use super::world::World;

/// Time between two controllers that are given the newest binary, in milliseconds.
pub(super) const UPGRADE_EVERY: u64 = 17_000;

impl World {
    /// Some controller is given the newest binary.
    pub(super) fn upgrade(&mut self) {
        self.queue.after(UPGRADE_EVERY, Happening::Upgrade);
        let newest = Speaks::of_this_build();
        let is_old = |one: &Controller| one.speaks != newest && !one.is_lost();
        let old: Vec<u64> =
            self.controllers.iter().filter(|(_, one)| is_old(one)).map(|(&id, _)| id).collect();
        let Some(id) = self.luck.pick(&old) else { return };
        self.crash_node(id, "it is given the newest binary");
        self.give_newest_binary(id);
    }

    /// A controller will start with the newest binary.
    pub(super) fn give_newest_binary(&mut self, id: u64) {
        if let Some(controller) = self.controllers.get_mut(&id) {
            controller.speaks = Speaks::of_this_build();
        }
    }

    /// A member says what the cluster does not know of it, or knows otherwise. It fetches every
    /// artifact at once here.
    pub(super) fn keep_known(&mut self, id: u64) {
        let Some(controller) = self.controllers.get(&id) else { return };
        let Some(machine) = controller.machine() else { return };
        let known = machine.cluster().and_then(|cluster| cluster.members.get(&NodeId(id)));
        let Some(known) = known else { return };
        let said =
            known.incarnation == Some(controller.incarnation) && known.speaks == controller.speaks;
        let register = (!said).then(|| registration(id, controller));
        let lacks = machine.blobs().iter().filter(|(_, blob)| !blob.nodes.contains(&NodeId(id)));
        let stores = lacks.map(|(&digest, blob)| {
            Command::StoreBlob(StoreBlob { node: NodeId(id), digest, size: blob.size })
        });
        let openings = openings(controller, machine);
        let commands =
            register.into_iter().chain(stores).chain(openings).chain(probe(id, controller));
        for command in commands.collect::<Vec<_>>() {
            self.submit(id, Caller::Upkeep, Kind::Command, command);
        }
    }
}

/// A leader says when windows are open, as far as nobody has said it.
fn openings(controller: &Controller, machine: &Machine) -> Vec<Command> {
    if !controller.leads() {
        return Vec::new();
    }
    let windows = machine.windows_run_out().into_iter();
    let known = windows.filter_map(|window| {
        let openings = window.openings(machine.clock().wall)?;
        Some(Command::KnowOpenings(KnowOpenings { window, openings }))
    });
    known.collect()
}

/// A newer binary asks whether it may speak as it likes. The node refuses until everybody can read it.
#[cfg(feature = "next-version")]
fn probe(id: u64, controller: &Controller) -> Option<Command> {
    let is_new = controller.speaks == Speaks::of_this_build();
    let probe = tidegate_controller::machine::command::NextProbe { node: NodeId(id) };
    is_new.then_some(Command::NextProbe(probe))
}

#[cfg(not(feature = "next-version"))]
const fn probe(_: u64, _: &Controller) -> Option<Command> {
    None
}

fn registration(id: u64, controller: &Controller) -> Command {
    Command::RegisterNode(RegisterNode {
        node: NodeId(id),
        incarnation: controller.incarnation,
        address: address(id),
        speaks: controller.speaks,
    })
}
