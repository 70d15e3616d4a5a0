//! Does a simulated fleet live its life against a controller?

use std::collections::BTreeSet;

use tidegate_proto::v1::host_report::Body;

use super::{Fleet, FleetConfig, FleetHandle, WeightedToken};
use crate::core::Millis;
use crate::driver::simulated::Truth;
use crate::yes_controller::{self, Heard, outcomes};

const HOSTS: usize = 24;

/// Runs a fleet on `patch` until what was heard is enough.
async fn run_until(
    patch: &str,
    enough: impl Fn(&Heard, &FleetHandle) -> bool,
) -> (Heard, Vec<Truth>) {
    let mut controller = yes_controller::start(patch).await;
    let token = |secret: &str, weight| WeightedToken { secret: format!("tgt_{secret}"), weight };
    let tokens = vec![token("free", 1), token("paid", 1)];
    let mut config = FleetConfig::new(
        11,
        u64::try_from(HOSTS).unwrap(),
        vec![controller.address.clone()],
        tokens,
    );
    config.enrol_within = Millis(50);
    config.agent.start_jitter = Millis(50);
    let fleet = Fleet::start(config).unwrap();
    let heard = loop {
        let heard = controller.news.recv().await.unwrap();
        if enough(&heard, &fleet) {
            break heard;
        }
    };
    let truths = fleet.truths();
    fleet.shutdown().await;
    (heard, truths)
}

fn interrupted(bodies: &[Body]) -> bool {
    bodies
        .iter()
        .any(|body| matches!(body, Body::Started(started) if started.interrupted.is_some()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_host_of_a_fleet_applies_a_good_patch_once_and_soaks() {
    let patch = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
        "transition_ms":[20,90]}"#;
    let all_soaked = |heard: &Heard, _: &FleetHandle| {
        heard.values().filter(|bodies| outcomes(bodies).contains(&"soaked")).count() == HOSTS
    };
    let (heard, truths) = run_until(patch, all_soaked).await;
    for (host, bodies) in &heard {
        assert_eq!(outcomes(bodies), ["applied", "soaked"], "{host}");
    }
    let tiers: BTreeSet<_> = truths.iter().map(|truth| truth.tier.as_str()).collect();
    assert_eq!(tiers, BTreeSet::from(["tiers/free", "tiers/paid"]));
    for truth in &truths {
        assert_eq!(truth.inserts.len(), 1, "{}", truth.machine_id);
        assert_eq!(truth.enabled, ["livepatch_113_1"], "{}", truth.machine_id);
        assert!(truth.lease_checks.iter().all(|check| check.passed && check.at <= check.not_after));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_crash_come_back_with_a_new_boot_say_so_and_never_insert_again() {
    let patch = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
        "transition_ms":[20,90],"faults":[{"kind":"crash","percent":60,"after_ms":[10,300],
        "reboots_percent":100,"down_ms":[10,50]}]}"#;
    let all_told = |heard: &Heard, fleet: &FleetHandle| {
        let told = |bodies: &&Vec<Body>| {
            let outcomes = outcomes(bodies);
            outcomes.contains(&"soaked") || interrupted(bodies) && outcomes.contains(&"refused")
        };
        fleet.enrolled() == HOSTS && heard.values().filter(told).count() == HOSTS
    };
    let (heard, truths) = run_until(patch, all_told).await;
    let crashed: Vec<_> = truths.iter().filter(|truth| !truth.crashes.is_empty()).collect();
    assert!((5..20).contains(&crashed.len()), "{} crashed", crashed.len());
    for truth in &truths {
        assert_eq!(truth.inserts.len(), 1, "{}", truth.machine_id);
        assert_eq!(
            truth.boots,
            u64::try_from(1 + truth.crashes.len()).unwrap(),
            "{}",
            truth.machine_id
        );
        assert_eq!(interrupted(&heard[&truth.host]), !truth.crashes.is_empty(), "{}", truth.host);
    }
}
