//! How does the user's file change? Key by key, with its comments and its order as they are, and whole or not at
//! all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::document::{Document, KEYS, unknown};
use super::{bad_file, text_of};
use crate::client::errors::Failure;

/// Makes `context` the one that is meant.
pub(crate) fn choose(path: &Path, context: &str) -> Result<(), Failure> {
    change(path, |document| {
        document["current-context"] = value(context);
        Ok(())
    })
}

/// Writes `key` of `context`, which is made if it is not there.
pub(crate) fn set(path: &Path, (context, key): (&str, &str), text: &str) -> Result<(), Failure> {
    if !KEYS.contains(&key) {
        let why = unknown(key, &KEYS);
        let next = format!("tidegate config set {} VALUE", KEYS.join("|"));
        return Err(Failure::usage(format!("set {key}"), "UNKNOWN_KEY", why, next));
    }
    let item = if key == "endpoints" {
        let list: Array = text.split(',').map(str::trim).collect();
        value(list)
    } else {
        value(text)
    };
    change(path, |document| {
        let contexts = table(document.as_table_mut(), "contexts")?;
        contexts.set_implicit(true);
        table(contexts, context)?[key] = item;
        Ok(())
    })
}

/// The table called `name` in `of`.
fn table<'a>(of: &'a mut Table, name: &str) -> Result<&'a mut Table, String> {
    let item = of.entry(name).or_insert(Item::Table(Table::new()));
    item.as_table_mut().ok_or_else(|| format!("`{name}` is no table"))
}

fn change(
    path: &Path,
    edit: impl FnOnce(&mut DocumentMut) -> Result<(), String>,
) -> Result<(), Failure> {
    let text = text_of(path)?.unwrap_or_default();
    let bad = |why: String| bad_file(path, why);
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| bad(error.to_string()))?;
    edit(&mut document).map_err(bad)?;
    let text = document.to_string();
    // What could not be read again is not written.
    Document::parse(&text).map_err(bad)?;
    write(path, &text).map_err(|error| {
        let next = "look at the folder's permissions";
        Failure::machine(format!("write {}", path.display()), &error, next)
    })
}

/// The whole file, or what was there before.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_key_is_written_and_everything_else_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidegate/config.toml");
        set(&path, ("prod", "endpoints"), "n1:7443, n2:7443").unwrap();
        choose(&path, "prod").unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("# the one on my desk\n[contexts.dev]\noutput = \"wide\"  # I like it\n");
        fs::write(&path, text).unwrap();
        set(&path, ("dev", "endpoints"), "127.0.0.1:7443").unwrap();
        set(&path, ("prod", "operator"), "ana").unwrap();
        expect![[r#"
            current-context = "prod"
            [contexts.prod]
            endpoints = ["n1:7443", "n2:7443"]
            operator = "ana"
            # the one on my desk
            [contexts.dev]
            output = "wide"  # I like it
            endpoints = ["127.0.0.1:7443"]
        "#]]
        .assert_eq(&fs::read_to_string(&path).unwrap());
    }

    #[test]
    fn a_key_that_there_is_not_and_a_file_that_is_wrong_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let refused = set(&path, ("prod", "endpoint"), "n1:1").unwrap_err();
        let Failure::Problem(problem) = refused else { panic!() };
        assert!(problem.why.contains("did you mean `endpoints`?"), "{}", problem.why);
        assert!(!path.exists());
        fs::write(&path, "contexts = 1\n").unwrap();
        assert!(set(&path, ("prod", "output"), "json").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "contexts = 1\n");
    }
}
