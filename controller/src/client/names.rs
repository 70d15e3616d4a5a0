//! What does a name on the command line stand for? With or without its collection, it becomes the
//! full resource name: `113.1` is `rollouts/113.1`. Dates and lengths of time are read here, too.

use chrono::DateTime;
use prost_types::Timestamp;

/// Reads a rollout's name.
pub(crate) fn rollout(text: &str) -> Result<String, String> {
    full_name("rollouts", text)
}

/// Reads a patch set's name.
pub(crate) fn patch_set(text: &str) -> Result<String, String> {
    full_name("patchSets", text)
}

/// Reads an incident's name.
pub(crate) fn incident(text: &str) -> Result<String, String> {
    full_name("incidents", text)
}

/// Reads a host's name.
pub(crate) fn host(text: &str) -> Result<String, String> {
    full_name("hosts", text)
}

/// Reads a tier's name.
pub(crate) fn tier(text: &str) -> Result<String, String> {
    full_name("tiers", text)
}

/// Reads what a block names.
pub(crate) fn block(text: &str) -> Result<String, String> {
    full_name("blocks", text)
}

/// Reads a freeze's name.
pub(crate) fn freeze(text: &str) -> Result<String, String> {
    full_name("freezes", text)
}

/// Reads a proposal's name.
pub(crate) fn proposal(text: &str) -> Result<String, String> {
    full_name("proposals", text)
}

/// Reads a webhook's name.
pub(crate) fn webhook(text: &str) -> Result<String, String> {
    full_name("webhooks", text)
}

/// Reads a token's name.
pub(crate) fn token(text: &str) -> Result<String, String> {
    full_name("tokens", text)
}

/// Reads an id: a name without its collection.
pub(crate) fn id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && text.len() <= 63 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("an id is 1 to 63 lower-case letters, digits, `-` and `.`, a letter or digit first"
        .to_owned())
}

/// Reads where a controller listens.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let port = port.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0);
    let printable = text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic());
    port.filter(|_| printable)
        .map(|_| text.to_owned())
        .ok_or_else(|| "write `host:port`, e.g. `127.0.0.1:7444`".to_owned())
}

/// Reads a date with a time and an offset from UTC.
pub(crate) fn date(text: &str) -> Result<Timestamp, String> {
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| {
        "write a date with a time and an offset, such as `2026-12-01T06:00:00Z`".to_owned()
    })?;
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0);
    Ok(Timestamp { seconds: at.timestamp(), nanos })
}

/// Reads a length of time, such as `7d` or `1h30m`, in milliseconds.
pub(crate) fn span(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no length of time: write one such as `7d`, `36h` or `1h30m`");
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let millis = match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// The id in a resource name: what follows the collection.
pub(crate) fn id_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, id)| id)
}

fn full_name(collection: &str, text: &str) -> Result<String, String> {
    let id = match text.split_once('/') {
        Some((prefix, id)) if prefix == collection => id,
        Some(_) => return Err(format!("write `{collection}/NAME` or just the name")),
        None => text,
    };
    let printable = id.chars().all(|c| c.is_ascii_graphic() && c != '/');
    if id.is_empty() || !printable {
        return Err(format!("`{text}` is no name of `{collection}/`"));
    }
    Ok(format!("{collection}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_units() {
        assert_eq!(span("1h30m"), Ok(5_400_000));
        assert_eq!(span("0s"), Ok(0));
        for text in ["", "7", "d", "1y", "99999999999999w", "1h-3m", "1.5h"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_has_a_time_and_an_offset() {
        let at = Timestamp { seconds: 1_797_721_200, nanos: 0 };
        assert_eq!(date("2026-12-20T00:00:00+01:00"), Ok(at));
        assert!(date("2026-12-20").is_err() && date("tomorrow").is_err());
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for text in ["127.0.0.1:7444", "[::1]:7444", "n4:1"] {
            assert_eq!(address(text), Ok(text.to_owned()));
        }
        for text in ["", "n4", ":7444", "n4:", "n4:0", "n4:65536", "n4:port", "n 4:7444"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_collection_may_be_left_out() {
        assert_eq!(rollout("113.1"), Ok("rollouts/113.1".to_owned()));
        assert_eq!(rollout("rollouts/113.1"), Ok("rollouts/113.1".to_owned()));
        assert_eq!(patch_set("113.1"), Ok("patchSets/113.1".to_owned()));
        assert_eq!(host("hosts/a1"), Ok("hosts/a1".to_owned()));
        assert_eq!(tier("free"), Ok("tiers/free".to_owned()));
        assert_eq!(token("tokens/free"), Ok("tokens/free".to_owned()));
    }

    #[test]
    fn a_name_of_another_collection_is_refused() {
        for text in ["hosts/a1", "rollouts/", "", "rollouts/a/b", "a b", "a\n"] {
            assert!(rollout(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_id_keeps_to_the_wires_alphabet() {
        assert_eq!(id("free-2.eu"), Ok("free-2.eu".to_owned()));
        assert!(id(&"a".repeat(63)).is_ok());
        for text in ["", "-a", "A", "a/b", "a_b", &"a".repeat(64)] {
            assert!(id(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_id_is_what_follows_the_collection() {
        assert_eq!(id_of("rollouts/113.1"), "113.1");
        assert_eq!(id_of("113.1"), "113.1");
    }
}
