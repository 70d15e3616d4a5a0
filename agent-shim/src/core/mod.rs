//! What does a host do next? The agent without network, clock, files or threads: feed it
//! [`Input`]s one at a time with the time they came, carry out the [`Output`]s it appends, in
//! order. The same seed and the same inputs give the same outputs.

mod agent;
mod applying;
mod asking;
mod backoff;
mod bare;
mod beats;
mod calls;
mod chance;
pub(crate) mod config;
mod fact;
mod fence;
mod hearing;
mod history;
mod input;
mod lease;
mod life;
pub(crate) mod limits;
mod memory;
mod offer;
mod outbox;
mod output;
mod reports;
mod reverting;
mod soaking;
mod start;
mod status;
mod time;
#[cfg(test)]
mod transcripts;

pub use agent::Agent;
pub use chance::Chance;
pub use config::AgentConfig;
#[cfg(feature = "sabotage")]
pub use config::Sabotage;
pub use fact::Fact;
pub use input::{
    Boot, CallFailed, CallFailure, Decline, DriverEvent, FetchFailed, Fetched, Input, Mode,
    Observation, Restored, RevertEnd, Setup, Trouble,
};
pub use lease::Lease;
pub use memory::{
    Departure, Heard, InsertEnd, LastInsert, Marker, MarkerStage, PatchSetMemory, RevertOrder,
    RevertStage,
};
pub use offer::{Digest, MalformedOffer, ModuleName, OfferedArtifact, OnStall, Plan};
pub use output::{CallId, Insertion, Output};
pub use status::{AgentStatus, CheckState, PatchState};
pub use time::{BootTime, Millis};
