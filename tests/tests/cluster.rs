//! Does a cluster of real processes keep its promises when they are killed, paused and started again?

mod journey;

use std::collections::BTreeSet;

use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door, reason};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, agreed, answered, eventually, replicas_agree, settled};
use tonic::{Code, Status};

use journey::{
    KERNELS, PATCH, ROLLOUT, Writer, counts, enrolled_fleet, essence, halt_twice, in_mid_wave,
    nothing_begins_after, publish, resumed_with_a_reason_it_goes_on, rollout_is, stored_on,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_outlives_its_leader_and_a_halt_outlives_every_process() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    let writer = Writer::start(&cluster)?;

    // The leader dies in the middle of a wave, and the wave goes on.
    let wave = in_mid_wave(&cluster).await?;
    let first = settled(&cluster).await?;
    cluster.kill(first);
    let second = settled(&cluster).await?;
    assert_ne!(first, second);
    let door = Door::of(&cluster.address(second))?;
    let further = |rollout: &pb::Rollout| counts(rollout).verified > counts(&wave).verified;
    rollout_is(&door, "more hosts verified under the new leader", further).await?;
    cluster.start_node(first)?;
    let leader = settled(&cluster).await?;

    // A halt through a follower, asked again when the leader that took it is dead: one effect.
    in_mid_wave(&cluster).await?;
    let halt = halt_twice(&mut cluster, leader).await?;
    let (acknowledged, longest) = writer.stop().await?;
    println!("{} tokens acknowledged, one after {longest:?} at most", acknowledged.len());
    cluster.start_node(leader)?;
    settled(&cluster).await?;
    let halted = nothing_begins_after(&cluster, &fleet, &halt).await?;

    // Everything dies, and everything stands.
    cluster.kill_all();
    cluster.start_all()?;
    settled(&cluster).await?;
    for node in cluster.nodes() {
        let rollout = Door::of(&cluster.address(node))?.rollout(ROLLOUT).await?;
        assert_eq!(essence(&rollout), essence(&halted), "node {node}");
        let tokens = Door::of(&cluster.address(node))?.token_ids().await?;
        let kept: BTreeSet<String> = tokens.iter().cloned().collect();
        assert_eq!(kept.len(), tokens.len(), "a token stands twice on node {node}");
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "acknowledged, and lost on node {node}: {lost:?}");
    }
    replicas_agree(&cluster).await?;
    resumed_with_a_reason_it_goes_on(&cluster, &halted).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_from_before_a_halt_is_worth_nothing_at_any_node_even_after_a_resume()
-> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let host = enrolled_host(&door).await?;
    publish(&cluster).await?;
    let mut number = 0;
    let offer = eventually("an offer", SOON, async || {
        number += 1;
        beat(&host, number).await.ok()?.offer
    });
    let offer = offer.await?;
    let reason = async |node: u64| {
        let door = Door::of(&cluster.address(node))?.with(host.caller());
        let answer = door.agent().begin(asking(&offer)).await?.into_inner();
        match answer.decision {
            Some(pb::begin_response::Decision::NoGo(no)) => Ok(no.reason()),
            go => Err(Trouble::new(format!("node {node} let it begin: {go:?}"))),
        }
    };

    let halt = door::halt(ROLLOUT, "somebody called");
    door.rollouts().halt_rollout(halt).await?;
    for node in cluster.nodes() {
        assert_eq!(reason(node).await?, pb::NoGoReason::Halted, "node {node}");
    }
    let resume = door::resume(ROLLOUT, "it was a false alarm");
    door.rollouts().resume_rollout(resume).await?;
    for node in cluster.nodes() {
        assert_eq!(reason(node).await?, pb::NoGoReason::StaleEpoch, "node {node}");
    }
    assert!(door.grants(ROLLOUT).await?.iter().all(|grant| grant.begun_index == 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_a_majority_refuses_writes_and_answers_no_beats() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let leader = settled(&cluster).await?;
    let door = Door::of(&cluster.address(leader))?;
    let host = enrolled_host(&door).await?;
    answered("beat while a majority is there", async || beat(&host, 1).await).await?;
    for node in cluster.nodes() {
        if node != leader {
            cluster.kill(node);
        }
    }

    // What is refused for want of a leader was not taken; nothing is ever answered with yes.
    let mut refused = BTreeSet::new();
    let mut number = 0;
    eventually("a write is refused for want of a leader", SOON, async || {
        number += 1;
        let id = format!("minority-{number}");
        let status = match door.fleet().create_token(door::token(&id, "free", 1)).await {
            Ok(_) => return Some(Err(Trouble::new(format!("{id} was taken by a minority")))),
            Err(status) => status,
        };
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        (reason(&status) == "NO_LEADER").then(|| {
            refused.insert(id);
            Ok(())
        })
    })
    .await??;
    let status = beat(&host, 2).await.expect_err("a beat that cannot count must not be answered");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NO_LEADER"));
    // What it knows it shows to those who ask for that, and it says that nobody leads.
    assert_eq!(door.status().await?.leader_id, 0);
    let status = door.token_ids().await.expect_err("nobody can say what is newest");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NO_LEADER"));
    assert!(status.message().contains("--stale"), "{status}");
    assert_eq!(door.stale().token_ids().await?, ["by-hand"]);

    cluster.start_all()?;
    settled(&cluster).await?;
    let again = door::token("after", "free", 1);
    answered("write again", async || door.fleet().create_token(again.clone()).await).await?;
    let kept: BTreeSet<String> = door.token_ids().await?.into_iter().collect();
    assert!(kept.is_disjoint(&refused), "refused for want of a leader, and there: {kept:?}");
    answered("beat again", async || beat(&host, 3).await).await?;
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_leader_comes_back_as_a_follower_and_repeats_nothing() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let paused = settled(&cluster).await?;
    let stale = Door::of(&cluster.address(paused))?;
    let others: BTreeSet<u64> = cluster.nodes().into_iter().filter(|&n| n != paused).collect();
    let request = door::token("once", "free", 7);
    cluster.pause(paused)?;

    // The same request goes to the node that hears nothing, and to the one that leads in its place.
    let early = tokio::spawn({
        let (stale, request) = (stale.clone(), request.clone());
        async move { stale.fleet().create_token(request).await }
    });
    let leader = agreed(&cluster, &others).await?;
    let door = Door::of(&cluster.address(leader))?;
    let token = answered("create", async || door.fleet().create_token(request.clone()).await);
    assert_eq!(token.await?.into_inner().max_hosts, 7);
    let term = door.status().await?.term;

    cluster.go_on(paused)?;
    assert_eq!(settled(&cluster).await?, leader);
    if let Ok(answer) = early.await? {
        assert_eq!(answer.into_inner().max_hosts, 7);
    }
    assert_eq!(answered("look", async || stale.token_ids().await).await?, ["once"]);
    assert_eq!(door.status().await?.term, term, "the term grew because a node came back");
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_waits_until_a_majority_holds_the_artifacts_of_its_patch_set() -> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let leader = settled(&cluster).await?;
    let holder = cluster.nodes().into_iter().find(|&node| node != leader).unwrap_or(leader);
    let others: Vec<u64> = cluster.nodes().into_iter().filter(|&node| node != holder).collect();
    // The disks of the others can take no artifact: a file lies where their folder was.
    for &node in &others {
        let folder = cluster.data_dir(node).join("artifacts");
        std::fs::remove_dir(&folder)?;
        std::fs::write(&folder, "not a folder")?;
    }
    let door = Door::of(&cluster.address(holder))?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    let set = door.patch_sets().publish_patch_set(publish).await?.into_inner();
    assert_eq!(set.state(), pb::PatchSetState::Replicating);
    assert_eq!((set.stored_on_nodes, set.nodes_needed), (vec![holder], 2));
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    let start = door::start(ROLLOUT);
    let status = door.rollouts().start_rollout(start.clone()).await.expect_err("too early");
    assert_eq!(reason(&status), "ARTIFACTS_NOT_REPLICATED");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("are on 1 controllers and must be on 2"), "{status}");

    // Each node that can take it again copies it from those that hold it.
    for (healed, &node) in others.iter().enumerate() {
        let folder = cluster.data_dir(node).join("artifacts");
        std::fs::remove_file(&folder)?;
        std::fs::create_dir(&folder)?;
        stored_on(&door, healed + 2).await?;
        assert_eq!(std::fs::read(folder.join(digest_of(PATCH)))?, PATCH.as_bytes());
    }
    let started = door.rollouts().start_rollout(start).await?.into_inner();
    assert_eq!(started.state(), pb::RolloutState::Running);
    replicas_agree(&cluster).await?;
    Ok(())
}

fn digest_of(text: &str) -> String {
    match door::upload_of(text.as_bytes()).first() {
        Some(door::Part::Header(header)) => {
            header.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        Some(door::Part::Data(_)) | None => String::new(),
    }
}

/// A host that is played by hand, enrolled.
async fn enrolled_host(door: &Door) -> Outcome<Door> {
    let token = door::token("by-hand", "free", 1);
    answered("make a token", async || door.fleet().create_token(token.clone()).await).await?;
    let request = pb::EnrollRequest {
        request_id: door::request_id(),
        token_secret: door::secret("by-hand"),
        machine_id: "by-hand".to_owned(),
        facts: Some(simulated_facts(1, 1)),
        boot_id: "boot-1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    };
    let host = answered("enrol", async || door.agent().enroll(request.clone()).await).await?;
    Ok(door.with(Caller::Host(host.into_inner().development_identity)))
}

async fn beat(host: &Door, beat: u64) -> Result<pb::SyncResponse, Status> {
    let request = pb::SyncRequest {
        boot_id: "boot-1".to_owned(),
        beat,
        mode: pb::AgentMode::Normal.into(),
        livepatches: Vec::new(),
    };
    Ok(host.agent().sync(request).await?.into_inner())
}

/// Asks to begin what was offered.
fn asking(offer: &pb::Offer) -> pb::BeginRequest {
    pb::BeginRequest {
        request_id: door::request_id(),
        grant_id: offer.grant_id,
        patch_set: offer.patch_set.clone(),
        epoch: offer.epoch,
        boot_id: "boot-1".to_owned(),
        artifact_sha256: offer.artifact.clone().unwrap_or_default().sha256,
    }
}
