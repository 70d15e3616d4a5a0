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
    let answer = rollouts.clone().create_rollout(door::create("113.1", "compressed")).await;
    let exists = (Code::AlreadyExists, "ROLLOUT_EXISTS");
    table.row("a rollout that exists", answer, exists, &["`113.1`", "--id"]).await
}
