//! What do many clients of a cluster of real processes hear, and could one machine have said it? Each
//! asks one thing at a time, of a node that chance picks, and tries nothing again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_controller::node::SplitMix64;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tonic::Code;

use crate::cluster::Cluster;
use crate::door::{self, Door};
use crate::sim::histories::{Ask, Heard, History, Tokens, linearize};
use crate::trouble::{Outcome, Trouble};
use crate::view::{SOON, answered, eventually};

/// How long a client waits for an answer before it asks something else.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long all clients ask about the same key: the history of a key must stay short to be judged.
const KEY_LASTS: Duration = Duration::from_millis(500);
/// Most tokens of a key, where it does not matter when there are [`MAX_TOKENS`].
const KEY_TOKENS: u64 = 24;
/// Most tokens of a key of clients who have to last.
const FEW_KEY_TOKENS: u64 = 5;
/// Most tokens of all keys: what one page of a list shows.
const MAX_TOKENS: usize = 900;
/// A moment between a client's questions.
const PAUSE: Duration = Duration::from_millis(10);

/// Clients at work.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Log>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What was asked and heard so far.
#[derive(Debug)]
struct Log {
    /// No other clients have this number.
    number: u64,
    begin: Instant,
    histories: BTreeMap<u64, History<Tokens>>,
    acknowledged: BTreeSet<String>,
    reads: usize,
    last: Instant,
    longest: Duration,
}

/// What clients heard, all of it explained.
#[derive(Debug)]
pub struct Said {
    /// The tokens whose creation was acknowledged.
    pub acknowledged: BTreeSet<String>,
    /// How many reads were answered.
    pub reads: usize,
    /// The longest time in which nothing was acknowledged.
    pub longest: Duration,
}

impl Clients {
    /// So many clients begin to ask the nodes of `cluster`.
    ///
    /// # Errors
    ///
    /// An address is none.
    pub fn start(cluster: &Cluster, count: u64) -> Outcome<Self> {
        Self::start_with(cluster, count, KEY_TOKENS)
    }

    /// Like [`Clients::start`]; they find most tokens made already, and so have some left to make after
    /// a minute and longer. What they are refused is in the log all the same.
    ///
    /// # Errors
    ///
    /// An address is none.
    pub fn start_thriftily(cluster: &Cluster, count: u64) -> Outcome<Self> {
        Self::start_with(cluster, count, FEW_KEY_TOKENS)
    }

    fn start_with(cluster: &Cluster, count: u64, key_tokens: u64) -> Outcome<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let addresses = cluster.addresses();
        let doors: Vec<Door> = addresses.iter().map(|to| Door::of(to)).collect::<Outcome<_>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let begin = Instant::now();
        let log = Arc::new(Mutex::new(Log {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            begin,
            histories: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            reads: 0,
            last: begin,
            longest: Duration::ZERO,
        }));
        let client = |number| {
            let (doors, stop, log) = (doors.clone(), Arc::clone(&stop), Arc::clone(&log));
            tokio::spawn(async move {
                let mut chance = SplitMix64::new(number);
                while !stop.load(Ordering::Relaxed) {
                    ask_one(&doors, key_tokens, &mut chance, &log).await;
                    tokio::time::sleep(PAUSE).await;
                }
            })
        };
        let tasks = (0..count).map(client).collect();
        Ok(Self { stop, log, tasks })
    }

    /// How many tokens were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        held(&self.log).acknowledged.len()
    }

    /// The tokens that were acknowledged so far.
    #[must_use]
    pub fn acknowledged_so_far(&self) -> BTreeSet<String> {
        held(&self.log).acknowledged.clone()
    }

    /// Waits until they were acknowledged so many more tokens.
    ///
    /// # Errors
    ///
    /// They were not within [`SOON`].
    pub async fn go_on_for(&self, tokens: usize) -> Outcome<()> {
        let before = self.acknowledged();
        eventually("the clients go on", SOON, async || {
            (self.acknowledged() >= before + tokens).then_some(())
        })
        .await
    }

    /// Stops them, and looks for an order of one at a time that explains what they heard.
    ///
    /// # Errors
    ///
    /// There is none, or a client broke.
    pub async fn stop(self) -> Outcome<Said> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await?;
        }
        let log = held(&self.log);
        for (key, history) in &log.histories {
            linearize(history).map_err(|why| {
                Trouble::new(format!("no order explains what was heard of key {key}: {why}"))
            })?;
        }
        let (acknowledged, reads, longest) = (log.acknowledged.clone(), log.reads, log.longest);
        Ok(Said { acknowledged, reads, longest })
    }
}

impl Said {
    /// Looks for each acknowledged token at `door`.
    ///
    /// # Errors
    ///
    /// One was lost, or the door does not answer.
    pub async fn is_kept(&self, door: &Door) -> Outcome<()> {
        are_kept(&self.acknowledged, door).await
    }
}

/// Looks for each of these tokens at `door`: in its list, and where that ends too early, by trying to
/// make the token again.
///
/// # Errors
///
/// One was lost, or the door does not answer.
pub async fn are_kept(tokens: &BTreeSet<String>, door: &Door) -> Outcome<()> {
    let listed = answered("list the tokens", async || door.token_ids().await).await?;
    let listed: BTreeSet<String> = listed.into_iter().collect();
    for id in tokens.difference(&listed) {
        match door.fleet().create_token(door::token(id, "free", 1)).await {
            Err(status) if status.code() == Code::AlreadyExists => (),
            Err(status) => return Err(status.into()),
            Ok(_) => return Err(Trouble::new(format!("acknowledged, and lost: token {id}"))),
        }
    }
    Ok(())
}

fn held(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks one question and writes down what comes of it.
async fn ask_one(doors: &[Door], key_tokens: u64, chance: &mut SplitMix64, log: &Mutex<Log>) {
    let mut pick = |most: u64| chance.next_u64() % most;
    let node = usize::try_from(pick(doors.len() as u64)).unwrap_or(0);
    let door = &doors[node];
    let (prefix, key, ask, number) = {
        let mut log = held(log);
        let may_create = log.acknowledged.len() < MAX_TOKENS;
        let now = u64::try_from(log.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let key = now / u64::try_from(KEY_LASTS.as_millis()).unwrap_or(1);
        let token = u8::try_from(pick(key_tokens)).unwrap_or(0);
        let ask = if may_create && pick(2) == 0 { Ask::Create(token) } else { Ask::Read };
        let number = log.histories.entry(key).or_default().called(now, ask.clone());
        (format!("key-{}-{key}-", log.number), key, ask, number)
    };
    let heard = timeout(PATIENCE, answer(door, &prefix, &ask)).await.ok().flatten();
    let Some(heard) = heard else { return };
    let mut log = held(log);
    let now = u64::try_from(log.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    match (&ask, &heard) {
        (Ask::Create(token), Heard::Created) => {
            log.acknowledged.insert(format!("{prefix}{token}"));
            log.longest = log.longest.max(log.last.elapsed());
            log.last = Instant::now();
        }
        (Ask::Read, _) => log.reads += 1,
        (Ask::Create(_), Heard::Exists | Heard::There(_)) => (),
    }
    log.histories.entry(key).or_default().heard(now, number, heard);
}

/// The answer; `None` where nobody knows what became of the question.
async fn answer(door: &Door, prefix: &str, ask: &Ask) -> Option<Heard> {
    match ask {
        Ask::Create(token) => {
            let request = door::token(&format!("{prefix}{token}"), "free", 1);
            match door.fleet().create_token(request).await {
                Ok(_) => Some(Heard::Created),
                Err(status) if status.code() == Code::AlreadyExists => Some(Heard::Exists),
                Err(_) => None,
            }
        }
        Ask::Read => {
            let ids = door.token_ids().await.ok()?;
            let tokens = ids.iter().filter_map(|id| id.strip_prefix(prefix)?.parse().ok());
            Some(Heard::There(tokens.collect()))
        }
    }
}
