//! How does a list come together that is longer than a page? Page after page, up to the operator's
//! limit; where more is left, the operator is told.

use clap::Args;
use serde_json::Value;

use crate::client::errors::Failure;
use crate::client::output::arrange::Arrange;
use crate::client::output::rows::Row;
use crate::client::session::Session;

/// Most rows that one question asks for: as many as an answer may have.
const PAGE_ROWS: usize = 1_000;

/// Which rows of a list to show, how many, and how: what every `list` takes.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    /// Only rows that pass, e.g. `tier="free" AND kernel:"6.8*"`; a wrong field is answered with those that there are.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true)]
    filter: String,
    #[command(flatten)]
    limit: Limit,
}

/// How many rows of a list to show, and how: what a `list` takes whose rows no controller picks.
#[derive(Debug, Clone, Args)]
pub struct Limit {
    /// Most rows to list.
    #[arg(long = "limit", default_value_t = 1_000, value_name = "N")]
    rows: usize,
    #[command(flatten)]
    arrange: Arrange,
}

/// One question for a page of a list.
pub(crate) struct Question {
    /// How many rows to ask for.
    pub(crate) page_size: i32,
    /// Where the page begins.
    pub(crate) page_token: String,
    /// Which rows.
    pub(crate) filter: String,
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
    /// Whether rows were left out that did not pass a filter.
    is_filtered: bool,
    arrange: Arrange,
}

impl Limit {
    /// At most so many rows.
    #[cfg(test)]
    pub(crate) fn of(rows: usize) -> Self {
        Self { rows, arrange: Arrange::default() }
    }

    /// Asks for page after page of all rows, as [`Listing::list`] does.
    pub(crate) async fn list<R: Row>(
        self,
        ask: impl AsyncFnMut(Question) -> Result<Page<R>, Failure>,
    ) -> Result<Listed<R>, Failure> {
        Listing { filter: String::new(), limit: self }.list(ask).await
    }
}

impl Listing {
    /// Asks for page after page. Rows that are to be sorted are asked for to the last: the first of them may be
    /// anywhere.
    pub(crate) async fn list<R: Row>(
        self,
        mut ask: impl AsyncFnMut(Question) -> Result<Page<R>, Failure>,
    ) -> Result<Listed<R>, Failure> {
        let Self { filter, limit } = self;
        let most = if limit.arrange.sorts() { usize::MAX } else { limit.rows };
        let (mut rows, mut page_token) = (Vec::new(), String::new());
        loop {
            let wanted = most.saturating_sub(rows.len()).clamp(1, PAGE_ROWS);
            let page_size = i32::try_from(wanted).unwrap_or(1);
            let page = ask(Question { page_size, page_token, filter: filter.clone() }).await?;
            rows.extend(page.rows);
            page_token = page.next;
            if page_token.is_empty() || rows.len() >= most {
                break;
            }
        }
        let more = !page_token.is_empty() || rows.len() > limit.rows;
        limit.arrange.sort(&mut rows)?;
        rows.truncate(limit.rows);
        Ok(Listed { rows, more, is_filtered: !filter.is_empty(), arrange: limit.arrange })
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
        session.out.list((key, self.rows.as_slice()), &self.arrange, totals)?;
        if self.more {
            let shown = self.rows.len();
            let whole = total
                .filter(|_| !self.is_filtered)
                .map_or_else(|| format!("the {noun}"), |total| format!("{total} {noun}"));
            session.out.talk(&format!("the first {shown} of {whole}; --limit shows more"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::Token;

    use super::*;

    fn listing(rows: usize) -> Listing {
        let limit = Limit { rows, arrange: Arrange::default() };
        Listing { filter: "max_hosts>0".to_owned(), limit }
    }

    /// Lists with a limit from a controller that has `total` rows and gives `most` at a time; answers
    /// the sizes that were asked for, how many rows came, and whether there are more.
    async fn check(limit: usize, total: u64, most: u64) -> (Vec<i32>, usize, bool) {
        let mut asked = Vec::new();
        let listed = listing(limit)
            .list(async |Question { page_size, page_token, filter }| {
                assert_eq!(filter, "max_hosts>0", "each page is asked for with the filter");
                asked.push(page_size);
                let begin: u64 = page_token.parse().unwrap_or(0);
                let end = total.min(begin + most.min(u64::try_from(page_size).unwrap()));
                let next = if end < total { end.to_string() } else { String::new() };
                let token = |max_hosts| Token { max_hosts, ..Token::default() };
                Ok(Page { rows: (begin..end).map(token).collect(), next })
            })
            .await
            .unwrap();
        let rows = listed.rows.iter().map(|row| row.max_hosts);
        assert!(rows.eq(0..u64::try_from(listed.rows.len()).unwrap()), "each row once");
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

    #[tokio::test]
    async fn a_page_without_rows_is_not_the_end_while_it_names_another() {
        let mut pages = vec![
            Page { rows: vec![Token::default()], next: String::new() },
            Page { rows: Vec::new(), next: "b".to_owned() },
            Page { rows: Vec::new(), next: "a".to_owned() },
        ];
        let listed = listing(10).list(async |_| Ok(pages.pop().unwrap())).await.unwrap();
        assert_eq!((listed.rows.len(), listed.more), (1, false));
    }
}
