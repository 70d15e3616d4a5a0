//! What happens to input that is wrong? It is refused with a code, a reason and words that say what
//! to do, and nothing has changed.

mod refusals;

use std::fmt::Debug;
use std::path::PathBuf;

use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door, reason};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, eventually, settled};
use tonic::{Code, Status};

/// The kernel that the patch set of these tests is for.
const KERNEL: &str = "5.15.0-107.117";

/// A livepatch that harms nobody.
const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400]}"#;

const ROLLOUT: &str = "rollouts/113.1";

/// One controller with two hosts on different kernels, whose token is exhausted, and the draft of a
/// rollout for one of the kernels.
struct Fixture {
    cluster: Cluster,
    door: Door,
    /// The request that created the token.
    token: pb::CreateTokenRequest,
    /// The host that the patch set is for, and the one that it is not for.
    hosts: [String; 2],
}

impl Fixture {
    async fn set() -> Outcome<Self> {
        let cluster = Cluster::start(1, QUICK)?;
        settled(&cluster).await?;
        let door = Door::of(&cluster.address(1))?;
        let token = door::token("free", "free", 2);
        door.fleet().create_token(token.clone()).await?;
        let mut hosts = Vec::new();
        for kernel in [KERNEL, "6.8.0-41.41"] {
            let enrolled = door.agent().enroll(enrol(kernel, &door::secret("free"))).await?;
            hosts.push(enrolled.into_inner().host);
        }
        door.upload(PATCH.as_bytes()).await?;
        let publish = door::publish("113.1", &[KERNEL], PATCH.as_bytes());
        door.patch_sets().publish_patch_set(publish).await?;
        door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
        let hosts = hosts.try_into().map_err(|_| Trouble::new("not two hosts"))?;
        Ok(Self { cluster, door, token, hosts })
    }

    fn artifacts(&self) -> PathBuf {
        self.cluster.data_dir(1).join("artifacts")
    }
}

/// Asks to enrol a machine of its own with this kernel.
fn enrol(kernel: &str, secret: &str) -> pb::EnrollRequest {
    let facts = pb::HostFacts { kernel_release: kernel.to_owned(), ..simulated_facts(1, 1) };
    pb::EnrollRequest {
        request_id: door::request_id(),
        token_secret: secret.to_owned(),
        machine_id: format!("machine-{kernel}"),
        facts: Some(facts),
        boot_id: "boot-1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    }
}

/// Takes down what was not refused as it should have been.
struct Table {
    door: Door,
    artifacts: PathBuf,
    before: String,
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    async fn open(fixture: &Fixture) -> Outcome<Self> {
        let (door, artifacts) = (fixture.door.clone(), fixture.artifacts());
        let mut table = Self { door, artifacts, before: String::new(), rows: 0, wrong: Vec::new() };
        table.before = table.everything().await?;
        Ok(table)
    }

    /// All that a caller can see of the state, and what is in the folder of the artifacts.
    async fn everything(&self) -> Outcome<String> {
        let tokens = self.door.fleet().list_tokens(pb::ListTokensRequest::default()).await?;
        let hosts = self.door.fleet().list_hosts(pb::ListHostsRequest::default()).await?;
        let mut patch_sets = self.door.patch_sets();
        let sets = patch_sets.list_patch_sets(pb::ListPatchSetsRequest::default()).await?;
        let mut rollouts = self.door.rollouts();
        let rollouts = rollouts.list_rollouts(pb::ListRolloutsRequest::default()).await?;
        let mut files: Vec<_> = std::fs::read_dir(&self.artifacts)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<Outcome<_>>()?;
        files.sort();
        let (tokens, hosts) = (tokens.into_inner(), hosts.into_inner());
        let (sets, rollouts) = (sets.into_inner(), rollouts.into_inner());
        let rules = self.rules().await?;
        Ok(format!("{tokens:?}\n{hosts:?}\n{sets:?}\n{rollouts:?}\n{rules}\n{files:?}"))
    }

    /// What holds for tiers, hosts and patch sets, and what was said of incidents.
    async fn rules(&self) -> Outcome<String> {
        let (mut calendar, mut incidents) = (self.door.calendar(), self.door.incidents());
        let ladder = calendar.get_ladder(pb::GetLadderRequest::default()).await?.into_inner();
        let freezes = calendar.list_freezes(pb::ListFreezesRequest::default()).await?.into_inner();
        let held = calendar.list_holdbacks(pb::ListHoldbacksRequest::default()).await?.into_inner();
        let coverage = calendar.get_coverage(pb::GetCoverageRequest::default()).await?.into_inner();
        let blocks = self.door.patch_sets().list_blocks(pb::ListBlocksRequest::default()).await?;
        let listed = incidents.list_incidents(pb::ListIncidentsRequest::default()).await?;
        let (blocks, incidents) = (blocks.into_inner(), listed.into_inner());
        Ok(format!("{ladder:?}\n{freezes:?}\n{held:?}\n{coverage:?}\n{blocks:?}\n{incidents:?}"))
    }

    /// What was done between two rows is done.
    async fn goes_on(&mut self) -> Outcome<()> {
        self.before = self.everything().await?;
        Ok(())
    }

    /// One row: `answer` has to be a refusal with this code, reason and words, after which everything
    /// is as it was.
    async fn row<T: Debug>(
        &mut self,
        claim: &str,
        answer: Result<T, Status>,
        (code, why): (Code, &str),
        words: &[&str],
    ) -> Outcome<()> {
        self.rows += 1;
        match answer {
            Ok(answer) => self.wrong.push(format!("{claim}: was taken: {answer:?}")),
            Err(status) => {
                let (found, message) = ((status.code(), reason(&status)), status.message());
                if (found.0, found.1.as_str()) != (code, why) {
                    self.wrong
                        .push(format!("{claim}: {found:?}, not ({code:?}, {why}): {message}"));
                }
                for word in words.iter().filter(|word| !message.contains(**word)) {
                    self.wrong.push(format!("{claim}: says nothing of `{word}`: {message}"));
                }
            }
        }
        let now = self.everything().await?;
        if now != self.before {
            self.wrong.push(format!("{claim}: something changed"));
            self.before = now;
        }
        Ok(())
    }

    /// Fails with everything that was not as it should be.
    fn close(self, least: usize) {
        assert!(
            self.wrong.is_empty(),
            "{} of {}:\n{}",
            self.wrong.len(),
            self.rows,
            self.wrong.join("\n")
        );
        assert!(self.rows >= least, "only {} rows", self.rows);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_wrong_is_refused_with_its_line_and_the_way_out() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let mut table = Table::open(&fixture).await?;
    refusals::policies(&fixture, &mut table).await?;
    table.close(9);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_or_not_named_right_is_refused() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let mut table = Table::open(&fixture).await?;
    refusals::unknown_things(&fixture, &mut table).await?;
    refusals::patch_sets(&fixture, &mut table).await?;
    refusals::states(&fixture, &mut table).await?;
    table.close(25);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_not_what_it_said_leaves_nothing() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let mut table = Table::open(&fixture).await?;
    refusals::uploads(&fixture, &mut table).await?;
    table.close(8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_their_limits_or_rights_are_refused() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let mut table = Table::open(&fixture).await?;
    refusals::requests(&fixture, &mut table).await?;
    refusals::reserved(&fixture, &mut table).await?;
    refusals::calendar(&fixture, &mut table).await?;
    refusals::callers(&fixture, &mut table).await?;
    refusals::limits(&fixture, &mut table).await?;
    table.close(20);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_checked_or_was_seen_otherwise_or_filtered_wrong_is_refused() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let mut table = Table::open(&fixture).await?;
    refusals::checks(&fixture, &mut table).await?;
    refusals::etags(&fixture, &mut table).await?;
    refusals::filters(&fixture, &mut table).await?;
    table.close(32);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_token_or_a_member_is_refused_and_takes_no_place() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    refusals::closed_tokens(&fixture).await?;
    let mut table = Table::open(&fixture).await?;
    refusals::tokens(&fixture, &mut table).await?;
    refusals::members(&fixture, &mut table).await?;
    refusals::enrolments(&fixture, &mut table).await?;
    table.close(33);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_words_on_an_incident_is_refused() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    refusals::open_incident(&fixture).await?;
    let mut table = Table::open(&fixture).await?;
    refusals::incidents(&fixture, &mut table).await?;
    table.close(12);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_reports_on_its_own_grant_alone_and_one_without_artifact_hears_why() -> Outcome<()> {
    let fixture = Fixture::set().await?;
    let (door, [mine, other]) = (&fixture.door, &fixture.hosts);
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    let agent = door.with(Caller::Host(mine.clone()));
    let mut beat = 0;
    let offer = eventually("an offer", SOON, async || {
        beat += 1;
        let sync = pb::SyncRequest {
            boot_id: "boot-1".to_owned(),
            beat,
            mode: pb::AgentMode::Normal.into(),
            livepatches: Vec::new(),
        };
        agent.agent().sync(sync).await.ok()?.into_inner().offer
    });
    let grant = offer.await?.grant_id;

    let before = door.grants(ROLLOUT).await?;
    let applied = pb::outcome::Result::Applied(pb::Applied { transition_ms: 5 });
    let outcome = pb::Outcome {
        grant_id: grant,
        patch_set: "patchSets/113.1".to_owned(),
        result: Some(applied),
    };
    let report = pb::HostReport {
        sequence: 1,
        boot_id: "boot-1".to_owned(),
        boot_time_ms: 1,
        body: Some(pb::host_report::Body::Outcome(outcome)),
    };
    let request = pb::ReportRequest { spool_id: 9, reports: vec![report] };
    let stranger = door.with(Caller::Host(other.clone()));
    let answer = stranger.agent().report(request).await?.into_inner();
    // It is settled, so that the spool of a confused host does not grow for ever.
    assert_eq!(answer.acknowledged_sequence, 1);
    let result = &answer.results[0];
    assert_eq!(result.disposition(), pb::ReportDisposition::Refused);
    assert_eq!(result.reason, "NOT_YOUR_GRANT");
    assert!(
        result.message.contains(&format!("grant {grant} is not a grant of host")),
        "{result:?}"
    );
    assert_eq!(door.grants(ROLLOUT).await?, before);

    let explain = pb::ExplainRolloutRequest { name: ROLLOUT.to_owned(), host: other.clone() };
    let explained = door.rollouts().explain_rollout(explain).await?.into_inner();
    assert_eq!(explained.waiting_on, "artifact");
    let why = "has no artifact for its kernel 6.8.0-41.41";
    assert!(explained.headline.contains(why), "{}", explained.headline);
    Ok(())
}
