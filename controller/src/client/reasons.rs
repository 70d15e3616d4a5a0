//! `tidegate explain`: why does a controller refuse? What stands behind a reason code, beside the refusal's own words.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::errors::Failure;
use super::exit::Exit;
use super::output::arrange::Arrange;
use super::output::rows::{Resource, Row};
use super::output::{Output, Show};

/// A line for each code: `CODE = "sentence"`.
const CATALOGUE: &str = include_str!("reasons.toml");

/// Flags of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate explain SERIES_BUSY")]
pub struct ExplainReason {
    /// The code that a refusal ends with, e.g. `SERIES_BUSY` [default: all].
    #[arg(value_parser = codes(), ignore_case = true, hide_possible_values = true)]
    code: Option<String>,
}

/// A reason code, and why a controller refuses for it.
#[derive(Debug)]
struct Reason {
    code: &'static str,
    why: &'static str,
}

fn catalogue() -> impl Iterator<Item = Reason> {
    CATALOGUE.lines().filter_map(|line| {
        let (code, why) = line.split_once(" = ")?;
        Some(Reason { code, why: why.strip_prefix('"')?.strip_suffix('"')? })
    })
}

fn codes() -> PossibleValuesParser {
    PossibleValuesParser::new(catalogue().map(|reason| reason.code))
}

/// Says what stands behind one code, or all; asks nobody.
pub(crate) fn explain(out: &Output, flags: &ExplainReason) -> Result<Exit, Failure> {
    let Some(code) = &flags.code else {
        let all: Vec<Reason> = catalogue().collect();
        out.list(("reasons", &all), &Arrange::default(), [])?;
        return Ok(Exit::Done);
    };
    if let Some(reason) = catalogue().find(|reason| reason.code.eq_ignore_ascii_case(code)) {
        out.one(&reason, |_, _| format!("{}\n{}", reason.code, reason.why))?;
    }
    Ok(Exit::Done)
}

impl Resource for Reason {
    fn name(&self) -> String {
        self.code.to_owned()
    }

    fn json(&self) -> Value {
        json!({ "reason": self.code, "why": self.why })
    }
}

impl Row for Reason {
    const COLUMNS: &'static [(&'static str, Show)] =
        &[("REASON", Show::Always), ("WHY", Show::Always)];

    fn cells(&self, _: chrono::DateTime<chrono::Utc>) -> Vec<String> {
        vec![self.code.to_owned(), self.why.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The words in quotes that look like a code.
    fn codes_in(source: &str) -> BTreeSet<String> {
        let is_code = |word: &&str| {
            word.len() > 4
                && word.contains(|c: char| c.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        };
        let source = source.replace("CARGO_PKG_VERSION", "");
        source.split('"').filter(is_code).map(str::to_owned).collect()
    }

    /// The codes in all files below `folder` that make some and run in a controller.
    fn made(folder: &Path) -> BTreeSet<String> {
        let mut codes = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let serves = !["client", "bench", "tests"].iter().any(|other| path.ends_with(other));
            if path.is_dir() && serves {
                codes.extend(made(&path));
            } else if path.is_file() {
                let source = fs::read_to_string(&path).unwrap_or_default();
                let makes = ["fn reason(&self)", "reason: \""].iter().any(|of| source.contains(of));
                codes.extend(makes.then(|| codes_in(&source)).into_iter().flatten());
            }
        }
        codes
    }

    #[test]
    fn every_reason_for_which_a_controller_refuses_is_explained_and_no_other() {
        let explained: BTreeSet<String> =
            catalogue().map(|reason| reason.code.to_owned()).collect();
        let made = made(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        assert!(made.len() > 90, "the sources are read: {made:?}");
        assert_eq!(explained.difference(&made).collect::<Vec<_>>(), [&""; 0], "nobody says these");
        assert_eq!(made.difference(&explained).collect::<Vec<_>>(), [&""; 0], "not explained");
    }

    #[test]
    fn a_code_that_is_new_in_the_source_is_noticed() {
        let found = codes_in(r#"Self::New { .. } => "BRAND_NEW", x => "no code", y => "OLD""#);
        assert_eq!(found, BTreeSet::from(["BRAND_NEW".to_owned()]));
    }

    #[test]
    fn each_is_explained_once_in_sentences_and_the_catalogue_is_toml() {
        let table: toml::Table = CATALOGUE.parse().expect("TOML, each key once");
        assert_eq!(table.len(), catalogue().count(), "a line is not of the form");
        for Reason { code, why } in catalogue() {
            assert!(why.len() > 20 && why.ends_with('.'), "{code}: {why}");
        }
    }
}
