//! Does a trace lead from a host's report to the verdict that it caused?

use std::sync::{Arc, mpsc};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tidegate_agent::transport::{Attempt, Endpoints, Transport};
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::host_report::Body as Told;
use tidegate_proto::v1::outcome::Result as Became;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::metrics::alone;
use crate::machine::command::RecordReports;
use crate::machine::ids::HostId;
use crate::machine::measure::{Measured, host};
use crate::machine::report::{Body, Outcome, Report};
use crate::machine::{Applied, Command, Position};
use crate::runtime::AppliedEntry;
use crate::server::MetricsConfig;
use crate::server::decision_log;
use crate::telemetry::{LogFormat, TelemetryConfig, traced_to};

/// The smallest collector of traces, on a thread of its own.
struct Collector(mpsc::Sender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        // The test may have seen enough.
        drop(self.0.send(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Starts one; answers where it listens, and with what arrives.
fn collector() -> (String, mpsc::Receiver<ExportTraceServiceRequest>) {
    let (sender, received) = mpsc::channel();
    let (address, listens) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            let service = TraceServiceServer::new(Collector(sender));
            let incoming = TcpIncoming::from(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await
        })
    });
    (format!("http://{}", listens.recv().unwrap()), received)
}

/// A host of a fleet crashes, and the machine reaches a verdict on it.
fn crash(fleet: &mut Measured) -> (HostId, u64, AppliedEntry) {
    fleet.roll_out(1).unwrap();
    let Some(Command::RecordReports(applied)) = fleet.applied_report(1) else { panic!("no grant") };
    let Body::Outcome { grant, .. } = applied.reports[0].body.clone() else { panic!("no outcome") };
    let outcome = Outcome::Crashed { signature: "panic".to_owned() };
    let body = Body::Outcome { grant, outcome };
    let reports = vec![Report { body, ..applied.reports[0].clone() }];
    let command = Command::RecordReports(RecordReports { reports, ..applied });
    let Applied { outcome, events } = fleet.apply(&command);
    let position = Position { index: fleet.machine.applied(), term: 1 };
    (host(1), grant.0, AppliedEntry { position, command: Arc::new(command), outcome, events })
}

/// What the agent says of the same.
fn crashed(grant_id: u64) -> pb::ReportRequest {
    let result = Some(Became::Crashed(pb::Crashed::default()));
    let outcome = pb::Outcome { grant_id, patch_set: "patchSets/113.1".to_owned(), result };
    let report = pb::HostReport {
        sequence: 1,
        boot_id: "b".to_owned(),
        boot_time_ms: 1,
        body: Some(Told::Outcome(outcome)),
    };
    pb::ReportRequest { spool_id: 1, reports: vec![report] }
}

fn spans(received: &mpsc::Receiver<ExportTraceServiceRequest>) -> Vec<Span> {
    let exports = received.try_iter().flat_map(|export| export.resource_spans);
    exports.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
}

#[test]
fn a_trace_leads_from_the_agents_report_to_the_verdict() {
    let (endpoint, received) = collector();
    let config = TelemetryConfig {
        log_filter: None,
        log_format: LogFormat::Text,
        otlp_endpoint: Some(endpoint),
        metrics_listen: None,
        service_name: "tidegate-controller".to_owned(),
        instance: "lab-1".to_owned(),
    };
    let (subscriber, guard) = traced_to(&config).unwrap();
    let (host, grant, entry) = crash(&mut Measured::fleet(8).unwrap());
    let name = format!("hosts/{host}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One thread, so that all of the controller's tasks write to this subscriber.
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let mut site = alone(MetricsConfig::default()).await;
            let address = [site.running().address().to_string()];
            let endpoints = Endpoints::plaintext(&address, &[], 1).unwrap();
            let agent = Transport::new(endpoints, 0).with_identity(&name).unwrap();
            // This controller does not know the host: what matters is that the call goes on with its trace.
            drop(agent.report(crashed(grant)).await);
            decision_log::write(&entry);
            site.stop().await;
        });
    });
    drop(guard);
    let (attempt, spans) = (Attempt::of(&name, grant), spans(&received));
    let called = spans.iter().find(|span| span.trace_id == attempt.trace).unwrap();
    assert_eq!((&*called.name, &called.parent_span_id[..]), ("rpc", &attempt.span[..]));
    let judged = spans.iter().find(|span| span.name == "judge").unwrap();
    let from = &judged.links[0];
    assert_eq!((&from.trace_id[..], &from.span_id[..]), (&attempt.trace[..], &attempt.span[..]));
    assert_ne!(judged.trace_id, attempt.trace, "a link and no parent");
    let said = format!("{:?}", judged.attributes);
    assert!(said.contains("rollout.verdict"), "{said}");
}
