//! What do clients ask, and what do they hear? Tokens are created and read through any controller, by
//! several clients at once, and every question is written down for the judge of histories.

use std::collections::BTreeMap;

use tidegate_controller::machine::command::{Action, Command, CreateToken, Expiry, Operate};
use tidegate_controller::machine::ids::{Digest, TokenId};
use tidegate_controller::machine::tokens::Scope;
use tidegate_controller::machine::{Outcome, Position, Rejection};
use tidegate_controller::node::{Answer, Input, Node};

use super::chance::Chance;
use super::checks::Violation;
use super::controllers::{Asker, Controller};
use super::happening::{Caller, Happening, Question, Reply};
use super::histories::{Ask, Heard, History, Tokens, linearize};
use super::network::End;
use super::sabotage::Sabotage;
use super::world::World;

/// How many sets of tokens there are, each with a history of its own.
const KEYS: u64 = 10;
/// How many tokens a set can have: few, so that clients want the same ones.
const TOKENS: u64 = 8;
/// When the clients come, in milliseconds.
const COME_AT: u64 = 6_000;
/// The longest time between two questions.
const PAUSE: u64 = 900;
/// After how long an unanswered question is asked again, and how often.
const PATIENCE: u64 = 1_200;
const ATTEMPTS: u64 = 4;

/// Everybody who reads and creates tokens.
#[derive(Debug)]
pub struct Clients {
    luck: Chance,
    asked: Vec<AskedFor>,
    histories: BTreeMap<u64, History<Tokens>>,
    /// The highest log index that anybody was told of.
    known: u64,
}

/// One question.
#[derive(Clone, Debug)]
struct AskedFor {
    key: u64,
    /// Its number in the key's history.
    number: usize,
    /// The command, where it is no read.
    command: Option<Command>,
    attempt: u64,
    is_answered: bool,
    /// What anybody had been told when it was asked first.
    known: u64,
}

impl Clients {
    /// Nobody has asked for anything.
    #[must_use]
    pub fn new(luck: Chance) -> Self {
        Self { luck, asked: Vec::new(), histories: BTreeMap::new(), known: 0 }
    }

    /// Somebody was told of this log index.
    pub(super) fn told(&mut self, index: u64) {
        self.known = self.known.max(index);
    }

    /// Whether one machine, asked one thing at a time, could have answered so.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `LINEAR`.
    pub fn judge(&self) -> Result<(), Violation> {
        for (key, history) in &self.histories {
            linearize(history)
                .map_err(|why| Violation::new("LINEAR", format!("the tokens k{key}-: {why}")))?;
        }
        Ok(())
    }
}

impl World {
    /// The first client comes.
    pub(super) fn begin_clients(&mut self) {
        self.queue.after(COME_AT, Happening::Client);
    }

    /// A client has a question.
    pub(super) fn client(&mut self) {
        let now = self.now();
        let clients = &mut self.clients;
        let key = clients.luck.below(KEYS);
        let question = clients.asked.len();
        let token = u8::try_from(clients.luck.below(TOKENS)).unwrap_or(0);
        let ask = if clients.luck.below(2) == 0 { Ask::Read } else { Ask::Create(token) };
        let command = match ask {
            Ask::Read => None,
            Ask::Create(token) => create(question, key, token),
        };
        let number = clients.histories.entry(key).or_default().called(now, ask);
        let known = clients.known;
        let is_answered = false;
        clients.asked.push(AskedFor { key, number, command, attempt: 0, is_answered, known });
        let next = clients.luck.between(1, PAUSE);
        self.client_asks(question, 0);
        self.queue.after(next, Happening::Client);
    }

    /// A client asks, through any controller, unless it was answered or lost patience.
    pub(super) fn client_asks(&mut self, number: usize, attempt: u64) {
        let now = self.now();
        let nodes = self.nodes_there();
        let Some(asked) = self.clients.asked.get_mut(number) else { return };
        if asked.is_answered || asked.attempt != attempt || attempt == ATTEMPTS {
            return;
        }
        asked.attempt += 1;
        let question = match &asked.command {
            Some(command) => Question::Command(Box::new(command.clone())),
            None => Question::Read,
        };
        let Some(node) = self.clients.luck.pick(&nodes) else { return };
        for delay in self.network.fates(now, End::Desk, End::Node(node)) {
            let (caller, question) = (Caller::Client { question: number }, question.clone());
            self.queue.after(delay, Happening::Asked { node, caller, question });
        }
        let again = Happening::ClientAsks { question: number, attempt: attempt + 1 };
        self.queue.after(PATIENCE, again);
    }

    /// A controller is asked what is there.
    pub(super) fn wish_to_read(&mut self, id: u64, caller: Caller) {
        if self.scenario.sabotage == Sabotage::StaleReads {
            let node = self.controllers.get(&id).and_then(Controller::node);
            let index = node.map_or(0, Node::applied);
            return self.read(id, &caller, &Answer::Readable { index });
        }
        let Some(controller) = self.controllers.get_mut(&id) else { return };
        let ticket = controller.desk.id();
        controller.desk.tickets.insert(ticket, Asker::Reader(caller));
        self.step_node(id, vec![Input::Read { ticket }]);
    }

    /// A controller reads, now that it may.
    pub(super) fn read(&mut self, id: u64, caller: &Caller, answer: &Answer) {
        let Answer::Readable { index } = answer else {
            return self.reply(id, caller, &Reply::Read(None));
        };
        let Some(node) = self.controllers.get(&id).and_then(Controller::node) else { return };
        let applied = node.applied();
        if applied < *index {
            let what = format!("node {id} reads at index {applied}, not {index}");
            return self.violated(Violation::new("STALE", what));
        }
        let names = node.machine().tokens().keys().map(TokenId::to_string).collect();
        let reply = Reply::Read(Some((applied, names)));
        self.reply(id, caller, &reply);
    }

    /// A client reads.
    pub(super) fn client_read(&mut self, question: usize, index: u64, names: &[String]) {
        let now = self.now();
        let Some(asked) = self.clients.asked.get_mut(question) else { return };
        let known = asked.known;
        if std::mem::replace(&mut asked.is_answered, true) {
            return;
        }
        let prefix = format!("k{}-", asked.key);
        let there = names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok());
        let heard = Heard::There(there.collect());
        self.stats.reads += 1;
        self.trace.line(now, format_args!("a client reads {prefix} at {index}: {heard:?}"));
        if let Some(history) = self.clients.histories.get_mut(&asked.key) {
            history.heard(now, asked.number, heard);
        }
        self.clients.told(index);
        // The judge of histories must see this defect without help.
        if index < known && self.scenario.sabotage != Sabotage::StaleReads {
            let what = format!("a client reads at index {index}, and {known} was known before");
            self.violated(Violation::new("STALE", what));
        }
    }

    /// A client's command was answered.
    pub(super) fn client_answered(
        &mut self,
        question: usize,
        position: Position,
        outcome: &Outcome,
    ) {
        let now = self.now();
        let Some(asked) = self.clients.asked.get_mut(question) else { return };
        let Some(command) = asked.command.clone() else { return };
        if !std::mem::replace(&mut asked.is_answered, true) {
            // Refused for another reason: a copy of the question may still be taken later.
            let heard = match outcome {
                Ok(_) => Some(Heard::Created),
                Err(Rejection::TokenExists { .. }) => Some(Heard::Exists),
                Err(_) => None,
            };
            let history = self.clients.histories.get_mut(&asked.key);
            if let (Some(history), Some(heard)) = (history, heard) {
                history.heard(now, asked.number, heard);
            }
            self.clients.told(position.index);
        }
        let known = self.checks.acknowledged(&command, position, outcome);
        if let Err(violation) = known {
            self.violated(violation);
        }
    }
}

/// The command that creates a token.
fn create(question: usize, key: u64, token: u8) -> Option<Command> {
    let mut secret = [0xC1; 32];
    for (byte, number) in secret.iter_mut().zip(format!("{key}-{token}").bytes()) {
        *byte = number;
    }
    Some(Command::Operate(Operate {
        request: format!("client-{question}"),
        actor: "grace".to_owned(),
        action: Action::CreateToken(Box::new(CreateToken {
            token: format!("k{key}-{token}").parse().ok()?,
            tier: "free".parse().ok()?,
            max_hosts: 1,
            secret: Digest(secret),
            expiry: Expiry::Never,
            scope: Scope::default(),
        })),
    }))
}
