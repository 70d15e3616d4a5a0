//! What does a name on the command line stand for? With or without its collection, it becomes the
//! full resource name: `113.1` is `rollouts/113.1`.

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
