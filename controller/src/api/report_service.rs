//! What can be reported of the whole fleet? Computed from a copy of the state, away from the node's thread.

use std::sync::Arc;

use tidegate_policies::time::Millis;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::report_service_server::ReportService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, coverage, exposure, fleet};
use super::desk::Desk;
use super::error::ApiError;
use super::reads::Freshness;
use crate::machine::Machine;
use crate::machine::ids::TierName;

#[tonic::async_trait]
impl ReportService for Desk {
    async fn report_exposure(
        &self,
        request: Request<pb::ReportExposureRequest>,
    ) -> Result<Response<pb::ExposureReport>, Status> {
        caller::operator(request.metadata())?;
        let tier = match request.get_ref().tier.as_str() {
            "" => None,
            name => {
                let tier: Result<TierName, _> = check::resource("tier", "tiers", name);
                Some(tier.map_err(ApiError::from)?)
            }
        };
        let freshness = Freshness::of(request.metadata())?;
        self.ready(freshness).await?;
        let permit = Arc::clone(&self.reports).acquire_owned().await;
        let look = |machine: &Machine| Ok(machine.clone());
        let machine = self.look(look).await?;
        let applied = machine.applied();
        let report = tokio::task::spawn_blocking(move || {
            let report = report(&machine, tier.as_ref());
            drop(permit);
            report
        });
        let report = report.await.map_err(|error| Status::internal(error.to_string()))??;
        Ok(freshness.label(report, applied))
    }

    async fn report_deadlines(
        &self,
        request: Request<pb::ReportDeadlinesRequest>,
    ) -> Result<Response<pb::DeadlineReport>, Status> {
        caller::operator(request.metadata())?;
        let within = match request.get_ref().within_ms {
            0 => None,
            within_ms => Some(Millis(within_ms)),
        };
        let report = move |machine: &Machine| Ok(coverage::deadlines(machine, within));
        self.read(request.metadata(), report).await
    }
}

fn report(machine: &Machine, tier: Option<&TierName>) -> Result<pb::ExposureReport, ApiError> {
    tier.map(|tier| fleet::find_tier(machine, tier)).transpose()?;
    Ok(exposure::report(&machine.open_fixes(tier), tier))
}
