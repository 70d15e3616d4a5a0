//! Who decided what, typed at real processes: are the records found by who, what and when, does their chain prove
//! itself at any controller, and is a change to an exported file found where it was made?

use std::path::Path;

use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::settled;

/// Types a command at all controllers.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let line = format!("{line} --endpoint {}", cluster.addresses().join(","));
    Typed::line(cluster.dir(), &line).await
}

/// A freeze is made and lifted, by two people.
async fn decide(cluster: &Cluster, name: &str) -> Outcome<()> {
    let create = format!("freeze create {name} --reason quarter-end --operator ada");
    typed(cluster, &create).await?.ends_with(0)?;
    let lift = format!("freeze lift {name} --reason over --operator bob --yes");
    typed(cluster, &lift).await?.ends_with(0)?;
    Ok(())
}

/// The records that a list with these flags shows: who, and what.
async fn listed(cluster: &Cluster, flags: &str) -> Outcome<Vec<(String, String)>> {
    let line = format!("audit list -o json {flags}");
    let list = typed(cluster, &line).await?.ends_with(0)?.json()?;
    let records = list["records"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(records.iter().map(|of| (text(&of["actor"]), text(&of["event"]))).collect())
}

/// The head of the chain as the cluster has it.
async fn head(cluster: &Cluster, flags: &str) -> Outcome<String> {
    let verified = typed(cluster, &format!("audit verify -o json {flags}")).await?;
    let head = verified.ends_with(0)?.json()?["head"].as_str().map(str::to_owned);
    head.ok_or_else(|| Trouble::new("no head".to_owned()))
}

/// Verifies a file that was changed; answers with what is said of it.
async fn changed(cluster: &Cluster, change: impl FnOnce(&str) -> String) -> Outcome<String> {
    let whole = std::fs::read_to_string(cluster.dir().join("audit.jsonl"))?;
    std::fs::write(cluster.dir().join("changed.jsonl"), change(&whole))?;
    let verified = Typed::line(cluster.dir(), "audit verify --file changed.jsonl").await?;
    Ok(verified.refused(1, "CHAIN_BROKEN")?.said)
}

fn size(path: &Path) -> Outcome<u64> {
    Ok(std::fs::metadata(path)?.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_is_listed_followed_and_proven_whichever_controller_leads() -> Outcome<()>
{
    let mut cluster = Cluster::start(3, QUICK)?;
    let leader = settled(&cluster).await?;
    decide(&cluster, "first").await?;
    let of_bob = listed(&cluster, "--actor bob").await?;
    assert_eq!(of_bob, [("bob".to_owned(), "freeze.lifted".to_owned())]);
    let freezes = listed(&cluster, "--kind freeze.*").await?;
    let kinds: Vec<&str> = freezes.iter().map(|(_, event)| event.as_str()).collect();
    assert_eq!(kinds, ["freeze.lifted", "freeze.began"], "newest first");
    assert_eq!(listed(&cluster, "--until 2001-01-01T00:00:00Z").await?, []);
    assert_eq!(listed(&cluster, "--rollout none").await?, []);
    let asked = typed(&cluster, "audit list -o json --actor ada").await?.ends_with(0)?.json()?;
    let request = asked["records"][0]["requestId"].as_str().unwrap_or_default();
    assert_eq!(request.len(), 36, "the request is in its record: {asked}");

    let before = head(&cluster, "").await?;
    cluster.kill(leader);
    assert_ne!(settled(&cluster).await?, leader);
    decide(&cluster, "second").await?;
    let after = head(&cluster, &format!("--head {before}")).await?;
    assert_ne!(before, after);
    let (sequence, _) = before.split_once(':').unwrap_or_default();
    let forged = format!("audit verify --head {sequence}:{}", "0".repeat(64));
    typed(&cluster, &forged).await?.refused(1, "CHAIN_BROKEN")?;
    let later = format!("audit verify --head 1000:{}", "0".repeat(64));
    typed(&cluster, &later).await?.refused(1, "CHAIN_BROKEN")?;

    let tail = "audit tail --last 2 --timeout 1s -o jsonl";
    let told = typed(&cluster, tail).await?.ends_with(4)?.printed;
    assert!(told.lines().count() == 2 && told.contains("freeze.lifted"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_file_proves_itself_and_any_change_to_it_is_found_where_it_is() -> Outcome<()> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    decide(&cluster, "first").await?;
    typed(&cluster, "audit export --to audit.jsonl").await?.ends_with(0)?;
    let again = typed(&cluster, "audit export --to audit.jsonl").await?;
    again.refused(2, "FILE_EXISTS")?;
    let head = head(&cluster, "").await?;
    // The rest needs no controller.
    let verify = format!("audit verify --file audit.jsonl --head {head} -o json");
    let verified = Typed::line(cluster.dir(), &verify).await?.ends_with(0)?.json()?;
    assert_eq!(verified["head"], head, "{verified}");

    let said = changed(&cluster, |whole| whole.replacen("\"ada\"", "\"eve\"", 1)).await?;
    assert!(said.contains("is not what was chained"), "{said}");
    let without = |whole: &str| {
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        [&lines[..2], &lines[3..]].concat().concat()
    };
    let said = changed(&cluster, without).await?;
    assert!(said.contains("line 3: record 3") && said.contains("was removed"), "{said}");
    let swapped = |whole: &str| {
        let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
        lines.swap(1, 2);
        lines.concat()
    };
    let said = changed(&cluster, swapped).await?;
    assert!(said.contains("line 2: record 2"), "{said}");
    let cut = changed(&cluster, |whole| whole[..whole.len() - 1].to_owned()).await?;
    assert!(cut.contains("cut off"), "{cut}");

    // What came since goes into a file of its own.
    decide(&cluster, "second").await?;
    let (sequence, _) = head.split_once(':').unwrap_or_default();
    let since = format!("audit export --after {sequence} --to since.jsonl -o json");
    let exported = typed(&cluster, &since).await?.ends_with(0)?.json()?;
    assert_eq!(exported["after"], head, "{exported}");
    assert!(size(&cluster.dir().join("since.jsonl"))? > 0);
    let beyond = typed(&cluster, "audit export --after 1000 --to beyond.jsonl").await?;
    beyond.refused(1, "UNKNOWN_RECORD")?;
    Ok(())
}
