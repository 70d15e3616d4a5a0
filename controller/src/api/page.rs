//! Which rows does a page of a list hold, and how is the next one asked for? By the key of its last row,
//! so that a row which comes or goes meanwhile moves no other.

use std::fmt::Display;
use std::str::FromStr;

use prost::Message;

use super::convert::check;
use super::error::BadField;

/// Most bytes of rows in one page, unless its first row has more: well below what an answer may have.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// The page that a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted<Key> {
    /// The last row of the page before; `None`: there is none.
    pub(super) after: Option<Key>,
    limit: usize,
}

impl<Key: FromStr + Display> Wanted<Key> {
    /// From a request's `page_size` and `page_token`.
    ///
    /// # Errors
    ///
    /// [`BadField`].
    pub(super) fn of(page_size: i32, page_token: &str) -> Result<Self, BadField> {
        Ok(Self { after: check::page_token(page_token)?, limit: check::page_size(page_size)? })
    }

    /// The first of `rest`, which begins behind [`Wanted::after`], as `draw` makes them, and the token
    /// of the next page; empty: there is none. A page of large rows holds fewer than were asked for.
    pub(super) fn page<Row, Drawn: Message>(
        &self,
        rest: impl Iterator<Item = Row>,
        key: impl Fn(&Row) -> Key,
        draw: impl Fn(&Row) -> Drawn,
    ) -> (Vec<Drawn>, String) {
        let (mut page, mut bytes) = (Vec::new(), 0);
        let mut last: Option<Key> = None;
        for row in rest {
            let drawn = draw(&row);
            bytes += drawn.encoded_len();
            if let Some(last) = last
                && (page.len() == self.limit || bytes > MAX_PAGE_BYTES)
            {
                return (page, last.to_string());
            }
            page.push(drawn);
            last = Some(key(&row));
        }
        (page, String::new())
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::Tier;

    use super::*;

    /// Pages through `total` rows, each with `bytes` of text; answers the number of rows of each page.
    fn pages(total: u64, size: i32, bytes: usize) -> Vec<usize> {
        let (mut token, mut told, mut seen) = (String::new(), Vec::new(), Vec::new());
        loop {
            let wanted = Wanted::<u64>::of(size, &token).unwrap();
            let rest = (1..=total).filter(|row| wanted.after.is_none_or(|after| *row > after));
            let draw = |row: &u64| Tier { name: "x".repeat(bytes), hosts: *row, ..Tier::default() };
            let (page, next) = wanted.page(rest, |row| *row, draw);
            told.push(page.len());
            seen.extend(page.iter().map(|tier| tier.hosts));
            if next.is_empty() {
                assert!(seen.iter().copied().eq(1..=total), "each row once, in order");
                return told;
            }
            token = next;
        }
    }

    #[test]
    fn pages_follow_each_other_without_a_gap_and_the_last_one_says_that_it_is() {
        assert_eq!(pages(0, 10, 1), [0]);
        assert_eq!(pages(10, 10, 1), [10]);
        assert_eq!(pages(11, 10, 1), [10, 1]);
        assert_eq!(pages(1_001, 5_000, 1), [1_000, 1]);
    }

    #[test]
    fn large_rows_make_small_pages_and_one_that_is_too_large_a_page_of_its_own() {
        assert_eq!(pages(5, 10, MAX_PAGE_BYTES / 2 - 100), [2, 2, 1]);
        assert_eq!(pages(2, 10, MAX_PAGE_BYTES + 1), [1, 1]);
    }

    #[test]
    fn a_token_that_was_never_given_is_refused() {
        let refused = Wanted::<u64>::of(0, "next").unwrap_err().to_string();
        assert!(refused.contains("`next`: is not one that this method gave"), "{refused}");
    }
}
