//! One replica of the rollout control plane, and the clients that speak to it.

pub mod machine;
