//! Which controllers does an operator mean, and how do they like their output? What flags and the environment
//! leave open, files say: the project's, the user's, the system's, in this order.

mod document;
mod edit;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use super::errors::Failure;

use document::Document;

pub(crate) use document::Context;
pub(crate) use edit::{choose, set};

/// The file of a project, looked for from the working folder upwards.
const PROJECT_FILE: &str = ".tidegate.toml";

/// The user's file, below `$XDG_CONFIG_HOME` or `~/.config`.
const USER_FILE: &str = "tidegate/config.toml";

/// The system's file.
const SYSTEM_FILE: &str = "/etc/tidegate/config.toml";

/// Where a file stands in the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of the project that the operator works in.
    Projects,
    /// The user's own.
    Users,
    /// Of the whole machine.
    Systems,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Whose it is.
    pub(crate) whose: Whose,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) document: Document,
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from, e.g. a file's path.
    pub(crate) source: String,
}

/// What files say, the one that counts most first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files {
    files: Vec<File>,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Projects => "project",
            Self::Users => "user",
            Self::Systems => "system",
        })
    }
}

/// The path of the user's file; `None`: there is no home.
pub(crate) fn user_file() -> Option<PathBuf> {
    let folder = |key: &str| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join(USER_FILE))
}

/// Every file that may say something, there or not.
fn places() -> Vec<(Whose, PathBuf)> {
    let here = env::current_dir().unwrap_or_default();
    let project =
        here.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file());
    let mut places = Vec::new();
    places.extend(project.map(|path| (Whose::Projects, path)));
    places.extend(user_file().map(|path| (Whose::Users, path)));
    places.push((Whose::Systems, PathBuf::from(SYSTEM_FILE)));
    places
}

impl Files {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// One cannot be read, or says what no file may say.
    pub(crate) fn read() -> Result<Self, Failure> {
        Self::of(places())
    }

    /// Reads these files as far as they are there.
    fn of(places: Vec<(Whose, PathBuf)>) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for (whose, path) in places {
            let Some(text) = text_of(&path)? else { continue };
            let document = Document::parse(&text).map_err(|why| bad_file(&path, why))?;
            files.push(File { whose, path, document });
        }
        Ok(Self { files })
    }

    /// The files, the one that counts most first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The names of all contexts, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .iter()
            .flat_map(|file| file.document.contexts.keys())
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The context that the files choose.
    pub(crate) fn current(&self) -> Option<Found<&str>> {
        self.first(|document| document.current.as_deref())
    }

    /// What the first file says that says anything.
    pub(crate) fn first<'a, T>(
        &'a self,
        read: impl Fn(&'a Document) -> Option<T>,
    ) -> Option<Found<T>> {
        self.files.iter().find_map(|file| {
            let source = format!("{} file {}", file.whose, file.path.display());
            read(&file.document).map(|value| Found { value, source })
        })
    }

    /// What the first file says of the context `name` that says it.
    pub(crate) fn of_context<'a, T>(
        &'a self,
        name: &str,
        read: impl Fn(&'a Context) -> Option<T>,
    ) -> Option<Found<T>> {
        self.first(|document| document.contexts.get(name).and_then(&read))
    }

    /// The context is in some file.
    ///
    /// # Errors
    /// It is in none.
    pub(crate) fn check(&self, name: &str) -> Result<(), Failure> {
        let names = self.names();
        if names.contains(&name) {
            return Ok(());
        }
        let why = match names.as_slice() {
            [] => format!("there is no context `{name}`, and no other"),
            names => format!("there is no context `{name}`; there are {}", names.join(", ")),
        };
        let next =
            format!("tidegate config set endpoints HOST:PORT,… --context {name}   # makes it");
        Err(Failure::usage("choose a context", "UNKNOWN_CONTEXT", why, next))
    }
}

/// The text of a file; `None`: there is none.
pub(crate) fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(bad_file(path, error.to_string())),
    }
}

/// A file that says what it may not say.
pub(crate) fn bad_file(path: &Path, why: String) -> Failure {
    let attempt = format!("read {}", path.display());
    Failure::usage(attempt, "BAD_CONFIG", why, format!("correct {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files as they lie in a folder, the one that counts most first.
    fn files(texts: &[(&str, Whose, &str)]) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let places = texts.iter().map(|(name, whose, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            (*whose, path)
        });
        Files::of(places.collect()).unwrap()
    }

    #[test]
    fn the_project_counts_more_than_the_user_and_the_user_more_than_the_system() {
        let files = files(&[
            ("p", Whose::Projects, "[contexts.prod]\nendpoints = [\"p:1\"]"),
            ("u", Whose::Users, "current-context = \"dev\"\n[contexts.prod]\noutput = \"json\""),
            (
                "s",
                Whose::Systems,
                "current-context = \"prod\"\n[contexts.prod]\noutput = \"wide\"\noperator = \"s\"",
            ),
        ]);
        let of = |read: fn(&Context) -> Option<&String>| {
            files.of_context("prod", read).map(|from| from.value.clone())
        };
        assert_eq!(files.current().map(|from| from.value), Some("dev"));
        assert_eq!(of(|context| context.output.as_ref()), Some("json".to_owned()));
        assert_eq!(of(|context| context.operator.as_ref()), Some("s".to_owned()));
        let endpoints = files.of_context("prod", |context| context.endpoints.as_ref());
        assert!(endpoints.is_some_and(|from| from.source.starts_with("project file ")));
        assert_eq!(files.names(), ["prod"]);
    }

    #[test]
    fn a_context_that_is_in_no_file_is_refused_with_those_that_are() {
        let files = files(&[("u", Whose::Users, "[contexts.dev]\n[contexts.prod]")]);
        assert!(files.check("dev").is_ok());
        let Failure::Problem(problem) = files.check("pord").unwrap_err() else { panic!() };
        assert!(problem.why.contains("there are dev, prod"), "{}", problem.why);
        assert_eq!(problem.exit.number(), 2);
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing_and_one_that_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone/config.toml");
        assert_eq!(Files::of(vec![(Whose::Users, gone)]).unwrap(), Files::default());
        let wrong = folder.path().join("wrong.toml");
        std::fs::write(&wrong, "curent-context = \"a\"").unwrap();
        let refused = Files::of(vec![(Whose::Users, wrong)]).unwrap_err();
        let Failure::Problem(problem) = refused else { panic!() };
        assert!(problem.attempt.ends_with("wrong.toml"), "{}", problem.attempt);
        assert!(problem.why.contains("did you mean `current-context`?"), "{}", problem.why);
    }
}
