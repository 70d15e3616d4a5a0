//! How long may a host's words be? What a controller would refuse for its length is cut where it
//! is made.

use tidegate_proto::v1::{HostFacts, KernelEvidence};

/// Longest message in a report, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 512;
/// Longest name of a probe, in bytes.
pub(crate) const PROBE_BYTES: usize = 64;
/// Longest crash signature, in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 256;
/// Most bytes of reports in one request, unless one report alone is longer.
pub(crate) const REQUEST_BYTES: usize = 48 * 1024;
/// Most labels of a host.
const LABELS: usize = 16;
/// Longest key and longest value of a label, in bytes.
const LABEL_BYTES: usize = 64;

/// The longest prefix of `text` that fits into `bytes`.
pub(crate) fn clip(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Evidence whose signature a controller takes.
pub(crate) fn evidence(evidence: &KernelEvidence) -> KernelEvidence {
    KernelEvidence { signature: clip(&evidence.signature, SIGNATURE_BYTES), ..evidence.clone() }
}

/// Facts that a controller takes: clipped, without control characters, with few labels.
pub(crate) fn facts(facts: &HostFacts) -> HostFacts {
    let labels = facts.labels.iter().filter(|(key, _)| !key.is_empty()).take(LABELS);
    HostFacts {
        hostname: plain(&facts.hostname, 253),
        kernel_release: plain(&facts.kernel_release, 64),
        flavour: plain(&facts.flavour, 32),
        arch: plain(&facts.arch, 32),
        cpu_vendor: plain(&facts.cpu_vendor, 64),
        cpu_family: plain(&facts.cpu_family, 16),
        cpu_model: plain(&facts.cpu_model, 128),
        distro_release: plain(&facts.distro_release, 32),
        zone: plain(&facts.zone, 64),
        region: plain(&facts.region, 64),
        cloud: plain(&facts.cloud, 64),
        rack: plain(&facts.rack, 64),
        labels: labels
            .map(|(key, value)| (plain(key, LABEL_BYTES), plain(value, LABEL_BYTES)))
            .collect(),
        agent_version: plain(&facts.agent_version, 32),
    }
}

fn plain(text: &str, bytes: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clip(&clean, bytes)
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::{HostFacts, KernelEvidence};

    use super::{evidence, facts};

    #[test]
    fn a_long_signature_is_cut_between_two_characters() {
        // 255 bytes, then a character of two bytes.
        let long = format!("{}éé", "x".repeat(255));
        let cut = evidence(&KernelEvidence { signature: long, names_module: true });
        assert_eq!((cut.signature.len(), cut.names_module), (255, true));
    }

    #[test]
    fn facts_beyond_their_limits_are_cut_and_others_stay() {
        let long = "é".repeat(400);
        let many = (0..40).map(|number| (format!("{number:02}{long}"), long.clone()));
        let cut = facts(&HostFacts {
            hostname: long.clone(),
            cpu_model: "two\nlines".to_owned(),
            cpu_family: "6".to_owned(),
            labels: many.chain([(String::new(), String::new())]).collect(),
            ..HostFacts::default()
        });
        assert_eq!((cut.hostname.len(), cut.cpu_family.as_str()), (252, "6"));
        assert_eq!(cut.cpu_model, "two lines");
        assert_eq!(cut.labels.len(), 16);
        assert!(
            cut.labels
                .iter()
                .all(|(key, value)| (1..=64).contains(&key.len()) && value.len() == 64)
        );
        assert_eq!(facts(&cut), cut);
    }
}
