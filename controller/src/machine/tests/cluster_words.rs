//! Which words does a script have for the controllers themselves?
//!
//! ```text
//! add 4 at=node-4:7443               a learner
//! vote 4 replacing=1                 promote it
//! leave-joint                        whoever was replaced has left
//! remove 1
//! register 4 disk=1 speaks=2..3 at=node-4:7443
//! vouch 4 index=1000 hash=7
//! check-state
//! restore 9 generation=7 to=500      the backup is the state as it stands
//! ```

use crate::machine::cluster::Speaks;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::{
    Action, AddMember, Command, Operate, PromoteMember, RegisterNode, RemoveMember, VouchState,
};
use crate::machine::ids::NodeId;
use crate::machine::restore::Restoration;

use super::script::{Words, read};
use super::world::World;

fn node(words: &Words<'_>) -> NodeId {
    NodeId(read(words.at(0)))
}

fn address(words: &Words<'_>) -> String {
    words.get("at").map_or_else(|| format!("node-{}:7443", words.at(0)), str::to_owned)
}

/// Gives `command` an address that no line could say.
pub(super) fn readdress(command: &mut Command, address: &str) {
    if let Command::RegisterNode(register) = command {
        register.address = address.to_owned();
    }
    if let Command::Operate(Operate { action: Action::AddMember(add), .. }) = command {
        add.address = address.to_owned();
    }
}

/// `2..3`, or 2 alone.
fn speaks(text: Option<&str>) -> Speaks {
    let (oldest, newest) = text.and_then(|text| text.split_once("..")).unwrap_or(("2", "2"));
    Speaks { oldest: read(oldest), newest: read(newest) }
}

/// The command of a `register` line.
pub(super) fn register(words: &Words<'_>) -> Command {
    Command::RegisterNode(RegisterNode {
        node: node(words),
        incarnation: [words.read("disk").unwrap_or(1); 16],
        address: address(words),
        speaks: speaks(words.get("speaks")),
    })
}

/// The command of a `vouch` line.
pub(super) fn vouch(words: &Words<'_>) -> Command {
    Command::VouchState(VouchState {
        node: node(words),
        index: words.read("index").unwrap_or(1),
        hash: [words.read("hash").unwrap_or(7); 32],
    })
}

/// The command of a `probe` line.
#[cfg(feature = "next-version")]
pub(super) fn probe(words: &Words<'_>) -> Command {
    Command::NextProbe(crate::machine::command::NextProbe { node: node(words) })
}

/// What a person can want of the controllers.
pub(super) fn action(words: &Words<'_>) -> Action {
    match words.verb() {
        "add" => Action::AddMember(AddMember { node: node(words), address: address(words) }),
        "vote" => Action::PromoteMember(PromoteMember {
            node: node(words),
            replacing: words.read("replacing").map(NodeId),
        }),
        "remove" => Action::RemoveMember(RemoveMember { node: node(words) }),
        "check-state" => Action::CheckState,
        verb => panic!("a script has no `{verb}`"),
    }
}

/// What a `restore` line wants.
pub(super) fn restoration(world: &World, words: &Words<'_>) -> Restoration {
    let known = world.machine.cluster().map_or(0, |cluster| cluster.generation);
    Restoration {
        cluster_id: [9; 16],
        generation: words.read("generation").unwrap_or(known + 1),
        node: node(words),
        address: address(words),
        index: words.read("to").unwrap_or_else(|| world.machine.applied() + 1_000),
        reason: words.get("reason").unwrap_or("drill").to_owned(),
    }
}

/// An event of the controllers, in the words of its record.
pub(super) fn show(event: &ClusterEvent) -> String {
    match (event.note(), event) {
        (Some(note), _) => {
            format!("{} {} by {}: {}", note.subject, note.event, note.actor, note.detail)
        }
        (None, ClusterEvent::StateVouched(vouch)) => {
            format!("node {} vouched for {}", vouch.node, vouch.index)
        }
        (None, event) => panic!("{event:?} leaves no record"),
    }
}
