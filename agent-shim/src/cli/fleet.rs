//! `tidegate-agent run --driver simulated`: many simulated machines against a real cluster.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::host::{Run, stopped};
use super::{Ended, Unable, secret};
use crate::core::Mode;
use crate::fleet::{Fleet, FleetConfig, FleetHandle, WeightedToken};

/// Shares are percentages; a token without one gets an equal part of what is left.
const WHOLE: u32 = 100;

pub(super) async fn run(arguments: &Run) -> Ended {
    let tokens = tokens(&arguments.token_file)?;
    let controllers = arguments.controller.clone();
    let mut config = FleetConfig::new(arguments.seed, arguments.count, controllers, tokens);
    config.mode = Mode::from(arguments.mode);
    config.plaintext_to.clone_from(&arguments.allow_plaintext_to);
    let fleet = Fleet::start(config)?;
    tracing::info!(hosts = arguments.count, seed = arguments.seed, "the simulated fleet runs");
    stopped().await;
    std::io::stdout().write_all(summary(&fleet).as_bytes())?;
    fleet.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// What really happened, one line for each kind of fate.
fn summary(fleet: &FleetHandle) -> String {
    let truths = fleet.truths();
    let count = |what: fn(&crate::driver::simulated::Truth) -> bool| {
        truths.iter().filter(|truth| what(truth)).count()
    };
    format!(
        "hosts {}\nenrolled {}\ninserted {}\ncrashed {}\ndead {}\npatched {}\n",
        truths.len(),
        fleet.enrolled(),
        count(|truth| !truth.inserts.is_empty()),
        count(|truth| !truth.crashes.is_empty()),
        count(|truth| truth.dead),
        count(|truth| !truth.enabled.is_empty()),
    )
}

/// Reads `FILE` or `FILE:60%`, several times over.
fn tokens(arguments: &[String]) -> Result<Vec<WeightedToken>, Unable> {
    let parts = arguments.iter().map(|argument| split(argument)).collect::<Result<Vec<_>, _>>()?;
    let named: u32 = parts.iter().filter_map(|(_, share)| *share).sum();
    let left = WHOLE.checked_sub(named).ok_or_else(|| {
        Unable(format!("the shares of the token files add up to {named} %, beyond {WHOLE} %"))
    })?;
    let unnamed = parts.iter().filter(|(_, share)| share.is_none()).count();
    // Weights are hundredths of a percent, so that equal parts of what is left come out even.
    let equal = u32::try_from(unnamed).ok().and_then(|unnamed| (left * 100).checked_div(unnamed));
    let token = |(file, share): (&str, Option<u32>)| {
        let weight = share.map(|share| share * 100).or(equal).unwrap_or(0);
        Ok(WeightedToken { secret: secret::read(Path::new(file))?, weight })
    };
    parts.into_iter().map(token).collect()
}

fn split(argument: &str) -> Result<(&str, Option<u32>), Unable> {
    let Some((file, share)) =
        argument.strip_suffix('%').and_then(|argument| argument.rsplit_once(':'))
    else {
        return Ok((argument, None));
    };
    match share.parse() {
        Ok(share) if share <= WHOLE => Ok((file, Some(share))),
        Ok(_) | Err(_) => Err(Unable(format!("`{argument}`: a share is 0 to 100 percent"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{split, tokens};

    #[test]
    fn a_share_is_read_from_the_end_of_a_file_name() {
        assert_eq!(split("a").unwrap(), ("a", None));
        assert_eq!(split("a:b").unwrap(), ("a:b", None));
        assert_eq!(split("a:60%").unwrap(), ("a", Some(60)));
        assert!(split("a:101%").is_err());
        assert!(split("a:x%").is_err());
    }

    #[test]
    fn tokens_without_a_share_get_equal_parts_of_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "tgt_0\n").unwrap();
        let name = file.to_string_lossy().into_owned();
        let weights = |arguments: &[String]| {
            let tokens = tokens(arguments).unwrap();
            tokens.iter().map(|token| token.weight).collect::<Vec<_>>()
        };
        assert_eq!(weights(&[name.clone(), name.clone()]), [5_000, 5_000]);
        assert_eq!(weights(&[name.clone(), format!("{name}:60%")]), [4_000, 6_000]);
        assert!(tokens(&[format!("{name}:60%"), format!("{name}:60%")]).is_err());
    }
}
