//! What do the words of a script mean? One command a line; hosts are `h1`, `h2`, kernels `k1`, ….
//!
//! ```text
//! fleet 4                            bootstrap, a token, h1..h4 of kernel k1, patch set 113.1
//! bootstrap canary* free nodes=3     a star: sampled
//! token t1 free 2                    id, tier, most hosts; see `token_words`, where hosts are moved and evicted
//! enrol h1..h3 t1 kernel=k2 zone=z   also rack= cpu= mode=no-apply boot=b2
//! blob 113.1 k1 node=2               publish 113.1 k1 k2 fixes=cve-1:high,cve-2:low
//! create r1 113.1 budget=2           see `policy`; then start r1
//! tick 1s heard=h1 asking=h2 term=2 x3
//! begin h1                           also grant=7 or grant=h2 epoch=1 boot=b2 kernel=k2 version=113.2
//! report h1 applied health-gone      also grant=7 boot=b2 spool=2 seq=1 kernel=k2 marker=h1 evidence=oops
//! halt r1 reason=why                 pause, resume likewise
//! halt r1 slice=kernel=k2            resume likewise
//! rollback r1 reason=why             withdraw 113.1 reason=why
//! promote r1 force=why tier=free wave=1
//! approve r1 remark=why              expedite r1 reason=why; supersede r1 with=r2 reason=why
//! agree 1 by=bob reason=why          reject likewise
//! ack 1 reason=why                   of an incident; note, resolve likewise
//! webhooks pager=opened,noted all=*   test pager; settle 1=delivered 2=gave-up
//! resend pager of=2,3                all its dead letters, or some; settle 1=gone declared=1
//! ladder canary* free windows=…      see `calendar_words`, where freezes and holdbacks are, too
//! block 113.1 reason=why             or an artifact, 113.1/k1; unblock 113.1 reason=why
//! add 4                              see `cluster_words`, where node 4 is added, registers, vouches
//! ---                                from here on the transcript is shown
//! ```
//!
//! Every request takes `as=ID`, every operator's command `by=NAME` and `if=ETAG`, every line a repeat `x3`.

use std::collections::BTreeMap;

use tidegate_policies::detector::cut::Cut;
use tidegate_policies::time::{Millis, WallTime};

use crate::machine::command::{
    Action, ApproveWave, Bootstrap, Command, CreateRollout, CreateToken, Expiry, IfUnchanged,
    OfProposal, OfSlice, Operate, Promote, PromoteRollout, PublishPatchSet, StoreBlob,
    SupersedeRollout, Tick, TierSpec, WithReason, WithdrawPatchSet,
};
use crate::machine::ids::{HostId, NodeId};
use crate::machine::patch_sets::{Artifact, Fix, Severity};

use super::calendar_words;
use super::cluster_words;
use super::host_words;
use super::policy::policy;
use super::show::show;
use super::token_words;
use super::world::{World, artifact, host, kernel, secret};

/// Runs every line; the transcript of those after `---`, or of all if there is none.
pub(super) fn run(world: &mut World, script: &str) -> String {
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "---" {
            transcript.clear();
            continue;
        }
        let words = Words::of(line);
        for _ in 0..words.repeat {
            if words.verb == "fleet" {
                run(world, &fleet(&words));
                continue;
            }
            if words.verb == "restore" {
                let restoration = cluster_words::restoration(world, &words);
                transcript.push_str(&format!("{}\n    ", words.said(words.at(0))));
                transcript.push_str(&match world.restore(&restoration) {
                    Ok(applied) => format!("{}\n", show(world, &applied)),
                    Err(refused) => format!("{refused}\n"),
                });
                continue;
            }
            for who in words.subjects() {
                let command = command(world, &words, &who);
                let applied = world.apply(&command);
                let said = words.said(&who);
                transcript.push_str(&format!("{said}\n    {}\n", show(world, &applied)));
            }
        }
    }
    transcript
}

/// A line, taken apart.
pub(super) struct Words<'a> {
    verb: &'a str,
    plain: Vec<&'a str>,
    keyed: BTreeMap<&'a str, &'a str>,
    repeat: usize,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let mut taken = Self { verb, plain: Vec::new(), keyed: BTreeMap::new(), repeat: 1 };
        for word in words {
            let times = word.strip_prefix('x').and_then(|n| n.parse().ok());
            match (word.split_once('='), times) {
                (Some((key, value)), _) => drop(taken.keyed.insert(key, value)),
                (None, Some(times)) => taken.repeat = times,
                (None, None) => taken.plain.push(word),
            }
        }
        taken
    }

    /// Every `key=` and what it says, by key.
    pub(super) fn keyed(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.keyed.iter().map(|(&key, &value)| (key, value))
    }

    /// What `key=` says, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.keyed.get(key).copied()
    }

    /// What `key=` says, read.
    pub(super) fn read<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key).map(|value| read(value))
    }

    /// The first plain word of the line.
    pub(super) fn verb(&self) -> &'a str {
        self.verb
    }

    /// A plain word; empty where there is none.
    pub(super) fn at(&self, place: usize) -> &'a str {
        self.plain.get(place).copied().unwrap_or_default()
    }

    /// The plain words after the first.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'a str> {
        self.plain.iter().copied().skip(1)
    }

    /// The first plain word, host by host where it names several.
    fn subjects(&self) -> Vec<String> {
        match self.verb {
            "enrol" | "begin" | "report" | "evict" | "move" => hosts(self.at(0)),
            _ => vec![self.at(0).to_owned()],
        }
    }

    fn said(&self, subject: &str) -> String {
        let mut said = vec![self.verb.to_owned(), subject.to_owned()];
        said.extend(self.rest().map(str::to_owned));
        let shown = self.keyed.iter().filter(|_| self.verb != "create");
        said.extend(shown.map(|(key, value)| format!("{key}={value}")));
        said.join(" ")
    }
}

/// The value that `text` says.
#[track_caller]
pub(super) fn read<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` cannot be read in a script"))
}

/// `4s`, `500ms`.
pub(super) fn millis(text: &str) -> Millis {
    match text.strip_suffix("ms") {
        Some(ms) => Millis(read(ms)),
        None => Millis::from_secs(read(text.trim_end_matches('s'))),
    }
}

/// `h1,h4..h6`.
fn hosts(text: &str) -> Vec<String> {
    let one = |part: &str| match part.split_once("..") {
        None => vec![part.to_owned()],
        Some((first, last)) => {
            let number = |name: &str| read::<u32>(name.trim_start_matches('h'));
            (number(first)..=number(last)).map(|n| format!("h{n}")).collect()
        }
    };
    text.split(',').filter(|part| !part.is_empty()).flat_map(one).collect()
}

fn ids(text: Option<&str>) -> Vec<HostId> {
    hosts(text.unwrap_or_default()).iter().map(|name| host(name)).collect()
}

/// The lines that `fleet N` stands for.
fn fleet(words: &Words<'_>) -> String {
    let n = words.at(0);
    format!(
        "bootstrap free\ntoken free free 40\nenrol h1..h{n} free\nblob 113.1 k1\npublish 113.1 k1"
    )
}

fn command(world: &mut World, words: &Words<'_>, who: &str) -> Command {
    match words.verb {
        "bootstrap" => Command::Bootstrap(bootstrap(words)),
        "tick" => tick(world, words),
        "blob" => Command::StoreBlob(StoreBlob {
            node: NodeId(words.read("node").unwrap_or(1)),
            digest: artifact(words.at(0), words.at(1)),
            size: words.read("size").unwrap_or(100),
        }),
        "enrol" => host_words::enrol(world, words, who),
        "begin" => host_words::begin(world, words, who),
        "register" => cluster_words::register(words),
        "leave-joint" => Command::LeaveJoint,
        "vouch" => cluster_words::vouch(words),
        "openings" => calendar_words::openings(words),
        "settle" => super::webhooks::settle(world, words),
        #[cfg(feature = "next-version")]
        "probe" => cluster_words::probe(words),
        "report" => host_words::report(world, words, who),
        _ => {
            let action = guarded(words, action(words));
            Command::Operate(Operate {
                request: request(world, words),
                actor: words.get("by").unwrap_or("ada").to_owned(),
                action,
            })
        }
    }
}

/// The id of a request: `as=`, or the next number.
pub(super) fn request(world: &mut World, words: &Words<'_>) -> String {
    world.requests += 1;
    words.get("as").map_or_else(|| format!("q{}", world.requests), str::to_owned)
}

fn bootstrap(words: &Words<'_>) -> Bootstrap {
    let nodes = words.read("nodes").unwrap_or(1);
    let tier = |word: &&str| TierSpec {
        name: read(word.trim_end_matches('*')),
        sampled: word.ends_with('*'),
    };
    Bootstrap {
        cluster: "test".to_owned(),
        id: [7; 16],
        members: (1..=nodes).map(|n| (NodeId(n), format!("node-{n}:7443"))).collect(),
        ladder: words.plain.iter().map(tier).collect(),
    }
}

fn tick(world: &mut World, words: &Words<'_>) -> Command {
    if let Some(term) = words.read("term") {
        world.term = term;
    }
    let step = millis(words.at(0));
    let wall =
        WallTime(words.read("wall").unwrap_or_else(|| world.machine.clock().wall.0 + step.0));
    let asking = ids(words.get("asking"));
    let (heard, missed) = world.call_roll(step, ids(words.get("heard")));
    let readings = readings(words.get("readings"));
    Command::Tick(Tick { step, wall, heard, asking, readings, missed })
}

/// `1:5000,3:4000`: node and wall clock.
fn readings(text: Option<&str>) -> BTreeMap<NodeId, WallTime> {
    let one = |part: &str| {
        let (node, wall) = part.split_once(':').expect("a reading is `node:wall`");
        (NodeId(read(node)), WallTime(read(wall)))
    };
    text.unwrap_or_default().split(',').filter(|part| !part.is_empty()).map(one).collect()
}

/// The action, for what the caller saw where `if=ETAG` says what that was.
fn guarded(words: &Words<'_>, action: Action) -> Action {
    let Some(etag) = words.read("if") else { return action };
    Action::IfUnchanged(Box::new(IfUnchanged { etag, action }))
}

fn action(words: &Words<'_>) -> Action {
    let reason = words.get("reason").unwrap_or_default().to_owned();
    let with_reason = || WithReason { rollout: read(words.at(0)), reason: reason.clone() };
    let slice = words.get("slice").map(|slice| OfSlice {
        rollout: read(words.at(0)),
        cut: Cut::parse(slice).expect("a slice"),
        reason: reason.clone(),
    });
    match (words.verb, slice) {
        ("resume", Some(slice)) => return Action::ResumeSlice(slice),
        ("halt", Some(slice)) => return Action::HaltSlice(slice),
        (_, _) => (),
    }
    match words.verb {
        "token" => Action::CreateToken(Box::new(CreateToken {
            token: read(words.at(0)),
            tier: read(words.at(1)),
            max_hosts: read(words.at(2)),
            secret: secret(words.get("secret").unwrap_or_else(|| words.at(0))),
            expiry: token_words::expiry(words).unwrap_or(Expiry::Never),
            scope: token_words::scope(words),
        })),
        "publish" => Action::PublishPatchSet(publish(words)),
        "create" => Action::CreateRollout(Box::new(CreateRollout {
            rollout: read(words.at(0)),
            version: read(words.at(1)),
            policy: policy(words),
            policy_toml: "as it was written".to_owned(),
            start_at: words.read("start-at").map(WallTime),
        })),
        "start" => Action::StartRollout(read(words.at(0))),
        "pause" => Action::PauseRollout(with_reason()),
        "resume" => Action::ResumeRollout(with_reason()),
        "halt" => Action::HaltRollout(with_reason()),
        "rollback" => Action::RollBack(with_reason()),
        "withdraw" => Action::WithdrawPatchSet(WithdrawPatchSet {
            version: read(words.at(0)),
            reason: reason.clone(),
        }),
        "promote" => Action::PromoteRollout(promote(words)),
        "ladder" | "freeze" | "lift" | "hold-back" | "cover" => calendar_words::action(words),
        "approve" => Action::ApproveWave(ApproveWave {
            rollout: read(words.at(0)),
            remark: words.get("remark").unwrap_or_default().to_owned(),
            from_tier: words.read("tier"),
            from_wave: words.read("wave"),
        }),
        "expedite" => Action::ExpediteRollout(with_reason()),
        "supersede" => Action::SupersedeRollout(SupersedeRollout {
            rollout: read(words.at(0)),
            by: read(words.get("with").unwrap_or_default()),
            reason,
        }),
        "block" | "unblock" => super::blocks::action(words),
        "ack" | "note" | "resolve" => super::incidents::action(words),
        "webhooks" | "test" | "resend" => super::webhooks::action(words),
        "agree" | "reject" => {
            let (number, remark) = (read(words.at(0)), reason.clone());
            let of = OfProposal { number, remark };
            match words.verb {
                "agree" => Action::AgreeToProposal(of),
                _ => Action::RejectProposal(of),
            }
        }
        _ => token_words::action(words).unwrap_or_else(|| cluster_words::action(words)),
    }
}

fn promote(words: &Words<'_>) -> PromoteRollout {
    let how = words
        .get("force")
        .map_or(Promote::WhenOpen, |reason| Promote::Forced { reason: reason.to_owned() });
    let (from_tier, from_wave) = (words.read("tier"), words.read("wave"));
    PromoteRollout { rollout: read(words.at(0)), how, from_tier, from_wave }
}

fn publish(words: &Words<'_>) -> PublishPatchSet {
    let artifacts = words.rest().map(|name| {
        let digest = artifact(words.get("holds").unwrap_or_else(|| words.at(0)), name);
        let size = words.read("size").unwrap_or(100);
        (kernel(name), Artifact { digest, size, module: "livepatch_test".to_owned() })
    });
    PublishPatchSet {
        version: read(words.at(0)),
        notice: format!("LSN-{}", words.at(0)),
        artifacts: artifacts.collect(),
        fixes: words.get("fixes").into_iter().flat_map(|of| of.split(',')).map(fix).collect(),
    }
}

/// `cve-1:high`, or `critical` alone.
fn fix(word: &str) -> Fix {
    let (name, severity) = word.split_once(':').unwrap_or(("cve-2026-1", word));
    let severity = Severity::of_word(severity).expect("a severity");
    Fix { name: name.to_owned(), severity, description: String::new() }
}

/// The command that the one line `line` stands for.
pub(super) fn one(world: &mut World, line: &str) -> Command {
    let words = Words::of(line);
    let who = words.subjects().remove(0);
    command(world, &words, &who)
}
