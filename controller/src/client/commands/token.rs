//! `tidegate token`: what do hosts enrol with? The secret is made here and never sent: the
//! controller gets its SHA-256.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tidegate_proto::v1;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::pages::{Listing, Page, Question};
use super::token_change::{self, Expiry, RevokeToken, SEVERE_MAX_HOSTS, UpdateToken, lasts};
use crate::client::advice::{Intent, Subject};
use crate::client::args::OutputFormat;
use crate::client::complete;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::ids::to_hex;
use crate::client::names::{self, id_of};
use crate::client::output::json;
use crate::client::output::text::hosts;
use crate::client::session::Session;

/// Hosts of a token, where nobody says how many: as many as a free one is for.
const DEFAULT_MAX_HOSTS: u64 = 5;

/// Verbs of `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; its secret is shown once.
    Create(CreateToken),
    /// List tokens, by id.
    #[command(
        after_help = "Example:\n  tidegate token list --filter tier=free --sort-by=-enrolledHosts"
    )]
    List(Listing),
    /// Show one token.
    Get {
        /// The token, e.g. `free` or `tokens/free`.
        #[arg(value_parser = names::token)]
        name: String,
    },
    /// Give a token another limit, or another time to expire; hosts that are enrolled stay so.
    Update(UpdateToken),
    /// Take a token back for good: nobody enrols with it, and its hosts get no further grant.
    Revoke(RevokeToken),
}

/// Flags of `token create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate token create --id web --tier free --max-hosts 50 --secret-file web.token"
)]
pub struct CreateToken {
    /// The tier of the hosts that enrol with it.
    #[arg(long, value_parser = names::tier, add = complete::tiers())]
    tier: String,
    /// Most hosts that may be enrolled with it at a time.
    #[arg(
        long,
        value_name = "N",
        default_value_t = DEFAULT_MAX_HOSTS,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    max_hosts: u64,
    /// Its id.
    #[arg(long, value_parser = names::id)]
    id: String,
    /// Write the secret to this new file (mode 0600) instead of stdout.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Agree to a token for more than 10,000 hosts: its id.
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
    #[command(flatten)]
    expiry: Expiry,
    /// Only for machines of this architecture, e.g. `amd64`; may be given several times.
    #[arg(long, value_name = "ARCH")]
    arch: Vec<String>,
    /// Only for kernels of this series, e.g. `5.15`; may be given several times.
    #[arg(long, value_name = "MAJOR.MINOR")]
    kernel_series: Vec<String>,
    /// Only for this distribution release, e.g. `22.04`; may be given several times.
    #[arg(long, value_name = "RELEASE")]
    distro: Vec<String>,
}

impl CreateToken {
    fn scope(&self) -> Option<v1::TokenScope> {
        let scope = v1::TokenScope {
            architectures: self.arch.clone(),
            kernel_series: self.kernel_series.clone(),
            distro_releases: self.distro.clone(),
        };
        (scope != v1::TokenScope::default()).then_some(scope)
    }
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(flags) => create(session, flags).await,
        TokenCommand::List(listing) => list(session, listing).await,
        TokenCommand::Get { name } => token_change::get(session, name).await,
        TokenCommand::Update(flags) => token_change::update(session, flags).await,
        TokenCommand::Revoke(flags) => token_change::revoke(session, flags).await,
    }
}

async fn list(session: &mut Session, listing: Listing) -> Result<Exit, Failure> {
    let intent = Intent::read("list tokens", Subject::Tokens);
    let listed = listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListTokensRequest { page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                FleetServiceClient::new(attempt.channel).list_tokens(request).await
            })
            .await?;
        Ok(Page { rows: page.tokens, next: page.next_page_token })
    });
    listed.await?.show(session, ("tokens", "tokens"), None)?;
    Ok(Exit::Done)
}

async fn create(session: &mut Session, flags: CreateToken) -> Result<Exit, Failure> {
    let attempt = format!("create tokens/{}", flags.id);
    if session.out.format() == OutputFormat::Name && flags.secret_file.is_none() {
        let why = "-o name does not print the secret, and it cannot be had again";
        return Err(Failure::usage(attempt, "SECRET_LOST", why, "add --secret-file FILE"));
    }
    let stakes = format!(
        "This lets {} enrol in {} with tokens/{}.",
        hosts(flags.max_hosts),
        flags.tier,
        flags.id
    );
    let danger = if flags.max_hosts > SEVERE_MAX_HOSTS {
        Danger::Severe { name: flags.id.clone(), given: flags.confirm.clone() }
    } else {
        Danger::Moderate
    };
    session.asking.confirm(&attempt, &stakes, danger).await?;

    let secret = new_secret().map_err(|error| {
        Failure::machine(attempt.clone(), &error, "see that this machine has random bytes")
    })?;
    if session.validate_only() {
        let token = send(session, &flags, &secret).await?;
        session.out.one(&token, |_, _| format!("{} would be created", token.name))?;
        session.end(&attempt, "");
        return Ok(Exit::Done);
    }
    // Before the token exists: a secret that could not be kept would make it useless.
    if let Some(path) = &flags.secret_file {
        keep_secret(path, &secret).map_err(|error| {
            let next = format!("name a new file: {} is left as it is", path.display());
            Failure::machine(format!("write the secret to {}", path.display()), &error, next)
        })?;
    }
    match send(session, &flags, &secret).await {
        Ok(token) => tell(session, &token, &secret, flags.secret_file.as_deref()),
        Err(failure) => Err(unsent(failure, &flags)),
    }
}

async fn send(
    session: &mut Session,
    flags: &CreateToken,
    secret: &str,
) -> Result<v1::Token, Failure> {
    let attempt = format!("create tokens/{}", flags.id);
    let intent = Intent::write(attempt, Subject::Tokens, session.request_id);
    let body = v1::CreateTokenRequest {
        request_id: session.request_id.to_string(),
        token_id: flags.id.clone(),
        tier: flags.tier.clone(),
        max_hosts: flags.max_hosts,
        secret_sha256: Sha256::digest(secret.as_bytes()).to_vec(),
        validate_only: session.validate_only(),
        expire_time: flags.expiry.expires,
        ttl_ms: flags.expiry.ttl_ms(),
        scope: flags.scope(),
    };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).create_token(request).await
        })
        .await
}

fn tell(
    session: &Session,
    token: &v1::Token,
    secret: &str,
    file: Option<&Path>,
) -> Result<Exit, Failure> {
    let out = &session.out;
    match out.format() {
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl => {
            let mut value = json::token(token);
            if let (None, Value::Object(object)) = (file, &mut value) {
                object.insert("secret".to_owned(), secret.into());
            }
            out.value(&value)?;
        }
        OutputFormat::Name => out.raw(&token.name)?,
        OutputFormat::Table | OutputFormat::Wide => match file {
            Some(_) => out.raw(&format!("{} created", token.name))?,
            None => out.raw(secret)?,
        },
    }
    let limit = hosts(token.max_hosts);
    out.talk(&format!("{} lets {limit} enrol in {}, {}", token.name, token.tier, lasts(token)));
    match file {
        Some(path) => out.talk(&format!("its secret is in {}, and nowhere else", path.display())),
        None => out.talk("its secret is on stdout, this once"),
    }
    out.next(&format!("tidegate host list --tier {}", id_of(&token.tier)));
    Ok(Exit::Done)
}

/// The token was not created, or perhaps was: a repeat would make another secret, so the advice is
/// to look, and a file is only removed where there is surely no token.
fn unsent(failure: Failure, flags: &CreateToken) -> Failure {
    let file = flags.secret_file.as_deref();
    if failure.perhaps_done() {
        let kept = file.map_or_else(
            || "create another one: this one's secret is lost".to_owned(),
            |path| format!("its secret is in {}", path.display()),
        );
        return failure
            .with_next(format!("tidegate token list   # if {} is there, {kept}", flags.id));
    }
    if let Some(path) = file {
        // What stays behind is a secret that opens nothing.
        drop(remove_file(path));
    }
    failure
}

/// `tgt_` and 64 random hex digits.
fn new_secret() -> Result<String, io::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("tgt_{}", to_hex(&bytes)))
}

/// Writes a file that was not there before and that nobody else may read.
fn keep_secret(path: &Path, secret: &str) -> Result<(), io::Error> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(format!("{secret}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_has_the_agents_form_and_is_new_each_time() {
        let secret = new_secret().unwrap();
        let digits = secret.strip_prefix("tgt_").unwrap();
        assert_eq!(digits.len(), 64);
        assert!(digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_ne!(secret, new_secret().unwrap());
    }

    #[test]
    fn a_secret_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        keep_secret(&path, "tgt_1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "tgt_1\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = keep_secret(&path, "tgt_2").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "tgt_1\n");
    }
}
