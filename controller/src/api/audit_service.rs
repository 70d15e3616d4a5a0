//! What can an operator ask of the records? Who decided what, and the chain that holds it together.

use prost::Message as _;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, records};
use super::desk::Desk;
use super::error::ApiError;
use super::page::{Asked, MAX_PAGE_BYTES, Wanted};
use crate::machine::Machine;
use crate::machine::records::Record;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AuditService for Desk {
    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Answer<pb::ListRecordsResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_records(machine, &request)).await
    }

    async fn read_chain(
        &self,
        request: Request<pb::ReadChainRequest>,
    ) -> Answer<pb::ReadChainResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| read_chain(machine, &request)).await
    }
}

/// A page of the records, newest first.
fn list_records(
    machine: &Machine,
    request: &pb::ListRecordsRequest,
) -> Result<pb::ListRecordsResponse, ApiError> {
    let wanted = Wanted::<u64, _>::of(Asked {
        list: ("records", ""),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let rest = machine.records().before(wanted.after.unwrap_or(u64::MAX));
    let draw = |of: &Record| Some(records::record(of));
    let (records, next_page_token) = wanted.page(rest, |of| of.sequence, draw);
    Ok(pb::ListRecordsResponse { records, next_page_token })
}

/// The next piece of the chain.
fn read_chain(
    machine: &Machine,
    request: &pb::ReadChainRequest,
) -> Result<pb::ReadChainResponse, ApiError> {
    let limit = check::page_size(request.page_size)?;
    let (chain, after) = (machine.records(), request.after_sequence);
    let before = chain.place(after).ok_or_else(|| match chain.place(0) {
        Some(oldest) if after < oldest.sequence => {
            ApiError::RecordsCompacted { asked: after, oldest: oldest.sequence }
        }
        Some(_) | None => ApiError::NotFound {
            reason: "UNKNOWN_RECORD",
            what: format!("there is no record {after} yet; the last is {}", chain.head().sequence),
        },
    })?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    for record in chain.after(before.sequence).take(limit) {
        let drawn = records::record(&record);
        bytes += drawn.encoded_len();
        if bytes > MAX_PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(drawn);
    }
    Ok(pb::ReadChainResponse {
        before: Some(records::place(before)),
        records: page,
        head: Some(records::place(chain.head())),
    })
}
