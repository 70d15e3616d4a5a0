//! What can have happened? Facts: each changes the state, and none can be refused any more.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::time::Elapsed;

use super::block_event::BlockEvent;
use super::calendar_event::CalendarEvent;
use super::clock::Clock;
use super::cluster_event::ClusterEvent;
use super::command::{Bootstrap, StoreBlob};
use super::entitlement_event::EntitlementEvent;
use super::fleet::{Facts, Host, Mode, SpoolMark};
use super::grants::{Grant, Phase};
use super::ids::{GrantId, HostId, RolloutId, TierName};
use super::incident_event::IncidentEvent;
use super::patch_sets::{Halt, KernelKey, PatchSet};
use super::people_event::PeopleEvent;
use super::quarantine::Rejoined;
use super::rollouts::{Place, Reached, Rollout, State};
use super::slices::HaltedSlice;
use super::tokens::Token;
use super::trial::{HoldMove, TrialMove};
use super::webhook_event::WebhookEvent;
use super::withdrawal_event::WithdrawalEvent;

/// A fact about the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The cluster has a name, members and a ladder.
    ClusterBootstrapped(Bootstrap),
    /// The cluster's controllers, or what they understand, are not quite what they were.
    Cluster(ClusterEvent),
    /// Tiers, windows, freezes or holdbacks are not quite what they were.
    Calendar(Box<CalendarEvent>),
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
    /// Tokens were changed or taken back, or hosts moved or evicted.
    Entitlement(Box<EntitlementEvent>),
    /// People said something of an incident.
    Incident(Box<IncidentEvent>),
    /// The block-list is not quite what it was.
    Block(Box<BlockEvent>),
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
        /// The host's tier.
        tier: TierName,
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
        /// The kernels whose artifact has soaked before, each with the rollout that proved it.
        proven: BTreeMap<KernelKey, RolloutId>,
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
    /// People want the rollout to go on faster, to make room, or what takes two of them.
    People(Box<PeopleEvent>),
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
    /// A halt stands on one slice; the rest goes on.
    SliceHalted {
        /// The rollout.
        rollout: RolloutId,
        /// The slice and its halt.
        slice: Box<HaltedSlice>,
    },
    /// A person lifted the halt of one slice.
    SliceResumed {
        /// The rollout.
        rollout: RolloutId,
        /// The slice, and what was acknowledged.
        rejoined: Box<Rejoined>,
    },
    /// A patch set is taken back.
    Withdrawal(WithdrawalEvent),
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
    /// A comparison of patched hosts with others went on.
    Trial {
        /// Log index at which its rollout was created.
        trial: u64,
        /// How.
        moved: TrialMove,
    },
    /// A hold by evidence began, ended, or was released to try again.
    HoldMoved {
        /// The rollout.
        rollout: RolloutId,
        /// Which of it.
        moved: HoldMove,
        /// Why, and how it ends.
        why: String,
    },
    /// A verdict differs from the one before.
    VerdictReached {
        /// The rollout.
        rollout: RolloutId,
        /// The verdict and its inputs.
        reached: Box<Reached>,
    },
    /// Webhooks were declared or tested, or what they had to tell was told or was not.
    Webhook(Box<WebhookEvent>),
}
