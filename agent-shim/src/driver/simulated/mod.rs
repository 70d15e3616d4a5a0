//! What does a host without a real kernel do? It lives through what its patches do to it, and
//! keeps a journal of the truth.

mod artifact;
mod driver;
mod facts;
mod kernel;
mod truth;

pub use artifact::{Fault, FaultKind, MalformedArtifact, Reverts, SimulatedLivepatch};
pub use driver::{Crash, SimulatedDriver};
pub use facts::simulated_facts;
pub use kernel::{Happening, Reboot, SimulatedKernel};
pub use truth::{InsertTruth, LeaseTruth, Truth};
