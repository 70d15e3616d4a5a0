//! `tidegate token get`, `update`, `revoke`: what becomes of a token after it was made?

use chrono::{DateTime, Utc};
use clap::Args;
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::json::word;
use crate::client::output::rows::scope_words;
use crate::client::output::text::{hosts, or_dash, plain, share_of};
use crate::client::output::time::{ago, rfc3339, when};
use crate::client::session::Session;

/// Tokens for more hosts than this need their id typed.
pub(super) const SEVERE_MAX_HOSTS: u64 = 10_000;

/// Until when hosts may enrol.
#[derive(Debug, Args)]
pub struct Expiry {
    /// For how long hosts may enrol with it, from now on, e.g. `30d`; the cluster's clock counts.
    #[arg(long, value_name = "SPAN", value_parser = names::span)]
    ttl: Option<u64>,
    /// From when on nobody enrols with it any more, e.g. `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "DATE", conflicts_with = "ttl", value_parser = names::date)]
    pub(super) expires: Option<Timestamp>,
}

impl Expiry {
    /// The span in milliseconds; 0: none was given.
    pub(super) fn ttl_ms(&self) -> u64 {
        self.ttl.unwrap_or_default()
    }
}

/// Flags of `token update`.
#[derive(Debug, Args)]
pub struct UpdateToken {
    /// The token, e.g. `free` or `tokens/free`.
    #[arg(value_parser = names::token)]
    name: String,
    /// Most hosts that may be enrolled with it at a time; more that are enrolled already stay so.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_hosts: Option<u64>,
    #[command(flatten)]
    expiry: Expiry,
    /// It does not expire any more.
    #[arg(long, conflicts_with_all = ["ttl", "expires"])]
    never_expires: bool,
    /// Agree to a token for more than 10,000 hosts: its id.
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

/// Flags of `token revoke`.
#[derive(Debug, Args)]
pub struct RevokeToken {
    /// The token, e.g. `free` or `tokens/free`.
    #[arg(value_parser = names::token)]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

pub(super) async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let token = fetch(session, &name).await?;
    session.out.one(&token, |_, now| draw(&token, now))?;
    Ok(Exit::Done)
}

async fn fetch(session: &mut Session, name: &str) -> Result<v1::Token, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Token(name.to_owned()));
    let body = v1::GetTokenRequest { name: name.to_owned() };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).get_token(request).await
        })
        .await
}

pub(super) async fn update(session: &mut Session, flags: UpdateToken) -> Result<Exit, Failure> {
    let attempt = format!("update {}", flags.name);
    if let Some(max_hosts) = flags.max_hosts.filter(|hosts| *hosts > SEVERE_MAX_HOSTS) {
        let name = id_of(&flags.name).to_owned();
        let stakes = format!("This lets {} enrol with {}.", hosts(max_hosts), flags.name);
        let danger = Danger::Severe { name, given: flags.confirm };
        session.asking.confirm(&attempt, &stakes, danger).await?;
    }
    let subject = Subject::Token(flags.name.clone());
    let intent = Intent::write(attempt.clone(), subject, session.request_id);
    let body = v1::UpdateTokenRequest {
        request_id: session.request_id.to_string(),
        name: flags.name,
        max_hosts: flags.max_hosts.unwrap_or_default(),
        expire_time: flags.expiry.expires,
        ttl_ms: flags.expiry.ttl_ms(),
        never_expires: flags.never_expires,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let token = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).update_token(request).await
        })
        .await?;
    session.out.one(&token, |_, now| draw(&token, now))?;
    session.out.talk(&after_update(&token));
    session.end(&attempt, &format!("tidegate token get {}", id_of(&token.name)));
    Ok(Exit::Done)
}

/// What a changed token means for those who enrol, and for those who are enrolled.
fn after_update(token: &v1::Token) -> String {
    let v1::Token { name, max_hosts, enrolled_hosts, .. } = token;
    let over = enrolled_hosts.saturating_sub(*max_hosts);
    if over > 0 {
        return format!(
            "{} enrolled, {over} more than {name} is for now: they stay and are served on; nobody \
             else enrols until fewer than {max_hosts} are",
            hosts(*enrolled_hosts)
        );
    }
    format!("{name} lets {} enrol, {}; {enrolled_hosts} are", hosts(*max_hosts), lasts(token))
}

/// Until when hosts may enrol.
pub(super) fn lasts(token: &v1::Token) -> String {
    let until = token.expire_time.as_ref().and_then(rfc3339);
    until.map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"))
}

pub(super) async fn revoke(session: &mut Session, flags: RevokeToken) -> Result<Exit, Failure> {
    let attempt = format!("revoke {}", flags.name);
    let before = fetch(session, &flags.name).await?;
    let stakes = format!(
        "This ends {} for good: nobody enrols with it any more, and its {} in {} get no further grant.",
        flags.name,
        hosts(before.enrolled_hosts),
        before.tier
    );
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let subject = Subject::Token(flags.name.clone());
    let intent = Intent::write(attempt.clone(), subject, session.request_id);
    let body = v1::RevokeTokenRequest {
        request_id: session.request_id.to_string(),
        name: flags.name.clone(),
        reason: flags.reason,
        validate_only: session.validate_only(),
    };
    let token = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).revoke_token(request).await
        })
        .await?;
    session.out.one(&token, |_, now| draw(&token, now))?;
    if token.enrolled_hosts > 0 {
        let hosts = hosts(token.enrolled_hosts);
        session.out.talk(&format!(
            "{hosts} under it get no further grant; hosts in flight are watched to their end"
        ));
    }
    session.end(&attempt, &format!("tidegate host list --token {}", id_of(&flags.name)));
    Ok(Exit::Done)
}

/// A token for people.
pub(super) fn draw(token: &v1::Token, now: DateTime<Utc>) -> String {
    let expires = token.expire_time.as_ref();
    let expires = expires.map_or_else(
        || "never".to_owned(),
        |at| format!("{}, {}", rfc3339(at).unwrap_or_default(), when(Some(at), now)),
    );
    let mut pairs = vec![
        ("token", token.name.clone()),
        ("tier", token.tier.clone()),
        ("state", word::<v1::TokenState>(token.state)),
        ("enrolled", share_of(token.enrolled_hosts, token.max_hosts)),
        ("expires", expires),
        ("for", scope_words(token.scope.as_ref())),
        ("created", ago(token.create_time.as_ref(), now)),
    ];
    if let Some(revoked) = &token.revocation {
        let when = ago(revoked.time.as_ref(), now);
        pairs.push(("revoked", format!("by {} {when}: {}", revoked.actor, revoked.reason)));
    }
    let lines: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key:<10}{}", plain(&or_dash(value)))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn token() -> v1::Token {
        v1::Token {
            name: "tokens/free".to_owned(),
            tier: "tiers/free".to_owned(),
            max_hosts: 5,
            enrolled_hosts: 8,
            create_time: Some(Timestamp { seconds: 1_793_697_000, nanos: 0 }),
            expire_time: Some(Timestamp { seconds: 1_793_697_000 + 86_400, nanos: 0 }),
            scope: Some(v1::TokenScope {
                architectures: vec!["amd64".to_owned()],
                kernel_series: vec!["5.15".to_owned(), "6.8".to_owned()],
                distro_releases: Vec::new(),
            }),
            state: v1::TokenState::Full.into(),
            ..v1::Token::default()
        }
    }

    #[test]
    fn a_token_shows_how_many_until_when_and_for_what() {
        let now = DateTime::from_timestamp(1_793_697_000 + 60, 0).unwrap();
        let revocation = v1::TokenRevocation {
            time: Some(Timestamp { seconds: 1_793_697_000, nanos: 0 }),
            actor: "ana".to_owned(),
            reason: "leaked\u{1b}[2J".to_owned(),
        };
        let revoked = v1::Token { revocation: Some(revocation), ..token() };
        expect![[r#"
            token     tokens/free
            tier      tiers/free
            state     FULL
            enrolled  8/5 (160.0 %)
            expires   2026-11-04T09:10:00Z, in 23h
            for       arch amd64, kernel series 5.15 or 6.8
            created   1m ago
            revoked   by ana 1m ago: leaked [2J"#]]
        .assert_eq(&draw(&revoked, now));
    }

    #[test]
    fn a_limit_below_what_is_enrolled_says_that_they_stay() {
        expect!["8 hosts enrolled, 3 more than tokens/free is for now: they stay and are served on; nobody else enrols until fewer than 5 are"].assert_eq(&after_update(&token()));
        let room = v1::Token { max_hosts: 9, expire_time: None, ..token() };
        expect!["tokens/free lets 9 hosts enrol, for ever; 8 are"].assert_eq(&after_update(&room));
    }
}
