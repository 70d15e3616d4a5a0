//! Nodes in one thread, with a network that a test can cut and disks that forget.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use tidegate_policies::time::Millis;

use crate::journal::{Batch, Journal, JournalFailed, Recovered};
use crate::machine::command::{Action, BeginGrant, Operate, WithReason};
use crate::machine::ids::{Digest, GrantId, HostId};
use crate::machine::{Command, Machine, Tick};
use crate::node::{Answer, Input, Node, NodeConfig, NodeId, Output};

/// A disk that loses what was not synced when its node crashes.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    synced: Vec<Batch>,
    unsynced: Vec<Batch>,
}

impl Journal for Disk {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.unsynced.push(batch.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        self.synced.append(&mut self.unsynced);
        Ok(())
    }
}

impl Disk {
    pub(super) fn crash(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn recover(&self) -> Recovered {
        Recovered::from_batches(self.synced.iter().chain(&self.unsynced).cloned())
    }
}

pub(super) fn open(config: NodeConfig, disk: Disk) -> Node<Disk> {
    let recovered = disk.recover();
    Node::open(config, disk, recovered, Machine::new()).unwrap()
}

/// A single voter that leads.
pub(super) fn alone() -> Node<Disk> {
    let mut node = open(NodeConfig::new(NodeId(1), [NodeId(1)], 3), Disk::default());
    while !node.leads() {
        node.step([Input::Tick], &mut Vec::new()).unwrap();
    }
    node
}

/// A command that a test can tell from another by its number.
pub(super) fn tick(number: u64) -> Command {
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

/// An operator's command.
pub(super) fn halt() -> Command {
    let (rollout, reason) = ("113.1".parse().unwrap(), "kernel panics".to_owned());
    let action = Action::HaltRollout(WithReason { rollout, reason });
    Command::Operate(Operate { request: "1".to_owned(), actor: "ada".to_owned(), action })
}

pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<u64, Node<Disk>>,
    pub(super) answers: Vec<(u64, u64, Answer)>,
    /// Everything that any node gave out, in order.
    pub(super) transcript: Vec<String>,
    network: VecDeque<(u64, u64, Vec<u8>)>,
    isolated: BTreeSet<u64>,
}

impl Cluster {
    pub(super) fn new(size: u64, seed: u64) -> Self {
        let voters: Vec<NodeId> = (1..=size).map(NodeId).collect();
        let node = |id| open(NodeConfig::new(NodeId(id), voters.clone(), seed), Disk::default());
        Self {
            nodes: (1..=size).map(|id| (id, node(id))).collect(),
            answers: Vec::new(),
            transcript: Vec::new(),
            network: VecDeque::new(),
            isolated: BTreeSet::new(),
        }
    }

    pub(super) fn isolate(&mut self, id: u64) {
        self.isolated.insert(id);
    }

    pub(super) fn heal(&mut self) {
        self.isolated.clear();
    }

    pub(super) fn step(&mut self, id: u64, inputs: Vec<Input>) {
        let mut outputs = Vec::new();
        self.nodes.get_mut(&id).unwrap().step(inputs, &mut outputs).unwrap();
        for output in outputs {
            self.transcript.push(format!("{id} {output:?}"));
            match output {
                Output::Send { to, message } => self.network.push_back((id, to.0, message)),
                Output::Answer { ticket, answer } => self.answers.push((id, ticket, answer)),
                Output::Applied { .. } | Output::LeadershipChanged(_) | Output::Ignored { .. } => {}
            }
        }
    }

    pub(super) fn propose(&mut self, id: u64, tickets: Range<u64>) {
        let proposals = tickets.map(|ticket| Input::Propose { ticket, command: tick(ticket) });
        self.step(id, proposals.collect());
    }

    /// Delivers messages until none is left.
    pub(super) fn settle(&mut self) {
        while let Some((from, to, message)) = self.network.pop_front() {
            if !self.isolated.contains(&from) && !self.isolated.contains(&to) {
                self.step(to, vec![Input::Peer(message)]);
            }
        }
    }

    pub(super) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                self.step(id, vec![Input::Tick]);
            }
            self.settle();
        }
    }

    /// Ticks until a node that is not isolated leads, and answers which.
    pub(super) fn elect(&mut self) -> u64 {
        for _ in 0..1_000 {
            self.ticks(1);
            let leads = |(id, node): (&u64, &Node<Disk>)| {
                (node.leads() && !self.isolated.contains(id)).then_some(*id)
            };
            if let Some(leader) = self.nodes.iter().find_map(leads) {
                return leader;
            }
        }
        panic!("no leader after 1,000 ticks");
    }

    pub(super) fn other_than(&self, id: u64) -> u64 {
        *self.nodes.keys().find(|&&other| other != id).unwrap()
    }

    /// The tickets that were answered as applied, in order.
    pub(super) fn applied_tickets(&self) -> Vec<u64> {
        let applied = self.answers.iter();
        applied
            .filter(|(_, _, answer)| matches!(answer, Answer::Applied { .. }))
            .map(|&(_, ticket, _)| ticket)
            .collect()
    }

    /// Crashes a node and starts it again from what its disk kept.
    pub(super) fn restart(&mut self, id: u64, seed: u64) {
        let voters: Vec<NodeId> = self.nodes.keys().copied().map(NodeId).collect();
        let mut disk = self.nodes.remove(&id).unwrap().into_journal();
        disk.crash();
        self.nodes.insert(id, open(NodeConfig::new(NodeId(id), voters, seed), disk));
        self.step(id, Vec::new());
    }
}
