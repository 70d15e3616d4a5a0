//! Can a stranger with a generic gRPC client find their way? Health and reflection are on.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_controller::config::{Arrival, Loopback};
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::runtime::StorageConfig;
use tidegate_controller::server::{MetricsConfig, Running, ServerConfig};
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]
async fn controller() -> (Running, tempfile::TempDir, Channel) {
    let data = tempfile::tempdir().unwrap();
    let listen = Loopback::port(0);
    let config = ServerConfig {
        cluster: "discovery".to_owned(),
        node: NodeId(1),
        arrival: Arrival::Founds,
        members: BTreeMap::from([(NodeId(1), listen.to_string())]),
        listen,
        data_dir: data.path().to_owned(),
        raft_tick: Duration::from_millis(20),
        machine_tick: Duration::from_millis(200),
        idle_sync: Duration::from_secs(2),
        storage: StorageConfig::default(),
        metrics: MetricsConfig::default(),
        egress: tidegate_controller::webhooks::Egress::default(),
    };
    let running = Running::start(&config).await.unwrap();
    let address = format!("http://{}", running.address());
    let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
    (running, data, channel)
}

#[tokio::test]
async fn health_says_when_a_leader_is_known() {
    let (running, _data, channel) = controller().await;
    let request = HealthCheckRequest { service: "tidegate.ready.Linearizable".to_owned() };
    let changes = HealthClient::new(channel).watch(request).await.unwrap();
    let mut changes = changes.into_inner();
    let serves = |change: &HealthCheckResponse| change.status() == ServingStatus::Serving;
    let seen = tokio::time::timeout(Duration::from_secs(20), async {
        while !serves(&changes.message().await.unwrap().unwrap()) {}
    });
    seen.await.expect("a single node leads within seconds");
    running.stop().await;
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let (running, _data, channel) = controller().await;
    let ask = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("not a list of services: {answer:?}");
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["Agent", "Rollout", "PatchSet", "Fleet", "Cluster", "Peer"] {
        let name = format!("tidegate.v1.{service}Service");
        assert!(names.contains(&name.as_str()), "{name} is not among {names:?}");
    }
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
    running.stop().await;
}
