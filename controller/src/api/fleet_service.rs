//! What can an operator see of tiers, tokens and hosts, and who may enrol?

use std::ops::Bound;
use std::sync::Arc;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_server::FleetService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, count, fleet};
use super::desk::Desk;
use super::error::{ApiError, BadField};
use super::meant::Meant;
use super::page::{Asked, Wanted};
use crate::machine::command::Action;
use crate::machine::fleet::Host;
use crate::machine::ids::{HostId, TierName, TokenId};
use crate::machine::{Machine, Rejection};
use crate::relay::Relay;

#[tonic::async_trait]
impl FleetService for Desk {
    async fn list_tiers(
        &self,
        request: Request<pb::ListTiersRequest>,
    ) -> Result<Response<pb::ListTiersResponse>, Status> {
        caller::operator(request.metadata())?;
        let list = |machine: &Machine| Ok(pb::ListTiersResponse { tiers: fleet::tiers(machine) });
        self.read(request.metadata(), list).await
    }

    async fn get_tier(
        &self,
        request: Request<pb::GetTierRequest>,
    ) -> Result<Response<pb::Tier>, Status> {
        caller::operator(request.metadata())?;
        let name = &request.get_ref().name;
        let tier: TierName = check::resource("name", "tiers", name).map_err(ApiError::from)?;
        self.read(request.metadata(), move |machine| find_tier(machine, &tier)).await
    }

    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::Token>, Status> {
        let (meant, request) = Meant::of(request)?;
        let create = fleet::create_token(&request).map_err(ApiError::from)?;
        let token = create.token.clone();
        let look = move |machine: &_| find_token(machine, &token);
        self.carry_out(meant, Action::CreateToken(create), look).await
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_tokens(machine, &request)).await
    }

    async fn get_host(
        &self,
        request: Request<pb::GetHostRequest>,
    ) -> Result<Response<pb::Host>, Status> {
        caller::operator(request.metadata())?;
        let (metadata, _, pb::GetHostRequest { name }) = request.into_parts();
        let relay = Arc::clone(&self.relay);
        self.read(&metadata, move |machine| get_host(machine, &relay, &name)).await
    }

    async fn list_hosts(
        &self,
        request: Request<pb::ListHostsRequest>,
    ) -> Result<Response<pb::ListHostsResponse>, Status> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        let relay = Arc::clone(&self.relay);
        self.read(&metadata, move |machine| list_hosts(machine, &relay, &request)).await
    }
}

fn find_token(machine: &Machine, token: &TokenId) -> Result<pb::Token, ApiError> {
    machine.tokens().get(token).map(fleet::token).ok_or_else(|| ApiError::NotFound {
        reason: "UNKNOWN_TOKEN",
        what: format!("there is no token `{token}`: see `tidegate token list`"),
    })
}

fn list_tokens(
    machine: &Machine,
    request: &pb::ListTokensRequest,
) -> Result<pb::ListTokensResponse, ApiError> {
    let wanted = Wanted::<TokenId, _>::of(Asked {
        list: ("tokens", ""),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let from = wanted.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let rest = machine.tokens().range((from, Bound::Unbounded));
    let (tokens, next_page_token) =
        wanted.page(rest, |(id, _)| (*id).clone(), |(_, token)| Some(fleet::token(token)));
    Ok(pb::ListTokensResponse { tokens, next_page_token })
}

fn find_tier(machine: &Machine, tier: &TierName) -> Result<pb::Tier, ApiError> {
    let tiers = fleet::tiers(machine);
    let names: Vec<&str> =
        tiers.iter().map(|tier| tier.name.trim_start_matches("tiers/")).collect();
    let unknown = Rejection::UnknownTier { tier: tier.to_string(), ladder: names.join(" → ") };
    let name = format!("tiers/{tier}");
    tiers.into_iter().find(|tier| tier.name == name).ok_or_else(|| unknown.into())
}

/// A host by its id, or by a machine name that only one host has.
fn get_host(machine: &Machine, relay: &Relay, name: &str) -> Result<pb::Host, ApiError> {
    let host = find_host(machine, name)?;
    let of = machine.hosts().get(&host).ok_or(Rejection::UnknownHost { host })?;
    Ok(fleet::host_with_grants(machine, &of, relay.heard_ago_ms(host)))
}

/// The host with this resource name: `hosts/` and its id, or a machine name that only it has.
///
/// # Errors
///
/// [`ApiError::NotFound`], or [`ApiError::BadField`] for a name that several hosts have.
pub(super) fn find_host(machine: &Machine, name: &str) -> Result<HostId, ApiError> {
    let Some(id) = name.strip_prefix("hosts/") else {
        return Err(BadField::new("name", name, "is not of the form `hosts/…`").into());
    };
    if let Ok(host) = id.parse::<HostId>() {
        return machine
            .hosts()
            .standing(host)
            .map(|_| host)
            .ok_or_else(|| Rejection::UnknownHost { host }.into());
    }
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

fn list_hosts(
    machine: &Machine,
    relay: &Relay,
    request: &pb::ListHostsRequest,
) -> Result<pb::ListHostsResponse, ApiError> {
    let wanted = Wanted::<HostId, _>::of(Asked {
        list: ("hosts", &request.tier),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let tier: Option<TierName> = match request.tier.as_str() {
        "" => None,
        tier => Some(check::resource("tier", "tiers", tier)?),
    };
    if let Some(tier) = &tier {
        find_tier(machine, tier)?;
    }
    let all = machine.hosts();
    let total_size = tier.as_ref().map_or_else(|| count(all.len()), |tier| all.of_tier(tier));
    let of_tier = |host: &Host| tier.as_ref().is_none_or(|tier| host.tier == *tier);
    let draw = |host: &Host| of_tier(host).then(|| fleet::host(host, relay.heard_ago_ms(host.id)));
    let (hosts, next_page_token) = wanted.page(all.after(wanted.after), |host| host.id, draw);
    Ok(pb::ListHostsResponse { hosts, next_page_token, total_size })
}
