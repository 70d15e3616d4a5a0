//! Under which ids are requests sent? A random half for each client, and a count: drawing each id
//! from the system would be part of what is measured.

use super::BenchError;

/// A client's request ids, in the form of UUIDs.
#[derive(Debug)]
pub(super) struct RequestIds {
    own: u64,
    sent: u64,
}

impl RequestIds {
    /// With a random half.
    pub(super) fn draw() -> Result<Self, BenchError> {
        Ok(Self { own: u64::from_le_bytes(random()?), sent: 0 })
    }

    /// The next one, never given before.
    pub(super) fn next(&mut self) -> String {
        self.sent += 1;
        let (own, sent) = (self.own, self.sent);
        let [high, middle] = [own >> 32, own >> 16 & 0xffff];
        format!(
            "{high:08x}-{middle:04x}-4{:03x}-8{:03x}-{:012x}",
            own & 0xfff,
            own >> 4 & 0xfff,
            sent
        )
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], BenchError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| BenchError::setup("draw randomness", &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4_and_never_repeat() {
        let mut ids = RequestIds { own: u64::MAX, sent: 0 };
        let (first, second) = (ids.next(), ids.next());
        assert_eq!(first, "ffffffff-ffff-4fff-8fff-000000000001");
        assert_ne!(first, second);
        assert_eq!(second.len(), 36);
    }
}
