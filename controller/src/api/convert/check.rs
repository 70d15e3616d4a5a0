//! Is a field what it has to be? The checks that all messages share.

use std::str::FromStr;

use prost_types::Timestamp;
use tidegate_policies::time::WallTime;

use crate::api::error::BadField;
use crate::machine::ids::{Digest, NotAName};

/// A text of at most `max` bytes that is not empty.
///
/// # Errors
///
/// [`BadField`].
pub fn required(field: &'static str, text: &str, max: usize) -> Result<String, BadField> {
    if text.is_empty() {
        return Err(BadField::new(field, "\"\"", "is empty, and the request needs it"));
    }
    bounded(field, text, max)
}

/// A text of at most `max` bytes without control characters.
///
/// # Errors
///
/// [`BadField`].
pub fn bounded(field: &'static str, text: &str, max: usize) -> Result<String, BadField> {
    if text.len() > max {
        let what = format!("has {} bytes; at most {max} are allowed", text.len());
        return Err(BadField::new(field, &shown(text), &what));
    }
    if text.chars().any(char::is_control) {
        return Err(BadField::new(
            field,
            &shown(text),
            "has a control character in it: leave it out",
        ));
    }
    Ok(text.to_owned())
}

/// A request id: 1 to 64 printable characters; a UUID is usual.
///
/// # Errors
///
/// [`BadField`].
pub fn request_id(text: &str) -> Result<String, BadField> {
    required("request_id", text, 64)
}

/// The id of a resource name: `hosts/7f…` gives `7f…`.
///
/// # Errors
///
/// [`BadField`] if the name is not of this collection, or its id is no id.
pub fn resource<Id>(field: &'static str, collection: &str, name: &str) -> Result<Id, BadField>
where
    Id: FromStr<Err = NotAName>,
{
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    let Some(id) = id else {
        let what = format!("is not of the form `{collection}/…`");
        return Err(BadField::new(field, &shown(name), &what));
    };
    id.parse().map_err(|error: NotAName| BadField::new(field, &shown(name), &error.to_string()))
}

/// An instant from 1970 on; `None`: the field is absent.
///
/// # Errors
///
/// [`BadField`] for an instant before 1970, or one that is none.
pub fn wall(field: &'static str, at: Option<&Timestamp>) -> Result<Option<WallTime>, BadField> {
    let Some(at) = at else { return Ok(None) };
    let seconds = u64::try_from(at.seconds).ok().filter(|seconds| *seconds < 1 << 40);
    let millis = u64::try_from(at.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    match seconds.zip(millis) {
        Some((seconds, nanos)) => Ok(Some(WallTime(seconds * 1_000 + nanos / 1_000_000))),
        None => Err(BadField::new(
            field,
            &format!("{}s {}ns", at.seconds, at.nanos),
            "is no instant: give seconds since 1970, and 0 to 999,999,999 nanoseconds",
        )),
    }
}

/// A SHA-256.
///
/// # Errors
///
/// [`BadField`] for any other length than 32 bytes.
pub fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, BadField> {
    let digest: Result<[u8; 32], _> = bytes.try_into();
    digest.map(Digest).map_err(|_| {
        let what = format!("has {} bytes; a SHA-256 has 32", bytes.len());
        BadField::new(field, "…", &what)
    })
}

/// A field that is reserved for later has to be empty, so that nobody relies on what is not done.
///
/// # Errors
///
/// [`BadField`] if it is not.
pub fn reserved(field: &'static str, is_empty: bool) -> Result<(), BadField> {
    if is_empty {
        return Ok(());
    }
    Err(BadField::new(field, "…", "is reserved and not supported yet: leave it empty"))
}

/// A page's size: 0 is 100, more than 1,000 is 1,000.
///
/// # Errors
///
/// [`BadField`] for a negative one.
pub fn page_size(size: i32) -> Result<usize, BadField> {
    match usize::try_from(size) {
        Ok(0) => Ok(100),
        Ok(size) => Ok(size.min(1_000)),
        Err(_) => {
            let what = "is negative: give how many rows you want, or 0 for 100";
            Err(BadField::new("page_size", &size.to_string(), what))
        }
    }
}

/// A value as an error shows it: its first 80 characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
