//! Commands for nodes under test.

use std::collections::BTreeMap;

use tidegate_policies::time::Millis;

use crate::machine::command::{
    Action, AddMember, BeginGrant, CreateToken, Expiry, Operate, PromoteMember, RemoveMember,
    TierSpec, WithReason,
};
use crate::machine::ids::{Digest, GrantId, HostId};
use crate::machine::tokens::Scope;
use crate::machine::{Bootstrap, Command, Tick};
use crate::node::NodeId;

/// A command that a test can tell from another by its number.
pub(in crate::node) fn tick(number: u64) -> Command {
    Command::Tick(Tick { step: Millis(number), ..Tick::default() })
}

/// A command that is a little larger than `bytes`.
pub(super) fn tick_of_bytes(bytes: usize) -> Command {
    let mut heard = Vec::new();
    loop {
        heard.extend((0..100).map(|_| HostId(u64::MAX)));
        let command = Command::Tick(Tick { heard: heard.clone(), ..Tick::default() });
        if command.encode().len() > bytes {
            return command;
        }
    }
}

/// A command of an agent that is a little larger than `bytes`.
pub(super) fn begin_of_bytes(bytes: usize) -> Command {
    Command::BeginGrant(BeginGrant {
        host: HostId(1),
        grant: GrantId(1),
        version: "113.1".parse().unwrap(),
        epoch: 1,
        boot: "b".repeat(bytes),
        digest: Digest([0; 32]),
    })
}

fn operate(request: String, action: Action) -> Command {
    Command::Operate(Operate { request, actor: "ada".to_owned(), action })
}

/// An operator's command.
pub(super) fn halt() -> Command {
    let (rollout, reason) = ("113.1".parse().unwrap(), "kernel panics".to_owned());
    operate("1".to_owned(), Action::HaltRollout(WithReason { rollout, reason }))
}

pub(super) fn address(node: u64) -> String {
    format!("node-{node}:7443")
}

pub(super) fn bootstrap(size: u64) -> Command {
    Command::Bootstrap(Bootstrap {
        cluster: "test".to_owned(),
        id: [7; 16],
        members: (1..=size).map(|node| (NodeId(node), address(node))).collect::<BTreeMap<_, _>>(),
        ladder: vec![TierSpec { name: "free".parse().unwrap(), sampled: false }],
    })
}

/// A command that makes the state a little larger, and is the same for nobody else.
pub(super) fn token(number: u64) -> Command {
    let action = Action::CreateToken(Box::new(CreateToken {
        token: format!("token-{number}").parse().unwrap(),
        tier: "free".parse().unwrap(),
        max_hosts: number + 1,
        secret: Digest(*blake3::hash(&number.to_le_bytes()).as_bytes()),
        expiry: Expiry::Never,
        scope: Scope::default(),
    }));
    operate(format!("token-{number}"), action)
}

pub(super) fn add(node: u64) -> Command {
    let action = Action::AddMember(AddMember { node: NodeId(node), address: address(node) });
    operate(format!("add-{node}"), action)
}

pub(super) fn promote(node: u64, replacing: Option<u64>) -> Command {
    let replacing = replacing.map(NodeId);
    let action = Action::PromoteMember(PromoteMember { node: NodeId(node), replacing });
    operate(format!("promote-{node}"), action)
}

pub(super) fn remove(node: u64) -> Command {
    let action = Action::RemoveMember(RemoveMember { node: NodeId(node) });
    operate(format!("remove-{node}"), action)
}

pub(super) fn check_state(number: u64) -> Command {
    operate(format!("check-{number}"), Action::CheckState)
}
