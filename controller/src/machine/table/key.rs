//! Which things can be a table's key? Those that are a number of a fixed width, in the same order.

use crate::machine::ids::{GrantId, HostId};

/// A key of a [`Table`](super::Table): written big end first, so that the order of bytes is the order
/// of keys.
pub trait Key: Copy + Ord {
    /// Bytes of the key in its row, at most 16.
    const WIDTH: usize;

    /// The key as a number below 2 to the power of 8 × [`Key::WIDTH`].
    fn number(self) -> u128;

    /// The key with this number; bits above the width are none of a key's.
    fn of_number(number: u128) -> Self;
}

impl Key for u32 {
    const WIDTH: usize = 4;

    fn number(self) -> u128 {
        u128::from(self)
    }

    fn of_number(number: u128) -> Self {
        let [.., a, b, c, d] = number.to_be_bytes();
        Self::from_be_bytes([a, b, c, d])
    }
}

impl Key for u64 {
    const WIDTH: usize = 8;

    fn number(self) -> u128 {
        u128::from(self)
    }

    fn of_number(number: u128) -> Self {
        let [_, _, _, _, _, _, _, _, low @ ..] = number.to_be_bytes();
        Self::from_be_bytes(low)
    }
}

impl Key for u128 {
    const WIDTH: usize = 16;

    fn number(self) -> u128 {
        self
    }

    fn of_number(number: u128) -> Self {
        number
    }
}

impl Key for HostId {
    const WIDTH: usize = 8;

    fn number(self) -> u128 {
        self.0.number()
    }

    fn of_number(number: u128) -> Self {
        Self(u64::of_number(number))
    }
}

impl Key for GrantId {
    const WIDTH: usize = 8;

    fn number(self) -> u128 {
        self.0.number()
    }

    fn of_number(number: u128) -> Self {
        Self(u64::of_number(number))
    }
}

impl Key for (u64, HostId) {
    const WIDTH: usize = 16;

    fn number(self) -> u128 {
        (u128::from(self.0) << 64) | self.1.number()
    }

    fn of_number(number: u128) -> Self {
        (u64::of_number(number >> 64), HostId::of_number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_back<K: Key + std::fmt::Debug>(key: K) {
        assert_eq!(K::of_number(key.number()), key);
        assert!(K::WIDTH == 16 || key.number() >> (8 * K::WIDTH) == 0, "{key:?} is too wide");
    }

    #[test]
    fn a_key_is_its_number() {
        [0, 1, u32::MAX].into_iter().for_each(reads_back);
        [0, 1, u64::MAX].into_iter().for_each(reads_back);
        [0, 1, u128::MAX].into_iter().for_each(reads_back);
        reads_back(HostId(u64::MAX));
        reads_back(GrantId(1 << 40));
        reads_back((7, HostId(u64::MAX)));
        assert!((1, HostId(u64::MAX)).number() < (2, HostId(0)).number());
    }
}
