//! Do hosts begin when the calendar lets them, from outside, on real processes? Freezes, windows, start dates,
//! delays and cut-offs, typed as an operator types them.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use chrono::{DateTime, Duration, Timelike as _, Utc};
use tidegate_agent::fleet::FleetHandle;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// A ladder whose free tier has one line of rules.
async fn free_tier(cluster: &Cluster, rules: &str) -> Outcome<()> {
    let ladder = format!(
        "[[tier]]\nname = \"canary\"\nsampled = true\n{rules}\n[[tier]]\nname = \"free\"\n{rules}\n\
         [[tier]]\nname = \"paid\"\n{rules}\n"
    );
    std::fs::write(cluster.dir().join("ladder.toml"), ladder)?;
    typed(cluster, "tier apply -f ladder.toml --yes").await?.ends_with(0)?;
    Ok(())
}

async fn begun(door: &Door) -> Outcome<u64> {
    Ok(counts(&door.rollout(ROLLOUT).await?).begun)
}

/// What the cluster's clock shows, from the newest record of the rollout.
async fn explained(cluster: &Cluster) -> Outcome<String> {
    let explain = typed(cluster, "rollout explain 113.1 -o json").await?.ends_with(0)?.json()?;
    Ok(explain.to_string())
}

/// A controller and a fleet.
async fn stage() -> Outcome<(Cluster, FleetHandle, Door)> {
    let cluster = Cluster::start(1, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    Ok((cluster, fleet, door))
}

/// Publishes the patch set, and types the command that starts its rollout.
async fn start(cluster: &Cluster, door: &Door, flags: &str) -> Outcome<Typed> {
    door.upload(PATCH.as_bytes()).await?;
    let published = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(published).await?;
    stored_on(door, 1).await?;
    let line = format!("rollout start 113.1 --policy compressed -o json {flags}");
    typed(cluster, &line).await?.ends_with(0)
}

/// Somebody begins.
async fn somebody_begins(door: &Door) -> Outcome<()> {
    rollout_is(door, "somebody begins", |rollout| counts(rollout).begun > 0).await?;
    Ok(())
}

/// Says "nobody has begun" only after hosts had the time to ask several times.
async fn nobody_begins(cluster: &Cluster, door: &Door) -> Outcome<()> {
    let revision = door.rollout(ROLLOUT).await?.revision;
    let before = begun(door).await?;
    let ticks = std::time::Instant::now();
    eventually("three seconds of ticks", SOON, async || {
        (ticks.elapsed().as_secs() >= 3).then_some(())
    })
    .await?;
    let now = begun(door).await?;
    assert_eq!(now, before, "since revision {revision}: {}", explained(cluster).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_stops_the_whole_rollout_and_it_goes_on_when_it_is_lifted() -> Outcome<()> {
    let (cluster, fleet, door) = stage().await?;
    typed(&cluster, "freeze create audit --reason books").await?.ends_with(0)?;
    start(&cluster, &door, "").await?;
    nobody_begins(&cluster, &door).await?;
    assert!(explained(&cluster).await?.contains("the freeze audit stands until"));
    typed(&cluster, "freeze create audit").await?.refused(1, "FREEZE_EXISTS")?;
    typed(&cluster, "freeze lift audit").await?.ends_with(2)?;
    typed(&cluster, "freeze lift audit --reason done --yes").await?.ends_with(0)?;
    typed(&cluster, "freeze lift audit --reason done --yes").await?.refused(1, "UNKNOWN_FREEZE")?;
    somebody_begins(&door).await?;
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_begin_inside_a_window_and_explain_says_when_it_opens() -> Outcome<()> {
    let (cluster, fleet, door) = stage().await?;
    // A window that opened four hours ago for one hour, and opens again tomorrow.
    let hour = (Utc::now() - Duration::hours(4)).hour();
    let opens = format!("0 {hour} * * *");
    free_tier(
        &cluster,
        &format!("windows = [{{ opens = \"{opens}\", lasts = \"1h\", zone = \"UTC\" }}]"),
    )
    .await?;
    start(&cluster, &door, "").await?;
    nobody_begins(&cluster, &door).await?;
    let said = eventually("the leader says when it opens", SOON, async || {
        let said = explained(&cluster).await.ok()?;
        said.contains("the tier's window opens at").then_some(said)
    })
    .await?;
    let tomorrow = Utc::now() - Duration::hours(4) + Duration::days(1);
    assert!(
        said.contains(&format!("opens at {}", tomorrow.format("%Y-%m-%dT%H:00:00Z"))),
        "{said}"
    );
    // Nobody is told an earlier date, whatever its tier.
    let opening = tomorrow.format("%Y-%m-%dT%H:00:00Z").to_string();
    assert!(said.contains(&format!("\"openTime\":\"{opening}\"")), "{said}");
    let host = typed(&cluster, "host list -o json").await?.ends_with(0)?.json()?;
    let host = host["hosts"][0]["name"].as_str().ok_or_else(|| Trouble::new(host.to_string()))?;
    let line = format!("rollout explain 113.1 --host {host} -o json");
    let told = typed(&cluster, &line).await?.ends_with(0)?.json()?;
    assert!(told["nextTime"].as_str().is_some_and(|next| *next >= *opening), "{told}");
    let tiers = typed(&cluster, "tier list -o json").await?.ends_with(0)?.json()?;
    assert_eq!((&tiers["tiers"][1]["windowOpen"], &tiers["version"]), (&false.into(), &1.into()));

    free_tier(
        &cluster,
        "windows = [{ opens = \"*/10 * * * *\", lasts = \"10m\", zone = \"UTC\" }]",
    )
    .await?;
    somebody_begins(&door).await?;
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_with_a_date_begins_when_the_clusters_clock_shows_it() -> Outcome<()> {
    let (cluster, fleet, door) = stage().await?;
    let at: DateTime<Utc> = Utc::now() + Duration::seconds(5);
    let started =
        start(&cluster, &door, &format!("--start-at {}", at.to_rfc3339())).await?.json()?;
    let said = started["startAt"].as_str().ok_or_else(|| Trouble::new(started.to_string()))?;
    assert_eq!(said.parse::<DateTime<Utc>>()?.timestamp(), at.timestamp());
    let first = eventually("somebody has begun", SOON, async || {
        (begun(&door).await.ok()? > 0).then(Utc::now)
    })
    .await?;
    assert!(first >= at, "begun at {first}, before {at}");
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_back_from_a_token_reaches_the_others_and_it_when_the_delay_ends()
-> Outcome<()> {
    let (cluster, fleet, door) = stage().await?;
    typed(&cluster, "holdback set --token paid").await?.ends_with(2)?;
    typed(&cluster, "holdback set --token nobody --delay 1d").await?.refused(1, "UNKNOWN_TOKEN")?;
    typed(&cluster, "holdback set --token paid --delay 500d")
        .await?
        .refused(1, "DELAY_TOO_LONG")?;
    typed(&cluster, "holdback set --token paid --delay 1d").await?.ends_with(0)?;
    start(&cluster, &door, "").await?;
    let waits = |rollout: &pb::Rollout| {
        rollout.tier == "tiers/paid"
            && rollout.verdict.as_ref().is_some_and(|said| said.waiting_on == "coverage")
    };
    let rollout = rollout_is(&door, "the paid tier waits", waits).await?;
    assert!(counts(&rollout).verified > 20, "{rollout:?}");
    nobody_begins(&cluster, &door).await?;
    assert!(explained(&cluster).await?.contains("wait for what is held back from them"));
    typed(&cluster, "holdback clear --token paid --reason agreed").await?.ends_with(0)?;
    let done = |rollout: &pb::Rollout| rollout.state() == pb::RolloutState::Completed;
    let rollout = rollout_is(&door, "it completes", done).await?;
    assert!(rollout.tiers[2].eligible_hosts > 10);
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ladder_is_declared_from_a_file_and_never_loses_who_stands_on_it() -> Outcome<()> {
    let (cluster, fleet, _) = stage().await?;
    typed(&cluster, "tier apply --preset edge --yes").await?.refused(6, "LADDER_IN_USE")?;
    typed(&cluster, "tier apply --preset nonsense --yes").await?.refused(1, "BAD_FIELD")?;
    typed(&cluster, "tier apply -f none.toml --yes").await?.refused(2, "BAD_LADDER_FILE")?;
    std::fs::write(cluster.dir().join("bad.toml"), "[[tier]]\nname = \"free\"\nwindow = []\n")?;
    typed(&cluster, "tier apply -f bad.toml --yes").await?.refused(1, "BAD_FIELD")?;
    free_tier(&cluster, "delay = \"2d\"").await?;
    let exported = typed(&cluster, "tier export").await?.ends_with(0)?;
    std::fs::write(cluster.dir().join("again.toml"), exported.printed)?;
    typed(&cluster, "tier apply -f again.toml --if-match 1 --yes").await?.ends_with(0)?;
    typed(&cluster, "tier apply -f again.toml --if-match 1 --yes")
        .await?
        .refused(6, "ETAG_MISMATCH")?;
    let tier = typed(&cluster, "tier get free -o json").await?.ends_with(0)?.json()?;
    assert_eq!(tier["delayMs"], 172_800_000, "{tier}");
    fleet.shutdown().await;
    Ok(())
}
