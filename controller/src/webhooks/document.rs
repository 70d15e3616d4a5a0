//! Who is told of incidents? The tables `[[webhook]]` of a webhooks document.
//!
//! ```toml
//! [[webhook]]
//! name = "pager"                              # up to 10 webhooks, each with a name of its own
//! url = "http://127.0.0.1:9099/tidegate"      # whom it calls
//! secret = "pager"                            # the file with the secret on each controller; never the secret itself
//! events = ["opened", "resolved"]             # of what it tells; left out: of everything
//! ```
//!
//! A document that declares nobody says so: `none = true`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use tidegate_policies::document::{
    DocumentError, Field, MAX_DOCUMENT_BYTES, Place, Table, Value, plain,
};

use crate::machine::ids::{NotAName, SecretName, WebhookId};
use crate::machine::webhook_url::{NotAUrl, WebhookUrl};
use crate::machine::webhooks::{Happening, MAX_WEBHOOKS, Receiver, Webhook};

const WEBHOOK: Field = Field { key: "webhook", example: "[[webhook]]" };
const NONE: Field = Field { key: "none", example: "none = true" };
const NAME: Field = Field { key: "name", example: r#"name = "pager""# };
const URL: Field = Field { key: "url", example: r#"url = "http://127.0.0.1:9099/tidegate""# };
const SECRET: Field = Field { key: "secret", example: r#"secret = "pager""# };
const EVENTS: Field = Field { key: "events", example: r#"events = ["opened", "resolved"]"# };

const WORDS: [(&str, Happening); 5] = [
    (Happening::Opened.word(), Happening::Opened),
    (Happening::Acknowledged.word(), Happening::Acknowledged),
    (Happening::Noted.word(), Happening::Noted),
    (Happening::Widened.word(), Happening::Widened),
    (Happening::Resolved.word(), Happening::Resolved),
];

/// Reads and checks the webhooks in `text`; `source` is what messages call the document.
///
/// # Errors
///
/// The first thing that is wrong with the document, where it is, and the way out.
pub fn parse(source: &str, text: &str) -> Result<BTreeMap<WebhookId, Receiver>, DocumentError> {
    let document = Place::document(source, text);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(document.error(
            format!("the document has {} bytes", text.len()),
            format!("Webhooks have at most {MAX_DOCUMENT_BYTES}"),
        ));
    }
    let root = document.parse()?;
    let root = Table::open(document, root.get_ref(), &[WEBHOOK, NONE])?;
    if let Some(none) = root.optional(&NONE) {
        return nobody(&root, &none);
    }
    let mut webhooks = BTreeMap::new();
    for item in root.required(&WEBHOOK)?.list("webhooks", MAX_WEBHOOKS)? {
        let table = item.table(&[NAME, URL, SECRET, EVENTS])?;
        let (name, receiver) = (table.required(&NAME)?, read(&table)?);
        let id: WebhookId = named(&name, &NAME)?;
        if webhooks.insert(id, receiver).is_some() {
            let problem = format!("two webhooks are called `{}`", plain(name.text()?));
            return Err(name.error(problem, "Give each a name of its own".to_owned()));
        }
    }
    Ok(webhooks)
}

/// A document that says that nobody is told.
fn nobody(
    root: &Table<'_>,
    none: &Value<'_>,
) -> Result<BTreeMap<WebhookId, Receiver>, DocumentError> {
    if none.flag()? && root.optional(&WEBHOOK).is_none() {
        return Ok(BTreeMap::new());
    }
    Err(none.error(
        "nobody is to be told, and webhooks are declared all the same".to_owned(),
        "Leave `none` out, or write `none = true` and no [[webhook]]".to_owned(),
    ))
}

fn read(table: &Table<'_>) -> Result<Receiver, DocumentError> {
    let url = table.required(&URL)?;
    let read: Result<WebhookUrl, NotAUrl> = url.text()?.parse();
    let read = read.map_err(|why| {
        let problem = format!("`{}` {why}", plain(url.text().unwrap_or_default()));
        url.error(problem, format!("Write for example `{}`", URL.example))
    })?;
    let secret: SecretName = named(&table.required(&SECRET)?, &SECRET)?;
    let events = table.optional(&EVENTS).map_or_else(
        || Ok(BTreeSet::from(Happening::ALL)),
        |value| {
            let words = value.list("events", Happening::ALL.len())?;
            words.iter().map(|word| word.one_of(&WORDS)).collect()
        },
    )?;
    Ok(Receiver { url: read, secret, events })
}

/// A name. What somebody takes for one may be a secret, so it is not repeated.
fn named<T: FromStr<Err = NotAName>>(
    value: &Value<'_>,
    field: &'static Field,
) -> Result<T, DocumentError> {
    value.text()?.parse().map_err(|_| {
        value.error(
            "this is not a name: 1 to 63 lower-case letters, digits, `-` or `.`, first a letter or digit"
                .to_owned(),
            format!("Write for example `{}`", field.example),
        )
    })
}

/// The document that says `webhooks`: what [`parse`] reads as the same.
pub fn write(webhooks: &BTreeMap<WebhookId, Webhook>) -> String {
    if webhooks.is_empty() {
        return "none = true\n".to_owned();
    }
    let table = |(id, of): (&WebhookId, &Webhook)| {
        let Receiver { url, secret, events } = &of.receiver;
        let events: Vec<String> =
            events.iter().map(|event| format!("\"{}\"", event.word())).collect();
        let events = events.join(", ");
        format!(
            "[[webhook]]\nname = \"{id}\"\nurl = \"{}\"\nsecret = \"{secret}\"\nevents = [{events}]\n",
            quoted(&url.to_string())
        )
    };
    webhooks.iter().map(table).collect::<Vec<String>>().join("\n")
}

/// A URL between quotes: of what it may hold, two characters mean something there.
fn quoted(url: &str) -> String {
    url.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGER: &str =
        "[[webhook]]\nname = \"pager\"\nurl = \"http://127.0.0.1:9099/x\"\nsecret = \"pager\"\n";

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse("hooks.toml", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    fn written(text: &str) -> String {
        let declared = |(id, receiver)| (id, Webhook::new(receiver));
        write(&parse("hooks.toml", text).unwrap().into_iter().map(declared).collect())
    }

    #[test]
    fn what_is_declared_is_written_as_it_is_read() {
        let everything = written(PAGER);
        assert!(everything.contains(
            "events = [\"opened\", \"acknowledged\", \"noted\", \"widened\", \"resolved\"]"
        ));
        for text in [
            everything,
            "none = true\n".to_owned(),
            PAGER.replace("/x", "/x?a=\\\"b\\\"\\\\"),
            format!("{PAGER}events = [\"opened\"]\n{}", PAGER.replace("\"pager", "\"chat")),
        ] {
            assert_eq!(written(&written(&text)), written(&text));
            assert_eq!(parse("a", &written(&text)), parse("b", &text));
        }
    }

    #[test]
    fn a_document_that_is_wrong_is_refused_for_the_first_thing_that_is() {
        refused("", "webhook: this key is missing");
        refused("webhook = []", "there are 0 webhooks");
        refused(&format!("none = true\n{PAGER}"), "webhooks are declared all the same");
        refused("none = false", "webhooks are declared all the same");
        refused(&PAGER.replace("name = \"pager\"\n", ""), "name: this key is missing");
        refused(&PAGER.replace("\"pager\"", "\"Pager!\""), "this is not a name");
        refused(&format!("{PAGER}{PAGER}"), "two webhooks are called `pager`");
        refused(&PAGER.replace("http", "ftp"), "does not begin with http://");
        refused(&PAGER.replace("http", "https"), "controllers do not speak yet");
        refused(&format!("{PAGER}events = []"), "there are 0 events");
        refused(&format!("{PAGER}events = [\"tested\"]"), "`tested` means nothing here");
        refused(&format!("{PAGER}token = \"x\""), "there is no such key here");
        let many: String =
            (0..=MAX_WEBHOOKS).map(|n| PAGER.replace("\"pager", &format!("\"p{n}"))).collect();
        refused(&many, "there are 11 webhooks");
        refused(&"#".repeat(MAX_DOCUMENT_BYTES + 1), "the document has 65537 bytes");
    }

    #[test]
    fn a_secret_in_the_place_of_its_name_is_not_repeated() {
        let text = PAGER.replace("secret = \"pager\"", "secret = \"whsec_MfKQ9r8GKYqrTwjU\"");
        let error = parse("hooks.toml", &text).unwrap_err().to_string();
        assert!(error.contains("this is not a name"), "{error}");
        assert!(!error.contains("whsec_"), "{error}");
    }
}
