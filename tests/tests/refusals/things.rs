//! Which names stand for nothing, and what does a rollout refuse where it stands?

use tidegate_proto::v1 as pb;
use tidegate_tests::door::{self};
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, ROLLOUT, Table};

pub(crate) async fn unknown_things(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let (fleet, rollouts) = (door.fleet(), door.rollouts());
    let not_found = |reason: &'static str| (Code::NotFound, reason);
    let ladder = ["`gold`", "canary → free → paid"];
    let answer = fleet.clone().create_token(door::token("new", "gold", 1)).await;
    table.row("a token of no tier", answer, not_found("UNKNOWN_TIER"), &ladder).await?;
    let answer = fleet.clone().get_tier(pb::GetTierRequest { name: "tiers/gold".to_owned() }).await;
    table.row("no tier", answer, not_found("UNKNOWN_TIER"), &ladder).await?;
    let gold = pb::ListHostsRequest { tier: "tiers/gold".to_owned(), ..Default::default() };
    let answer = fleet.clone().list_hosts(gold).await;
    table.row("hosts of no tier", answer, not_found("UNKNOWN_TIER"), &ladder).await?;
    for name in ["hosts/ffffffffffffffff", "hosts/nobody"] {
        let answer = fleet.clone().get_host(pb::GetHostRequest { name: name.to_owned() }).await;
        let id = name.trim_start_matches("hosts/");
        table.row("no host", answer, not_found("UNKNOWN_HOST"), &[id]).await?;
    }
    let name = || "patchSets/999.9".to_owned();
    let answer = door.patch_sets().get_patch_set(pb::GetPatchSetRequest { name: name() }).await;
    let words = ["`999.9`", "tidegate patchset list"];
    table.row("no patch set", answer, not_found("UNKNOWN_PATCH_SET"), &words).await?;
    let answer = rollouts.clone().create_rollout(door::create("999.9", "compressed")).await;
    table.row("a rollout of nothing", answer, not_found("UNKNOWN_PATCH_SET"), &words).await?;

    let (gone, words) = ("rollouts/999.9", ["`999.9`", "tidegate rollout list"]);
    let unknown = not_found("UNKNOWN_ROLLOUT");
    table.row("get no rollout", door.rollout(gone).await, unknown, &words).await?;
    table.row("grants of no rollout", door.grants(gone).await, unknown, &words).await?;
    let answer = rollouts.clone().start_rollout(door::start(gone)).await;
    table.row("start no rollout", answer, unknown, &words).await?;
    let answer = rollouts.clone().halt_rollout(door::halt(gone, "why")).await;
    table.row("halt no rollout", answer, unknown, &words).await?;
    let watch = pb::WatchRolloutRequest { name: gone.to_owned(), from_revision: 0 };
    let answer = rollouts.clone().watch_rollout(watch).await;
    table.row("watch no rollout", answer.map(|_| "a stream"), unknown, &words).await?;
    for (name, words) in [
        ("hosts/113.1", ["`name` `hosts/113.1`", "`rollouts/…`"]),
        ("rollouts/", ["`name` `rollouts/`", "is not a name"]),
        ("rollouts/Über", ["`name` `rollouts/Über`", "lower-case letters"]),
    ] {
        table.row("a name that is none", door.rollout(name).await, BAD_FIELD, &words).await?;
    }
    Ok(())
}

/// The rollout is a draft.
pub(crate) async fn states(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let rollouts = fixture.door.rollouts();
    let wrong = (Code::FailedPrecondition, "ROLLOUT_NOT_RUNNING");
    let promote = pb::PromoteRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        ..Default::default()
    };
    let answer = rollouts.clone().promote_rollout(promote).await;
    table.row("promote a draft", answer, wrong, &["`113.1`", "a draft", "start it first"]).await?;
    let pause = pb::PauseRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        ..Default::default()
    };
    let answer = rollouts.clone().pause_rollout(pause).await;
    table.row("pause a draft", answer, wrong, &["a draft", "nothing runs"]).await?;
    let answer = rollouts.clone().resume_rollout(door::resume(ROLLOUT, "why")).await;
    table.row("resume a draft", answer, wrong, &["a draft", "only a paused or halted"]).await?;
    let back = |name: &str, reason: &str| pb::RollbackRolloutRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let answer = rollouts.clone().rollback_rollout(back(ROLLOUT, "why")).await;
    let words = ["`113.1`", "a draft", "has not started", "tidegate patchset withdraw 113.1"];
    table.row("roll a draft back", answer, wrong, &words).await?;
    let no_reason = (Code::InvalidArgument, "REASON_MISSING");
    let answer = rollouts.clone().rollback_rollout(back(ROLLOUT, "")).await;
    table.row("roll back for no reason", answer, no_reason, &["say why"]).await?;
    let answer = rollouts.clone().rollback_rollout(back("rollouts/999.9", "why")).await;
    let unknown = (Code::NotFound, "UNKNOWN_ROLLOUT");
    table.row("roll nothing back", answer, unknown, &["`999.9`"]).await?;
    let answer = rollouts.clone().rollback_rollout(back(ROLLOUT, &"x".repeat(513))).await;
    table.row("a reason too long", answer, BAD_FIELD, &["513 bytes", "at most 512"]).await?;
    withdrawals(fixture, table).await?;
    let answer = rollouts.clone().create_rollout(door::create("113.1", "compressed")).await;
    let exists = (Code::AlreadyExists, "ROLLOUT_EXISTS");
    table.row("a rollout that exists", answer, exists, &["`113.1`", "--id"]).await
}

async fn withdrawals(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let patch_sets = fixture.door.patch_sets();
    let withdraw = |name: &str, reason: &str| pb::WithdrawPatchSetRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let answer = patch_sets.clone().withdraw_patch_set(withdraw("patchSets/999.9", "why")).await;
    let unknown = (Code::NotFound, "UNKNOWN_PATCH_SET");
    table.row("withdraw nothing", answer, unknown, &["`999.9`"]).await?;
    let answer = patch_sets.clone().withdraw_patch_set(withdraw("patchSets/113.1", "")).await;
    let no_reason = (Code::InvalidArgument, "REASON_MISSING");
    table.row("withdraw for no reason", answer, no_reason, &["say why"]).await?;
    let answer = patch_sets.clone().withdraw_patch_set(withdraw("113.1", "why")).await;
    table.row("withdraw no name", answer, BAD_FIELD, &["`patchSets/…`"]).await?;
    let nameless = pb::WithdrawPatchSetRequest {
        request_id: String::new(),
        ..withdraw("patchSets/113.1", "why")
    };
    let answer = patch_sets.clone().withdraw_patch_set(nameless).await;
    table.row("withdraw without an id", answer, BAD_FIELD, &["`request_id`", "is empty"]).await?;
    let ledger = |patch_set: &str, page_size| pb::ListLedgerRequest {
        patch_set: patch_set.to_owned(),
        page_size,
        ..Default::default()
    };
    let answer = patch_sets.clone().list_ledger(ledger("patchSets/999.9", 0)).await;
    table.row("the ledger of nothing", answer, unknown, &["`999.9`"]).await?;
    let answer = patch_sets.clone().list_ledger(ledger("patchSets/113.1", -1)).await;
    table.row("a negative page of a ledger", answer, BAD_FIELD, &["`page_size` `-1`"]).await?;
    let bad_token =
        pb::ListLedgerRequest { page_token: "next".to_owned(), ..ledger("patchSets/113.1", 0) };
    let answer = patch_sets.clone().list_ledger(bad_token).await;
    let not_given = (Code::InvalidArgument, "BAD_PAGE_TOKEN");
    table.row("a page that nobody gave", answer, not_given, &["`page_token` `next`"]).await
}
