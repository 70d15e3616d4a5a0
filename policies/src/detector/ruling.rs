//! Does the evidence halt, hold, or let go on? A function of a few numbers, so that it can be computed
//! again from them to the same bits.

use serde::{Deserialize, Serialize};

use super::applies::{Applies, ApplyFault, PENALTY};
use super::bits::Bits;
use super::domains::{DomainsShown, GRID_PENALTY};
use super::grid::AtStake;
use super::ledger::Shown;
use super::slices::SliceId;
use super::stream::{Stream, Window};
use super::suspects::{self, Suspect};

/// What the grid of hazard ratios costs: an eighth a ratio.
const GRID: Bits = Bits::whole(3);

/// Rows of evidence that a ruling is made from: the strongest ones.
pub const MOST_ROWS: usize = 8;

/// All that a ruling is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The generation of evidence: how often a person has resumed.
    pub generation: u16,
    /// From here on evidence halts.
    pub halt_at: Bits,
    /// From here on it holds.
    pub hold_at: Bits,
    /// What a halt by one slice stops.
    pub on_slice: OnSlice,
    /// The strongest slices and streams that count, at most [`MOST_ROWS`], the strongest first.
    pub hosts: Vec<HostsRow>,
    /// What the domains have shown.
    pub domains: DomainsShown,
    /// Domains at risk now.
    pub domains_at_risk: AtRisk,
    /// The strongest slices in which applies fail, at most [`MOST_ROWS`], the strongest first.
    pub applies: Vec<AppliesRow>,
    /// Slices that may be what is bad, where evidence halts and the policy would quarantine; at most
    /// [`suspects::MOST_SUSPECTS`].
    pub suspects: Vec<Suspect>,
}

/// What one slice has shown in one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsRow {
    /// The slice.
    pub slice: SliceId,
    /// Its name on screens.
    pub name: String,
    /// The stream.
    pub stream: Stream,
    /// What the slice's weight costs.
    pub penalty: Bits,
    /// What it has shown.
    pub shown: Shown,
    /// Hosts at risk now, in the window of the strongest sum.
    pub at_risk: AtRisk,
}

/// The applies of one slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliesRow {
    /// The slice.
    pub slice: SliceId,
    /// Its name on screens.
    pub name: String,
    /// What the slice's weight costs.
    pub penalty: Bits,
    /// Its applies.
    pub applies: Applies,
}

/// Patched and control hosts, or domains, at risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRisk {
    /// Patched, inside the window: `Y1`.
    pub treated: u32,
    /// Control: `Y0`.
    pub control: u32,
}

/// What a halt by one slice stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnSlice {
    /// Everything.
    #[default]
    Everything,
    /// The slice alone, while what is outside of it shows nothing.
    Quarantine,
}

impl OnSlice {
    /// Each with the word for it in a policy.
    pub const WORDS: [(&str, Self); 2] =
        [("everything", Self::Everything), ("quarantine", Self::Quarantine)];
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// Nothing against going on.
    Go,
    /// Suspicious: no new begins, observation goes on.
    Hold,
    /// Harm.
    Halt,
}

/// Whom a halt stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Everybody.
    Everything,
    /// The hosts of this slice.
    Slice(SliceId),
}

/// Which test, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Hosts against hosts.
    Hosts {
        /// The slice.
        slice: SliceId,
        /// The stream.
        stream: Stream,
        /// The window.
        window: Window,
        /// The hazard ratio's place in [`super::grid::GRID`].
        ratio: u8,
    },
    /// Domains against domains.
    Domains {
        /// The hazard ratio's place in [`super::grid::GRID`].
        ratio: u8,
    },
    /// Applies against a chance of 1 in 100.
    Applies {
        /// The slice.
        slice: SliceId,
        /// How they fail.
        fault: ApplyFault,
        /// The share's place in [`super::applies::PERCENT`].
        share: u8,
    },
}

/// The strongest evidence of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which test, and where in it.
    pub rule: Rule,
    /// The name of its slice on screens.
    pub name: String,
    /// The sum of evidence, `ℓ`.
    pub sum: Bits,
    /// What all its weights cost.
    pub penalty: Bits,
    /// The sum less the weights: `M`.
    pub weighed: Bits,
    /// What it was held against: the threshold that it passed, else the one of a hold.
    pub threshold: Bits,
    /// Patched hosts, domains or applies that failed.
    pub treated: u64,
    /// Control hosts or domains that failed; of applies, those that did not fail.
    pub control: u64,
    /// At risk now. Of applies: those charged.
    pub at_risk: AtRisk,
}

/// What the evidence says, and the strongest of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What it says.
    pub standing: Standing,
    /// Whom a halt stops; [`Scope::Everything`] where there is none.
    pub scope: Scope,
    /// The strongest evidence, whatever it comes to; `None` while nothing counts.
    pub finding: Option<Finding>,
}

/// Computes the ruling. Equal inputs give equal rulings, on every replica and every build.
pub fn recompute(inputs: &Inputs) -> Ruling {
    let domains = inputs.domains.counts().then(|| domains_finding(inputs));
    let mut finding: Option<Finding> = None;
    for next in hosts_and_applies(inputs).chain(domains) {
        if finding.as_ref().is_none_or(|best| next.weighed > best.weighed) {
            finding = Some(next);
        }
    }
    let Some(mut finding) = finding else {
        return Ruling { standing: Standing::Go, scope: Scope::Everything, finding: None };
    };
    let standing = match finding.weighed {
        m if m >= inputs.halt_at => Standing::Halt,
        m if m >= inputs.hold_at => Standing::Hold,
        _ => Standing::Go,
    };
    finding.threshold = match standing {
        Standing::Halt => inputs.halt_at,
        Standing::Go | Standing::Hold => inputs.hold_at,
    };
    Ruling { standing, scope: suspects::scope(inputs, standing), finding: Some(finding) }
}

/// The strongest findings of hosts and applies.
pub(super) fn hosts_and_applies(inputs: &Inputs) -> impl Iterator<Item = Finding> {
    let hosts = inputs.hosts.iter().map(hosts_finding);
    hosts.chain(inputs.applies.iter().flat_map(applies_findings))
}

fn hosts_finding(row: &HostsRow) -> Finding {
    let (_, window, k) = row.shown.strongest();
    let sum = row.shown.sums[window.index()][k];
    let weights = row.penalty.plus(row.stream.penalty()).plus(window.penalty()).plus(GRID);
    Finding {
        rule: Rule::Hosts { slice: row.slice, stream: row.stream, window, ratio: place(k) },
        name: row.name.clone(),
        sum,
        penalty: weights,
        weighed: sum.less(weights),
        threshold: Bits::ZERO,
        treated: u64::from(row.shown.treated),
        control: u64::from(row.shown.control),
        at_risk: row.at_risk,
    }
}

fn domains_finding(inputs: &Inputs) -> Finding {
    let (sum, k) = inputs.domains.strongest();
    Finding {
        rule: Rule::Domains { ratio: place(k) },
        name: "failure domains".to_owned(),
        sum,
        penalty: GRID_PENALTY,
        weighed: sum.less(GRID_PENALTY),
        threshold: Bits::ZERO,
        treated: u64::from(inputs.domains.treated),
        control: u64::from(inputs.domains.control),
        at_risk: inputs.domains_at_risk,
    }
}

fn applies_findings(row: &AppliesRow) -> impl Iterator<Item = Finding> {
    let two = |fault: &ApplyFault| row.applies.faults(*fault) >= 2;
    ApplyFault::ALL.into_iter().filter(two).map(|fault| {
        let (sum, k) = row.applies.strongest(fault);
        let penalty = row.penalty.plus(PENALTY);
        let (faults, begun) = (row.applies.faults(fault), row.applies.begun);
        Finding {
            rule: Rule::Applies { slice: row.slice, fault, share: place(k) },
            name: row.name.clone(),
            sum,
            penalty,
            weighed: sum.less(penalty),
            threshold: Bits::ZERO,
            treated: faults,
            control: begun.saturating_sub(faults),
            at_risk: AtRisk { treated: u32::try_from(begun).unwrap_or(u32::MAX), control: 0 },
        }
    })
}

/// A place in a grid; none has as many as 256.
fn place(k: usize) -> u8 {
    u8::try_from(k).unwrap_or(u8::MAX)
}

/// The strongest sum that a slice has in a stream, less all that its weights cost.
pub(super) fn weighed(shown: &Shown, slice: Bits, stream: Stream) -> Bits {
    shown.strongest().0.less(slice).less(stream.penalty()).less(GRID)
}

impl AppliesRow {
    /// The strongest evidence less all that its weights cost.
    pub fn weighed(&self) -> Bits {
        applies_findings(self).map(|finding| finding.weighed).max().unwrap_or(Bits::LEAST)
    }
}

impl From<AtStake> for AtRisk {
    fn from(at: AtStake) -> Self {
        Self { treated: at.treated, control: at.control }
    }
}
