//! How do the controllers look: their status, their members, and what a check of them says?

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tidegate_proto::v1::{self, CheckVerdict, DiskState};

use super::Show::{self, Always, Wide};
use super::json::{enumeration, time, with};
use super::rows::{Resource, Row};
use super::table;
use super::text::plain;
use super::time::span;
use crate::client::ids::to_hex;

impl Resource for v1::Member {
    fn name(&self) -> String {
        self.node_id.to_string()
    }

    fn json(&self) -> Value {
        let object = json!({
            "nodeId": self.node_id,
            "address": self.address,
            "voter": self.voter,
            "leaving": self.leaving,
            "matchedIndex": self.matched_index,
            "speaksNewest": self.speaks_newest,
        });
        with(object, [("recentlyActive", self.recently_active.map(Value::from))])
    }
}

impl Row for v1::Member {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NODE", Always),
        ("ADDRESS", Always),
        ("ROLE", Always),
        ("MATCHED", Always),
        ("HEARD OF LATE", Always),
        ("SPEAKS", Wide),
    ];

    fn cells(&self, _: DateTime<Utc>) -> Vec<String> {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let known = |number: u64| if number == 0 { unknown() } else { number.to_string() };
        vec![
            self.node_id.to_string(),
            self.address.clone(),
            role(self).to_owned(),
            known(self.matched_index),
            self.recently_active.map_or_else(unknown, yes_no),
            known(self.speaks_newest.into()),
        ]
    }
}

const fn role(member: &v1::Member) -> &'static str {
    match (member.voter, member.leaving) {
        (true, _) => "voter",
        (false, true) => "leaving",
        (false, false) => "learner",
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

impl Resource for v1::ClusterStatus {
    fn name(&self) -> String {
        self.cluster.clone()
    }

    fn json(&self) -> Value {
        let object = json!({
            "cluster": self.cluster,
            "clusterId": to_hex(&self.cluster_id),
            "generation": self.generation,
            "nodeId": self.node_id,
            "leaderId": self.leader_id,
            "term": self.term,
            "commitIndex": self.commit_index,
            "appliedIndex": self.applied_index,
            "stateHash": to_hex(&self.state_hash),
            "vouchedIndex": self.vouched_index,
            "vouchedBy": self.vouched_by,
            "members": self.members.iter().map(Resource::json).collect::<Value>(),
            "elapsedMs": self.elapsed_ms,
            "version": self.version,
            "clusterVersion": self.cluster_version,
            "versionHeldBy": self.version_held_by,
            "hosts": self.hosts,
            "checkpointIndex": self.checkpoint_index,
            "firstIndex": self.first_index,
            "lastIndex": self.last_index,
            "diskState": enumeration::<DiskState>(self.disk_state),
        });
        with(object, [("wallTime", time(self.wall_time.as_ref()))])
    }
}

/// The controllers as one of them sees them.
pub(crate) fn status(status: &v1::ClusterStatus, show: Show, now: DateTime<Utc>) -> String {
    let leader = match status.leader_id {
        0 => "none known".to_owned(),
        id => format!("node {id}"),
    };
    let name = plain(&status.cluster);
    let name = if name.is_empty() { unknown() + " yet" } else { name };
    let id = to_hex(&status.cluster_id);
    let id = if id.is_empty() { String::new() } else { format!("  (id {id})") };
    let lines = [
        format!("cluster   {name}{id}"),
        format!("leader    {leader}  (term {})", status.term),
        format!("answering node {}  (version {})", status.node_id, plain(&status.version)),
        format!("rules     version {}{}", status.cluster_version, held_by(status)),
        format!(
            "log       committed {}, applied {}; checkpoint {}, {} entries since",
            status.commit_index,
            status.applied_index,
            status.checkpoint_index,
            status.last_index.saturating_sub(status.checkpoint_index)
        ),
        format!("state     {}", vouched(status)),
        format!("disk      {}", disk(status)),
        format!("hosts     {}", status.hosts),
        format!("running   {}", span(status.elapsed_ms)),
        String::new(),
        table::render(&status.members, show, true, now),
    ];
    lines.join("\n")
}

fn held_by(status: &v1::ClusterStatus) -> String {
    match status.version_held_by.as_slice() {
        [] => String::new(),
        held_by => format!(", held there by {}", nodes(held_by)),
    }
}

fn vouched(status: &v1::ClusterStatus) -> String {
    if status.vouched_index == 0 {
        return "nobody has vouched for it yet".to_owned();
    }
    let by = nodes(&status.vouched_by);
    format!("{} at {}, says {by}", to_hex(&status.state_hash), status.vouched_index)
}

fn disk(status: &v1::ClusterStatus) -> String {
    match status.disk_state() {
        DiskState::Unspecified => unknown(),
        DiskState::Fine => "fine".to_owned(),
        DiskState::Low => "low: look after it".to_owned(),
        DiskState::Scarce => "scarce: new rollouts, starts and hosts are refused".to_owned(),
        DiskState::Critical => "critical: all but halts and pauses is refused".to_owned(),
    }
}

/// `node 1`, `nodes 1, 3`.
pub(crate) fn nodes(ids: &[u64]) -> String {
    let named: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let noun = if ids.len() == 1 { "node" } else { "nodes" };
    format!("{noun} {}", named.join(", "))
}

impl Resource for v1::MemberCheck {
    fn name(&self) -> String {
        self.node_id.to_string()
    }

    fn json(&self) -> Value {
        json!({
            "nodeId": self.node_id,
            "verdict": enumeration::<CheckVerdict>(self.verdict),
            "stateHash": to_hex(&self.state_hash),
        })
    }
}

impl Row for v1::MemberCheck {
    const COLUMNS: &'static [(&'static str, Show)] =
        &[("NODE", Always), ("VERDICT", Always), ("STATE", Always)];

    fn cells(&self, _: DateTime<Utc>) -> Vec<String> {
        let verdict = match self.verdict() {
            CheckVerdict::Agrees => "agrees",
            CheckVerdict::Differs => "DIFFERS",
            CheckVerdict::NotAnswered => "has not answered",
            CheckVerdict::Unspecified => "unknown",
        };
        let hash = to_hex(&self.state_hash);
        let hash = if hash.is_empty() { unknown() } else { hash };
        vec![self.node_id.to_string(), verdict.to_owned(), hash]
    }
}

impl Resource for v1::CheckClusterResponse {
    fn name(&self) -> String {
        self.index.to_string()
    }

    fn json(&self) -> Value {
        json!({
            "index": self.index,
            "stateHash": to_hex(&self.state_hash),
            "members": self.members.iter().map(Resource::json).collect::<Value>(),
        })
    }
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
