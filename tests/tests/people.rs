//! How do people let a rollout go on, and how many does it take, from outside, on real processes? Promotions and
//! approvals, force, two people to widen and one to stop, haste, and a newer rollout in the place of an older one.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use serde_json::Value;
use tidegate_agent::fleet::FleetHandle;
use tidegate_policies::document::preset;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

use journey::{KERNELS, PATCH, ROLLOUT, counts, enrolled_fleet, rollout_is, stored_on};

/// A controller, a fleet and a patch set.
struct Stage {
    cluster: Cluster,
    fleet: FleetHandle,
    door: Door,
}

impl Stage {
    async fn set() -> Outcome<Self> {
        let cluster = Cluster::start(1, QUICK)?;
        let fleet = enrolled_fleet(&cluster).await?;
        let door = Door::of(&cluster.address(settled(&cluster).await?))?;
        let stage = Self { cluster, fleet, door };
        stage.publish("113.1", None).await?;
        stored_on(&stage.door, 1).await?;
        Ok(stage)
    }

    /// Publishes a patch set that fixes something as bad as this.
    async fn publish(&self, version: &str, fixes: Option<pb::Severity>) -> Outcome<()> {
        let patch = PATCH.replace("livepatch_113_1", &door::module(version));
        self.door.upload(patch.as_bytes()).await?;
        let mut publish = door::publish(version, &KERNELS, patch.as_bytes());
        if let (Some(set), Some(severity)) = (publish.patch_set.as_mut(), fixes) {
            let fix = pb::Fix {
                name: "cve-2026-1".to_owned(),
                severity: severity.into(),
                description: "a hole".to_owned(),
            };
            set.fixes.push(fix);
        }
        self.door.patch_sets().publish_patch_set(publish).await?;
        Ok(())
    }

    /// Writes a policy: a preset with something exchanged, and more at its end.
    fn policy(&self, name: &str, (from, to): (&str, &str), more: &str) -> Outcome<()> {
        let preset = preset(name).ok_or_else(|| Trouble::new("no such preset"))?;
        assert!(preset.text.contains(from), "{name} does not say {from}");
        let text = format!("{}\n{more}", preset.text.replacen(from, to, 1));
        std::fs::write(self.cluster.dir().join("policy.toml"), text)?;
        Ok(())
    }

    /// Somebody types a command.
    async fn types(&self, who: &str, line: &str) -> Outcome<Typed> {
        let endpoints = self.cluster.addresses().join(",");
        let line = format!("{line} --operator {who} --endpoint {endpoints}");
        Typed::line(self.cluster.dir(), &line).await
    }

    async fn json(&self, line: &str) -> Outcome<Value> {
        self.types("reader", &format!("{line} -o json")).await?.ends_with(0)?.json()
    }

    /// The records of the rollout, `actor event detail` each.
    async fn records(&self) -> Outcome<Vec<String>> {
        let list = "audit list --limit 200 --rollout 113.1";
        let listed = self.json(list).await?;
        let records = listed["records"].as_array().cloned().unwrap_or_default();
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let line = |of: &Value| {
            format!("{} {} {}", text(&of["actor"]), text(&of["event"]), text(&of["detail"]))
        };
        Ok(records.iter().map(line).collect())
    }

    async fn recorded(&self, words: &[&str]) -> Outcome<()> {
        let records = self.records().await?;
        let found = records.iter().any(|record| words.iter().all(|word| record.contains(word)));
        assert!(found, "no record has {words:?}: {records:#?}");
        Ok(())
    }

    async fn end(self) {
        self.fleet.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_a_manual_tier_somebody_other_than_its_author_promotes_and_says_why() -> Outcome<()> {
    let stage = Stage::set().await?;
    let manual = (r#"promotion = "automatic""#, r#"promotion = "manual""#);
    stage.policy("compressed", manual, "")?;
    stage.types("ada", "rollout start 113.1 --policy policy.toml").await?.ends_with(0)?;
    let early = stage.types("bob", "rollout promote 113.1 --yes").await?;
    early.refused(6, "GATES_SHUT")?;
    let waits = |rollout: &pb::Rollout| rollout.state() == pb::RolloutState::AwaitingApproval;
    rollout_is(&stage.door, "it waits for a person", waits).await?;

    let own = stage.types("ada", "rollout approve 113.1 --remark mine --yes").await?;
    own.refused(7, "AUTHOR_MAY_NOT_APPROVE")?;
    assert!(waits(&stage.door.rollout(ROLLOUT).await?));
    stage.types("bob", "rollout approve 113.1 --remark CHG-117 --yes").await?.ends_with(0)?;
    let on = |rollout: &pb::Rollout| rollout.tier == "tiers/free";
    rollout_is(&stage.door, "it is in the free tier", on).await?;
    stage.recorded(&["bob", "CHG-117"]).await?;
    // The verdict that let it go on is computed again from what was recorded, to the bit.
    let replayed = stage.json("rollout replay 113.1").await?;
    assert_eq!(replayed["same"], true, "{replayed}");
    stage.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn force_takes_the_name_a_reason_and_no_halt() -> Outcome<()> {
    let stage = Stage::set().await?;
    // Nobody begins, so that no gate opens by itself.
    stage.types("ada", "freeze create audit --reason books").await?.ends_with(0)?;
    stage.types("ada", "rollout start 113.1 --policy compressed").await?.ends_with(0)?;
    let force = "rollout promote 113.1 --force";
    stage.types("bob", &format!("{force} --confirm 113.1")).await?.ends_with(2)?;
    let unnamed = stage.types("bob", &format!("{force} --reason late --yes")).await?;
    unnamed.ends_with(2)?;
    let other = stage.types("bob", &format!("{force} --reason late --confirm 114.1")).await?;
    other.refused(1, "NOT_CONFIRMED")?;
    let before = stage.door.rollout(ROLLOUT).await?;
    assert_eq!((before.tier.as_str(), counts(&before).begun), ("tiers/canary", 0));

    let forced = stage.types("bob", &format!("{force} --reason late --confirm 113.1")).await?;
    forced.ends_with(0)?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.tier, "tiers/free");
    stage.recorded(&["bob", "rollout.wave.started", "late"]).await?;

    stage.types("eve", "halt 113.1 --reason odd").await?.ends_with(0)?;
    let halted = stage.types("bob", &format!("{force} --reason late --confirm 113.1")).await?;
    assert_ne!(halted.code, 0, "nothing is forced past a halt");
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    stage.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_start_and_resume_where_the_policy_says_so_and_one_halts() -> Outcome<()> {
    let stage = Stage::set().await?;
    stage.policy("compressed", ("", ""), "[people]\ntwo-to-widen = true\n")?;
    stage.types("ada", "rollout start 113.1 --policy policy.toml").await?.ends_with(6)?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Draft);
    stage.types("ada", "approval approve 1 --yes").await?.refused(7, "SAME_PERSON")?;
    let open = stage.json("approval list").await?;
    assert_eq!(open["proposals"][0]["actor"], "ada", "{open}");
    stage.types("bob", "approval approve 1 --remark seen --yes").await?.ends_with(0)?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Running);

    stage.types("ada", "halt 113.1").await?.ends_with(0)?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    stage.types("ada", "rollout resume 113.1 --reason sure --yes").await?.ends_with(6)?;
    stage.types("bob", "approval reject 2 --remark no --yes").await?.ends_with(0)?;
    stage.types("eve", "approval approve 2 --yes").await?.refused(1, "UNKNOWN_PROPOSAL")?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    stage.types("ada", "rollout resume 113.1 --reason sure --yes").await?.ends_with(6)?;
    stage.types("bob", "approval approve 3 --yes").await?.ends_with(0)?;
    assert_eq!(stage.door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Running);
    stage.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haste_takes_a_critical_fix_a_policy_that_has_it_and_two_people() -> Outcome<()> {
    let stage = Stage::set().await?;
    stage.publish("114.1", Some(pb::Severity::Critical)).await?;
    let start =
        |version: &str, policy: &str| format!("rollout start {version} --policy {policy} --draft");
    stage.policy("standard", ("", ""), "[expedite]\nsoak = \"1h\"\n")?;
    stage.types("ada", &start("113.1", "policy.toml")).await?.ends_with(0)?;
    stage.types("ada", &start("114.1", "policy.toml")).await?.ends_with(0)?;
    stage.types("ada", &format!("{} --id slow", start("114.1", "standard"))).await?.ends_with(0)?;
    for (name, refused) in [("113.1", "nothing critical"), ("slow", "no table [expedite]")] {
        let line = format!("rollout expedite {name} --reason exploited --yes");
        let said = stage.types("ada", &line).await?.refused(6, "NOT_EXPEDITED")?.said;
        assert!(said.contains(refused), "{name}: {said}");
    }
    let line = "rollout expedite 114.1 --reason exploited --yes";
    stage.types("ada", line).await?.ends_with(6)?;
    let open = stage.json("approval list").await?;
    let of = |proposal: &&Value| proposal["rollout"] == "rollouts/114.1";
    let number = open["proposals"].as_array().into_iter().flatten().find(of);
    let number = number.and_then(|of| of["name"].as_str()).unwrap_or_default().to_owned();
    stage.types("bob", &format!("approval approve {number} --yes")).await?.ends_with(0)?;
    let hasty = stage.json("rollout get 114.1").await?;
    assert_eq!(hasty["expedited"]["reason"], "exploited", "{hasty}");
    assert_eq!(hasty["expedited"]["actor"], "ada and bob", "{hasty}");
    stage.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_rollout_takes_the_place_of_one_on_its_way_and_nobody_goes_back() -> Outcome<()> {
    let stage = Stage::set().await?;
    stage.types("ada", "rollout start 113.1 --policy compressed").await?.ends_with(0)?;
    rollout_is(&stage.door, "somebody begins", |rollout| counts(rollout).begun > 0).await?;
    stage.publish("114.1", None).await?;
    eventually("the newer one is stored", SOON, async || {
        let get = pb::GetPatchSetRequest { name: "patchSets/114.1".to_owned() };
        let set = stage.door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        (set.state() == pb::PatchSetState::Ready).then_some(())
    })
    .await?;
    let start = "rollout start 114.1 --policy compressed";
    stage.types("ada", start).await?.refused(6, "SERIES_BUSY")?;
    let backwards = stage.types("ada", "rollout supersede 114.1 --by 113.1 --yes").await?;
    assert_ne!(backwards.code, 0, "{backwards:?}");
    stage.types("ada", "rollout supersede 113.1 --by 114.1 --yes").await?.ends_with(0)?;
    let superseded = stage.door.rollout(ROLLOUT).await?;
    assert_eq!(superseded.state(), pb::RolloutState::Superseded);
    assert_eq!(superseded.superseded_by, "rollouts/114.1");
    let state = stage.door.rollout("rollouts/114.1").await?.state();
    if state == pb::RolloutState::Draft {
        stage.types("ada", "rollout start 114.1").await?.ends_with(0)?;
    }
    let done = eventually("the newer one completes", SOON * 4, async || {
        let rollout = stage.door.rollout("rollouts/114.1").await.ok()?;
        (rollout.state() == pb::RolloutState::Completed).then_some(rollout)
    });
    done.await?;
    // Nobody began the older one once the newer one was on its way.
    let newer = stage.door.grants("rollouts/114.1").await?;
    let first = newer.iter().map(|grant| grant.begun_index).filter(|index| *index > 0).min();
    let first = first.ok_or_else(|| Trouble::new("nobody began the newer one"))?;
    let older = stage.door.grants(ROLLOUT).await?;
    assert!(older.iter().all(|grant| grant.begun_index < first), "{older:?}");
    stage.end().await;
    Ok(())
}
