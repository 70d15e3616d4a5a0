//! Which requests are wrong, and with which words is each refused? The rows of the tables.

mod calendar;
mod callers;
mod contract;
mod documents;
mod incidents;
mod requests;
mod things;
mod tokens;

use tonic::Code;

pub(crate) use calendar::calendar;
pub(crate) use callers::callers;
pub(crate) use contract::{checks, etags, filters};
pub(crate) use documents::{patch_sets, policies, uploads};
pub(crate) use incidents::{incidents, open_incident};
pub(crate) use requests::{limits, requests, reserved};
pub(crate) use things::{states, unknown_things};
pub(crate) use tokens::{closed_tokens, enrolments, members, tokens};

/// A field that is not what it has to be.
const BAD_FIELD: (Code, &str) = (Code::InvalidArgument, "BAD_FIELD");

/// What is claimed to be wrong, the input, the code and reason of its refusal, and words in it.
type Row<T> = (&'static str, T, (Code, &'static str), &'static [&'static str]);
