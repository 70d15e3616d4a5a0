//! How are the slices, the fleet and the controllers?

use ratatui::text::{Line, Span};
use tidegate_proto::v1;
use tidegate_proto::v1::DiskState;

use super::board::{NAMES, named};
use super::ink::{Ink, Tone};
use super::{clipped, small};
use crate::client::names::id_of;
use crate::client::output::text::{plain, share_of};
use crate::client::top::app::App;

/// Slices that are shown.
const MAX_SLICES: usize = 4;

/// Halted slices, then those that failed: patched hosts beside unpatched ones.
pub(super) fn slices(
    rollout: &v1::Rollout,
    view: &v1::RolloutView,
    (ink, width): (Ink, usize),
) -> Vec<Line<'static>> {
    let halted = rollout.halted_slices.iter().map(|of| {
        let text = format!("HALTED {}: {} hosts, {}", of.slice, of.hosts, of.incident);
        (Tone::Bad, plain(&text))
    });
    let effects = view.slices.iter().take(MAX_SLICES).map(effect);
    let lines = halted.chain(effects).enumerate().map(|(at, (tone, text))| {
        let name = if at == 0 { "slices" } else { "" };
        named(ink, name, (tone, clipped(&text, width.saturating_sub(NAMES))))
    });
    lines.collect()
}

/// `kernel 5.15.0-107.117: 9/2140 (0.4 %) of the patched failed, 2/90000 (0.0 %) of the others`.
fn effect(of: &v1::SliceEffect) -> (Tone, String) {
    let patched = share_of(of.patched_failed, of.patched_hosts);
    let unpatched = share_of(of.unpatched_failed, of.unpatched_hosts);
    let more = u128::from(of.patched_failed) * u128::from(of.unpatched_hosts)
        > u128::from(of.unpatched_failed) * u128::from(of.patched_hosts);
    let (tone, sign) = match (of.patched_failed, more) {
        (0, _) => (Tone::Good, "ok"),
        (_, true) => (Tone::Waits, "▲ more"),
        (_, false) => (Tone::Plain, "no more"),
    };
    let text =
        format!("{}: {patched} patched failed, {unpatched} unpatched: {sign}", plain(&of.slice));
    (tone, text)
}

/// Enrolled hosts by tier, and how many of those that are listened to are heard.
pub(super) fn fleet(app: &App, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let tiers = app.model.tiers.iter();
    let tiers = tiers.map(|tier| format!("{} {}", plain(id_of(&tier.name)), tier.hosts));
    let mut said: Vec<String> = tiers.collect();
    if let Some((_, view)) = app.rollout()
        && view.reference_hosts > 0
    {
        let heard = share_of(view.reference_hosts_heard, view.reference_hosts);
        said.push(format!("heard {heard} reference hosts"));
    }
    if app.model.clocks.is_some_and(|clocks| !clocks.hears_fleet) {
        said.push("the leader does not listen yet".to_owned());
    }
    if said.is_empty() {
        return Vec::new();
    }
    vec![named(
        ink,
        "fleet",
        (Tone::Plain, clipped(&said.join("   "), width.saturating_sub(NAMES))),
    )]
}

/// The controllers as the answering one sees them.
pub(super) fn cluster(app: &App, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let Some(cluster) = &app.model.cluster else { return Vec::new() };
    let mut said: Vec<String> = cluster.members.iter().map(|of| member(cluster, of)).collect();
    let disk = small::<DiskState>(cluster.disk_state);
    said.push(format!("disk of n{} {disk}", cluster.node_id));
    let bad = cluster.members.iter().any(|of| of.recently_active == Some(false));
    let tone = if bad { Tone::Bad } else { Tone::Plain };
    vec![named(ink, "cluster", (tone, clipped(&said.join("   "), width.saturating_sub(NAMES))))]
}

fn member(cluster: &v1::ClusterStatus, of: &v1::Member) -> String {
    let how = match (of.node_id == cluster.leader_id, of.recently_active) {
        (true, _) => "leads".to_owned(),
        (false, Some(false)) => "NOT HEARD".to_owned(),
        (false, Some(true)) => {
            let behind = cluster.last_index.saturating_sub(of.matched_index);
            if behind == 0 { "ok".to_owned() } else { format!("{behind} behind") }
        }
        (false, None) if of.node_id == cluster.node_id => "answers".to_owned(),
        (false, None) => "not known here".to_owned(),
    };
    let learns = if of.voter { "" } else { " (learner)" };
    format!("n{} {how}{learns}", of.node_id)
}

/// Who leads, and how many voters stand behind it.
pub(super) fn quorum(app: &App, ink: Ink) -> Span<'static> {
    let Some(cluster) = &app.model.cluster else {
        return ink.of(Tone::Faint, "leader unknown");
    };
    if cluster.leader_id == 0 {
        return ink.of(Tone::Bad, "NO LEADER");
    }
    if ink.stale {
        return ink.of(Tone::Faint, "leader and quorum not known");
    }
    let voters = cluster.members.iter().filter(|member| member.voter);
    let known = cluster.node_id == cluster.leader_id;
    let heard = voters
        .clone()
        .filter(|of| of.node_id == cluster.leader_id || of.recently_active == Some(true));
    let leader = format!("leader n{}", cluster.leader_id);
    // Whoever leads has a majority behind it; how many, it alone knows.
    if !known {
        return ink.of(Tone::Good, format!("{leader}  quorum yes"));
    }
    let (heard, voters) = (heard.count(), voters.count());
    let tone = if heard == voters { Tone::Good } else { Tone::Waits };
    ink.of(tone, format!("{leader}  quorum {heard}/{voters}"))
}
