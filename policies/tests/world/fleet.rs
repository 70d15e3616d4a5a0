//! Who is in the fleet? Hosts with facts, cut into slices once; each run takes a copy.

use std::collections::BTreeMap;

use tidegate_policies::detector::place::{DomainId, Place};
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::slices::{Dimension, Slices, pair};
use tidegate_policies::detector::{Detector, EvidenceRule, Subject};

use super::Rng;
use super::setup::{Care, Strata};

/// The CPU model that a fault of one model is in: one host in fifty has it.
const RARE: usize = 15;

/// Hosts in a rack.
pub const RACK: usize = 40;

/// Zones; rack by rack they take turns.
pub const ZONES: usize = 9;

/// Kernels; the n-th is as frequent as 1 / n.
const KERNELS: usize = 12;

pub struct Fleet {
    pub hosts: Vec<Subject>,
    /// Whether the host has the rare CPU model.
    pub rare: Vec<bool>,
    /// Which kernel it has, the most frequent one first.
    pub kernel: Vec<usize>,
    pub detector: Detector,
}

struct Facts {
    kernel: usize,
    cpu: usize,
    values: Vec<(Dimension, String)>,
}

impl Fleet {
    /// A fleet of so many hosts in racks of forty.
    pub fn new(hosts: usize) -> Self {
        let mut rng = Rng::new(0xF1EE7);
        let facts: Vec<Facts> = (0..hosts).map(|n| Facts::draw(&mut rng, Self::zone(n))).collect();
        let mut counts = BTreeMap::new();
        for facts in &facts {
            for value in facts.values.iter().cloned().chain([facts.pair()]) {
                *counts.entry(value).or_insert(0) += 1;
            }
        }
        let mut detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&counts));
        let subject = |(n, facts): (usize, &Facts)| Subject {
            host: n as u64,
            stratum: Stratum(0),
            slices: detector.admit(&facts.single()),
            place: Place { domain: Self::rack(n), unit: Some(Self::rack(n)) },
        };
        let hosts = facts.iter().enumerate().map(subject).collect();
        let rare = facts.iter().map(|facts| facts.cpu == RARE).collect();
        let kernel = facts.iter().map(|facts| facts.kernel).collect();
        Self { hosts, rare, kernel, detector }
    }

    pub fn rack(host: usize) -> DomainId {
        DomainId((host / RACK) as u64)
    }

    pub fn zone(host: usize) -> usize {
        host / RACK % ZONES
    }

    /// A zone as a domain; no rack has its number.
    pub fn zone_domain(zone: usize) -> DomainId {
        DomainId(u64::MAX - zone as u64)
    }

    /// Which hosts each is compared with: those of the narrowest kind that is large enough, else all others.
    pub fn strata(&self, care: &Care) -> Vec<Stratum> {
        let all = self.hosts.len();
        let zoned = |host: usize| self.kernel[host] * ZONES + Self::zone(host);
        let kernel = |host: usize| KERNELS * ZONES + self.kernel[host];
        let is_enough = |hosts: u64| match care.strata {
            Strata::One => false,
            Strata::Kernels | Strata::KernelsAndZones => hosts >= 100,
            Strata::Controllers => care.cohorts().makes_stratum(hosts, all as u64),
        };
        let mut kinds = vec![usize::MAX; all];
        let narrow = |kinds: &mut Vec<usize>, kind: &dyn Fn(usize) -> usize| {
            let mut sizes = vec![0; KERNELS * ZONES + KERNELS];
            for host in (0..all).filter(|host| kinds[*host] == usize::MAX) {
                sizes[kind(host)] += 1;
            }
            for host in (0..all).filter(|host| is_enough(sizes[kind(*host)])) {
                kinds[host] = kinds[host].min(kind(host));
            }
        };
        if care.strata != Strata::Kernels {
            narrow(&mut kinds, &zoned);
        }
        if care.strata != Strata::KernelsAndZones {
            narrow(&mut kinds, &kernel);
        }
        kinds.into_iter().map(|kind| Stratum(u16::try_from(kind).unwrap_or(u16::MAX))).collect()
    }
}

impl Facts {
    fn draw(rng: &mut Rng, zone: usize) -> Self {
        let cpu = if rng.chance(0.02) { RARE } else { rng.below(RARE) };
        let part = |n: usize| 1.0 / (n as f64 + 1.0);
        let mut at = rng.unit() * (0..KERNELS).map(part).sum::<f64>();
        let mut kernel = 0;
        while kernel + 1 < KERNELS && at > part(kernel) {
            at -= part(kernel);
            kernel += 1;
        }
        let mut value = |word: &str, n| format!("{word}{}", rng.below(n));
        let values = vec![
            (Dimension::Kernel, format!("kernel{kernel}")),
            (Dimension::Cpu, format!("cpu{cpu}")),
            (Dimension::Arch, value("arch", 3)),
            (Dimension::Zone, format!("zone{zone}")),
            (Dimension::Flavour, value("flavour", 5)),
            (Dimension::Class, value("class", 4)),
        ];
        Self { kernel, cpu, values }
    }

    fn single(&self) -> Vec<(Dimension, &str)> {
        self.values.iter().map(|(dimension, value)| (*dimension, value.as_str())).collect()
    }

    fn pair(&self) -> (Dimension, String) {
        (Dimension::KernelAndCpu, pair(&self.values[0].1, &self.values[1].1))
    }
}
