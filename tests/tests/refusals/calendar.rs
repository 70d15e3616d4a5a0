//! What is refused of the calendar, of plans, and of what takes people?

use tidegate_proto::v1 as pb;
use tidegate_tests::door;
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, ROLLOUT, Table};

pub(crate) async fn calendar(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    ladders(fixture, table).await?;
    coverage(fixture, table).await?;
    freezes_and_holdbacks(fixture, table).await?;
    blocks(fixture, table).await?;
    reports(fixture, table).await?;
    people(fixture, table).await
}

async fn reports(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let report = async |tier: &str| {
        let request = pb::ReportExposureRequest { tier: tier.to_owned() };
        fixture.door.reports().report_exposure(request).await
    };
    let unknown = (Code::NotFound, "UNKNOWN_TIER");
    let words = ["`gold`", "canary → free → paid"];
    table.row("what is open in no tier", report("tiers/gold").await, unknown, &words).await?;
    let answer = report("gold").await;
    table.row("what is open in no name", answer, BAD_FIELD, &["`tier`", "`tiers/…`"]).await
}

async fn ladders(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    use pb::apply_ladder_request::Ladder;
    let apply = async |ladder: Option<Ladder>, etag: &str| {
        let request = pb::ApplyLadderRequest {
            request_id: door::request_id(),
            ladder,
            source: "ladder.toml".to_owned(),
            etag: etag.to_owned(),
            validate_only: false,
        };
        fixture.door.calendar().apply_ladder(request).await
    };
    let text = |text: &str| Some(Ladder::LadderToml(text.to_owned()));
    let answer = apply(None, "").await;
    table.row("no ladder", answer, BAD_FIELD, &["`ladder`", "name a preset"]).await?;
    let answer = apply(Some(Ladder::Preset("nonsense".to_owned())), "").await;
    table.row("an unknown ladder", answer, BAD_FIELD, &["default, edge, proposed"]).await?;
    let answer = apply(text("[[tier]]\nname = \"free\"\nwindow = 3"), "").await;
    table.row("a key of no ladder", answer, BAD_FIELD, &["Did you mean `windows`?"]).await?;
    let window = "[[tier]]\nname = \"free\"\nwindows = [{ opens = \"0 22 * *\", lasts = \"1h\", zone = \"UTC\" }]";
    let answer = apply(text(window), "").await;
    table.row("no cron expression", answer, BAD_FIELD, &["4 fields, not 5"]).await?;
    let objective = "[[tier]]\nname = \"free\"\nobjectives = [{ severity = \"grave\", share = \"95%\", within = \"1d\" }]";
    let answer = apply(text(objective), "").await;
    let words = ["`grave` is no severity", "critical, high, medium, low"];
    table.row("an objective of no severity", answer, BAD_FIELD, &words).await?;
    let used = (Code::FailedPrecondition, "LADDER_IN_USE");
    let answer = apply(text("[[tier]]\nname = \"other\""), "").await;
    table.row("a ladder without a tier that has hosts", answer, used, &["`free`", "hosts"]).await?;
    let changed = (Code::Aborted, "ETAG_MISMATCH");
    let answer = apply(Some(Ladder::Preset("default".to_owned())), "99").await;
    table.row("a ladder that was seen otherwise", answer, changed, &["the ladder", "99"]).await
}

async fn coverage(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    use pb::apply_coverage_request::Table as Asked;
    let apply = async |asked: Option<Asked>, (reason, etag): (&str, &str)| {
        let request = pb::ApplyCoverageRequest {
            request_id: door::request_id(),
            table: asked,
            source: "coverage.toml".to_owned(),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
            validate_only: true,
        };
        fixture.door.calendar().apply_coverage(request).await
    };
    let text = |text: &str| Some(Asked::CoverageToml(text.to_owned()));
    let answer = apply(None, ("", "")).await;
    table.row("no coverage table", answer, BAD_FIELD, &["`table`", "name a preset"]).await?;
    let answer = apply(Some(Asked::Preset("nonsense".to_owned())), ("", "")).await;
    table.row("an unknown coverage table", answer, BAD_FIELD, &["there is ubuntu"]).await?;
    let line = |kind: &str, until: &str| {
        format!(
            "[[kernel]]\nseries = \"5.15\"\nkind = \"{kind}\"\nrelease = \"22.04\"\nreleased = \"2022-04\"\n\
             covered-until = \"{until}\"\nupgrade-every = \"13 months\"\n"
        )
    };
    let answer = apply(text(&line("lts", "2034-04")), ("", "")).await;
    let words = ["coverage.toml:3", "Write \"ga\" or \"hwe\""];
    table.row("a kind of kernel that is none", answer, BAD_FIELD, &words).await?;
    let answer = apply(text(&line("ga", "2022-03")), ("", "")).await;
    let words = ["ends in 2022-03, before the release in 2022-04"];
    table.row("a coverage that ends before it begins", answer, BAD_FIELD, &words).await?;
    let answer = apply(text(&line("ga", "2034-04").repeat(2)), ("", "")).await;
    table.row("a kernel series twice", answer, BAD_FIELD, &["in the table twice on 22.04"]).await?;
    let answer = apply(text(&line("ga", "2034-04").repeat(97)), ("", "")).await;
    table.row("too many kernel series", answer, BAD_FIELD, &["there are 97", "1 to 96"]).await?;
    let answer = apply(text(&line("ga", "2034-04")), (&"x".repeat(513), "")).await;
    table.row("a coverage table for a long reason", answer, BAD_FIELD, &["`reason`"]).await?;
    let changed = (Code::Aborted, "ETAG_MISMATCH");
    let answer = apply(text(&line("ga", "2034-04")), ("", "99")).await;
    let words = ["the coverage table", "99"];
    table.row("a coverage table that was seen otherwise", answer, changed, &words).await
}

async fn blocks(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let sets = || fixture.door.patch_sets();
    let block = |block_id: &str, reason: &str| pb::CreateBlockRequest {
        request_id: door::request_id(),
        block_id: block_id.to_owned(),
        reason: reason.to_owned(),
        validate_only: false,
    };
    for (case, id) in [("a block of nothing", ""), ("a block of half a digest", &*"0g".repeat(32))]
    {
        let answer = sets().create_block(block(id, "")).await;
        table.row(case, answer, BAD_FIELD, &["`block_id`", "64 hexadecimal digits"]).await?;
    }
    let answer = sets().create_block(block("113.1", &"x".repeat(513))).await;
    table.row("a block with a long reason", answer, BAD_FIELD, &["`reason`", "512"]).await?;
    let lift = pb::LiftBlockRequest {
        request_id: door::request_id(),
        name: "blocks/9.9".to_owned(),
        reason: "why".to_owned(),
        validate_only: false,
    };
    let unknown = (Code::NotFound, "UNKNOWN_BLOCK");
    let answer = sets().lift_block(lift.clone()).await;
    table.row("no block", answer, unknown, &["`9.9`", "tidegate block list"]).await?;
    let answer = sets().lift_block(pb::LiftBlockRequest { name: "9.9".to_owned(), ..lift }).await;
    table.row("a block without its collection", answer, BAD_FIELD, &["`blocks/…`"]).await
}

async fn freezes_and_holdbacks(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let calendar = || fixture.door.calendar();
    let freeze = |freeze_id: &str| pb::CreateFreezeRequest {
        request_id: door::request_id(),
        freeze_id: freeze_id.to_owned(),
        ..Default::default()
    };
    let answer = calendar().create_freeze(freeze("No Name")).await;
    table
        .row("a freeze without a name", answer, BAD_FIELD, &["`freeze_id`", "is not a name"])
        .await?;
    let tier = pb::CreateFreezeRequest { tier: "tiers/gold".to_owned(), ..freeze("f1") };
    let unknown = (Code::NotFound, "UNKNOWN_TIER");
    table
        .row("a freeze of no tier", calendar().create_freeze(tier).await, unknown, &["`gold`"])
        .await?;
    let until = prost_types::Timestamp { seconds: 1, nanos: 0 };
    let past = pb::CreateFreezeRequest { until: Some(until), ..freeze("f1") };
    let over = (Code::InvalidArgument, "FREEZE_OVER");
    table.row("a freeze until 1970", calendar().create_freeze(past).await, over, &["1970"]).await?;
    let lift = pb::LiftFreezeRequest {
        request_id: door::request_id(),
        name: "freezes/none".to_owned(),
        reason: "why".to_owned(),
        validate_only: false,
    };
    let unknown = (Code::NotFound, "UNKNOWN_FREEZE");
    let answer = calendar().lift_freeze(lift).await;
    table.row("no freeze", answer, unknown, &["`none`", "tidegate freeze list"]).await?;
    let set = async |name: &str, delay_ms| {
        let holdback = pb::Holdback { name: name.to_owned(), delay_ms, cut_off: None };
        let request = pb::SetHoldbackRequest {
            request_id: door::request_id(),
            holdback: Some(holdback),
            ..Default::default()
        };
        fixture.door.calendar().set_holdback(request).await
    };
    let answer = set("tiers/free", 1).await;
    table.row("a holdback of a tier", answer, BAD_FIELD, &["`tokens/…` or `hosts/…`"]).await?;
    let unknown = (Code::NotFound, "UNKNOWN_TOKEN");
    let answer = set("tokens/none", 1).await;
    table.row("a holdback of no token", answer, unknown, &["tidegate token list"]).await?;
    let long = (Code::InvalidArgument, "DELAY_TOO_LONG");
    table
        .row("a delay of years", set("tokens/free", u64::MAX).await, long, &["at most 400 days"])
        .await
}

async fn people(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let rollouts = || fixture.door.rollouts();
    let name = ROLLOUT.to_owned();
    let approve = pb::ApproveRolloutRequest {
        request_id: door::request_id(),
        name: name.clone(),
        ..Default::default()
    };
    let wrong = (Code::FailedPrecondition, "ROLLOUT_NOT_RUNNING");
    let answer = rollouts().approve_rollout(approve).await;
    table.row("approve a draft", answer, wrong, &["start it first"]).await?;
    let expedite = pb::ExpediteRolloutRequest {
        request_id: door::request_id(),
        name: name.clone(),
        reason: "exploited".to_owned(),
        ..Default::default()
    };
    let not = (Code::FailedPrecondition, "NOT_EXPEDITED");
    let answer = rollouts().expedite_rollout(expedite).await;
    table.row("haste that the policy does not know", answer, not, &["[expedite]"]).await?;
    let supersede = pb::SupersedeRolloutRequest {
        request_id: door::request_id(),
        name: name.clone(),
        by: name,
        ..Default::default()
    };
    let older = (Code::FailedPrecondition, "NOT_NEWER");
    let answer = rollouts().supersede_rollout(supersede).await;
    table.row("a rollout in its own place", answer, older, &["newer supersedes"]).await?;
    let agree = pb::ApproveProposalRequest {
        request_id: door::request_id(),
        name: "proposals/9".to_owned(),
        ..Default::default()
    };
    let unknown = (Code::NotFound, "UNKNOWN_PROPOSAL");
    let answer = rollouts().approve_proposal(agree).await;
    table.row("no proposal", answer, unknown, &["tidegate approval list"]).await?;
    let plan =
        pb::PlanRolloutRequest { patch_set: "patchSets/9.9".to_owned(), ..Default::default() };
    let answer = rollouts().plan_rollout(plan).await;
    table.row("a plan without a policy", answer, BAD_FIELD, &["`policy`", "name a preset"]).await
}
