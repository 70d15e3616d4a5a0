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
            // As an entry of the leader that told the time last.
            let at = Position { index: then.applied() + 1, term: then.clock().term };
            reply = then.apply(at, command).outcome?;
        }
        Ok((reply, then))
    }
}
