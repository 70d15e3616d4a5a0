//! What can have happened? Facts: each changes the state, and none can be refused any more.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::time::Elapsed;

use super::clock::Clock;
use super::cluster::Member;
use super::command::{Bootstrap, StoreBlob, VouchState};
use super::fleet::{Facts, Host, Mode, SpoolMark};
use super::grants::{Grant, Phase};
use super::ids::{GrantId, HostId, NodeId, RolloutId};
use super::patch_sets::{Halt, PatchSet};
use super::restore::Restoration;
use super::rollouts::{Place, Reached, Rollout, State};
use super::tokens::Token;

/// A fact about the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The cluster has a name, members and a ladder.
    ClusterBootstrapped(Bootstrap),
    /// A node follows the log, without a vote.
    MemberAdded {
        /// The node.
        node: NodeId,
        /// Where it listens.
        address: String,
        /// Who.
        actor: String,
    },
    /// A learner votes.
    MemberPromoted {
        /// The node.
        node: NodeId,
        /// The voter that left in the same step.
        replacing: Option<NodeId>,
        /// Who.
        actor: String,
    },
    /// A node left for good.
    MemberRemoved {
        /// The node.
        node: NodeId,
        /// Who.
        actor: String,
    },
    /// A node said something new of itself.
    NodeRegistered {
        /// The node.
        node: NodeId,
        /// What is known of it now.
        member: Member,
    },
    /// Every member understands a newer version: its entries are proposed, and its rules are followed.
    VersionRaised {
        /// The version.
        version: u16,
    },
    /// Every node shall say which state it has.
    StateCheckAsked {
        /// Who.
        actor: String,
    },
    /// A node said which state it has.
    StateVouched(VouchState),
    /// A backup became another cluster.
    ClusterRestored(Box<Restoration>),
    /// Time went on.
    ClockAdvanced(Clock),
    /// A node holds an artifact.
    BlobStored(StoreBlob),
    /// There is a new token.
    TokenCreated {
        /// The token.
        token: Token,
        /// Who.
        actor: String,
    },
    /// A machine is a member of the fleet, anew or again.
    HostEnrolled(Box<Host>),
    /// A host is not quite what it was.
    HostChanged {
        /// The host.
        host: HostId,
        /// Its facts.
        facts: Box<Facts>,
        /// Its boot.
        boot: String,
        /// Whether its agent may touch the kernel.
        mode: Mode,
    },
    /// A host goes down on purpose.
    GoodbyeSaid {
        /// The host.
        host: HostId,
        /// The boot that ends.
        boot: String,
    },
    /// A report was counted.
    ReportCounted {
        /// The host.
        host: HostId,
        /// How far its spool is counted now.
        mark: SpoolMark,
    },
    /// There is a new patch set.
    PatchSetPublished {
        /// The patch set.
        patch_set: Box<PatchSet>,
        /// Who.
        actor: String,
    },
    /// There is a new draft.
    RolloutCreated {
        /// The draft.
        rollout: Box<Rollout>,
        /// Who.
        actor: String,
    },
    /// A draft was started.
    RolloutStarted {
        /// The rollout.
        rollout: RolloutId,
        /// The hosts that each sampled step drew.
        drawn: BTreeMap<usize, BTreeSet<HostId>>,
        /// Who.
        actor: String,
    },
    /// A wave started.
    WaveStarted {
        /// The rollout.
        rollout: RolloutId,
        /// The wave.
        place: Place,
        /// The wave in words, e.g. `free wave 2/3 (50%)`.
        label: String,
        /// Who let it: `judge`, or a person's name.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The last wave passed.
    RolloutCompleted {
        /// The rollout.
        rollout: RolloutId,
        /// Who let it: `judge`, or a person's name.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A person paused.
    RolloutPaused {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A person lifted a pause or a halt.
    RolloutResumed {
        /// The rollout.
        rollout: RolloutId,
        /// Where it stood.
        from: State,
        /// The hosts whose failures were acknowledged.
        acknowledged: Vec<HostId>,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A person promoted the present wave, for when its gates open.
    WaveApproved {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A halt stands.
    Halted {
        /// The rollout.
        rollout: RolloutId,
        /// The halt.
        halt: Box<Halt>,
    },
    /// A host may ask to begin.
    GrantOffered(Grant),
    /// A grant went on.
    GrantMoved {
        /// The grant.
        grant: GrantId,
        /// Where to.
        to: Phase,
        /// When the soak ends at the earliest, where one starts.
        soak_ends: Option<Elapsed>,
    },
    /// A verdict differs from the one before.
    VerdictReached {
        /// The rollout.
        rollout: RolloutId,
        /// The verdict and its inputs.
        reached: Box<Reached>,
    },
}
