//! Does a host whose kernel is not covered get nothing, and does it come back? From outside, on real processes: a table
//! by which one kernel of the fleet is overdue, a rollout that completes without its hosts, and a table that lets them in.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{HOSTS, KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// The kernel that has to be upgraded.
const OVERDUE: &str = KERNELS[2];

/// All kernels of the fleet are covered for long; of one it is known that it is too old.
const TABLE: &str = r#"
[[kernel]]
series = "5.15"
kind = "ga"
release = "22.04"
released = "2022-04"
covered-until = "2199-04"
upgrade-every = "13 months"

[[kernel]]
series = "6.8"
kind = "ga"
release = "24.04"
released = "2024-04"
covered-until = "2199-04"
upgrade-every = "13 months"
"#;

/// Types a command at all controllers; it ends with `code`.
async fn ends(cluster: &Cluster, line: &str, code: i32) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await?.ends_with(code)
}

async fn json(cluster: &Cluster, line: &str) -> Outcome<Value> {
    ends(cluster, &format!("{line} -o json"), 0).await?.json()
}

/// How many hosts a report or a table says stand so.
fn stand(of: &Value, supported: &str) -> u64 {
    let rows = of["supported"].as_array().or_else(|| of["hosts"].as_array()).into_iter().flatten();
    let hosts = rows.filter(|row| row["supported"] == supported);
    hosts.filter_map(|row| row["hosts"].as_u64()).sum()
}

/// The names of the hosts with the kernel that is overdue.
async fn overdue(cluster: &Cluster) -> Outcome<Vec<String>> {
    let line = "host list --filter supported=kernel-upgrade-required -o name";
    let listed = ends(cluster, line, 0).await?.printed;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Waits until everybody has the patch who may have it.
async fn verified(door: &Door, hosts: u64) -> Outcome<pb::Rollout> {
    eventually(&format!("{hosts} hosts verified"), SOON * 4, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        let done = rollout.state() == pb::RolloutState::Completed;
        (done && counts(&rollout).verified == hosts).then_some(rollout)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_kernel_is_overdue_gets_nothing_until_a_table_lets_it_in() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let unjudged = json(&cluster, "report deadlines").await?;
    let hosts = unjudged["hosts"].as_u64().unwrap_or_default();
    assert_eq!((&unjudged["version"], stand(&unjudged, "unknown")), (&0.into(), hosts));

    let old = format!("{TABLE}\n[[build]]\nkernel = \"{OVERDUE}\"\npublished = 2000-01-31\n");
    std::fs::write(cluster.dir().join("old.toml"), old)?;
    std::fs::write(cluster.dir().join("new.toml"), TABLE)?;
    let would = json(&cluster, "coverage apply -f old.toml --dry-run").await?;
    let out = stand(&would, "kernel-upgrade-required");
    assert!(out > 0 && out < hosts, "{would}");
    assert_eq!(json(&cluster, "coverage get").await?["version"], 0, "a dry run changes nothing");
    ends(&cluster, "coverage apply -f old.toml --yes --reason dates", 0).await?;

    // A young cluster has no date for what it sees before its controllers agree on the time.
    let due = eventually("every kernel dated", SOON, async || {
        let due = json(&cluster, "report deadlines --within 90d").await.ok()?;
        (stand(&due, "supported") == hosts - out).then_some(due)
    });
    let due = due.await?;
    let rows = due["kernels"].as_array().map_or(0, Vec::len);
    let first = &due["kernels"][0];
    assert_eq!((rows, &first["kernelRelease"], &first["hosts"]), (1, &OVERDUE.into(), &out.into()));
    assert_eq!(first["upgradeRequiredDate"], "2001-02-28");
    let late = overdue(&cluster).await?;
    assert_eq!(late.len() as u64, out);
    let host = json(&cluster, &format!("host get {}", late[0])).await?;
    assert_eq!(
        (&host["state"], &host["facts"]["kernelRelease"]),
        (&"BARRED".into(), &OVERDUE.into())
    );

    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    stored_on(&door, 1).await?;
    ends(&cluster, "rollout start 113.1 --policy compressed --yes", 0).await?;
    verified(&door, hosts - out).await?;
    let explain = format!("rollout explain 113.1 --host {}", late[0]);
    let explained = ends(&cluster, &explain, 0).await?.printed;
    let words = "it was due on 2001-02-28: upgrade the kernel and reboot";
    assert!(explained.contains("kernel-coverage") && explained.contains(words), "{explained}");
    let host = json(&cluster, &format!("host get {}", late[0])).await?;
    assert_eq!(host["grants"], Value::Array(Vec::new()));

    let refused = ends(&cluster, "coverage apply -f new.toml --yes", 1).await?;
    assert!(refused.said.contains("add --reason"), "{}", refused.said);
    ends(&cluster, "coverage apply -f new.toml --yes --reason corrected", 0).await?;
    assert!(overdue(&cluster).await?.is_empty());
    verified(&door, hosts).await?;
    let exported = ends(&cluster, "coverage export", 0).await?.printed;
    assert_eq!(exported.trim(), TABLE.trim());
    fleet.shutdown().await;
    Ok(())
}

/// The log index at which the newest table was applied.
async fn applied_at(cluster: &Cluster) -> Outcome<u64> {
    let listed = json(cluster, "audit list --kind coverage.applied").await?;
    let rows = listed["records"].as_array().or_else(|| listed.as_array());
    let indexes = rows.into_iter().flatten().filter_map(|row| row["logIndex"].as_u64());
    Ok(indexes.max().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_kernel_brings_a_host_back_and_who_had_begun_stays_counted() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    stored_on(&door, 1).await?;
    ends(&cluster, "rollout start 113.1 --policy compressed --yes", 0).await?;
    rollout_is(&door, "canaries are verified", |rollout| counts(rollout).verified > 3).await?;
    let old = format!("{TABLE}\n[[build]]\nkernel = \"{OVERDUE}\"\npublished = 2000-01-31\n");
    std::fs::write(cluster.dir().join("old.toml"), old)?;
    ends(&cluster, "coverage apply -f old.toml --yes --reason dates", 0).await?;
    let at = applied_at(&cluster).await?;
    assert!(at > 0, "the table left no record");
    let completed = eventually("it completes", SOON * 4, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        (rollout.state() == pb::RolloutState::Completed).then_some(rollout)
    })
    .await?;

    // Who had begun by then is verified and counted; of the rest nobody with that kernel has begun.
    let late: BTreeSet<String> = overdue(&cluster).await?.into_iter().collect();
    let grants = door.grants(ROLLOUT).await?;
    let begun = || grants.iter().filter(|grant| grant.begun_index > 0);
    let of_late = begun().filter(|grant| late.contains(&grant.host));
    let (early, after): (Vec<_>, Vec<_>) = of_late.partition(|grant| grant.begun_index < at);
    assert!(!early.is_empty() && early.len() < late.len(), "{} of {}", early.len(), late.len());
    assert_eq!(after, Vec::<&pb::Grant>::new(), "begun after the table at {at}");
    assert_eq!(counts(&completed).verified, begun().count() as u64);
    assert_eq!(counts(&completed).verified, HOSTS - (late.len() - early.len()) as u64);

    // A machine with that kernel is barred, and comes in with the next one.
    door.fleet().create_token(door::token("more", "free", 1)).await?;
    let comes = async |kernel: &str, boot: &str| -> Outcome<Value> {
        let facts = pb::HostFacts {
            kernel_release: kernel.to_owned(),
            distro_release: "24.04".to_owned(),
            ..simulated_facts(9, 1)
        };
        let enrol = pb::EnrollRequest {
            request_id: door::request_id(),
            token_secret: door::secret("more"),
            machine_id: "upgraded".to_owned(),
            facts: Some(facts),
            boot_id: boot.to_owned(),
            mode: pb::AgentMode::Normal.into(),
        };
        let host = door.agent().enroll(enrol).await?.into_inner().host;
        json(&cluster, &format!("host get {}", host.trim_start_matches("hosts/"))).await
    };
    let barred = comes(OVERDUE, "boot-1").await?;
    let (state, why) = (&barred["state"], &barred["supported"]);
    assert_eq!((state, why), (&"BARRED".into(), &"kernel-upgrade-required".into()), "{barred}");
    let back = comes(KERNELS[3], "boot-2").await?;
    assert_eq!((&back["state"], &back["supported"]), (&"IDLE".into(), &"supported".into()));
    fleet.shutdown().await;
    Ok(())
}
