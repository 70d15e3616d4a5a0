//! How new is what an operator reads? Everything that was acknowledged before the question, unless
//! they ask for what this node happens to have. Every answer says which.

use tidegate_proto::{APPLIED_HEADER, READ_HEADER, READ_LINEARIZABLE, READ_STALE};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use super::desk::Desk;
use super::error::{ApiError, BadField};
use crate::machine::Machine;

/// What a reader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Everything that was acknowledged before.
    Linearizable,
    /// What this node has, which may be out of date. Needs no leader.
    Stale,
}

impl Freshness {
    /// What a request asks for; without a word of it, everything.
    pub(super) fn of(metadata: &MetadataMap) -> Result<Self, ApiError> {
        let asked = metadata.get(READ_HEADER).map(|value| value.to_str().unwrap_or("(not text)"));
        match asked {
            None | Some(READ_LINEARIZABLE) => Ok(Self::Linearizable),
            Some(READ_STALE) => Ok(Self::Stale),
            Some(other) => {
                let what = "is no way to read: leave it out, or write `stale`";
                Err(BadField::new(READ_HEADER, other, what).into())
            }
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Linearizable => READ_LINEARIZABLE,
            Self::Stale => READ_STALE,
        }
    }

    /// Says on an answer how new it is.
    pub(super) fn label<T>(self, answer: T, applied: u64) -> Response<T> {
        let mut response = Response::new(answer);
        let metadata = response.metadata_mut();
        metadata.insert(READ_HEADER, MetadataValue::from_static(self.word()));
        metadata.insert(APPLIED_HEADER, applied.into());
        response
    }
}

impl Desk {
    /// Waits until this node's state is as new as the reader wants it.
    ///
    /// # Errors
    ///
    /// [`ApiError::Read`] where no majority stands behind a leader.
    pub(super) async fn ready(&self, freshness: Freshness) -> Result<(), ApiError> {
        match freshness {
            Freshness::Linearizable => self.handle.read_barrier().await.map(drop)?,
            Freshness::Stale => (),
        }
        Ok(())
    }

    /// Looks at the state for an operator, as new as `metadata` asks for, and labels the answer.
    ///
    /// # Errors
    ///
    /// Of the look itself, or because the state cannot be known to be new enough.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        metadata: &MetadataMap,
        look: impl FnOnce(&Machine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let freshness = Freshness::of(metadata)?;
        self.ready(freshness).await?;
        let look = move |machine: &Machine| Ok((look(machine)?, machine.applied()));
        let (answer, applied) = self.look(look).await?;
        Ok(freshness.label(answer, applied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_linearizable_unless_the_caller_says_stale_and_a_misspelt_word_is_refused() {
        let asked = |word: Option<&'static str>| {
            let mut metadata = MetadataMap::new();
            if let Some(word) = word {
                metadata.insert(READ_HEADER, MetadataValue::from_static(word));
            }
            Freshness::of(&metadata).map_err(|error| error.reason())
        };
        assert_eq!(asked(None), Ok(Freshness::Linearizable));
        assert_eq!(asked(Some("linearizable")), Ok(Freshness::Linearizable));
        assert_eq!(asked(Some("stale")), Ok(Freshness::Stale));
        assert_eq!(asked(Some("Stale")), Err("BAD_FIELD"));
    }

    #[test]
    fn an_answer_says_how_new_it_is() {
        let answer = Freshness::Stale.label((), 4_711);
        assert_eq!(answer.metadata().get(READ_HEADER).unwrap(), "stale");
        assert_eq!(answer.metadata().get(APPLIED_HEADER).unwrap(), "4711");
    }
}
