//! `PublishPatchSet`: a release becomes known, for good.

use super::Decided;
use crate::machine::command::PublishPatchSet;
use crate::machine::event::Event;
use crate::machine::patch_sets::PatchSet;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn publish_patch_set(
        &self,
        at: Position,
        publish: &PublishPatchSet,
        actor: &str,
    ) -> Decided {
        let version = publish.version.clone();
        if self.patch_sets().contains_key(&version) {
            return Err(Rejection::PatchSetExists { version });
        }
        if publish.artifacts.is_empty() {
            return Err(Rejection::NoArtifacts { version });
        }
        self.not_blocked(&version, &publish.artifacts)?;
        self.is_above_withdrawn(publish)?;
        for (kernel, artifact) in &publish.artifacts {
            let (kernel, digest, claimed) = (kernel.clone(), artifact.digest, artifact.size);
            let held = self.blobs().get(&digest).filter(|blob| !blob.nodes.is_empty());
            match held.map(|blob| blob.size) {
                None => return Err(Rejection::ArtifactMissing { kernel, digest }),
                Some(stored) if stored != claimed => {
                    return Err(Rejection::ArtifactSize { kernel, digest, stored, claimed });
                }
                Some(_) => (),
            }
        }
        let patch_set = PatchSet {
            version: version.clone(),
            notice: publish.notice.clone(),
            artifacts: publish.artifacts.clone(),
            fixes: publish.fixes.clone(),
            published: self.clock().wall,
            published_index: at.index,
            epoch: 1,
            halt: None,
            slices: Vec::new(),
            withdrawn: None,
        };
        let patch_set = Box::new(patch_set);
        let published = Event::PatchSetPublished { patch_set, actor: actor.to_owned() };
        Ok((Reply::PatchSet(version), vec![published]))
    }

    /// Going back to what an older version held means publishing it again under a higher number than what
    /// was withdrawn: a lower one would read as if hosts went back to it, and they never do.
    fn is_above_withdrawn(&self, publish: &PublishPatchSet) -> Result<(), Rejection> {
        let withdrawn = self.patch_sets().values().filter(|set| set.withdrawn.is_some());
        for set in withdrawn.filter(|set| !publish.version.is_above(&set.version)) {
            let shared = publish
                .artifacts
                .keys()
                .find(|kernel| set.artifacts.keys().any(|other| other.series() == kernel.series()));
            if let Some(kernel) = shared {
                let (version, withdrawn) = (publish.version.clone(), set.version.clone());
                return Err(Rejection::NotAboveWithdrawn {
                    version,
                    withdrawn,
                    kernel: Box::new(kernel.clone()),
                });
            }
        }
        Ok(())
    }
}
