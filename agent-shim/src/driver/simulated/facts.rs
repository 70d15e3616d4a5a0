//! What are the hosts of a simulated fleet like? Drawn from a seed, with the weights of a mixed
//! fleet.

use tidegate_proto::v1::HostFacts;

use crate::core::Chance;

/// Kernel releases, their distribution release, and their weights out of 100.
const KERNELS: [(&str, &str, u64); 4] = [
    ("5.15.0-107.117", "22.04", 45),
    ("5.15.0-119.129", "22.04", 25),
    ("6.8.0-41.41", "24.04", 20),
    ("6.8.0-45.45", "24.04", 10),
];

/// CPU vendor, family, model, and weights out of 100.
const CPUS: [(&str, &str, &str, u64); 5] = [
    ("GenuineIntel", "6", "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", 35),
    ("AuthenticAMD", "25", "AMD EPYC 7763 64-Core Processor", 30),
    ("GenuineIntel", "6", "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", 20),
    ("AuthenticAMD", "23", "AMD EPYC 7571", 10),
    ("GenuineIntel", "6", "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", 5),
];

const ZONES: [&str; 3] = ["zone-a", "zone-b", "zone-c"];
const RACKS_PER_ZONE: u64 = 8;

/// The facts of host number `number` of the fleet that `seed` draws. Always the same for the same
/// pair. All are of flavour `generic` and architecture `amd64`.
#[must_use]
pub fn simulated_facts(seed: u64, number: u64) -> HostFacts {
    let mut chance = Chance::new(seed ^ Chance::new(number).draw());
    let (kernel, distro, _) = weighted(&KERNELS, |kernel| kernel.2, chance.below(100));
    let (vendor, family, model, _) = weighted(&CPUS, |cpu| cpu.3, chance.below(100));
    let zone = weighted(&ZONES, |_| 1, chance.below(3));
    let rack = chance.below(RACKS_PER_ZONE);
    HostFacts {
        hostname: format!("sim-{seed}-{number:04}"),
        kernel_release: kernel.to_owned(),
        flavour: "generic".to_owned(),
        arch: "amd64".to_owned(),
        cpu_vendor: vendor.to_owned(),
        cpu_family: family.to_owned(),
        cpu_model: model.to_owned(),
        distro_release: distro.to_owned(),
        zone: zone.to_owned(),
        region: "simulated".to_owned(),
        cloud: "simulated".to_owned(),
        rack: format!("{zone}-rack-{rack}"),
        labels: std::collections::BTreeMap::new(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The choice in whose share of the weights `draw` falls; the last where it is beyond all.
fn weighted<T: Copy, const N: usize>(choices: &[T; N], weight: impl Fn(&T) -> u64, draw: u64) -> T {
    let mut passed = 0;
    for choice in choices {
        passed += weight(choice);
        if draw < passed {
            return *choice;
        }
    }
    choices[N - 1]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::simulated_facts;

    #[test]
    fn a_fleet_of_a_hundred_has_every_kernel_and_zone_and_repeats_per_seed() {
        let kernels: BTreeSet<_> = (0..100).map(|n| simulated_facts(7, n).kernel_release).collect();
        let zones: BTreeSet<_> = (0..100).map(|n| simulated_facts(7, n).zone).collect();
        assert_eq!((kernels.len(), zones.len()), (4, 3));
        assert_eq!(simulated_facts(7, 42), simulated_facts(7, 42));
    }
}
