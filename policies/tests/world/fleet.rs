//! Who is in the fleet? Hosts with facts, cut into slices once; each run takes a copy.

use std::collections::BTreeMap;

use tidegate_policies::detector::place::{DomainId, Place};
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::slices::{Dimension, Slices, pair};
use tidegate_policies::detector::{Detector, EvidenceRule, Subject};

use super::Rng;

/// The CPU model that a fault of one model is in: one host in fifty has it.
const RARE: usize = 15;

pub struct Fleet {
    pub hosts: Vec<Subject>,
    /// Whether the host has the rare CPU model.
    pub rare: Vec<bool>,
    pub detector: Detector,
}

struct Facts {
    kernel: String,
    cpu: String,
    others: [(Dimension, String); 4],
    rare: bool,
}

impl Fleet {
    /// A fleet of so many hosts in racks of forty.
    pub fn new(hosts: usize) -> Self {
        let mut rng = Rng::new(0xF1EE7);
        let facts: Vec<Facts> = (0..hosts).map(|_| Facts::draw(&mut rng)).collect();
        let mut counts = BTreeMap::new();
        for facts in &facts {
            for (dimension, value) in facts.single() {
                *counts.entry((dimension, value.to_owned())).or_insert(0) += 1;
            }
            let both = pair(&facts.kernel, &facts.cpu);
            *counts.entry((Dimension::KernelAndCpu, both)).or_insert(0) += 1;
        }
        let mut detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&counts));
        let subject = |(n, facts): (usize, &Facts)| Subject {
            host: n as u64,
            stratum: Stratum(0),
            slices: detector.admit(&facts.single()),
            place: Place { domain: DomainId(n as u64 / 40), unit: None },
        };
        let hosts = facts.iter().enumerate().map(subject).collect();
        Self { hosts, rare: facts.iter().map(|facts| facts.rare).collect(), detector }
    }
}

impl Facts {
    fn draw(rng: &mut Rng) -> Self {
        let cpu = if rng.chance(0.02) { RARE } else { rng.below(RARE) };
        // The n-th kernel is as frequent as 1 / n.
        let mut at = rng.unit() * (1..=12).map(|n| 1.0 / f64::from(n)).sum::<f64>();
        let mut kernel = 1;
        while kernel < 12 && at > 1.0 / f64::from(kernel) {
            at -= 1.0 / f64::from(kernel);
            kernel += 1;
        }
        let mut value = |word: &str, n| format!("{word}{}", rng.below(n));
        Self {
            others: [
                (Dimension::Arch, value("arch", 3)),
                (Dimension::Zone, value("zone", 9)),
                (Dimension::Flavour, value("flavour", 5)),
                (Dimension::Class, value("class", 4)),
            ],
            kernel: format!("kernel{kernel}"),
            cpu: format!("cpu{cpu}"),
            rare: cpu == RARE,
        }
    }

    fn single(&self) -> Vec<(Dimension, &str)> {
        let mut facts = vec![(Dimension::Kernel, &*self.kernel), (Dimension::Cpu, &*self.cpu)];
        facts.extend(self.others.iter().map(|(dimension, value)| (*dimension, &**value)));
        facts
    }
}
