//! Are metrics written as Prometheus reads them?

use expect_test::expect;

use super::read;
use crate::machine::ids::NodeId;
use crate::meters::{Histogram, LONG_TIMES};
use crate::metrics::catalogue::{CATALOGUE, DECISIONS, Kind, MANUAL_PAUSE, TERM};
use crate::metrics::family::Family;
use crate::metrics::text::write;

fn written() -> String {
    let mut pauses = Histogram::new(LONG_TIMES);
    [30.0, 60.0, 61.0, 9e9].into_iter().for_each(|seconds| pauses.note(seconds));
    let hostile = ["a\"b\\c\nd", "halt", "auto"].map(str::to_owned).to_vec();
    let families = [
        Family::one(TERM, 7.0),
        Family::new(DECISIONS, [(hostile, 2.0)]),
        Family::histogram(MANUAL_PAUSE, pauses),
    ];
    write(&families, NodeId(2))
}

#[test]
fn each_kind_is_written_as_its_own_and_a_label_cannot_break_out() {
    expect![[r##"
        # HELP tidegate_raft_term The node's term.
        # TYPE tidegate_raft_term gauge
        tidegate_raft_term{node="2"} 7
        # HELP tidegate_rollout_decisions_total What was decided on a rollout, by the judge (auto) or by a person (human).
        # TYPE tidegate_rollout_decisions_total counter
        tidegate_rollout_decisions_total{node="2",rollout="a\"b\\c\nd",decision="halt",actor="auto"} 2
        # HELP tidegate_rollout_manual_pause_seconds How long rollouts were paused by people, in running time; counted when they went on.
        # TYPE tidegate_rollout_manual_pause_seconds histogram
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="60"} 2
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="600"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="3600"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="14400"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="43200"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="86400"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="259200"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="604800"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="2592000"} 3
        tidegate_rollout_manual_pause_seconds_bucket{node="2",le="+Inf"} 4
        tidegate_rollout_manual_pause_seconds_sum{node="2"} 9000000151
        tidegate_rollout_manual_pause_seconds_count{node="2"} 4
    "##]].assert_eq(&written());
    assert!(read(&written()).is_ok(), "{:?}", read(&written()));
}

#[test]
fn every_name_says_its_unit_and_whether_it_only_rises() {
    let units = ["seconds", "ratio", "total", "info", "index"];
    let counts =
        ["enrolled", "silent", "state", "heard", "halted", "leader", "leader_known", "term"];
    let counts = counts.iter().chain(&["hosts", "rollouts", "not_shown", "pending", "gone"]);
    let counts =
        counts.chain(&["connected", "letters", "pieces", "ratio_lower_bound", "ratio_upper_bound"]);
    let ends: Vec<&str> = units.iter().chain(counts).copied().collect();
    for described in CATALOGUE {
        let name = described.name;
        let rest = match described.convention {
            None => name.strip_prefix("tidegate_").unwrap(),
            Some(theirs) => {
                assert!(name.starts_with(&theirs.replace('.', "_")), "{name} is not {theirs}");
                name
            }
        };
        assert!(rest.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), described.kind == Kind::Counter, "{name}");
        assert!(ends.iter().any(|end| rest.ends_with(end)), "{name} says no unit");
        assert!(described.help.ends_with('.'), "{name}");
        assert!(!described.labels.contains(&"host"), "{name} would grow with the fleet");
    }
    let mut names: Vec<&str> = CATALOGUE.iter().map(|of| of.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATALOGUE.len(), "a name is there twice");
}
