//! Does a ladder of another shape carry a rollout, from outside, on real processes? Four channels that hosts choose,
//! climbed one after the other, and the ramp of a hosted service.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use tidegate_policies::document::preset;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::create_rollout_request::Policy as Written;
use tidegate_proto::v1::plan_rollout_request::Policy;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{HOSTS, KERNELS, PATCH, ROLLOUT, counts, fleet_of, stored_on};

/// A controller under the shipped ladder `shape`, with a patch set, and its door.
async fn stage(shape: &str) -> Outcome<(Cluster, Door)> {
    let cluster = Cluster::start(1, QUICK)?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let line = format!("tier apply --preset {shape} --yes --endpoint {}", cluster.address(1));
    eventually("the ladder", SOON, async || {
        Typed::line(cluster.dir(), &line).await.ok()?.ends_with(0).ok()
    })
    .await?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    stored_on(&door, 1).await?;
    Ok((cluster, door))
}

/// The text of a shipped policy.
fn text(name: &str) -> Outcome<&'static str> {
    Ok(preset(name).ok_or_else(|| Trouble::new(format!("no preset {name}")))?.text)
}

/// The steps of the shipped policy `name`, with seconds for hours.
fn in_seconds(name: &str) -> Outcome<String> {
    let steps = |text: &'static str| {
        let (head, rest) = text.split_once("\n[[ladder]]")?;
        let (steps, tail) = rest.split_once("\n[evidence]")?;
        Some((head, steps, tail))
    };
    let parts = steps(text("compressed")?).zip(steps(text(name)?));
    let ((head, _, tail), (_, theirs, _)) =
        parts.ok_or_else(|| Trouble::new("a shipped policy without steps or evidence"))?;
    let soaked = theirs.lines().map(|line| {
        let is_soak = line.starts_with("soak = ");
        if is_soak { "soak = \"4s\"".to_owned() } else { line.to_owned() }
    });
    let theirs: Vec<String> = soaked.collect();
    Ok(format!("{head}\n[[ladder]]{}\n[evidence]{tail}", theirs.join("\n")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_channels_are_climbed_one_after_the_other() -> Outcome<()> {
    let (cluster, door) = stage("edge").await?;
    let tiers = [("edge", 25), ("beta", 25), ("candidate", 25), ("stable", 25)];
    let fleet = fleet_of(&cluster, &tiers).await?;
    let mut create = door::create("113.1", "edge");
    create.policy = Some(Written::PolicyToml(in_seconds("edge")?));
    door.rollouts().create_rollout(create).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    let rollout = eventually("it completes", SOON * 8, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        (rollout.state() == pb::RolloutState::Completed).then_some(rollout)
    })
    .await?;
    let names: Vec<&str> = rollout.tiers.iter().map(|tier| tier.tier.as_str()).collect();
    assert_eq!(names, ["tiers/edge", "tiers/beta", "tiers/candidate", "tiers/stable"]);
    assert!(rollout.tiers.iter().all(|tier| tier.eligible_hosts > 0), "{:?}", rollout.tiers);
    assert_eq!(counts(&rollout).verified, HOSTS, "{:?}", rollout.tiers);
    // Nobody of a channel begins before the one before it is through, as far as the policy asks.
    let grants = door.grants(ROLLOUT).await?;
    let begun = |tier: &pb::TierProgress| {
        let of = grants.iter().filter(|grant| grant.tier == tier.tier && grant.begun_index > 0);
        of.map(|grant| grant.begun_index).collect::<Vec<u64>>()
    };
    for pair in rollout.tiers.windows(2) {
        let (before, next) = (begun(&pair[0]), begun(&pair[1]));
        let first = next.iter().min().copied().unwrap_or_default();
        let through = before.iter().filter(|index| **index < first).count();
        assert!(through * 100 >= before.len() * 80, "{through} of {before:?} before {first}");
    }
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ramp_of_a_hosted_service_is_planned_in_its_steps() -> Outcome<()> {
    let (cluster, door) = stage("proposed").await?;
    let tiers = [("proposed", 5), ("internal", 10), ("updates", 60), ("stable", 25)];
    let fleet = fleet_of(&cluster, &tiers).await?;
    let plan = pb::PlanRolloutRequest {
        patch_set: "patchSets/113.1".to_owned(),
        policy: Some(Policy::Preset("proposed".to_owned())),
        ..Default::default()
    };
    let plan = door.rollouts().plan_rollout(plan).await?.into_inner();
    let updates = plan.tiers.iter().find(|of| of.tier == "tiers/updates");
    let updates = updates.ok_or_else(|| Trouble::new("the plan has no updates"))?;
    let percents: Vec<u32> = updates.waves.iter().map(|wave| wave.share_ppm / 10_000).collect();
    assert_eq!(percents, [10, 20, 40, 60, 100]);
    let hosts: Vec<u64> = updates.waves.iter().map(|wave| wave.hosts).collect();
    assert!(hosts.is_sorted() && hosts.last() == Some(&updates.hosts), "{hosts:?}");
    assert_eq!(plan.tiers.iter().map(|tier| tier.hosts).sum::<u64>(), HOSTS);
    let times: Vec<u64> = updates.waves.iter().filter_map(|wave| wave.passes_ms).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    fleet.shutdown().await;
    Ok(())
}
