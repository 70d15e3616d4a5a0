//! Nodes in one thread, with a network that a test can cut and disks that forget.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use super::disk::{Disk, Loose};
use super::words::{bootstrap, tick};
use crate::machine::Command;
use crate::machine::command::VouchState;
use crate::machine::frozen::PieceHash;
use crate::node::{Answer, Fatal, Input, Node, NodeConfig, NodeId, Output, SplitMix64};

pub(super) fn try_open(config: NodeConfig, disk: Disk) -> Result<Node<Disk>, Fatal> {
    let recovered = disk.recover();
    Node::open(config, disk, recovered)
}

pub(super) fn open(config: NodeConfig, disk: Disk) -> Node<Disk> {
    try_open(config, disk).unwrap()
}

/// A single voter that leads.
pub(super) fn alone() -> Node<Disk> {
    let mut node = open(NodeConfig::new(NodeId(1), [NodeId(1)], 3), Disk::default());
    while !node.leads() {
        node.step([Input::Tick], &mut Vec::new()).unwrap();
    }
    node
}

/// What travels between nodes.
#[derive(Clone, Debug)]
enum Packet {
    Raft(Vec<u8>),
    Ask(Vec<PieceHash>),
    Pieces(Vec<Vec<u8>>),
}

pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<u64, Node<Disk>>,
    /// Nodes that stopped, and why.
    pub(super) stopped: BTreeMap<u64, (Fatal, Disk)>,
    pub(super) answers: Vec<(u64, u64, Answer)>,
    /// Everything that any node gave out, in order.
    pub(super) transcript: Vec<String>,
    /// How many pieces travelled.
    pub(super) pieces_sent: usize,
    /// How many pieces an answer holds at most.
    pub(super) most_answered: usize,
    /// Of 100 packets, so many are lost, and so many arrive twice.
    pub(super) loss: u64,
    /// What every node is set up with.
    pub(super) checkpoint_entries: u64,
    size: u64,
    chance: SplitMix64,
    network: VecDeque<(u64, u64, Packet)>,
    isolated: BTreeSet<u64>,
    next_ticket: u64,
}

impl Cluster {
    pub(super) fn new(size: u64, seed: u64) -> Self {
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            stopped: BTreeMap::new(),
            answers: Vec::new(),
            transcript: Vec::new(),
            pieces_sent: 0,
            most_answered: 64,
            loss: 0,
            checkpoint_entries: 50_000,
            size,
            chance: SplitMix64::new(seed),
            network: VecDeque::new(),
            isolated: BTreeSet::new(),
            next_ticket: 1_000_000,
        };
        for id in 1..=size {
            let config = cluster.config(id, seed);
            cluster.nodes.insert(id, open(config, Disk::default()));
        }
        cluster
    }

    /// A cluster whose nodes know who they are, and which makes a checkpoint every so many entries.
    pub(super) fn bootstrapped(size: u64, seed: u64, checkpoint_entries: u64) -> Self {
        let mut cluster = Self::new(0, seed);
        (cluster.size, cluster.checkpoint_entries) = (size, checkpoint_entries);
        for id in 1..=size {
            let config = cluster.config(id, seed + id);
            cluster.nodes.insert(id, open(config, Disk::default()));
        }
        cluster.elect();
        let answer = cluster.command(bootstrap(size));
        assert!(matches!(answer, Answer::Applied { outcome: Ok(_), .. }), "{answer:?}");
        cluster
    }

    /// The cluster whose nodes left these disks.
    pub(super) fn of_disks(disks: &BTreeMap<u64, Disk>, checkpoint_entries: u64) -> Self {
        let mut cluster = Self::new(0, 7);
        cluster.checkpoint_entries = checkpoint_entries;
        for (&id, disk) in disks {
            cluster.start(id, disk.clone(), id, Loose::Lost);
        }
        cluster
    }

    pub(super) fn config(&self, id: u64, seed: u64) -> NodeConfig {
        let voters = (1..=self.size).map(NodeId).filter(|_| id <= self.size);
        let checkpoint_entries = self.checkpoint_entries;
        NodeConfig { checkpoint_entries, ..NodeConfig::new(NodeId(id), voters, seed) }
    }

    /// Starts a node that waits to be added.
    pub(super) fn join(&mut self, id: u64) {
        let config = self.config(id, id);
        self.nodes.insert(id, open(config, Disk::default()));
    }

    pub(super) fn isolate(&mut self, id: u64) {
        self.isolated.insert(id);
    }

    pub(super) fn reconnect(&mut self, id: u64) {
        self.isolated.remove(&id);
    }

    pub(super) fn heal(&mut self) {
        self.isolated.clear();
    }

    pub(super) fn step(&mut self, id: u64, inputs: Vec<Input>) {
        let mut outputs = Vec::new();
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let stepped = node.step(inputs, &mut outputs);
        for output in outputs {
            self.transcript.push(format!("{id} {output:?}"));
            match output {
                Output::Send { to, message } => self.send(id, to.0, Packet::Raft(message)),
                Output::FetchPieces { from, hashes } => self.send(id, from.0, Packet::Ask(hashes)),
                Output::Vouch { index, hash } => self.vouch(id, index, hash),
                Output::Answer { ticket, answer } => self.answers.push((id, ticket, answer)),
                Output::Applied { .. }
                | Output::Replaced { .. }
                | Output::LeadershipChanged(_)
                | Output::Ignored { .. } => {}
            }
        }
        if let Err(fatal) = stepped {
            let disk = self.nodes.remove(&id).unwrap().into_journal();
            self.transcript.push(format!("{id} {fatal}"));
            self.stopped.insert(id, (fatal, disk));
        }
    }

    fn send(&mut self, from: u64, to: u64, packet: Packet) {
        let fate = self.chance.next_u64() % 100;
        if fate >= self.loss {
            self.network.push_back((from, to, packet.clone()));
        }
        if fate < 2 * self.loss {
            self.network.push_back((from, to, packet));
        }
    }

    /// Proposes, at whoever leads, what a node vouches for.
    fn vouch(&mut self, id: u64, index: u64, hash: [u8; 32]) {
        let command = Command::VouchState(VouchState { node: NodeId(id), index, hash });
        if let Some(leader) = self.leader() {
            let ticket = self.ticket();
            self.step(leader, vec![Input::Propose { ticket, command }]);
        }
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(super) fn propose(&mut self, id: u64, tickets: Range<u64>) {
        let proposals = tickets.map(|ticket| Input::Propose { ticket, command: tick(ticket) });
        self.step(id, proposals.collect());
    }

    /// Proposes at the leader, and waits for the answer.
    pub(super) fn command(&mut self, command: Command) -> Answer {
        let leader = self.elect();
        let ticket = self.ticket();
        self.step(leader, vec![Input::Propose { ticket, command }]);
        self.answer_to(ticket)
    }

    /// Asks to read at a node, and waits for the answer.
    pub(super) fn read(&mut self, id: u64) -> Answer {
        let ticket = self.ticket();
        self.step(id, vec![Input::Read { ticket }]);
        self.answer_to(ticket)
    }

    fn answer_to(&mut self, ticket: u64) -> Answer {
        for _ in 0..200 {
            self.settle();
            if let Some((.., answer)) = self.answers.iter().find(|(_, told, _)| *told == ticket) {
                return answer.clone();
            }
            self.ticks(1);
        }
        panic!("no answer after 200 ticks");
    }

    /// Delivers messages until none is left.
    pub(super) fn settle(&mut self) {
        while !self.network.is_empty() {
            self.deliver();
        }
    }

    /// Delivers messages until none is left or it `is_so`.
    pub(super) fn settle_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !self.network.is_empty() && !is_so(self) {
            self.deliver();
        }
    }

    /// Delivers the oldest message.
    fn deliver(&mut self) {
        if let Some((from, to, packet)) = self.network.pop_front() {
            if self.isolated.contains(&from) || self.isolated.contains(&to) {
                return;
            }
            match packet {
                Packet::Raft(message) => self.step(to, vec![Input::Peer(message)]),
                Packet::Pieces(pieces) => self.step(to, vec![Input::Pieces { pieces }]),
                Packet::Ask(hashes) => {
                    let Some(node) = self.nodes.get(&to) else { return };
                    let piece = |hash: &PieceHash| node.piece(hash).unwrap();
                    let found: Vec<_> =
                        hashes.iter().filter_map(piece).take(self.most_answered).collect();
                    self.pieces_sent += found.len();
                    let pieces = found.iter().map(|piece| piece.to_vec()).collect();
                    self.send(to, from, Packet::Pieces(pieces));
                }
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

    /// Ticks until `is_so`.
    #[track_caller]
    pub(super) fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..2_000 {
            if is_so(self) {
                return;
            }
            self.ticks(1);
        }
        panic!("not so after 2,000 ticks");
    }

    /// The node of the highest term that leads and is not isolated.
    pub(super) fn leader(&self) -> Option<u64> {
        let nodes =
            self.nodes.iter().filter(|(id, node)| node.leads() && !self.isolated.contains(id));
        nodes.max_by_key(|(_, node)| node.leadership().term).map(|(&id, _)| id)
    }

    /// Ticks until a node that is not isolated leads, and answers which.
    pub(super) fn elect(&mut self) -> u64 {
        for _ in 0..1_000 {
            if let Some(leader) = self.leader() {
                return leader;
            }
            self.ticks(1);
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

    /// Ticks until every node has applied the same, and checks that all have the same state.
    #[track_caller]
    pub(super) fn agree(&mut self) {
        self.until(|cluster| {
            let mut applied = cluster.nodes.values().map(|node| node.applied());
            let first = applied.next();
            applied.all(|other| Some(other) == first)
        });
        let states: Vec<_> = self.nodes.values().map(|node| node.machine().state_hash()).collect();
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
    }

    /// Crashes a node and starts it again from what its disk kept.
    pub(super) fn restart(&mut self, id: u64, seed: u64) {
        let disk = match self.nodes.remove(&id) {
            Some(node) => node.into_journal(),
            None => self.stopped.remove(&id).unwrap().1,
        };
        self.start(id, disk, seed, Loose::Lost);
    }

    /// Starts a node after a crash that left `disk`.
    pub(super) fn start(&mut self, id: u64, mut disk: Disk, seed: u64, loose: Loose) {
        disk.crash(loose);
        let node = open(self.config(id, seed), disk);
        self.nodes.insert(id, node);
        self.step(id, Vec::new());
    }
}
