//! What is refused of tokens, and of hosts as members of the fleet?

use prost_types::Timestamp;
use tidegate_proto::v1 as pb;
use tidegate_tests::door;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::answered;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, Table, enrol};

pub(crate) async fn tokens(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    created(fixture, table).await?;
    updated(fixture, table).await?;
    revoked(fixture, table).await
}

/// A token that is to come to nothing.
fn new() -> pb::CreateTokenRequest {
    door::token("new", "free", 1)
}

const LONG_AGO: Timestamp = Timestamp { seconds: 1, nanos: 0 };
const HUNDRED_YEARS_MS: u64 = 36_525 * 86_400_000;

async fn created(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let create = async |request| fixture.door.fleet().create_token(request).await;
    let passed = (Code::InvalidArgument, "EXPIRY_PASSED");
    let past = pb::CreateTokenRequest { expire_time: Some(LONG_AGO), ..new() };
    let words = ["1970-01-01T00:00:01Z", "give a later time"];
    table.row("a token until 1970", create(past.clone()).await, passed, &words).await?;
    let both = pb::CreateTokenRequest { ttl_ms: 1, ..past };
    let words = ["`ttl_ms`", "together with `expire_time`", "give one"];
    table.row("two times to expire", create(both).await, BAD_FIELD, &words).await?;
    let long = pb::CreateTokenRequest { ttl_ms: HUNDRED_YEARS_MS + 1, ..new() };
    let words = ["`ttl_ms`", "leave it out"];
    table.row("a token for more than a century", create(long).await, BAD_FIELD, &words).await?;
    let never = Timestamp { seconds: -1, nanos: 0 };
    let never = pb::CreateTokenRequest { expire_time: Some(never), ..new() };
    let words = ["`expire_time`", "between 1970 and 9999"];
    table.row("a time that is none", create(never).await, BAD_FIELD, &words).await?;
    let scoped = |architectures: &[&str], kernel_series: &[&str]| {
        let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let scope = pb::TokenScope {
            architectures: list(architectures),
            kernel_series: list(kernel_series),
            distro_releases: Vec::new(),
        };
        pb::CreateTokenRequest { scope: Some(scope), ..new() }
    };
    for series in ["5", "5.15.0", "5.", "new"] {
        let words = ["`scope.kernel_series`", "`major.minor`", "`5.15`"];
        let answer = create(scoped(&[], &[series])).await;
        table.row("a series that is none", answer, BAD_FIELD, &words).await?;
    }
    let answer = create(scoped(&[""], &[])).await;
    table.row("no architecture", answer, BAD_FIELD, &["`scope.architectures`", "empty"]).await?;
    let answer = create(scoped(&["a"; 33], &[])).await;
    let words = ["33 values", "at most 32"];
    table.row("a scope of too much", answer, BAD_FIELD, &words).await
}

async fn updated(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let of = |name: &str| pb::UpdateTokenRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        ..pb::UpdateTokenRequest::default()
    };
    let update = async |request| fixture.door.fleet().update_token(request).await;
    let unknown = (Code::NotFound, "UNKNOWN_TOKEN");
    let answer = update(pb::UpdateTokenRequest { max_hosts: 9, ..of("tokens/none") }).await;
    table.row("no token", answer, unknown, &["`none`", "tidegate token list"]).await?;
    let nothing = (Code::InvalidArgument, "NOTHING_TO_UPDATE");
    let answer = update(of("tokens/free")).await;
    table.row("a change of nothing", answer, nothing, &["`free`", "a limit or a time"]).await?;
    let both = pb::UpdateTokenRequest { never_expires: true, ttl_ms: 9, ..of("tokens/free") };
    let words = ["`never_expires`", "give one"];
    table.row("never, and soon", update(both).await, BAD_FIELD, &words).await?;
    let past = pb::UpdateTokenRequest { expire_time: Some(LONG_AGO), ..of("tokens/free") };
    let passed = (Code::InvalidArgument, "EXPIRY_PASSED");
    table.row("expired before it was", update(past).await, passed, &["a later time"]).await?;
    let etag = "1-0-0-0".to_owned();
    let seen = pb::UpdateTokenRequest { max_hosts: 9, etag, ..of("tokens/free") };
    let changed = (Code::Aborted, "ETAG_MISMATCH");
    table
        .row("a token that changed", update(seen).await, changed, &["tokens/free", "1-0-0-0"])
        .await
}

async fn revoked(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let revoke = async |name: &str, reason: &str| {
        let request = pb::RevokeTokenRequest {
            request_id: door::request_id(),
            name: name.to_owned(),
            reason: reason.to_owned(),
            validate_only: false,
        };
        fixture.door.fleet().revoke_token(request).await
    };
    let unknown = (Code::NotFound, "UNKNOWN_TOKEN");
    let answer = revoke("tokens/none", "leaked").await;
    table.row("revoke no token", answer, unknown, &["`none`", "tidegate token list"]).await?;
    let missing = (Code::InvalidArgument, "REASON_MISSING");
    let answer = revoke("tokens/free", "").await;
    table.row("revoked for nothing", answer, missing, &["reason"]).await?;
    let answer = revoke("free", "leaked").await;
    table.row("a token without its collection", answer, BAD_FIELD, &["`tokens/…`"]).await?;
    let request = pb::GetTokenRequest { name: "tokens/none".to_owned() };
    let answer = fixture.door.fleet().get_token(request).await;
    table.row("show no token", answer, unknown, &["`none`", "tidegate token list"]).await
}

pub(crate) async fn members(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    evicted(fixture, table).await?;
    moved(fixture, table).await?;
    listed(fixture, table).await
}

async fn evicted(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let evict = async |name: &str, reason: &str| {
        let request = pb::EvictHostRequest {
            request_id: door::request_id(),
            name: name.to_owned(),
            reason: reason.to_owned(),
            ..pb::EvictHostRequest::default()
        };
        fixture.door.fleet().evict_host(request).await
    };
    let unknown = (Code::NotFound, "UNKNOWN_HOST");
    for name in ["hosts/ffffffffffffffff", "hosts/nobody"] {
        let words = ["tidegate host list"];
        table.row("evict nobody", evict(name, "gone").await, unknown, &words).await?;
    }
    let missing = (Code::InvalidArgument, "REASON_MISSING");
    let answer = evict(&fixture.hosts[0], "").await;
    table.row("evicted for nothing", answer, missing, &["reason"]).await?;
    let answer = evict(&fixture.hosts[0], &"x".repeat(513)).await;
    table.row("a reason of 513 bytes", answer, BAD_FIELD, &["`reason`", "at most 512"]).await
}

async fn moved(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let put = async |name: &str, token: &str| {
        let request = pb::MoveHostRequest {
            request_id: door::request_id(),
            name: name.to_owned(),
            token: token.to_owned(),
            ..pb::MoveHostRequest::default()
        };
        fixture.door.fleet().move_host(request).await
    };
    let unknown = (Code::NotFound, "UNKNOWN_HOST");
    let answer = put("hosts/ffffffffffffffff", "tokens/free").await;
    table.row("move nobody", answer, unknown, &["tidegate host list"]).await?;
    let unknown = (Code::NotFound, "UNKNOWN_TOKEN");
    let answer = put(&fixture.hosts[0], "tokens/none").await;
    table.row("move to no token", answer, unknown, &["`none`", "tidegate token list"]).await?;
    let answer = put(&fixture.hosts[0], "tiers/paid").await;
    table.row("move to a tier", answer, BAD_FIELD, &["`token`", "`tokens/…`"]).await
}

async fn listed(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let list = async |request| fixture.door.fleet().list_hosts(request).await;
    let unknown = (Code::NotFound, "UNKNOWN_TOKEN");
    let of_none = pb::ListHostsRequest { token: "tokens/none".to_owned(), ..Default::default() };
    table.row("hosts of no token", list(of_none).await, unknown, &["`none`"]).await?;
    let odd = pb::ListHostsRequest { state: 99, ..Default::default() };
    table.row("hosts in no state", list(odd).await, BAD_FIELD, &["`state` `99`"]).await
}

/// Tokens that let nobody in. They and the places under them are made before the table is laid.
pub(crate) async fn closed_tokens(fixture: &Fixture) -> Outcome<()> {
    let fleet = || fixture.door.fleet();
    // It is made when the cluster tells the time.
    let soon = pb::CreateTokenRequest { ttl_ms: 3_600_000, ..door::token("soon", "free", 9) };
    answered("the cluster's time", async || fleet().create_token(soon.clone()).await).await?;
    let scope = pb::TokenScope { architectures: vec!["s390x".to_owned()], ..Default::default() };
    let of_s390x = pb::CreateTokenRequest { scope: Some(scope), ..door::token("s390x", "free", 9) };
    fleet().create_token(of_s390x).await?;
    fleet().create_token(door::token("leaked", "paid", 9)).await?;
    let revoke = pb::RevokeTokenRequest {
        request_id: door::request_id(),
        name: "tokens/leaked".to_owned(),
        reason: "on a wall".to_owned(),
        validate_only: false,
    };
    fleet().revoke_token(revoke).await?;
    Ok(())
}

pub(crate) async fn enrolments(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let enter =
        async |token: &str| fixture.door.agent().enroll(enrol("third", &door::secret(token))).await;
    let scope = (Code::FailedPrecondition, "TOKEN_OUT_OF_SCOPE");
    let words = ["`s390x`", "is for arch s390x", "this machine is arch amd64", "token list"];
    table.row("a machine of another kind", enter("s390x").await, scope, &words).await?;
    let revoked = (Code::FailedPrecondition, "TOKEN_REVOKED");
    let words = ["`leaked`", "tester", "on a wall", "tidegate token create"];
    table.row("a revoked token", enter("leaked").await, revoked, &words).await?;
    for (token, (code, reason), words) in
        [("s390x", scope, "is for arch s390x"), ("leaked", revoked, "tidegate token create")]
    {
        let request = pb::MoveHostRequest {
            request_id: door::request_id(),
            name: fixture.hosts[0].clone(),
            token: format!("tokens/{token}"),
            ..pb::MoveHostRequest::default()
        };
        let answer = fixture.door.fleet().move_host(request).await;
        table.row("move under it", answer, (code, reason), &[words]).await?;
    }
    let update = pb::UpdateTokenRequest {
        request_id: door::request_id(),
        name: "tokens/leaked".to_owned(),
        never_expires: true,
        ..pb::UpdateTokenRequest::default()
    };
    let answer = fixture.door.fleet().update_token(update).await;
    table.row("a second life", answer, revoked, &["there is no way back"]).await
}
