//! What do many rows share? One copy of it, under a number, counted by its users.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frozen::ThawError;
use super::table::Table;

/// Values that are kept once each. Numbers follow from the sequence of operations, and one that nobody
/// uses any more may be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interned<T> {
    rows: Table<u64, Shared<T>>,
    /// The number of each value, by the beginning of the BLAKE3 of its bytes.
    numbers: Table<u128, u64>,
}

/// A value and how many rows use it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shared<T> {
    uses: u64,
    value: T,
}

impl<T: Serialize + DeserializeOwned> Interned<T> {
    /// No values yet, in the tables with these ids.
    pub(super) const fn new(rows: u8, numbers: u8) -> Self {
        Self { rows: Table::new(rows), numbers: Table::new(numbers) }
    }

    /// These values.
    ///
    /// # Errors
    ///
    /// [`ThawError::Torn`] if the one table does not follow from the other.
    pub(super) fn of_tables(
        rows: Table<u64, Shared<T>>,
        numbers: Table<u128, u64>,
    ) -> Result<Self, ThawError> {
        let named = rows.iter().all(|(number, row)| {
            row.uses > 0 && numbers.get(fingerprint(&row.value)) == Some(number)
        });
        if named && rows.len() == numbers.len() {
            return Ok(Self { rows, numbers });
        }
        Err(ThawError::Torn { what: "shared facts are not numbered as they are kept".to_owned() })
    }

    /// The tables.
    pub(super) const fn tables(&self) -> (&Table<u64, Shared<T>>, &Table<u128, u64>) {
        (&self.rows, &self.numbers)
    }

    /// The value under `number`.
    pub(super) fn get(&self, number: u64) -> Option<T> {
        self.rows.get(number).map(|row| row.value)
    }

    /// What the value under `number` begins with: a fraction of the price of [`Interned::get`].
    pub(super) fn peek<P: DeserializeOwned>(&self, number: u64) -> Option<P> {
        self.rows.peek(number).map(|(_, front): (u64, P)| front)
    }

    /// Every value, its number, and how many rows use it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64, T)> {
        self.rows.iter().map(|(number, row)| (number, row.uses, row.value))
    }

    /// One more row uses `value`; the number that it stands under.
    pub(super) fn take(&mut self, value: T) -> u64 {
        let fingerprint = fingerprint(&value);
        if let Some(number) = self.numbers.get(fingerprint) {
            self.rows.update_front(number, |uses: &mut u64| *uses += 1);
            return number;
        }
        let number = self.rows.last_key().map_or(0, |last| last + 1);
        self.numbers.insert(fingerprint, &number);
        self.rows.insert(number, &Shared { uses: 1, value });
        number
    }

    /// One row less uses what stands under `number`.
    pub(super) fn release(&mut self, number: u64) {
        let mut left = 0;
        self.rows.update_front(number, |uses: &mut u64| {
            *uses -= 1;
            left = *uses;
        });
        if left == 0
            && let Some(row) = self.rows.get(number)
        {
            self.numbers.remove(fingerprint(&row.value));
            self.rows.remove(number);
        }
    }
}

/// The first 128 bits of the BLAKE3 of a value's bytes.
#[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
fn fingerprint<T: Serialize>(value: &T) -> u128 {
    let bytes = postcard::to_stdvec(value).expect("plain data can be written");
    first_half(blake3::hash(&bytes).as_bytes())
}

/// The first 128 bits of a hash.
pub(super) fn first_half(hash: &[u8; 32]) -> u128 {
    let (first, _) = hash.split_at(16);
    first.iter().fold(0, |number, &byte| (number << 8) | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_once_and_goes_with_its_last_user() {
        let mut interned: Interned<String> = Interned::new(1, 2);
        let empty = interned.clone();
        let (a, b) = (interned.take("a".to_owned()), interned.take("b".to_owned()));
        assert_eq!((interned.take("a".to_owned()), a, b), (0, 0, 1));
        assert_eq!(interned.iter().collect::<Vec<_>>(), [(0, 2, "a".into()), (1, 1, "b".into())]);
        interned.release(a);
        assert_eq!(interned.get(a), Some("a".to_owned()));
        interned.release(a);
        assert_eq!((interned.get(a), interned.get(b)), (None, Some("b".to_owned())));
        interned.release(b);
        assert!(interned == empty);
    }
}
