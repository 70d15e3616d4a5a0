//! What may a file of contexts say? Named contexts, and which of them is meant; nothing else.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The keys of a context.
pub(crate) const KEYS: [&str; 4] = ["endpoints", "operator", "output", "timeout"];

/// The keys of a file.
const TOP: [&str; 2] = ["contexts", "current-context"];

/// Farther apart, two words are two words.
const CLOSE: usize = 3;

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The context that is meant where nobody says another.
    pub(crate) current: Option<String>,
    /// The contexts, by name.
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// One context: whom to ask, as whom, and how to print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// Controllers, `host:port`.
    pub(crate) endpoints: Option<Vec<String>>,
    /// The operator's name.
    pub(crate) operator: Option<String>,
    /// What to print.
    pub(crate) output: Option<String>,
    /// How long to try.
    pub(crate) timeout: Option<String>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let mut document = Self::default();
        for (key, value) in &table {
            match key.as_str() {
                "current-context" => document.current = Some(word(key, value)?),
                "contexts" => document.contexts = contexts(value)?,
                other => return Err(unknown(other, &TOP)),
            }
        }
        Ok(document)
    }
}

fn contexts(value: &Value) -> Result<BTreeMap<String, Context>, String> {
    let table = value.as_table().ok_or("`contexts` holds tables: write `[contexts.NAME]`")?;
    table.iter().map(|(name, value)| Ok((name.clone(), context(name, value)?))).collect()
}

fn context(name: &str, value: &Value) -> Result<Context, String> {
    let table = value
        .as_table()
        .ok_or_else(|| format!("`{name}` is no table: write `[contexts.{name}]`"))?;
    let mut context = Context::default();
    for (key, value) in table {
        let path = format!("contexts.{name}.{key}");
        match key.as_str() {
            "endpoints" => context.endpoints = Some(words(&path, value)?),
            "operator" => context.operator = Some(word(&path, value)?),
            "output" => context.output = Some(word(&path, value)?),
            "timeout" => context.timeout = Some(word(&path, value)?),
            other => return Err(format!("in `[contexts.{name}]`, {}", unknown(other, &KEYS))),
        }
    }
    Ok(context)
}

fn word(path: &str, value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| format!("`{path}` is no text: put it in quotes"))
}

fn words(path: &str, value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("`{path}` is no list: write e.g. [\"n1:7443\", \"n2:7443\"]");
    let list = value.as_array().ok_or_else(wrong)?;
    let words: Option<Vec<String>> =
        list.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    words.filter(|words| !words.is_empty()).ok_or_else(wrong)
}

/// A key that there is not, and the one that was meant, perhaps.
pub(crate) fn unknown(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|of| (strsim::damerau_levenshtein(key, of), *of)).min();
    match near.filter(|(distance, _)| *distance <= CLOSE) {
        Some((_, near)) => format!("there is no key `{key}`: did you mean `{near}`?"),
        None => format!("there is no key `{key}`; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_contexts_and_the_one_that_is_meant() {
        let text = "current-context = \"prod\"\n[contexts.prod]\nendpoints = [\"n1:1\", \"n2:1\"]\n\
                    operator = \"ana\"\noutput = \"json\"\ntimeout = \"30s\"\n[contexts.dev]\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.current.as_deref(), Some("prod"));
        let prod = &document.contexts["prod"];
        assert_eq!(prod.endpoints, Some(vec!["n1:1".to_owned(), "n2:1".to_owned()]));
        assert_eq!(prod.operator.as_deref(), Some("ana"));
        assert_eq!(document.contexts["dev"], Context::default());
    }

    #[test]
    fn what_a_file_may_not_say_is_named_with_what_was_meant() {
        for (text, words) in [
            ("current_context = \"a\"", "did you mean `current-context`?"),
            ("colour = 1", "there are contexts, current-context"),
            ("[contexts.a]\nendpoint = [\"n:1\"]", "did you mean `endpoints`?"),
            ("[contexts.a]\ntoken = \"x\"", "in `[contexts.a]`"),
            ("[contexts.a]\nendpoints = \"n:1\"", "is no list"),
            ("[contexts.a]\nendpoints = []", "is no list"),
            ("[contexts.a]\ntimeout = 10", "is no text"),
            ("contexts = 1", "write `[contexts.NAME]`"),
            ("[contexts]\na = 1", "write `[contexts.a]`"),
            ("= 1", "TOML parse error"),
        ] {
            let why = Document::parse(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
