//! Why is a command refused? Replicated data: every replica refuses alike, and nothing changes.

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::block_refusal::BlockRefusal;
use super::calendar_refusal::CalendarRefusal;
use super::etag::Etag;
use super::ids::{Digest, HostId, NodeId, RolloutId, TierName, TokenId, Version};
use super::incident_refusal::IncidentRefusal;
use super::patch_sets::KernelKey;
use super::webhook_refusal::WebhookRefusal;

/// Why a command was refused. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    /// The first entry is there already.
    #[error("the cluster `{cluster}` is bootstrapped already")]
    AlreadyBootstrapped {
        /// Its name.
        cluster: String,
    },
    /// The first entry is not there yet.
    #[error("the cluster is not bootstrapped yet: try again in a moment")]
    NotBootstrapped,
    /// The request id was used for something else.
    #[error(
        "the request id `{request}` was used before with another body: use a new id for a new request"
    )]
    RequestIdReused {
        /// The request id.
        request: String,
    },
    /// No such tier.
    #[error("there is no tier `{tier}`; the ladder is {ladder}")]
    UnknownTier {
        /// What was asked for.
        tier: String,
        /// The tiers, first to last.
        ladder: String,
    },
    /// No such token, or a wrong secret.
    #[error(
        "no token has this secret: check the token file, or create a token with `tidegate token create`"
    )]
    UnknownToken,
    /// There is such a token already.
    #[error("there is a token `{token}` already: choose another id")]
    TokenExists {
        /// The token.
        token: TokenId,
    },
    /// Another token has this secret.
    #[error("another token has this secret: make a new one")]
    SecretReused,
    /// A token for no host.
    #[error("`max_hosts` is 0: a token is for at least one host")]
    NoHosts,
    /// The token is exhausted.
    #[error(
        "the token `{token}` has enrolled {enrolled} of at most {max_hosts} hosts: raise its limit with `tidegate \
         token update {token} --max-hosts N`, evict a host that is gone, or use another token"
    )]
    TokenHostLimit {
        /// The token.
        token: TokenId,
        /// How many are enrolled with it: more than its limit, where that was lowered.
        enrolled: u64,
        /// Its limit.
        max_hosts: u64,
    },
    /// Two machines share 64 bits of hash.
    #[error("the machine id makes the id {host}, which another machine has: change the machine id")]
    HostIdTaken {
        /// The id.
        host: HostId,
    },
    /// No such host.
    #[error(
        "there is no host {host}: enrol it with `tidegate-agent enable`, see `tidegate host list`"
    )]
    UnknownHost {
        /// What was asked for.
        host: HostId,
    },
    /// No such patch set.
    #[error("there is no patch set `{version}`: see `tidegate patchset list`")]
    UnknownPatchSet {
        /// What was asked for.
        version: Version,
    },
    /// There is such a patch set already.
    #[error(
        "the patch set `{version}` is published already and cannot change: publish a higher version"
    )]
    PatchSetExists {
        /// The patch set.
        version: Version,
    },
    /// A patch set for nobody.
    #[error("the patch set `{version}` has no artifact: name at least one kernel")]
    NoArtifacts {
        /// The patch set.
        version: Version,
    },
    /// An artifact that no node holds.
    #[error("no controller holds the artifact {digest} for {kernel}: upload it first")]
    ArtifactMissing {
        /// The kernel that it is for.
        kernel: KernelKey,
        /// Its digest.
        digest: Digest,
    },
    /// An artifact whose size is not that of the upload.
    #[error(
        "the artifact {digest} for {kernel} has {stored} bytes, and the manifest says {claimed}"
    )]
    ArtifactSize {
        /// The kernel that it is for.
        kernel: KernelKey,
        /// Its digest.
        digest: Digest,
        /// Bytes that were uploaded.
        stored: u64,
        /// Bytes that the manifest says.
        claimed: u64,
    },
    /// No such rollout.
    #[error("there is no rollout `{rollout}`: see `tidegate rollout list`")]
    UnknownRollout {
        /// What was asked for.
        rollout: RolloutId,
    },
    /// There is such a rollout already.
    #[error("there is a rollout `{rollout}` already: choose another id with `--id`")]
    RolloutExists {
        /// The rollout.
        rollout: RolloutId,
    },
    /// The policy's ladder is not the cluster's.
    #[error(
        "step {step} of the policy's ladder is `{found}`, and the cluster's is `{expected}`: a policy \
         names the cluster's tiers from the first on, in their order, and may stop early"
    )]
    LadderMismatch {
        /// The step, from 1.
        step: usize,
        /// What the policy says.
        found: String,
        /// What it has to say.
        expected: String,
    },
    /// A draw in a tier with members, or none in a sampled tier.
    #[error("the tier `{tier}` {what}")]
    DrawMismatch {
        /// The tier.
        tier: TierName,
        /// What is wrong and what to do.
        what: String,
    },
    /// The rollout was started before.
    #[error("the rollout `{rollout}` is {state}: only a draft can be started")]
    NotADraft {
        /// The rollout.
        rollout: RolloutId,
        /// Where it stands.
        state: String,
    },
    /// The artifacts are not on enough nodes.
    #[error(
        "the artifacts of `{version}` are on {stored} controllers and must be on {needed}: the \
         controllers copy them from each other, try again in a moment"
    )]
    ArtifactsNotReplicated {
        /// The patch set.
        version: Version,
        /// Nodes that hold all.
        stored: u64,
        /// Nodes that must.
        needed: u64,
    },
    /// A halt stands on the patch set.
    #[error(
        "a halt stands on the patch set `{version}` ({reason}): lift it with `tidegate rollout resume \
         {rollout} --reason …`, or publish a new version"
    )]
    PatchSetHalted {
        /// The patch set.
        version: Version,
        /// The rollout that can lift it.
        rollout: RolloutId,
        /// Why it was halted.
        reason: String,
    },
    /// Another rollout is live for the same tiers and kernels.
    #[error(
        "the rollout `{other}` is live for {kernel} in the same tiers: let it complete, or halt it first"
    )]
    SeriesBusy {
        /// The other rollout.
        other: RolloutId,
        /// A kernel that both are for.
        kernel: KernelKey,
    },
    /// The rollout is in another state than the command needs.
    #[error("the rollout `{rollout}` is {state}: {needed}")]
    WrongState {
        /// The rollout.
        rollout: RolloutId,
        /// Where it stands.
        state: String,
        /// What the command needs, and what to do.
        needed: String,
    },
    /// The author of a rollout would promote it.
    #[error(
        "{actor} created the rollout `{rollout}`, and its policy wants another person to promote it: ask somebody \
         else, or set `author-may-approve` under [people] in the next policy"
    )]
    AuthorApproves {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: String,
    },
    /// The same person promoted the wave before.
    #[error("{actor} has promoted this wave of `{rollout}` already: it takes another person")]
    ApprovedAlready {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: String,
    },
    /// The block-list stands against it, or what somebody wants of the list is refused.
    #[error(transparent)]
    Block(#[from] BlockRefusal),
    /// Haste is not for this rollout.
    #[error("the rollout `{rollout}` is not expedited: {why}")]
    NotExpedited {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        why: String,
    },
    /// An older patch set would take the place of a newer one.
    #[error(
        "the patch set `{version}` was not published after `{than}`, and only what is newer supersedes"
    )]
    NotNewer {
        /// The patch set that should take the place.
        version: Version,
        /// The other one.
        than: Version,
    },
    /// The same was proposed before.
    #[error(
        "{actor} has proposed the same as number {number}, and it waits for a second person: `tidegate approval \
         approve {number}`"
    )]
    ProposedAlready {
        /// The number.
        number: u64,
        /// Who.
        actor: String,
    },
    /// No such proposal.
    #[error(
        "no proposal {number} waits for a second person: it was settled, has lapsed, was overtaken by a halt or \
         by a promotion, or never was; see `tidegate approval list`"
    )]
    UnknownProposal {
        /// What was asked for.
        number: u64,
    },
    /// One person for both.
    #[error("{actor} proposed number {number}, and it takes a second person to agree")]
    SamePerson {
        /// The number.
        number: u64,
        /// Who.
        actor: String,
    },
    /// Somebody stands on the tier.
    #[error("the tier `{tier}` is in use: {by}")]
    LadderInUse {
        /// The tier.
        tier: String,
        /// By whom, and what it cannot do for that.
        by: String,
    },
    /// No such token.
    #[error("there is no token `{token}`: see `tidegate token list`")]
    NoSuchToken {
        /// What was asked for.
        token: TokenId,
    },
    /// More of something than there can be.
    #[error("there are {most} {what} already, and no more can be kept: take one away first")]
    TooMany {
        /// Of what.
        what: String,
        /// How many there can be.
        most: usize,
    },
    /// A command that needs a reason has none.
    #[error("`reason` is empty: say why, it is kept in the record")]
    ReasonMissing,
    /// The slice is not halted by itself.
    #[error(
        "`{slice}` is not halted by itself on `{rollout}`: of its slices {halted}; see `tidegate rollout get \
         {rollout}`"
    )]
    SliceNotHalted {
        /// The rollout.
        rollout: RolloutId,
        /// The slice that was named.
        slice: String,
        /// The slices that are, or `none is`.
        halted: String,
    },
    /// The rollout has moved on since the caller looked.
    #[error(
        "the rollout `{rollout}` is in {tier} wave {wave}, not where you meant to promote from: look \
         again with `tidegate rollout get {rollout}`"
    )]
    MovedOn {
        /// The rollout.
        rollout: RolloutId,
        /// Its present tier.
        tier: String,
        /// Its present wave, from 1.
        wave: usize,
    },
    /// What the caller wants to change is not as they saw it.
    #[error(
        "{resource} has changed since: its etag is `{current}`, and the request was made for `{given}`: look \
         again, then repeat it with the new one"
    )]
    EtagMismatch {
        /// What was to be changed.
        resource: String,
        /// The etag that the caller saw.
        given: Etag,
        /// The etag now.
        current: Etag,
    },
    /// The gates are shut.
    #[error(
        "`{gate}` is not open: {detail}. Wait for it, or promote in spite of it with `--force --reason …`"
    )]
    GatesShut {
        /// The first gate that is not open.
        gate: String,
        /// Its numbers.
        detail: String,
    },
    /// No node has the id 0.
    #[error("0 is no node id: choose a number from 1 that no controller of this cluster ever had")]
    NodeIdZero,
    /// The id is a member's.
    #[error(
        "node {node} is a member already: choose an id that no controller of this cluster ever had, see \
         `tidegate cluster status`"
    )]
    MemberExists {
        /// The node.
        node: NodeId,
    },
    /// The id was a member's.
    #[error(
        "node {node} was removed, and no id is used again: add the controller under a new id, with an \
         empty folder"
    )]
    MemberRemoved {
        /// The node.
        node: NodeId,
    },
    /// No such member.
    #[error(
        "node {node} is not a member; the members are {members}: add it with `tidegate cluster add`"
    )]
    UnknownMember {
        /// The node.
        node: NodeId,
        /// The members.
        members: String,
    },
    /// The member votes already.
    #[error(
        "node {node} votes already: only a learner can be promoted, see `tidegate cluster status`"
    )]
    NotALearner {
        /// The node.
        node: NodeId,
    },
    /// The member has no vote to give up.
    #[error(
        "node {node} has no vote that could be replaced: name a voter, see `tidegate cluster status`, or \
         promote without `--replacing`"
    )]
    NotAVoter {
        /// The node.
        node: NodeId,
    },
    /// The last voter.
    #[error(
        "node {node} is the last voter, and nobody could decide anything without it: add another node \
         and promote it first"
    )]
    LastVoter {
        /// The node.
        node: NodeId,
    },
    /// Another member listens there.
    #[error("node {node} listens at `{address}`: give each controller an address of its own")]
    AddressInUse {
        /// The address.
        address: String,
        /// The node that has it.
        node: NodeId,
    },
    /// An address where nobody can listen.
    #[error("`{address}` is no address: write `host:port`, for example `10.0.0.4:7443`")]
    BadAddress {
        /// What was given.
        address: String,
    },
    /// Another disk than the one that the node had.
    #[error(
        "node {node} has registered with another data folder: remove the node, and let this controller \
         join under a new id, with an empty folder; a controller that comes back under an old id without \
         its memory could vote twice"
    )]
    OtherIncarnation {
        /// The node.
        node: NodeId,
    },
    /// The node's build is too old for the cluster, or too new.
    #[error(
        "node {node} understands the versions {oldest} to {newest}, and the cluster follows version \
         {version}: install a build that understands it"
    )]
    VersionNotSpoken {
        /// The node.
        node: NodeId,
        /// The oldest version that it understands.
        oldest: u16,
        /// The newest version that it understands.
        newest: u16,
        /// The cluster's version.
        version: u16,
    },
    /// A state that cannot be there yet.
    #[error(
        "the state at log index {index} was vouched for in the entry {at}, before it can be known: stop \
         the node that said so, its memory or its build is damaged"
    )]
    VouchAhead {
        /// The index that was vouched for.
        index: u64,
        /// The index of the entry.
        at: u64,
    },
    /// The patch set is withdrawn.
    #[error(
        "the patch set `{version}` was withdrawn by {actor} ({reason}), and nothing brings it back: publish \
         what hosts should run under a higher version"
    )]
    PatchSetWithdrawn {
        /// The patch set.
        version: Version,
        /// Who withdrew it.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A rollout has brought the patch set to hosts.
    #[error(
        "the rollout `{rollout}` has brought the patch set `{version}` to hosts: take it back with `tidegate \
         rollout rollback {rollout} --reason … --confirm={rollout}`"
    )]
    PatchSetRolledOut {
        /// The patch set.
        version: Version,
        /// The rollout.
        rollout: RolloutId,
    },
    /// The version is not above one that was withdrawn.
    #[error(
        "`{version}` is not above `{withdrawn}`, which was withdrawn for the series of {kernel}: a host never \
         goes back, so publish what it should run under a higher number than `{withdrawn}`"
    )]
    NotAboveWithdrawn {
        /// The version.
        version: Version,
        /// The patch set that was withdrawn.
        withdrawn: Version,
        /// A kernel whose series both are for.
        kernel: Box<KernelKey>,
    },
    /// The token's time is over.
    #[error(
        "the token `{token}` expired at {expires}, and it is {now}: give it more time with `tidegate token \
         update {token} --ttl 30d`, or use another token"
    )]
    TokenExpired {
        /// The token.
        token: TokenId,
        /// When it did.
        expires: WallTime,
        /// The cluster's time.
        now: WallTime,
    },
    /// The token was taken back.
    #[error(
        "{actor} revoked the token `{token}` ({reason}), and there is no way back: create another with \
         `tidegate token create`"
    )]
    TokenRevoked {
        /// The token.
        token: TokenId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The token is not for this machine.
    #[error(
        "the token `{token}` is for {scope}, and this machine is {machine}: use a token that is for it, see \
         `tidegate token list`"
    )]
    OutOfScope {
        /// The token.
        token: TokenId,
        /// What it is for.
        scope: String,
        /// What the machine is.
        machine: String,
    },
    /// Nobody knows how late it is.
    #[error(
        "no majority of the controllers agrees on the time, so that nobody can tell whether a token has \
         expired: see the clocks in `tidegate cluster status`, and try again in a moment"
    )]
    WallNotFresh,
    /// A time to expire that is not to come.
    #[error("{expires} is not to come, it is {now} by the cluster's clock: give a later time")]
    ExpiryPassed {
        /// What was asked for.
        expires: WallTime,
        /// The cluster's time.
        now: WallTime,
    },
    /// A change of nothing.
    #[error("nothing of the token `{token}` is to be changed: give a limit or a time to expire")]
    NothingToUpdate {
        /// The token.
        token: TokenId,
    },
    /// What becomes of the host is awaited.
    #[error(
        "the host {host} is {what}: wait until it has ended, or evict it with `--force`: what is in \
         flight counts as silent"
    )]
    HostAwaited {
        /// The host.
        host: HostId,
        /// What it is.
        what: String,
    },
    /// The host was evicted.
    #[error(
        "{actor} evicted the host {host} ({reason}): enrol it again with `tidegate-agent enable \
         --token-file FILE`"
    )]
    HostEvicted {
        /// The host.
        host: HostId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// What is said of an incident makes no sense.
    #[error(transparent)]
    Incident(#[from] IncidentRefusal),
    /// It is about webhooks.
    #[error(transparent)]
    Webhook(#[from] WebhookRefusal),
    /// It is about the calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarRefusal),
}

impl Rejection {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyBootstrapped { .. } => "ALREADY_BOOTSTRAPPED",
            Self::NotBootstrapped => "NOT_BOOTSTRAPPED",
            Self::RequestIdReused { .. } => "REQUEST_ID_REUSED",
            Self::UnknownTier { .. } => "UNKNOWN_TIER",
            Self::UnknownToken | Self::NoSuchToken { .. } => "UNKNOWN_TOKEN",
            Self::TokenExists { .. } => "TOKEN_EXISTS",
            Self::SecretReused => "SECRET_REUSED",
            Self::NoHosts => "NO_HOSTS",
            Self::TokenHostLimit { .. } => "TOKEN_HOST_LIMIT",
            Self::HostIdTaken { .. } => "HOST_ID_TAKEN",
            Self::UnknownHost { .. } => "UNKNOWN_HOST",
            Self::UnknownPatchSet { .. } => "UNKNOWN_PATCH_SET",
            Self::PatchSetExists { .. } => "PATCH_SET_EXISTS",
            Self::NoArtifacts { .. } => "NO_ARTIFACTS",
            Self::ArtifactMissing { .. } => "ARTIFACT_MISSING",
            Self::ArtifactSize { .. } => "ARTIFACT_SIZE",
            Self::UnknownRollout { .. } => "UNKNOWN_ROLLOUT",
            Self::RolloutExists { .. } => "ROLLOUT_EXISTS",
            Self::LadderMismatch { .. } => "LADDER_MISMATCH",
            Self::DrawMismatch { .. } => "DRAW_MISMATCH",
            Self::NotADraft { .. } => "ROLLOUT_NOT_DRAFT",
            Self::ArtifactsNotReplicated { .. } => "ARTIFACTS_NOT_REPLICATED",
            Self::PatchSetHalted { .. } => "PATCH_SET_HALTED",
            Self::SeriesBusy { .. } => "SERIES_BUSY",
            Self::WrongState { .. } => "ROLLOUT_NOT_RUNNING",
            Self::AuthorApproves { .. } => "AUTHOR_MAY_NOT_APPROVE",
            Self::ApprovedAlready { .. } => "APPROVED_ALREADY",
            Self::Block(refusal) => refusal.reason(),
            Self::NotExpedited { .. } => "NOT_EXPEDITED",
            Self::NotNewer { .. } => "NOT_NEWER",
            Self::ProposedAlready { .. } => "PROPOSED_ALREADY",
            Self::UnknownProposal { .. } => "UNKNOWN_PROPOSAL",
            Self::SamePerson { .. } => "SAME_PERSON",
            Self::LadderInUse { .. } => "LADDER_IN_USE",
            Self::TooMany { .. } => "TOO_MANY",
            Self::ReasonMissing => "REASON_MISSING",
            Self::SliceNotHalted { .. } => "SLICE_NOT_HALTED",
            Self::MovedOn { .. } => "ROLLOUT_MOVED_ON",
            Self::EtagMismatch { .. } => "ETAG_MISMATCH",
            Self::GatesShut { .. } => "GATES_SHUT",
            Self::NodeIdZero => "NODE_ID_ZERO",
            Self::MemberExists { .. } => "MEMBER_EXISTS",
            Self::MemberRemoved { .. } => "MEMBER_REMOVED",
            Self::UnknownMember { .. } => "UNKNOWN_MEMBER",
            Self::NotALearner { .. } => "MEMBER_NOT_LEARNER",
            Self::NotAVoter { .. } => "MEMBER_NOT_VOTER",
            Self::LastVoter { .. } => "LAST_VOTER",
            Self::AddressInUse { .. } => "ADDRESS_IN_USE",
            Self::BadAddress { .. } => "BAD_ADDRESS",
            Self::OtherIncarnation { .. } => "OTHER_INCARNATION",
            Self::VersionNotSpoken { .. } => "VERSION_NOT_SPOKEN",
            Self::VouchAhead { .. } => "VOUCH_AHEAD",
            Self::PatchSetWithdrawn { .. } => "PATCH_SET_WITHDRAWN",
            Self::PatchSetRolledOut { .. } => "PATCH_SET_ROLLED_OUT",
            Self::NotAboveWithdrawn { .. } => "VERSION_NOT_ABOVE",
            Self::TokenExpired { .. } => "TOKEN_EXPIRED",
            Self::TokenRevoked { .. } => "TOKEN_REVOKED",
            Self::OutOfScope { .. } => "TOKEN_OUT_OF_SCOPE",
            Self::WallNotFresh => "CLOCK_NOT_FRESH",
            Self::ExpiryPassed { .. } => "EXPIRY_PASSED",
            Self::NothingToUpdate { .. } => "NOTHING_TO_UPDATE",
            Self::HostAwaited { .. } => "HOST_AWAITED",
            Self::HostEvicted { .. } => "HOST_EVICTED",
            Self::Incident(refusal) => refusal.reason(),
            Self::Webhook(refusal) => refusal.reason(),
            Self::Calendar(refusal) => refusal.reason(),
        }
    }
}
