//! Do Prometheus and a collector get a controller's metrics, over real sockets, and the same after a restart?

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Response, Status};

use super::{Running, Site, until, within_two_minutes};
use crate::api::Door;
use crate::config::{Arrival, Loopback};
use crate::machine::Command;
use crate::machine::command::{Action, CreateToken, Expiry, Operate};
use crate::machine::ids::{Digest, NodeId};
use crate::machine::tokens::Scope;
use crate::metrics::catalogue::CATALOGUE;
use crate::metrics::tests::{Scrape, read};
use crate::server::MetricsConfig;

/// A controller that is alone.
pub(super) async fn alone(metrics: MetricsConfig) -> Site {
    let door = Door::open(Loopback::port(0)).await.unwrap();
    let mut site = Site::new(NodeId(1), Arrival::Founds, &door, 50_000);
    site.config.members = [(NodeId(1), site.config.listen.to_string())].into();
    site.config.metrics = metrics;
    site.running = Some(Running::start_on(&site.config, door).await.unwrap());
    leads(&site).await;
    site
}

/// Waits until the node leads a cluster that exists.
async fn leads(site: &Site) {
    let mut cluster = site.running().handle().cluster();
    drop(cluster.wait_for(Option::is_some).await.unwrap());
    let mut leadership = site.running().handle().leadership();
    drop(leadership.wait_for(|leadership| leadership.leader.is_some()).await.unwrap());
}

fn anywhere() -> MetricsConfig {
    MetricsConfig { listen: Some(Loopback::port(0).socket_addr()), ..MetricsConfig::default() }
}

async fn ask(address: SocketAddr, method: Method, path: &str) -> (u16, String, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "tidegate");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let format = answer.headers().get("content-type").map(|format| format.to_str().unwrap());
    let (status, format) = (answer.status().as_u16(), format.unwrap_or_default().to_owned());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    connection.abort();
    (status, format, String::from_utf8(body.to_vec()).unwrap())
}

async fn scrape(site: &Site) -> Scrape {
    let address = site.running().metrics_address().unwrap();
    let (status, format, text) = ask(address, Method::GET, "/metrics").await;
    assert_eq!((status, &*format), (200, "text/plain; version=0.0.4; charset=utf-8"));
    read(&text).unwrap()
}

async fn create_token(site: &Site, id: &str) {
    let action = Action::CreateToken(Box::new(CreateToken {
        token: id.parse().unwrap(),
        tier: "free".parse().unwrap(),
        max_hosts: 3,
        secret: Digest([7; 32]),
        expiry: Expiry::Never,
        scope: Scope::default(),
    }));
    let operate = Operate { request: id.to_owned(), actor: "ada".to_owned(), action };
    let proposed = site.running().handle().propose(Command::Operate(operate)).await;
    drop(proposed.unwrap().1.unwrap());
}

/// Scrapes until what was just applied is counted.
async fn counted(site: &Site, series: &str) -> Scrape {
    loop {
        let told = scrape(site).await;
        if told.value(series).is_some() {
            return told;
        }
        tokio::task::yield_now().await;
    }
}

const CREATED: &str = "tidegate_records_total{node=\"1\",event=\"token.created\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_gets_what_was_decided_and_a_restart_counts_nothing_twice() {
    within_two_minutes(async {
        let mut site = alone(anywhere()).await;
        create_token(&site, "x").await;
        let told = counted(&site, CREATED).await;
        assert_eq!(told.value(CREATED), Some(1.0));
        assert_eq!(told.value("tidegate_raft_leader{node=\"1\"}"), Some(1.0));
        let applied = told.value("tidegate_raft_applied_index{node=\"1\"}").unwrap();
        assert!(
            applied > 1.0 && told.value("tidegate_raft_commit_index{node=\"1\"}") >= Some(applied)
        );

        // The log is read again from its beginning; what it says was counted in the life before.
        site.stop().await;
        site.running = Some(Running::start(&site.config).await.unwrap());
        leads(&site).await;
        let address = site.running().metrics_address().unwrap();
        create_token_again(&site).await;
        let told = counted(&site, REFUSED).await;
        assert_eq!((told.value(CREATED), told.value(REFUSED)), (None, Some(1.0)));

        let (status, _, _) = ask(address, Method::GET, "/").await;
        assert_eq!(status, 404);
        let (status, _, _) = ask(address, Method::POST, "/metrics").await;
        assert_eq!(status, 405);
        site.stop().await;
        // Nobody listens any more.
        until(async || TcpStream::connect(address).await.is_err()).await;
    })
    .await;
}

const REFUSED: &str = "tidegate_refusals_total{node=\"1\",reason=\"TOKEN_EXISTS\"}";

/// The same token in another request: refused.
async fn create_token_again(site: &Site) {
    let action = Action::CreateToken(Box::new(CreateToken {
        token: "x".parse().unwrap(),
        tier: "free".parse().unwrap(),
        max_hosts: 3,
        secret: Digest([8; 32]),
        expiry: Expiry::Never,
        scope: Scope::default(),
    }));
    let operate = Operate { request: "again".to_owned(), actor: "ada".to_owned(), action };
    let proposed = site.running().handle().propose(Command::Operate(operate)).await;
    assert!(proposed.unwrap().1.is_err());
}

/// The smallest collector of metrics.
struct Collector(mpsc::UnboundedSender<ExportMetricsServiceRequest>);

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_the_same_families_with_who_sent_them() {
    within_two_minutes(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, mut received) = mpsc::unbounded_channel();
        let service = MetricsServiceServer::new(Collector(sender));
        let incoming = TcpIncoming::from(listener);
        let collecting =
            tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        let instance = "lab-1".to_owned();
        let config = MetricsConfig { collector: Some(endpoint), instance, ..anywhere() };
        let site = alone(config).await;

        let pushed = received.recv().await.unwrap();
        let sent = &pushed.resource_metrics[0];
        let attributes = &sent.resource.as_ref().unwrap().attributes;
        let said: Vec<&str> = attributes.iter().map(|of| of.key.as_str()).collect();
        assert_eq!(said, ["service.name", "service.instance.id", "service.version"]);
        let metrics = &sent.scope_metrics[0].metrics;
        let mut sent: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        let (_, _, text) =
            ask(site.running().metrics_address().unwrap(), Method::GET, "/metrics").await;
        let scraped = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        // What OpenTelemetry has a name for leaves under that name.
        let theirs = |name| {
            let of = CATALOGUE.iter().find(|of| of.name == name);
            of.and_then(|of| of.convention).unwrap_or(name)
        };
        let scraped = scraped.filter_map(|of| of.split(' ').next());
        let mut scraped: Vec<&str> = scraped.map(theirs).collect();
        assert!(sent.contains(&"rpc.server.call.duration"), "{sent:?}");
        sent.sort_unstable();
        scraped.sort_unstable();
        assert_eq!(sent, scraped);
        let term = metrics.iter().find(|metric| metric.name == "tidegate_raft_term").unwrap();
        assert!(format!("{:?}", term.data).contains("\"node\""), "{term:?}");
        collecting.abort();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_says_nothing_keeps_nobody_else_from_asking() {
    within_two_minutes(async {
        let site = alone(anywhere()).await;
        let address = site.running().metrics_address().unwrap();
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let asked = tokio::time::timeout(Duration::from_secs(60), scrape(&site));
        assert!(asked.await.is_ok());
        drop(silent);
    })
    .await;
}
