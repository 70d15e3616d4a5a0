//! Does one host run on a real disk, and survive its agent?

use std::path::Path;
use std::sync::{Arc, Mutex};

use tidegate_proto::v1::{EnrollRequest, GoodbyeKind, KernelEvidence, host_report::Body};
use tokio::sync::mpsc;

use super::troubled::{TroubledDriver, TroubledStorage};
use super::{Command, Fatal, Host, run};
use crate::core::{AgentConfig, Millis, Mode, PatchState};
use crate::driver::simulated::{SimulatedDriver, simulated_facts};
use crate::driver::{Driver as _, LastWords};
use crate::state::read_status;
use crate::storage::{DiskStorage, MemoryStorage, Seen, Storage as _};
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

fn troubled(
    driver: TroubledDriver,
    storage: TroubledStorage,
    controller: &Running,
) -> Host<TroubledDriver, TroubledStorage> {
    let endpoints =
        Endpoints::plaintext(std::slice::from_ref(&controller.address), &[], 1).unwrap();
    Host {
        driver: Arc::new(driver),
        storage,
        transport: Transport::new(endpoints, 0).with_identity(HOST).unwrap(),
        config: AgentConfig { start_jitter: Millis(10), ..AgentConfig::default() },
        mode: Mode::Normal,
        seed: 1,
    }
}

#[tokio::test]
async fn a_crash_is_told_by_the_next_start_when_its_report_could_not_be_spooled() {
    let mut controller = yes_controller::start(PATCH).await;
    let kernel = driver(&controller).await;
    let mut disk = MemoryStorage::new(7);
    disk.note(&Seen { boot_id: Some("before".to_owned()), ..Seen::default() }).unwrap();
    let words = KernelEvidence { signature: "panic: x".to_owned(), names_module: false };
    let left = LastWords { evidence: Some(words), dumps: ["dmesg-0 ab".to_owned()].into() };
    let panicked = || TroubledDriver {
        kernel: Arc::clone(&kernel),
        looks: Mutex::default(),
        left: left.clone(),
    };
    let full = TroubledStorage { disk: disk.clone(), full: true };
    let (_commands, receiver) = mpsc::channel(1);
    let ended = run(troubled(panicked(), full, &controller), receiver).await;
    assert!(matches!(ended, Err(Fatal::Storage(_))), "{ended:?}");
    assert_eq!(disk.seen().unwrap().boot_id.as_deref(), Some("before"));

    let roomy = TroubledStorage { disk: disk.clone(), full: false };
    let (commands, receiver) = mpsc::channel(1);
    let running = tokio::spawn(run(troubled(panicked(), roomy, &controller), receiver));
    let heard = controller.news.recv().await.unwrap();
    let Body::Started(started) = &heard[HOST][0] else { panic!("{heard:?}") };
    assert_eq!(started.evidence, left.evidence);
    commands.send(Command::Stop).await.unwrap();
    running.await.unwrap().unwrap();
    let seen = disk.seen().unwrap();
    assert_eq!((seen.boot_id, seen.dumps), (Some(kernel.boot_id().unwrap()), left.dumps));
}

#[tokio::test]
async fn a_kernel_that_cannot_be_looked_at_is_looked_at_again_and_nothing_is_reported_as_reverted()
{
    let mut controller = yes_controller::start(PATCH).await;
    let driver = TroubledDriver {
        kernel: driver(&controller).await,
        // The agent looks when it starts, and then fails to twice.
        looks: Mutex::new([true, false, false].into()),
        left: LastWords::default(),
    };
    let storage = TroubledStorage { disk: MemoryStorage::new(7), full: false };
    let (commands, receiver) = mpsc::channel(1);
    let running = tokio::spawn(run(troubled(driver, storage, &controller), receiver));
    let outcomes = loop {
        let heard = controller.news.recv().await.unwrap();
        let outcomes = heard.get(HOST).map(|bodies| outcomes(bodies)).unwrap_or_default();
        if outcomes.len() == 2 {
            break outcomes;
        }
    };
    assert_eq!(outcomes, ["applied", "soaked"]);
    commands.send(Command::Stop).await.unwrap();
    running.await.unwrap().unwrap();
}
