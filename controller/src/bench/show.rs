//! What is printed? Results on stdout, as a table or as JSON; progress on stderr.

use std::io::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::facts::Facts;
use crate::client::{Globals, OutputFormat};

/// Shows progress and results.
#[derive(Debug)]
pub(super) struct Show {
    format: OutputFormat,
    headers: bool,
    talks: bool,
}

/// What a result looks like in a table.
pub(super) trait Columns: Serialize {
    /// Over the columns.
    const TITLES: &[&str];

    /// One line.
    fn cells(&self) -> Vec<String>;
}

impl Show {
    /// From the flags.
    pub(super) fn new(globals: &Globals) -> Self {
        let (format, headers, talks) = (globals.output, !globals.no_headers, !globals.quiet);
        Self { format, headers, talks }
    }

    /// One line of progress.
    pub(super) fn say(&self, line: &str) {
        if self.talks {
            // Where stderr is gone, nobody looks.
            let _said = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Prints the results of the benchmark called `name`.
    pub(super) fn results<R: Columns>(&self, name: &str, facts: &Facts, rows: &[R]) {
        let text = match self.format {
            OutputFormat::Json | OutputFormat::Yaml => format!("{:#}", document(name, facts, rows)),
            OutputFormat::Jsonl => lines(rows),
            OutputFormat::Table | OutputFormat::Wide | OutputFormat::Name => {
                format!("{}\n{}", table(rows, self.headers), facts.line())
            }
        };
        // Where stdout is gone, nobody reads.
        let _written = writeln!(std::io::stdout(), "{text}");
    }
}

fn document<R: Serialize>(name: &str, facts: &Facts, rows: &[R]) -> Value {
    json!({ "bench": name, "machine": facts, "results": rows })
}

fn lines<R: Serialize>(rows: &[R]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| json!(row).to_string()).collect();
    lines.join("\n")
}

/// Columns as wide as their longest cell, numbers to the right.
fn table<R: Columns>(rows: &[R], headers: bool) -> String {
    let titles = R::TITLES.iter().map(|&title| title.to_owned()).collect();
    let mut lines: Vec<Vec<String>> = if headers { vec![titles] } else { Vec::new() };
    lines.extend(rows.iter().map(R::cells));
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..R::TITLES.len()).map(|c| width(c).unwrap_or(0)).collect();
    let aligned = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths);
        cells.map(|(cell, &width)| format!("{cell:>width$}")).collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(aligned).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        clients: u32,
        per_s: f64,
    }

    impl Columns for Row {
        const TITLES: &[&str] = &["CLIENTS", "PER S"];

        fn cells(&self) -> Vec<String> {
            vec![self.clients.to_string(), format!("{:.1}", self.per_s)]
        }
    }

    const ROWS: [Row; 2] = [Row { clients: 1, per_s: 10.25 }, Row { clients: 256, per_s: 0.5 }];

    #[test]
    fn numbers_stand_below_their_titles() {
        let expected = "CLIENTS  PER S\n      1   10.2\n    256    0.5";
        assert_eq!(table(&ROWS, true), expected);
        assert_eq!(table(&ROWS, false).lines().count(), 2);
    }

    #[test]
    fn programs_get_one_document_or_one_object_a_line() {
        let facts = Facts::read(std::path::Path::new("."), None);
        let document = document("commands", &facts, &ROWS);
        assert_eq!(document["results"][1]["clients"], 256);
        assert_eq!(document["bench"], "commands");
        assert!(document["machine"]["cores"].as_u64() >= Some(1));
        let parsed: Vec<Value> =
            lines(&ROWS).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(parsed[0]["per_s"], 10.25);
    }
}
