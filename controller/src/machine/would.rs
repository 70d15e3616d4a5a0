//! What would become of a command, if it came next? For those who want to know before they ask.

use super::{Command, Machine, Position, Rejection, Reply};

impl Machine {
    /// What these commands would be answered if they came next, one after the other, and the state as it
    /// would be then; the first refusal is the answer. Decided by what decides entries, on a copy: this
    /// state stays as it is, and the copy shares its rows until it writes.
    ///
    /// # Errors
    ///
    /// [`Rejection`], as the command itself would get it.
    pub fn would(&self, commands: &[Command]) -> Result<(Reply, Self), Rejection> {
        let mut then = self.clone();
        let mut reply = Reply::Done;
        for command in commands {
            // No command of a person's or a host's looks at the term.
            let at = Position { index: then.applied() + 1, term: 0 };
            reply = then.apply(at, command).outcome?;
        }
        Ok((reply, then))
    }
}
