//! What was decided, by whom, why, with which numbers? Records in a hash chain.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_policies::decide::{Verdict, VerdictKind};
use tidegate_policies::time::{Elapsed, WallTime};

use super::Position;
use super::clock::Clock;
use super::command::Bootstrap;
use super::event::Event;
use super::frozen::sections::RECORDS;
use super::ids::{HostId, TokenId};
use super::patch_sets::Halt;
use super::rollouts::Reached;
use super::table::Table;
use super::trial::Basis;
use crate::chain::{Hash, Head, Link};

/// Records that are kept in the replicated state; the oldest leave first, their hash stays in the chain.
pub const MAX_RECORDS: usize = 10_000;

/// The actor of what the machine decides by itself.
pub const JUDGE: &str = "judge";

/// One decision, command or change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts the records up from 1.
    pub sequence: u64,
    /// Log index of the entry.
    pub index: u64,
    /// Running time.
    pub elapsed: Elapsed,
    /// Wall time.
    pub wall: WallTime,
    /// What happened.
    pub note: Note,
    /// What a verdict was computed from.
    pub basis: Option<Box<Basis>>,
    /// BLAKE3 of that verdict, gate by gate.
    pub verdict: Option<[u8; 32]>,
    /// BLAKE3 over the hash before and this record.
    pub hash: [u8; 32],
    /// The request that asked for it; empty: nobody's request did.
    pub request: String,
}

/// What happened, in words and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub actor: String,
    /// What, e.g. `rollout.halted`.
    pub event: String,
    /// On what, e.g. `rollouts/113.1`.
    pub subject: String,
    /// Why, and with which numbers.
    pub detail: String,
}

impl Record {
    /// BLAKE3 of what a verdict was computed from.
    pub fn basis_hash(&self) -> Option<Hash> {
        self.basis.as_deref().map(hash_of)
    }
}

/// The records, chained. They are read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// By sequence.
    pub(super) kept: Table<u64, Record>,
    chain: Chain,
    /// The request that is being answered. Empty between entries.
    request: String,
}

/// Where the chain stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::machine) struct Chain {
    /// The hash before the oldest record that is kept.
    base: [u8; 32],
    written: u64,
    head: [u8; 32],
}

/// What a record's row begins with: its numbers and clocks, its actor and event, and its subject.
type Front<'a> = (u64, u64, Elapsed, WallTime, &'a str, &'a str, &'a str);

impl Default for Records {
    /// No records yet.
    fn default() -> Self {
        Self { kept: Table::new(RECORDS), chain: Chain::default(), request: String::new() }
    }
}

impl Records {
    /// These records, in this chain. Whether it is whole, [`Records::first_broken`] tells.
    pub(in crate::machine) const fn of_table(kept: Table<u64, Record>, chain: Chain) -> Self {
        Self { kept, chain, request: String::new() }
    }

    /// What is written from now on, this request asked for; empty: nobody's request does.
    pub(in crate::machine) fn asked_by(&mut self, request: &str) {
        request.clone_into(&mut self.request);
    }

    /// Where the chain stands.
    pub(in crate::machine) const fn chain(&self) -> Chain {
        self.chain
    }

    /// Chains a record of `note`.
    pub fn write(&mut self, at: Position, clock: &Clock, note: Note, reached: Option<&Reached>) {
        self.chain.written += 1;
        let mut record = Record {
            sequence: self.chain.written,
            index: at.index,
            elapsed: clock.elapsed,
            wall: clock.wall,
            note,
            basis: reached.map(|reached| Box::new(reached.basis.clone())),
            verdict: reached.map(|reached| verdict_hash(&reached.verdict)),
            hash: self.chain.head,
            request: self.request.clone(),
        };
        record.hash = chained(&self.chain.head, &record);
        self.chain.head = record.hash;
        if self.kept.len() == MAX_RECORDS
            && let Some(oldest) = self.kept.first_key()
        {
            self.chain.base = self.kept.get(oldest).map_or(self.chain.base, |oldest| oldest.hash);
            self.kept.remove(oldest);
        }
        self.kept.insert(record.sequence, &record);
    }

    /// The records that are kept, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = Record> {
        self.kept.iter().rev().map(|(_, record)| record)
    }

    /// The records that came before the one with this sequence number, newest first.
    pub fn before(&self, sequence: u64) -> impl Iterator<Item = Record> {
        let oldest = self.kept.first_key().unwrap_or(u64::MAX);
        let end = sequence.min(self.chain.written.saturating_add(1));
        (oldest..end).rev().filter_map(|sequence| self.kept.get(sequence))
    }

    /// The records that came after the one with this sequence number, oldest first.
    pub fn after(&self, sequence: u64) -> impl Iterator<Item = Record> {
        self.kept.range(sequence.saturating_add(1), u64::MAX).map(|(_, record)| record)
    }

    /// Where the chain ends.
    pub fn head(&self) -> Head {
        Head { sequence: self.chain.written, hash: self.chain.head }
    }

    /// The place in the chain behind the record with this sequence number, or right before the oldest that is
    /// kept where it is 0; `None`: it is not kept any more, or not written yet.
    pub fn place(&self, sequence: u64) -> Option<Head> {
        let oldest = self.kept.first_key().map_or(self.chain.written, |oldest| oldest - 1);
        if sequence == 0 || sequence == oldest {
            let hash =
                if self.kept.first_key().is_some() { self.chain.base } else { self.chain.head };
            return Some(Head { sequence: oldest, hash });
        }
        self.kept.get(sequence).map(|record| Head { sequence, hash: record.hash })
    }

    /// The records on `subject`, newest first.
    pub fn on<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = Record> + 'a {
        let fronts = self.kept.peeks::<Front<'a>>().rev();
        let on_subject = fronts.filter(move |(_, front)| front.6 == subject);
        on_subject.filter_map(|(sequence, _)| self.kept.get(sequence))
    }

    /// The records on `subject` that came after the one with this sequence number, oldest first.
    pub fn on_after<'a>(
        &'a self,
        subject: &'a str,
        sequence: u64,
    ) -> impl Iterator<Item = Record> + 'a {
        let after = self.kept.range(sequence.saturating_add(1), u64::MAX);
        after.map(|(_, record)| record).filter(move |record| record.note.subject == subject)
    }

    /// The first record whose hash does not follow from the one before it; the last one if the chain
    /// does not end where it was written to.
    pub fn first_broken(&self) -> Option<Record> {
        let mut before = self.chain.base;
        let mut last = None;
        for (_, record) in self.kept.iter() {
            let hash = std::mem::replace(&mut before, record.hash);
            if chained(&hash, &record) != record.hash {
                return Some(record);
            }
            last = Some(record);
        }
        let Chain { written, head, .. } = self.chain;
        last.filter(|last| last.hash != head || last.sequence != written)
    }
}

/// The hash of `record` behind the one with hash `before`.
fn chained(before: &Hash, record: &Record) -> Hash {
    let basis = record.basis_hash();
    let Record { sequence, index, elapsed, wall, note, verdict, request, .. } = record;
    let link = Link {
        sequence: *sequence,
        log_index: *index,
        elapsed_ms: elapsed.0,
        wall_ms: wall.0,
        actor: &note.actor,
        event: &note.event,
        subject: &note.subject,
        detail: &note.detail,
        request_id: request,
        basis: basis.as_ref(),
        verdict: verdict.as_ref(),
    };
    link.hash(before)
}

/// What tells a verdict from any other: its kind, its gates, their numbers and their words.
pub(super) fn verdict_hash(verdict: &Verdict) -> Hash {
    hash_of(verdict)
}

#[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
fn hash_of(data: &impl Serialize) -> Hash {
    let bytes = postcard::to_stdvec(data).expect("plain data can be written");
    *blake3::hash(&bytes).as_bytes()
}

/// How a rollout is named in a record.
pub fn rollout_subject(rollout: &str) -> String {
    format!("rollouts/{rollout}")
}

/// The subject of records about a token.
pub(super) fn token_subject(token: &TokenId) -> String {
    format!("tokens/{token}")
}

/// The subject of records about a host.
pub(super) fn host_subject(host: HostId) -> String {
    format!("hosts/{host}")
}

/// The note that `event` leaves; `None` for what is not worth one.
pub fn note_of(event: &Event) -> Option<Note> {
    let note = |actor: &str, event: &str, subject: String, detail: String| {
        Some(Note { actor: actor.to_owned(), event: event.to_owned(), subject, detail })
    };
    match event {
        Event::ClusterBootstrapped(bootstrap) => {
            let detail = bootstrap_words(bootstrap);
            note(JUDGE, "cluster.bootstrapped", format!("clusters/{}", bootstrap.cluster), detail)
        }
        Event::Cluster(event) => event.note(),
        Event::Calendar(event) => event.note(),
        Event::TokenCreated { token, actor } => {
            note(actor, "token.created", token_subject(&token.id), token.to_string())
        }
        Event::Entitlement(event) => Some(event.note()),
        Event::Incident(event) => Some(event.note()),
        Event::Block(event) => Some(event.note()),
        Event::PatchSetPublished { patch_set, actor } => {
            let detail = format!("{} artifacts", patch_set.artifacts.len());
            let subject = format!("patchSets/{}", patch_set.version);
            note(actor, "patch-set.published", subject, detail)
        }
        Event::RolloutCreated { rollout, actor } => {
            let detail = format!("patch set {}, policy {}", rollout.version, rollout.policy.name);
            note(actor, "rollout.created", rollout_subject(rollout.id.as_str()), detail)
        }
        Event::RolloutStarted { rollout, drawn, proven, actor } => {
            let drawn = drawn.values().map(BTreeSet::len).sum();
            let detail = start_words(drawn, proven.len());
            note(actor, "rollout.started", rollout_subject(rollout.as_str()), detail)
        }
        Event::WaveStarted { rollout, label, actor, reason, place: _ } => {
            let detail = format!("{label}: {reason}");
            note(actor, "rollout.wave.started", rollout_subject(rollout.as_str()), detail)
        }
        Event::RolloutCompleted { rollout, actor, reason } => {
            note(actor, "rollout.completed", rollout_subject(rollout.as_str()), reason.clone())
        }
        Event::RolloutPaused { rollout, actor, reason } => {
            note(actor, "rollout.paused", rollout_subject(rollout.as_str()), reason.clone())
        }
        Event::RolloutResumed { rollout, acknowledged, actor, reason, from: _ } => {
            let detail = format!("{reason} ({} failures acknowledged)", acknowledged.len());
            note(actor, "rollout.resumed", rollout_subject(rollout.as_str()), detail)
        }
        Event::People(event) => Some(event.note()),
        Event::WaveApproved { rollout, actor, reason } => {
            note(actor, "rollout.wave.approved", rollout_subject(rollout.as_str()), reason.clone())
        }
        Event::Halted { rollout, halt } => {
            note(&halt.actor, "rollout.halted", rollout_subject(rollout.as_str()), halt_words(halt))
        }
        Event::SliceHalted { rollout, slice } => Some(slice.note(rollout)),
        Event::SliceResumed { rollout, rejoined } => Some(rejoined.note(rollout)),
        Event::Withdrawal(event) => event.note(),
        Event::HoldMoved { rollout, moved, why } => Some(moved.note(rollout, why)),
        Event::VerdictReached { rollout, reached } => {
            let detail = verdict_words(reached);
            note(JUDGE, "rollout.verdict", rollout_subject(rollout.as_str()), detail)
        }
        Event::Webhook(event) => event.note(),
        Event::ClockAdvanced(_)
        | Event::BlobStored(_)
        | Event::HostEnrolled(_)
        | Event::HostChanged { .. }
        | Event::GoodbyeSaid { .. }
        | Event::ReportCounted { .. }
        | Event::GrantOffered(_)
        | Event::GrantMoved { .. }
        | Event::Trial { .. } => None,
    }
}

fn start_words(drawn: usize, proven: usize) -> String {
    match proven {
        0 => format!("{drawn} hosts drawn"),
        kernels => format!("{drawn} hosts drawn; its content is proven on {kernels} kernels"),
    }
}

fn bootstrap_words(bootstrap: &Bootstrap) -> String {
    let ladder: Vec<&str> = bootstrap.ladder.iter().map(|tier| tier.name.as_str()).collect();
    format!("{} voters, ladder {}", bootstrap.members.len(), ladder.join(" → "))
}

/// What a halt says of itself in a record.
pub(super) fn halt_words(halt: &Halt) -> String {
    let counts = halt.counts;
    format!(
        "{}; {} crashed, {} failed, {} stalled, {} silent of {} begun; epoch {}",
        halt.reason,
        counts.crashed,
        counts.failed,
        counts.stalled,
        counts.silent,
        counts.begun,
        halt.epoch
    )
}

fn verdict_words(reached: &Reached) -> String {
    let word = match reached.verdict.kind {
        VerdictKind::Continue => "continue",
        VerdictKind::Promote => "promote",
        VerdictKind::Hold => "hold",
        VerdictKind::Halt => "halt",
    };
    let stops = reached.verdict.kind >= VerdictKind::Hold;
    match reached.verdict.cause() {
        Some(gate) if stops => format!("{word}: {}: {}", gate.name.as_str(), gate.detail),
        Some(gate) => format!("{word}, waits on {}: {}", gate.name.as_str(), gate.detail),
        None => format!("{word}, every gate is open"),
    }
}
