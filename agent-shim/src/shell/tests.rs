//! Does one host run on a real disk, and survive its agent?

use std::path::Path;
use std::sync::Arc;

use tidegate_proto::v1::{EnrollRequest, GoodbyeKind, host_report::Body};
use tokio::sync::mpsc;

use super::{Command, Host, run};
use crate::core::{AgentConfig, Millis, Mode, PatchState};
use crate::driver::Driver as _;
use crate::driver::simulated::{SimulatedDriver, simulated_facts};
use crate::state::read_status;
use crate::storage::DiskStorage;
use crate::transport::{Endpoints, Transport};
use crate::yes_controller::{self, Running, outcomes};

const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[20,90]}"#;
const HOST: &str = "hosts/sim-1-0001";

fn host(
    driver: &Arc<SimulatedDriver>,
    controller: &Running,
    directory: &Path,
) -> Host<SimulatedDriver, DiskStorage> {
    let endpoints =
        Endpoints::plaintext(std::slice::from_ref(&controller.address), &[], 1).unwrap();
    Host {
        driver: Arc::clone(driver),
        storage: DiskStorage::open(directory, 7).unwrap(),
        transport: Transport::new(endpoints, 0).with_identity(HOST).unwrap(),
        config: AgentConfig { start_jitter: Millis(10), ..AgentConfig::default() },
        mode: Mode::Normal,
        seed: 1,
    }
}

async fn driver(controller: &Running) -> Arc<SimulatedDriver> {
    let (told, _) = mpsc::unbounded_channel();
    let machine_id = "sim-1-0001".to_owned();
    let driver = Arc::new(SimulatedDriver::new(1, machine_id, simulated_facts(1, 1), told));
    let endpoints =
        Endpoints::plaintext(std::slice::from_ref(&controller.address), &[], 1).unwrap();
    let enrol = EnrollRequest {
        token_secret: "tgt_free".to_owned(),
        machine_id: "sim-1-0001".to_owned(),
        facts: Some(driver.facts().unwrap()),
        ..EnrollRequest::default()
    };
    Transport::new(endpoints, 0).enroll(enrol).await.unwrap();
    driver
}

#[tokio::test]
async fn an_agent_stopped_in_its_soak_goes_on_after_a_restart_and_inserts_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut controller = yes_controller::start(PATCH).await;
    let driver = driver(&controller).await;
    for until in ["applied", "soaked"] {
        let (commands, receiver) = mpsc::channel(1);
        let running = tokio::spawn(run(host(&driver, &controller, directory.path()), receiver));
        loop {
            let heard = controller.news.recv().await.unwrap();
            if heard.get(HOST).is_some_and(|bodies| outcomes(bodies).contains(&until)) {
                break;
            }
        }
        commands.send(Command::Stop).await.unwrap();
        running.await.unwrap().unwrap();
    }
    assert_eq!(driver.truth().inserts.len(), 1);
    let status = read_status(directory.path()).unwrap().unwrap();
    assert_eq!(status.status.state, PatchState::Applied);
}

#[tokio::test]
async fn a_goodbye_is_delivered_before_the_agent_returns() {
    let directory = tempfile::tempdir().unwrap();
    let mut controller = yes_controller::start(PATCH).await;
    let driver = driver(&controller).await;
    let (commands, receiver) = mpsc::channel(1);
    commands.send(Command::SayGoodbye(GoodbyeKind::Reboot)).await.unwrap();
    run(host(&driver, &controller, directory.path()), receiver).await.unwrap();
    controller.news.close();
    let mut last = None;
    while let Some(heard) = controller.news.recv().await {
        last = Some(heard);
    }
    let bodies = &last.unwrap()[HOST];
    assert!(matches!(bodies[..], [Body::Started(_), Body::Goodbye(_)]), "{bodies:?}");
    assert_eq!(driver.truth().inserts.len(), 0);
}
