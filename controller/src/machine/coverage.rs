//! Which hosts' kernels may have patches? The coverage table that people apply, and when each kernel release was first
//! seen: both are replicated, and the wall clock of the log decides.
//!
//! A host whose kernel is not covered is out like one whose token was revoked: it leaves the censuses unless it has
//! begun, gets no offer, and no grant of it begins. A newer kernel brings it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::coverage::{CoverageTable, Day, Kernel, Standing, Supported};
use tidegate_policies::time::WallTime;

use super::clock::Clock;
use super::etag::Etag;
use super::hosts::Profile;
use super::membership::NoPart;
use super::patch_sets::KernelKey;
use super::{Machine, Position};

/// Kernel releases of which it is remembered when a host was first seen with them. Of those that come later nothing is
/// known until a table says when they were published.
pub const MAX_SEEN: usize = 4_096;

/// What is known of which kernels are covered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The table; `None`: nothing is judged.
    pub applied: Option<AppliedTable>,
    /// How often a table was applied.
    pub version: u64,
    /// When a host was first seen with a kernel release.
    pub first_seen: BTreeMap<String, WallTime>,
}

/// A table that a person applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedTable {
    /// It.
    pub table: CoverageTable,
    /// Who applied it.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// When.
    pub at: WallTime,
}

/// How all hosts stand that have one kernel release on one distribution release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline<'a> {
    /// The kernel release, without flavour.
    pub kernel: String,
    /// The distribution release; empty: these hosts do not tell.
    pub distro: String,
    /// How many.
    pub hosts: u64,
    /// How they stand.
    pub standing: Standing<'a>,
    /// The same in words.
    pub words: String,
}

impl Coverage {
    /// How a kernel stands at `now`, by this table or none.
    fn by<'t>(
        &self,
        table: Option<&'t CoverageTable>,
        kernel: Kernel<'_>,
        now: WallTime,
    ) -> Standing<'t> {
        let seen = self.first_seen.get(kernel.release).copied();
        table.map_or(Standing::UNKNOWN, |table| table.standing(kernel, seen, now))
    }

    /// The table that was applied.
    pub fn table(&self) -> Option<&CoverageTable> {
        self.applied.as_ref().map(|applied| &applied.table)
    }

    /// Changes whenever a table is applied.
    pub fn etag(&self) -> Etag {
        Etag::of_number(self.version)
    }

    /// A host was seen with this kernel release.
    fn see(&mut self, release: &str, now: WallTime) {
        if self.first_seen.len() < MAX_SEEN && !self.first_seen.contains_key(release) {
            self.first_seen.insert(release.to_owned(), now);
        }
    }
}

/// What matters of a kernel here.
fn kernel_of<'a>(key: &'a KernelKey, distro: &'a str) -> Kernel<'a> {
    Kernel { series: key.series().0, release: &key.release, distro }
}

fn kernel_of_all(profile: &Profile) -> Kernel<'_> {
    kernel_of(&profile.kernel, &profile.distro_release)
}

impl Machine {
    /// What is known of which kernels are covered.
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How the kernel of hosts of this distribution release stands now.
    pub fn kernel_standing(&self, kernel: &KernelKey, distro: &str) -> Standing<'_> {
        self.coverage.by(self.coverage.table(), kernel_of(kernel, distro), self.clock.wall)
    }

    /// The same in words.
    pub fn kernel_words(&self, kernel: &KernelKey, distro: &str) -> String {
        self.kernel_standing(kernel, distro).words(kernel_of(kernel, distro))
    }

    /// Whether the kernel of hosts of this distribution release lets them have patches.
    ///
    /// # Errors
    ///
    /// [`NoPart::NotCovered`].
    pub(super) fn covers(&self, kernel: &KernelKey, distro: &str) -> Result<(), NoPart> {
        let supported = self.kernel_standing(kernel, distro).supported;
        if supported.lets_patch() {
            return Ok(());
        }
        Err(NoPart::NotCovered { why: self.kernel_words(kernel, distro) })
    }

    /// How many hosts stand how. As dear as there are profiles, not hosts.
    pub fn hosts_by_coverage(&self) -> BTreeMap<Supported, u64> {
        self.hosts_by(self.coverage.table())
    }

    /// How many hosts would stand how by another table.
    pub(super) fn hosts_by(&self, table: Option<&CoverageTable>) -> BTreeMap<Supported, u64> {
        let mut hosts = BTreeMap::new();
        for (_, uses, profile) in self.hosts.profiles() {
            let standing = self.coverage.by(table, kernel_of_all(&profile), self.clock.wall);
            *hosts.entry(standing.supported).or_default() += uses;
        }
        hosts
    }

    /// Whether some host may have patches by `table` for longer than by the one that was applied.
    pub(super) fn lets_in_longer(&self, table: &CoverageTable) -> bool {
        let ends = |table, profile: &Profile| {
            let standing = self.coverage.by(table, kernel_of_all(profile), self.clock.wall);
            let lets = standing.supported.lets_patch();
            // A host that is covered and has no last day is not judged.
            lets.then(|| standing.until.unwrap_or(Day(u32::MAX)))
        };
        self.hosts.profiles().any(|(_, _, profile)| {
            ends(Some(table), &profile) > ends(self.coverage.table(), &profile)
        })
    }

    /// How the fleet's kernels stand: those first that are covered no more, then those that are so soonest.
    pub fn deadlines(&self) -> Vec<Deadline<'_>> {
        let mut hosts: BTreeMap<(KernelKey, String), u64> = BTreeMap::new();
        for (_, uses, profile) in self.hosts.profiles() {
            // Flavour and architecture decide nothing here.
            let (release, none) = (profile.kernel.release, String::new());
            let key = KernelKey { release, flavour: none.clone(), arch: none };
            *hosts.entry((key, profile.distro_release)).or_default() += uses;
        }
        let row = |((key, distro), hosts): ((KernelKey, String), u64)| Deadline {
            standing: self.kernel_standing(&key, &distro),
            words: self.kernel_words(&key, &distro),
            kernel: key.release,
            distro,
            hosts,
        };
        let mut rows: Vec<Deadline<'_>> = hosts.into_iter().map(row).collect();
        rows.sort_by_key(|row| (row.standing.supported.lets_patch(), row.standing.until));
        rows
    }

    /// Takes note of the kernel release of a host, once there is a date to note.
    pub(super) fn see_kernel(&mut self, release: &str) {
        if self.clock.wall_agreed {
            self.coverage.see(release, self.clock.wall);
        }
    }

    /// Absorbs that a table was applied.
    pub(super) fn put_coverage(&mut self, at: Position, applied: &AppliedTable) {
        self.coverage.applied = Some(applied.clone());
        self.coverage.version += 1;
        self.take_entitled_anew(at);
    }

    /// The wall clock has gone on. Kernels are covered by the day: with a new one, some hosts may be so no more.
    pub(super) fn days_pass(&mut self, at: Position, before: &Clock) {
        let now = self.clock.wall;
        let first_date = self.clock.wall_agreed && !before.wall_agreed;
        if first_date {
            let seen: Vec<String> =
                self.hosts.profiles().map(|(_, _, profile)| profile.kernel.release).collect();
            seen.iter().for_each(|release| self.see_kernel(release));
        }
        if self.coverage.applied.is_none() || (Day::of(before.wall) == Day::of(now) && !first_date)
        {
            return;
        }
        let lets = |profile: &Profile, at| {
            let standing = self.coverage.by(self.coverage.table(), kernel_of_all(profile), at);
            standing.supported.lets_patch()
        };
        let changes = |profile: &Profile| lets(profile, before.wall) != lets(profile, now);
        if first_date || self.hosts.profiles().any(|(_, _, profile)| changes(&profile)) {
            self.take_entitled_anew(at);
        }
    }
}
