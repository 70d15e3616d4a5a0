//! Which failures have a cause of their own in common? Failure domains, and bursts within them.
//!
//! Of the failures of one domain and stream within two minutes only the first is evidence, of whichever
//! cohort it is. That looks at the order of the failures alone and never at who is patched, so the test
//! stays valid; and a rack that loses power is one event instead of forty.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::stream::Stream;
use crate::time::{Elapsed, Millis};

/// For how long a failure keeps further ones of its domain and stream from being evidence.
pub const BURST: Millis = Millis::from_secs(120);

/// Domains and streams that may be in a burst at a time; beyond it nothing is evidence until one ends.
pub const MOST_BURSTS: usize = 8_192;

/// A failure domain: rack, else zone, else the host itself. The caller's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DomainId(pub u64);

/// Where a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Its lowest known failure domain.
    pub domain: DomainId,
    /// The lowest domain around it that is listened to by itself; `None` where there is none.
    pub unit: Option<DomainId>,
}

/// The bursts that are not over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bursts {
    began: BTreeMap<(DomainId, Stream), Elapsed>,
    order: VecDeque<(Elapsed, DomainId, Stream)>,
}

impl Bursts {
    /// Whether a failure now is the first of its domain and stream, and thus evidence. If so, a burst
    /// begins.
    pub fn is_first(&mut self, domain: DomainId, stream: Stream, now: Elapsed) -> bool {
        while let Some(&(began, domain, stream)) = self.order.front() {
            if now.since(began) < BURST {
                break;
            }
            self.order.pop_front();
            self.began.remove(&(domain, stream));
        }
        if self.began.contains_key(&(domain, stream)) || self.order.len() >= MOST_BURSTS {
            return false;
        }
        self.began.insert((domain, stream), now);
        self.order.push_back((now, domain, stream));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACK: DomainId = DomainId(7);

    #[test]
    fn of_a_burst_only_the_first_is_evidence_and_after_it_the_next() {
        let mut bursts = Bursts::default();
        let mut first = |ms| bursts.is_first(RACK, Stream::Hard, Elapsed(ms));
        assert_eq!([first(0), first(1), first(119_999)], [true, false, false]);
        assert_eq!([first(120_000), first(239_999), first(240_000)], [true, false, true]);
    }

    #[test]
    fn domains_and_streams_have_bursts_of_their_own() {
        let mut bursts = Bursts::default();
        assert!(bursts.is_first(RACK, Stream::Hard, Elapsed(0)));
        assert!(bursts.is_first(RACK, Stream::Silence, Elapsed(0)));
        assert!(bursts.is_first(DomainId(8), Stream::Hard, Elapsed(0)));
        assert!(!bursts.is_first(RACK, Stream::Silence, Elapsed(5)));
    }

    #[test]
    fn more_bursts_than_are_kept_are_no_evidence_until_the_first_ends() {
        let mut bursts = Bursts::default();
        for n in 0..MOST_BURSTS as u64 {
            assert!(bursts.is_first(DomainId(n), Stream::Hard, Elapsed(n / 1_000)));
        }
        assert!(!bursts.is_first(DomainId(u64::MAX), Stream::Hard, Elapsed(119_999)));
        assert!(bursts.is_first(DomainId(u64::MAX), Stream::Hard, Elapsed(120_000)));
    }
}
