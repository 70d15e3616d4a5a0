//! One replica of the rollout control plane, and the clients that speak to it.

pub mod api;
pub mod artifacts;
pub mod backup;
pub mod bench;
pub mod chain;
pub mod client;
pub mod config;
pub mod demo;
pub mod filter;
pub mod journal;
pub mod machine;
pub mod meters;
pub mod metrics;
pub mod node;
pub mod peers;
pub mod relay;
pub mod runtime;
pub mod serve_command;
pub mod server;
pub mod simulate;
pub mod telemetry;
pub mod views;
pub mod webhooks;
