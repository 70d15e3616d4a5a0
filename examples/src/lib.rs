//! What does a user copy, and where does it lie?
//!
//! - `three-nodes/`: the configuration of a cluster of three on one machine.
//! - `policies/`: a policy to begin one's own from.
//! - `patchsets/`: a good patch set and a bad one, for simulated hosts.
//! - `quickstart/`: the README's walk, as a script that checks each step.
//! - `watch.rs`: a small program that follows a rollout over gRPC.
//! - `receiver.rs`: a small program that a webhook calls, and how it checks who did.

use std::path::Path;

/// The folder that holds all of it.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
