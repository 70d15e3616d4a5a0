//! What does the manual say? A page for each command, from the same words as `--help`; and how each help is laid out:
//! the examples first, the exit codes last.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::builder::StyledStr;
use clap::{Args, Command};
use clap_mangen::Man;

use super::EXIT_CODES_HELP;
use super::errors::Failure;

/// How the examples at the end of a command's help begin.
const EXAMPLE: &str = "Example";

/// Flags of `man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate man rollout halt | man -l -
  tidegate man --all /usr/local/share/man/man1")]
pub struct Manual {
    /// The command; none: `tidegate` itself.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the page of every command into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    all: Option<PathBuf>,
}

/// Every command with its help laid out: its examples before everything else, and what its exit codes mean.
pub fn laid_out(command: Command) -> Command {
    let is_leaf = !command.has_subcommands();
    let said = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, rest) = match said.find(EXAMPLE) {
        Some(at) if is_leaf => (said[at..].to_owned(), said[..at].trim_end().to_owned()),
        Some(_) | None => (String::new(), said.clone()),
    };
    let end = if rest.contains("Exit codes") {
        rest
    } else if rest.is_empty() {
        EXIT_CODES_HELP.to_owned()
    } else {
        format!("{rest}\n\n{EXIT_CODES_HELP}")
    };
    let command = if examples.is_empty() { command } else { command.before_help(examples) };
    command.after_help(StyledStr::from(end)).mut_subcommands(laid_out)
}

/// Prints one page, or writes all.
pub(crate) fn show(command: Command, flags: &Manual) -> Result<(), Failure> {
    let mut whole = command;
    whole.build();
    let Some(folder) = &flags.all else {
        let (found, name) = find(&whole, &flags.command)?;
        return Ok(io::stdout().lock().write_all(&page(found, &name)?)?);
    };
    let written = fs::create_dir_all(folder).and_then(|()| write_all(&whole, "tidegate", folder));
    written.map_err(|error| {
        let attempt = format!("write the manual to {}", folder.display());
        Failure::machine(attempt, &error, "name a folder that you may write to")
    })
}

fn find<'a>(whole: &'a Command, path: &[String]) -> Result<(&'a Command, String), Failure> {
    let mut found = whole;
    let mut name = "tidegate".to_owned();
    for word in path {
        let Some(below) = found.find_subcommand(word) else {
            let known: Vec<&str> = found.get_subcommands().map(Command::get_name).collect();
            let why = format!("{name} has no command `{word}`; it has {}", known.join(", "));
            return Err(Failure::usage("show the manual", "UNKNOWN_COMMAND", why, "tidegate man"));
        };
        found = below;
        name = format!("{name}-{}", found.get_name());
    }
    Ok((found, name))
}

fn write_all(command: &Command, name: &str, folder: &Path) -> io::Result<()> {
    fs::write(folder.join(format!("{name}.1")), page(command, name)?)?;
    let below = command.get_subcommands().filter(|of| !of.is_hide_set() && of.get_name() != "help");
    for of in below {
        write_all(of, &format!("{name}-{}", of.get_name()), folder)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let command = command.clone().display_name(name);
    Man::new(command).title(name).manual("Tidegate").render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    #[command(name = "top")]
    struct Top {
        #[command(subcommand)]
        _verb: Verb,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Verb {
        /// Does it.
        #[command(after_help = "It is done once.\n\nExample:\n  top do")]
        Do,
        /// Does something else.
        #[command(after_help = "Exit codes: 0 always.")]
        Other,
    }

    fn help(path: &str) -> String {
        let mut command = laid_out(<Top as clap::CommandFactory>::command());
        command.build();
        command.find_subcommand_mut(path).unwrap().render_help().to_string()
    }

    #[test]
    fn a_help_begins_with_its_example_and_ends_with_its_exit_codes() {
        let help = help("do");
        assert!(help.starts_with("Example:\n  top do\n"), "{help}");
        assert!(help.trim_end().ends_with("interrupted: nothing is undone"), "{help}");
        assert!(help.contains("It is done once."), "{help}");
        assert!(Top::try_parse_from(["top", "do"]).is_ok());
    }

    #[test]
    fn exit_codes_of_its_own_take_the_place_of_the_common_ones() {
        let help = help("other");
        assert!(help.trim_end().ends_with("Exit codes: 0 always."), "{help}");
    }

    #[test]
    fn a_page_is_written_for_every_command() {
        let folder = tempfile::tempdir().unwrap();
        let flags = Manual { command: Vec::new(), all: Some(folder.path().to_owned()) };
        show(laid_out(<Top as clap::CommandFactory>::command()), &flags).unwrap();
        let page = fs::read_to_string(folder.path().join("tidegate-do.1")).unwrap();
        assert!(page.starts_with(".") && page.contains("Exit codes"), "{page}");
        assert!(folder.path().join("tidegate.1").is_file());
    }
}
