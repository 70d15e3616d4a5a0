//! What is a controller here? The real node with its machine, and what the runtime is around it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::cluster::Speaks;
use tidegate_controller::machine::command::FIRST_VERSION;
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::node::{Input, Node};
use tidegate_controller::runtime::HandOver;

use super::chance::Chance;
use super::clocks::WallClock;
use super::disk::{Meter, SimDisk};
use super::glue::Kind;
use super::happening::{Beat, Caller, Happening};
use super::pace::Pace;
use super::stored::Stored;
use super::walls::Readings;

/// What the binary understands that every controller begins with. Where this build stands in for the
/// next release, it is the one before.
const OLD_BINARY: Speaks = Speaks { oldest: FIRST_VERSION, newest: FIRST_VERSION };

/// One controller.
#[derive(Debug)]
pub struct Controller {
    /// Counts its starts.
    pub run: u64,
    /// What of it is there.
    pub life: Life,
    /// What a crash forgets.
    pub desk: Desk,
    /// Its wall clock.
    pub clock: WallClock,
    /// Drawn when its data folder was made.
    pub incarnation: [u8; 16],
    /// How it came to the cluster.
    pub origin: Origin,
    /// The entries that its binary reads.
    pub speaks: Speaks,
    /// Whether its disk is what it was given.
    pub standing: Standing,
    /// What is seen of its disk.
    pub meter: Rc<RefCell<Meter>>,
    /// What is on its disk, for those who read pieces.
    pub stored: Rc<RefCell<Stored>>,
}

/// How a controller comes to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It founds it.
    Founder,
    /// It waits to be added.
    Joins,
}

/// Whether a controller's disk is what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Sound,
    /// It was wiped, and the id stayed: whatever it promised is forgotten.
    Wiped,
    /// Its state was changed behind its back.
    Tampered,
}

/// What of a controller is there.
pub enum Life {
    /// It runs.
    Up(Box<Node<SimDisk>>),
    /// Only its disk.
    Down(Box<SimDisk>),
    /// It is being stepped, or its disk is damaged beyond use.
    Gone,
    /// It stopped for good, and said why.
    Retired(String),
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Gone => "gone",
            Self::Retired(why) => why,
        })
    }
}

/// Who waits for what at one controller, and whom it heard.
#[derive(Debug)]
pub struct Desk {
    /// Who waits for a proposal's answer, by ticket.
    pub tickets: BTreeMap<u64, Asker>,
    /// Who waits for a forwarded command's answer, by its id.
    pub forwarded: BTreeMap<u64, (Caller, Kind)>,
    /// The last ticket or id that was given out.
    pub last_id: u64,
    /// The leader's ticks.
    pub pace: Pace,
    /// Beats that the leader has not taken yet.
    pub beats: Vec<Beat>,
    /// The batch of beats under way, and how many beats it holds.
    pub batch: Option<(u64, usize)>,
    /// When the leader last took a batch.
    pub reached_leader: Option<u64>,
    /// Raft ticks of this run.
    pub ticks: u64,
    /// What the others' clocks show.
    pub readings: Readings,
    /// What it watches of itself while it leads.
    pub hand_over: HandOver,
    /// Who shall lead instead.
    pub hand_to: Option<NodeId>,
    /// Until when its disk keeps it from doing anything.
    pub busy_until: u64,
    /// What waits for that.
    pub inbox: Vec<Happening>,
    /// While what waited is taken in: the inputs that it makes, for one step.
    pub gathered: Option<Vec<Input>>,
    /// Syncs of this run that took longer than a second.
    pub slow_syncs: u64,
}

/// Who waits for a proposal's answer.
#[derive(Clone, Debug)]
pub enum Asker {
    /// The runtime's own tick.
    Tick,
    /// Somebody who asked here.
    Here(Caller, Kind),
    /// Another controller, which forwarded a command under this id.
    There(u64, u64),
    /// Somebody who wants to read here.
    Reader(Caller),
}

impl Desk {
    /// An empty desk for a controller's `run`, whose ticks come every `tick` milliseconds.
    #[must_use]
    pub fn new(run: u64, tick: u64) -> Self {
        Self {
            tickets: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            // A late answer to another run's question must find nobody.
            last_id: run << 32,
            pace: Pace::new(tick),
            beats: Vec::new(),
            batch: None,
            reached_leader: None,
            ticks: 0,
            readings: Readings::default(),
            hand_over: HandOver::default(),
            hand_to: None,
            busy_until: 0,
            inbox: Vec::new(),
            gathered: None,
            slow_syncs: 0,
        }
    }

    /// A number that was not used in this run.
    pub fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Controller {
    /// A controller that has never been started.
    #[must_use]
    pub fn new(origin: Origin, disk: SimDisk, luck: &mut Chance) -> Self {
        let (meter, stored) = (disk.meter(), disk.stored());
        Self {
            run: 0,
            life: Life::Down(Box::new(disk)),
            desk: Desk::new(0, 0),
            clock: WallClock::draw(luck),
            incarnation: incarnation(luck),
            origin,
            speaks: OLD_BINARY,
            standing: Standing::Sound,
            meter,
            stored,
        }
    }

    /// The node, while it runs.
    #[must_use]
    pub fn node(&self) -> Option<&Node<SimDisk>> {
        match &self.life {
            Life::Up(node) => Some(node),
            Life::Down(_) | Life::Gone | Life::Retired(_) => None,
        }
    }

    /// The replicated state as this controller has it.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine> {
        self.node().map(Node::machine)
    }

    /// Its desk, and the replicated state as it has it, while it runs.
    #[must_use]
    pub fn desk_and_machine(&mut self) -> Option<(&mut Desk, &Machine)> {
        match &self.life {
            Life::Up(node) => Some((&mut self.desk, node.machine())),
            Life::Down(_) | Life::Gone | Life::Retired(_) => None,
        }
    }

    /// Whether it believes that it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.node().is_some_and(Node::leads)
    }

    /// Whether it is there no more, or nobody may believe it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.standing == Standing::Wiped || matches!(self.life, Life::Retired(_))
    }
}

/// Names a data folder.
pub fn incarnation(luck: &mut Chance) -> [u8; 16] {
    let mut drawn = [0; 16];
    drawn[..8].copy_from_slice(&luck.draw().to_le_bytes());
    drawn[8..].copy_from_slice(&luck.draw().to_le_bytes());
    drawn
}

/// Where a controller listens.
#[must_use]
pub fn address(node: u64) -> String {
    format!("node-{node}:7400")
}
