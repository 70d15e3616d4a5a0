//! A thin hand on each host: asks, applies, reports. Every safety decision is the controller's;
//! what an agent adds is that it never acts on old or unverified word.

pub mod core;
