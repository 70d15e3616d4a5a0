//! Does everybody who holds hosts back see what that leaves open? From outside, on real processes: which fixes are
//! open on how many hosts, what keeps them so, and whether what a tier was promised is kept.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use serde_json::Value;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::settled;

use journey::{KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// Every tier should have critical fixes within a day.
const LADDER: &str = r#"
[[tier]]
name = "canary"
sampled = true
[[tier]]
name = "free"
objectives = [{ severity = "critical", share = "95%", within = "24h" }]
[[tier]]
name = "paid"
"#;

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await?.ends_with(0)
}

async fn report(cluster: &Cluster, flags: &str) -> Outcome<Value> {
    typed(cluster, &format!("report exposure -o json {flags}")).await?.json()
}

/// How many hosts the thing keeps from what is open on them.
fn kept_by(report: &Value, cause: &str, resource: &str) -> u64 {
    let causes = report["causes"].as_array().into_iter().flatten();
    let it = |of: &&Value| of["cause"] == cause && of["resource"] == resource;
    causes.filter(it).filter_map(|of| of["hosts"].as_u64()).sum()
}

/// Publishes a patch set with a critical fix for some of the fleet's kernels.
async fn published(door: &Door) -> Outcome<()> {
    door.upload(PATCH.as_bytes()).await?;
    let mut request = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    let fix = pb::Fix {
        name: "cve-2026-12345".to_owned(),
        severity: pb::Severity::Critical.into(),
        description: "use after free".to_owned(),
    };
    request.patch_set.iter_mut().for_each(|patch_set| patch_set.fixes.push(fix.clone()));
    door.patch_sets().publish_patch_set(request).await?;
    stored_on(door, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_is_counted_under_what_keeps_it_so_and_each_stop_says_what_it_leaves()
-> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    std::fs::write(cluster.dir().join("ladder.toml"), LADDER)?;
    typed(&cluster, "tier apply -f ladder.toml --yes").await?;
    let nothing = report(&cluster, "").await?;
    assert_eq!((&nothing["openHosts"], &nothing["fixes"]), (&0.into(), &Value::Array(Vec::new())));

    published(&door).await?;
    let open = report(&cluster, "").await?;
    let hosts = open["openHosts"].as_u64().unwrap_or_default();
    assert!(hosts > 0, "{open}");
    assert_eq!(open["fixes"][0]["name"], "cve-2026-12345");
    assert_eq!(kept_by(&open, "NOT_STARTED", "patchSets/113.1"), hosts, "{open}");
    let level = &open["levels"][0];
    assert_eq!((&level["tier"], &level["standing"]), (&"tiers/free".into(), &"BURNING".into()));
    assert_eq!((&level["lateHosts"], &level["burnPpm"]), (&0.into(), &0.into()));
    assert_eq!(level["dueHosts"], level["hosts"]);

    let frozen = typed(&cluster, "freeze create audit --reason books").await?;
    assert!(
        !frozen.said.contains("leaves"),
        "nothing is started that it could keep: {}",
        frozen.said
    );
    typed(&cluster, "rollout start 113.1 --policy compressed --yes").await?;
    let open = report(&cluster, "").await?;
    assert_eq!(kept_by(&open, "FREEZE", "freezes/audit"), hosts, "{open}");
    let freezes = typed(&cluster, "freeze list").await?;
    let words = format!("freeze freezes/audit leaves 1 fix open on {hosts} hosts: 1 critical");
    assert!(freezes.said.contains(&words), "{}", freezes.said);
    typed(&cluster, "freeze lift audit --reason done --yes").await?;

    rollout_is(&door, "somebody is verified", |rollout| counts(rollout).verified > 0).await?;
    typed(&cluster, "halt 113.1 --reason enough").await?;
    rollout_is(&door, "hosts in flight have ended", |of| counts(of).in_flight == 0).await?;
    let open = report(&cluster, "").await?;
    let verified = counts(&door.rollout(ROLLOUT).await?).verified;
    assert_eq!(open["openHosts"].as_u64(), Some(hosts - verified), "{open}");
    assert_eq!(kept_by(&open, "HALT", ROLLOUT), hosts - verified, "{open}");
    let explained = typed(&cluster, "rollout explain 113.1").await?;
    let words = format!("halt {ROLLOUT} leaves 1 fix open on {} hosts", hosts - verified);
    assert!(explained.said.contains(&words), "{}", explained.said);

    let free = report(&cluster, "--tier free").await?;
    let (all, of_free) = (open["hosts"].as_u64(), free["hosts"].as_u64());
    assert!(of_free > Some(0) && of_free < all, "{of_free:?} of {all:?}");
    fleet.shutdown().await;
    Ok(())
}
