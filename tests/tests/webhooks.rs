//! Do people hear of an incident who are not looking, on real processes and sockets? Signed, in order, at least once,
//! whatever the receivers and the leaders do.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of a cluster, which need all of it"
)]
mod journey;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::Value;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::receiver::{Answer, Received, Receiver, TAKEN};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, replicas_agree, settled};

use journey::{enrolled_fleet, publish};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BROKEN: Answer = Answer::Says("HTTP/1.1 500 Internal Server Error\r\n\r\n");
const GONE: Answer = Answer::Says("HTTP/1.1 410 Gone\r\n\r\n");

/// A cluster whose controllers may call these receivers, with the one secret that they share.
fn cluster(size: u64, receivers: &[&Receiver]) -> Outcome<Cluster> {
    let allow: Vec<String> =
        receivers.iter().map(|receiver| format!("\"{}\"", receiver.authority())).collect();
    let allow = allow.join(", ");
    let settings = format!("\n[webhooks]\nsecrets = \"webhook-secrets\"\nallow = [{allow}]\n");
    let mut cluster = Cluster::prepare_with(size, QUICK, Box::leak(settings.into_boxed_str()))?;
    let folder = cluster.dir().join("webhook-secrets");
    fs::create_dir(&folder)?;
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(folder.join("one"));
    writeln!(file?, "{SECRET}")?;
    cluster.start_all()?;
    Ok(cluster)
}

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// The answer of a command that succeeds.
async fn answer(cluster: &Cluster, line: &str) -> Outcome<Value> {
    typed(cluster, &format!("{line} -o json")).await?.ends_with(0)?.json()
}

/// Writes a document of webhooks, each `name → authority`, and what each says besides.
fn document(dir: &Path, webhooks: &[(&str, &Receiver, &str)]) -> Outcome<()> {
    let table = |(name, receiver, more): &(&str, &Receiver, &str)| {
        let url = format!("http://{}/tidegate?of={name}", receiver.authority());
        format!("[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret = \"one\"\n{more}\n")
    };
    let text: String = webhooks.iter().map(table).collect();
    Ok(fs::write(dir.join("webhooks.toml"), text)?)
}

async fn declare(cluster: &Cluster, webhooks: &[(&str, &Receiver, &str)]) -> Outcome<Value> {
    document(cluster.dir(), webhooks)?;
    answer(cluster, "webhook apply -f webhooks.toml --yes").await
}

/// Waits until a receiver has heard so much.
async fn hears(receiver: &Receiver, count: usize) -> Outcome<Vec<Received>> {
    let what = format!("{count} messages");
    eventually(&what, SOON * 2, async || {
        let heard = receiver.heard();
        (heard.len() >= count).then_some(heard)
    })
    .await
}

/// Waits until a webhook shows this number under this key.
async fn shows(cluster: &Cluster, webhook: &str, (key, number): (&str, u64)) -> Outcome<Value> {
    let (line, what) = (format!("webhook get {webhook}"), format!("{key} = {number}"));
    eventually(&what, SOON, async || {
        let shown = answer(cluster, &line).await.ok()?;
        (shown[key] == number).then_some(shown)
    })
    .await
}

/// What happened, and to what, of each message in the order in which it came.
fn told(heard: &[Received]) -> Outcome<Vec<String>> {
    let one = |received: &Received| {
        let event = received.event()?;
        let kind = event["type"].as_str().unwrap_or_default();
        let kind = kind.trim_start_matches("io.tidegate.").trim_end_matches(".v1");
        Ok(format!("{kind} {}", event["subject"].as_str().unwrap_or_default()))
    };
    heard.iter().map(one).collect()
}

/// Every message is a CloudEvent that says the same as its head, and is signed.
fn are_signed(heard: &[Received]) -> Outcome<()> {
    for received in heard {
        let event = received.event()?;
        assert!(received.line.starts_with("POST /tidegate?of="), "{received:?}");
        assert!(received.is_signed_with(SECRET), "{received:?}");
        assert!(!received.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(event["id"], received.header("webhook-id"), "{event}");
        assert_eq!(
            (&event["specversion"], &event["source"]),
            (&"1.0".into(), &"/tidegate/clusters/system-test".into())
        );
        let kind = received.header("content-type");
        assert!(kind.starts_with("application/cloudevents+json"), "{kind}");
    }
    Ok(())
}

/// No file that a controller or a client has written, and nothing that is shown, holds the secret.
async fn the_secret_is_nowhere(cluster: &Cluster) -> Outcome<()> {
    typed(cluster, "cluster backup all.backup").await?.ends_with(0)?;
    let (text, raw) = (&SECRET.as_bytes()[6..], b"\x31\xf2\x90\xf6\xbf\x06\x29\x8a".as_slice());
    let mut folders = vec![cluster.dir().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("webhook-secrets") {
                folders.push(path);
            } else if path.is_file() {
                let bytes = fs::read(&path)?;
                let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
                assert!(!has(text) && !has(raw), "the secret is in {}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 10, "logs, journals and a backup were looked at: {files}");
    for line in ["webhook list", "webhook get all", "webhook export", "audit list"] {
        for form in ["json", "yaml", "table"] {
            let shown = typed(cluster, &format!("{line} -o {form}")).await?;
            let shown = format!("{}{}", shown.printed, shown.said);
            assert!(!shown.contains(&SECRET[6..20]), "{line}: {shown}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_happens_to_an_incident_is_told_signed_and_in_order_whatever_other_receivers_do()
-> Outcome<()> {
    let all = Receiver::start(|_, _| TAKEN)?;
    let moody = Receiver::start(|count, _| if count < 2 { BROKEN } else { TAKEN })?;
    let hanging = Receiver::start(|_, _| Answer::Hangs)?;
    let cluster = cluster(3, &[&all, &moody, &hanging])?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    let opened = "events = [\"opened\"]";
    let webhooks = [("all", &all, ""), ("moody", &moody, opened), ("slow", &hanging, opened)];
    declare(&cluster, &webhooks).await?;

    typed(&cluster, "rollout halt 113.1 --reason odd").await?.ends_with(0)?;
    hears(&hanging, 1).await?;
    // While one hangs, everything else goes on.
    typed(&cluster, "incident ack 1").await?.ends_with(0)?;
    typed(&cluster, "incident note 1 --remark firmware").await?.ends_with(0)?;
    typed(&cluster, "rollout resume 113.1 --reason fixed --yes").await?.ends_with(0)?;
    let heard = hears(&all, 4).await?;
    are_signed(&heard)?;
    let in_order = ["opened", "acknowledged", "noted", "resolved"];
    let in_order = in_order.map(|what| format!("incident.{what} incidents/1"));
    assert_eq!(told(&heard)?, in_order);
    let data = &heard[2].event()?["data"];
    assert_eq!((&data["text"], &data["rollout"]), (&"firmware".into(), &"rollouts/113.1".into()));

    // Who answers 500 twice is asked again, and gets the very same.
    let heard = hears(&moody, 3).await?;
    are_signed(&heard)?;
    assert!(heard.iter().all(|of| of.body == heard[0].body), "{heard:?}");
    shows(&cluster, "moody", ("delivered", 1)).await?;
    shows(&cluster, "all", ("delivered", 4)).await?;
    let slow = answer(&cluster, "webhook get slow").await?;
    assert_eq!((&slow["pending"], &slow["delivered"]), (&1.into(), &0.into()), "{slow}");
    assert_eq!(slow["notifications"][0]["subject"], "incidents/1");

    the_secret_is_nowhere(&cluster).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leader_could_not_say_before_it_died_is_delivered_again_under_the_same_id()
-> Outcome<()> {
    let taken = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let pager =
        Receiver::start(
            move |count, _| {
                if count == 0 { Answer::Gated(taken) } else { Answer::Says(taken) }
            },
        )?;
    let mut cluster = cluster(3, &[&pager])?;
    settled(&cluster).await?;
    declare(&cluster, &[("pager", &pager, "")]).await?;
    let leader = settled(&cluster).await?;
    typed(&cluster, "webhook test pager").await?.ends_with(0)?;
    let first = hears(&pager, 1).await?;
    // The leader stands still; the answer goes out; the leader is no more.
    cluster.pause(leader)?;
    pager.open_gate()?;
    cluster.kill(leader);

    let heard = hears(&pager, 2).await?;
    let next = settled(&cluster).await?;
    assert_ne!(next, leader);
    are_signed(&heard)?;
    assert_eq!(heard[1].header("webhook-id"), first[0].header("webhook-id"));
    assert_eq!(heard[1].body, first[0].body);
    shows(&cluster, "pager", ("delivered", 1)).await?;
    shows(&cluster, "pager", ("pending", 0)).await?;

    // The dead one comes back, and nobody is told a third time.
    cluster.start_node(leader)?;
    settled(&cluster).await?;
    typed(&cluster, "webhook test pager").await?.ends_with(0)?;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for received in hears(&pager, 3).await? {
        *times.entry(received.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!(times.into_values().collect::<Vec<_>>(), [2, 1]);
    shows(&cluster, "pager", ("delivered", 2)).await?;
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redirect_is_followed_and_who_is_gone_hears_what_it_missed_when_somebody_says_so()
-> Outcome<()> {
    let elsewhere = Receiver::start(|_, _| TAKEN)?;
    let authority = elsewhere.authority();
    let there =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{authority}/x\r\n\r\n");
    let there: &'static str = Box::leak(there.into_boxed_str());
    let redirects =
        Receiver::start(move |count, _| if count == 0 { Answer::Says(there) } else { TAKEN })?;
    let gone = Receiver::start(|count, _| if count == 0 { GONE } else { TAKEN })?;
    let cluster = cluster(1, &[&elsewhere, &redirects, &gone])?;
    settled(&cluster).await?;
    let webhooks = [("redirects", &redirects, ""), ("gone", &gone, "")];
    declare(&cluster, &webhooks).await?;
    typed(&cluster, "webhook test redirects").await?.ends_with(0)?;
    typed(&cluster, "webhook test gone").await?.ends_with(0)?;
    let heard = hears(&redirects, 2).await?;
    assert_eq!(heard[0].body, heard[1].body);
    shows(&cluster, "redirects", ("delivered", 1)).await?;
    assert_eq!(elsewhere.heard().len(), 0);
    let shown = shows(&cluster, "gone", ("gaveUp", 1)).await?;
    assert_eq!((&shown["state"], &shown["pending"]), (&"GONE".into(), &0.into()));
    typed(&cluster, "webhook test gone").await?.refused(6, "WEBHOOK_GONE")?;
    typed(&cluster, "webhook resend gone --all").await?.refused(6, "WEBHOOK_GONE")?;
    // Declared again, it is tried again, and what it missed is there.
    declare(&cluster, &webhooks).await?;
    typed(&cluster, "webhook resend gone 99").await?.refused(1, "UNKNOWN_DEAD_LETTER")?;
    typed(&cluster, "webhook resend redirects --all").await?.refused(6, "NO_DEAD_LETTERS")?;
    typed(&cluster, "webhook resend gone").await?.ends_with(2)?;
    let shown = answer(&cluster, "webhook get gone").await?;
    let letter = &shown["deadLetters"][0];
    assert_eq!(letter["reason"], "410 Gone: it is told nothing more", "{shown}");
    let number = letter["notification"]["number"].to_string();
    typed(&cluster, &format!("webhook resend gone {number}")).await?.ends_with(0)?;
    let shown = shows(&cluster, "gone", ("delivered", 1)).await?;
    assert_eq!((&shown["deadLetterCount"], &shown["gaveUp"]), (&0.into(), &1.into()), "{shown}");
    let heard = hears(&gone, 2).await?;
    are_signed(&heard)?;
    assert_eq!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));
    assert_eq!(heard[0].body, heard[1].body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_changed_without_a_message_that_its_receiver_cannot_verify() -> Outcome<()> {
    const NEXT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let pager = Receiver::start(|_, _| TAKEN)?;
    let cluster = cluster(1, &[&pager])?;
    settled(&cluster).await?;
    declare(&cluster, &[("pager", &pager, "")]).await?;
    let file = cluster.dir().join("webhook-secrets").join("one");
    let keys = [(SECRET.to_owned(), [true, false]), (format!("{SECRET}\n{NEXT}\n"), [true, true])];
    for (text, verified) in keys.into_iter().chain([(NEXT.to_owned(), [false, true])]) {
        fs::write(&file, text)?;
        let before = pager.heard().len();
        typed(&cluster, "webhook test pager").await?.ends_with(0)?;
        let heard = hears(&pager, before + 1).await?;
        let newest = &heard[before];
        assert_eq!([SECRET, NEXT].map(|secret| newest.is_signed_with(secret)), verified);
    }
    Ok(())
}

/// Whoever calls at the old address may be answered after the new one was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_gone_at_an_address_of_before_does_not_silence_the_one_that_is() -> Outcome<()> {
    let old = Receiver::start(|_, _| Answer::Gated("HTTP/1.1 410 Gone\r\n\r\n"))?;
    let new = Receiver::start(|_, _| TAKEN)?;
    let cluster = cluster(1, &[&old, &new])?;
    settled(&cluster).await?;
    declare(&cluster, &[("pager", &old, "")]).await?;
    typed(&cluster, "webhook test pager").await?.ends_with(0)?;
    let first = hears(&old, 1).await?;
    declare(&cluster, &[("pager", &new, "")]).await?;
    old.open_gate()?;
    let heard = hears(&new, 1).await?;
    assert_eq!(heard[0].body, first[0].body);
    let shown = shows(&cluster, "pager", ("delivered", 1)).await?;
    assert_eq!((&shown["state"], &shown["gaveUp"]), (&"ACTIVE".into(), &0.into()), "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_would_tell_nobody_are_refused_and_change_nothing() -> Outcome<()> {
    let pager = Receiver::start(|_, _| TAKEN)?;
    let cluster = cluster(1, &[&pager])?;
    settled(&cluster).await?;
    let url = format!("http://{}/x", pager.authority());
    let good = format!("[[webhook]]\nname = \"pager\"\nurl = \"{url}\"\nsecret = \"one\"\n");
    let folder = cluster.dir().join("webhook-secrets");
    fs::write(folder.join("open"), SECRET)?;
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(folder.join("bad"));
    writeln!(file?, "swordfish")?;
    let rows = [
        (good.replace("\"one\"", "\"two\""), 6, "WEBHOOK_SECRET_MISSING"),
        (good.replace("\"one\"", "\"open\""), 6, "WEBHOOK_SECRET_BAD"),
        (good.replace("\"one\"", "\"bad\""), 6, "WEBHOOK_SECRET_BAD"),
        (good.replace(&url, "http://127.0.0.1:1/x"), 6, "WEBHOOK_NOT_ALLOWED"),
        (good.replace(&url, "http://169.254.169.254/latest"), 6, "WEBHOOK_NOT_ALLOWED"),
        (good.replace("http:", "https:"), 1, "BAD_FIELD"),
        (good.replace("http://", "http://ada:word@"), 1, "BAD_FIELD"),
        (good.replace(&url, "file:///etc/passwd"), 1, "BAD_FIELD"),
        (format!("{good}{good}"), 1, "BAD_FIELD"),
        (good.replace("\"one\"", &format!("\"{SECRET}\"")), 1, "BAD_FIELD"),
        (format!("{good}events = [\"exploded\"]\n"), 1, "BAD_FIELD"),
        (String::new(), 1, "BAD_FIELD"),
    ];
    for (text, code, reason) in rows {
        fs::write(cluster.dir().join("webhooks.toml"), &text)?;
        let refused = typed(&cluster, "webhook apply -f webhooks.toml --yes").await?;
        let refused = refused.refused(code, reason).map_err(|why| why.while_trying_to(&text))?;
        assert!(!refused.said.contains(&SECRET[6..]), "{}", refused.said);
        assert!(!refused.said.contains("swordfish"), "{}", refused.said);
    }
    typed(&cluster, "webhook test pager").await?.refused(1, "UNKNOWN_WEBHOOK")?;
    typed(&cluster, "webhook get Pager!").await?.refused(1, "BAD_FIELD")?;
    assert_eq!(answer(&cluster, "webhook list").await?["version"], 0);

    fs::write(cluster.dir().join("webhooks.toml"), &good)?;
    let apply = "webhook apply -f webhooks.toml --yes";
    let would = answer(&cluster, &format!("{apply} --dry-run")).await?;
    assert_eq!(would["webhooks"][0]["name"], "webhooks/pager", "{would}");
    assert_eq!(answer(&cluster, "webhook list").await?["version"], 0, "a check changes nothing");
    answer(&cluster, apply).await?;
    typed(&cluster, &format!("{apply} --if-match 0")).await?.refused(6, "ETAG_MISMATCH")?;
    let exported = typed(&cluster, "webhook export").await?.ends_with(0)?.printed;
    fs::write(cluster.dir().join("webhooks.toml"), exported)?;
    let again = answer(&cluster, &format!("{apply} --if-match 1")).await?;
    assert_eq!(
        (&again["version"], again["webhooks"].as_array().map(Vec::len)),
        (&2.into(), Some(1))
    );
    Ok(())
}
