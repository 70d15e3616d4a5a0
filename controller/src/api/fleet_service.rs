//! What can an operator see of tiers, tokens and hosts, and who may enrol?

use std::ops::Bound;
use std::sync::Arc;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_server::FleetService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, fleet, token};
use super::desk::Desk;
use super::error::ApiError;
use super::hosts::{get_host, list_hosts};
use super::meant::Meant;
use super::page::{Asked, Wanted};
use crate::machine::command::Action;
use crate::machine::ids::{TierName, TokenId};
use crate::machine::{Machine, Rejection};

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
        self.read(request.metadata(), move |machine| Ok(fleet::find_tier(machine, &tier)?)).await
    }

    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::Token>, Status> {
        let (meant, request) = Meant::of(request)?;
        let create = token::create_token(&request).map_err(ApiError::from)?;
        let of = create.token.clone();
        self.operate_on(meant, of, Action::CreateToken(Box::new(create))).await
    }

    async fn get_token(
        &self,
        request: Request<pb::GetTokenRequest>,
    ) -> Result<Response<pb::Token>, Status> {
        caller::operator(request.metadata())?;
        let name = &request.get_ref().name;
        let token: TokenId = check::resource("name", "tokens", name).map_err(ApiError::from)?;
        self.read(request.metadata(), move |machine| find_token(machine, &token)).await
    }

    async fn update_token(
        &self,
        request: Request<pb::UpdateTokenRequest>,
    ) -> Result<Response<pb::Token>, Status> {
        let (meant, request) = Meant::of(request)?;
        let update = token::update_token(&request).map_err(ApiError::from)?;
        let of = update.token.clone();
        self.operate_on(meant, of, Action::UpdateToken(update)).await
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::Token>, Status> {
        let (meant, request) = Meant::of(request)?;
        let revoke = token::revoke_token(&request).map_err(ApiError::from)?;
        let of = revoke.token.clone();
        self.operate_on(meant, of, Action::RevokeToken(revoke)).await
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

    async fn evict_host(
        &self,
        request: Request<pb::EvictHostRequest>,
    ) -> Result<Response<pb::EvictHostResponse>, Status> {
        let (meant, request) = Meant::of(request)?;
        self.evict(meant, request).await
    }

    async fn move_host(
        &self,
        request: Request<pb::MoveHostRequest>,
    ) -> Result<Response<pb::Host>, Status> {
        let (meant, request) = Meant::of(request)?;
        self.move_host_to(meant, request).await
    }
}

impl Desk {
    /// Has the cluster carry out what an operator wants of a token; the token after it.
    async fn operate_on(
        &self,
        meant: Meant,
        token: TokenId,
        action: Action,
    ) -> Result<Response<pb::Token>, Status> {
        self.carry_out(meant, action, move |machine: &Machine| find_token(machine, &token)).await
    }
}

pub(super) fn find_token(machine: &Machine, id: &TokenId) -> Result<pb::Token, ApiError> {
    let unknown = || Rejection::NoSuchToken { token: id.clone() };
    let of = machine.tokens().get(id).ok_or_else(unknown)?;
    Ok(token::token(of, machine.clock().wall))
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
    let now = machine.clock().wall;
    let (tokens, next_page_token) =
        wanted.page(rest, |(id, _)| (*id).clone(), |(_, of)| Some(token::token(of, now)));
    Ok(pb::ListTokensResponse { tokens, next_page_token })
}
