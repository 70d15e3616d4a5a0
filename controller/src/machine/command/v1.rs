//! What did the entries of version 1 say? The shapes that have changed since; read, never written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::limits::Limits;
use tidegate_policies::people::{MayAuthor, People};
use tidegate_policies::policy::{Exposure, GuardRails, OnStall, Policy, Stage, Timing};
use tidegate_policies::time::{Millis, WallTime};

use super::encoding::whole;
use super::{
    BeginGrant, EnrollHost, Expiry, PromoteRollout, PublishPatchSet, RecordReports, StoreBlob,
    TierSpec, WithReason,
};
use crate::machine::ids::{Digest, HostId, NodeId, RolloutId, TierName, TokenId, Version};
use crate::machine::tokens::Scope;

/// The commands of version 1, in their order.
#[derive(Deserialize)]
enum Command {
    Bootstrap(Bootstrap),
    Tick(Tick),
    StoreBlob(StoreBlob),
    EnrollHost(Box<EnrollHost>),
    BeginGrant(BeginGrant),
    RecordReports(RecordReports),
    Operate(Operate),
}

#[derive(Serialize, Deserialize)]
struct Bootstrap {
    cluster: String,
    members: BTreeMap<NodeId, String>,
    ladder: Vec<TierSpec>,
}

#[derive(Deserialize)]
struct Tick {
    step: Millis,
    wall: WallTime,
    heard: Vec<HostId>,
    asking: Vec<HostId>,
}

#[derive(Deserialize)]
struct Operate {
    request: String,
    actor: String,
    action: Action,
}

/// The actions of version 1, in their order.
#[derive(Deserialize)]
enum Action {
    CreateToken(CreateToken),
    PublishPatchSet(PublishPatchSet),
    CreateRollout(Box<CreateRollout>),
    StartRollout(RolloutId),
    PauseRollout(WithReason),
    ResumeRollout(WithReason),
    HaltRollout(WithReason),
    PromoteRollout(PromoteRollout),
}

#[derive(Deserialize)]
struct CreateToken {
    token: TokenId,
    tier: TierName,
    max_hosts: u64,
    secret: Digest,
}

#[derive(Deserialize)]
struct CreateRollout {
    rollout: RolloutId,
    version: Version,
    policy: WithoutJudgement,
    policy_toml: String,
}

/// A policy that knew of no evidence: guard rails and gates alone decided.
#[derive(Deserialize)]
struct WithoutJudgement {
    name: String,
    description: String,
    exposure: Exposure,
    guard_rails: GuardRails,
    timing: WithoutOnStall,
    ladder: Vec<Stage>,
}

/// Timing that said nothing of stalled transitions.
#[derive(Deserialize)]
struct WithoutOnStall {
    beat: Millis,
    silent_after_beats: u64,
    offer: Millis,
    lease: Millis,
    transition: Millis,
    health_checks: Vec<Millis>,
}

/// The command that `body`, an entry of version 1 without its version, says today.
pub(super) fn decode(body: &[u8]) -> Option<super::Command> {
    Some(match whole(body)? {
        Command::Bootstrap(bootstrap) => super::Command::Bootstrap(bootstrap.now()),
        Command::Tick(Tick { step, wall, heard, asking }) => {
            let tick = super::Tick { step, wall, heard, asking, ..super::Tick::default() };
            super::Command::Tick(tick)
        }
        Command::StoreBlob(stored) => super::Command::StoreBlob(stored),
        Command::EnrollHost(enroll) => super::Command::EnrollHost(enroll),
        Command::BeginGrant(begin) => super::Command::BeginGrant(begin),
        Command::RecordReports(reports) if reports.needs_version() > 1 => return None,
        Command::RecordReports(reports) => super::Command::RecordReports(reports),
        Command::Operate(operate) => super::Command::Operate(operate.now()),
    })
}

impl Operate {
    fn now(self) -> super::Operate {
        let Self { request, actor, action } = self;
        super::Operate { request, actor, action: action.now() }
    }
}

impl Action {
    fn now(self) -> super::Action {
        match self {
            Self::CreateToken(token) => super::Action::CreateToken(Box::new(token.now())),
            Self::PublishPatchSet(publish) => super::Action::PublishPatchSet(publish),
            Self::CreateRollout(create) => super::Action::CreateRollout(Box::new(create.now())),
            Self::StartRollout(rollout) => super::Action::StartRollout(rollout),
            Self::PauseRollout(pause) => super::Action::PauseRollout(pause),
            Self::ResumeRollout(resume) => super::Action::ResumeRollout(resume),
            Self::HaltRollout(halt) => super::Action::HaltRollout(halt),
            Self::PromoteRollout(promote) => super::Action::PromoteRollout(promote),
        }
    }
}

impl CreateToken {
    /// It was for every machine, and for ever.
    fn now(self) -> super::CreateToken {
        let Self { token, tier, max_hosts, secret } = self;
        let (expiry, scope) = (Expiry::Never, Scope::default());
        super::CreateToken { token, tier, max_hosts, secret, expiry, scope }
    }
}

impl CreateRollout {
    fn now(self) -> super::CreateRollout {
        let Self { rollout, version, policy, policy_toml } = self;
        super::CreateRollout { rollout, version, policy: policy.now(), policy_toml, start_at: None }
    }
}

impl WithoutJudgement {
    fn now(self) -> Policy {
        let Self { name, description, exposure, guard_rails, timing, ladder } = self;
        Policy {
            name,
            description,
            exposure,
            guard_rails,
            timing: timing.now(),
            ladder,
            judgement: None,
            limits: Limits::NONE,
            // Whoever created a rollout could promote it.
            people: People { author: MayAuthor::Approve, ..People::default() },
            expedite: None,
            proven: None,
        }
    }
}

impl WithoutOnStall {
    fn now(self) -> Timing {
        let Self { beat, silent_after_beats, offer, lease, transition, health_checks } = self;
        let on_stall = OnStall::default();
        Timing { beat, silent_after_beats, offer, lease, transition, health_checks, on_stall }
    }
}

impl Bootstrap {
    /// A cluster of version 1 had no id: its name and members make one, the same on every replica.
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    fn now(self) -> super::Bootstrap {
        let bytes = postcard::to_stdvec(&self).expect("plain data can be written");
        let hash = blake3::derive_key("tidegate cluster id of version 1", &bytes);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        let Self { cluster, members, ladder } = self;
        super::Bootstrap { cluster, id, members, ladder }
    }
}
