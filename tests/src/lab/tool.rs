//! Where is a program of the host, and how is it run to its end?

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::LabError;

/// Folders with administration programs that the search path of an ordinary user leaves out.
const ADMINISTRATION: [&str; 2] = ["/usr/sbin", "/sbin"];

/// How many lines of a failed program's talk an error shows.
const SHOWN_LINES: usize = 20;

/// The program's full path, or `None` when it is in no folder of the search path.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(ADMINISTRATION.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Runs the command to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started, or ends with another status than 0; the error shows its last words.
pub(super) fn run(command: &mut Command, next: &'static str) -> Result<String, LabError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| LabError::start(Path::new(command.get_program()), error))?;
    let talk = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(talk);
    }
    let complaint = format!("{talk}{}", String::from_utf8_lossy(&output.stderr));
    Err(LabError::new(
        format!("run {}", words(command)),
        format!("it ended with {}:\n{}\n", output.status, last_lines(&complaint, SHOWN_LINES)),
        next,
    ))
}

/// The last `count` lines of a text.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

/// Whether the program runs without a dynamic loader, as it must in a bare initramfs.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn is_static(program: &Path) -> Result<bool, LabError> {
    let bytes =
        fs::read(program).map_err(|error| LabError::file("read the program", program, error))?;
    Ok(static_elf(&bytes).unwrap_or(false))
}

/// A 64-bit little-endian ELF file is static when no program header asks for an interpreter;
/// `None` when the bytes are no such file.
fn static_elf(bytes: &[u8]) -> Option<bool> {
    const INTERPRETER: u64 = 3;
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = number(bytes, 0x20, 8)?;
    let entry_size = number(bytes, 0x36, 2)?;
    let entries = number(bytes, 0x38, 2)?;
    for entry in 0..entries {
        let offset = table.checked_add(entry.checked_mul(entry_size)?)?;
        if number(bytes, offset, 4)? == INTERPRETER {
            return Some(false);
        }
    }
    Some(true)
}

fn number(bytes: &[u8], offset: u64, size: usize) -> Option<u64> {
    let start = usize::try_from(offset).ok()?;
    let field = bytes.get(start..start.checked_add(size)?)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn words(command: &Command) -> String {
    let program = command.get_program();
    let all: Vec<String> = std::iter::once(program)
        .chain(command.get_args())
        .map(|word: &OsStr| word.to_string_lossy().into_owned())
        .collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file header with one program header of the given kind.
    fn elf(kind: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[0x20] = 64;
        bytes[0x36] = 56;
        bytes[0x38] = 1;
        bytes.push(kind);
        bytes.resize(64 + 56, 0);
        bytes
    }

    #[test]
    fn a_program_without_an_interpreter_is_static() {
        assert_eq!(static_elf(&elf(1)), Some(true));
        assert_eq!(static_elf(&elf(3)), Some(false));
    }

    #[test]
    fn bytes_that_are_no_program_are_neither() {
        assert_eq!(static_elf(b""), None);
        assert_eq!(static_elf(b"#!/bin/sh\n"), None);
        assert_eq!(static_elf(&elf(1)[..66]), None);
    }

    #[test]
    fn only_the_last_lines_of_a_long_complaint_are_shown() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn a_failed_program_is_reported_with_its_status_and_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo it is late >&2; exit 3"]);
        let error = run(&mut command, "go home").expect_err("the script ends with 3");
        let words = error.to_string();
        assert!(words.contains("exit status: 3"), "{words}");
        assert!(words.contains("it is late"), "{words}");
        assert!(words.ends_with("go home"), "{words}");
    }
}
