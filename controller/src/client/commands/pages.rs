//! How does a list come together that is longer than a page? Page after page, up to the operator's
//! limit; where more is left, the operator is told.

use clap::Args;
use serde_json::Value;

use crate::client::errors::Failure;
use crate::client::output::rows::Row;
use crate::client::session::Session;

/// Most rows that one question asks for: as many as an answer may have.
const PAGE_ROWS: usize = 1_000;

/// How much of a list to show.
#[derive(Debug, Clone, Copy, Args)]
pub struct Limit {
    /// Most rows to list.
    #[arg(long = "limit", default_value_t = 1_000, value_name = "N")]
    rows: usize,
}

/// What a controller answers to one question.
pub(crate) struct Page<R> {
    /// The rows.
    pub(crate) rows: Vec<R>,
    /// The token of the next page; empty: there is none.
    pub(crate) next: String,
}

/// A list as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Listed<R> {
    /// Its first rows.
    pub(crate) rows: Vec<R>,
    /// Whether there are more.
    pub(crate) more: bool,
}

impl Limit {
    /// Asks for page after page, with the number of rows to ask for and the token of the page.
    pub(crate) async fn list<R>(
        self,
        mut ask: impl AsyncFnMut(i32, String) -> Result<Page<R>, Failure>,
    ) -> Result<Listed<R>, Failure> {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let wanted = self.rows.saturating_sub(rows.len()).clamp(1, PAGE_ROWS);
            let page = ask(i32::try_from(wanted).unwrap_or(1), token).await?;
            rows.extend(page.rows);
            token = page.next;
            if token.is_empty() || rows.len() >= self.rows {
                break;
            }
        }
        let more = !token.is_empty() || rows.len() > self.rows;
        rows.truncate(self.rows);
        Ok(Listed { rows, more })
    }
}

impl<R: Row> Listed<R> {
    /// Prints it under `key` where programs read, and says what is left out; `noun`: what the rows are,
    /// e.g. `tokens`; `total`: how many there are in all, where that is known.
    pub(crate) fn show(
        &self,
        session: &Session,
        (key, noun): (&str, &str),
        total: Option<u64>,
    ) -> Result<(), Failure> {
        let totals = total.map(|total| ("totalSize", Value::from(total)));
        session.out.list(key, &self.rows, totals)?;
        if self.more {
            let shown = self.rows.len();
            let whole =
                total.map_or_else(|| format!("the {noun}"), |total| format!("{total} {noun}"));
            session.out.talk(&format!("the first {shown} of {whole}; --limit shows more"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists with a limit from a controller that has `total` rows and gives `most` at a time; answers
    /// the sizes that were asked for, and whether each row came once.
    async fn check(limit: usize, total: u64, most: u64) -> (Vec<i32>, usize, bool) {
        let mut asked = Vec::new();
        let listed = Limit { rows: limit }
            .list(async |size, token| {
                asked.push(size);
                let begin: u64 = token.parse().unwrap_or(0);
                let end = total.min(begin + most.min(u64::try_from(size).unwrap()));
                let next = if end < total { end.to_string() } else { String::new() };
                Ok(Page { rows: (begin..end).collect(), next })
            })
            .await
            .unwrap();
        assert!(listed.rows.iter().copied().eq(0..u64::try_from(listed.rows.len()).unwrap()));
        (asked, listed.rows.len(), listed.more)
    }

    #[tokio::test]
    async fn a_list_goes_on_over_pages_until_its_end_or_the_limit() {
        assert_eq!(check(1_000, 3, 1_000).await, (vec![1_000], 3, false));
        assert_eq!(check(1_000, 1_001, 1_000).await, (vec![1_000], 1_000, true));
        assert_eq!(check(2_500, 9_999, 1_000).await, (vec![1_000, 1_000, 500], 2_500, true));
        assert_eq!(check(2_500, 1_001, 1_000).await, (vec![1_000, 1_000], 1_001, false));
    }

    #[tokio::test]
    async fn a_controller_may_give_fewer_rows_than_were_asked_for() {
        assert_eq!(check(10, 5, 2).await, (vec![10, 8, 6], 5, false));
        assert_eq!(check(0, 5, 2).await, (vec![1], 0, true));
    }
}
