//! Which hosts are inside a share? Those whose salted hash is small enough.
//!
//! A host's place is fixed by the patch set, the purpose and the host alone. So a host never flips
//! out when the share grows, and is drawn independently for each patch set and purpose.

use serde::{Deserialize, Serialize};

use crate::share::Share;

/// A host's place for one patch set and purpose, uniform over `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket(pub u64);

/// What a place is used for. Each purpose has its own, independent order of the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Which hosts of a tier come in which wave.
    Wave {
        /// The tier's name.
        tier: &'a str,
    },
    /// Which hosts a sampled tier draws.
    Draw {
        /// The sampled tier's name.
        tier: &'a str,
    },
    /// Which hosts of a tier are sentinels, heard at the wave's cadence.
    Sentinel {
        /// The tier's name.
        tier: &'a str,
    },
    /// Which hosts of a tier stay control until the rest of it is verified.
    Holdout {
        /// The tier's name.
        tier: &'a str,
    },
}

/// The order of all hosts for one patch set and purpose: the key that is derived from them, kept where
/// many hosts are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Lot {
    key: [u8; 32],
}

impl Lot {
    /// The order for this patch set and purpose.
    pub fn of(patch_set: &str, purpose: Purpose<'_>) -> Self {
        let (label, tier) = match purpose {
            Purpose::Wave { tier } => ("wave", tier),
            Purpose::Draw { tier } => ("draw", tier),
            Purpose::Sentinel { tier } => ("sentinel", tier),
            Purpose::Holdout { tier } => ("holdout", tier),
        };
        let mut salt = blake3::Hasher::new_derive_key("tidegate bucket salt v1");
        for part in [patch_set, label, tier] {
            salt.update(&(part.len() as u64).to_le_bytes());
            salt.update(part.as_bytes());
        }
        Self { key: *salt.finalize().as_bytes() }
    }

    /// The place of `host`: the first 64 bits of a BLAKE3 hash under the lot's key.
    pub fn place(&self, host: &str) -> Bucket {
        let hash = blake3::keyed_hash(&self.key, host.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        Bucket(u64::from_be_bytes(first))
    }
}

impl Bucket {
    /// The place of `host` for `patch_set` and `purpose`, by its [`Lot`].
    pub fn of(patch_set: &str, purpose: Purpose<'_>, host: &str) -> Self {
        Lot::of(patch_set, purpose).place(host)
    }

    /// Whether the place lies inside the first `share` of all places.
    pub fn is_inside(self, share: Share) -> bool {
        u128::from(self.0) * 1_000_000 < u128::from(share.ppm()) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inside(patch_set: &str, tier: &str, host: u32, ppm: u32) -> bool {
        let bucket = Bucket::of(patch_set, Purpose::Wave { tier }, &format!("host-{host}"));
        bucket.is_inside(Share::from_ppm(ppm).unwrap())
    }

    proptest! {
        #[test]
        fn a_growing_share_never_drops_a_host(host: u32, a in 0..=1_000_000u32, b in 0..=1_000_000u32) {
            let (small, large) = (a.min(b), a.max(b));
            prop_assert!(!inside("113.1", "free", host, small) || inside("113.1", "free", host, large));
        }

        #[test]
        fn everybody_is_inside_the_whole_and_nobody_inside_nothing(host: u32) {
            prop_assert!(inside("113.1", "free", host, 1_000_000));
            prop_assert!(!inside("113.1", "free", host, 0));
        }
    }

    #[test]
    fn a_share_holds_about_its_part_of_the_hosts() {
        let n = (0..100_000).filter(|&host| inside("113.1", "free", host, 100_000)).count();
        assert!((9_700..10_300).contains(&n), "{n}");
    }

    #[test]
    fn patch_sets_and_tiers_draw_independently() {
        let both = |a: (&str, &str), b: (&str, &str)| {
            (0..100_000)
                .filter(|&host| inside(a.0, a.1, host, 100_000) && inside(b.0, b.1, host, 100_000))
                .count()
        };
        for other in [("113.2", "free"), ("113.1", "paid")] {
            let n = both(("113.1", "free"), other);
            assert!((850..1_150).contains(&n), "{n} of 1,000 expected for {other:?}");
        }
    }

    #[test]
    fn the_hash_is_pinned_because_running_rollouts_depend_on_it() {
        let bucket = Bucket::of("113.1", Purpose::Wave { tier: "free" }, "host-1");
        assert_eq!(format!("{:016x}", bucket.0), "ad3c530ce570ba45");
    }
}
