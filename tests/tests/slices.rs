//! Can one slice be halted by itself, from outside, on real processes? Its hosts begin nothing, the rest goes
//! on, and the incident outlives the leader that took it.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::Door;
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, replicas_agree, settled};

use journey::{ROLLOUT, counts, enrolled_fleet, in_mid_wave, publish, rollout_is};

/// The kernel of the slice.
const KERNEL: &str = "5.15.0-107.117";

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

async fn incident(cluster: &Cluster) -> Outcome<Value> {
    typed(cluster, "incident get 1 -o json").await?.ends_with(0)?.json()
}

/// The hosts of the slice, as the controllers know their facts.
async fn inside(door: &Door) -> Outcome<BTreeSet<String>> {
    let request = pb::ListHostsRequest { page_size: 1_000, ..pb::ListHostsRequest::default() };
    let hosts = door.fleet().list_hosts(request).await?.into_inner().hosts;
    let is_inside =
        |host: &pb::Host| host.facts.as_ref().is_some_and(|facts| facts.kernel_release == KERNEL);
    Ok(hosts.into_iter().filter(is_inside).map(|host| host.name).collect())
}

/// Grants of these hosts that began after a log index.
async fn begun_after(door: &Door, hosts: &BTreeSet<String>, index: u64) -> Outcome<Vec<pb::Grant>> {
    let grants = door.grants(ROLLOUT).await?.into_iter();
    Ok(grants.filter(|of| hosts.contains(&of.host) && of.begun_index > index).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_is_halted_alone_and_the_rest_goes_on_whichever_controller_leads() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    in_mid_wave(&cluster).await?;
    let leader = settled(&cluster).await?;
    let slice = inside(&Door::of(&cluster.address(leader))?).await?;
    assert!(slice.len() > 3, "{} hosts run {KERNEL}", slice.len());

    let bad = typed(&cluster, "rollout halt 113.1 --slice colour=red --reason odd").await?;
    bad.refused(1, "BAD_FIELD")?;
    let halt = format!("rollout halt 113.1 --slice kernel={KERNEL} --reason odd -o json");
    let halted = typed(&cluster, &halt).await?.ends_with(0)?.json()?;
    assert_eq!(halted["state"], "RUNNING", "{halted}");
    let of_slice = &halted["haltedSlices"][0];
    assert_eq!(of_slice["slice"], format!("kernel={KERNEL}"));
    let index = of_slice["halt"]["logIndex"].as_u64();
    let index = index.ok_or_else(|| Trouble::new(format!("no log index: {halted}")))?;

    // Another leads; the halt and its incident stand, and the others go on to the end.
    cluster.kill(leader);
    let next = settled(&cluster).await?;
    assert_ne!(next, leader);
    let door = Door::of(&cluster.address(next))?;
    let open = incident(&cluster).await?;
    assert_eq!((&open["state"], &open["scope"]), (&"OPEN".into(), &of_slice["slice"]), "{open}");
    let done = |rollout: &pb::Rollout| rollout.state() == pb::RolloutState::Completed;
    let completed = rollout_is(&door, "the rest has completed", done).await?;
    assert_eq!(begun_after(&door, &slice, index).await?, [], "begun in a halted slice");
    let begun: BTreeSet<String> =
        door.grants(ROLLOUT).await?.into_iter().map(|of| of.host).collect();
    assert!(begun.len() > 30 && counts(&completed).verified > 30, "{completed:?}");
    for truth in fleet.truths() {
        let overdue = truth.lease_checks.iter().find(|of| of.passed && of.at > of.not_after);
        assert!(overdue.is_none(), "{} inserted without a lease", truth.machine_id);
    }

    // A person lets it go on, with a reason, and its hosts come late.
    let resume = format!("rollout resume 113.1 --slice kernel={KERNEL}");
    typed(&cluster, &resume).await?.ends_with(2)?;
    let other = "rollout resume 113.1 --slice kernel=6.8.0-41.41 --reason fixed --yes";
    typed(&cluster, other).await?.refused(6, "SLICE_NOT_HALTED")?;
    typed(&cluster, &format!("{resume} --reason fixed --yes")).await?.ends_with(0)?;
    let resolved = incident(&cluster).await?;
    assert_eq!(resolved["state"], "RESOLVED", "{resolved}");
    assert_eq!(resolved["resolution"]["reason"], "fixed", "{resolved}");
    eventually("a host of the slice begins", SOON, async || {
        let begun = begun_after(&door, &slice, index).await.ok()?;
        (!begun.is_empty()).then_some(())
    })
    .await?;
    cluster.start_node(leader)?;
    settled(&cluster).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}
