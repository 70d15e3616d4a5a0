//! Which rows does a page of a list hold, and how is the next one asked for? By the key of the last row that was
//! looked at, so that a row which comes or goes meanwhile moves no other. A page belongs to what was asked for: with
//! another filter it is refused.

use std::fmt::Display;
use std::str::FromStr;

use prost::Message;

use super::convert::check;
use super::error::{ApiError, BadPage};
use crate::filter::{Filter, Filterable};

/// Most bytes of rows in one page, unless its first row has more: well below what an answer may have.
pub(super) const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Most rows that are looked at for one page. Pages are made on the node's thread, and a filter that nothing passes
/// must not keep it.
const MAX_LOOKED_AT: usize = 10_000;

/// What a caller asks of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The list, and what else of the request decides which rows are in it.
    pub(super) list: (&'static str, &'a str),
    /// The request's `page_size`.
    pub(super) size: i32,
    /// The request's `page_token`.
    pub(super) token: &'a str,
    /// The request's `filter`.
    pub(super) filter: &'a str,
}

/// The page that a caller wants, of rows that look like `Drawn`.
#[derive(Debug)]
pub(super) struct Wanted<Key, Drawn: 'static> {
    /// The last row that was looked at for the page before; `None`: there is none.
    pub(super) after: Option<Key>,
    limit: usize,
    filter: Filter<Drawn>,
    /// A hash of what was asked for.
    asked: String,
}

impl<Key: FromStr + Display, Drawn: Filterable + Message> Wanted<Key, Drawn> {
    /// From a request.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadField`], [`ApiError::BadFilter`], [`ApiError::BadPage`].
    pub(super) fn of(asked: Asked<'_>) -> Result<Self, ApiError> {
        let limit = check::page_size(asked.size)?;
        let filter = Filter::parse(asked.filter)?;
        let hash = asked.hash();
        let after = match asked.token.split_once('~') {
            None if asked.token.is_empty() => None,
            None => return Err(BadPage::not_given(asked.token).into()),
            Some((of, key)) => {
                let key = key.parse().map_err(|_| BadPage::not_given(asked.token))?;
                if of != hash {
                    return Err(BadPage::of_another_list(asked.token).into());
                }
                Some(key)
            }
        };
        Ok(Self { after, limit, filter, asked: hash })
    }

    /// The first of `rest`, which begins behind [`Wanted::after`], as `draw` makes them, and the token
    /// of the next page; empty: there is none. What `draw` leaves out and what does not pass the filter is not
    /// in it. A page of large rows holds fewer than were asked for, and so does one for which too many had to be
    /// looked at.
    pub(super) fn page<Row>(
        &self,
        rest: impl Iterator<Item = Row>,
        key: impl Fn(&Row) -> Key,
        draw: impl Fn(&Row) -> Option<Drawn>,
    ) -> (Vec<Drawn>, String) {
        let (mut page, mut bytes) = (Vec::new(), 0);
        let mut last: Option<Key> = None;
        for (looked_at, row) in rest.enumerate() {
            if looked_at == MAX_LOOKED_AT {
                return (page, self.next(last));
            }
            if let Some(drawn) = draw(&row).filter(|drawn| self.filter.matches(drawn)) {
                bytes += drawn.encoded_len();
                let is_full = page.len() == self.limit || bytes > MAX_PAGE_BYTES;
                if is_full && !page.is_empty() {
                    return (page, self.next(last));
                }
                page.push(drawn);
            }
            last = Some(key(&row));
        }
        (page, String::new())
    }

    fn next(&self, last: Option<Key>) -> String {
        last.map_or_else(String::new, |last| format!("{}~{last}", self.asked))
    }
}

impl Asked<'_> {
    /// The same for each page of what is asked for, and another for anything else.
    fn hash(&self) -> String {
        let (list, of) = self.list;
        let mut hasher = blake3::Hasher::new();
        for part in [list, of, self.filter] {
            hasher.update(part.as_bytes()).update(&[0]);
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::Token;

    use super::*;

    fn wanted(size: i32, token: &str, filter: &str) -> Result<Wanted<u64, Token>, ApiError> {
        Wanted::of(Asked { list: ("tokens", ""), size, token, filter })
    }

    /// Pages through `total` rows, each with `bytes` of text; answers the number of rows of each page.
    fn pages(total: u64, size: i32, bytes: usize) -> Vec<usize> {
        let (mut token, mut told, mut seen) = (String::new(), Vec::new(), Vec::new());
        loop {
            let wanted = wanted(size, &token, "").unwrap();
            let rest = (1..=total).filter(|row| wanted.after.is_none_or(|after| *row > after));
            let draw = |row: &u64| {
                Some(Token { name: "x".repeat(bytes), max_hosts: *row, ..Token::default() })
            };
            let (page, next) = wanted.page(rest, |row| *row, draw);
            told.push(page.len());
            seen.extend(page.iter().map(|token| token.max_hosts));
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
    fn a_filter_that_little_passes_goes_on_page_by_page_and_loses_nothing() {
        let looked_at = u64::try_from(MAX_LOOKED_AT).unwrap();
        let (mut token, mut found, mut count) = (String::new(), Vec::new(), 0);
        loop {
            let wanted = wanted(2, &token, "max_hosts>24998").unwrap();
            let rest = (1..=25_000).filter(|row| wanted.after.is_none_or(|after| *row > after));
            let draw = |row: &u64| Some(Token { max_hosts: *row, ..Token::default() });
            let (page, next) = wanted.page(rest, |row| *row, draw);
            found.extend(page.iter().map(|token| token.max_hosts));
            count += 1;
            if next.is_empty() {
                break;
            }
            assert!(next.ends_with(&format!("~{}", count * looked_at)), "{next}");
            token = next;
        }
        assert_eq!((found, count), (vec![24_999, 25_000], 3));
    }

    #[test]
    fn a_token_that_was_never_given_is_refused_and_one_of_another_question_too() {
        for token in ["next", "next~", "~1", "0123456789abcdef~1"] {
            let refused = wanted(0, token, "").unwrap_err();
            let expected =
                if token.ends_with('1') { "PAGE_ARGS_CHANGED" } else { "BAD_PAGE_TOKEN" };
            assert_eq!(refused.reason(), expected, "{token}");
        }
        let of_filter = wanted(1, "", "max_hosts>1").unwrap();
        let rows = |row: &u64| Some(Token { max_hosts: *row, ..Token::default() });
        let (_, next) = of_filter.page(2..9_u64, |row| *row, rows);
        assert_eq!(wanted(7, &next, "max_hosts>1").unwrap().after, Some(2));
        assert_eq!(wanted(7, &next, "max_hosts>2").unwrap_err().reason(), "PAGE_ARGS_CHANGED");
    }
}
