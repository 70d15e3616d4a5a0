//! Does the command line keep what it promises? The real program, typed as an operator types it: one row, one promise.

use std::fs;

use serde_json::Value;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, settled};

const KERNEL: &str = "5.15.0-107.117";

/// A livepatch that harms nobody.
const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1",
    "transition_ms":[100,400]}"#;

/// What is typed, the exit code, and what stands in stdout and in stderr.
type Row = (&'static str, i32, &'static [&'static str], &'static [&'static str]);

/// A controller that holds a patch set, and what did not go as promised.
struct Desk {
    cluster: Cluster,
    wrong: Vec<String>,
}

impl Desk {
    async fn set() -> Outcome<Self> {
        let cluster = Cluster::start(1, QUICK)?;
        settled(&cluster).await?;
        let door = Door::of(&cluster.address(1))?;
        door.upload(PATCH.as_bytes()).await?;
        let publish = door::publish("113.1", &[KERNEL], PATCH.as_bytes());
        door.patch_sets().publish_patch_set(publish).await?;
        eventually("the patch set is ready", SOON, async || {
            let name = "patchSets/113.1".to_owned();
            let set =
                door.patch_sets().get_patch_set(pb::GetPatchSetRequest { name }).await.ok()?;
            (set.get_ref().state() == pb::PatchSetState::Ready).then_some(())
        })
        .await?;
        let mut desk = Self { cluster, wrong: Vec::new() };
        let address = desk.cluster.address(1);
        let context = format!("config set endpoints {address} --context here");
        desk.typed(&context).await?.ends_with(0)?;
        desk.typed("config use-context here").await?.ends_with(0)?;
        Ok(desk)
    }

    async fn typed(&mut self, line: &str) -> Outcome<Typed> {
        Typed::line(self.cluster.dir(), line).await
    }

    /// Types each row, and notes what is not as promised.
    async fn rows(&mut self, rows: &[Row]) -> Outcome<()> {
        for (line, code, printed, said) in rows {
            let typed = self.typed(line).await?;
            let mut wrong = Vec::new();
            if typed.code != *code {
                wrong.push(format!("exit code {}, not {code}", typed.code));
            }
            let missing = |text: &str, words: &[&str]| -> Vec<String> {
                words
                    .iter()
                    .filter(|word| !text.contains(**word))
                    .map(|w| format!("no `{w}`"))
                    .collect()
            };
            wrong.extend(missing(&typed.printed, printed));
            wrong.extend(missing(&typed.said, said));
            if !wrong.is_empty() {
                let (out, err) = (&typed.printed, &typed.said);
                self.wrong.push(format!("{line}: {}\n{out}\n{err}", wrong.join(", ")));
            }
        }
        Ok(())
    }

    /// Fails with every row that was not as promised.
    fn close(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n---\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_printed_has_the_form_that_was_asked_for() -> Outcome<()> {
    let mut desk = Desk::set().await?;
    desk.rows(&[
        ("version", 0, &["tidegate "], &[]),
        ("version -o json", 0, &["\"version\""], &[]),
        ("explain series_busy", 0, &["SERIES_BUSY\n", "supersede it."], &[]),
        ("explain SERIES_BUSY -o json", 0, &["\"why\""], &[]),
        ("explain SERIES_BUSI", 2, &[], &["SERIES_BUSY"]),
        ("tier list", 0, &["POSITION", "canary", "paid"], &[]),
        ("tier list -o name", 0, &["tiers/canary\ntiers/free\ntiers/paid\n"], &[]),
        ("tier list -o name --sort-by=-name", 0, &["tiers/paid\ntiers/free\ntiers/canary\n"], &[]),
        ("tier list --no-headers --columns name", 0, &["canary\nfree\npaid\n"], &[]),
        ("tier list -o yaml", 0, &["tiers:\n", "name: tiers/free\n"], &[]),
        ("tier list --columns colour", 2, &[], &["there are position, name, drawn-from, hosts"]),
        ("tier list --sort-by colour", 2, &[], &["drawnFrom, frozenBy, hosts, name, position"]),
        ("patchset list --filter state=READY -o name", 0, &["patchSets/113.1\n"], &[]),
        ("patchset list --filter kernel:5.15*", 0, &["113.1"], &[]),
        ("patchset list --limit 1", 0, &["113.1"], &[]),
        ("patchset list --utc", 0, &["Z\n"], &[]),
        ("patchset list -v", 0, &[], &["answered after"]),
        ("TIDEGATE_OUTPUT=name tier list", 0, &["tiers/free\n"], &[]),
        ("TIDEGATE_OUTPUT=name tier list -o jsonl", 0, &["{\"delayMs\""], &[]),
        ("rollout list --filter colour=red", 1, &[], &["BAD_FILTER", "no field `colour`"]),
        ("rollout list --filter colour=red -o json", 1, &[], &["\"reason\":\"BAD_FILTER\""]),
        ("rollout get nothing", 1, &[], &["UNKNOWN_ROLLOUT", "next:  tidegate rollout list"]),
        ("rollout list -o nonsense", 2, &[], &["table", "wide", "json", "yaml", "jsonl", "name"]),
        ("nonsense", 2, &[], &["unrecognized subcommand"]),
        ("rolout list", 2, &[], &["rollout"]),
    ])
    .await?;
    let json = desk.typed("patchset list -o json").await?.ends_with(0)?.json()?;
    assert_eq!(json["patchSets"][0]["name"], "patchSets/113.1", "{json}");
    let yaml = desk.typed("patchset list -o yaml").await?.ends_with(0)?;
    assert!(
        yaml.said.is_empty()
            && yaml.printed.contains("version") == json.to_string().contains("version")
    );
    for line in desk.typed("tier list -o jsonl").await?.printed.lines() {
        serde_json::from_str::<Value>(line)?;
    }
    desk.close();
    Ok(())
}

/// Everything is halted at once, and what that leaves behind.
const HALTED: &[Row] = &[
    ("halt", 2, &[], &["required"]),
    ("halt --all", 2, &[], &["--confirm"]),
    ("halt --all --confirm=SOME", 2, &[], &["ALL"]),
    (
        "halt --all --confirm=ALL -n",
        0,
        &["rollouts/113.1 would be halted"],
        &["would halt 1 rollout"],
    ),
    ("rollout status 113.1", 0, &[], &[]),
    ("halt --all --confirm=ALL --reason drill", 0, &["rollouts/113.1 halted"], &["incident list"]),
    ("halt --all --confirm=ALL", 0, &["no rollout is running or paused"], &[]),
    ("rollout status 113.1", 3, &["HALTED"], &[]),
    ("rollout status 113.1 --wait", 3, &["HALTED"], &["rollout explain 113.1"]),
    ("incident list --filter state=OPEN -o name", 0, &["incidents/1\n"], &[]),
    ("incident list --filter actor:nobody -o name", 0, &[], &[]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_exit_code_means_what_the_help_says() -> Outcome<()> {
    let mut desk = Desk::set().await?;
    let address = desk.cluster.address(1);
    desk.rows(&[
        // What is only tried leaves nothing behind.
        (
            "rollout start 113.1 --policy compressed -n",
            0,
            &["would be created and started"],
            &["would create and start rollouts/113.1; nothing was changed"],
        ),
        ("rollout list -o name", 0, &[], &[]),
        ("rollout get 113.1", 1, &[], &["UNKNOWN_ROLLOUT"]),
        (
            "token create --id web --tier free --max-hosts 5 --dry-run",
            0,
            &["tokens/web would be created"],
            &["nothing was changed"],
        ),
        ("token list -o name --filter name=web", 0, &[], &[]),
        (
            "token create --id web --tier free --max-hosts 5 --yes --if-match 7",
            2,
            &[],
            &["FLAG_NOT_KNOWN"],
        ),
        ("rollout start 113.1 --policy compressed --draft", 0, &["created"], &[]),
        ("rollout start 113.1 --if-match 4711", 6, &[], &["ETAG_MISMATCH", "repeat with its etag"]),
        ("rollout start 113.1 --if-match 4711 -n", 6, &[], &["ETAG_MISMATCH"]),
        ("rollout pause 113.1", 6, &[], &["ROLLOUT_NOT_RUNNING"]),
        ("rollout start 113.1", 0, &["started"], &["next:  tidegate rollout watch 113.1"]),
        ("rollout status 113.1", 0, &["rollouts/113.1"], &[]),
        ("rollout status 113.1 --wait --timeout 300ms", 4, &[], &["still going on"]),
        ("rollout promote 113.1", 2, &[], &["NOT_CONFIRMED", "--yes"]),
        ("rollout promote 113.1 --dry-run", 6, &[], &["GATES_SHUT"]),
        ("rollout diff 113.1 compressed", 0, &[], &[]),
        ("rollout diff 113.1 standard", 5, &["exposure", "rollouts/113.1"], &[]),
        ("rollout diff 113.1 standard -o json", 5, &["\"differences\""], &[]),
        ("rollout lint -f standard", 0, &["canary → free → paid"], &[]),
        ("rollout lint -f gone.toml", 2, &[], &["BAD_POLICY_FILE"]),
        ("policy list -o name", 0, &["standard\n", "compressed\n"], &[]),
        ("policy get standard", 0, &["name = \"standard\""], &[]),
        ("policy get nonsense", 2, &[], &["UNKNOWN_PRESET"]),
        ("policy lint standard", 0, &["standard"], &[]),
        ("policy diff standard standard", 0, &[], &[]),
        ("policy diff standard critical", 5, &["KEY"], &[]),
    ])
    .await?;
    desk.rows(HALTED).await?;
    desk.rows(&[
        ("tier list --endpoint 127.0.0.1:9 --timeout 300ms", 8, &[], &["TIDEGATE_ENDPOINTS"]),
        ("doctor", 0, &["ok", "quorum", "leader"], &[]),
        ("doctor --endpoint 127.0.0.1:9 --timeout 300ms", 8, &["FAIL", "127.0.0.1:9"], &[]),
        ("doctor -o json", 0, &["\"checks\""], &[]),
    ])
    .await?;
    // What no controller answers is told as an object where programs read.
    let typed = desk.typed("tier list --endpoint 127.0.0.1:9 --timeout 300ms -o json").await?;
    let told: Value = serde_json::from_str(&typed.said)?;
    assert_eq!((typed.code, &told["error"]["code"]), (8, &"UNAVAILABLE".into()), "{told}");
    assert!(typed.printed.is_empty(), "{}", typed.printed);
    let listed = desk.typed(&format!("cluster add 4 127.0.0.1:9 -n --endpoint {address}")).await?;
    listed.ends_with(0)?;
    desk.close();
    Ok(())
}

/// What is tried, once all that it needs is there, and what would become of it.
const TRIED: &[(&str, &str)] = &[
    ("freeze create later", "freezes/later would be created"),
    ("freeze lift stocktaking --reason over", "freezes/stocktaking would be lifted"),
    ("holdback set --token web --delay 9d", "holdback of tokens/web would be set"),
    ("holdback clear --token web --reason over", "holdback of tokens/web would be set"),
    ("tier apply --preset default", "ladder would be declared"),
    ("token create --id new --tier free --max-hosts 5", "tokens/new would be created"),
    ("block create 113.1", "blocks/113.1 would be created; halted: rollouts/113.1"),
    ("rollout pause 113.1", "rollouts/113.1 would be paused"),
    ("rollout halt 113.1", "rollouts/113.1 would be halted"),
    ("rollout rollback 113.1 --reason why --confirm 113.1", "rollouts/113.1 would be rolled back"),
    ("halt --all --confirm=ALL", "rollouts/113.1 would be halted"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_tried_is_never_told_as_done_and_changes_nothing() -> Outcome<()> {
    let mut desk = Desk::set().await?;
    desk.rows(&[
        ("token create --id web --tier free --max-hosts 5 --yes", 0, &[], &[]),
        ("freeze create stocktaking", 0, &["freezes/stocktaking created"], &[]),
        ("holdback set --token web --delay 7d", 0, &["holdback of tokens/web set"], &[]),
        ("rollout start 113.1 --policy compressed", 0, &[], &[]),
    ])
    .await?;
    for (line, would) in TRIED {
        let typed = desk.typed(&format!("{line} --dry-run")).await?;
        let told = typed.printed.contains(would) && typed.said.contains("nothing was changed");
        if typed.code != 0 || !told {
            desk.wrong.push(format!("{line}: {}\n{}\n{}", typed.code, typed.printed, typed.said));
        }
    }
    for (line, there) in [
        ("freeze list -o name", "freezes/stocktaking\n"),
        ("token list -o name", "tokens/web\n"),
        ("holdback list -o jsonl --limit 2", "tokens/web"),
    ] {
        let typed = desk.typed(line).await?.ends_with(0)?;
        assert!(typed.printed.contains(there), "{line}: {}", typed.printed);
        assert_eq!(typed.printed.lines().count(), 1, "{line}: {}", typed.printed);
    }
    desk.typed("rollout status 113.1").await?.ends_with(0)?;
    desk.close();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_count_more_than_the_environment_and_that_more_than_files() -> Outcome<()> {
    let mut desk = Desk::set().await?;
    desk.rows(&[
        ("config get-contexts", 0, &["*", "here", "config.toml"], &[]),
        ("config get-contexts -o name", 0, &["here\n"], &[]),
        ("config view", 0, &["endpoints", "user file"], &[]),
        ("config set output wide", 0, &["contexts.here.output = wide"], &[]),
        ("tier list", 0, &["POSITION"], &[]),
        (
            "config set output nonsense",
            2,
            &[],
            &["BAD_VALUE", "table, wide, json, yaml, jsonl, name"],
        ),
        ("config set colour red", 2, &[], &["UNKNOWN_KEY", "endpoints"]),
        ("config set endpoint a:1", 2, &[], &["did you mean `endpoints`?"]),
        ("config set output name -n", 0, &[], &["would write contexts.here.output = name"]),
        ("config set output jsonl", 0, &[], &[]),
        ("tier list", 0, &["{\"delayMs\""], &[]),
        ("TIDEGATE_OUTPUT=name tier list", 0, &["tiers/free\n"], &[]),
        ("TIDEGATE_OUTPUT=name tier list -o table", 0, &["POSITION"], &[]),
        ("config set endpoints 127.0.0.1:9 --context gone", 0, &[], &["use-context gone"]),
        ("tier list --context gone --timeout 300ms", 8, &[], &[]),
        ("TIDEGATE_CONTEXT=gone tier list --timeout 300ms", 8, &[], &[]),
        ("TIDEGATE_CONTEXT=gone tier list --context here", 0, &["tiers/free"], &[]),
        ("tier list --context nowhere", 2, &[], &["UNKNOWN_CONTEXT", "there are gone, here"]),
        ("config use-context nowhere", 2, &[], &["UNKNOWN_CONTEXT"]),
        ("config view --context gone", 0, &["127.0.0.1:9", "--context"], &[]),
    ])
    .await?;
    let project = desk.cluster.dir().join(".tidegate.toml");
    fs::write(&project, "[contexts.here]\noutput = \"name\"\ntimeout = \"20s\"\n")?;
    desk.rows(&[
        ("tier list", 0, &["tiers/free\n"], &[]),
        ("config view -o json", 0, &["project file", "user file"], &[]),
        ("TIDEGATE_OUTPUT=table tier list", 0, &["POSITION"], &[]),
    ])
    .await?;
    // A file that is wrong is in nobody's way who stops something and says whom to ask.
    fs::write(&project, "colour = 1\n")?;
    desk.rows(&[
        ("tier list", 2, &[], &["BAD_CONFIG", "no key `colour`"]),
        ("halt 113.1", 2, &[], &["BAD_CONFIG"]),
        ("config get-contexts", 2, &[], &["BAD_CONFIG"]),
        ("version", 0, &["tidegate "], &[]),
    ])
    .await?;
    let address = desk.cluster.address(1);
    let halt = desk.typed(&format!("halt 113.1 --endpoint {address}")).await?;
    assert!(
        halt.said.contains("left out") && halt.said.contains("UNKNOWN_ROLLOUT"),
        "{}",
        halt.said
    );
    desk.close();
    Ok(())
}

/// The nouns that every script has to know.
const NOUNS: [&str; 9] =
    ["rollout", "halt", "incident", "patchset", "host", "token", "cluster", "policy", "config"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shells_and_the_manual_know_every_command_and_a_controllers_names() -> Outcome<()> {
    let mut desk = Desk::set().await?;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = desk.typed(&format!("completion {shell}")).await?.ends_with(0)?.printed;
        let missing: Vec<_> = NOUNS.iter().filter(|noun| !script.contains(**noun)).collect();
        assert!(missing.is_empty(), "{shell}: {missing:?}");
        let script = desk.typed(&format!("completion {shell} --dynamic")).await?.ends_with(0)?;
        assert!(script.printed.contains("TIDEGATE_COMPLETE"), "{shell}: {}", script.printed);
    }
    let names = desk.typed("TIDEGATE_COMPLETE=fish -- tidegate patchset get 1").await?;
    assert!(names.printed.contains("113.1"), "{names:?}");
    // A controller that does not answer costs a moment, and is no error.
    let line = "TIDEGATE_COMPLETE=fish TIDEGATE_ENDPOINTS=127.0.0.1:9 -- tidegate patchset get 1";
    let names = desk.typed(line).await?.ends_with(0)?;
    assert!(!names.printed.contains("113.1") && names.said.is_empty(), "{names:?}");

    desk.rows(&[
        ("man", 0, &["Exit codes", "rollout"], &[]),
        ("man rollout halt", 0, &["Exit codes", "halted", "113.1"], &[]),
        ("man rollout nonsense", 2, &[], &["UNKNOWN_COMMAND", "halt"]),
        ("man --all man1", 0, &[], &[]),
        ("--help", 0, &["Exit codes", "130"], &[]),
        ("halt --help", 0, &["Examples:\n  tidegate halt 113.1", "Exit codes"], &[]),
        ("rollout promote -h", 0, &["Example:\n  tidegate rollout promote", "Exit codes"], &[]),
        ("cluster check --help", 0, &["4 one has not answered in time"], &[]),
    ])
    .await?;
    let pages = fs::read_dir(desk.cluster.dir().join("man1"))?.count();
    assert!(pages > 40, "{pages} pages");
    let page = fs::read_to_string(desk.cluster.dir().join("man1/tidegate-rollout-status.1"))?;
    assert!(page.contains("the rollout is halted"), "{page}");
    desk.close();
    Ok(())
}
