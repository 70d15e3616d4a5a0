//! Does it hold on a real kernel? Machines in QEMU that load real live patches.
//!
//! [`open`] answers whether the lab can run here. A [`Lab`] compiles the modules, builds the agent
//! for the guest and boots machines; what a machine does is its [`MachinePlan`]. The guest's side
//! is in `tests/lab/`. What a rollout should do with such machines is left to the tests.

mod agent;
mod archive;
mod error;
mod image;
mod kernel;
mod machine;
mod modules;
mod plan;
mod prerequisites;
mod serial;
mod state;
mod tool;

pub use error::LabError;
pub use kernel::Kernel;
pub use machine::Machine;
pub use modules::{LabModule, Modules};
pub use plan::{AfterPanic, MachinePlan};
pub use prerequisites::{Lab, Missing, Prerequisites, open};
