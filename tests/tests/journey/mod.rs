//! How does a rollout travel on a cluster of real processes? A fleet, a patch set, a wave under way,
//! a halt, and the way on.

mod writer;

use tidegate_agent::clock::boot_time;
use tidegate_agent::core::{BootTime, Millis};
use tidegate_agent::fleet::{Fleet, FleetConfig, FleetHandle, WeightedToken};
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::door::{self, Door, reason};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, answered, eventually, settled};

pub(crate) use writer::Writer;

pub(crate) const HOSTS: u64 = 60;
pub(crate) const ROLLOUT: &str = "rollouts/113.1";
pub(crate) const KERNELS: [&str; 4] =
    ["5.15.0-107.117", "5.15.0-119.129", "6.8.0-41.41", "6.8.0-45.45"];

/// A livepatch that harms nobody.
pub(crate) const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400]}"#;

/// The lease of the preset `compressed`, in milliseconds.
pub(crate) const LEASE_MS: u64 = 5_000;

/// A fleet of simulated hosts that may speak to every controller, all enrolled.
pub(crate) async fn enrolled_fleet(cluster: &Cluster) -> Outcome<FleetHandle> {
    fleet_of(cluster, &[("free", 60), ("paid", 40)]).await
}

/// Such a fleet in these tiers, each with its part of a hundred hosts.
pub(crate) async fn fleet_of(cluster: &Cluster, tiers: &[(&str, u32)]) -> Outcome<FleetHandle> {
    let leader = settled(cluster).await?;
    let door = Door::of(&cluster.address(leader))?;
    let mut tokens = Vec::new();
    for &(tier, weight) in tiers {
        let request = door::token(tier, tier, HOSTS);
        answered("make a token", async || door.fleet().create_token(request.clone()).await).await?;
        tokens.push(WeightedToken { secret: door::secret(tier), weight });
    }
    let mut config = FleetConfig::new(7, HOSTS, cluster.addresses(), tokens);
    config.enrol_within = Millis(500);
    let fleet = Fleet::start(config)?;
    let count = usize::try_from(HOSTS)?;
    eventually("every host enrolled", SOON, async || (fleet.enrolled() == count).then_some(()))
        .await?;
    Ok(fleet)
}

/// Publishes the patch set and starts its rollout under the preset `compressed`.
pub(crate) async fn publish(cluster: &Cluster) -> Outcome<()> {
    let door = Door::of(&cluster.address(1))?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    stored_on(&door, 3).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    Ok(())
}

/// The rollout's patch set is stored on so many nodes, and ready.
pub(crate) async fn stored_on(door: &Door, nodes: usize) -> Outcome<()> {
    eventually("the artifact on one more node", SOON, async || {
        let get = pb::GetPatchSetRequest { name: "patchSets/113.1".to_owned() };
        let set = door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        let ready = set.state() == pb::PatchSetState::Ready;
        (ready && set.stored_on_nodes.len() == nodes).then_some(())
    })
    .await
}

/// Hosts by outcome.
pub(crate) fn counts(rollout: &pb::Rollout) -> pb::Counts {
    rollout.counts.unwrap_or_default()
}

/// What must not change while a rollout is halted and nobody is in flight.
pub(crate) fn essence(
    rollout: &pb::Rollout,
) -> (pb::RolloutState, u64, Option<pb::Halt>, pb::Counts) {
    (rollout.state(), rollout.epoch, rollout.halt.clone(), counts(rollout))
}

/// Waits until the rollout is as it should be.
pub(crate) async fn rollout_is(
    door: &Door,
    what: &str,
    is_so: impl Fn(&pb::Rollout) -> bool,
) -> Outcome<pb::Rollout> {
    eventually(what, SOON * 2, async || door.rollout(ROLLOUT).await.ok().filter(&is_so)).await
}

/// Waits until the canaries have passed, hosts are in flight, and others have yet to begin.
pub(crate) async fn in_mid_wave(cluster: &Cluster) -> Outcome<pb::Rollout> {
    let door = Door::of(&cluster.address(settled(cluster).await?))?;
    let rollout = rollout_is(&door, "a wave under way", |rollout| {
        let stands = [pb::RolloutState::Halted, pb::RolloutState::Completed];
        stands.contains(&rollout.state())
            || rollout.tier != "tiers/canary" && rollout.in_flight_hosts >= 2
    });
    let rollout = rollout.await?;
    assert_eq!(rollout.state(), pb::RolloutState::Running, "{:?}", rollout.halt);
    assert!(counts(&rollout).begun < HOSTS, "everybody has begun already");
    Ok(rollout)
}

/// What a halt was answered with, and when.
pub(crate) struct Answered {
    /// The halt.
    halt: pb::Halt,
    /// When the answer was here.
    at: BootTime,
}

/// Halts through a follower, kills the leader, and sends the same request again through the other
/// follower.
pub(crate) async fn halt_twice(cluster: &mut Cluster, leader: u64) -> Outcome<Answered> {
    let followers = cluster.nodes().into_iter().filter(|&node| node != leader);
    let doors: Vec<Door> =
        followers.map(|node| Door::of(&cluster.address(node))).collect::<Outcome<_>>()?;
    let request = door::halt(ROLLOUT, "somebody called");
    let first = doors[0].rollouts().halt_rollout(request.clone()).await?.into_inner();
    let at = boot_time();
    cluster.kill(leader);
    let again = async || doors[1].rollouts().halt_rollout(request.clone()).await;
    let second = answered("halt again", again).await?.into_inner();
    assert_eq!(first.state(), pb::RolloutState::Halted);
    assert_eq!((&first.halt, first.epoch), (&second.halt, second.epoch));
    let halt = first.halt.ok_or_else(|| Trouble::new("a halted rollout shows no halt"))?;
    assert_eq!((halt.actor.as_str(), halt.reason.as_str()), ("tester", "somebody called"));
    assert_eq!(halt.epoch, 2);
    let explain = pb::ExplainRolloutRequest {
        name: ROLLOUT.to_owned(),
        ..pb::ExplainRolloutRequest::default()
    };
    let records = doors[1].rollouts().explain_rollout(explain).await?.into_inner().records;
    let halts = records.iter().filter(|record| record.event == "rollout.halted").count();
    assert_eq!(halts, 1, "one halt is one record");
    Ok(Answered { halt, at })
}

/// Watches the hosts until no lease can be left, and nobody is in flight.
pub(crate) async fn nothing_begins_after(
    cluster: &Cluster,
    fleet: &FleetHandle,
    halt: &Answered,
) -> Outcome<pb::Rollout> {
    let door = Door::of(&cluster.address(settled(cluster).await?))?;
    let last = BootTime::from_millis(halt.at.as_millis() + LEASE_MS);
    let late = BootTime::from_millis(last.as_millis() + 1_000);
    eventually("the last lease is over", SOON, async || (boot_time() > late).then_some(())).await?;
    let halted = rollout_is(&door, "nobody is in flight", |rollout| rollout.in_flight_hosts == 0);
    let halted = halted.await?;
    for truth in fleet.truths() {
        for insert in &truth.inserts {
            assert!(insert.at <= last, "{} inserted after the halt's last lease", truth.machine_id);
        }
        let overdue =
            truth.lease_checks.iter().find(|check| check.passed && check.at > check.not_after);
        assert!(overdue.is_none(), "{} inserted without a lease", truth.machine_id);
    }
    let grants = door.grants(ROLLOUT).await?;
    let late = grants.iter().find(|grant| grant.begun_index > halt.halt.log_index);
    assert!(late.is_none(), "begun after the halt: {late:?}");
    assert_eq!(halted.halt.as_ref(), Some(&halt.halt));
    assert!(counts(&halted).begun < HOSTS, "everybody had begun: the halt stopped nothing");
    Ok(halted)
}

pub(crate) async fn resumed_with_a_reason_it_goes_on(
    cluster: &Cluster,
    halted: &pb::Rollout,
) -> Outcome<()> {
    let door = Door::of(&cluster.address(settled(cluster).await?))?;
    let silently = door.rollouts().resume_rollout(door::resume(ROLLOUT, "")).await;
    assert_eq!(silently.map_err(|status| reason(&status)).err().as_deref(), Some("REASON_MISSING"));
    let resume = door::resume(ROLLOUT, "it was a false alarm");
    let resumed = door.rollouts().resume_rollout(resume).await?.into_inner();
    assert_eq!((resumed.state(), resumed.halt), (pb::RolloutState::Running, None));
    assert_eq!(resumed.epoch, halted.epoch + 1);
    let further = |rollout: &pb::Rollout| counts(rollout).begun > counts(halted).begun;
    rollout_is(&door, "more hosts begin", further).await?;
    Ok(())
}
