//! The calls of `AgentService`, each to its end.

use std::future::Future;
use std::time::Duration;

use tidegate_proto::v1::{
    BeginRequest, BeginResponse, EnrollRequest, EnrollResponse, ReportRequest, ReportResponse,
    SyncRequest, SyncResponse,
};
use tonic::{Response, Status};

use super::Transport;
use super::attempt::{self, Worth};
use super::failure::{call_failed, too_long};
use crate::core::CallFailed;

/// How long a call may take in all.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a download may take in all.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(120);

impl Transport {
    /// Makes a machine a member of the fleet.
    ///
    /// # Errors
    ///
    /// Where no good answer came; it may have happened all the same.
    pub async fn enroll(&self, request: EnrollRequest) -> Result<EnrollResponse, CallFailed> {
        let request = self.request(request);
        let mut client = self.client();
        ended("enroll", client.enroll(request)).await
    }

    /// Sends a beat.
    ///
    /// # Errors
    ///
    /// Where no good answer came.
    pub async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, CallFailed> {
        let request = self.request(request);
        let mut client = self.client();
        ended("sync", client.sync(request)).await
    }

    /// Asks to go.
    ///
    /// # Errors
    ///
    /// Where no good answer came; the grant may have begun all the same.
    pub async fn begin(&self, request: BeginRequest) -> Result<BeginResponse, CallFailed> {
        let grant = (request.grant_id, Worth::Nothing);
        let request = self.traced(request, Some(grant));
        let mut client = self.client();
        ended("begin", client.begin(request)).await
    }

    /// Delivers reports.
    ///
    /// # Errors
    ///
    /// Where no good answer came; they may have been counted all the same.
    pub async fn report(&self, request: ReportRequest) -> Result<ReportResponse, CallFailed> {
        let grant = attempt::told(&request);
        let request = self.traced(request, grant);
        let mut client = self.client();
        ended("report", client.report(request)).await
    }
}

async fn ended<T>(
    what: &str,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, CallFailed> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(call_failed(&status)),
        Err(_) => Err(too_long(what)),
    }
}
