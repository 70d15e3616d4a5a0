//! Does a rollout hold on real kernels? Machines of three tiers, a live patch that works and one that
//! panics; the agent in the machines is the one that users get. Going back is in `kernel_lab_back.rs`.

#[expect(dead_code, reason = "shared with the tests of going back, which need the rest of it")]
#[path = "kernel_lab/fleet.rs"]
mod fleet;

use std::collections::BTreeMap;
use std::time::Instant;

use fleet::{Fleet, Member, Outcome, SOON, explain_names_the_guard_rail, say};
use tidegate_proto::v1 as pb;
use tidegate_tests::lab::{self, Lab, LabModule};

const MARKER_OF_GOOD: &str = "tidegate-lab: patched by livepatch_good";

/// The canary is one of the free machines.
const THREE_TIERS: [Member; 3] = [
    Member { name: "free-1", tier: "free", helper: None },
    Member { name: "free-2", tier: "free", helper: None },
    Member { name: "paid-1", tier: "paid", helper: None },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_live_patch_reaches_every_tier_and_a_panicking_one_stops_at_the_canary() -> Outcome {
    let Some(lab) = lab::open()? else { return Ok(()) };
    let start = Instant::now();
    let mut fleet = Fleet::start(&lab, &THREE_TIERS).await?;
    say(&format!("the fleet is up after {:.0?}", start.elapsed()))?;
    good_reaches_every_tier(&lab, &mut fleet).await?;
    say(&format!("113.1 is on every machine after {:.0?}", start.elapsed()))?;
    let (bad, canary) = panic_stops_at_the_canary(&lab, &mut fleet).await?;
    explain_names_the_guard_rail(&fleet, &bad, &["guard-rail/crashed", "guard-rail/silent"])
        .await?;
    say(&format!("114.1 is halted after {:.0?}", start.elapsed()))?;
    the_canary_comes_back_and_tells(&lab, &mut fleet, &bad, &canary).await?;
    say(&format!("the canary has told after {:.0?}", start.elapsed()))?;
    fleet.end().await;
    Ok(())
}

/// The machine of each tier in a rollout, by the tier's name.
fn machines_by_tier(grants: &[pb::Grant]) -> BTreeMap<String, String> {
    let tier = |grant: &pb::Grant| grant.tier.trim_start_matches("tiers/").to_owned();
    grants.iter().map(|grant| (tier(grant), grant.hostname.clone())).collect()
}

/// The good live patch reaches the canary, the free and the paid machine, and shows on each.
async fn good_reaches_every_tier(lab: &Lab, fleet: &mut Fleet) -> Outcome {
    let good = fleet.roll_out(lab, "113.1", LabModule::Good).await?;
    assert_eq!(good.state(), pb::RolloutState::Completed, "{:?}", good.halt);
    for tier in &good.tiers {
        let counts = tier.counts.unwrap_or_default();
        assert_eq!((counts.begun, counts.verified), (1, 1), "{}", tier.tier);
    }
    let by_tier = machines_by_tier(&fleet.operator.grants(&good.name).await?);
    let tiers: Vec<&str> = by_tier.keys().map(String::as_str).collect();
    assert_eq!(tiers, ["canary", "free", "paid"]);
    for (tier, name) in &by_tier {
        let shows = fleet.machine(name)?.wait_for("lab: proc says: tidegate-lab", SOON)?;
        assert!(shows.ends_with(MARKER_OF_GOOD), "{shows}");
        say(&format!("{name} ({tier}) {shows}"))?;
        let lines = fleet.kernel_lines(name, LabModule::Good)?;
        for words in ["enabling patch 'livepatch_good'", "'livepatch_good': patching complete"] {
            assert!(lines.iter().any(|line| line.contains(words)), "{words}: {lines:#?}");
        }
    }
    Ok(())
}

/// The panicking live patch kills the canary and touches nobody else. Returns the halted rollout
/// and the canary's name.
async fn panic_stops_at_the_canary(lab: &Lab, fleet: &mut Fleet) -> Outcome<(pb::Rollout, String)> {
    let bad = fleet.roll_out(lab, "114.1", LabModule::Panic).await?;
    assert_eq!((bad.state(), bad.tier.as_str()), (pb::RolloutState::Halted, "tiers/canary"));
    let halt = bad.halt.as_ref().ok_or("a halted rollout has a halt")?;
    assert_eq!(halt.actor, "judge");
    let counts = halt.counts.unwrap_or_default();
    assert_eq!((counts.begun, counts.crashed + counts.silent), (1, 1), "{counts:?}");

    let by_tier = machines_by_tier(&fleet.operator.grants(&bad.name).await?);
    let canary = by_tier.get("canary").ok_or("nobody was drawn")?.clone();
    let machine = fleet.machine(&canary)?;
    machine.wait_for("lab: proc says: tidegate-lab: patched by livepatch_panic", SOON)?;
    machine.wait_for("Kernel panic", SOON)?;
    machine.wait_for_end(SOON)?;
    let lines = fleet.kernel_lines(&canary, LabModule::Panic)?;
    for words in ["enabling patch", "patching complete", "Kernel panic - not syncing"] {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}: {lines:#?}");
    }

    // They have synced after the halt, so an offer would have reached them.
    let names = THREE_TIERS.iter().map(|member| member.name);
    let survivors: Vec<&str> = names.filter(|name| *name != canary).collect();
    fleet.hear_again(&survivors).await?;
    let grants = fleet.operator.grants(&bad.name).await?;
    let begun: Vec<u64> =
        grants.iter().map(|grant| grant.begun_index).filter(|index| *index > 0).collect();
    assert_eq!(begun.len(), 1, "only the canary began: {grants:#?}");
    assert!(begun.iter().all(|index| *index < halt.log_index), "{begun:?}, halt {halt:?}");
    for name in survivors {
        let machine = fleet.machine(name)?;
        assert!(machine.is_running(), "{name}");
        assert!(!machine.kernel_talk().contains("livepatch_panic"), "{name}");
        let talk = machine.guest_talk();
        let shows = talk.lines().rfind(|line| line.contains("lab: proc says:")).unwrap_or_default();
        assert!(shows.ends_with(MARKER_OF_GOOD), "{name}: {shows}");
        say(&format!("{name} runs on, {shows}"))?;
    }
    Ok((bad, canary))
}

/// The dead canary is switched on again, and its agent tells what the kernel said last. That makes
/// a crash of the silence; it neither lifts the halt nor gives the machine another try.
async fn the_canary_comes_back_and_tells(
    lab: &Lab,
    fleet: &mut Fleet,
    bad: &pb::Rollout,
    canary: &str,
) -> Outcome {
    fleet.boot_again(lab, canary)?;
    let told = |rollout: &pb::Rollout| rollout.counts.unwrap_or_default().crashed == 1;
    let watched = tokio::time::timeout(SOON, fleet.operator.watch(&bad.name, told)).await??;
    assert_eq!(watched.rollout.state(), pb::RolloutState::Halted);
    let mut grants = fleet.operator.grants(&bad.name).await?;
    grants.retain(|grant| grant.begun_index > 0);
    let [grant] = grants.as_slice() else { return Err(format!("begun: {grants:#?}").into()) };
    assert_eq!((grant.hostname.as_str(), grant.phase()), (canary, pb::GrantPhase::Crashed));
    assert_eq!(
        grant.detail,
        "Kernel panic - not syncing: tidegate-lab: livepatch_panic ends this machine"
    );
    say(&format!("{canary} came back and told: {}", grant.detail))
}
