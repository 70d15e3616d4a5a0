//! Who may enrol, where, how many, until when, and for which machines?

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::ids::{Digest, TierName, TokenId};
use super::patch_sets::KernelKey;

/// Entitlement to enrol hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// The tier of its hosts.
    pub tier: TierName,
    /// Most hosts at a time. Where it was lowered, more may be enrolled than that; nobody else is then.
    pub max_hosts: u64,
    /// SHA-256 of its secret; the secret itself is never stored.
    pub secret: Digest,
    /// Hosts enrolled with it now.
    pub enrolled: u64,
    /// When it was created.
    pub created: WallTime,
    /// From when on nobody enrols with it any more; `None`: it has no such time.
    pub expires: Option<WallTime>,
    /// The machines that it is for.
    pub scope: Scope,
    /// A person has taken it back, for good.
    pub revoked: Option<Revocation>,
}

/// Which machines a token is for. An empty set says nothing, and all of them do where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Architectures, e.g. `amd64`.
    pub architectures: BTreeSet<String>,
    /// Kernel series, `major.minor`, e.g. `5.15`.
    pub kernel_series: BTreeSet<String>,
    /// Distribution releases, e.g. `22.04`.
    pub distro_releases: BTreeSet<String>,
}

/// That a token was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Log index of the entry.
    pub index: u64,
    /// When.
    pub at: WallTime,
}

/// What a token is good for at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Hosts may enrol with it.
    Active,
    /// It has as many hosts as it may have, or more.
    Full,
    /// Its time is over; its hosts are served on.
    Expired,
    /// It was taken back; its hosts get no further grant.
    Revoked,
}

impl Token {
    /// What it is good for at `now`.
    pub fn state(&self, now: WallTime) -> TokenState {
        match self.expires {
            _ if self.revoked.is_some() => TokenState::Revoked,
            Some(expires) if expires <= now => TokenState::Expired,
            Some(_) | None if self.enrolled >= self.max_hosts => TokenState::Full,
            Some(_) | None => TokenState::Active,
        }
    }
}

impl fmt::Display for Token {
    /// `tier free, at most 5 hosts, until 2026-11-03T09:10:00Z, for arch amd64 alone`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tier {}, at most {} hosts", self.tier, self.max_hosts)?;
        if let Some(expires) = self.expires {
            write!(f, ", until {expires}")?;
        }
        if !self.scope.is_everything() {
            write!(f, ", for {} alone", self.scope)?;
        }
        Ok(())
    }
}

impl Scope {
    /// Whether the token is for a machine with this kernel and distribution release. What is not known of
    /// it is in no set.
    pub fn holds(&self, kernel: &KernelKey, distro_release: &str) -> bool {
        let among = |set: &BTreeSet<String>, value: &str| set.is_empty() || set.contains(value);
        let (series, _, arch) = kernel.series();
        among(&self.architectures, arch)
            && among(&self.kernel_series, series)
            && among(&self.distro_releases, distro_release)
    }

    /// Whether it is for every machine.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Scope {
    /// `arch amd64, kernel series 5.15 or 6.8`; `every machine`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets = [
            ("arch", &self.architectures),
            ("kernel series", &self.kernel_series),
            ("distribution release", &self.distro_releases),
        ];
        let words = sets.into_iter().filter(|(_, set)| !set.is_empty()).map(|(name, set)| {
            let values: Vec<&str> = set.iter().map(String::as_str).collect();
            format!("{name} {}", values.join(" or "))
        });
        let words: Vec<String> = words.collect();
        f.write_str(if words.is_empty() { "every machine" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// What of a machine its scope is about, in words.
pub fn in_words(kernel: &KernelKey, distro_release: &str) -> String {
    let (series, _, arch) = kernel.series();
    let release = if distro_release.is_empty() { "unknown" } else { distro_release };
    format!("arch {arch}, kernel series {series}, distribution release {release}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(architectures: &[&str], kernel_series: &[&str], distro_releases: &[&str]) -> Scope {
        let set = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        Scope {
            architectures: set(architectures),
            kernel_series: set(kernel_series),
            distro_releases: set(distro_releases),
        }
    }

    #[test]
    fn a_scope_holds_what_is_in_each_set_that_it_names_and_nothing_that_is_not_known() {
        let kernel = KernelKey {
            release: "5.15.0-107.117".to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
        };
        let check = |scope: Scope, distro: &str, holds: bool| {
            assert_eq!(scope.holds(&kernel, distro), holds, "{scope}, release `{distro}`");
        };
        check(Scope::default(), "", true);
        check(scope(&["amd64"], &["5.15", "6.8"], &["22.04"]), "22.04", true);
        check(scope(&["arm64"], &["5.15"], &[]), "22.04", false);
        check(scope(&["amd64"], &["5.1"], &[]), "22.04", false);
        check(scope(&["amd64"], &["6.8"], &[]), "22.04", false);
        check(scope(&[], &[], &["22.04"]), "24.04", false);
        check(scope(&[], &[], &["22.04"]), "", false);
    }

    #[test]
    fn a_scope_is_told_in_the_words_that_it_was_given_in() {
        assert_eq!(Scope::default().to_string(), "every machine");
        let both = scope(&["amd64"], &["5.15", "6.8"], &[]);
        assert_eq!(both.to_string(), "arch amd64, kernel series 5.15 or 6.8");
    }
}
