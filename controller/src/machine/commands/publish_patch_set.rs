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
        };
        let patch_set = Box::new(patch_set);
        let published = Event::PatchSetPublished { patch_set, actor: actor.to_owned() };
        Ok((Reply::PatchSet(version), vec![published]))
    }
}
