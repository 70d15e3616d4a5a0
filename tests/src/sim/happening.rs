//! What can happen in the world? Everything that waits in the queue for its time.

use tidegate_agent::core::{
    BootTime, CallFailed, CallId, FetchFailed, Fetched, Insertion, ModuleName,
};
use tidegate_controller::machine::frozen::PieceHash;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::{Command, Outcome, Position};
use tidegate_controller::node::Answer;
use tidegate_proto::v1::{
    BeginRequest, BeginResponse, ReportRequest, ReportResponse, SyncRequest, SyncResponse,
};

/// Something that waits for its time.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A controller's raft tick, in the run of the controller that it was meant for.
    RaftTick {
        /// The controller.
        node: u64,
        /// Its run, counted up at each start.
        run: u64,
    },
    /// A controller's disk is done, in the run of the controller that it was slow for.
    DiskDone {
        /// The controller.
        node: u64,
        /// Its run.
        run: u64,
    },
    /// A crashed controller starts again.
    NodeStarts(u64),
    /// A message of one controller to another arrives.
    Peer {
        /// The sender.
        from: u64,
        /// Which disk the sender has.
        incarnation: [u8; 16],
        /// The receiver.
        to: u64,
        /// The message.
        message: PeerMessage,
    },
    /// A question arrives at a controller.
    Asked {
        /// The controller.
        node: u64,
        /// Who asks.
        caller: Caller,
        /// What.
        question: Question,
    },
    /// A controller's answer arrives.
    Answered {
        /// The controller.
        node: u64,
        /// Who asked.
        caller: Caller,
        /// The answer.
        answer: Reply,
    },
    /// Something happens on a host.
    Host {
        /// The host.
        host: usize,
        /// What.
        what: HostHappening,
    },
    /// A step of the drill that shows a dropped epoch check.
    Drill(Drill),
    /// An operator acts on a job: sends it, or sends it again.
    Job {
        /// The job.
        job: u64,
        /// Counts the attempts, so that an answered one is not made again.
        attempt: u64,
    },
    /// An operator has a whim.
    Whim,
    /// An operator has a whim about tokens and hosts.
    PlaceWhim,
    /// An operator has a whim about dates.
    DateWhim,
    /// Somebody else than who does most things looks at what waits for a second person.
    Colleague,
    /// The desk looks after the rollouts, once the faults are over.
    Care,
    /// A client asks for something.
    Client,
    /// A client asks again, through another controller.
    ClientAsks {
        /// The question.
        question: usize,
        /// Counts the attempts, so that an answered one is not made again.
        attempt: u64,
    },
    /// Whoever looks after the members looks after them.
    Members,
    /// Somebody wants to change the members.
    MemberWhim,
    /// Somebody wants to know whether all have the same state.
    CheckState,
    /// A backup is taken, and restored on the side.
    Backup,
    /// A controller is given the newest binary.
    Upgrade,
    /// A disk is lost, wiped, or tampered with.
    DiskLoss,
    /// A disk fills up.
    DiskFull,
    /// A disk has room again.
    DiskRoom(u64),
    /// A controller does everything late for a while, or its disk does.
    SlowNode,
    /// A disk is as quick as before.
    DiskQuick(u64),
    /// The examiner looks, once the faults are over.
    Examine,
    /// A clock goes wrong.
    ClockTrouble,
    /// Somebody sets a clock.
    ClockSet(u64),
    /// A controller crashes.
    NodeCrash,
    /// Links break.
    Partition,
    /// A host has trouble that no patch causes.
    HostTrouble,
    /// The faults are over.
    Calm,
}

/// A step of a drill: a halt and a resume that one controller does not hear of, and agents that are
/// restarted just then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drill {
    /// One controller is cut off from the others, not from the hosts, and a rollout is halted.
    CutAndHalt,
    /// The rollout is resumed.
    Resume,
    /// Every agent is restarted.
    RestartAgents,
}

/// What a controller says to another.
#[derive(Clone, Debug)]
pub enum PeerMessage {
    /// Raft's own.
    Raft(Vec<u8>),
    /// A command for the leader.
    Forward {
        /// Names it at its sender.
        id: u64,
        /// The command.
        command: Box<Command>,
    },
    /// What became of a forwarded command.
    Forwarded {
        /// Names it at its sender.
        id: u64,
        /// What became of it.
        answer: Answer,
    },
    /// Hosts that a follower heard, for the leader's next tick.
    Beats {
        /// Names the batch at its sender.
        id: u64,
        /// Who was heard.
        beats: Vec<Beat>,
        /// What the sender's clock shows.
        wall: u64,
    },
    /// The leader has taken a batch of beats.
    BeatsTaken {
        /// The batch.
        id: u64,
    },
    /// Pieces of a state are asked for.
    FetchPieces {
        /// Their names.
        hashes: Vec<PieceHash>,
    },
    /// Pieces of a state.
    Pieces {
        /// Those that the sender has.
        pieces: Vec<Vec<u8>>,
    },
}

/// A host was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The host.
    pub host: HostId,
    /// The boot that it spoke of.
    pub boot: String,
    /// It would take an offer.
    pub asks: bool,
}

/// Who asks a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A host's agent.
    Agent {
        /// The host.
        host: usize,
        /// The run of its agent: an answer never reaches another.
        run: u64,
        /// The agent's call.
        call: CallId,
        /// The request id that a `Begin` must be answered with; empty otherwise.
        request: String,
    },
    /// A host's installer, which enrols it.
    Installer {
        /// The host.
        host: usize,
    },
    /// The operators' desk.
    Desk {
        /// The job.
        job: u64,
    },
    /// A client, which wants to read or to create a token.
    Client {
        /// The question.
        question: usize,
    },
    /// A controller, of itself. Nobody waits for the answer.
    Upkeep,
}

/// What a controller is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// A beat.
    Sync(SyncRequest),
    /// May it go?
    Begin(BeginRequest),
    /// Reports.
    Report(ReportRequest),
    /// An enrolment or an operator's command.
    Command(Box<Command>),
    /// What is there now?
    Read,
}

/// What a controller answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// To a beat.
    Sync(Result<SyncResponse, CallFailed>),
    /// To `Begin`.
    Begin(Result<BeginResponse, CallFailed>),
    /// To reports.
    Report(Result<ReportResponse, CallFailed>),
    /// To a command; `None`: unknown, or nobody leads.
    Command(Option<(Position, Outcome)>),
    /// To a read: the index that was read at, and the names of the tokens; `None`: ask again.
    Read(Option<(u64, Vec<String>)>),
}

/// Something that happens on a host. What belongs to a boot or to an agent's run is void in another.
#[derive(Clone, Debug)]
pub enum HostHappening {
    /// The power comes on.
    PowerOn,
    /// The installer asks for the host to be enrolled.
    Enrol,
    /// The agent starts in this boot.
    AgentStarts {
        /// The boot.
        boot: u64,
    },
    /// The agent wanted to be woken.
    Wake {
        /// The agent's run.
        run: u64,
        /// The boot time that it asked for.
        at: BootTime,
    },
    /// A download ended.
    Fetched {
        /// The agent's run.
        run: u64,
        /// The call.
        call: CallId,
        /// What came.
        result: Result<Fetched, FetchFailed>,
    },
    /// The driver is about to insert.
    Insert {
        /// The agent's run.
        run: u64,
        /// What, and until when.
        insertion: Box<Insertion>,
        /// The permission.
        permission: Permission,
    },
    /// The driver looks whether the transition ended.
    TransitionDue {
        /// The agent's run.
        run: u64,
        /// The grant.
        grant: u64,
        /// The module.
        module: ModuleName,
        /// When the module was inserted, by the host's clock.
        since: BootTime,
    },
    /// The driver has disabled a module.
    Reverted {
        /// The agent's run.
        run: u64,
        /// The grant.
        grant: u64,
        /// The module.
        module: ModuleName,
    },
    /// The kernel was looked at.
    Observed {
        /// The agent's run.
        run: u64,
        /// When the looking started.
        at: BootTime,
    },
    /// The patch shows what it does to this host.
    PatchBites {
        /// The boot in which it was inserted.
        boot: u64,
        /// The module.
        module: ModuleName,
    },
    /// The power goes off, as announced.
    PowerOff {
        /// The boot that ends.
        boot: u64,
    },
}

/// Under which go an insert happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// When the request that was answered with the go was sent first, in milliseconds of the run.
    pub first_sent: u64,
    /// The log index of the decision, as the answer says.
    pub index: u64,
    /// The epoch of the go.
    pub epoch: u64,
}
