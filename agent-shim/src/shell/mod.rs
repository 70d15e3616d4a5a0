//! How does one host run? The only loop of an agent: it takes what happens to the core, and
//! carries out, in order, what the core asks for.

mod carry;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod troubled;

use std::sync::Arc;

use tidegate_proto::v1::GoodbyeKind;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock;
use crate::core::{
    Agent, AgentConfig, AgentStatus, Boot, BootTime, CallId, DriverEvent, Input, Millis, Mode,
    Setup,
};
use crate::driver::{Driver, DriverFailed};
use crate::storage::{Seen, Storage, StorageFailed};
use crate::transport::Transport;

/// How long to wait until a kernel that could not be looked at is looked at again.
const LOOK_AGAIN: Millis = Millis(1_000);

/// All that one host's agent runs on.
pub struct Host<D, S> {
    /// Its kernel.
    pub driver: Arc<D>,
    /// What outlives its agent.
    pub storage: S,
    /// Its way to the cluster.
    pub transport: Transport,
    /// Spans and limits.
    pub config: AgentConfig,
    /// Whether its kernel may be touched.
    pub mode: Mode,
    /// Seed of the agent's draws.
    pub seed: u64,
}

/// What may be asked of a running agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say goodbye, deliver what is spooled, and return.
    SayGoodbye(GoodbyeKind),
    /// Return at once. A grant that is live goes on at the next start.
    Stop,
}

/// Why an agent stopped by itself. Whoever supervises it should start it again.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// What must be durable is not.
    #[error("the agent stops, because its storage failed")]
    Storage(#[from] StorageFailed),
    /// The kernel cannot be looked at when the agent starts.
    #[error("the agent stops, because its kernel cannot be looked at")]
    Driver(#[from] DriverFailed),
}

/// One host at run.
struct Shell<D, S> {
    host: Host<D, S>,
    calls: JoinSet<Ended>,
    words: mpsc::UnboundedSender<(u64, DriverEvent)>,
    /// Inputs that are there already; taken before anything is waited for.
    ready: Vec<Input>,
    wake: Option<BootTime>,
    /// When to look at the kernel again: it could not be looked at.
    look_again: Option<BootTime>,
    published: Option<AgentStatus>,
}

/// The end of a call, before its bytes are stored.
enum Ended {
    Input(Box<Input>),
    Downloaded { call: CallId, bytes: Vec<u8> },
}

/// What the loop waits for.
enum Next {
    Input(Box<Input>),
    Command(Option<Command>),
}

/// Runs a host's agent until a command ends it. Dropping the future ends it as a crash would:
/// nothing is lost that was durable.
///
/// # Errors
///
/// Where storage or kernel fail: the agent must be started anew.
pub async fn run<D: Driver, S: Storage>(
    mut host: Host<D, S>,
    mut commands: mpsc::Receiver<Command>,
) -> Result<(), Fatal> {
    let (setup, seen) = set_up(&mut host)?;
    let (words, mut said) = mpsc::unbounded_channel();
    let mut shell = Shell {
        host,
        calls: JoinSet::new(),
        words,
        ready: Vec::new(),
        wake: None,
        look_again: None,
        published: None,
    };
    let mut out = Vec::new();
    let mut agent = Agent::start(clock::boot_time(), setup, &mut out);
    // What pstore keeps is told once it lies in the spool, and not before.
    shell.carry_out(&mut out)?;
    shell.host.storage.note(&seen)?;
    let mut leaving = false;
    loop {
        shell.carry_out(&mut out)?;
        shell.publish(&agent)?;
        if leaving && agent.unacknowledged() == 0 {
            return Ok(());
        }
        let input = match shell.next(&mut said, &mut commands).await? {
            Next::Input(input) => *input,
            Next::Command(Some(Command::SayGoodbye(kind))) => {
                leaving = true;
                Input::ShutdownRequested(kind)
            }
            Next::Command(Some(Command::Stop) | None) => return Ok(()),
        };
        agent.step(clock::boot_time(), input, &mut out);
    }
}

/// Reads what the host's storage has kept, and the machine as it is. Tells also what has to be
/// noted once the start report is spooled.
fn set_up<D: Driver, S: Storage>(host: &mut Host<D, S>) -> Result<(Setup, Seen), Fatal> {
    let boot_id = host.driver.boot_id()?;
    let restored = host.storage.restore()?;
    let before = host.storage.seen()?;
    let mut seen = Seen { boot_id: Some(boot_id.clone()), dumps: before.dumps };
    let mut evidence = None;
    if before.boot_id != seen.boot_id {
        let module = restored.marker.as_ref().map(|marker| &marker.module);
        let left = host.driver.last_words(module, &seen.dumps);
        seen.dumps = left.dumps;
        // What an agent finds when it first runs may be of any age.
        evidence = left.evidence.filter(|_| before.boot_id.is_some());
    }
    let setup = Setup {
        config: host.config.clone(),
        seed: host.seed,
        boot: Boot {
            boot_id,
            facts: host.driver.facts()?,
            mode: host.mode,
            evidence,
            observation: host.driver.observe()?,
        },
        restored,
    };
    Ok((setup, seen))
}

impl<D: Driver, S: Storage> Shell<D, S> {
    /// Waits for the next thing to happen.
    async fn next(
        &mut self,
        said: &mut mpsc::UnboundedReceiver<(u64, DriverEvent)>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<Next, Fatal> {
        if let Some(input) = self.ready.pop() {
            return Ok(Next::Input(Box::new(input)));
        }
        let due = [self.wake, self.look_again].into_iter().flatten().min();
        let wait = due.map(|due| due.since(clock::boot_time()).as_duration());
        tokio::select! {
            biased;
            command = commands.recv() => Ok(Next::Command(command)),
            Some((grant_id, event)) = said.recv() => {
                Ok(Next::Input(Box::new(Input::Driver { grant_id, event })))
            }
            Some(ended) = self.calls.join_next() => match ended {
                Ok(Ended::Input(input)) => Ok(Next::Input(input)),
                Ok(Ended::Downloaded { call, bytes }) => {
                    self.store(call, &bytes).map(|input| Next::Input(Box::new(input)))
                }
                // A call that was cut short has no end; the core's own timeout ends it.
                Err(_) => Ok(Next::Input(Box::new(Input::Wake))),
            },
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                if self.look_again.is_some_and(|due| clock::boot_time() >= due) {
                    self.look();
                }
                Ok(Next::Input(Box::new(Input::Wake)))
            }
        }
    }

    /// Looks at the kernel. One that cannot be looked at is looked at again, and until then the
    /// core knows nothing new of it.
    fn look(&mut self) {
        self.look_again = None;
        match self.host.driver.observe() {
            Ok(observation) => self.ready.push(Input::Observed(observation)),
            Err(error) => {
                let again_in_ms = LOOK_AGAIN.0;
                tracing::warn!(%error, again_in_ms, "the kernel could not be looked at");
                self.look_again = Some(clock::boot_time() + LOOK_AGAIN);
            }
        }
    }

    fn publish(&mut self, agent: &Agent) -> Result<(), Fatal> {
        let status = agent.status();
        if self.published.as_ref() != Some(&status) {
            self.host.storage.publish(&status)?;
            self.published = Some(status);
        }
        Ok(())
    }
}
