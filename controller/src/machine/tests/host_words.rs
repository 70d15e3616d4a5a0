//! What do the words of a script mean that hosts say? `enrol`, `begin`, `report`.

use tidegate_policies::time::Millis;

use crate::machine::command::{BeginGrant, Command, EnrollHost, RecordReports};
use crate::machine::fleet::{Facts, Mode};
use crate::machine::ids::GrantId;
use crate::machine::report::{Body, Goodbye, Outcome, Report, Started};

use super::script::{Words, read, request};
use super::world::{World, artifact, host, kernel, secret};

fn facts(words: &Words<'_>, before: Option<&Facts>) -> Facts {
    let mut facts = before.cloned().unwrap_or_default();
    if before.is_none() || words.get("kernel").is_some() {
        facts.kernel = kernel(words.get("kernel").unwrap_or("k1"));
    }
    if let Some(zone) = words.get("zone") {
        facts.zone = zone.to_owned();
    }
    if let Some(rack) = words.get("rack") {
        facts.rack = rack.to_owned();
    }
    if let Some(arch) = words.get("arch") {
        facts.kernel.arch = arch.to_owned();
    }
    if let Some(distro) = words.get("distro") {
        facts.distro_release = distro.to_owned();
    }
    if let Some(cpu) = words.get("cpu") {
        facts.cpu_model = cpu.to_owned();
    }
    facts
}

fn mode(words: &Words<'_>) -> Mode {
    if words.get("mode") == Some("no-apply") { Mode::NoApply } else { Mode::Normal }
}

pub(super) fn enrol(world: &mut World, words: &Words<'_>, who: &str) -> Command {
    let machine = words.get("machine").unwrap_or(who);
    Command::EnrollHost(Box::new(EnrollHost {
        request: request(world, words),
        secret: secret(words.at(1)),
        machine: *blake3::hash(machine.as_bytes()).as_bytes(),
        host: host(who),
        facts: facts(words, None),
        boot: words.get("boot").unwrap_or("b1").to_owned(),
        mode: mode(words),
    }))
}

pub(super) fn begin(world: &World, words: &Words<'_>, who: &str) -> Command {
    let id = grant_id(world, words.get("grant")).unwrap_or_else(|| world.newest_grant(host(who)));
    let grant = world.machine.grants().get(&id);
    let rollout = grant.as_ref().and_then(|grant| world.machine.rollouts().get(&grant.rollout));
    let known = world.machine.hosts().get(&host(who));
    let version = words.get("version").map(str::to_owned);
    let version = version.or_else(|| rollout.map(|rollout| rollout.version.to_string()));
    let version = version.unwrap_or_else(|| "113.1".to_owned());
    let own_kernel = known.as_ref().map_or("k1", |host| host.facts.kernel.release.as_str());
    let own_boot = known.as_ref().map_or_else(|| "b1".to_owned(), |host| host.boot.to_string());
    let held = words.get("holds").unwrap_or(&version);
    let digest = artifact(held, words.get("kernel").unwrap_or(own_kernel));
    Command::BeginGrant(BeginGrant {
        host: host(who),
        grant: id,
        version: read(&version),
        epoch: words.read("epoch").unwrap_or_else(|| grant.map_or(1, |grant| grant.epoch)),
        boot: words.get("boot").map_or(own_boot, str::to_owned),
        digest,
    })
}

pub(super) fn report(world: &mut World, words: &Words<'_>, who: &str) -> Command {
    let id = host(who);
    let grant = grant_id(world, words.get("grant")).unwrap_or_else(|| world.newest_grant(id));
    let known = world.machine.hosts().get(&id);
    let own_boot = known.as_ref().map_or_else(|| "b1".to_owned(), |host| host.boot.to_string());
    let spool = words.read("spool").unwrap_or(1);
    let mut reports = Vec::new();
    for (nth, kind) in (0..).zip(words.rest()) {
        let sequence = match words.read::<u64>("seq") {
            Some(first) => first + nth,
            None => world.next_sequence(id, spool),
        };
        let started = Started {
            facts: facts(words, known.as_ref().map(|host| &host.facts)),
            mode: mode(words),
            interrupted: grant_id(world, words.get("marker")),
            evidence: words.get("evidence").map(str::to_owned),
        };
        let boot = words.get("boot").unwrap_or(&own_boot).to_owned();
        reports.push(Report { sequence, boot, body: body(kind, grant, started) });
    }
    Command::RecordReports(RecordReports { host: id, spool, reports })
}

/// `7`, or the newest grant of `h1`.
fn grant_id(world: &World, text: Option<&str>) -> Option<GrantId> {
    let text = text?;
    let of_host = text.starts_with('h').then(|| world.newest_grant(host(text)));
    Some(of_host.unwrap_or_else(|| GrantId(read(text))))
}

fn body(kind: &str, grant: GrantId, started: Started) -> Body {
    let outcome = |outcome| Body::Outcome { grant, outcome };
    let health = |in_effect| Body::Health { grant, in_effect };
    let detail = || "why".to_owned();
    match kind {
        "started" => Body::Started(Box::new(started)),
        "applied" => outcome(Outcome::Applied { transition: Millis(500) }),
        "failed" => outcome(Outcome::ApplyFailed { detail: detail() }),
        "stalled" => outcome(Outcome::Stalled { waited: Millis(5_000) }),
        "crashed" => outcome(Outcome::Crashed { signature: detail() }),
        "degraded" => outcome(Outcome::Degraded { detail: detail() }),
        "reverted" => outcome(Outcome::Reverted),
        "not-reverted" => outcome(Outcome::NotReverted { detail: detail() }),
        "turned-back" => outcome(Outcome::StalledAndReverted { waited: Millis(5_000) }),
        "refused" => outcome(Outcome::Refused { detail: detail() }),
        "soaked" => outcome(Outcome::Soaked { in_effect: true }),
        "soaked-gone" => outcome(Outcome::Soaked { in_effect: false }),
        "health" => health(true),
        "health-gone" => health(false),
        "goodbye" => Body::Goodbye(Goodbye::Reboot),
        _ => panic!("no host reports `{kind}`"),
    }
}
