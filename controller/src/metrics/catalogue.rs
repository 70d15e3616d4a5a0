//! Which metrics are there? Every name, what it means, and by what it is split.

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
}

macro_rules! catalogue {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            pub(super) const $constant: Described = Described {
                name: $name,
                kind: Kind::$kind,
                help: $help,
                labels: &[$($label),*],
            };
        )*
        /// Every family, by name.
        pub const CATALOGUE: &[Described] = &[$($constant),*];
    };
}

catalogue! {
    AGENTS_ENROLLED: Gauge "tidegate_agents_enrolled" ["tier"]
        "Enrolled hosts.";
    AGENTS_SILENT: Gauge "tidegate_agents_silent" ["tier"]
        "Hosts of live rollouts that begun and were not heard for too long.";
    BUILD_INFO: Gauge "tidegate_build_info" ["version"]
        "Always 1; which version runs.";
    COVERAGE_HOSTS: Gauge "tidegate_coverage_hosts" ["supported"]
        "Enrolled hosts by whether their kernel is covered; unknown: no coverage table was applied.";
    DISK_STATE: Gauge "tidegate_disk_state" ["state"]
        "1 for the state that the disk of the data directory is in: fine, low, scarce or critical.";
    FLEET_HEARD: Gauge "tidegate_fleet_heard" []
        "1 while the controllers hear the fleet, so that silence counts.";
    ENTRIES: Counter "tidegate_log_entries_applied_total" []
        "Log entries that this node applied.";
    MISSED: Counter "tidegate_metrics_entries_missed_total" []
        "Applied entries that the counters do not know of; more than 0: they are too low.";
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
    SYNCS: Counter "tidegate_raft_syncs_total" []
        "Syncs of the log to the disk.";
    TERM: Gauge "tidegate_raft_term" []
        "The node's term.";
    RECORDS: Counter "tidegate_records_total" ["event"]
        "Decision records by kind, as `tidegate audit list` has them.";
    REFUSALS: Counter "tidegate_refusals_total" ["reason"]
        "Commands that the replicated state refused, by reason code.";
    REPORTS: Counter "tidegate_agent_reports_total" ["result"]
        "Reports of hosts that were counted, by what they say.";
    DECISIONS: Counter "tidegate_rollout_decisions_total" ["rollout", "decision", "actor"]
        "What was decided on a rollout, by the judge (auto) or by a person (human).";
    EXPOSURE: Gauge "tidegate_rollout_exposure_ratio" ["rollout", "tier"]
        "Hosts that have begun, as a part of the tier's eligible hosts.";
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
    WEBHOOK_GONE: Gauge "tidegate_webhook_gone" ["webhook"]
        "1 for a webhook whose receiver has answered 410 Gone, so that it is told nothing more.";
    WEBHOOK_OLDEST: Gauge "tidegate_webhook_oldest_seconds" ["webhook"]
        "For how long the oldest notification of a webhook waits; 0: none does.";
    WEBHOOK_PENDING: Gauge "tidegate_webhook_pending" ["webhook"]
        "Notifications that wait for a webhook's receiver.";
    WEBHOOK_SETTLED: Counter "tidegate_webhook_settled_total" ["webhook", "outcome"]
        "Notifications that wait no more: delivered, gave_up, gone or dropped.";
}
