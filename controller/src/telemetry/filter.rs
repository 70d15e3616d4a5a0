//! What does a log filter mean? Levels, for everything and by module.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Why a text is no log filter.
#[derive(Debug, thiserror::Error)]
pub enum NotAFilter {
    /// A word alone that is no level. The library would take it for a module's name and log
    /// nothing else, which is never what `inof` was meant to say.
    #[error("`{}` is not one of the levels error, warn, info, debug, trace, off", word.escape_debug())]
    NotALevel {
        /// The word.
        word: String,
    },
    /// Not in the form of a filter.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

/// Reads a filter such as `info,tidegate_controller::node=debug`.
pub(crate) fn parse_filter(text: &str) -> Result<EnvFilter, NotAFilter> {
    let of_spans = text.contains('[');
    let mut words = text.split(',').map(str::trim);
    if let Some(word) = words.find(|word| !word.contains('=') && !of_spans && !is_level(word)) {
        return Err(NotAFilter::NotALevel { word: word.to_owned() });
    }
    Ok(EnvFilter::builder().parse(text)?)
}

/// To the library a number is a level too, and so is nothing; nobody reads `3` as `info`.
fn is_level(word: &str) -> bool {
    let spelt = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    spelt && word.parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_and_levels_by_module() {
        for good in
            ["info", "OFF", "warn,sled=debug", "a::b=trace, error", "info,[span{id=1}]=debug"]
        {
            assert!(parse_filter(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_no_filter() {
        for bad in ["", "inof", "3", "info,sled", "info,,warn"] {
            let refused = parse_filter(bad);
            assert!(matches!(refused, Err(NotAFilter::NotALevel { .. })), "{bad:?}: {refused:?}");
        }
        let refused = parse_filter("sled=loud");
        assert!(matches!(refused, Err(NotAFilter::Malformed(_))), "{refused:?}");
    }
}
