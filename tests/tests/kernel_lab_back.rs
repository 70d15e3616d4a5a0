//! Does going back hold on a real kernel? A newer live patch over an older one, a rollback that takes both
//! out of the books and the newer one out of the kernel, and a transition that stalls, kept and turned back.

#[expect(dead_code, reason = "shared with the tests of whole rollouts, which need all of it")]
#[path = "kernel_lab/fleet.rs"]
mod fleet;

use std::time::Instant;

use fleet::{
    Fleet, Member, Outcome, POLICY, SOON, explain_names_the_guard_rail, for_one_canary, say,
    that_reverts,
};
use tidegate_proto::v1 as pb;
use tidegate_tests::lab::{self, Lab, LabModule};

/// A machine that is a canary by its token.
const CANARY: [Member; 1] = [Member { name: "canary", tier: "canary", helper: None }];

/// The same, with a thread that no transition can move.
const STUCK_CANARY: [Member; 1] =
    [Member { name: "stuck", tier: "canary", helper: Some(LabModule::StallHelper) }];

/// Waits until the kernel of a machine has just these live patches.
async fn live_patches(fleet: &mut Fleet, name: &str, are: &str) -> Outcome {
    let prefix = "lab: live patches:";
    fleet.says_last(name, prefix, &format!("{prefix} {are}")).await
}

/// Watches a rollout until nobody runs its patch set any more.
async fn rolled_back(fleet: &Fleet, rollout: &str) -> Outcome<pb::Rollout> {
    let done = |of: &pb::Rollout| of.state() == pb::RolloutState::RolledBack;
    let watching = fleet.operator.watch(rollout, done);
    Ok(tokio::time::timeout(SOON, watching).await??.rollout)
}

/// Waits until the one host on a ledger is owed a reboot, and says why.
async fn owes_a_reboot(fleet: &Fleet, version: &str) -> Outcome<String> {
    let rollout = format!("rollouts/{version}");
    let owes = |of: &pb::Rollout| {
        of.withdrawal.as_ref().is_some_and(|withdrawal| withdrawal.reboot_owed_hosts == 1)
    };
    tokio::time::timeout(SOON, fleet.operator.watch(&rollout, owes)).await??;
    let ledger = fleet.operator.ledger(version).await?;
    let [entry] = ledger.as_slice() else { return Err(format!("ledger: {ledger:#?}").into()) };
    assert_eq!(entry.leaves_by(), pb::LeavesBy::Reboot);
    Ok(entry.detail.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_live_patch_takes_the_place_of_the_older_one_and_a_rollback_takes_it_out() -> Outcome
{
    let Some(lab) = lab::open()? else { return Ok(()) };
    let start = Instant::now();
    let mut fleet = Fleet::start(&lab, &CANARY).await?;
    let policy = for_one_canary()?;
    let older = fleet.roll_out_under(&lab, ("113.1", LabModule::Good), &policy).await?;
    assert_eq!(older.state(), pb::RolloutState::Completed, "{:?}", older.halt);
    live_patches(&mut fleet, "canary", "livepatch_good=1/0").await?;
    say(&format!("113.1 is in after {:.0?}", start.elapsed()))?;

    // The kernel's atomic replace: afterwards the older one is gone, and the newer one is whole.
    let newer = fleet.roll_out_under(&lab, ("114.1", LabModule::Next), &policy).await?;
    assert_eq!(newer.state(), pb::RolloutState::Completed, "{:?}", newer.halt);
    live_patches(&mut fleet, "canary", "livepatch_next=1/0").await?;
    let shows = fleet.machine("canary")?.guest_talk();
    assert!(shows.contains("lab: proc says: tidegate-lab: patched by livepatch_next"), "{shows}");
    let lines = fleet.kernel_lines("canary", LabModule::Next)?;
    for words in ["enabling patch 'livepatch_next'", "'livepatch_next': patching complete"] {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}: {lines:#?}");
    }
    say(&format!("114.1 has taken its place after {:.0?}", start.elapsed()))?;

    // What was replaced cannot be taken out any more; what has replaced it can.
    fleet.operator.roll_back(&older.name, "the older one is bad").await?;
    let why = owes_a_reboot(&fleet, "113.1").await?;
    assert_eq!(why, "replaced: livepatch_next has taken the place of livepatch_good");
    fleet.operator.roll_back(&newer.name, "so is the newer one").await?;
    let back = rolled_back(&fleet, &newer.name).await?;
    assert_eq!(back.counts.map(|of| (of.reverted, of.verified, of.failed)), Some((1, 0, 0)));
    live_patches(&mut fleet, "canary", "none").await?;
    let unpatched = "lab: proc says: console=ttyS0 quiet panic=1";
    fleet.says_last("canary", "lab: proc says:", unpatched).await?;
    let lines = fleet.kernel_lines("canary", LabModule::Next)?;
    assert!(lines.iter().any(|line| line.contains("unpatching complete")), "{lines:#?}");
    say(&format!("114.1 is taken out after {:.0?}", start.elapsed()))?;

    // Another boot, and nothing is owed.
    fleet.machine("canary")?.pull_the_plug();
    fleet.boot_again(&lab, "canary")?;
    rolled_back(&fleet, &older.name).await?;
    assert!(fleet.operator.ledger("113.1").await?.is_empty());
    say(&format!("the machine has booted anew after {:.0?}", start.elapsed()))?;
    fleet.end().await;
    Ok(())
}

/// Rolls the live patch that stalls out under a policy, which reports it as stalled and halts.
async fn stalls(lab: &Lab, fleet: &mut Fleet, policy: &str) -> Outcome<pb::Rollout> {
    let stalled = fleet.roll_out_under(lab, ("115.1", LabModule::Stall), policy).await?;
    assert_eq!(stalled.state(), pb::RolloutState::Halted);
    explain_names_the_guard_rail(fleet, &stalled, &["guard-rail/stalled"]).await?;
    let grants = fleet.operator.grants(&stalled.name).await?;
    let [grant] = grants.as_slice() else { return Err(format!("grants: {grants:#?}").into()) };
    assert_eq!(grant.phase(), pb::GrantPhase::Stalled);
    assert!(grant.detail.starts_with("the transition did not end within 20"), "{}", grant.detail);
    Ok(stalled)
}

/// What the kernel said of a transition that never ended and was turned back.
async fn turned_back(fleet: &mut Fleet) -> Outcome {
    live_patches(fleet, "stuck", "none").await?;
    let lines = fleet.kernel_lines("stuck", LabModule::Stall)?;
    for words in ["starting patching transition", "unpatching complete"] {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains(" patching complete")), "{lines:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_transition_is_reported_and_turned_back_where_the_policy_says_so() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let start = Instant::now();
    let mut fleet = Fleet::start(&lab, &STUCK_CANARY).await?;
    let stalled = stalls(&lab, &mut fleet, &that_reverts()).await?;
    turned_back(&mut fleet).await?;
    say(&format!("115.1 is turned back after {:.0?}", start.elapsed()))?;
    // It stays a stall, and the books know that nothing is left of it.
    fleet.operator.roll_back(&stalled.name, "it stalls").await?;
    let back = rolled_back(&fleet, &stalled.name).await?;
    assert_eq!(back.counts.map(|of| (of.stalled, of.reverted)), Some((1, 0)));
    fleet.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_transition_is_reported_and_kept_until_a_rollback_turns_it_back() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let start = Instant::now();
    let mut fleet = Fleet::start(&lab, &STUCK_CANARY).await?;
    let stalled = stalls(&lab, &mut fleet, POLICY).await?;
    // The host is heard after its report, and its kernel still tries.
    fleet.hear_again(&["stuck"]).await?;
    live_patches(&mut fleet, "stuck", "livepatch_stall=1/1").await?;
    say(&format!("115.1 is kept in transition after {:.0?}", start.elapsed()))?;
    fleet.operator.roll_back(&stalled.name, "it stalls").await?;
    rolled_back(&fleet, &stalled.name).await?;
    turned_back(&mut fleet).await?;
    say(&format!("115.1 is rolled back after {:.0?}", start.elapsed()))?;
    fleet.end().await;
    Ok(())
}
