//! In which order do the rows of a list come, and which columns does a table have? As the operator says.

use std::cmp::Ordering;

use clap::Args;
use serde_json::Value;

use super::Show;
use super::rows::Row;
use crate::client::errors::Failure;

/// How a list is arranged.
#[derive(Debug, Clone, Default, Args)]
pub struct Arrange {
    /// Sort by this key of `-o json`, e.g. `createTime` or `facts.zone`; with `-` before it: the other way round.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort_by: Option<String>,
    /// Show these columns of the table, those of `-o wide` among them, e.g. `name,state`.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,
}

impl Arrange {
    /// Whether the rows come in another order than they are listed in.
    pub(crate) fn sorts(&self) -> bool {
        self.sort_by.is_some()
    }

    /// Puts the rows in order.
    ///
    /// # Errors
    /// No row has the key.
    pub(crate) fn sort<R: Row>(&self, rows: &mut Vec<R>) -> Result<(), Failure> {
        let Some(given) = &self.sort_by else { return Ok(()) };
        let (key, backwards) = match given.strip_prefix('-') {
            Some(key) => (key, true),
            None => (given.as_str(), false),
        };
        let mut keyed: Vec<(Option<Value>, R)> =
            rows.drain(..).map(|row| (value_at(&row.json(), key), row)).collect();
        if let Some((_, first)) = keyed.first()
            && keyed.iter().all(|(value, _)| value.is_none())
        {
            let why = format!("no row has the key `{key}`; there are {}", keys_of(&first.json()));
            return Err(Failure::usage("sort the list", "UNKNOWN_KEY", why, "name one of them"));
        }
        keyed.sort_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) if backwards => order(b, a),
            (Some(a), Some(b)) => order(a, b),
            // What is not there comes last, whichever way round.
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
        rows.extend(keyed.into_iter().map(|(_, row)| row));
        Ok(())
    }

    /// The places of the columns that a table shows.
    ///
    /// # Errors
    /// There is no such column.
    pub(crate) fn columns<R: Row>(&self, show: Show) -> Result<Vec<usize>, Failure> {
        if self.columns.is_empty() {
            let is_shown = |needed: Show| needed == Show::Always || show == Show::Wide;
            let columns = R::COLUMNS.iter().enumerate().filter(|(_, column)| is_shown(column.1));
            return Ok(columns.map(|(place, _)| place).collect());
        }
        let typed = |title: &str| title.to_ascii_lowercase().replace(' ', "-");
        let place = |wanted: &String| {
            let place = R::COLUMNS.iter().position(|(title, _)| typed(title) == typed(wanted));
            place.ok_or_else(|| {
                let known: Vec<String> = R::COLUMNS.iter().map(|(title, _)| typed(title)).collect();
                let why = format!("there is no column `{wanted}`; there are {}", known.join(", "));
                Failure::usage("show the list", "UNKNOWN_COLUMN", why, "name some of them")
            })
        };
        self.columns.iter().map(place).collect()
    }
}

/// What `key`, e.g. `facts.zone`, holds.
fn value_at(row: &Value, key: &str) -> Option<Value> {
    let found = key.split('.').try_fold(row, |value, part| value.get(part));
    found.filter(|value| !value.is_null()).cloned()
}

/// The keys that hold something that can be ordered.
fn keys_of(row: &Value) -> String {
    let simple = |value: &Value| value.is_number() || value.is_string() || value.is_boolean();
    let keys = row.as_object().into_iter().flatten();
    let keys: Vec<&str> =
        keys.filter(|(_, value)| simple(value)).map(|(key, _)| key.as_str()).collect();
    keys.join(", ")
}

/// Numbers by size, texts by letters; of different kinds numbers first.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a.as_i64(), b.as_i64(), a.as_str(), b.as_str()) {
        (Some(a), Some(b), _, _) => a.cmp(&b),
        (Some(_), None, _, _) => Ordering::Less,
        (None, Some(_), _, _) => Ordering::Greater,
        (None, None, Some(a), Some(b)) => a.cmp(b),
        (None, None, _, _) => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::Token;

    use super::*;

    fn tokens() -> Vec<Token> {
        let token = |name: &str, max_hosts, seconds: Option<i64>| Token {
            name: format!("tokens/{name}"),
            max_hosts,
            create_time: seconds.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
            ..Token::default()
        };
        vec![token("b", 9, Some(20)), token("a", 10, None), token("c", 1, Some(10))]
    }

    fn sorted(by: &str) -> Result<String, Failure> {
        let arrange = Arrange { sort_by: Some(by.to_owned()), columns: Vec::new() };
        let mut rows = tokens();
        arrange.sort(&mut rows)?;
        Ok(rows.iter().map(|row| row.name.trim_start_matches("tokens/")).collect())
    }

    #[test]
    fn rows_are_sorted_by_numbers_texts_and_times_and_what_is_missing_comes_last() {
        assert_eq!(sorted("name").unwrap(), "abc");
        assert_eq!(sorted("-name").unwrap(), "cba");
        assert_eq!(sorted("maxHosts").unwrap(), "cba");
        assert_eq!(sorted("-maxHosts").unwrap(), "abc");
        assert_eq!(sorted("createTime").unwrap(), "cba");
        assert_eq!(sorted("-createTime").unwrap(), "bca");
    }

    #[test]
    fn a_key_that_no_row_has_is_refused_with_those_that_there_are() {
        let Failure::Problem(problem) = sorted("hosts").unwrap_err() else { panic!() };
        assert!(
            problem.why.contains("enrolledHosts, etag, maxHosts, name, state, tier"),
            "{}",
            problem.why
        );
    }

    #[test]
    fn columns_are_named_as_their_titles_and_come_in_the_order_that_was_asked_for() {
        let columns = |names: &[&str]| {
            let columns = names.iter().map(|name| (*name).to_owned()).collect();
            Arrange { sort_by: None, columns }.columns::<Token>(Show::Always)
        };
        assert_eq!(columns(&["enrolled", "ID"]).unwrap(), [3, 0]);
        assert_eq!(columns(&[]).unwrap(), [0, 1, 2, 3, 4, 6]);
        let Failure::Problem(problem) = columns(&["name"]).unwrap_err() else { panic!() };
        let known = "there are id, tier, state, enrolled, expires, for, created";
        assert!(problem.why.contains(known), "{}", problem.why);
    }
}
