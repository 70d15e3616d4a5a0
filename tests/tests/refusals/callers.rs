//! Who may not call what, and how are they told?

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;
use tidegate_tests::door::{self, Caller};
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, PATCH, ROLLOUT, Table};

pub(crate) async fn callers(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let host = door.with(Caller::Host(fixture.hosts[0].clone()));
    let role = (Code::PermissionDenied, "ROLE_MISSING");
    let words = ["a host may not call an operator's method"];
    let answer = host.rollouts().halt_rollout(door::halt(ROLLOUT, "why")).await;
    table.row("a host halts", answer, role, &words).await?;
    table.row("a host uploads", host.upload(b"artifact").await, role, &words).await?;
    table.row("a host lists tokens", host.token_ids().await, role, &words).await?;
    table.row("a host asks for the cluster", host.status().await, role, &words).await?;

    let sync = |boot: &str| pb::SyncRequest {
        boot_id: boot.to_owned(),
        beat: 1,
        mode: pb::AgentMode::Normal.into(),
        livepatches: Vec::new(),
    };
    let nobody = door.with(Caller::Nobody);
    let anonymous = (Code::Unauthenticated, "NO_IDENTITY");
    let words = ["does not say who calls", "`tidegate-host`"];
    let answer = nobody.agent().sync(sync("boot-1")).await;
    table.row("a beat of nobody", answer, anonymous, &words).await?;
    let answer = door.agent().sync(sync("boot-1")).await;
    table.row("a beat of an operator", answer, anonymous, &words).await?;
    let stranger = door.with(Caller::Host("hosts/ffffffffffffffff".to_owned()));
    let unknown = (Code::NotFound, "UNKNOWN_HOST");
    let answer = stranger.agent().sync(sync("boot-1")).await;
    let words = ["ffffffffffffffff", "tidegate-agent enable"];
    table.row("a beat of an unknown host", answer, unknown, &words).await?;
    let malformed = door.with(Caller::Host("hosts/x".to_owned()));
    let answer = malformed.agent().sync(sync("boot-1")).await;
    table.row("a host that is no id", answer, BAD_FIELD, &["`tidegate-host` `hosts/x`"]).await?;
    let answer = host.agent().sync(sync("")).await;
    table.row("a beat of no boot", answer, BAD_FIELD, &["`boot_id`", "is empty"]).await?;
    let fetch =
        pb::FetchArtifactRequest { sha256: Sha256::digest(PATCH).to_vec(), offset_bytes: 0 };
    let answer = host.agent().fetch_artifact(fetch).await.map(|_| "a stream");
    table.row("an artifact that is not offered", answer, role, &["fetch what is offered"]).await
}
