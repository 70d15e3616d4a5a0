//! What time is it? The only place of the client that reads the wall clock; it is used to say
//! "3m ago", never to decide anything.

use chrono::{DateTime, Utc};

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the client's one reading of the wall clock")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
