//! Which calls are outstanding, and on which controller were they made?

use crate::core::output::{CallId, Output};
use crate::core::{BootTime, Millis};

/// A call that has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    pub(crate) call: CallId,
    pub(crate) deadline: BootTime,
    /// From the call to its deadline.
    pub(crate) timeout: Millis,
    controller: u64,
}

/// Numbers the calls, and counts the moves from controller to controller.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    controller: u64,
}

impl Calls {
    pub(crate) fn open(&mut self, now: BootTime, timeout: Millis) -> Outstanding {
        self.last += 1;
        Outstanding {
            call: CallId(self.last),
            deadline: now + timeout,
            timeout,
            controller: self.controller,
        }
    }

    /// Moves on, unless another failure of the same controller already did.
    pub(crate) fn failed(&mut self, outstanding: Outstanding, out: &mut Vec<Output>) {
        if outstanding.controller == self.controller {
            self.controller += 1;
            out.push(Output::NextController);
        }
    }
}
