//! `tidegate audit`: who decided what, when and why, and does the chain of it still hold?

use clap::{Args, Subcommand};
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::audit_service_client::AuditServiceClient;
use tokio::time::Instant;

use super::audit_chain::{self, Export, Reader, Verify};
use super::pages::{Limit, Page, Question};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::feed::{Fed, Feed};
use crate::client::names::{self, id_of};
use crate::client::output::audit::line;
use crate::client::output::json;
use crate::client::output::time::rfc3339;
use crate::client::session::Session;

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List what was decided, newest first.
    List(List),
    /// Show the last records, and each new one as it comes, every one checked against the one before.
    Tail(Tail),
    /// Compute the chain of records anew, here; exit code 1 where a record does not fit.
    #[command(after_help = audit_chain::VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Write the records to a file that proves itself.
    #[command(after_help = audit_chain::EXPORT_EXAMPLES)]
    Export(Export),
}

/// Which records.
#[derive(Debug, Args)]
pub struct Which {
    /// Only what this actor did: an operator's name, or `judge`.
    #[arg(long, value_name = "NAME", value_parser = quotable)]
    actor: Option<String>,
    /// Only this kind, e.g. `rollout.halted`, or with a `*` at its end `rollout.*`.
    #[arg(long, value_name = "EVENT", value_parser = quotable)]
    kind: Option<String>,
    /// Only what was decided on this rollout.
    #[arg(long, value_name = "NAME", value_parser = names::rollout)]
    rollout: Option<String>,
}

/// Flags of `audit list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// Only from this time on, such as `2026-11-03T09:10:00Z`.
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    since: Option<Timestamp>,
    /// Only before this time.
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    until: Option<Timestamp>,
    #[command(flatten)]
    limit: Limit,
}

/// Flags of `audit tail`.
#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    which: Which,
    /// How many records to begin with.
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: u64,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::List(flags) => list(session, flags).await,
        AuditCommand::Tail(flags) => tail(session, flags).await,
        AuditCommand::Verify(flags) => audit_chain::verify(session, flags).await,
        AuditCommand::Export(flags) => audit_chain::export(session, flags).await,
    }
}

/// Reads what goes into a filter between quotes.
fn quotable(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 64 && !text.contains(['"', '\\']);
    if fits && text.find('*').is_none_or(|at| at + 1 == text.len()) {
        return Ok(text.to_owned());
    }
    Err("1 to 64 characters without quotes, and a `*` at its end alone".to_owned())
}

impl Which {
    /// The parts of a filter, as the controller reads it.
    fn clauses(&self) -> Vec<String> {
        let text = |field: &str, wanted: &Option<String>| {
            let wanted = wanted.as_ref()?;
            let compare = if wanted.ends_with('*') { ':' } else { '=' };
            Some(format!("{field}{compare}\"{wanted}\""))
        };
        let parts =
            [text("actor", &self.actor), text("event", &self.kind), text("subject", &self.rollout)];
        parts.into_iter().flatten().collect()
    }

    /// Whether it is one of them.
    fn fits(&self, record: &v1::DecisionRecord) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(begins) => found.starts_with(begins),
                None => found == wanted,
            })
        };
        same(&self.actor, &record.actor)
            && same(&self.kind, &record.event)
            && same(&self.rollout, &record.subject)
    }
}

impl List {
    fn filter(&self) -> String {
        let mut parts = self.which.clauses();
        let time = |compare: &str, time: &Option<Timestamp>| {
            Some(format!("time{compare}\"{}\"", rfc3339(time.as_ref()?)?))
        };
        parts.extend(time(">=", &self.since));
        parts.extend(time("<", &self.until));
        parts.join(" AND ")
    }
}

async fn list(session: &mut Session, flags: List) -> Result<Exit, Failure> {
    let intent = Intent::read("list the records", Subject::Records);
    let filter = flags.filter();
    let listed = flags.limit.list(async |question: Question| {
        let Question { page_size, page_token, .. } = question;
        let body = v1::ListRecordsRequest { page_size, page_token, filter: filter.clone() };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                AuditServiceClient::new(attempt.channel).list_records(request).await
            })
            .await?;
        Ok(Page { rows: page.records, next: page.next_page_token })
    });
    listed.await?.show(session, ("records", "records"), None)?;
    Ok(Exit::Done)
}

/// Follows the chain. The stream only says that there may be more: what is shown is read from the chain, so
/// that nothing is left out however often the stream breaks.
async fn tail(session: &mut Session, flags: Tail) -> Result<Exit, Failure> {
    let deadline = session.client.patience().map(|patience| Instant::now() + patience);
    let attempt = "follow the records";
    let mut reader = Reader::near_the_end(session, attempt, flags.last).await?;
    let intent = Intent::read(attempt, Subject::Records);
    let mut feed = Feed::of_records(intent, flags.which.rollout.as_deref().unwrap_or_default());
    loop {
        while let Some(piece) = reader.next(session, None).await? {
            for record in piece.iter().filter(|record| flags.which.fits(record)) {
                show(session, record)?;
            }
        }
        // A stream that broke is opened again by the next question.
        if let Fed::TimeIsUp = feed.next(&mut session.client, deadline).await? {
            return Ok(Exit::StillGoing);
        }
    }
}

fn show(session: &Session, record: &v1::DecisionRecord) -> Result<(), Failure> {
    use crate::client::args::OutputFormat;
    match session.out.format() {
        OutputFormat::Json | OutputFormat::Jsonl | OutputFormat::Yaml => {
            session.out.raw(&json::record(record).to_string())
        }
        OutputFormat::Name => session.out.raw(&record.sequence.to_string()),
        OutputFormat::Table | OutputFormat::Wide => session.out.raw(&line(record)),
    }
}

/// A subject without its collection where that is a rollout.
pub(crate) fn subject(record: &v1::DecisionRecord) -> &str {
    if record.subject.starts_with("rollouts/") { id_of(&record.subject) } else { &record.subject }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(actor: Option<&str>, kind: Option<&str>, rollout: Option<&str>) -> Which {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Which { actor: owned(actor), kind: owned(kind), rollout: owned(rollout) }
    }

    #[test]
    fn the_flags_become_a_filter_as_the_controller_reads_it() {
        let all = which(Some("ada"), Some("rollout.*"), Some("rollouts/113.1"));
        let since = Some(Timestamp { seconds: 1_797_721_200, nanos: 0 });
        let limit = || Limit::of(10);
        let list = List { which: all, since, until: since, limit: limit() };
        let expected = "actor=\"ada\" AND event:\"rollout.*\" AND subject=\"rollouts/113.1\" AND \
                        time>=\"2026-12-19T23:00:00Z\" AND time<\"2026-12-19T23:00:00Z\"";
        assert_eq!(list.filter(), expected);
        let none =
            List { which: which(None, None, None), since: None, until: None, limit: limit() };
        assert_eq!(none.filter(), "");
    }

    #[test]
    fn a_record_fits_the_flags_as_the_controller_would_say() {
        let record = v1::DecisionRecord {
            actor: "ada".to_owned(),
            event: "rollout.halted".to_owned(),
            subject: "rollouts/113.1".to_owned(),
            ..Default::default()
        };
        let fits = |actor, kind, rollout| which(actor, kind, rollout).fits(&record);
        assert!(fits(None, None, None));
        assert!(fits(Some("ada"), Some("rollout.*"), Some("rollouts/113.1")));
        assert!(fits(None, Some("rollout.halted"), None) && fits(None, Some("*"), None));
        assert!(!fits(Some("ad"), None, None) && !fits(None, Some("rollout.halt"), None));
        assert!(!fits(None, None, Some("rollouts/113")));
    }

    #[test]
    fn what_would_break_out_of_a_filter_is_refused_before_it_is_sent() {
        for text in ["", "a\"b", "a\\", "*.halted", "a*b*"] {
            assert!(quotable(text).is_err(), "{text}");
        }
        assert_eq!(quotable("rollout.*").as_deref(), Ok("rollout.*"));
    }
}
