//! How often is something tried? A few times in every run, as often as one likes in a long one.

/// The number that the environment gives in `variable`, or this one.
#[must_use]
pub fn as_often_as(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}
