//! Which metrics are there? Every name, what it means, and by what it is split.

use opentelemetry_semantic_conventions::metric::RPC_SERVER_CALL_DURATION;

use super::seen::OF_CALLS;

/// How a family's values are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It goes up alone, from 0 at the start of the process.
    Counter,
    /// Counts by size, with their sum.
    Histogram,
}

/// One family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// How its values are to be read.
    pub kind: Kind,
    /// What they mean.
    pub help: &'static str,
    /// By what it is split, besides `node`.
    pub labels: &'static [&'static str],
    /// What OpenTelemetry's conventions call it, under which it leaves over OTLP; `None`: it is ours.
    pub convention: Option<&'static str>,
}

macro_rules! catalogue {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            pub(super) const $constant: Described = Described {
                name: $name,
                kind: Kind::$kind,
                help: $help,
                labels: &[$($label),*],
                convention: None,
            };
        )*
        /// Every family, by name.
        pub const CATALOGUE: &[Described] = &[CALLS, $($constant),*];
    };
}

/// The one family that has a name of the conventions.
pub(super) const CALLS: Described = Described {
    name: "rpc_server_call_duration_seconds",
    kind: Kind::Histogram,
    help: "How long calls took on this node, streams until their end.",
    labels: &OF_CALLS,
    convention: Some(RPC_SERVER_CALL_DURATION),
};

catalogue! {
    SHED: Counter "tidegate_admission_shed_total" ["reason"]
        "Requests that were turned away because too many waited: beats of agents, or commands.";
    CHECK_INS: Histogram "tidegate_agent_checkin_lag_seconds" ["tier"]
        "How much later than it was told to a host's beat came to this node.";
    AGENTS_CONNECTED: Gauge "tidegate_agents_connected" ["tier"]
        "Hosts that this node heard within a beat and a half; the cluster's are the sum of its nodes'.";
    AGENTS_ENROLLED: Gauge "tidegate_agents_enrolled" ["tier"]
        "Enrolled hosts.";
    AGENTS_SILENT: Gauge "tidegate_agents_silent" ["tier"]
        "Hosts of live rollouts that begun and were not heard for too long.";
    BUILD_INFO: Gauge "tidegate_build_info" ["version", "commit", "rustc"]
        "Always 1; which version runs, what it was built from and by which compiler.";
    COVERAGE_HOSTS: Gauge "tidegate_coverage_hosts" ["supported"]
        "Enrolled hosts by whether their kernel is covered; unknown: no coverage table was applied.";
    DISK_STATE: Gauge "tidegate_disk_state" ["state"]
        "1 for the state that the disk of the data directory is in: fine, low, scarce or critical.";
    FLEET_HEARD: Gauge "tidegate_fleet_heard" []
        "1 while the controllers hear the fleet, so that silence counts.";
    HALT_PROPAGATION: Histogram "tidegate_halt_propagation_seconds" []
        "From when the leader was given the entry that halts until no host could begin any more.";
    ENTRIES: Counter "tidegate_log_entries_applied_total" []
        "Log entries that this node applied.";
    MISSED: Counter "tidegate_metrics_entries_missed_total" []
        "Applied entries that the counters do not know of; more than 0: they are too low.";
    DROPPED: Counter "tidegate_peer_messages_dropped_total" []
        "Messages of other controllers that broke a rule and had no effect.";
    PATCH_SETS_HALTED: Gauge "tidegate_patch_sets_halted" []
        "Patch sets on which a halt stands.";
    APPLIED_INDEX: Gauge "tidegate_raft_applied_index" []
        "Log index of the last entry that is applied.";
    CHECKPOINT_INDEX: Gauge "tidegate_raft_checkpoint_index" []
        "Log index of the newest checkpoint, where a restart begins.";
    COMMIT_INDEX: Gauge "tidegate_raft_commit_index" []
        "Log index of the last entry that is known to be committed.";
    LEADER: Gauge "tidegate_raft_leader" []
        "1 while this node leads.";
    LEADER_CHANGES: Counter "tidegate_raft_leader_changes_total" []
        "How often this node saw another leader than before.";
    LEADER_KNOWN: Gauge "tidegate_raft_leader_known" []
        "1 while this node knows who leads.";
    FSYNCS: Histogram "tidegate_raft_fsync_duration_seconds" []
        "How long each sync of the log to the disk took.";
    PROPOSALS: Histogram "tidegate_raft_propose_duration_seconds" []
        "From when a command was given to this node, which led, until it was committed and applied.";
    SNAPSHOTS: Counter "tidegate_raft_snapshot_installed_total" []
        "States that this node took in whole instead of entry by entry.";
    SNAPSHOT_MISSING: Gauge "tidegate_raft_snapshot_missing_pieces" []
        "Pieces that are still missing of the state that this node takes in; 0: it takes in none.";
    SNAPSHOT_STORED: Gauge "tidegate_raft_snapshot_stored_pieces" []
        "Pieces that are here of the state that this node takes in; 0: it takes in none.";
    SYNCS: Counter "tidegate_raft_syncs_total" []
        "Syncs of the log to the disk.";
    TERM: Gauge "tidegate_raft_term" []
        "The node's term.";
    RECORDS: Counter "tidegate_records_total" ["event"]
        "Decision records by kind, as `tidegate audit list` has them.";
    REFUSALS: Counter "tidegate_refusals_total" ["reason"]
        "Commands that the replicated state refused, by reason code.";
    REPORTS: Counter "tidegate_agent_reports_total" ["result", "tier"]
        "Reports of hosts that were counted, by what they say and the host's tier.";
    DECISIONS: Counter "tidegate_rollout_decisions_total" ["rollout", "decision", "actor"]
        "What was decided on a rollout, by the judge (auto) or by a person (human).";
    EXPOSURE: Gauge "tidegate_rollout_exposure_ratio" ["rollout", "tier"]
        "Hosts that have begun, as a part of the tier's eligible hosts.";
    RATIO_LOWER: Gauge "tidegate_rollout_failure_ratio_lower_bound" ["rollout", "slice_kind", "slice"]
        "At least this part of the patched hosts of a slice fails, sure to 95 %.";
    RATIO_UPPER: Gauge "tidegate_rollout_failure_ratio_upper_bound" ["rollout", "slice_kind", "slice"]
        "At most this part of the patched hosts of a slice fails, sure to 95 %.";
    HOSTS: Gauge "tidegate_rollout_hosts" ["rollout", "tier", "state"]
        "Hosts by what became of them.";
    INFO: Gauge "tidegate_rollout_info" ["rollout", "patch", "state", "tier"]
        "Always 1; where a rollout stands.";
    MANUAL_PAUSE: Histogram "tidegate_rollout_manual_pause_seconds" []
        "How long rollouts were paused by people, in running time; counted when they went on.";
    PROGRESSION: Histogram "tidegate_rollout_progression_seconds" []
        "How long rollouts took from start to completion, in running time; counted when completed.";
    WAVE_AGE: Gauge "tidegate_rollout_wave_age_seconds" ["rollout"]
        "For how long the present wave is open, in running time.";
    WAVE_SOAK: Gauge "tidegate_rollout_wave_soak_seconds" ["rollout"]
        "How long a host of the present wave soaks.";
    ROLLOUTS: Gauge "tidegate_rollouts" ["state"]
        "All rollouts by state.";
    BEHIND: Gauge "tidegate_rollouts_not_shown" []
        "Live rollouts beyond the limit, of which no other family tells.";
    STATE_MISMATCH: Counter "tidegate_state_hash_mismatch_total" []
        "Hashes of the replicated state that another controller said and this node did not have; always 0.";
    CORRUPTION: Counter "tidegate_storage_corruption_total" []
        "Artifacts that rotted on this node's disk and were moved aside; a damaged log stops the node.";
    WEBHOOK_DEAD: Gauge "tidegate_webhook_dead_letters" ["webhook"]
        "Notifications of a webhook that were given up or dropped, and can be sent again; the newest 100.";
    WEBHOOK_GONE: Gauge "tidegate_webhook_gone" ["webhook"]
        "1 for a webhook whose receiver has answered 410 Gone, so that it is told nothing more.";
    WEBHOOK_OLDEST: Gauge "tidegate_webhook_oldest_seconds" ["webhook"]
        "For how long the oldest notification of a webhook waits; 0: none does.";
    WEBHOOK_PENDING: Gauge "tidegate_webhook_pending" ["webhook"]
        "Notifications that wait for a webhook's receiver.";
    WEBHOOK_SETTLED: Counter "tidegate_webhook_settled_total" ["webhook", "outcome"]
        "Notifications that wait no more: delivered, gave_up, gone or dropped.";
}
