//! Who comes when, from outside, on real processes? Canaries of every kernel and zone, a draw for each patch set, a plan
//! that is kept, and hosts that join late.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::{BTreeMap, BTreeSet};

use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_policies::document::preset;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::create_rollout_request::Policy as Written;
use tidegate_proto::v1::plan_rollout_request::Policy;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// A kernel and a zone.
type Stratum = (String, String);

/// The hosts' strata, by name.
async fn strata(door: &Door) -> Outcome<BTreeMap<String, (String, Stratum)>> {
    let request = pb::ListHostsRequest { page_size: 1_000, ..Default::default() };
    let hosts = door.fleet().list_hosts(request).await?.into_inner().hosts;
    let stratum = |host: pb::Host| {
        let facts = host.facts.unwrap_or_default();
        (host.name, (host.tier, (facts.kernel_release, facts.zone)))
    };
    Ok(hosts.into_iter().map(stratum).collect())
}

/// Waits until the rollout `name` has completed; answers who was drawn as a canary.
async fn canaries(door: &Door, name: &str) -> Outcome<BTreeSet<String>> {
    eventually("it completes", SOON * 4, async || {
        let rollout = door.rollout(name).await.ok()?;
        (rollout.state() == pb::RolloutState::Completed).then_some(())
    })
    .await?;
    let grants = door.grants(name).await?.into_iter();
    Ok(grants.filter(|of| of.tier == "tiers/canary").map(|of| of.host).collect())
}

async fn publish(door: &Door, version: &str) -> Outcome<()> {
    let patch = PATCH.replace("livepatch_113_1", &door::module(version));
    door.upload(patch.as_bytes()).await?;
    let publish = door::publish(version, &KERNELS, patch.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    eventually("it is stored", SOON, async || {
        let get = pb::GetPatchSetRequest { name: format!("patchSets/{version}") };
        let set = door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        (set.state() == pb::PatchSetState::Ready).then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_planned_is_drawn_and_counted_and_canaries_are_of_every_kernel_and_zone()
-> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    publish(&door, "113.1").await?;
    let plan = pb::PlanRolloutRequest {
        patch_set: "patchSets/113.1".to_owned(),
        policy: Some(Policy::Preset("compressed".to_owned())),
        ..Default::default()
    };
    let plan = door.rollouts().plan_rollout(plan).await?.into_inner();
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    let started = door.rollouts().start_rollout(door::start(ROLLOUT)).await?.into_inner();
    let planned: Vec<_> = plan.tiers.iter().map(|tier| (tier.tier.clone(), tier.hosts)).collect();
    let counted: Vec<_> =
        started.tiers.iter().map(|tier| (tier.tier.clone(), tier.eligible_hosts)).collect();
    assert_eq!(planned, counted, "the plan is not what started");

    let drawn = canaries(&door, ROLLOUT).await?;
    let of = strata(&door).await?;
    let sources: BTreeSet<&Stratum> =
        of.values().filter(|(tier, _)| tier == "tiers/free").map(|(_, stratum)| stratum).collect();
    let covered: BTreeSet<&Stratum> =
        drawn.iter().filter_map(|host| of.get(host)).map(|(_, stratum)| stratum).collect();
    assert!(sources.len() > 3, "{sources:?}");
    assert_eq!(covered, sources, "a stratum without canaries");
    let planned: BTreeMap<_, u64> = plan.tiers[0]
        .strata
        .iter()
        .map(|stratum| ((stratum.kernel.clone(), stratum.zone.clone()), stratum.hosts))
        .collect();
    assert_eq!(planned.len(), covered.len(), "{planned:?}");
    assert_eq!(planned.values().sum::<u64>(), u64::try_from(drawn.len())?);

    // Another patch set draws others: a part of the free tier does not bear it all.
    publish(&door, "114.1").await?;
    door.rollouts().create_rollout(door::create("114.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start("rollouts/114.1")).await?;
    assert_ne!(canaries(&door, "rollouts/114.1").await?, drawn, "the same canaries twice");
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_joins_a_completed_rollout_gets_its_offer_and_is_counted() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    publish(&door, "113.1").await?;
    stored_on(&door, 1).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    canaries(&door, ROLLOUT).await?;
    let before = door.rollout(ROLLOUT).await?;

    door.fleet().create_token(door::token("late", "free", 1)).await?;
    let facts = pb::HostFacts { kernel_release: KERNELS[0].to_owned(), ..simulated_facts(9, 1) };
    let enrol = pb::EnrollRequest {
        request_id: door::request_id(),
        token_secret: door::secret("late"),
        machine_id: "late".to_owned(),
        facts: Some(facts),
        boot_id: "boot-1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    };
    let late = door.agent().enroll(enrol).await?.into_inner().host;
    let host = door.with(Caller::Host(late.clone()));
    let mut beat = 0;
    let offer = eventually("its offer", SOON, async || {
        beat += 1;
        let sync = pb::SyncRequest {
            boot_id: "boot-1".to_owned(),
            beat,
            mode: pb::AgentMode::Normal.into(),
            livepatches: Vec::new(),
        };
        host.agent().sync(sync).await.ok()?.into_inner().offer
    })
    .await?;
    assert_eq!(offer.patch_set, "patchSets/113.1");
    let after = rollout_is(&door, "it is counted", |rollout| {
        rollout.tiers[1].eligible_hosts > before.tiers[1].eligible_hosts
    })
    .await?;
    assert_eq!(after.tiers[1].eligible_hosts, before.tiers[1].eligible_hosts + 1);
    assert_eq!(after.tiers[0].eligible_hosts, before.tiers[0].eligible_hosts, "no late canary");
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_in_flight_are_of_one_zone_at_a_time_where_the_policy_says_so() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    publish(&door, "113.1").await?;
    let compressed = preset("compressed").ok_or_else(|| Trouble::new("no such preset"))?.text;
    let mut create = door::create("113.1", "compressed");
    create.policy =
        Some(Written::PolicyToml(format!("{compressed}\n[limits]\nzones-at-once = 1\n")));
    door.rollouts().create_rollout(create).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    let of = strata(&door).await?;
    let mut zones_of_all = BTreeSet::new();
    let mut looks = 0_u32;
    eventually("twenty hosts are verified", SOON * 4, async || {
        let flying = [pb::GrantPhase::Begun, pb::GrantPhase::Applied];
        let grants = door.grants(ROLLOUT).await.ok()?;
        let grants = grants.iter().filter(|grant| flying.contains(&grant.phase()));
        let zones: BTreeSet<String> = grants
            .filter_map(|grant| of.get(&grant.host))
            .map(|(_, (_, zone))| zone.clone())
            .collect();
        assert!(zones.len() <= 1, "in flight in {zones:?}");
        looks += u32::from(!zones.is_empty());
        zones_of_all.extend(zones);
        let verified = counts(&door.rollout(ROLLOUT).await.ok()?).verified;
        (verified >= 20).then_some(())
    })
    .await?;
    assert!(zones_of_all.len() > 1 && looks > 10, "{looks} looks saw {zones_of_all:?} alone");
    fleet.shutdown().await;
    Ok(())
}
