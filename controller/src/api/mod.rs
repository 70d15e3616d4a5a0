//! How do agents and operators speak to a node? The gRPC services: wire meets domain here alone.
//!
//! A service checks the request, hands a command to the leader or looks at the state, and draws the
//! answer. It decides nothing.

mod agent_service;
mod audit_service;
mod backup_stream;
mod calendar_service;
pub mod caller;
mod cluster_service;
pub mod convert;
mod dashboard_service;
mod desk;
pub mod error;
pub(crate) mod explain;
mod fields;
mod fleet_service;
mod follow;
mod hosts;
mod incident_service;
mod meant;
mod metered;
mod page;
mod patch_set_service;
mod reads;
mod report_service;
mod rollout_service;
mod serve;
mod upload;
mod webhook_service;

pub use desk::Desk;
pub use serve::{Door, ListenError, serve};
