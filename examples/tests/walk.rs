//! Are the README's walk and the script of it one and the same, and does the programs' command line
//! know every word of it?

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;

use clap::{CommandFactory as _, Parser, Subcommand};
use tidegate_controller::client::{Command, Flags};
use tidegate_controller::{demo, serve_command};
use tidegate_examples::folder;

/// `tidegate`, put together from the same parts as the program.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version)]
struct Tidegate {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Top,
}

#[derive(Debug, Subcommand)]
enum Top {
    Serve(serve_command::Args),
    Demo(demo::Args),
    #[command(flatten)]
    Client(Command),
}

/// The commands in the `sh` blocks of the README, one a line; a line that ends in `\` goes on.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.replace("\\\n", " ").lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() && !line.starts_with('#') => {
                commands.push(words(line).join(" "));
            }
            _ => (),
        }
    }
    commands
}

/// The words of a line, without a comment at its end.
fn words(line: &str) -> Vec<&str> {
    let code = line.split_once("  #").map_or(line, |(code, _)| code);
    code.split_whitespace().collect()
}

/// A line of the script; `expect 3 COMMAND` is the command, with its exit code checked.
fn step_of_script(line: &str) -> String {
    match words(line).as_slice() {
        ["expect", _, command @ ..] => command.join(" "),
        command => command.join(" "),
    }
}

/// What the shell makes of a line's arguments, near enough for a parser: no quotes, no redirections,
/// variables with a value.
fn arguments(command: &str) -> Vec<String> {
    let endpoints = "127.0.0.1:7441,127.0.0.1:7442,127.0.0.1:7443";
    let command = command.replace("\"$TIDEGATE_ENDPOINTS\"", endpoints).replace("$n", "1");
    let mut arguments = Vec::new();
    let mut rest = command.trim();
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        if matches!(word, "&" | "|" | "&&" | ";") {
            break;
        }
        if !word.contains('>') {
            arguments.push(word.to_owned());
        }
        rest = left.trim();
    }
    arguments
}

fn readme() -> String {
    fs::read_to_string(folder().join("../README.md")).unwrap()
}

#[test]
fn every_command_of_the_readme_is_one_that_the_programs_know() {
    let mut checked = 0;
    for command in commands(&readme()) {
        let start = match command.strip_prefix("cargo run --release --bin tidegate -- ") {
            Some(rest) => format!("tidegate {rest}"),
            None => command.clone(),
        };
        let said = arguments(&start);
        let parsed = match said.first().map(String::as_str) {
            Some("tidegate") => Tidegate::try_parse_from(&said).map(drop),
            Some("tidegate-agent") => {
                tidegate_agent::cli::Arguments::try_parse_from(&said).map(drop)
            }
            Some(_) | None => continue,
        };
        checked += 1;
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
    }
    assert!(checked > 20, "only {checked} commands found");
}

#[test]
fn the_script_makes_every_step_of_the_readmes_walk_in_its_order() {
    let readme = readme();
    let (_, walk) = readme.split_once("<!-- walk: begin -->").unwrap();
    let (walk, _) = walk.split_once("<!-- walk: end -->").unwrap();
    let script = fs::read_to_string(folder().join("quickstart/walk.sh")).unwrap();
    let script: Vec<String> = script.replace("\\\n", " ").lines().map(step_of_script).collect();
    let mut from = 0;
    for step in commands(walk) {
        let found = script[from..].iter().position(|line| *line == step);
        let at = found.unwrap_or_else(|| panic!("`{step}` is not in the script, or out of order"));
        from += at + 1;
    }
    assert!(from > 0);
}

#[test]
fn the_readme_names_every_exit_code_and_every_noun() {
    let readme = readme();
    for line in tidegate_controller::client::EXIT_CODES_HELP.lines().skip(1) {
        let code = line.split_whitespace().next().unwrap();
        assert!(readme.contains(&format!("| {code} |")), "exit code {code}");
    }
    for noun in Tidegate::command().get_subcommands() {
        let name = noun.get_name();
        assert!(readme.contains(&format!("| `{name}` |")), "`{name}`");
    }
}
