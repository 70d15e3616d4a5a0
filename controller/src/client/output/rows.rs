//! What does each kind of resource show of itself: its name, its JSON, and its line in a table?

use chrono::{DateTime, Utc};
use serde_json::Value;
use tidegate_proto::v1;

use super::Show::{self, Always, Wide};
use super::calendar;
use super::json::{self, word};
use super::text::{counted, or_dash, share_of};
use super::time::{ago, span_coarse, when};
use crate::client::commands::audit::subject;
use crate::client::ids::to_hex;
use crate::client::names::id_of;

/// What can be printed.
pub(crate) trait Resource {
    /// Its resource name.
    fn name(&self) -> String;

    /// It as JSON.
    fn json(&self) -> Value;
}

/// A resource that can be listed.
pub(crate) trait Row: Resource {
    /// Titles of the columns, and when each is shown.
    const COLUMNS: &'static [(&'static str, Show)];

    /// One cell for each column.
    fn cells(&self, now: DateTime<Utc>) -> Vec<String>;
}

impl Resource for v1::Rollout {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::rollout(self)
    }
}

impl Row for v1::Rollout {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NAME", Always),
        ("PATCH SET", Always),
        ("STATE", Always),
        ("TIER", Always),
        ("WAVE", Always),
        ("VERDICT", Always),
        ("WAITING ON", Always),
        ("EXPOSED", Always),
        ("IN FLIGHT", Wide),
        ("EPOCH", Wide),
        ("POLICY", Wide),
        ("CREATED", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let verdict = self.verdict.as_ref();
        vec![
            id_of(&self.name).to_owned(),
            id_of(&self.patch_set).to_owned(),
            word::<v1::RolloutState>(self.state),
            or_dash(id_of(&self.tier)),
            if self.wave == 0 { or_dash("") } else { self.wave.to_string() },
            verdict.map_or_else(|| or_dash(""), |said| word::<v1::VerdictKind>(said.kind)),
            verdict.map_or_else(|| or_dash(""), |said| or_dash(&said.waiting_on)),
            share_of(self.exposed_hosts, self.exposure_budget_hosts),
            share_of(self.in_flight_hosts, self.in_flight_cap_hosts),
            self.epoch.to_string(),
            or_dash(&self.policy_name),
            ago(self.create_time.as_ref(), now),
        ]
    }
}

impl Resource for v1::DecisionRecord {
    fn name(&self) -> String {
        self.sequence.to_string()
    }

    fn json(&self) -> Value {
        json::record(self)
    }
}

impl Row for v1::DecisionRecord {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("RECORD", Always),
        ("LOG", Wide),
        ("WHEN", Always),
        ("ACTOR", Always),
        ("EVENT", Always),
        ("ON", Always),
        ("REQUEST", Wide),
        ("HASH", Wide),
        ("DETAIL", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            self.log_index.to_string(),
            ago(self.time.as_ref(), now),
            self.actor.clone(),
            self.event.clone(),
            or_dash(subject(self)),
            or_dash(&self.request_id),
            to_hex(&self.hash),
            or_dash(&self.detail),
        ]
    }
}

impl Resource for v1::Incident {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::incident(self)
    }
}

impl Row for v1::Incident {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NUMBER", Always),
        ("STATE", Always),
        ("ROLLOUT", Always),
        ("SCOPE", Always),
        ("BY", Always),
        ("OPENED", Always),
        ("LOG", Wide),
        ("BECAUSE", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let halt = self.halt.clone().unwrap_or_default();
        vec![
            id_of(&self.name).to_owned(),
            word::<v1::IncidentState>(self.state),
            id_of(&self.rollout).to_owned(),
            self.scope.clone(),
            halt.actor,
            ago(halt.time.as_ref(), now),
            halt.log_index.to_string(),
            or_dash(&halt.reason),
        ]
    }
}

impl Resource for v1::PatchSet {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::patch_set(self)
    }
}

impl Row for v1::PatchSet {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("VERSION", Always),
        ("NOTICE", Always),
        ("STATE", Always),
        ("ARTIFACTS", Always),
        ("FIXES", Always),
        ("STORED ON", Always),
        ("EPOCH", Wide),
        ("PUBLISHED", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let stored = self.stored_on_nodes.len();
        vec![
            id_of(&self.name).to_owned(),
            or_dash(&self.notice),
            word::<v1::PatchSetState>(self.state),
            self.artifacts.len().to_string(),
            self.fixes.len().to_string(),
            format!("{} (needs {})", counted(stored, "node"), self.nodes_needed),
            self.epoch.to_string(),
            ago(self.published_at.as_ref(), now),
        ]
    }
}

impl Resource for v1::Host {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::host(self)
    }
}

impl Row for v1::Host {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NAME", Always),
        ("HOSTNAME", Always),
        ("TIER", Always),
        ("KERNEL", Always),
        ("ARCH", Wide),
        ("ZONE", Wide),
        ("MODE", Wide),
        ("STATE", Always),
        ("RUNNING", Always),
        ("HEARD", Always),
        ("AGENT", Wide),
        ("TOKEN", Wide),
        ("ENROLLED", Wide),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let fact = |read: fn(&v1::HostFacts) -> &str| {
            or_dash(self.facts.as_ref().map(read).unwrap_or_default())
        };
        let kernel = self.facts.as_ref().map_or_else(
            || or_dash(""),
            |facts| format!("{}-{}", facts.kernel_release, facts.flavour),
        );
        vec![
            id_of(&self.name).to_owned(),
            fact(|facts| &facts.hostname),
            or_dash(id_of(&self.tier)),
            kernel,
            fact(|facts| &facts.arch),
            fact(|facts| &facts.zone),
            word::<v1::AgentMode>(self.mode),
            word::<v1::HostState>(self.state),
            or_dash(id_of(&self.running_patch_set)),
            heard(self),
            fact(|facts| &facts.agent_version),
            or_dash(id_of(&self.token)),
            ago(self.enroll_time.as_ref(), now),
        ]
    }
}

/// How long ago a host was heard.
pub(crate) fn heard(host: &v1::Host) -> String {
    host.heard_ago_ms.map_or_else(
        || "unknown".to_owned(),
        |elapsed_ms| format!("{} ago", span_coarse(elapsed_ms)),
    )
}

impl Resource for v1::Grant {
    fn name(&self) -> String {
        self.host.clone()
    }

    fn json(&self) -> Value {
        json::grant(self)
    }
}

impl Row for v1::Grant {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("HOST", Always),
        ("HOSTNAME", Always),
        ("TIER", Always),
        ("PHASE", Always),
        ("GRANT", Wide),
        ("EPOCH", Wide),
        ("BEGUN AT", Wide),
        ("DETAIL", Always),
    ];

    fn cells(&self, _: DateTime<Utc>) -> Vec<String> {
        let begun =
            if self.begun_index == 0 { or_dash("") } else { format!("log {}", self.begun_index) };
        vec![
            id_of(&self.host).to_owned(),
            or_dash(&self.hostname),
            or_dash(id_of(&self.tier)),
            word::<v1::GrantPhase>(self.phase),
            self.grant_id.to_string(),
            self.epoch.to_string(),
            begun,
            or_dash(&self.detail),
        ]
    }
}

impl Resource for v1::LedgerEntry {
    fn name(&self) -> String {
        self.host.clone()
    }

    fn json(&self) -> Value {
        json::ledger_entry(self)
    }
}

impl Row for v1::LedgerEntry {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("HOST", Always),
        ("HOSTNAME", Always),
        ("LEAVES BY", Always),
        ("KERNEL", Wide),
        ("ZONE", Wide),
        ("BOOT", Wide),
        ("GRANT", Wide),
        ("DETAIL", Always),
    ];

    fn cells(&self, _: DateTime<Utc>) -> Vec<String> {
        vec![
            id_of(&self.host).to_owned(),
            or_dash(&self.hostname),
            word::<v1::LeavesBy>(self.leaves_by),
            or_dash(&self.kernel_release),
            or_dash(&self.zone),
            or_dash(&self.boot_id),
            self.grant_id.to_string(),
            or_dash(&self.detail),
        ]
    }
}

impl Resource for v1::Tier {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::tier(self)
    }
}

impl Row for v1::Tier {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("POSITION", Always),
        ("NAME", Always),
        ("DRAWN FROM", Always),
        ("HOSTS", Always),
        ("BEGINS", Always),
        ("DELAY", Always),
        ("CUT-OFF", Wide),
        ("WINDOWS", Wide),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let windows: Vec<String> = self.windows.iter().map(calendar::window).collect();
        vec![
            self.position.to_string(),
            id_of(&self.name).to_owned(),
            or_dash(id_of(&self.drawn_from)),
            self.hosts.to_string(),
            calendar::begins(self, now),
            calendar::delay(self.delay_ms),
            calendar::date(self.cut_off.as_ref()),
            or_dash(&windows.join("; ")),
        ]
    }
}

impl Resource for v1::Token {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::token(self)
    }
}

impl Row for v1::Token {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("ID", Always),
        ("TIER", Always),
        ("STATE", Always),
        ("ENROLLED", Always),
        ("EXPIRES", Always),
        ("FOR", Wide),
        ("CREATED", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        vec![
            id_of(&self.name).to_owned(),
            or_dash(id_of(&self.tier)),
            word::<v1::TokenState>(self.state),
            share_of(self.enrolled_hosts, self.max_hosts),
            self.expire_time.as_ref().map_or_else(|| "never".to_owned(), |at| when(Some(at), now)),
            scope_words(self.scope.as_ref()),
            ago(self.create_time.as_ref(), now),
        ]
    }
}

/// Which machines a token is for.
pub(crate) fn scope_words(scope: Option<&v1::TokenScope>) -> String {
    let Some(scope) = scope else { return "every machine".to_owned() };
    let sets = [
        ("arch", &scope.architectures),
        ("kernel series", &scope.kernel_series),
        ("release", &scope.distro_releases),
    ];
    let words = sets.into_iter().filter(|(_, values)| !values.is_empty());
    let words: Vec<String> =
        words.map(|(name, values)| format!("{name} {}", values.join(" or "))).collect();
    words.join(", ")
}

impl Resource for v1::EvictHostResponse {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::evicted(self)
    }
}

impl Resource for v1::Proposal {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::proposal(self)
    }
}

impl Row for v1::Proposal {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NUMBER", Always),
        ("ROLLOUT", Always),
        ("BY", Always),
        ("PROPOSED", Always),
        ("LAPSES IN", Always),
        ("ACTION", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        vec![
            id_of(&self.name).to_owned(),
            id_of(&self.rollout).to_owned(),
            self.actor.clone(),
            ago(self.time.as_ref(), now),
            span_coarse(self.lapses_in_ms),
            self.action.clone(),
        ]
    }
}

impl Resource for v1::ReplayRolloutResponse {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::replay(self)
    }
}

impl Resource for v1::ExplainRolloutResponse {
    fn name(&self) -> String {
        self.rollout.as_ref().map(|rollout| rollout.name.clone()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        json::explanation(self)
    }
}
