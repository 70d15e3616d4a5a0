//! One agent on a bench: storage that remembers, and answers that a script gives.

use std::collections::BTreeMap;

use tidegate_proto::v1::{self, HostReport, KernelEvidence, LivepatchState};

use super::words::{self, Words};
use crate::core::{
    Agent, AgentConfig, AgentStatus, Boot, BootTime, CallId, DriverEvent, Heard, Input, Marker,
    Mode, Observation, Output, PatchSetMemory, Restored, Setup,
};

/// Digest of the artifact that every script offers.
pub(super) const DIGEST: [u8; 32] = [0xab; 32];
/// Size of the artifact that every script offers.
pub(super) const SIZE: u64 = 4096;

pub(super) struct Bench {
    config: AgentConfig,
    agent: Agent,
    boots: u64,
    starts: u64,
    spool: Vec<HostReport>,
    next_sequence: u64,
    marker: Option<Marker>,
    memory: BTreeMap<String, PatchSetMemory>,
    heard: Heard,
    calls: BTreeMap<&'static str, CallId>,
    request_id: String,
    reported: Vec<u64>,
    last_input: Option<Input>,
    text: String,
}

impl Bench {
    pub(super) fn new(config: AgentConfig) -> Self {
        let (boots, starts) = (1, 1);
        let restored = Restored {
            spool_id: 77,
            next_sequence: 1,
            unacknowledged: Vec::new(),
            marker: None,
            memory: BTreeMap::new(),
            heard: Heard::default(),
        };
        let setup = Setup {
            config: config.clone(),
            seed: starts,
            boot: boot(boots, Mode::Normal),
            restored,
        };
        let mut out = Vec::new();
        let agent = Agent::start(BootTime::from_millis(0), setup, &mut out);
        let mut bench = Self {
            config,
            agent,
            boots,
            starts,
            spool: Vec::new(),
            next_sequence: 1,
            marker: None,
            memory: BTreeMap::new(),
            heard: Heard::default(),
            calls: BTreeMap::new(),
            request_id: String::new(),
            reported: Vec::new(),
            last_input: None,
            text: String::from("0 start\n"),
        };
        bench.carry_out(out);
        bench
    }

    pub(super) fn forget_transcript(&mut self) {
        self.text.clear();
    }

    pub(super) fn status(&self) -> AgentStatus {
        self.agent.status()
    }

    pub(super) fn transcript(self) -> String {
        self.text
    }

    /// Plays one line: `<ms> <word> [<key> <value>]…`. Words: `sync`, `fetched`, `go`, `no-go`,
    /// `begin-lost`, `reports`, `driver`, `seen`, `wake`, `again`, `restart`, `goodbye`.
    pub(super) fn play(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        let words = Words::parse(line);
        let now = BootTime::from_millis(words.at);
        if words.verb == "restart" {
            self.restart(now, &words);
            return;
        }
        let input = self.input(now, &words);
        self.last_input = Some(input.clone());
        let mut out = Vec::new();
        self.agent.step(now, input, &mut out);
        self.carry_out(out);
    }

    fn input(&self, now: BootTime, words: &Words<'_>) -> Input {
        let call = |kind: &str| self.calls.get(kind).copied().unwrap_or(CallId(0));
        match words.verb {
            "wake" => Input::Wake,
            "again" => self.last_input.clone().unwrap(),
            "sync" => {
                Input::SyncAnswered { call: call("sync"), result: words::sync_response(words) }
            }
            "fetched" => {
                Input::ArtifactFetched { call: call("fetch"), result: words::fetched(words) }
            }
            "go" | "maybe" | "no-go" | "begin-lost" => Input::BeginAnswered {
                call: call("begin"),
                result: words::begin_response(words, &self.request_id),
            },
            "reports" => Input::ReportAnswered {
                call: call("report"),
                result: words::report_response(words, &self.reported),
            },
            "driver" => Input::Driver {
                grant_id: words.number("grant", 7),
                event: words::driver_event(words),
            },
            "seen" => Input::Observed(Observation {
                at: BootTime::from_millis(words.number("at", now.as_millis())),
                livepatches: words::livepatches(words.text("livepatch", "enabled")),
                taint: words.number("taint", 0),
                trouble: words.get("oops").map(|signature| KernelEvidence {
                    signature: signature.to_owned(),
                    names_module: true,
                }),
            }),
            "goodbye" => Input::ShutdownRequested(v1::GoodbyeKind::Reboot),
            other => panic!("no such word: {other}"),
        }
    }

    fn restart(&mut self, now: BootTime, words: &Words<'_>) {
        self.starts += 1;
        if words.text("boot", "same") == "other" {
            self.boots += 1;
        }
        let mode =
            if words.text("mode", "normal") == "normal" { Mode::Normal } else { Mode::NoApply };
        let mut boot = boot(self.boots, mode);
        boot.observation.at = now;
        boot.observation.livepatches = words::livepatches(words.text("livepatch", "gone"));
        boot.evidence = words.get("evidence").map(|signature| KernelEvidence {
            signature: signature.to_owned(),
            names_module: true,
        });
        let restored = Restored {
            spool_id: 77,
            next_sequence: self.next_sequence,
            unacknowledged: self.spool.clone(),
            marker: self.marker.clone(),
            memory: self.memory.clone(),
            heard: self.heard,
        };
        let setup = Setup { config: self.config.clone(), seed: self.starts, boot, restored };
        let mut out = Vec::new();
        self.agent = Agent::start(now, setup, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&mut self, out: Vec<Output>) {
        for output in out {
            self.text.push_str("    ");
            self.text.push_str(&words::output(&output));
            self.text.push('\n');
            match output {
                Output::Sync { call, .. } => drop(self.calls.insert("sync", call)),
                Output::Begin { call, request } => {
                    self.calls.insert("begin", call);
                    assert_ne!(request.request_id, self.request_id, "a request id came twice");
                    self.request_id = request.request_id;
                }
                Output::Report { call, request } => {
                    self.calls.insert("report", call);
                    self.reported = request.reports.iter().map(|report| report.sequence).collect();
                }
                Output::Fetch { call, .. } => drop(self.calls.insert("fetch", call)),
                Output::Spool(report) => {
                    self.next_sequence = report.sequence + 1;
                    self.spool.push(*report);
                }
                Output::SpoolDrop { sequence } => {
                    self.spool.retain(|report| report.sequence != sequence);
                }
                Output::SpoolTrim { through } => {
                    self.spool.retain(|report| report.sequence > through);
                }
                Output::WriteMarker(marker) => self.marker = Some(*marker),
                Output::ClearMarker => self.marker = None,
                Output::Remember { patch_set, memory } => {
                    self.memory.insert(patch_set, memory);
                }
                Output::KeepHeard(heard) => self.heard = heard,
                Output::NextController
                | Output::Insert(_)
                | Output::Follow { .. }
                | Output::Revert { .. }
                | Output::Observe
                | Output::WakeAt(_)
                | Output::Log(_) => {}
            }
        }
    }
}

fn boot(number: u64, mode: Mode) -> Boot {
    Boot {
        boot_id: format!("boot-{number}"),
        facts: v1::HostFacts {
            kernel_release: "5.15.0-107.117".to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
            ..v1::HostFacts::default()
        },
        mode,
        evidence: None,
        observation: Observation {
            at: BootTime::from_millis(0),
            livepatches: Vec::<LivepatchState>::new(),
            taint: 0,
            trouble: None,
        },
    }
}

/// Keeps the event type in one place for the scripts' driver words.
pub(super) type Event = DriverEvent;
