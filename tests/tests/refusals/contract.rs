//! Which requests break the contract that all calls share: what may be checked, for which etag, by which filter?

use tidegate_proto::v1 as pb;
use tidegate_tests::door::{self};
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, KERNEL, PATCH, ROLLOUT, Table};

const BAD_FILTER: (Code, &str) = (Code::InvalidArgument, "BAD_FILTER");

/// What would be refused is refused when it is only checked, in the same words.
pub(crate) async fn checks(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let (fleet, rollouts) = (door.fleet(), door.rollouts());
    let only = pb::CreateTokenRequest { validate_only: true, ..door::token("free", "free", 1) };
    let exists = (Code::AlreadyExists, "TOKEN_EXISTS");
    let answer = fleet.clone().create_token(only).await;
    table.row("check a token that exists", answer, exists, &["choose another id"]).await?;
    let only = pb::CreateTokenRequest { validate_only: true, ..door::token("new", "gold", 1) };
    let answer = fleet.clone().create_token(only).await;
    let unknown = (Code::NotFound, "UNKNOWN_TIER");
    table.row("check a token of no tier", answer, unknown, &["`gold`"]).await?;
    let reused = pb::CreateTokenRequest {
        validate_only: true,
        request_id: fixture.token.request_id.clone(),
        ..door::token("new", "free", 1)
    };
    let answer = fleet.clone().create_token(reused).await;
    let reused = (Code::InvalidArgument, "REQUEST_ID_REUSED");
    table.row("check under a used id", answer, reused, &["use a new id"]).await?;

    let only =
        pb::CreateRolloutRequest { validate_only: true, ..door::create("113.1", "compressed") };
    let answer = rollouts.clone().create_rollout(only).await;
    let exists = (Code::AlreadyExists, "ROLLOUT_EXISTS");
    table.row("check a rollout that exists", answer, exists, &["`113.1`"]).await?;
    let only = pb::StartRolloutRequest { validate_only: true, ..door::start("rollouts/999.9") };
    let unknown = (Code::NotFound, "UNKNOWN_ROLLOUT");
    let answer = rollouts.clone().start_rollout(only).await;
    table.row("check a start of nothing", answer, unknown, &["`999.9`"]).await?;
    let wrong = (Code::FailedPrecondition, "ROLLOUT_NOT_RUNNING");
    let only = pb::ResumeRolloutRequest { validate_only: true, ..door::resume(ROLLOUT, "why") };
    let answer = rollouts.clone().resume_rollout(only).await;
    table.row("check a resume of a draft", answer, wrong, &["a draft"]).await?;
    let only = pb::PromoteRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let answer = rollouts.clone().promote_rollout(only).await;
    table.row("check a promotion of a draft", answer, wrong, &["start it first"]).await?;
    let only = pb::PauseRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let answer = rollouts.clone().pause_rollout(only).await;
    table.row("check a pause of a draft", answer, wrong, &["nothing runs"]).await?;
    let only =
        pb::HaltRolloutRequest { validate_only: true, ..door::halt("rollouts/999.9", "why") };
    let answer = rollouts.clone().halt_rollout(only).await;
    table.row("check a halt of nothing", answer, unknown, &["`999.9`"]).await?;
    publications(fixture, table).await?;
    members(fixture, table).await
}

async fn publications(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let mut patch_sets = fixture.door.patch_sets();
    let only = pb::PublishPatchSetRequest {
        validate_only: true,
        ..door::publish("113.1", &[KERNEL], PATCH.as_bytes())
    };
    let exists = (Code::AlreadyExists, "PATCH_SET_EXISTS");
    let answer = patch_sets.publish_patch_set(only).await;
    table.row("check a patch set that exists", answer, exists, &["`113.1`"]).await?;
    let only = pb::PublishPatchSetRequest {
        validate_only: true,
        ..door::publish("114.1", &[KERNEL], b"never uploaded")
    };
    let missing = (Code::FailedPrecondition, "ARTIFACT_MISSING");
    let answer = patch_sets.publish_patch_set(only).await;
    table.row("check without its artifact", answer, missing, &["upload it first"]).await?;
    let supposed = pb::PublishPatchSetRequest {
        assume_uploaded: true,
        ..door::publish("114.1", &[KERNEL], b"never uploaded")
    };
    let answer = patch_sets.publish_patch_set(supposed).await;
    let words = ["`assume_uploaded`", "set `validate_only` too"];
    table.row("suppose without a check", answer, BAD_FIELD, &words).await?;
    let started = pb::CreateRolloutRequest {
        rollout_id: "another".to_owned(),
        validate_start: true,
        ..door::create("113.1", "compressed")
    };
    let answer = fixture.door.rollouts().create_rollout(started).await;
    let words = ["`validate_start`", "set `validate_only` too"];
    table.row("go on without a check", answer, BAD_FIELD, &words).await
}

async fn members(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let mut cluster = fixture.door.cluster();
    let (request_id, validate_only) = (door::request_id(), true);
    let address = "127.0.0.1:9".to_owned();
    let only = pb::AddMemberRequest { request_id, node_id: 1, address, validate_only };
    let exists = (Code::AlreadyExists, "MEMBER_EXISTS");
    let answer = cluster.add_member(only).await;
    table.row("check a member that is one", answer, exists, &["node 1"]).await?;
    let only =
        pb::RemoveMemberRequest { request_id: door::request_id(), node_id: 1, validate_only };
    let must_move = (Code::FailedPrecondition, "LEADER_MUST_MOVE");
    let answer = cluster.remove_member(only).await;
    table.row("check a removal of the leader", answer, must_move, &["lead"]).await?;
    let only = pb::TransferLeaderRequest { node_id: 9, validate_only };
    let unknown = (Code::NotFound, "UNKNOWN_MEMBER");
    let answer = cluster.transfer_leader(only).await;
    table.row("check a transfer to nobody", answer, unknown, &["node 9"]).await
}

/// A call for what its caller saw is refused where that has changed.
pub(crate) async fn etags(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let current = door.rollout(ROLLOUT).await?.etag;
    let mismatch = (Code::Aborted, "ETAG_MISMATCH");
    let start =
        |etag: &str| pb::StartRolloutRequest { etag: etag.to_owned(), ..door::start(ROLLOUT) };
    let answer = door.rollouts().start_rollout(start("4711")).await;
    let words = [ROLLOUT, "`4711`", &format!("`{current}`"), "look again"];
    table.row("start what was another", answer, mismatch, &words).await?;
    let only = pb::StartRolloutRequest { validate_only: true, ..start("4711") };
    let answer = door.rollouts().start_rollout(only).await;
    table.row("check it", answer, mismatch, &words).await?;
    let resume =
        pb::ResumeRolloutRequest { etag: "4711".to_owned(), ..door::resume(ROLLOUT, "why") };
    let answer = door.rollouts().resume_rollout(resume).await;
    table.row("resume what was another", answer, mismatch, &words).await?;
    let promote = pb::PromoteRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        etag: "4711".to_owned(),
        ..Default::default()
    };
    let answer = door.rollouts().promote_rollout(promote).await;
    table.row("promote what was another", answer, mismatch, &words).await?;
    let gone = pb::StartRolloutRequest { etag: "1".to_owned(), ..door::start("rollouts/999.9") };
    let unknown = (Code::NotFound, "UNKNOWN_ROLLOUT");
    let answer = door.rollouts().start_rollout(gone).await;
    table.row("an etag of nothing", answer, unknown, &["`999.9`"]).await?;
    for etag in ["a b", &"x".repeat(65)] {
        let answer = door.rollouts().start_rollout(start(etag)).await;
        let words = ["`etag`", "1 to 64 printable"];
        table.row("what is no etag", answer, BAD_FIELD, &words).await?;
    }
    Ok(())
}

/// A filter that cannot be read is refused with the place, and a page of another question, too.
pub(crate) async fn filters(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let filter = "colour=red".to_owned();
    let words = |field: &'static str| ["at byte 1", "no field `colour`", field];
    let hosts = pb::ListHostsRequest { filter: filter.clone(), ..Default::default() };
    let answer = door.fleet().list_hosts(hosts).await;
    table.row("hosts by colour", answer, BAD_FILTER, &words("cpu_model")).await?;
    let tokens = pb::ListTokensRequest { filter: filter.clone(), ..Default::default() };
    let answer = door.fleet().list_tokens(tokens).await;
    table.row("tokens by colour", answer, BAD_FILTER, &words("enrolled_hosts")).await?;
    let rollouts = pb::ListRolloutsRequest { filter: filter.clone(), ..Default::default() };
    let answer = door.rollouts().list_rollouts(rollouts).await;
    table.row("rollouts by colour", answer, BAD_FILTER, &words("waiting_on")).await?;
    let cut_short = pb::ListRolloutsRequest { filter: "state=".to_owned(), ..Default::default() };
    let answer = door.rollouts().list_rollouts(cut_short).await;
    table.row("a filter cut short", answer, BAD_FILTER, &["byte 7"]).await?;
    let rollout = ROLLOUT.to_owned();
    let grants = pb::ListGrantsRequest { rollout, filter: filter.clone(), ..Default::default() };
    let answer = door.rollouts().list_grants(grants).await;
    table.row("grants by colour", answer, BAD_FILTER, &words("begun_index")).await?;
    let sets = pb::ListPatchSetsRequest { filter: filter.clone(), ..Default::default() };
    let answer = door.patch_sets().list_patch_sets(sets).await;
    table.row("patch sets by colour", answer, BAD_FILTER, &words("severity")).await?;
    let incidents = pb::ListIncidentsRequest { filter, ..Default::default() };
    let answer = door.incidents().list_incidents(incidents).await;
    table.row("incidents by colour", answer, BAD_FILTER, &words("scope")).await?;

    let hosts =
        |filter: &str| pb::ListHostsRequest { filter: filter.to_owned(), ..Default::default() };
    let long = format!("zone={}", "x".repeat(4_096));
    let deep = format!("{}zone=a{}", "(".repeat(17), ")".repeat(17));
    for (filter, words) in [
        ("tier=free AND", ["at byte 14", "expected a field"]),
        ("tier=free AND zone=a OR zone=b", ["at byte 22", "parentheses"]),
        ("heard_ago_ms>soon", ["at byte 14", "no whole number"]),
        ("mode=ASLEEP", ["at byte 6", "NORMAL, NO_APPLY"]),
        (long.as_str(), ["4101 bytes", "4096"]),
        (deep.as_str(), ["deeper", "16"]),
    ] {
        let answer = door.fleet().list_hosts(hosts(filter)).await;
        table.row("a filter that is none", answer, BAD_FILTER, &words).await?;
    }

    let first = pb::ListHostsRequest { page_size: 1, ..hosts("tier=free") };
    let page = door.fleet().list_hosts(first).await?.into_inner();
    assert!(!page.next_page_token.is_empty(), "two hosts are one page: {page:?}");
    let changed = (Code::InvalidArgument, "PAGE_ARGS_CHANGED");
    let other = pb::ListHostsRequest { page_token: page.next_page_token, ..hosts("tier=paid") };
    let answer = door.fleet().list_hosts(other).await;
    table.row("a page of another filter", answer, changed, &["`page_token`", "same filter"]).await
}
