//! Tokens, in and out: how many hosts, until when, for which machines.

use std::collections::BTreeSet;

use prost_types::Timestamp;
use tidegate_policies::time::{Millis, WallTime};
use tidegate_proto::v1 as pb;

use super::check::{bounded, digest, required, resource};
use super::rollout::MAX_REASON_BYTES;
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::command::{CreateToken, Expiry, RevokeToken, UpdateToken};
use crate::machine::tokens::{Revocation, Scope, Token, TokenState};

/// Hosts of a token, where the request does not say.
pub const DEFAULT_TOKEN_HOSTS: u64 = 5;

/// Most values in each list of a scope.
pub const MAX_SCOPE_VALUES: usize = 32;

/// The longest time that hosts may enrol with a token which has one: a hundred years.
pub const MAX_TTL: Millis = Millis::from_secs(36_525 * 86_400);

/// The first second that no token expires at: that of the year 10000.
const END_OF_TIME: i64 = 253_402_300_800;

/// A token to create.
///
/// # Errors
///
/// [`BadField`].
pub fn create_token(request: &pb::CreateTokenRequest) -> Result<CreateToken, BadField> {
    let token = request.token_id.parse().map_err(|error: crate::machine::ids::NotAName| {
        BadField::new("token_id", &request.token_id, &error.to_string())
    })?;
    let max_hosts = match request.max_hosts {
        0 => DEFAULT_TOKEN_HOSTS,
        hosts => hosts,
    };
    Ok(CreateToken {
        token,
        tier: resource("tier", "tiers", &request.tier)?,
        max_hosts,
        secret: digest("secret_sha256", &request.secret_sha256)?,
        expiry: expiry(request.expire_time.as_ref(), request.ttl_ms)?.unwrap_or(Expiry::Never),
        scope: request.scope.as_ref().map(scope).transpose()?.unwrap_or_default(),
    })
}

/// A token to update.
///
/// # Errors
///
/// [`BadField`].
pub fn update_token(request: &pb::UpdateTokenRequest) -> Result<UpdateToken, BadField> {
    let given = expiry(request.expire_time.as_ref(), request.ttl_ms)?;
    let expiry = match (given, request.never_expires) {
        (Some(_), true) => {
            let what = "cannot be together with a time to expire: give one of them";
            return Err(BadField::new("never_expires", "true", what));
        }
        (None, true) => Some(Expiry::Never),
        (given, false) => given,
    };
    let max_hosts = Some(request.max_hosts).filter(|hosts| *hosts > 0);
    Ok(UpdateToken { token: resource("name", "tokens", &request.name)?, max_hosts, expiry })
}

/// A token to revoke.
///
/// # Errors
///
/// [`BadField`].
pub fn revoke_token(request: &pb::RevokeTokenRequest) -> Result<RevokeToken, BadField> {
    let reason = bounded("reason", &request.reason, MAX_REASON_BYTES)?;
    Ok(RevokeToken { token: resource("name", "tokens", &request.name)?, reason })
}

/// Until when, where the request says so.
fn expiry(at: Option<&Timestamp>, ttl_ms: u64) -> Result<Option<Expiry>, BadField> {
    if ttl_ms > MAX_TTL.0 {
        let what = format!("is more than {MAX_TTL}: leave it out for a token that never expires");
        return Err(BadField::new("ttl_ms", &ttl_ms.to_string(), &what));
    }
    match (at, ttl_ms) {
        (Some(_), 1..) => {
            let what = "cannot be together with `expire_time`: give one of them";
            Err(BadField::new("ttl_ms", &ttl_ms.to_string(), what))
        }
        (Some(at), 0) => Ok(Some(Expiry::At(wall_time(at)?))),
        (None, 0) => Ok(None),
        (None, 1..) => Ok(Some(Expiry::After(Millis(ttl_ms)))),
    }
}

fn wall_time(at: &Timestamp) -> Result<WallTime, BadField> {
    let seconds = u64::try_from(at.seconds).ok().filter(|_| at.seconds < END_OF_TIME);
    let nanos = u64::try_from(at.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let wall = seconds.zip(nanos).map(|(seconds, nanos)| seconds * 1_000 + nanos / 1_000_000);
    wall.map(WallTime).ok_or_else(|| {
        let what = "is no time between 1970 and 9999: give one that is to come";
        BadField::new("expire_time", &format!("{}s {}ns", at.seconds, at.nanos), what)
    })
}

fn scope(scope: &pb::TokenScope) -> Result<Scope, BadField> {
    Ok(Scope {
        architectures: values("scope.architectures", &scope.architectures, 32)?,
        kernel_series: series(&scope.kernel_series)?,
        distro_releases: values("scope.distro_releases", &scope.distro_releases, 32)?,
    })
}

fn values(
    field: &'static str,
    values: &[String],
    max: usize,
) -> Result<BTreeSet<String>, BadField> {
    if values.len() > MAX_SCOPE_VALUES {
        let what = format!("has {} values; at most {MAX_SCOPE_VALUES} are allowed", values.len());
        return Err(BadField::new(field, "…", &what));
    }
    values.iter().map(|value| required(field, value, max)).collect()
}

/// Kernel series: `major.minor`, or no kernel would ever be in it.
fn series(given: &[String]) -> Result<BTreeSet<String>, BadField> {
    let field = "scope.kernel_series";
    let series = values(field, given, 16)?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_series = |value: &&String| {
        value.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
    };
    match series.iter().find(|value| !is_series(value)) {
        None => Ok(series),
        Some(value) => {
            let what = "is no kernel series: write the `major.minor` of a release, such as `5.15`";
            Err(BadField::new(field, value, what))
        }
    }
}

/// A token for the wire, as it is at `now`.
pub fn token(token: &Token, now: WallTime) -> pb::Token {
    let state = token.state(now);
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect();
    let scope = (!token.scope.is_everything()).then(|| pb::TokenScope {
        architectures: list(&token.scope.architectures),
        kernel_series: list(&token.scope.kernel_series),
        distro_releases: list(&token.scope.distro_releases),
    });
    pb::Token {
        name: format!("tokens/{}", token.id),
        tier: format!("tiers/{}", token.tier),
        max_hosts: token.max_hosts,
        enrolled_hosts: token.enrolled,
        create_time: Some(timestamp(token.created)),
        etag: token.etag().to_string(),
        expire_time: token.expires.map(timestamp),
        scope,
        state: state_out(state).into(),
        revocation: token.revoked.as_ref().map(revocation),
    }
}

const fn state_out(state: TokenState) -> pb::TokenState {
    match state {
        TokenState::Active => pb::TokenState::Active,
        TokenState::Full => pb::TokenState::Full,
        TokenState::Expired => pb::TokenState::Expired,
        TokenState::Revoked => pb::TokenState::Revoked,
    }
}

fn revocation(of: &Revocation) -> pb::TokenRevocation {
    pb::TokenRevocation {
        time: Some(timestamp(of.at)),
        actor: of.actor.clone(),
        reason: of.reason.clone(),
    }
}
