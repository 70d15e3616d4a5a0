//! Where does a token's secret come from? From a file or stdin, never from the command line.

use std::io::Read as _;
use std::path::Path;

use super::Unable;

/// Reads the secret in `file`, or on stdin where that is `-`.
pub(super) fn read(file: &Path) -> Result<String, Unable> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|found| text = found)
    };
    read.map_err(|error| {
        Unable(format!("could not read the token in {}: {error}", file.display()))
    })?;
    let secret = text.trim();
    if secret.starts_with("tgt_") {
        Ok(secret.to_owned())
    } else {
        Err(Unable(format!(
            "{} holds no token: it must hold the one line that `tidegate token create` printed, \
             which begins with `tgt_`",
            file.display()
        )))
    }
}
