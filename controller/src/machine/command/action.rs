//! What can a person want?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_policies::coverage::CoverageTable;
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::policy::Policy;
use tidegate_policies::tiers::{Holdback, TierRules};
use tidegate_policies::time::{Millis, WallTime};

use super::TierSpec;
use super::members::{AddMember, PromoteMember, RemoveMember};
use crate::machine::calendar::HeldBack;
use crate::machine::etag::Etag;
use crate::machine::ids::{
    Blocked, Digest, FreezeId, HostId, RolloutId, TierName, TokenId, Version, WebhookId,
};
use crate::machine::patch_sets::{Artifact, Fix, KernelKey};
use crate::machine::tokens::Scope;
use crate::machine::webhooks::Receiver;

/// A person wants something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operate {
    /// Makes a retry safe.
    pub request: String,
    /// Who, for the record.
    pub actor: String,
    /// What.
    pub action: Action,
}

/// What a person can want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Let hosts enrol.
    CreateToken(Box<CreateToken>),
    /// Publish a release.
    PublishPatchSet(PublishPatchSet),
    /// Create a draft.
    CreateRollout(Box<CreateRollout>),
    /// Start a draft.
    StartRollout(RolloutId),
    /// Stop further begins for a while.
    PauseRollout(WithReason),
    /// Lift a pause or a halt.
    ResumeRollout(WithReason),
    /// Stop for good, until a person lifts it.
    HaltRollout(WithReason),
    /// Go on to the next wave or tier.
    PromoteRollout(PromoteRollout),
    /// Let a node follow the log without a vote.
    AddMember(AddMember),
    /// Give a learner a vote, in the place of a voter or beside them.
    PromoteMember(PromoteMember),
    /// Take a node out for good.
    RemoveMember(RemoveMember),
    /// Have every node say which state it has.
    CheckState,
    /// Stop one slice for good, until a person lifts it; the rest goes on.
    HaltSlice(OfSlice),
    /// Let a halted slice go on.
    ResumeSlice(OfSlice),
    /// Declare the tiers anew, and when their hosts may begin.
    ApplyLadder(Box<ApplyLadder>),
    /// Let nobody begin, everywhere or in a tier.
    CreateFreeze(CreateFreeze),
    /// Let hosts begin again.
    LiftFreeze(LiftFreeze),
    /// Hold back from a token's hosts, or from one, what is too new.
    HoldBack(HoldBack),
    /// Promote the present wave, and say why.
    ApproveWave(ApproveWave),
    /// Let soaks be shorter, as far as the policy does.
    ExpediteRollout(WithReason),
    /// Let a newer rollout take the place of one.
    SupersedeRollout(SupersedeRollout),
    /// Agree, as a second person, to what a first one proposed.
    AgreeToProposal(OfProposal),
    /// Turn down what somebody proposed, or take it back.
    RejectProposal(OfProposal),
    /// Do it only while what it changes is as the caller saw it.
    IfUnchanged(Box<IfUnchanged>),
    /// Withdraw the patch set of a rollout for good, and take it back from its hosts.
    RollBack(WithReason),
    /// Withdraw a patch set for good that no rollout has brought to any host.
    WithdrawPatchSet(WithdrawPatchSet),
    /// Give a token another limit, or another time to expire.
    UpdateToken(UpdateToken),
    /// Take a token back for good.
    RevokeToken(RevokeToken),
    /// Take a host out of the fleet.
    EvictHost(EvictHost),
    /// Give a host a place under another token.
    MoveHost(MoveHost),
    /// Say that somebody looks after an incident.
    AcknowledgeIncident(OfIncident),
    /// Write down what was found out about an incident.
    NoteIncident(OfIncident),
    /// Close an incident whose halt is to stand.
    ResolveIncident(OfIncident),
    /// Put a version or an artifact on the block-list, and halt what is on its way of it.
    CreateBlock(OfBlock),
    /// Take it off the list. No halt is lifted.
    LiftBlock(OfBlock),
    /// Declare anew who is told of incidents.
    ApplyWebhooks(ApplyWebhooks),
    /// Have a webhook tell something that is nothing but a test.
    TestWebhook(WebhookId),
    /// Say anew which kernels are covered, until when.
    ApplyCoverage(Box<ApplyCoverage>),
    /// Have a webhook's dead letters sent again.
    ResendNotifications(ResendNotifications),
}

/// Let hosts enrol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateToken {
    /// The token.
    pub token: TokenId,
    /// The tier of its hosts.
    pub tier: TierName,
    /// Most hosts at a time; at least 1.
    pub max_hosts: u64,
    /// SHA-256 of its secret.
    pub secret: Digest,
    /// Until when hosts may enrol with it.
    pub expiry: Expiry,
    /// The machines that it is for.
    pub scope: Scope,
}

/// Until when hosts may enrol with a token, on the cluster's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// For ever.
    Never,
    /// Until then.
    At(WallTime),
    /// For so long from the entry on.
    After(Millis),
}

/// Give a token another limit, or another time to expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateToken {
    /// The token.
    pub token: TokenId,
    /// Most hosts at a time, at least 1; `None`: as before. Who is enrolled stays.
    pub max_hosts: Option<u64>,
    /// Until when hosts may enrol with it; `None`: as before.
    pub expiry: Option<Expiry>,
}

/// Take a token back for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeToken {
    /// The token.
    pub token: TokenId,
    /// Why; not empty.
    pub reason: String,
}

/// Take a host out of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvictHost {
    /// The host.
    pub host: HostId,
    /// Why; not empty.
    pub reason: String,
    /// Whether a host that is awaited goes, too.
    pub how: Evict,
}

/// Whether a host goes that is in flight, or verified and not heard at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evict {
    /// It does not.
    Idle,
    /// It does, and counts as silent.
    Forced,
}

/// Give a host a place under another token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveHost {
    /// The host.
    pub host: HostId,
    /// The token.
    pub token: TokenId,
    /// Why; may be empty.
    pub reason: String,
}

/// Publish a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPatchSet {
    /// Its version.
    pub version: Version,
    /// Its notice, e.g. `LSN-0113-1`.
    pub notice: String,
    /// One artifact per kernel.
    pub artifacts: BTreeMap<KernelKey, Artifact>,
    /// What it fixes.
    pub fixes: Vec<Fix>,
}

/// Create a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRollout {
    /// Its id.
    pub rollout: RolloutId,
    /// Its patch set.
    pub version: Version,
    /// Its policy, parsed and checked.
    pub policy: Policy,
    /// Its policy as it was written.
    pub policy_toml: String,
    /// When hosts may begin at the earliest; `None`: when it is started.
    pub start_at: Option<WallTime>,
}

/// A rollout and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithReason {
    /// The rollout.
    pub rollout: RolloutId,
    /// Why; may be empty where the action allows it.
    pub reason: String,
}

/// A slice of a rollout and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSlice {
    /// The rollout.
    pub rollout: RolloutId,
    /// The slice.
    pub cut: Cut,
    /// Why; may be empty where the action allows it.
    pub reason: String,
}

/// Withdraw a patch set for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawPatchSet {
    /// The patch set.
    pub version: Version,
    /// Why.
    pub reason: String,
}

/// A line of the block-list, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfBlock {
    /// What it names.
    pub what: Blocked,
    /// Why; may be empty where the action allows it.
    pub reason: String,
}

/// Go on to the next wave or tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteRollout {
    /// The rollout.
    pub rollout: RolloutId,
    /// How.
    pub how: Promote,
    /// The tier that the caller means to promote from; `None`: whichever it is.
    pub from_tier: Option<TierName>,
    /// The wave that the caller means to promote from, from 1; `None`: whichever it is.
    pub from_wave: Option<u32>,
}

/// How to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Promote {
    /// Once the gates are open.
    WhenOpen,
    /// In spite of shut gates, for this reason.
    Forced {
        /// Why.
        reason: String,
    },
}

/// Declare the tiers anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyLadder {
    /// The tiers, first to last; never empty.
    pub tiers: Vec<TierSpec>,
    /// When their hosts may begin; those that are not here: always.
    pub rules: BTreeMap<TierName, TierRules>,
}

/// Say anew which kernels are covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyCoverage {
    /// The table, which takes the place of the one before.
    pub table: CoverageTable,
    /// Why; may be empty where no host may have patches for longer than before.
    pub reason: String,
}

/// Let nobody begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateFreeze {
    /// Its name.
    pub freeze: FreezeId,
    /// The tier; `None`: every tier.
    pub tier: Option<TierName>,
    /// When it ends by itself; `None`: when a person lifts it.
    pub until: Option<WallTime>,
    /// Why; may be empty.
    pub reason: String,
}

/// Let hosts begin again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftFreeze {
    /// The freeze.
    pub freeze: FreezeId,
    /// Why.
    pub reason: String,
}

/// Hold back what is too new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldBack {
    /// From whom.
    pub of: HeldBack,
    /// What; [`Holdback::NONE`]: nothing any more.
    pub holdback: Holdback,
    /// Why; may be empty where more is held back than before.
    pub reason: String,
}

/// Promote the present wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveWave {
    /// The rollout.
    pub rollout: RolloutId,
    /// Why; may be empty.
    pub remark: String,
    /// The tier that the caller means to promote from; `None`: whichever it is.
    pub from_tier: Option<TierName>,
    /// The wave that the caller means to promote from, from 1; `None`: whichever it is.
    pub from_wave: Option<u32>,
}

/// Let a newer rollout take the place of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupersedeRollout {
    /// The rollout whose place is taken.
    pub rollout: RolloutId,
    /// The draft that takes it, of a patch set that was published later.
    pub by: RolloutId,
    /// Why; may be empty.
    pub reason: String,
}

/// A proposal and a word on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfProposal {
    /// Its number.
    pub number: u64,
    /// What is said of it; may be empty.
    pub remark: String,
}

/// An incident and a word on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfIncident {
    /// Its number.
    pub number: u64,
    /// What is said of it; may be empty where the action allows it.
    pub remark: String,
}

/// Declare anew who is told of incidents. Whoever is not named is told nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyWebhooks {
    /// By name; may be empty.
    pub webhooks: BTreeMap<WebhookId, Receiver>,
}

/// Have a webhook's dead letters sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResendNotifications {
    /// Whose.
    pub webhook: WebhookId,
    /// Which.
    pub which: Letters,
}

/// Some dead letters of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letters {
    /// All that there are.
    All,
    /// Those of these numbers.
    Of(BTreeSet<u64>),
}

/// Do it only while what it changes is as the caller saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IfUnchanged {
    /// The etag of what it changes, as the caller saw it.
    pub etag: Etag,
    /// What to do.
    pub action: Action,
}
