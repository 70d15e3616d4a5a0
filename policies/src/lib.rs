//! Given evidence and a policy, what should happen, and why?
//!
//! Everything here is a total function of its arguments: no clock, no randomness of its own, no file,
//! socket, thread or logger, no floating point. The replicated machine calls it inside `apply`, so
//! every replica decides alike, and a recorded decision can be computed again to the same bits.
//!
//! - [`policy`]: what an operator may ask for, checked once; [`document`] reads it from TOML.
//! - [`bucket`] and [`draw`]: which hosts are inside a share, by salted hash.
//! - [`cohort`]: how many hosts patched ones are compared with.
//! - [`evidence`]: what was counted. [`detector`]: whether the patch harms, by comparison.
//! - [`pace`]: how soon a rollout can be done.
//! - [`limits`]: how many in a zone, a rack, an hour. [`people`]: who has to agree.
//! - [`credit`]: how many hosts may be in flight. [`proof`]: what verified hosts show, and what they cannot.
//! - [`schedule`], [`tiers`] and [`when`]: when hosts may begin, by the wall.
//! - [`coverage`]: which kernels may have patches, until when.
//! - [`decide`]: the verdict, gate by gate; [`begin`]: whether one more host may go.

pub mod begin;
pub mod bucket;
pub mod cohort;
pub mod coverage;
pub mod credit;
pub mod decide;
pub mod detector;
pub mod document;
pub mod draw;
pub mod evidence;
pub mod gate;
pub mod limits;
pub mod pace;
pub mod people;
pub mod plural;
pub mod policy;
pub mod proof;
pub mod schedule;
pub mod severity;
pub mod share;
pub mod tiers;
pub mod time;
pub mod when;
