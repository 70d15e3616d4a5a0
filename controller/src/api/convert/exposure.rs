//! Open fixes, out.

use tidegate_policies::severity::Severity;
use tidegate_policies::tiers::Objective;
use tidegate_proto::v1 as pb;

use super::patch_set::severity;
use super::timestamp;
use crate::machine::ids::TierName;
use crate::machine::open_fixes::{Cause, Fixed, KeptOut, Level, Open, OpenFixes, Standing};

/// A report for the wire.
pub fn report(of: &OpenFixes, tier: Option<&TierName>) -> pb::ExposureReport {
    pb::ExposureReport {
        time: Some(timestamp(of.at)),
        tier: tier.map_or_else(String::new, |tier| format!("tiers/{tier}")),
        hosts: of.hosts,
        open_hosts: of.open_hosts,
        fixes: of.fixes.iter().map(fix).collect(),
        causes: of.causes.iter().map(kept_out).collect(),
        levels: of.levels.iter().map(level).collect(),
    }
}

/// An objective for the wire.
pub fn objective(of: &Objective) -> pb::Objective {
    pb::Objective { severity: word(of.severity), share_ppm: of.share.ppm(), within_ms: of.within.0 }
}

fn word(of: Severity) -> i32 {
    severity(of).into()
}

fn fix(of: &Fixed) -> pb::FixReport {
    pb::FixReport {
        name: of.name.clone(),
        severity: word(of.severity),
        published_at: Some(timestamp(of.since)),
        hosts: of.hosts,
        open_hosts: of.open_hosts,
    }
}

fn kept_out(of: &KeptOut) -> pb::KeptOut {
    let open = |open: &Open| pb::OpenSeverity {
        severity: word(open.severity),
        fixes: open.fixes,
        hosts: open.hosts,
        oldest_published_at: Some(timestamp(open.since)),
    };
    pb::KeptOut {
        cause: cause(&of.cause).into(),
        resource: of.cause.resource(),
        hosts: of.hosts,
        open: of.open.iter().map(open).collect(),
    }
}

const fn cause(of: &Cause) -> pb::Cause {
    match of {
        Cause::Halt(_) => pb::Cause::Halt,
        Cause::SliceHalt(_) => pb::Cause::SliceHalt,
        Cause::Hold(_) => pb::Cause::Hold,
        Cause::Pause(_) => pb::Cause::Pause,
        Cause::Freeze(_) => pb::Cause::Freeze,
        Cause::StartAt(_) => pb::Cause::StartAt,
        Cause::CutOff(_) => pb::Cause::CutOff,
        Cause::Delay(_) => pb::Cause::Delay,
        Cause::Window(_) => pb::Cause::Window,
        Cause::Holdback(_) => pb::Cause::Holdback,
        Cause::Token(_) => pb::Cause::Token,
        Cause::KernelCoverage => pb::Cause::KernelCoverage,
        Cause::NotStarted(_) => pb::Cause::NotStarted,
        Cause::NotOnLadder(_) => pb::Cause::NotOnLadder,
        Cause::NoApply => pb::Cause::NoApply,
        Cause::WentWrong(_) => pb::Cause::WentWrong,
        Cause::UnderWay(_) => pb::Cause::UnderWay,
        Cause::Turn(_) => pb::Cause::Turn,
    }
}

fn level(of: &Level) -> pb::ServiceLevel {
    let standing = match of.standing() {
        Standing::Met => pb::LevelStanding::Met,
        Standing::Burning => pb::LevelStanding::Burning,
        Standing::Missed => pb::LevelStanding::Missed,
    };
    pb::ServiceLevel {
        tier: format!("tiers/{}", of.tier),
        objective: Some(objective(&of.objective)),
        hosts: of.hosts,
        late_hosts: of.late_hosts,
        tolerated_hosts: of.tolerated_hosts,
        due_hosts: of.due_hosts,
        next_due_time: of.next_due.map(timestamp),
        standing: standing.into(),
        burn_ppm: of.burn_ppm(),
    }
}
