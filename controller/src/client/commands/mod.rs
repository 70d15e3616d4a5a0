//! One file for each noun, and one for each command that does more than ask and print.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod freeze;
pub(crate) mod holdback;
pub(crate) mod host;
pub(crate) mod host_change;
pub(crate) mod incident;
pub(crate) mod manifest;
pub(crate) mod members;
pub(crate) mod pages;
pub(crate) mod patch_set;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod promote_tier;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod rollout;
pub(crate) mod start;
pub(crate) mod tier;
pub(crate) mod token;
pub(crate) mod token_change;
pub(crate) mod watch;
pub(crate) mod withdrawal;
