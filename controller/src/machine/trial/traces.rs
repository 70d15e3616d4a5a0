//! What does a kernel's last word name, and which words are alike?

use tidegate_policies::detector::signatures::{KernelEvidence, Names};

use super::facts::first_64;
use crate::machine::patch_sets::PatchSet;

/// What the words that a kernel left say of this patch set.
///
/// Two traces are alike if they are the same but for numbers: addresses, offsets, times and process ids
/// differ from host to host.
pub(super) fn trace(words: &str, patch_set: &PatchSet) -> KernelEvidence {
    let plain = |text: &str| text.replace('-', "_").to_lowercase();
    let text = plain(words);
    let mut modules = patch_set.artifacts.values().map(|artifact| plain(&artifact.module));
    let named = modules.any(|module| !module.is_empty() && text.contains(&module));
    let names = if named { Names::ThisPatch } else { Names::Other };
    let shape: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.chars().any(|c| c.is_ascii_digit()))
        .collect();
    let hash = blake3::hash(shape.join(" ").as_bytes());
    KernelEvidence { signature: first_64(&hash), names }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::ids::Digest;
    use crate::machine::patch_sets::{Artifact, KernelKey};

    fn patch_set() -> PatchSet {
        let artifact =
            Artifact { digest: Digest([1; 32]), size: 1, module: "lkp-Ubuntu-113.1".to_owned() };
        PatchSet {
            version: "113.1".parse().unwrap(),
            notice: String::new(),
            artifacts: BTreeMap::from([(KernelKey::default(), artifact)]),
            fixes: Vec::new(),
            epoch: 1,
            halt: None,
            slices: Vec::new(),
            withdrawn: None,
            published: Default::default(),
            published_index: 1,
        }
    }

    #[test]
    fn a_trace_names_the_patch_by_its_module_however_dashes_are_written() {
        let names = |words| trace(words, &patch_set()).names;
        assert_eq!(names("RIP: 0010:do_x+0x4/0x9 [lkp_ubuntu_113.1]"), Names::ThisPatch);
        assert_eq!(names("RIP: 0010:do_x+0x4/0x9 [nvme]"), Names::Other);
    }

    #[test]
    fn traces_are_alike_but_for_their_numbers() {
        let of = |words| trace(words, &patch_set()).signature;
        assert_eq!(
            of("Oops: 0002 pid 17 at do_x+0x4/0x9"),
            of("Oops: 0002 pid 99 at do_x+0x8/0x9")
        );
        assert_ne!(of("Oops at do_x"), of("Oops at do_y"));
    }
}
