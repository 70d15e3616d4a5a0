//! `tidegate audit verify` and `export`: is every record still what was chained? Computed here, from what is read,
//! whatever the controller says of it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;
use tidegate_proto::v1;
use tidegate_proto::v1::audit_service_client::AuditServiceClient;

use crate::chain::file::{self, BadFile, Held, Row, Writer, time};
use crate::chain::{Head, Walk, hex};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::output::text::counted;
use crate::client::session::Session;

/// The end of `audit verify --help`.
pub(crate) const VERIFY_EXAMPLES: &str = "\
Prints the head of the chain. Keep it where no controller can write: given back with --head, it shows that
the history up to it was not written anew.

Examples:
  tidegate audit verify
  tidegate audit verify --head 4711:5f6c…
  tidegate audit verify --file audit.jsonl";

/// The end of `audit export --help`.
pub(crate) const EXPORT_EXAMPLES: &str = "\
The file holds one JSON object a line. It is checked before it gets its name, and is never written over.
A cluster keeps its newest 10,000 records: export more often than those take to come.

Examples:
  tidegate audit export --to audit.jsonl
  tidegate audit export --after 4711 --to audit-2.jsonl    what came since";

/// Most records of one answer.
const PAGE: i32 = 1_000;

/// Flags of `audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Check this exported file, and ask no controller.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The head that was seen before: it must be in the chain.
    #[arg(long, value_name = "SEQUENCE:HASH")]
    head: Option<Head>,
}

/// Flags of `audit export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The file to write.
    #[arg(long = "to", value_name = "FILE")]
    file: PathBuf,
    /// Only records behind this one [default: from the oldest that is kept].
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, hide_default_value = true)]
    after: u64,
}

/// Reads the chain from a controller, piece by piece, and checks each record.
pub(crate) struct Reader {
    intent: Intent,
    from: Head,
    walk: Walk,
}

impl Reader {
    /// A reader behind a record; `after` 0: at the oldest that is kept.
    async fn begin(
        session: &mut Session,
        attempt: &str,
        after: u64,
        seen: Option<Head>,
    ) -> Result<Self, Failure> {
        let intent = Intent::read(attempt, Subject::Records);
        let piece = ask(session, &intent, (after, 1)).await?;
        let from = place(&intent, piece.before)?;
        Ok(Self { intent, from, walk: Walk::from(from, seen) })
    }

    /// A reader so many records before the end, or as many as there are.
    pub(crate) async fn near_the_end(
        session: &mut Session,
        attempt: &str,
        last: u64,
    ) -> Result<Self, Failure> {
        let intent = Intent::read(attempt, Subject::Records);
        let piece = ask(session, &intent, (0, 1)).await?;
        let oldest = place(&intent, piece.before)?.sequence;
        let after = place(&intent, piece.head)?.sequence.saturating_sub(last).max(oldest);
        Self::begin(session, attempt, after, None).await
    }

    /// The next records, each of which fits; `None`: there is none behind `until`, or none yet.
    pub(crate) async fn next(
        &mut self,
        session: &mut Session,
        until: Option<u64>,
    ) -> Result<Option<Vec<v1::DecisionRecord>>, Failure> {
        let after = self.walk.at().sequence;
        if until.is_some_and(|until| after >= until) {
            return Ok(None);
        }
        let piece = ask(session, &self.intent, (after, PAGE)).await?;
        let end = place(&self.intent, piece.head)?;
        if piece.records.is_empty() && after < end.sequence {
            let why = format!("records {} to {} were not told", after + 1, end.sequence);
            return Err(broken(self.intent.attempt(), &why));
        }
        for record in &piece.records {
            let fits = row(record).step(&mut self.walk);
            fits.map_err(|misfit| broken(self.intent.attempt(), &misfit.to_string()))?;
        }
        if self.walk.at().sequence == end.sequence && self.walk.at() != end {
            let why =
                format!("the controller names {end} as the head, and it is {}", self.walk.at());
            return Err(broken(self.intent.attempt(), &why));
        }
        Ok((!piece.records.is_empty()).then_some(piece.records))
    }

    fn held(&self) -> Held {
        Held { after: self.from, head: self.walk.at() }
    }
}

async fn ask(
    session: &mut Session,
    intent: &Intent,
    (after_sequence, page_size): (u64, i32),
) -> Result<v1::ReadChainResponse, Failure> {
    let body = v1::ReadChainRequest { after_sequence, page_size };
    session
        .client
        .unary(intent, body, async |attempt, body| {
            let request = attempt.request(body);
            AuditServiceClient::new(attempt.channel).read_chain(request).await
        })
        .await
}

fn place(intent: &Intent, place: Option<v1::ChainPlace>) -> Result<Head, Failure> {
    let place = place.unwrap_or_default();
    let hash = place.hash.try_into();
    let hash = hash.map_err(|_| broken(intent.attempt(), "a hash has not 32 bytes"))?;
    Ok(Head { sequence: place.sequence, hash })
}

/// A record as it stands in a file, and as it is checked.
pub(crate) fn row(record: &v1::DecisionRecord) -> Row {
    let at = record.time.unwrap_or_default();
    let seconds = u64::try_from(at.seconds).unwrap_or(0);
    let millis = u64::try_from(at.nanos / 1_000_000).unwrap_or(0);
    let wall_ms = seconds.saturating_mul(1_000).saturating_add(millis);
    Row {
        sequence: record.sequence,
        log_index: record.log_index,
        elapsed_ms: record.elapsed_ms,
        wall_ms,
        time: time(wall_ms),
        actor: record.actor.clone(),
        event: record.event.clone(),
        subject: record.subject.clone(),
        detail: record.detail.clone(),
        request_id: record.request_id.clone(),
        basis_hash: hex(&record.basis_hash),
        verdict_hash: hex(&record.verdict_hash),
        hash: hex(&record.hash),
    }
}

/// Checks a file, or the chain of a cluster.
pub(crate) async fn verify(session: &mut Session, flags: Verify) -> Result<Exit, Failure> {
    let seen = flags.head;
    let (attempt, held) = match &flags.file {
        Some(path) => {
            let attempt = format!("verify {}", path.display());
            let held = verify_file(&attempt, path, seen)?;
            (attempt, held)
        }
        None => {
            let attempt = "verify the records".to_owned();
            let mut reader = Reader::begin(session, &attempt, 0, seen).await?;
            while reader.next(session, None).await?.is_some() {}
            (attempt, reader.held())
        }
    };
    compare(&attempt, &held, seen)?;
    session.out.done(&held.head.to_string(), &fields(&held), &words(&held))?;
    if seen.is_none() {
        session.out.next(&format!("tidegate audit verify --head {}   # another day", held.head));
    }
    Ok(Exit::Done)
}

fn verify_file(attempt: &str, path: &Path, seen: Option<Head>) -> Result<Held, Failure> {
    let opened = File::open(path).map_err(|error| machine(attempt, &error))?;
    file::verify(BufReader::new(opened), seen).map_err(|error| told(attempt, &error))
}

/// Whether what was seen before can be compared at all. Where it is in between, the walk came by it.
fn compare(attempt: &str, held: &Held, seen: Option<Head>) -> Result<(), Failure> {
    let Some(seen) = seen else { return Ok(()) };
    if seen.sequence > held.head.sequence {
        let why = format!(
            "record {} was seen before, and the chain ends at {}: records were removed at its end",
            seen.sequence, held.head.sequence
        );
        return Err(broken(attempt, &why));
    }
    if seen.sequence == held.after.sequence && seen != held.after {
        let why = format!("it begins behind {}, and {seen} was seen before", held.after);
        return Err(broken(attempt, &why));
    }
    if seen.sequence < held.after.sequence {
        let why = format!(
            "record {} is not in it any more, it begins with {}: nothing is said of that head",
            seen.sequence,
            held.after.sequence + 1
        );
        let next = "give a newer head, or verify the exported --file that holds this one";
        return Err(Failure::usage(attempt, "HEAD_NOT_KEPT", why, next));
    }
    Ok(())
}

/// Writes a file.
pub(crate) async fn export(session: &mut Session, flags: Export) -> Result<Exit, Failure> {
    let path = flags.file;
    let attempt = format!("export the records to {}", path.display());
    if path.try_exists().map_err(|error| machine(&attempt, &error))? {
        return Err(exists(&attempt));
    }
    let aside = aside(&path).map_err(|error| machine(&attempt, &error))?;
    let mut reader = Reader::begin(session, &attempt, flags.after, None).await?;
    let begun = Writer::begin(BufWriter::new(aside), reader.from);
    let mut writer = begun.map_err(|error| machine(&attempt, &error))?;
    while let Some(records) = reader.next(session, None).await? {
        for record in &records {
            writer.write(&row(record)).map_err(|error| told(&attempt, &error))?;
        }
    }
    let named = finish(writer, &path);
    let held = named.map_err(|error| told(&attempt, &error))?;
    let text = format!("{}: {}", path.display(), words(&held));
    session.out.done(&path.display().to_string(), &fields(&held), &text)?;
    let again = format!("tidegate audit verify --file {} --head {}", path.display(), held.head);
    session.out.next(&again);
    Ok(Exit::Done)
}

/// A file beside `path`, which only its owner may read.
fn aside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".tidegate-audit-")
        .suffix(".part")
        .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
}

/// Ends the file, reads it as anybody would, and gives it its name.
fn finish(writer: Writer<BufWriter<NamedTempFile>>, path: &Path) -> Result<Held, BadFile> {
    let (head, buffered) = writer.finish()?;
    let aside = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    aside.as_file().sync_all()?;
    let held = file::verify(BufReader::new(File::open(aside.path())?), Some(head))?;
    aside.persist_noclobber(path).map_err(|refused| refused.error)?;
    Ok(held)
}

fn words(held: &Held) -> String {
    let count = held.head.sequence.saturating_sub(held.after.sequence);
    let first = held.after.sequence.saturating_add(1);
    let which = match count {
        0 => "no record".to_owned(),
        _ => format!("{}, {first} to {}", counted(count, "record"), held.head.sequence),
    };
    format!("{which}; every one fits behind the one before\nhead {}", held.head)
}

fn fields(held: &Held) -> [(&'static str, serde_json::Value); 3] {
    let count = held.head.sequence.saturating_sub(held.after.sequence);
    [
        ("records", count.into()),
        ("after", held.after.to_string().into()),
        ("head", held.head.to_string().into()),
    ]
}

fn told(attempt: &str, error: &BadFile) -> Failure {
    match error {
        BadFile::Unreadable(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            exists(attempt)
        }
        BadFile::Unreadable(error) => machine(attempt, error),
        BadFile::Misfit { .. }
        | BadFile::Malformed { .. }
        | BadFile::OtherEnd { .. }
        | BadFile::TooLong { .. } => broken(attempt, &error.to_string()),
    }
}

fn broken(attempt: &str, why: &str) -> Failure {
    let next = "keep what you have, and compare it with an export or a head from before";
    Failure::untrue(attempt, "CHAIN_BROKEN", why, next)
}

fn machine(attempt: &str, error: &io::Error) -> Failure {
    Failure::machine(attempt, error, "correct the path, or make room there")
}

fn exists(attempt: &str) -> Failure {
    let why = "there is such a file already, and it is never written over";
    Failure::usage(attempt, "FILE_EXISTS", why, "give another --to FILE")
}
