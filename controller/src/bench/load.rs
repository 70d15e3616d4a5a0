//! How much does a system take from so many clients? Each client has a connection of its own and one
//! request under way; it sends the next when the last is answered.

use std::time::Duration;

use tokio::task::JoinSet;
use tonic::Status;

use super::BenchError;
use super::figures::{Micros, percentile};
use crate::runtime::Clock;

/// Pause of a client whose request was not taken.
const AFTER_A_FAILURE: Duration = Duration::from_millis(20);

/// One client's way to write.
pub(super) trait Write: Send + 'static {
    /// Writes once; answers how many things are durable on a majority when it returns.
    fn write(&mut self) -> impl Future<Output = Result<u64, Status>> + Send;
}

/// What was measured in one slice of time.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// Things written per second.
    pub(super) per_s: f64,
    /// Half of the requests took at most this long.
    pub(super) p50: Micros,
    /// 99 of 100 requests took at most this long.
    pub(super) p99: Micros,
    /// Requests that failed, and were not sent again.
    pub(super) failed: u64,
}

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    written: u64,
    took: Vec<Micros>,
    failed: u64,
    last_words: Option<Status>,
}

/// Lets every client write for `span`. Requests under way at its end are waited for and counted, as is
/// the time that they take.
pub(super) async fn slice<W: Write>(
    clients: &mut Vec<W>,
    span: Duration,
) -> Result<Slice, BenchError> {
    let clock = Clock::start();
    let mut tasks = JoinSet::new();
    for mut client in clients.drain(..) {
        tasks.spawn(async move {
            let seen = until(&mut client, clock, span).await;
            (client, seen)
        });
    }
    let mut all = Seen::default();
    while let Some(joined) = tasks.join_next().await {
        let (client, seen) =
            joined.map_err(|error| BenchError::setup("run the clients", &error))?;
        clients.push(client);
        all.written += seen.written;
        all.took.extend(seen.took);
        all.failed += seen.failed;
        all.last_words = all.last_words.or(seen.last_words);
    }
    let took = clock.monotonic();
    if all.took.is_empty() {
        let why = all.last_words.unwrap_or_else(|| Status::deadline_exceeded("no answer"));
        return Err(BenchError::Call { what: "write anything", status: Box::new(why) });
    }
    all.took.sort_unstable();
    Ok(Slice {
        per_s: per_second(all.written, took),
        p50: percentile(&all.took, 50),
        p99: percentile(&all.took, 99),
        failed: all.failed,
    })
}

async fn until<W: Write>(client: &mut W, clock: Clock, span: Duration) -> Seen {
    let mut seen = Seen::default();
    let mut now = clock.monotonic();
    while now < span {
        let begun = now;
        let written = client.write().await;
        now = clock.monotonic();
        match written {
            Ok(written) => {
                seen.written += written;
                seen.took.push(Micros::of(now.saturating_sub(begun)));
            }
            Err(status) => {
                seen.failed += 1;
                seen.last_words = Some(status);
                tokio::time::sleep(AFTER_A_FAILURE).await;
                now = clock.monotonic();
            }
        }
    }
    seen
}

fn per_second(count: u64, span: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a benchmark writes far less than 2^52 things")]
    let count = count as f64;
    count / span.as_secs_f64()
}
