//! How does a table look? Columns of words without borders, as wide as their longest cell.

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Row as Line, Table, presets};

use super::Show;
use super::rows::Row;
use super::text::plain;

/// A table of resources.
pub(crate) fn render<R: Row>(rows: &[R], show: Show, headers: bool, now: DateTime<Utc>) -> String {
    let is_shown = |needed: Show| needed == Show::Always || show == Show::Wide;
    let columns = R::COLUMNS.iter().enumerate().filter(|(_, column)| is_shown(column.1));
    let columns: Vec<usize> = columns.map(|(place, _)| place).collect();
    with_columns(rows, &columns, headers, now)
}

/// A table of resources with these columns, by their places.
pub(crate) fn with_columns<R: Row>(
    rows: &[R],
    columns: &[usize],
    headers: bool,
    now: DateTime<Utc>,
) -> String {
    let pick = |cells: Vec<String>| -> Vec<String> {
        columns.iter().filter_map(|&place| cells.get(place).cloned()).collect()
    };
    let head = R::COLUMNS.iter().map(|(title, _)| (*title).to_owned()).collect();
    let lines = rows.iter().map(|row| pick(row.cells(now))).collect();
    grid(headers.then(|| pick(head)).as_deref(), lines)
}

/// A table of words; every line ends with its last word.
pub(crate) fn grid(head: Option<&[String]>, lines: Vec<Vec<String>>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(head) = head {
        table.set_header(head.to_vec());
    }
    for line in lines {
        table.add_row(Line::from(line.iter().map(|cell| plain(cell)).collect::<Vec<_>>()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}
