//! A rollout for tests: canary passed, half-way through the free tier, held by its soak.

use prost_types::Timestamp;
use tidegate_proto::v1::{self, GateState, GrantPhase, RolloutState, StageState, VerdictKind};

/// The second at which the rollout was created.
pub(crate) const CREATED: i64 = 1_793_697_000;

fn stage(tier: &str, state: StageState, eligible_hosts: u64, begun: u64) -> v1::TierProgress {
    v1::TierProgress {
        tier: format!("tiers/{tier}"),
        state: state.into(),
        eligible_hosts,
        counts: Some(v1::Counts { begun, verified: begun, ..Default::default() }),
        waves: Vec::new(),
        shut_out_hosts: 0,
    }
}

fn wave(share_ppm: u32, state: StageState, hosts: u64, elapsed_ms: (u64, u64)) -> v1::WaveProgress {
    v1::WaveProgress {
        share_ppm,
        state: state.into(),
        hosts,
        started_elapsed_ms: elapsed_ms.0,
        passed_elapsed_ms: elapsed_ms.1,
    }
}

fn gate(name: &str, state: GateState, numbers: (i64, i64), unit: &str) -> v1::Gate {
    v1::Gate {
        name: name.to_owned(),
        state: state.into(),
        observed: numbers.0,
        required: numbers.1,
        unit: unit.to_owned(),
        detail: format!("{} of {} {unit}", numbers.0, numbers.1),
        open_time: None,
    }
}

/// The running rollout.
pub(crate) fn rollout() -> v1::Rollout {
    let mut canary = stage("canary", StageState::Passed, 100, 100);
    canary.waves = vec![wave(0, StageState::Passed, 100, (1_000, 3_601_000))];
    let mut free = stage("free", StageState::Current, 10_000, 1_000);
    free.counts = Some(v1::Counts {
        offered: 3,
        begun: 120,
        in_flight: 18,
        verified: 100,
        crashed: 1,
        silent: 1,
        refused: 2,
        ..Default::default()
    });
    free.waves = vec![
        wave(12_500, StageState::Current, 125, (3_601_000, 0)),
        wave(1_000_000, StageState::Waiting, 10_000, (0, 0)),
    ];
    let mut paid = stage("paid", StageState::Waiting, 50_000, 0);
    paid.waves = vec![wave(1_000_000, StageState::Waiting, 50_000, (0, 0))];
    v1::Rollout {
        name: "rollouts/113.1".to_owned(),
        patch_set: "patchSets/113.1".to_owned(),
        state: RolloutState::Running.into(),
        policy_name: "standard".to_owned(),
        policy_toml: "name = \"standard\"\n".to_owned(),
        tier: "tiers/free".to_owned(),
        wave: 1,
        tiers: vec![canary, free, paid],
        verdict: Some(v1::Verdict {
            kind: VerdictKind::Hold.into(),
            gates: vec![
                gate("guard-rail/crashed", GateState::Open, (1, 3), "hosts"),
                gate("soak", GateState::Waiting, (100, 114), "hosts"),
            ],
            waiting_on: "soak".to_owned(),
            summary: "100 of 114 hosts are verified".to_owned(),
            log_index: 4_711,
        }),
        epoch: 2,
        in_flight_hosts: 18,
        in_flight_cap_hosts: 50,
        exposed_hosts: 20,
        exposure_budget_hosts: 60,
        create_time: Some(Timestamp { seconds: CREATED, nanos: 0 }),
        start_time: Some(Timestamp { seconds: CREATED + 60, nanos: 500_000_000 }),
        revision: 4_720,
        etag: "\"4720\"".to_owned(),
        counts: Some(v1::Counts { begun: 220, verified: 200, ..Default::default() }),
        ..Default::default()
    }
}

/// The same, halted.
pub(crate) fn halted() -> v1::Rollout {
    let witness = v1::HaltWitness {
        host: "hosts/a1".to_owned(),
        phase: GrantPhase::Crashed.into(),
        detail: "panic: fatal exception".to_owned(),
        kernel_release: "5.15.0-107.117".to_owned(),
        cpu_model: String::new(),
        zone: "eu-1\u{1b}[2J".to_owned(),
    };
    v1::Rollout {
        state: RolloutState::Halted.into(),
        halt: Some(v1::Halt {
            actor: "judge".to_owned(),
            reason: "4 of 120 crashed".to_owned(),
            log_index: 4_730,
            epoch: 3,
            time: Some(Timestamp { seconds: CREATED + 7_200, nanos: 0 }),
            scope: "everything".to_owned(),
            counts: Some(v1::Counts { begun: 120, crashed: 4, ..Default::default() }),
            gates: vec![gate("guard-rail/crashed", GateState::Shut, (4, 3), "hosts")],
            witnesses: vec![witness; 6],
        }),
        ..rollout()
    }
}

/// The same, rolled back: most hosts have taken it out again.
pub(crate) fn rolling_back() -> v1::Rollout {
    let running = rollout();
    let counts = running.counts.unwrap_or_default();
    v1::Rollout {
        state: RolloutState::RollingBack.into(),
        verdict: None,
        epoch: 3,
        counts: Some(v1::Counts { reverted: 180, verified: 20, ..counts }),
        withdrawal: Some(v1::Withdrawal {
            actor: "ada".to_owned(),
            reason: "it harms".to_owned(),
            log_index: 4_740,
            epoch: 3,
            time: Some(Timestamp { seconds: CREATED + 7_320, nanos: 0 }),
            rollout: running.name.clone(),
            reverting_hosts: 17,
            reboot_owed_hosts: 3,
        }),
        ..running
    }
}

/// A decision record.
pub(crate) fn record(sequence: u64) -> v1::DecisionRecord {
    v1::DecisionRecord {
        sequence,
        log_index: 4_730,
        time: Some(Timestamp { seconds: CREATED + 7_200, nanos: 0 }),
        actor: "judge".to_owned(),
        event: "rollout.halted".to_owned(),
        subject: "rollouts/113.1".to_owned(),
        detail: "4 of 120 crashed, 3 are the most".to_owned(),
        hash: vec![0xab; 4],
        ..Default::default()
    }
}
