//! What does somebody see who sits at a terminal? A program on a pseudo-terminal: what it has written, and
//! what is typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::processes::tidegate;
use crate::trouble::Outcome;

/// A program at a terminal of its own. Dropped, it is killed.
#[derive(Debug)]
pub struct Screen {
    child: Child,
    keyboard: File,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    /// Types `tidegate` and these arguments at a terminal of so many columns and rows.
    ///
    /// # Errors
    ///
    /// The system gives no terminal, or the program does not start.
    pub fn open(arguments: &[&str], (columns, rows): (u16, u16)) -> Outcome<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let path = ptsname(&ours, Vec::new())?;
        let theirs = File::options().read(true).write(true).open(path.to_str()?)?;
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size)?;
        let child = Command::new(tidegate()?)
            .args(arguments)
            .env("TERM", "xterm-256color")
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs.try_clone()?))
            .stderr(Stdio::from(theirs))
            .spawn()?;
        let keyboard = File::from(ours);
        let (mut screen, written) = (keyboard.try_clone()?, Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut piece = [0; 4_096];
            // It ends with the program.
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(&piece[..read]);
            }
        });
        Ok(Self { child, keyboard, written })
    }

    /// Presses keys.
    ///
    /// # Errors
    ///
    /// The program is gone.
    pub fn press(&mut self, keys: &str) -> Outcome<()> {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// All that was written so far, without the sequences that steer the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        plain(&String::from_utf8_lossy(&written))
    }

    /// How it ended; `None`: it runs.
    ///
    /// # Errors
    ///
    /// The system's word.
    pub fn ended(&mut self) -> Outcome<Option<i32>> {
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Text without escape sequences.
fn plain(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\u{1b}' {
            kept.push(letter);
        } else if rest.next() == Some('[') {
            // Parameters, then one letter that ends it.
            rest.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_steers_the_terminal_is_left_out() {
        assert_eq!(plain("\u{1b}[?1049h\u{1b}[1;2Ha\u{1b}[38;5;9mb\u{1b}[0mc"), "abc");
    }
}
