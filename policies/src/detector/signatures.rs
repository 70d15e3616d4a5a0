//! Does the kernel itself say that it was this patch? Panics that name its module, and panics alike.
//!
//! An absolute rail beside the statistics: in a small fleet it is what there is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place::DomainId;
use super::ruling::Standing;
use super::stream::Cohort;

/// Different signatures that are counted by themselves; of later ones only what they name counts.
pub const MOST_SIGNATURES: usize = 64;

/// Eligible hosts below which two hosts are enough.
pub const SMALL_FLEET: u64 = 500;

/// What kernel evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelEvidence {
    /// What the crash looks like: a hash of where it happened, by the caller.
    pub signature: u64,
    /// Which module stands in its trace.
    pub names: Names,
}

/// Which module a trace names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Names {
    /// The livepatch module of this patch set.
    ThisPatch,
    /// Another one, or none.
    Other,
}

/// Hosts on which one thing was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Patched hosts.
    pub treated: u32,
    /// Control hosts.
    pub control: u32,
    /// The first two failure domains of the patched ones.
    pub domains: [Option<DomainId>; 2],
}

/// Kernel evidence of one generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    naming: Seen,
    alike: BTreeMap<u64, Seen>,
}

/// From how many hosts on kernel evidence halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureRule {
    /// Patched hosts of at least two failure domains whose kernel names the patch; 1 is one host anywhere.
    /// A fleet below [`SMALL_FLEET`] hosts needs at most 2.
    pub named: u32,
}

/// What kernel evidence says about going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureRuling {
    /// What it says.
    pub standing: Standing,
    /// What it says it of: hosts that name the patch, or the most alike that no control host shares.
    pub seen: Seen,
    /// The signature, where hosts are alike without naming the patch.
    pub signature: Option<u64>,
    /// Hosts that it takes.
    pub needed: u32,
}

impl SignatureRule {
    /// Three hosts.
    pub const STANDARD: Self = Self { named: 3 };

    /// Hosts that it takes in a fleet of this many eligible hosts.
    pub fn needed(self, fleet: u64) -> u32 {
        if fleet < SMALL_FLEET { self.named.min(2) } else { self.named }
    }
}

impl Seen {
    /// Whether so many patched hosts saw it, of two domains unless one host is enough.
    const fn reaches(&self, needed: u32) -> bool {
        self.treated >= needed && (needed <= 1 || self.domains[1].is_some())
    }

    fn add(&mut self, domain: DomainId, cohort: Cohort) {
        match cohort {
            Cohort::Control => self.control = self.control.saturating_add(1),
            Cohort::Treated(_) => {
                self.treated = self.treated.saturating_add(1);
                match self.domains {
                    [None, _] => self.domains[0] = Some(domain),
                    [Some(first), None] if first != domain => self.domains[1] = Some(domain),
                    [Some(_), _] => (),
                }
            }
        }
    }
}

impl Signatures {
    /// A host's failure left this evidence. Called once for each failed host.
    pub(super) fn saw(&mut self, domain: DomainId, cohort: Cohort, evidence: KernelEvidence) {
        if evidence.names == Names::ThisPatch {
            self.naming.add(domain, cohort);
        }
        let known = self.alike.contains_key(&evidence.signature);
        if known || self.alike.len() < MOST_SIGNATURES {
            self.alike.entry(evidence.signature).or_default().add(domain, cohort);
        }
    }

    /// What it says in a fleet of this many eligible hosts: enough hosts that name the patch halt; as many
    /// that crash alike, where no control host does, hold.
    pub fn ruling(&self, rule: SignatureRule, fleet: u64) -> SignatureRuling {
        let needed = rule.needed(fleet);
        let naming = SignatureRuling {
            standing: Standing::Halt,
            seen: self.naming,
            signature: None,
            needed,
        };
        if self.naming.reaches(needed) {
            return naming;
        }
        let alone = self.alike.iter().filter(|(_, seen)| seen.control == 0);
        let most = alone.max_by_key(|(_, seen)| seen.treated);
        match most.filter(|(_, seen)| seen.reaches(needed.max(2))) {
            Some((&signature, &seen)) => SignatureRuling {
                standing: Standing::Hold,
                seen,
                signature: Some(signature),
                needed,
            },
            None => SignatureRuling { standing: Standing::Go, ..naming },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::Windows;
    use super::*;

    const PATCHED: Cohort = Cohort::Treated(Windows::EVERY);
    const OTHER: KernelEvidence = KernelEvidence { signature: 9, names: Names::Other };
    const NAMED: KernelEvidence = KernelEvidence { signature: 9, names: Names::ThisPatch };

    #[track_caller]
    fn check(seen: &[(u64, Cohort, KernelEvidence)], named: u32, fleet: u64, expected: Standing) {
        let mut signatures = Signatures::default();
        for &(domain, cohort, evidence) in seen {
            signatures.saw(DomainId(domain), cohort, evidence);
        }
        let ruling = signatures.ruling(SignatureRule { named }, fleet);
        assert_eq!(ruling.standing, expected, "{ruling:?}");
    }

    #[test]
    fn three_hosts_of_two_domains_that_name_the_patch_halt() {
        let of = |domains: &[u64]| domains.iter().map(|&d| (d, PATCHED, NAMED)).collect::<Vec<_>>();
        check(&of(&[1, 2, 2]), 3, 10_000, Standing::Halt);
        check(&of(&[1, 2]), 3, 10_000, Standing::Go);
        check(&of(&[1, 1, 1]), 3, 10_000, Standing::Go);
    }

    #[test]
    fn a_small_fleet_needs_two_and_a_policy_may_say_one() {
        let of = |domains: &[u64]| domains.iter().map(|&d| (d, PATCHED, NAMED)).collect::<Vec<_>>();
        check(&of(&[1, 2]), 3, 499, Standing::Halt);
        check(&of(&[1, 2]), 3, 500, Standing::Go);
        check(&of(&[1]), 1, 100_000, Standing::Halt);
    }

    #[test]
    fn panics_alike_hold_unless_a_control_host_has_the_same() {
        let alike = [(1, PATCHED, OTHER), (2, PATCHED, OTHER), (3, PATCHED, OTHER)];
        check(&alike, 3, 10_000, Standing::Hold);
        let shared = [alike[0], alike[1], alike[2], (4, Cohort::Control, OTHER)];
        check(&shared, 3, 10_000, Standing::Go);
    }

    #[test]
    fn control_hosts_that_name_the_patch_do_not_count() {
        check(&[(1, Cohort::Control, NAMED), (2, Cohort::Control, NAMED)], 2, 100, Standing::Go);
    }
}
