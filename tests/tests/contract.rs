//! What do all calls that change something have in common? They can be checked without being done, they can stand for
//! what their caller saw, and a list can be filtered: from outside, on real processes.

use std::fmt::Debug;

use tidegate_proto::{VALIDATED_HEADER, v1 as pb};
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door, reason};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{SOON, eventually, settled};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

const KERNEL: &str = "5.15.0-107.117";
const ROLLOUT: &str = "rollouts/113.1";

/// A livepatch that harms nobody.
const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400]}"#;

/// All that a caller can see, but what time alone changes.
async fn everything(door: &Door) -> Outcome<String> {
    let tokens = door.fleet().list_tokens(pb::ListTokensRequest::default()).await?.into_inner();
    let sets = door.patch_sets().list_patch_sets(pb::ListPatchSetsRequest::default()).await?;
    let rollouts = door.rollouts().list_rollouts(pb::ListRolloutsRequest::default()).await?;
    let members = door.status().await?.members.into_iter().map(|of| (of.node_id, of.voter));
    let members: Vec<_> = members.collect();
    let (sets, rollouts) = (sets.into_inner(), rollouts.into_inner());
    Ok(format!("{tokens:?}\n{sets:?}\n{rollouts:?}\n{members:?}"))
}

/// The answer to a call that was only checked: it says so, and nothing has changed.
async fn only_checked<T: Debug>(
    door: &Door,
    before: &str,
    answer: Result<Response<T>, Status>,
) -> Outcome<T> {
    let answer = answer?;
    assert!(answer.metadata().contains_key(VALIDATED_HEADER), "{answer:?}");
    assert_eq!(everything(door).await?, before, "{answer:?}");
    Ok(answer.into_inner())
}

async fn ready(door: &Door) -> Outcome<()> {
    eventually("the patch set is ready", SOON, async || {
        let name = "patchSets/113.1".to_owned();
        let set = door.patch_sets().get_patch_set(pb::GetPatchSetRequest { name }).await.ok()?;
        (set.get_ref().state() == pb::PatchSetState::Ready).then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_checked_is_answered_as_if_it_were_done_and_changes_nothing() -> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    let leader = settled(&cluster).await?;
    // Whoever is asked: the state is read at the newest index.
    let door = Door::of(&cluster.address(leader % 3 + 1))?;
    let before = everything(&door).await?;
    let token = pb::CreateTokenRequest { validate_only: true, ..door::token("free", "free", 9) };
    let answer = door.fleet().create_token(token.clone()).await;
    let checked = only_checked(&door, &before, answer).await?;
    assert_eq!((checked.name.as_str(), checked.max_hosts), ("tokens/free", 9));
    // The same request, done under the same id: the check has not used it up.
    let done = pb::CreateTokenRequest { validate_only: false, ..token };
    let made = door.fleet().create_token(done).await?;
    assert!(!made.metadata().contains_key(VALIDATED_HEADER));
    assert_eq!((made.get_ref().name.as_str(), made.get_ref().max_hosts), ("tokens/free", 9));

    let before = everything(&door).await?;
    let publish = door::publish("113.1", &[KERNEL], PATCH.as_bytes());
    let check = pb::PublishPatchSetRequest {
        validate_only: true,
        assume_uploaded: true,
        ..publish.clone()
    };
    let answer = door.patch_sets().publish_patch_set(check).await;
    assert_eq!(only_checked(&door, &before, answer).await?.name, "patchSets/113.1");
    door.upload(PATCH.as_bytes()).await?;
    door.patch_sets().publish_patch_set(publish).await?;
    ready(&door).await?;

    let before = everything(&door).await?;
    let create = door::create("113.1", "compressed");
    let check = pb::CreateRolloutRequest { validate_only: true, ..create.clone() };
    let answer = door.rollouts().create_rollout(check.clone()).await;
    let draft = only_checked(&door, &before, answer).await?;
    assert_eq!(draft.state(), pb::RolloutState::Draft);
    let started = pb::CreateRolloutRequest { validate_start: true, ..check };
    let answer = door.rollouts().create_rollout(started).await;
    let started = only_checked(&door, &before, answer).await?;
    assert_ne!(started.state(), pb::RolloutState::Draft, "{started:?}");
    door.rollouts().create_rollout(create).await?;

    let before = everything(&door).await?;
    let start = pb::StartRolloutRequest { validate_only: true, ..door::start(ROLLOUT) };
    let answer = door.rollouts().start_rollout(start).await;
    let started = only_checked(&door, &before, answer).await?;
    assert!(started.start_time.is_some(), "{started:?}");
    let halt = pb::HaltRolloutRequest { validate_only: true, ..door::halt(ROLLOUT, "why") };
    let answer = door.rollouts().halt_rollout(halt).await;
    let halted = only_checked(&door, &before, answer).await?;
    assert_eq!((halted.state(), halted.epoch), (pb::RolloutState::Halted, 2), "{halted:?}");
    members(&cluster, leader).await
}

/// Who is there, the leader alone knows; the others say so.
async fn members(cluster: &Cluster, leader: u64) -> Outcome<()> {
    let door = Door::of(&cluster.address(leader))?;
    let before = everything(&door).await?;
    let add = || pb::AddMemberRequest {
        request_id: door::request_id(),
        node_id: 4,
        address: "127.0.0.1:9".to_owned(),
        validate_only: true,
    };
    let answer = door.cluster().add_member(add()).await;
    let member = only_checked(&door, &before, answer).await?;
    assert_eq!((member.node_id, member.voter), (4, false));
    let node_id = leader % 3 + 1;
    let request_id = door::request_id();
    let remove = pb::RemoveMemberRequest { request_id, node_id, validate_only: true };
    let answer = door.cluster().remove_member(remove).await;
    assert_eq!(only_checked(&door, &before, answer).await?.voters, 2);
    let transfer = pb::TransferLeaderRequest { node_id, validate_only: true };
    let answer = door.cluster().transfer_leader(transfer).await;
    assert_eq!(only_checked(&door, &before, answer).await?.leader_id, leader);

    let other = Door::of(&cluster.address(node_id))?;
    let refused = other.cluster().add_member(add()).await.err();
    let refused = refused.map(|status| (status.code(), reason(&status)));
    assert_eq!(refused, Some((Code::Unavailable, "NO_LEADER".to_owned())));
    assert_eq!(everything(&door).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_saw_the_same_one_is_taken_and_the_other_told_what_is_there_now() -> Outcome<()>
{
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    door.fleet().create_token(door::token("free", "free", 2)).await?;
    door.upload(PATCH.as_bytes()).await?;
    door.patch_sets()
        .publish_patch_set(door::publish("113.1", &[KERNEL], PATCH.as_bytes()))
        .await?;
    ready(&door).await?;
    let draft = door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    let etag = draft.into_inner().etag;
    let start = || pb::StartRolloutRequest { etag: etag.clone(), ..door::start(ROLLOUT) };
    let (mut one, mut two) = (door.rollouts(), door.rollouts());
    let (one, two) = tokio::join!(one.start_rollout(start()), two.start_rollout(start()));
    let (taken, refused) = match (one, two) {
        (Ok(taken), Err(refused)) | (Err(refused), Ok(taken)) => (taken.into_inner(), refused),
        (one, two) => panic!("one of the two: {one:?}, {two:?}"),
    };
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.metadata.get("current_etag"), Some(&taken.etag), "{refused:?}");

    // What stops never asks what was seen.
    let pause = pb::PauseRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        ..Default::default()
    };
    let paused = door.rollouts().pause_rollout(pause).await?.into_inner();
    let resume = |etag: &str| pb::ResumeRolloutRequest {
        etag: etag.to_owned(),
        ..door::resume(ROLLOUT, "go on")
    };
    assert_eq!(
        reason(&door.rollouts().resume_rollout(resume(&etag)).await.unwrap_err()),
        "ETAG_MISMATCH"
    );
    door.rollouts().resume_rollout(resume(&paused.etag)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_list_gives_each_row_that_passes_once_whatever_the_pages() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    for n in 0..30_u64 {
        let tier = if n % 3 == 0 { "paid" } else { "free" };
        door.fleet().create_token(door::token(&format!("t{n:02}"), tier, n + 1)).await?;
    }
    let (mut names, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = pb::ListTokensRequest {
            page_size: 4,
            page_token,
            filter: "tier=free AND max_hosts>9 AND NOT name:\"t2*\"".to_owned(),
        };
        let page = door.fleet().list_tokens(request).await?.into_inner();
        assert!(page.tokens.len() <= 4, "{page:?}");
        names.extend(page.tokens.into_iter().map(|token| token.name));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<String> = (0..30_u64)
        .filter(|n| n % 3 != 0 && n + 1 > 9 && *n < 20)
        .map(|n| format!("tokens/t{n:02}"))
        .collect();
    assert_eq!(names, expected);
    assert_eq!(pages, 2, "eight rows in pages of four");
    Ok(())
}
