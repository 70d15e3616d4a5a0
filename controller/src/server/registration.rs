//! What does this node tell the cluster of itself? Where it listens, which data directory it has and
//! which entries it reads, until the cluster knows; and, as it goes on, which state it has.

use std::time::Duration;

use crate::api::Desk;
use crate::machine::cluster::Speaks;
use crate::machine::command::{RegisterNode, VouchState};
use crate::machine::{Command, Machine, Rejection};
use crate::runtime::{Outbound, TurnedAway, Vouch};

/// How long after a try that did not succeed the next one is made.
const AGAIN: Duration = Duration::from_millis(500);

/// How often a state is vouched for before it is let go.
const VOUCH_TRIES: u32 = 20;

/// Registers this node, at `address`, and ends when the cluster as this node sees it knows all that it
/// says. A node that is no member yet waits until it is one.
pub(super) async fn register(desk: Desk, address: String) {
    let register = RegisterNode {
        node: desk.handle.id(),
        incarnation: desk.handle.incarnation(),
        address,
        speaks: Speaks::of_this_build(),
    };
    loop {
        let mut applied = desk.handle.applied();
        let wanted = register.clone();
        let Ok(known) = desk.handle.query(move |machine| known(machine, &wanted)).await else {
            return; // The node has stopped.
        };
        match known {
            Known::All => return,
            Known::NoMember => {
                // Only an entry makes it one.
                if applied.changed().await.is_err() {
                    return;
                }
            }
            Known::Not => {
                try_register(&desk, &register).await;
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn try_register(desk: &Desk, register: &RegisterNode) {
    let node = register.node.0;
    match desk.peers.propose(Command::RegisterNode(register.clone())).await {
        Ok((position, Ok(_))) => {
            tracing::info!(node, index = position.index, "node.registered");
            // What it says is known once this node has applied it.
            let _seen = desk.handle.wait_applied(position.index, AGAIN).await;
        }
        Ok((_, Err(Rejection::OtherIncarnation { .. }))) => {
            desk.handle.turn_away(TurnedAway::OtherIncarnation);
        }
        Ok((_, Err(rejection))) => tracing::warn!(node, %rejection, "node.not_registered"),
        Err(error) => tracing::debug!(node, %error, "node.not_registered"),
    }
}

/// What the cluster knows of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    All,
    Not,
    NoMember,
}

fn known(machine: &Machine, own: &RegisterNode) -> Known {
    let members = machine.cluster().map(|cluster| &cluster.members);
    let Some(member) = members.and_then(|members| members.get(&own.node)) else {
        return Known::NoMember;
    };
    let same = member.incarnation == Some(own.incarnation)
        && member.address == own.address
        && member.speaks == own.speaks;
    if same { Known::All } else { Known::Not }
}

/// Vouches for this node's states, until it is aborted. Each is tried for a minute or two; after that
/// nobody compares it any more.
pub(super) async fn vouch(desk: Desk, outbound: Outbound) {
    let node = desk.handle.id();
    loop {
        let Vouch { index, hash } = outbound.next_vouch().await;
        for _ in 0..VOUCH_TRIES {
            let command = Command::VouchState(VouchState { node, index, hash });
            match desk.peers.propose(command).await {
                Ok((_, Ok(_))) => break,
                Ok((_, Err(rejection))) => {
                    tracing::debug!(index, %rejection, "state.not_vouched");
                    break;
                }
                Err(error) => tracing::debug!(index, %error, "state.not_vouched"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
