//! Whom may this controller call, and where are the secrets that it signs with? `[webhooks]`.

use std::collections::BTreeSet;
use std::path::Path;

use tidegate_policies::document::{DocumentError, Field, Value, plain};

use crate::machine::webhook_url::WebhookUrl;
use crate::webhooks::Egress;

/// Most places that may be called.
const MAX_ALLOWED: usize = 100;

const SECRETS: Field = Field { key: "secrets", example: r#"secrets = "webhook-secrets""# };
const ALLOW: Field = Field { key: "allow", example: r#"allow = ["127.0.0.1:9099"]"# };

/// Reads `[webhooks]`. Without it nobody may be called.
pub(super) fn read(value: Option<&Value<'_>>, base_dir: &Path) -> Result<Egress, DocumentError> {
    let Some(value) = value else { return Ok(Egress::default()) };
    let table = value.table(&[SECRETS, ALLOW])?;
    let secrets = table.required(&SECRETS)?;
    let folder = secrets.text()?;
    if folder.is_empty() || folder.contains('\0') {
        let problem = format!("`{}` is not a folder", plain(folder));
        return Err(secrets.error(problem, format!("Write for example `{}`", SECRETS.example)));
    }
    let allow = table.required(&ALLOW)?.list("places", MAX_ALLOWED)?;
    let allow = allow.iter().map(read_place).collect::<Result<BTreeSet<String>, _>>()?;
    Ok(Egress { secrets: Some(base_dir.join(folder)), allow })
}

/// A place as a URL names it, with its port.
fn read_place(value: &Value<'_>) -> Result<String, DocumentError> {
    let text = value.text()?;
    let url: Option<WebhookUrl> = format!("http://{text}").parse().ok();
    match url.filter(|url| url.authority() == text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(value.error(
            format!("`{}` is not a host with its port", plain(text)),
            "Write for example \"127.0.0.1:9099\", \"pager.example:80\" or \"[::1]:9099\""
                .to_owned(),
        )),
    }
}
