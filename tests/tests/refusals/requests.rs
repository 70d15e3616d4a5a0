//! Which requests are beyond their limits, or ask for what is not done yet?

use tidegate_proto::v1 as pb;
use tidegate_tests::door::{self, Caller};
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, ROLLOUT, Table, enrol};

pub(crate) async fn requests(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let (door, token) = (&fixture.door, &fixture.token);
    let other_body = pb::CreateTokenRequest { max_hosts: 3, ..token.clone() };
    let answer = door.fleet().create_token(other_body).await;
    let reused = (Code::InvalidArgument, "REQUEST_ID_REUSED");
    let words = [token.request_id.as_str(), "use a new id for a new request"];
    table.row("a request id with another body", answer, reused, &words).await?;
    let again = pb::CreateTokenRequest { request_id: door::request_id(), ..token.clone() };
    let exists = (Code::AlreadyExists, "TOKEN_EXISTS");
    let answer = door.fleet().create_token(again).await;
    table.row("a token that exists", answer, exists, &["`free`", "choose another id"]).await?;
    let same_secret = pb::CreateTokenRequest {
        request_id: door::request_id(),
        token_id: "new".to_owned(),
        ..token.clone()
    };
    let answer = door.fleet().create_token(same_secret).await;
    let secret = (Code::InvalidArgument, "SECRET_REUSED");
    table.row("a secret twice", answer, secret, &["make a new one"]).await?;
    let long = "x".repeat(65);
    for (request_id, words) in
        [("", ["`request_id`", "is empty"]), (&long, ["65 bytes", "at most 64"])]
    {
        let new = door::token("new", "free", 1);
        let answer = door
            .fleet()
            .create_token(pb::CreateTokenRequest { request_id: request_id.to_owned(), ..new })
            .await;
        table.row("a request id that is none", answer, BAD_FIELD, &words).await?;
    }
    let answer = door.fleet().create_token(door::token("New!", "free", 1)).await;
    let words = ["`token_id` `New!`", "lower-case letters"];
    table.row("a token id that is no name", answer, BAD_FIELD, &words).await?;

    let answer = door.agent().enroll(enrol("third", &door::secret("free"))).await;
    let full = (Code::ResourceExhausted, "TOKEN_HOST_LIMIT");
    let words = ["`free`", "2 of at most 2 hosts", "--max-hosts"];
    table.row("a token that is exhausted", answer, full, &words).await?;
    let answer = door.agent().enroll(enrol("third", &door::secret("unheard-of"))).await;
    let unknown = (Code::Unauthenticated, "UNKNOWN_TOKEN");
    table.row("a secret of no token", answer, unknown, &["tidegate token create"]).await?;
    let answer = door.agent().enroll(enrol("third", "tgt_short")).await;
    let told = answer.as_ref().is_err_and(|status| status.message().contains("tgt_short"));
    assert!(!told, "a secret stands in an error");
    table
        .row("a secret that is none", answer, BAD_FIELD, &["`token_secret`", "64 hex digits"])
        .await?;
    let negative = pb::ListTokensRequest { page_size: -1, ..Default::default() };
    let answer = door.fleet().list_tokens(negative).await;
    table.row("a negative page", answer, BAD_FIELD, &["`page_size` `-1`", "0 for 100"]).await?;
    let page = pb::ListRolloutsRequest { page_token: "next".to_owned(), ..Default::default() };
    let answer = door.rollouts().list_rollouts(page).await;
    let bad = (Code::InvalidArgument, "BAD_PAGE_TOKEN");
    table.row("a made-up page", answer, bad, &["`page_token` `next`", "first page"]).await
}

/// What is not done yet.
pub(crate) async fn reserved(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let reserved = "is reserved and not supported yet: leave it empty";
    let watch = pb::WatchRolloutRequest { name: ROLLOUT.to_owned(), from_revision: 3 };
    let answer = fixture.door.rollouts().watch_rollout(watch).await.map(|_| "a stream");
    table.row("from_revision", answer, BAD_FIELD, &["`from_revision`", reserved]).await
}

pub(crate) async fn limits(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let door = &fixture.door;
    let host = door.with(Caller::Host(fixture.hosts[0].clone()));
    let too_long = "x".repeat(513);
    let answer = door.rollouts().halt_rollout(door::halt(ROLLOUT, &too_long)).await;
    table.row("a reason", answer, BAD_FIELD, &["`reason`", "513 bytes", "at most 512"]).await?;
    let answer = door.rollouts().halt_rollout(door::halt(ROLLOUT, "a\u{1b}[2Jb")).await;
    table
        .row("a reason for a terminal", answer, BAD_FIELD, &["`reason`", "control character"])
        .await?;
    for (count, words) in [(0, "has 0 reports"), (65, "has 65 reports")] {
        let report = |sequence| pb::HostReport {
            sequence,
            boot_id: "boot-1".to_owned(),
            boot_time_ms: 1,
            body: Some(pb::host_report::Body::Goodbye(pb::Goodbye::default())),
        };
        let reports = (1..=count).map(report).collect();
        let answer = host.agent().report(pb::ReportRequest { spool_id: 1, reports }).await;
        table.row("reports", answer, BAD_FIELD, &["`reports`", words, "1 to 64"]).await?;
    }
    // The transport counts bytes before anybody reads the message, and has no reason to give.
    let beyond = (Code::OutOfRange, "");
    let mut large = enrol("third", &door::secret("free"));
    large.boot_id = "x".repeat(64 * 1024);
    let answer = door.agent().enroll(large).await;
    table.row("an agent's message", answer, beyond, &["too large", "65536"]).await?;
    let answer = door.rollouts().halt_rollout(door::halt(ROLLOUT, &"x".repeat(1 << 20))).await;
    table.row("an operator's message", answer, beyond, &["too large", "1048576"]).await
}
