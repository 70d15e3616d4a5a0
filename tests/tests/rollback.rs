//! Is a rollback carried out, from outside, on real processes? Withdrawn everywhere, taken out where that can
//! be, kept on the ledger where not; and nothing that was withdrawn ever comes back by itself.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tidegate_agent::clock::boot_time;
use tidegate_agent::driver::simulated::{Truth, simulated_facts};
use tidegate_agent::fleet::FleetHandle;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door, reason};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, replicas_agree, settled};
use tonic::Status;

use journey::{KERNELS, LEASE_MS, PATCH, ROLLOUT, counts, enrolled_fleet, in_mid_wave, rollout_is};

/// The kernel whose livepatch cannot be taken out.
const STUBBORN: &str = KERNELS[0];

/// A livepatch that harms nobody, and cannot be taken out again.
const STAYS: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400],"reverts":"refused"}"#;

const PATCH_SET: &str = "patchSets/113.1";

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// Publishes the patch set and starts its rollout. On one kernel it cannot be taken out again.
async fn publish(cluster: &Cluster) -> Outcome<()> {
    let door = Door::of(&cluster.address(1))?;
    door.upload(PATCH.as_bytes()).await?;
    door.upload(STAYS.as_bytes()).await?;
    let mut publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    for artifact in publish.patch_set.iter_mut().flat_map(|set| set.artifacts.iter_mut()) {
        if artifact.kernel_release == STUBBORN {
            artifact.sha256 = Sha256::digest(STAYS.as_bytes()).to_vec();
            artifact.size_bytes = u64::try_from(STAYS.len())?;
        }
    }
    door.patch_sets().publish_patch_set(publish).await?;
    journey::stored_on(&door, 3).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    Ok(())
}

fn rollback(reason: &str) -> pb::RollbackRolloutRequest {
    pb::RollbackRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    }
}

/// The whole ledger, a row at a time.
async fn ledger(door: &Door) -> Result<Vec<pb::LedgerEntry>, Status> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let patch_set = PATCH_SET.to_owned();
        let request =
            pb::ListLedgerRequest { patch_set, page_size: 1, page_token, ..Default::default() };
        let page = door.patch_sets().list_ledger(request).await?.into_inner();
        assert!(page.entries.len() <= 1, "a page of one row");
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}

/// The truth of hosts that inserted a module of the patch set, of this kernel or of all others.
fn patched(fleet: &FleetHandle, stubborn: bool) -> Vec<Truth> {
    let truths = fleet.truths().into_iter().filter(|truth| !truth.inserts.is_empty());
    truths.filter(|truth| (truth.kernel_release == STUBBORN) == stubborn).collect()
}

/// Waits until every host that can take it out has, and all others have said that they cannot.
async fn all_have_answered(door: &Door) -> Outcome<Vec<pb::LedgerEntry>> {
    eventually("every host has answered the order to revert", SOON * 2, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        let reverts = rollout.withdrawal.as_ref()?.reverting_hosts;
        if reverts > 0 || rollout.in_flight_hosts > 0 {
            return None;
        }
        ledger(door).await.ok()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_takes_it_out_where_that_can_be_and_keeps_the_rest_on_the_ledger() -> Outcome<()>
{
    let mut cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    in_mid_wave(&cluster).await?;
    let leader = settled(&cluster).await?;

    // Severe: the name must be given, and a reason.
    let line = "rollout rollback 113.1 --reason bad";
    typed(&cluster, line).await?.refused(2, "NOT_CONFIRMED")?;
    typed(&cluster, &format!("{line} --confirm=114.1")).await?.refused(1, "NOT_CONFIRMED")?;
    typed(&cluster, &format!("{line} --yes")).await?.ends_with(2)?;
    typed(&cluster, "rollout rollback 113.1 --confirm=113.1").await?.ends_with(2)?;
    let back = typed(&cluster, &format!("{line} --confirm=113.1 -o json")).await?;
    let at = boot_time();
    let back = back.ends_with(0)?.json()?;
    assert_eq!((&back["state"], &back["epoch"]), (&"ROLLING_BACK".into(), &2.into()), "{back}");
    let index = back["withdrawal"]["logIndex"].as_u64();
    let index = index.ok_or_else(|| Trouble::new(format!("no log index: {back}")))?;

    // Another leads, and goes on.
    cluster.kill(leader);
    let next = settled(&cluster).await?;
    assert_ne!(next, leader);
    let door = Door::of(&cluster.address(next))?;
    let entries = all_have_answered(&door).await?;

    // What the hosts say of themselves is what the books say of them.
    for truth in patched(&fleet, false) {
        assert!(truth.enabled.is_empty(), "{} still runs it", truth.machine_id);
    }
    let owed: BTreeSet<String> = entries.iter().map(|entry| entry.host.clone()).collect();
    let stubborn: BTreeSet<String> = patched(&fleet, true).into_iter().map(|of| of.host).collect();
    assert_eq!(owed, stubborn, "the ledger, and the hosts that run it");
    assert!(!owed.is_empty(), "some hosts run {STUBBORN}");
    for entry in &entries {
        assert_eq!(entry.leaves_by(), pb::LeavesBy::Reboot, "{entry:?}");
        assert_eq!(entry.detail, "refused: the driver refuses to disable it", "{entry:?}");
        assert_eq!(entry.kernel_release, STUBBORN, "{entry:?}");
    }

    // Nobody began after it, and no lease check passed after the last lease.
    for truth in fleet.truths() {
        for insert in &truth.inserts {
            let late = insert.at.as_millis() > at.as_millis() + LEASE_MS;
            assert!(!late, "{} inserted after the withdrawal's last lease", truth.machine_id);
        }
    }
    let grants = door.grants(ROLLOUT).await?;
    let begun = grants.iter().filter(|grant| grant.begun_index > 0).count();
    assert!(grants.iter().all(|grant| grant.begun_index < index), "begun after the withdrawal");

    // Neither harm nor evidence: those that reverted are counted apart, and nobody failed.
    let rollout = door.rollout(ROLLOUT).await?;
    let counted = counts(&rollout);
    let failures = counted.crashed + counted.failed + counted.stalled + counted.silent;
    assert_eq!((failures, rollout.exposed_hosts), (0, 0), "{counted:?}");
    assert_eq!(counted.reverted + counted.verified + counted.refused, u64::try_from(begun)?);
    assert!(counted.reverted > 0, "{counted:?}");
    assert_eq!(rollout.state(), pb::RolloutState::RollingBack, "hosts owe a reboot");

    // Whoever asks is told what a host waits for.
    let explain = format!("rollout explain 113.1 --host {} -o json", entries[0].hostname);
    let explained = typed(&cluster, &explain).await?.ends_with(0)?.json()?;
    let headline = explained["headline"].as_str().unwrap_or_default();
    assert!(headline.contains("waits to get rid of"), "{headline}");
    assert!(headline.ends_with("it is owed a reboot"), "{headline}");
    let explained = typed(&cluster, "rollout explain 113.1").await?.ends_with(0)?.printed;
    let said = format!("0 told to revert, {} owed a reboot", entries.len());
    assert!(explained.contains(&said), "{explained}");
    let listed = typed(&cluster, "patchset ledger 113.1 -o json").await?.ends_with(0)?.json()?;
    assert_eq!(listed["entries"].as_array().map(Vec::len), Some(entries.len()), "{listed}");
    typed(&cluster, "rollout status 113.1").await?.ends_with(3)?;

    cluster.start_node(leader)?;
    settled(&cluster).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_withdrawn_never_comes_back_and_goes_out_again_under_a_higher_number()
-> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    in_mid_wave(&cluster).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let request = rollback("bad");
    let first = door.rollouts().rollback_rollout(request.clone()).await?.into_inner();
    let again = door.rollouts().rollback_rollout(request).await?.into_inner();
    let index = |of: &pb::Rollout| of.withdrawal.as_ref().map(|withdrawal| withdrawal.log_index);
    assert_eq!(index(&first), index(&again), "one withdrawal");
    let epoch = first.epoch;

    // Nothing lifts it.
    let resumed = door.rollouts().resume_rollout(door::resume(ROLLOUT, "sure")).await;
    assert_eq!(resumed.map_err(|no| reason(&no)).err().as_deref(), Some("PATCH_SET_WITHDRAWN"));
    let line = "rollout start 113.1 --policy compressed --id again --yes";
    typed(&cluster, line).await?.refused(6, "PATCH_SET_WITHDRAWN")?;
    for (version, code) in [("113.1", "PATCH_SET_EXISTS"), ("112.9", "VERSION_NOT_ABOVE")] {
        let publish = door::publish(version, &KERNELS, PATCH.as_bytes());
        let status = door.patch_sets().publish_patch_set(publish).await.expect_err(version);
        assert_eq!(reason(&status), code, "{status}");
    }
    let halted = door.rollouts().halt_rollout(door::halt(ROLLOUT, "again")).await?.into_inner();
    assert_eq!(
        (halted.state(), halted.halt, halted.epoch),
        (pb::RolloutState::RollingBack, None, epoch)
    );

    // The same again, under a higher number: also for hosts that took the withdrawn one out.
    all_have_answered(&door).await?;
    let before = door.grants(ROLLOUT).await?;
    let reverted: BTreeSet<String> = before
        .into_iter()
        .filter(|grant| grant.phase() == pb::GrantPhase::Reverted)
        .map(|grant| grant.host)
        .collect();
    assert!(!reverted.is_empty(), "some have taken it out");
    let next = PATCH.replace("113_1", "113_2");
    door.upload(next.as_bytes()).await?;
    let publish = door::publish("113.2", &KERNELS, next.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    eventually("the new patch set is stored", SOON, async || {
        let get = pb::GetPatchSetRequest { name: "patchSets/113.2".to_owned() };
        let set = door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        (set.state() == pb::PatchSetState::Ready).then_some(())
    })
    .await?;
    door.rollouts().create_rollout(door::create("113.2", "compressed")).await?;
    door.rollouts().start_rollout(door::start("rollouts/113.2")).await?;
    eventually("hosts that took the withdrawn one out begin the next", SOON * 2, async || {
        let grants = door.grants("rollouts/113.2").await.ok()?;
        let begun = grants.into_iter().filter(|grant| grant.begun_index > 0);
        begun.into_iter().any(|grant| reverted.contains(&grant.host)).then_some(())
    })
    .await?;
    let withdrawn = door.rollout(ROLLOUT).await?;
    let since = index(&withdrawn).unwrap_or_default();
    let grants = door.grants(ROLLOUT).await?;
    assert!(grants.iter().all(|grant| grant.begun_index < since), "begun after the withdrawal");
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_on_the_block_list_is_halted_at_once_and_comes_in_nowhere() -> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    in_mid_wave(&cluster).await?;
    let digest = Sha256::digest(PATCH.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();

    let line = format!("block create {digest} --reason miscompiled");
    let tried = typed(&cluster, &format!("{line} --dry-run -o json")).await?.ends_with(0)?;
    assert_eq!(tried.json()?["haltedRollouts"], json!([ROLLOUT]), "{tried:?}");
    assert_eq!(typed(&cluster, "block list -o name").await?.ends_with(0)?.printed, "");
    let block = typed(&cluster, &format!("{line} -o json")).await?.ends_with(0)?.json()?;
    assert_eq!(block["haltedRollouts"], json!([ROLLOUT]), "{block}");
    assert_eq!(block["patchSets"], json!([PATCH_SET]), "{block}");

    // Nobody begins after that, nothing lifts the halt, and no other number brings the same bytes in.
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    assert_eq!(door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    let halt = door.rollout(ROLLOUT).await?.halt.map(|halt| halt.log_index).unwrap_or_default();
    typed(&cluster, "rollout resume 113.1 --reason sure --yes").await?.refused(6, "BLOCKED")?;
    let publish = door::publish("114.1", &KERNELS, PATCH.as_bytes());
    let refused = door.patch_sets().publish_patch_set(publish).await.map_err(|no| reason(&no));
    assert_eq!(refused.err().as_deref(), Some("BLOCKED"));
    let plan = typed(&cluster, "rollout plan 113.1 --policy compressed").await?;
    assert!(format!("{plan:?}").contains("block-list"), "{plan:?}");

    // Lifting it lifts no halt: that is another command, with its own reason.
    typed(&cluster, &format!("block lift {digest} --reason mistaken --yes")).await?.ends_with(0)?;
    assert_eq!(door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    let grants = door.grants(ROLLOUT).await?;
    assert!(grants.iter().all(|grant| grant.begun_index < halt), "begun after the block");
    typed(&cluster, "rollout resume 113.1 --reason sure --yes").await?.ends_with(0)?;
    fleet.shutdown().await;
    Ok(())
}

/// A host that is played by hand.
struct ByHand {
    host: Door,
    name: String,
    beat: u64,
    reports: u64,
}

impl ByHand {
    async fn enrol(door: &Door) -> Outcome<Self> {
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
        let enrol = async || door.agent().enroll(request.clone()).await;
        let enrolled = answered("enrol", enrol).await?.into_inner();
        let host = door.with(Caller::Host(enrolled.development_identity));
        Ok(Self { host, name: enrolled.host, beat: 0, reports: 0 })
    }

    async fn sync(&mut self, boot: &str) -> Result<pb::SyncResponse, Status> {
        self.beat += 1;
        let request = pb::SyncRequest {
            boot_id: boot.to_owned(),
            beat: self.beat,
            mode: pb::AgentMode::Normal.into(),
            livepatches: Vec::new(),
        };
        Ok(self.host.agent().sync(request).await?.into_inner())
    }

    async fn report(&mut self, boot: &str, body: pb::host_report::Body) -> Outcome<()> {
        self.reports += 1;
        let report = pb::HostReport {
            sequence: self.reports,
            boot_id: boot.to_owned(),
            boot_time_ms: 0,
            body: Some(body),
        };
        let request = pb::ReportRequest { spool_id: 7, reports: vec![report] };
        self.host.agent().report(request).await?;
        Ok(())
    }

    async fn outcome(&mut self, grant_id: u64, result: pb::outcome::Result) -> Outcome<()> {
        let patch_set = PATCH_SET.to_owned();
        let outcome = pb::Outcome { grant_id, patch_set, result: Some(result) };
        self.report("boot-1", pb::host_report::Body::Outcome(outcome)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_told_to_revert_with_every_beat_until_it_answers_or_boots_anew() -> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let mut host = ByHand::enrol(&door).await?;
    publish(&cluster).await?;
    let offer =
        eventually("an offer", SOON, async || host.sync("boot-1").await.ok()?.offer).await?;
    let begin = pb::BeginRequest {
        request_id: door::request_id(),
        grant_id: offer.grant_id,
        patch_set: offer.patch_set.clone(),
        epoch: offer.epoch,
        boot_id: "boot-1".to_owned(),
        artifact_sha256: offer.artifact.clone().unwrap_or_default().sha256,
    };
    host.host.agent().begin(begin.clone()).await?;
    let applied = pb::outcome::Result::Applied(pb::Applied { transition_ms: 300 });
    host.outcome(offer.grant_id, applied).await?;

    let back = door.rollouts().rollback_rollout(rollback("bad")).await?.into_inner();
    let epoch = back.epoch;
    let order = eventually("an order", SOON, async || host.sync("boot-1").await.ok()?.revert);
    let order = order.await?;
    let module = offer.artifact.unwrap_or_default().module;
    let (grant_id, patch_set) = (offer.grant_id, PATCH_SET.to_owned());
    assert_eq!(*order, pb::Revert { grant_id, patch_set, epoch, module });
    let again = eventually("another", SOON, async || host.sync("boot-1").await.ok()?.revert);
    assert_eq!(again.await?, order, "told again");
    assert!(host.sync("boot-9").await?.revert.is_none(), "an order to another boot");
    let asked = pb::BeginRequest { request_id: door::request_id(), epoch, ..begin };
    let answer = host.host.agent().begin(asked).await?.into_inner();
    match answer.decision {
        Some(pb::begin_response::Decision::NoGo(no)) => {
            assert_eq!(no.reason(), pb::NoGoReason::Withdrawn, "{}", no.message);
        }
        go => return Err(Trouble::new(format!("it may begin what was withdrawn: {go:?}"))),
    }

    // It cannot: it is told no more, and waits for its reboot.
    let stays = pb::NotReverted {
        reason: pb::RevertFailure::StillInTransition.into(),
        message: "it does not end".to_owned(),
    };
    host.outcome(grant_id, pb::outcome::Result::NotReverted(stays)).await?;
    eventually("no order any more", SOON, async || {
        host.sync("boot-1").await.ok()?.revert.is_none().then_some(())
    })
    .await?;
    let entries = ledger(&door).await?;
    let [entry] = entries.as_slice() else {
        return Err(Trouble::new(format!("one host is on the ledger: {entries:?}")));
    };
    assert_eq!((entry.host.as_str(), entry.boot_id.as_str()), (host.name.as_str(), "boot-1"));
    assert_eq!(entry.detail, "still-in-transition: it does not end");

    // Another boot, and it owes nothing.
    let started = pb::Started {
        facts: Some(simulated_facts(1, 1)),
        mode: pb::AgentMode::Normal.into(),
        ..pb::Started::default()
    };
    host.report("boot-2", pb::host_report::Body::Started(started)).await?;
    let done = |rollout: &pb::Rollout| rollout.state() == pb::RolloutState::RolledBack;
    rollout_is(&door, "nobody runs it any more", done).await?;
    assert_eq!(ledger(&door).await?, []);
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_set_that_nobody_has_is_withdrawn_by_its_version_and_never_starts() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &KERNELS, PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    let line = "patchset withdraw 113.1 --reason bad";
    typed(&cluster, line).await?.refused(2, "NOT_CONFIRMED")?;
    let withdrawn = typed(&cluster, &format!("{line} --confirm=113.1 -o json")).await?;
    let withdrawn = withdrawn.ends_with(0)?.json()?;
    assert_eq!(withdrawn["state"], "WITHDRAWN", "{withdrawn}");
    assert_eq!(withdrawn["withdrawal"]["reason"], "bad", "{withdrawn}");
    let started = door.rollouts().start_rollout(door::start(ROLLOUT)).await;
    assert_eq!(started.map_err(|no| reason(&no)).err().as_deref(), Some("PATCH_SET_WITHDRAWN"));
    let shown = typed(&cluster, "patchset get 113.1").await?.ends_with(0)?.printed;
    assert!(shown.contains("WITHDRAWN") && shown.contains("no host runs it any more"), "{shown}");
    Ok(())
}
