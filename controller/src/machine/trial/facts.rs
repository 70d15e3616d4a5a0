//! Which slices and which failure domain do a host's facts put it in?

use tidegate_policies::detector::place::{DomainId, Place};
use tidegate_policies::detector::slices::Dimension;

use crate::machine::fleet::Facts;
use crate::machine::hosts::{Labels, Profile};
use crate::machine::ids::HostId;
use crate::machine::patch_sets::KernelKey;

/// The label that says what a host is for.
const CLASS: &str = "class";

/// Where a host stands, as far as that is known: its rack, else its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stands {
    /// The lowest known failure domain.
    pub(super) domain: DomainId,
    /// The next larger one.
    pub(super) around: Option<DomainId>,
}

/// The single facts that slices are cut by; what is not known is left out.
pub(in crate::machine) fn facts_of(facts: &Facts) -> Vec<(Dimension, String)> {
    let cpu = [&facts.cpu_vendor, &facts.cpu_family, &facts.cpu_model];
    let class = facts.labels.get(CLASS).map(|class| (Dimension::Class, class.clone()));
    let mut known = shared(&facts.kernel, cpu.map(String::as_str), &facts.zone);
    known.extend(class.filter(|(_, class)| !class.is_empty()));
    known
}

/// The same of what many hosts share: everything but the class, which is a label.
pub(in crate::machine) fn facts_of_profile(profile: &Profile) -> Vec<(Dimension, String)> {
    let cpu = [&profile.cpu_vendor, &profile.cpu_family, &profile.cpu_model];
    shared(&profile.kernel, cpu.map(String::as_str), &profile.zone)
}

fn shared(kernel: &KernelKey, cpu: [&str; 3], zone: &str) -> Vec<(Dimension, String)> {
    let cpu: Vec<&str> = cpu.into_iter().filter(|part| !part.is_empty()).collect();
    let facts = [
        (Dimension::Kernel, kernel.release.clone()),
        (Dimension::Cpu, cpu.join(" ")),
        (Dimension::Arch, kernel.arch.clone()),
        (Dimension::Flavour, kernel.flavour.clone()),
        (Dimension::Zone, zone.to_owned()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The class that labels give.
pub(in crate::machine) fn class_of(labels: &Labels) -> Option<&String> {
    labels.get(CLASS)
}

/// The facts, borrowed.
pub(in crate::machine) fn borrowed(facts: &[(Dimension, String)]) -> Vec<(Dimension, &str)> {
    facts.iter().map(|(dimension, value)| (*dimension, value.as_str())).collect()
}

/// The domains that the facts name; `None` where they name none, and the host stands by itself.
pub(super) fn stands(facts: &Facts) -> Option<Stands> {
    let Facts { cloud, region, zone, rack, .. } = facts;
    let in_zone = || domain(&["zone", cloud, region, zone]);
    match (rack.is_empty(), zone.is_empty()) {
        (false, false) => {
            let domain = domain(&["rack", cloud, region, zone, rack]);
            Some(Stands { domain, around: Some(in_zone()) })
        }
        (false, true) => {
            Some(Stands { domain: domain(&["rack", cloud, region, rack]), around: None })
        }
        (true, false) => Some(Stands { domain: in_zone(), around: None }),
        (true, true) => None,
    }
}

/// The place of a host in the domain that is known of it.
pub(super) fn place(host: HostId, domain: Option<DomainId>) -> Place {
    Place { domain: domain.unwrap_or(DomainId(host.0)), unit: domain }
}

/// A domain's number: 42 bits of the BLAKE3 of its names. They stand in each row; of 25,000 racks two share a
/// number in one fleet of 14,000.
fn domain(names: &[&str]) -> DomainId {
    let mut hasher = blake3::Hasher::new();
    for name in names {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
    }
    DomainId(first_64(&hasher.finalize()) >> 22)
}

/// The first 64 bits of a hash.
pub(super) fn first_64(hash: &blake3::Hash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
