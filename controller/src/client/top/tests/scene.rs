//! What is on the screen in a test? A cluster as its stream would tell it, and the frame as text.

use std::time::Duration;

use chrono::DateTime;
use prost_types::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tidegate_proto::v1;
use tidegate_proto::v1::watch_response::Body;

use crate::client::output::sample;
use crate::client::top::app::{App, Paint};
use crate::client::top::msg::{Effect, Key, Moment, Msg};
use crate::client::top::screen;

/// The dashboard of a test, and what it wanted done so far.
pub(super) struct Scene {
    pub(super) app: App,
    pub(super) effects: Vec<Effect>,
    seconds: u64,
}

/// The second at which every scene begins, half an hour after the rollout was created.
const BEGINS: i64 = sample::CREATED + 1_800;

pub(super) fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

impl Scene {
    /// A screen that has heard nothing.
    pub(super) fn silent(paint: Paint) -> Self {
        let app = App::new(paint, None, moment(0));
        Self { app, effects: Vec::new(), seconds: 0 }
    }

    /// A running rollout and a completed one, on a cluster of three whose leader answers.
    pub(super) fn running() -> Self {
        Self::of(rollout())
    }

    /// The same with another rollout.
    pub(super) fn of(rollout: v1::Rollout) -> Self {
        let mut scene = Self::silent(Paint::Colours);
        scene.told(Body::Snapshot(overview(rollout)));
        let effects = scene.effects.split_off(0);
        assert_eq!(effects, [Effect::History("rollouts/113.1".to_owned())]);
        scene.happens(Msg::History(history()));
        scene
    }

    pub(super) fn told(&mut self, body: Body) {
        let told = v1::WatchResponse {
            revision: 88_121,
            body: Some(body),
            clocks: Some(v1::Clocks { hears_fleet: true, wall_fresh: true, ..Default::default() }),
            ..Default::default()
        };
        self.happens(Msg::Told(Box::new(told)));
    }

    pub(super) fn changed(&mut self, changes: v1::Changes) {
        self.told(Body::Changes(changes));
    }

    pub(super) fn happens(&mut self, msg: Msg) {
        let effects = self.app.update(msg, moment(self.seconds));
        self.effects.extend(effects);
    }

    pub(super) fn waits(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.happens(Msg::Tick);
    }

    pub(super) fn press(&mut self, keys: &[Key]) {
        for key in keys {
            self.happens(Msg::Key(*key));
        }
    }

    pub(super) fn types(&mut self, text: &str) {
        for letter in text.chars() {
            self.press(&[Key::Char(letter)]);
        }
    }

    /// What the last keys wanted, but for trends, which are asked for now and then.
    pub(super) fn wanted(&mut self) -> Vec<Effect> {
        let mut wanted = std::mem::take(&mut self.effects);
        wanted.retain(|effect| !matches!(effect, Effect::History(_)));
        wanted
    }

    /// The screen, without the spaces at the ends of lines.
    pub(super) fn frame(&self, (width, height): (u16, u16)) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen::draw(frame, &self.app)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            format!("{}\n", line.trim_end())
        };
        (0..height).map(line).collect()
    }

    /// The screen with its colours, for a look.
    pub(super) fn buffer(&self, (width, height): (u16, u16)) -> ratatui::buffer::Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen::draw(frame, &self.app)).unwrap();
        terminal.backend().buffer().clone()
    }
}

fn moment(seconds: u64) -> Moment {
    let wall = BEGINS + i64::try_from(seconds).unwrap();
    Moment {
        wall: DateTime::from_timestamp(wall, 0).unwrap(),
        since_start: Duration::from_secs(seconds),
    }
}

/// The sample rollout, with the guard rails that it runs under.
pub(super) fn rollout() -> v1::Rollout {
    let mut rollout = sample::rollout();
    let rails = [("crashed", 1, 5), ("failed", 0, 30), ("stalled", 0, 30), ("silent", 1, 50)];
    let verdict = rollout.verdict.as_mut().unwrap();
    verdict.set_kind(v1::VerdictKind::Continue);
    verdict.gates.retain(|gate| !gate.name.starts_with("guard-rail/"));
    let rails = rails.map(|(name, observed, required)| v1::Gate {
        name: format!("guard-rail/{name}"),
        state: v1::GateState::Open.into(),
        observed,
        required,
        unit: "hosts".to_owned(),
        ..Default::default()
    });
    verdict.gates.splice(0..0, rails);
    rollout
}

pub(super) fn overview(rollout: v1::Rollout) -> v1::Overview {
    let older = v1::Rollout {
        name: "rollouts/112.4".to_owned(),
        patch_set: "patchSets/112.4".to_owned(),
        state: v1::RolloutState::Completed.into(),
        create_time: at(sample::CREATED - 86_400),
        ..Default::default()
    };
    let slices = vec![
        slice("all hosts", (2, 118), (3, 9_000)),
        slice("kernel 5.15.0-107.117", (2, 60), (2, 4_500)),
    ];
    let view = v1::RolloutView {
        rollout: Some(rollout),
        slices,
        reference_hosts: 9_000,
        reference_hosts_heard: 8_951,
    };
    let older = v1::RolloutView { rollout: Some(older), ..Default::default() };
    let tier =
        |name: &str, hosts| v1::Tier { name: format!("tiers/{name}"), hosts, ..Default::default() };
    v1::Overview {
        revision: 88_121,
        tiers: vec![tier("canary", 0), tier("free", 10_100), tier("paid", 50_000)],
        rollouts: vec![view, older],
        cluster: Some(cluster(1, [Some(true), Some(true)])),
        recent_records: records(),
        ..Default::default()
    }
}

fn slice(name: &str, patched: (u64, u64), unpatched: (u64, u64)) -> v1::SliceEffect {
    v1::SliceEffect {
        slice: name.to_owned(),
        patched_failed: patched.0,
        patched_hosts: patched.1,
        unpatched_failed: unpatched.0,
        unpatched_hosts: unpatched.1,
    }
}

/// Three voters as node 1 sees them; `heard`: nodes 2 and 3.
pub(super) fn cluster(leader_id: u64, heard: [Option<bool>; 2]) -> v1::ClusterStatus {
    let member = |node_id, recently_active| v1::Member {
        node_id,
        voter: true,
        matched_index: if recently_active == Some(false) { 88_000 } else { 88_121 },
        recently_active,
        ..Default::default()
    };
    v1::ClusterStatus {
        node_id: 1,
        leader_id,
        last_index: 88_121,
        members: vec![member(1, None), member(2, heard[0]), member(3, heard[1])],
        disk_state: v1::DiskState::Fine.into(),
        ..Default::default()
    }
}

fn records() -> Vec<v1::DecisionRecord> {
    let said = [
        (60, "ana", "rollout.started", "100 hosts drawn"),
        (61, "judge", "rollout.wave.started", "canary wave 1/1 (drawn): the rollout was started"),
        (1_500, "judge", "rollout.wave.started", "free wave 1/2 (1.25%): every gate is open"),
        (1_700, "judge", "rollout.verdict", "continue, waits on soak: 30 m of 1 h"),
    ];
    let record = |(at_index, (after, actor, event, detail)): (usize, (i64, &str, &str, &str))| {
        v1::DecisionRecord {
            sequence: at_index as u64 + 1,
            log_index: 80_000 + at_index as u64,
            time: at(sample::CREATED + after),
            actor: actor.to_owned(),
            event: event.to_owned(),
            subject: "rollouts/113.1".to_owned(),
            detail: detail.to_owned(),
            ..Default::default()
        }
    };
    said.into_iter().enumerate().map(record).collect()
}

/// Half an hour, with two minutes that nobody saw.
fn history() -> v1::History {
    let minutes = (0..30_u64).filter(|minute| !(10..12).contains(minute));
    let point = |minute: u64| v1::HistoryPoint {
        minute: at(sample::CREATED + i64::try_from(minute * 60).unwrap()),
        counts: Some(v1::Counts { in_flight: minute % 20, ..Default::default() }),
        failures: u64::from(minute == 20) + 3 * u64::from(minute == 25),
        verified: minute / 3,
        ..Default::default()
    };
    v1::History {
        rollout: "rollouts/113.1".to_owned(),
        kept_since: at(sample::CREATED),
        points: minutes.map(point).collect(),
    }
}

/// A page of hosts, more of which follow.
pub(super) fn hosts(count: u64, next: &str) -> v1::ListGrantsResponse {
    let phases = [v1::GrantPhase::Soaked, v1::GrantPhase::Applied, v1::GrantPhase::Crashed];
    let grant = |number: u64| {
        let phase = phases[usize::try_from(number % 3).unwrap()];
        v1::Grant {
            grant_id: number,
            host: format!("hosts/{:016x}", number * 7_919),
            hostname: format!("web-{number}.example"),
            tier: "tiers/free".to_owned(),
            phase: phase.into(),
            detail: if phase == v1::GrantPhase::Crashed { "an unexplained reboot" } else { "" }
                .to_owned(),
            ..Default::default()
        }
    };
    v1::ListGrantsResponse {
        grants: (1..=count).map(grant).collect(),
        next_page_token: next.to_owned(),
    }
}
