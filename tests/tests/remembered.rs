//! What is remembered of what came before, from outside, on real processes? Failures that a resume acknowledged, and
//! content that hosts have soaked with.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_agent::fleet::FleetHandle;
use tidegate_policies::document::preset;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::create_rollout_request::Policy as Written;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// A livepatch that hangs every second host.
const BAD: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400],"faults":[{"kind":"crash","percent":50,"after_ms":[300,2000]}]}"#;

/// A controller, its fleet, its door, and the rollout of `patch`, under way.
async fn under_way(patch: &str) -> Outcome<(Cluster, FleetHandle, Door)> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    door.upload(patch.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, patch.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    stored_on(&door, 1).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    Ok((cluster, fleet, door))
}

/// Types a command; it has to end well, and answers in JSON.
async fn json(cluster: &Cluster, line: &str) -> Outcome<Value> {
    let line = format!("{line} -o json --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await?.ends_with(0)?.json()
}

/// Hosts that went wrong.
const fn wrong(counts: &pb::Counts) -> u64 {
    counts.crashed + counts.failed + counts.stalled + counts.silent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_says_why_acknowledges_what_went_wrong_and_new_harm_halts_again() -> Outcome<()> {
    let (cluster, fleet, door) = under_way(BAD).await?;
    let is_halted = |of: &pb::Rollout| of.state() == pb::RolloutState::Halted;
    let halted = rollout_is(&door, "bad hosts halt it", is_halted).await?;
    let halt = halted.halt.clone().ok_or_else(|| Trouble::new("a halt without a halt"))?;
    let line = format!("rollout resume 113.1 --yes --endpoint {}", cluster.address(1));
    Typed::line(cluster.dir(), &line).await?.ends_with(2)?;
    let resumed = door.rollouts().resume_rollout(door::resume(ROLLOUT, "looked at them")).await?;
    let resumed = resumed.into_inner();
    assert_eq!(resumed.state(), pb::RolloutState::Running);
    let acknowledged = resumed.acknowledged.unwrap_or_default();
    assert!(wrong(&acknowledged) >= wrong(&halt.counts.unwrap_or_default()), "{acknowledged:?}");
    assert!(wrong(&acknowledged) > 0, "{resumed:?}");
    let closed = json(&cluster, "incident get 1").await?;
    assert_eq!(closed["state"], "RESOLVED", "{closed}");
    // What was acknowledged halts nothing any more; what goes wrong from then on does.
    let again = rollout_is(&door, "it is halted again", |rollout| {
        is_halted(rollout) && rollout.epoch > resumed.epoch
    });
    let again = again.await?;
    assert!(wrong(&counts(&again)) > wrong(&acknowledged), "{again:?}");
    let shown = json(&cluster, "audit list --kind rollout.resumed").await?;
    assert!(shown.to_string().contains("looked at them"), "{shown}");
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_soaked_everywhere_is_proven_when_it_comes_again_and_says_by_what()
-> Outcome<()> {
    let (cluster, fleet, door) = under_way(PATCH).await?;
    eventually("it completes", SOON * 4, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        (rollout.state() == pb::RolloutState::Completed).then_some(())
    })
    .await?;
    // The same bytes under a higher number, by a policy that trusts what has soaked with two hosts of a kernel.
    door.patch_sets().publish_patch_set(door::publish("114.1", &KERNELS, PATCH.as_bytes())).await?;
    eventually("it is stored", SOON, async || {
        let get = pb::GetPatchSetRequest { name: "patchSets/114.1".to_owned() };
        let set = door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        (set.state() == pb::PatchSetState::Ready).then_some(())
    })
    .await?;
    let standard = preset("standard").ok_or_else(|| Trouble::new("no such preset"))?.text;
    let trusting = format!("{standard}\n[proven]\nsoak = \"30m\"\nhosts = 2\n");
    let mut create = door::create("114.1", "standard");
    create.policy = Some(Written::PolicyToml(trusting));
    door.rollouts().create_rollout(create).await?;
    let started = door.rollouts().start_rollout(door::start("rollouts/114.1")).await?.into_inner();
    let on: BTreeSet<&str> =
        started.proven.iter().filter_map(|of| of.kernel.split('-').next()).collect();
    let kernels: BTreeSet<&str> = KERNELS.iter().filter_map(|of| of.split('-').next()).collect();
    assert_eq!(on, kernels, "{:?}", started.proven);
    let by = started.proven.iter().all(|of| of.rollout == ROLLOUT && of.soak_ms == 1_800_000);
    assert!(by, "{:?}", started.proven);
    let shown = json(&cluster, "rollout get 114.1").await?;
    assert_eq!(shown["proven"].as_array().map(Vec::len), Some(started.proven.len()), "{shown}");
    fleet.shutdown().await;
    Ok(())
}
