//! Which patch sets does the demonstration publish? A good one, and one that crashes hosts.
//!
//! What a simulated livepatch does stands in the artifact itself: the agents learn nothing else.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tidegate_agent::driver::simulated::{Fault, FaultKind, Reverts, SimulatedLivepatch};
use tidegate_proto::v1 as pb;

/// Part of one kernel's hosts that the bad patch set crashes, in percent.
const CRASHES_PERCENT: u8 = 50;

/// A patch set to publish, and its artifact.
pub(super) struct Publication {
    /// Its version.
    pub(super) version: &'static str,
    /// What it is, in words.
    pub(super) words: String,
    /// Hosts of this kernel crash, some of them.
    pub(super) bad_kernel: Option<String>,
    livepatch: SimulatedLivepatch,
    fix: &'static str,
}

/// A patch set that harms nobody.
pub(super) fn good() -> Publication {
    Publication {
        version: "113.1",
        words: "a good patch set".to_owned(),
        bad_kernel: None,
        livepatch: livepatch("livepatch_113_1", Vec::new()),
        fix: "cve-2026-11301",
    }
}

/// A patch set that crashes about half of the hosts of one kernel: of the second most frequent one,
/// so that it is neither rare nor everywhere. About two thirds of them come back and tell; the others
/// stay silent.
pub(super) fn bad(kernels: &BTreeMap<String, u64>) -> Publication {
    let mut by_number: Vec<(&String, &u64)> = kernels.iter().collect();
    by_number.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let kernel =
        by_number.get(1).or_else(|| by_number.first()).map(|(kernel, _)| (*kernel).clone());
    let fault = Fault {
        kind: FaultKind::Crash,
        percent: CRASHES_PERCENT,
        after_ms: [300, 2_000],
        kernel_release: kernel.clone(),
        cpu_model: None,
        zone: None,
        reboots_percent: 65,
        down_ms: [1_000, 2_500],
    };
    let on = kernel.as_deref().unwrap_or("no kernel");
    Publication {
        version: "114.1",
        words: format!("a patch set that crashes about {CRASHES_PERCENT} % of the hosts on {on}"),
        bad_kernel: kernel,
        livepatch: livepatch("livepatch_114_1", vec![fault]),
        fix: "cve-2026-11402",
    }
}

fn livepatch(module: &str, faults: Vec<Fault>) -> SimulatedLivepatch {
    SimulatedLivepatch {
        format: "tidegate-simulated-livepatch/1".to_owned(),
        module: module.to_owned(),
        transition_ms: [200, 900],
        faults,
        reverts: Reverts::Goes,
    }
}

impl Publication {
    /// The artifact's bytes: the same for every kernel.
    pub(super) fn artifact(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&self.livepatch).unwrap_or_default()
    }

    /// The patch set for these kernels.
    pub(super) fn patch_set<'a>(&self, kernels: impl Iterator<Item = &'a String>) -> pb::PatchSet {
        let bytes = self.artifact();
        let artifact = |kernel: &String| pb::Artifact {
            kernel_release: kernel.clone(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
            sha256: Sha256::digest(&bytes).to_vec(),
            size_bytes: bytes.len() as u64,
            module: self.livepatch.module.clone(),
        };
        let number = self.version.split('.').next().unwrap_or_default();
        pb::PatchSet {
            name: format!("patchSets/{}", self.version),
            notice: format!("LSN-0{number}-1"),
            artifacts: kernels.map(artifact).collect(),
            fixes: vec![pb::Fix {
                name: self.fix.to_owned(),
                severity: pb::Severity::High.into(),
                description: "a made-up vulnerability of the demonstration".to_owned(),
            }],
            ..pb::PatchSet::default()
        }
    }
}
