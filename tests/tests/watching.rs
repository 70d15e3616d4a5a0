//! Does a watcher see every record once and in order, whichever controller it asks, while leaders die; and can
//! somebody at a terminal stop a rollout with one key?

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::watch_response::Body;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door, reason};
use tidegate_tests::screen::Screen;
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, eventually, settled};
use tonic::Code;

const ROLLOUT: &str = "rollouts/113.1";
const KERNEL: &str = "5.15.0-107.117";
const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1"}"#;
/// Longer than a controller is quiet for.
const A_SIGN_OF_LIFE: Duration = Duration::from_secs(13);

/// A rollout that runs in a fleet of nobody.
async fn with_a_rollout(size: u64) -> Outcome<Cluster> {
    let cluster = Cluster::start(size, QUICK)?;
    let leader = settled(&cluster).await?;
    let door = Door::of(&cluster.address(leader))?;
    door.fleet().create_token(door::token("free", "free", 2)).await?;
    door.upload(PATCH.as_bytes()).await?;
    door.patch_sets()
        .publish_patch_set(door::publish("113.1", &[KERNEL], PATCH.as_bytes()))
        .await?;
    eventually("the artifact on a majority", SOON, async || {
        let get = pb::GetPatchSetRequest { name: "patchSets/113.1".to_owned() };
        let set = door.patch_sets().get_patch_set(get).await.ok()?.into_inner();
        (set.state() == pb::PatchSetState::Ready).then_some(())
    })
    .await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    Ok(cluster)
}

/// A client that is told records, and breaks off whenever it likes.
#[derive(Debug, Default)]
struct Client {
    token: String,
    revision: u64,
    /// By sequence number: what happened at which log index.
    records: BTreeMap<u64, (u64, String)>,
}

impl Client {
    fn request(&self) -> pb::WatchRequest {
        pb::WatchRequest {
            rollout: String::new(),
            content: pb::WatchContent::Records.into(),
            resume_token: self.token.clone(),
        }
    }

    /// Takes a message; a record that was told before is an error, and so is one that comes too early.
    fn take(&mut self, message: pb::WatchResponse) -> Outcome<usize> {
        if message.revision < self.revision {
            return Err(Trouble::new("the stream goes back"));
        }
        (self.revision, self.token) = (message.revision, message.resume_token);
        let records = match message.body {
            Some(Body::Snapshot(overview)) => overview.recent_records,
            Some(Body::Changes(changes)) => changes.records,
            Some(Body::Bookmark(_)) | None => Vec::new(),
        };
        let count = records.len();
        for record in records {
            let last = self.records.last_key_value().map(|(sequence, _)| *sequence);
            if last.is_some_and(|last| record.sequence != last + 1) {
                return Err(Trouble::new(format!("record {} after {last:?}", record.sequence)));
            }
            self.records.insert(record.sequence, (record.log_index, record.event));
        }
        Ok(count)
    }

    /// Opens a stream at a door and reads until it has taken so many messages, or the door closes.
    async fn read(&mut self, door: &Door, messages: usize) -> Outcome<()> {
        let opened = door.dashboard().watch(self.request()).await;
        let mut stream = match opened {
            Ok(stream) => stream.into_inner(),
            // It is down, has no leader, or is not as far: as good as a stream that breaks off at once.
            // A status with a source was made on this side of a connection that broke.
            Err(status) if status.code() == Code::Unavailable || status.source().is_some() => {
                return Ok(());
            }
            Err(status) => return Err(status.into()),
        };
        for _ in 0..messages {
            let next = tokio::time::timeout(Duration::from_millis(400), stream.message()).await;
            match next {
                Ok(Ok(Some(message))) => drop(self.take(message)?),
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Makes tokens until it is told to stop; answers how many were acknowledged.
async fn write(doors: Vec<Door>, mut stop: tokio::sync::oneshot::Receiver<()>) -> u64 {
    let mut made = 0;
    while stop.try_recv().is_err() {
        for (at, door) in doors.iter().enumerate() {
            let request = door::token(&format!("written-{made}-{at}"), "free", 1);
            if door.fleet().create_token(request).await.is_ok() {
                made += 1;
            }
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_breaks_off_and_comes_again_elsewhere_misses_nothing_and_sees_no_record_twice()
-> Outcome<()> {
    let mut cluster = with_a_rollout(3).await?;
    let doors: Vec<Door> =
        cluster.addresses().iter().map(|to| Door::of(to)).collect::<Outcome<_>>()?;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let writer = tokio::spawn(write(doors.clone(), stopped));
    let mut client = Client::default();
    for turn in 0..60_usize {
        // The numbers of a stride that meets all three doors and many lengths of streams.
        client.read(&doors[turn * 7 % 3], turn * 5 % 4).await?;
        if turn == 20 {
            let leader = settled(&cluster).await?;
            cluster.kill(leader);
        }
        if turn == 40 {
            cluster.start_all()?;
        }
    }
    stop.send(()).map_err(|()| Trouble::new("the writer broke"))?;
    let made = writer.await?;
    let leader = settled(&cluster).await?;
    let door = Door::of(&cluster.address(leader))?;
    // What one more stream tells from its beginning is the end of what this client was told.
    let mut fresh = Client::default();
    fresh.read(&door, 1).await?;
    eventually("the client is told the last record", SOON, async || {
        client.read(&door, 3).await.ok()?;
        (client.records.last_key_value() == fresh.records.last_key_value()).then_some(())
    })
    .await?;
    assert!(
        made > 20 && client.records.len() > 20,
        "{made} tokens, {} records",
        client.records.len()
    );
    for (sequence, record) in &fresh.records {
        assert_eq!(client.records.get(sequence), Some(record), "record {sequence}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_with_a_snapshot_goes_on_with_changes_and_is_not_silent_for_long()
-> Outcome<()> {
    let cluster = with_a_rollout(1).await?;
    let door = Door::of(&cluster.address(1))?;
    let watch = pb::WatchRequest { rollout: ROLLOUT.to_owned(), ..Default::default() };
    let mut stream = door.dashboard().watch(watch.clone()).await?.into_inner();
    let first = stream.message().await?.ok_or_else(|| Trouble::new("no snapshot"))?;
    let Some(Body::Snapshot(snapshot)) = first.body else {
        return Err(Trouble::new("the first message is no snapshot"));
    };
    assert_eq!((snapshot.rollouts.len(), snapshot.patch_sets.len()), (1, 1));
    assert!(snapshot.cluster.is_none() && !snapshot.recent_records.is_empty());

    door.rollouts().halt_rollout(door::halt(ROLLOUT, "enough")).await?;
    let mut halted = false;
    while !halted {
        let message = stream.message().await?.ok_or_else(|| Trouble::new("it ended"))?;
        assert!(message.revision >= first.revision);
        let Some(Body::Changes(changes)) = message.body else { continue };
        halted = changes.records.iter().any(|record| record.event == "rollout.halted");
        if halted {
            // The record and the state that it made are told at once.
            let rollout = changes.rollouts[0].rollout.clone().unwrap_or_default();
            assert_eq!(rollout.state(), pb::RolloutState::Halted);
            let epochs = (changes.patch_sets[0].epoch, rollout.epoch);
            assert_eq!(epochs, (2, 2));
        }
    }
    // A halted rollout that nobody is in flight of changes no more.
    let quiet = tokio::time::timeout(A_SIGN_OF_LIFE, async {
        loop {
            let message = stream.message().await?.ok_or_else(|| Trouble::new("it ended"))?;
            if let Some(Body::Bookmark(_)) = message.body {
                return Ok::<_, Trouble>(message);
            }
        }
    });
    let bookmark = quiet.await.map_err(|_| Trouble::new("no sign of life"))??;
    assert!(!bookmark.resume_token.is_empty() && bookmark.revision > first.revision);

    // Tokens are of one stream, and of this form.
    let refused = |token: &str, rollout: &str| {
        let request = pb::WatchRequest {
            rollout: rollout.to_owned(),
            resume_token: token.to_owned(),
            ..Default::default()
        };
        let door = door.clone();
        async move { door.dashboard().watch(request).await.map(drop).map_err(|no| reason(&no)) }
    };
    let bad = Err("BAD_RESUME_TOKEN".to_owned());
    assert_eq!(refused(&bookmark.resume_token, "").await, bad);
    assert_eq!(refused("4711", ROLLOUT).await, bad);
    assert_eq!(refused("", "rollouts/9.9").await, Err("UNKNOWN_ROLLOUT".to_owned()));
    assert_eq!(refused(&bookmark.resume_token, ROLLOUT).await, Ok(()));

    let overview = door.dashboard().get_overview(pb::GetOverviewRequest::default()).await?;
    let overview = overview.into_inner();
    assert_eq!((overview.tiers.len(), overview.rollouts.len(), overview.leaderless_ms), (3, 1, 0));
    assert!(overview.cluster.is_some_and(|cluster| cluster.leader_id == 1));
    let request = pb::GetHistoryRequest { rollout: ROLLOUT.to_owned(), since: None };
    let history = door.dashboard().get_history(request).await?.into_inner();
    assert!(history.kept_since.is_some() && !history.points.is_empty(), "{history:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_a_terminal_halts_a_rollout_and_the_screen_says_so() -> Outcome<()> {
    let cluster = with_a_rollout(1).await?;
    let address = cluster.address(1);
    let door = Door::of(&address)?;
    let mut screen = Screen::open(&["top", "--endpoint", &address], (120, 30))?;
    let sees = |screen: &Screen, what: &str| screen.text().contains(what).then_some(());
    eventually("the rollout on the screen", SOON, async || sees(&screen, "RUNNING")).await?;
    eventually("its leader", SOON, async || sees(&screen, "quorum 1/1")).await?;

    screen.press("h")?;
    eventually("the halt", SOON, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        (rollout.state() == pb::RolloutState::Halted).then_some(())
    })
    .await?;
    eventually("the halt on the screen", SOON, async || sees(&screen, "halted from")).await?;
    let halt = door.rollout(ROLLOUT).await?.halt.unwrap_or_default();
    assert_eq!(halt.reason, "halted from `tidegate top`");

    // Going on asks first, and a no changes nothing.
    screen.press("rfixed\r")?;
    eventually("the question", SOON, async || sees(&screen, "go on? y/N")).await?;
    screen.press("n")?;
    eventually("the answer", SOON, async || sees(&screen, "nothing was changed")).await?;
    assert_eq!(door.rollout(ROLLOUT).await?.state(), pb::RolloutState::Halted);
    screen.press("rfixed\ry")?;
    eventually("it runs again", SOON, async || {
        let rollout = door.rollout(ROLLOUT).await.ok()?;
        (rollout.state() == pb::RolloutState::Running).then_some(())
    })
    .await?;
    screen.press("q")?;
    eventually("it ends", SOON, async || screen.ended().ok().flatten()).await?;
    assert_eq!(screen.ended()?, Some(0), "{}", screen.text());
    Ok(())
}
