//! Can people look after an incident, from outside, on real processes? What they say of it outlives the leader that took
//! it, and lifts nothing.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use serde_json::{Value, json};
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::Door;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{replicas_agree, settled};

use journey::{ROLLOUT, enrolled_fleet, in_mid_wave, publish};

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// The answer of a command that succeeds.
async fn answer(cluster: &Cluster, line: &str) -> Outcome<Value> {
    typed(cluster, &format!("{line} -o json")).await?.ends_with(0)?.json()
}

/// What was said, without who, where and when.
fn remarks(incident: &Value) -> Vec<&str> {
    let notes = incident["notes"].as_array().into_iter().flatten();
    notes.filter_map(|note| note["remark"].as_str()).collect()
}

/// The requests that make no sense for an open incident that nobody has acknowledged.
async fn unseen_it_is_not_resolved(cluster: &Cluster) -> Outcome<()> {
    let resolve = "incident resolve 1 --reason over";
    typed(cluster, resolve).await?.refused(6, "INCIDENT_NOT_ACKNOWLEDGED")?;
    typed(cluster, "incident ack 2").await?.refused(1, "UNKNOWN_INCIDENT")?;
    typed(cluster, "incident note 1 --remark=").await?.refused(1, "REMARK_MISSING")?;
    let checked = answer(cluster, "incident ack 1 --dry-run").await?;
    assert!(!checked["acknowledgement"].is_null(), "what would be: {checked}");
    let open = answer(cluster, "incident get 1").await?;
    assert!(open["acknowledgement"].is_null(), "a check changes nothing: {open}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_say_of_an_incident_outlives_the_leader_and_its_halt_stands() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    in_mid_wave(&cluster).await?;
    let leader = settled(&cluster).await?;
    typed(&cluster, "rollout halt 113.1 --reason odd").await?.ends_with(0)?;
    unseen_it_is_not_resolved(&cluster).await?;
    let seen = answer(&cluster, "incident ack 1 --remark mine").await?;
    assert_eq!(seen["acknowledgement"]["remark"], "mine", "{seen}");
    typed(&cluster, "incident ack 1").await?.refused(6, "INCIDENT_ACKNOWLEDGED")?;
    answer(&cluster, "incident note 1 --remark firmware").await?;

    // Another leads, and knows what was said.
    cluster.kill(leader);
    let next = settled(&cluster).await?;
    assert_ne!(next, leader);
    let noted = answer(&cluster, "incident note 1 --remark confirmed").await?;
    assert_eq!(remarks(&noted), ["firmware", "confirmed"], "{noted}");
    assert_eq!(noted["acknowledgement"], seen["acknowledgement"]);

    let etag = seen["etag"].as_str().unwrap_or_default();
    let late = format!("incident resolve 1 --reason over --if-match {etag}");
    typed(&cluster, &late).await?.refused(6, "ETAG_MISMATCH")?;
    let resolved = answer(&cluster, "incident resolve 1 --reason over").await?;
    assert_eq!(resolved["state"], "RESOLVED", "{resolved}");
    assert_eq!(resolved["resolution"]["haltStands"], json!(true), "{resolved}");
    typed(&cluster, "incident resolve 1 --reason over").await?.refused(6, "INCIDENT_RESOLVED")?;
    let door = Door::of(&cluster.address(next))?;
    let request = pb::GetRolloutRequest { name: ROLLOUT.to_owned() };
    let halted = door.rollouts().get_rollout(request).await?.into_inner();
    assert_eq!(halted.state(), pb::RolloutState::Halted, "{halted:?}");

    cluster.start_node(leader)?;
    settled(&cluster).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}
