//! How does one host run? The only loop of an agent: it takes what happens to the core, and
//! carries out, in order, what the core asks for.

mod carry;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tidegate_proto::v1::GoodbyeKind;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock;
use crate::core::{
    Agent, AgentConfig, AgentStatus, Boot, BootTime, CallId, DriverEvent, Input, Mode, Setup,
};
use crate::driver::{Driver, DriverFailed};
use crate::storage::{Storage, StorageFailed};
use crate::transport::Transport;

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
    /// The kernel cannot be looked at.
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
    let setup = set_up(&mut host)?;
    let (words, mut said) = mpsc::unbounded_channel();
    let mut shell = Shell {
        host,
        calls: JoinSet::new(),
        words,
        ready: Vec::new(),
        wake: None,
        published: None,
    };
    let mut out = Vec::new();
    let mut agent = Agent::start(clock::boot_time(), setup, &mut out);
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

/// Reads what the host's storage has kept, and the machine as it is.
fn set_up<D: Driver, S: Storage>(host: &mut Host<D, S>) -> Result<Setup, Fatal> {
    let boot_id = host.driver.boot_id()?;
    let restored = host.storage.restore()?;
    let before = host.storage.note_boot(&boot_id)?;
    // What pstore keeps speaks of the boot before, once.
    let rebooted = before.is_some_and(|before| before != boot_id);
    let module = restored.marker.as_ref().map(|marker| &marker.module);
    let evidence = if rebooted { host.driver.evidence(module) } else { None };
    Ok(Setup {
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
    })
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
        let wait = self.wake.map(|wake| wake.since(clock::boot_time()).as_duration());
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
                Ok(Next::Input(Box::new(Input::Wake)))
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
