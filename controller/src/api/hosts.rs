//! Which hosts are meant, listed, moved and evicted? What the fleet's service says of hosts.

use std::sync::Arc;

use tidegate_proto::v1 as pb;
use tonic::{Response, Status};

use super::convert::check::{bounded, resource};
use super::convert::rollout::MAX_REASON_BYTES;
use super::convert::{count, fleet};
use super::desk::Desk;
use super::error::{ApiError, BadField};
use super::fleet_service::find_token;
use super::meant::Meant;
use super::page::{Asked, Wanted};
use super::reads::Freshness;
use crate::machine::command::{Action, Evict, EvictHost, MoveHost};
use crate::machine::fleet::Host;
use crate::machine::ids::{HostId, TierName, TokenId};
use crate::machine::{Machine, Rejection, Reply};
use crate::relay::Relay;

/// A host by its id, or by a machine name that only one host has.
pub(super) fn get_host(machine: &Machine, relay: &Relay, name: &str) -> Result<pb::Host, ApiError> {
    let host = find_host(machine, name)?;
    let of = machine.hosts().get(&host).ok_or_else(|| machine.no_host(host))?;
    Ok(fleet::host_with_grants(machine, &of, relay.heard_ago_ms(host)))
}

/// The host with this resource name: `hosts/` and its id, or a machine name that only it has.
///
/// # Errors
///
/// [`ApiError::NotFound`], or [`ApiError::BadField`] for a name that several hosts have.
pub(super) fn find_host(machine: &Machine, name: &str) -> Result<HostId, ApiError> {
    if let Some(host) = by_id(name)? {
        let known = machine.hosts().standing(host);
        return known.map(|_| host).ok_or_else(|| machine.no_host(host).into());
    }
    let id = name.trim_start_matches("hosts/");
    let mut named = machine.hosts().named(id);
    match (named.next(), named.next()) {
        (Some(host), None) => Ok(host),
        (Some(_), Some(_)) => {
            let what = "is the name of several hosts: give the id, see `tidegate host list`";
            Err(BadField::new("name", name, what).into())
        }
        (None, _) => Err(ApiError::NotFound {
            reason: "UNKNOWN_HOST",
            what: format!("no host has the id or the name `{id}`: see `tidegate host list`"),
        }),
    }
}

/// The id that a resource name gives; `None`: it gives a machine's name.
fn by_id(name: &str) -> Result<Option<HostId>, BadField> {
    let id = name.strip_prefix("hosts/");
    let id = id.ok_or_else(|| BadField::new("name", name, "is not of the form `hosts/…`"))?;
    Ok(id.parse().ok())
}

/// Which hosts a list is of.
struct Narrow {
    tier: Option<TierName>,
    token: Option<TokenId>,
    state: pb::HostState,
}

impl Narrow {
    fn of(machine: &Machine, request: &pb::ListHostsRequest) -> Result<Self, ApiError> {
        let state = pb::HostState::try_from(request.state).map_err(|_| {
            let what = "is no state of a host: see `HostState`";
            BadField::new("state", &request.state.to_string(), what)
        })?;
        let tier: Option<TierName> = match request.tier.as_str() {
            "" => None,
            tier => Some(resource("tier", "tiers", tier)?),
        };
        let token: Option<TokenId> = match request.token.as_str() {
            "" => None,
            token => Some(resource("token", "tokens", token)?),
        };
        if let Some(tier) = &tier {
            fleet::find_tier(machine, tier)?;
        }
        if let Some(token) = token.as_ref().filter(|token| !machine.tokens().contains_key(token)) {
            return Err(Rejection::NoSuchToken { token: token.clone() }.into());
        }
        Ok(Self { tier, token, state })
    }

    fn takes(&self, machine: &Machine, host: &Host) -> bool {
        self.tier.as_ref().is_none_or(|tier| host.tier == *tier)
            && self.token.as_ref().is_none_or(|token| host.token == *token)
            && (self.state == pb::HostState::Unspecified
                || fleet::host_state(machine, host) == self.state)
    }

    /// Hosts of the tier and the token. A token's hosts are all of its tier.
    fn total(&self, machine: &Machine) -> u64 {
        let tier = self.tier.as_ref();
        match self.token.as_ref().and_then(|token| machine.tokens().get(token)) {
            Some(token) if tier.is_none_or(|tier| token.tier == *tier) => token.enrolled,
            Some(_) => 0,
            None => tier
                .map_or_else(|| count(machine.hosts().len()), |tier| machine.hosts().of_tier(tier)),
        }
    }
}

pub(super) fn list_hosts(
    machine: &Machine,
    relay: &Relay,
    request: &pb::ListHostsRequest,
) -> Result<pb::ListHostsResponse, ApiError> {
    let pb::ListHostsRequest { tier, token, state, .. } = request;
    let wanted = Wanted::<HostId, _>::of(Asked {
        list: ("hosts", &format!("{tier} {token} {state}")),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let narrow = Narrow::of(machine, request)?;
    let draw = |host: &Host| {
        let heard = relay.heard_ago_ms(host.id);
        narrow.takes(machine, host).then(|| fleet::host(machine, host, heard))
    };
    let rest = machine.hosts().after(wanted.after);
    let (hosts, next_page_token) = wanted.page(rest, |host| host.id, draw);
    Ok(pb::ListHostsResponse { hosts, next_page_token, total_size: narrow.total(machine) })
}

impl Desk {
    /// The host with this resource name, of those that there are now. An id is taken as it is, so that a
    /// request that comes again means the same host.
    async fn host_named(&self, name: String) -> Result<HostId, ApiError> {
        if let Some(host) = by_id(&name)? {
            return Ok(host);
        }
        self.ready(Freshness::Linearizable).await?;
        self.look(move |machine| find_host(machine, &name)).await
    }

    pub(super) async fn evict(
        &self,
        meant: Meant,
        request: pb::EvictHostRequest,
    ) -> Result<Response<pb::EvictHostResponse>, Status> {
        let reason =
            bounded("reason", &request.reason, MAX_REASON_BYTES).map_err(ApiError::from)?;
        let host = self.host_named(request.name).await?;
        let how = if request.force { Evict::Forced } else { Evict::Idle };
        let action = Action::EvictHost(EvictHost { host, reason, how });
        let look = move |machine: &Machine| {
            let token = machine.host_of_old(host).map(|host| host.token);
            token.map(|token| find_token(machine, &token)).transpose()
        };
        let (reply, seen) = self.carry_out_and_hear(meant, action, look).await?;
        let Reply::Evicted { token, counted_silent, .. } = reply else {
            let what = "the machine gave EvictHost another command's answer".to_owned();
            return Err(ApiError::Internal { what }.into());
        };
        // A repeat may come when the machine has enrolled again, with another token.
        let its = format!("tokens/{token}");
        Ok(seen.map(|token| pb::EvictHostResponse {
            name: format!("hosts/{host}"),
            token: token.filter(|token| token.name == its),
            counted_silent,
        }))
    }

    pub(super) async fn move_host_to(
        &self,
        meant: Meant,
        request: pb::MoveHostRequest,
    ) -> Result<Response<pb::Host>, Status> {
        let token = resource("token", "tokens", &request.token).map_err(ApiError::from)?;
        let reason =
            bounded("reason", &request.reason, MAX_REASON_BYTES).map_err(ApiError::from)?;
        let host = self.host_named(request.name).await?;
        let action = Action::MoveHost(MoveHost { host, token, reason });
        let relay = Arc::clone(&self.relay);
        let look = move |machine: &Machine| get_host(machine, &relay, &format!("hosts/{host}"));
        self.carry_out(meant, action, look).await
    }
}
