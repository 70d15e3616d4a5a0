//! Who may enrol, and who may have grants, from outside, on real processes? Places under tokens, raced for, given back
//! and moved; time that is over, tokens that were taken back.

use std::collections::BTreeMap;

use tidegate_agent::driver::simulated::simulated_facts;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Caller, Door, reason};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, replicas_agree, said, settled};
use tonic::{Code, Status};

/// A controller, and its door.
async fn controller() -> Outcome<(Cluster, Door)> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    Ok((cluster, door))
}

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// Types a command that makes a token, whose secret is then in a file of its name. Tried again while nobody tells
/// the time.
async fn token(cluster: &Cluster, id: &str, flags: &str) -> Outcome<String> {
    let line = format!("token create --id {id} --secret-file {id}.token --yes {flags}");
    eventually("a token", SOON, async || typed(cluster, &line).await.ok()?.ends_with(0).ok())
        .await?;
    Ok(std::fs::read_to_string(cluster.dir().join(format!("{id}.token")))?.trim().to_owned())
}

/// Asks to enrol this machine.
fn enrol(machine: &str, secret: &str) -> pb::EnrollRequest {
    pb::EnrollRequest {
        request_id: door::request_id(),
        token_secret: secret.to_owned(),
        machine_id: machine.to_owned(),
        facts: Some(simulated_facts(1, 1)),
        boot_id: "boot-1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    }
}

async fn enters(door: &Door, machine: &str, secret: &str) -> Result<String, Status> {
    Ok(door.agent().enroll(enrol(machine, secret)).await?.into_inner().host)
}

/// The refusal of an enrolment: its code, its reason and what it says.
async fn is_refused(door: &Door, machine: &str, secret: &str) -> Outcome<(Code, String, String)> {
    match enters(door, machine, secret).await {
        Ok(host) => Err(Trouble::new(format!("{machine} is enrolled as {host}"))),
        Err(status) => Ok((status.code(), reason(&status), status.message().to_owned())),
    }
}

async fn of_token(door: &Door, id: &str) -> Outcome<pb::Token> {
    let request = pb::GetTokenRequest { name: format!("tokens/{id}") };
    Ok(door.fleet().get_token(request).await?.into_inner())
}

async fn of_host(door: &Door, name: &str) -> Result<pb::Host, Status> {
    let request = pb::GetHostRequest { name: name.to_owned() };
    Ok(door.fleet().get_host(request).await?.into_inner())
}

const RACERS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_hosts_that_race_for_the_last_places_of_a_token_so_many_enrol_as_there_are()
-> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    settled(&cluster).await?;
    let doors: Vec<Door> =
        cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
    let secret = token(&cluster, "free", "--tier free").await?;
    assert_eq!(of_token(&doors[0], "free").await?.max_hosts, 5, "a free token is for five");
    let racers = (0..RACERS).map(|racer| {
        let (door, secret) = (doors[racer % doors.len()].clone(), secret.clone());
        tokio::spawn(async move {
            let request = enrol(&format!("racer-{racer}"), &secret);
            // Whoever hears nothing asks again, with the same request.
            loop {
                match door.agent().enroll(request.clone()).await {
                    Ok(enrolled) => return Ok(enrolled.into_inner().host),
                    Err(status) if status.code() == Code::Unavailable => (),
                    Err(status) => return Err(reason(&status)),
                }
            }
        })
    });
    let racers: Vec<_> = racers.collect();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for racer in racers {
        let end = racer.await?.map_or_else(|reason| reason, |_| "enrolled".to_owned());
        *ends.entry(end).or_default() += 1;
    }
    let expected = [("TOKEN_HOST_LIMIT".to_owned(), RACERS - 5), ("enrolled".to_owned(), 5)];
    assert_eq!(ends, BTreeMap::from(expected));
    let free = of_token(&doors[1], "free").await?;
    assert_eq!((free.enrolled_hosts, free.state()), (5, pb::TokenState::Full));
    let hosts = doors[2].fleet().list_hosts(pb::ListHostsRequest::default()).await?.into_inner();
    assert_eq!((hosts.hosts.len(), hosts.total_size), (5, 5), "who was refused has no row");
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_beyond_the_limit_is_told_what_to_do_and_a_lowered_limit_sends_nobody_away()
-> Outcome<()> {
    let (cluster, door) = controller().await?;
    let secret = token(&cluster, "free", "--tier free --max-hosts 2").await?;
    let first = enters(&door, "m1", &secret).await?;
    enters(&door, "m2", &secret).await?;
    let (code, reason, said) = is_refused(&door, "m3", &secret).await?;
    assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "TOKEN_HOST_LIMIT"));
    assert_eq!(
        said,
        "the token `free` has enrolled 2 of at most 2 hosts: raise its limit with `tidegate token update free \
         --max-hosts N`, evict a host that is gone, or use another token"
    );
    let lowered = typed(&cluster, "token update free --max-hosts 1").await?.ends_with(0)?;
    assert!(lowered.said.contains("1 more than tokens/free is for now"), "{}", lowered.said);
    let (_, _, said) = is_refused(&door, "m3", &secret).await?;
    assert!(said.contains("2 of at most 1 hosts"), "{said}");
    assert_eq!(of_host(&door, &first).await?.state(), pb::HostState::Idle, "it is served on");
    assert_eq!(enters(&door, "m1", &secret).await?, first, "it may enrol again");
    typed(&cluster, "token update free --max-hosts 3").await?.ends_with(0)?;
    enters(&door, "m3", &secret).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_lets_nobody_in_until_it_is_given_more_time() -> Outcome<()> {
    let (cluster, door) = controller().await?;
    let secret = token(&cluster, "soon", "--tier free --ttl 2s").await?;
    let first = answered("enrol in time", async || enters(&door, "m1", &secret).await).await?;
    eventually("the token's time is over", SOON, async || {
        (of_token(&door, "soon").await.ok()?.state() == pb::TokenState::Expired).then_some(())
    })
    .await?;
    let (code, reason, said) = is_refused(&door, "m2", &secret).await?;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "TOKEN_EXPIRED"));
    assert!(said.contains("tidegate token update soon --ttl 30d"), "{said}");
    assert_eq!(of_host(&door, &first).await?.state(), pb::HostState::Idle, "its host is served on");
    assert_eq!(enters(&door, "m1", &secret).await?, first, "and may enrol again");
    typed(&cluster, "token update soon --expires 2001-01-01T00:00:00Z")
        .await?
        .refused(1, "EXPIRY_PASSED")?;
    let etag = of_token(&door, "soon").await?.etag;
    typed(&cluster, "token update soon --ttl 1h --dry-run").await?.ends_with(0)?;
    assert_eq!(of_token(&door, "soon").await?.etag, etag, "it was only checked");
    typed(&cluster, &format!("token update soon --ttl 1h --if-match {etag}"))
        .await?
        .ends_with(0)?;
    enters(&door, "m2", &secret).await?;
    typed(&cluster, &format!("token update soon --never-expires --if-match {etag}"))
        .await?
        .refused(6, "ETAG_MISMATCH")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_lets_nobody_in_and_bars_its_hosts_until_they_are_moved() -> Outcome<()> {
    let (cluster, door) = controller().await?;
    let secret = token(&cluster, "free", "--tier free").await?;
    let host = enters(&door, "m1", &secret).await?;
    typed(&cluster, "token revoke free --reason leaked").await?.ends_with(2)?;
    typed(&cluster, "token revoke free --reason leaked --yes --dry-run").await?.ends_with(0)?;
    assert_eq!(of_token(&door, "free").await?.state(), pb::TokenState::Active, "only checked");
    typed(&cluster, "token revoke free --reason leaked --yes --operator ada")
        .await?
        .ends_with(0)?;
    let (code, reason, said) = is_refused(&door, "m2", &secret).await?;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "TOKEN_REVOKED"));
    assert!(said.starts_with("ada revoked the token `free` (leaked)"), "{said}");
    let barred = of_host(&door, &host).await?;
    assert_eq!(barred.state(), pb::HostState::Barred);
    assert!(barred.barred.contains("tidegate host move"), "{}", barred.barred);
    let listed = typed(&cluster, "host list --state barred --token free -o name").await?;
    assert_eq!(listed.ends_with(0)?.printed.trim(), host);
    token(&cluster, "paid", "--tier paid").await?;
    let id = host.trim_start_matches("hosts/");
    typed(&cluster, &format!("host move {id} --token paid --yes")).await?.ends_with(0)?;
    assert_eq!(of_host(&door, &host).await?.state(), pb::HostState::Idle);
    let shown = typed(&cluster, "token get free -o json").await?.ends_with(0)?.json()?;
    assert_eq!((&shown["state"], &shown["enrolledHosts"]), (&"REVOKED".into(), &0.into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_one_kernel_series_lets_no_other_in() -> Outcome<()> {
    let (cluster, door) = controller().await?;
    let facts = simulated_facts(1, 1);
    let series: Vec<&str> = facts.kernel_release.splitn(3, '.').take(2).collect();
    let own = format!("--tier free --kernel-series {} --arch {}", series.join("."), facts.arch);
    let fits = token(&cluster, "fits", &own).await?;
    let other = token(&cluster, "other", "--tier free --kernel-series 2.4").await?;
    enters(&door, "m1", &fits).await?;
    let (code, reason, said) = is_refused(&door, "m2", &other).await?;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "TOKEN_OUT_OF_SCOPE"));
    assert!(said.contains("is for kernel series 2.4, and this machine is arch"), "{said}");
    typed(&cluster, "host move m1 --token other --yes").await?.refused(1, "UNKNOWN_HOST")?;
    let moved =
        typed(&cluster, &format!("host move {} --token other --yes", facts.hostname)).await?;
    moved.refused(6, "TOKEN_OUT_OF_SCOPE")?;
    assert_eq!(of_token(&door, "fits").await?.enrolled_hosts, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_installed_anew_takes_no_second_place_and_one_that_is_gone_gives_its_place_back()
-> Outcome<()> {
    let (cluster, door) = controller().await?;
    let secret = token(&cluster, "free", "--tier free --max-hosts 1").await?;
    let host = enters(&door, "m1", &secret).await?;
    // The new installation has the machine's id, and a boot and a state of its own.
    let anew =
        pb::EnrollRequest { boot_id: "boot-of-the-new-disk".to_owned(), ..enrol("m1", &secret) };
    let again = door.agent().enroll(anew).await?.into_inner().host;
    assert_eq!(again, host, "it is the host that it was");
    assert_eq!(of_token(&door, "free").await?.enrolled_hosts, 1);
    // A new machine id is another machine: the old one goes first.
    let (_, reason, _) = is_refused(&door, "m2", &secret).await?;
    assert_eq!(reason, "TOKEN_HOST_LIMIT");
    let id = host.trim_start_matches("hosts/");
    typed(&cluster, &format!("host evict {id} --reason reinstalled")).await?.ends_with(2)?;
    let checked =
        typed(&cluster, &format!("host evict {id} --reason reinstalled --dry-run")).await?;
    assert!(checked.ends_with(0)?.printed.contains("would be evicted"));
    assert_eq!(of_host(&door, &host).await?.name, host, "it was only checked");
    let evict = format!("host evict {id} --reason reinstalled --yes --operator ada");
    let evicted = typed(&cluster, &evict).await?.ends_with(0)?;
    assert!(evicted.said.contains("tokens/free has 0 of 1 hosts"), "{}", evicted.said);
    typed(&cluster, &evict).await?.refused(1, "HOST_EVICTED")?;
    let gone = door.with(Caller::Host(host.clone()));
    let beat = pb::SyncRequest { boot_id: "boot-1".to_owned(), beat: 1, ..Default::default() };
    let told = said("an evicted host", async || gone.agent().sync(beat.clone()).await).await?;
    let told = told.err().ok_or_else(|| Trouble::new("an evicted host is served on"))?;
    assert_eq!((told.code(), door::reason(&told).as_str()), (Code::NotFound, "HOST_EVICTED"));
    let new = enters(&door, "m2", &secret).await?;
    assert_ne!(new, host);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_moved_where_there_is_a_place_and_has_the_tier_of_that_token() -> Outcome<()> {
    let (cluster, door) = controller().await?;
    let free = token(&cluster, "free", "--tier free --max-hosts 2").await?;
    token(&cluster, "paid", "--tier paid --max-hosts 1").await?;
    let (first, second) = (enters(&door, "m1", &free).await?, enters(&door, "m2", &free).await?);
    let moves = async |host: &str, flags: &str| {
        let id = host.trim_start_matches("hosts/");
        typed(&cluster, &format!("host move {id} --token paid --reason upgraded {flags}")).await
    };
    moves(&first, "").await?.ends_with(2)?;
    let would = moves(&first, "--dry-run -o json").await?.ends_with(0)?.json()?;
    assert_eq!(would["tier"], "tiers/paid");
    assert_eq!(of_host(&door, &first).await?.tier, "tiers/free", "it was only checked");
    moves(&first, "--yes").await?.ends_with(0)?;
    let moved = of_host(&door, &first).await?;
    assert_eq!((moved.tier.as_str(), moved.token.as_str()), ("tiers/paid", "tokens/paid"));
    moves(&second, "--yes").await?.refused(1, "TOKEN_HOST_LIMIT")?;
    assert_eq!(of_host(&door, &second).await?.tier, "tiers/free", "it stays where it was");
    let counts = async |id: &str| Ok::<_, Trouble>(of_token(&door, id).await?.enrolled_hosts);
    assert_eq!((counts("free").await?, counts("paid").await?), (1, 1));
    Ok(())
}
