//! How does a record look on one line? Its number, when, who, what, on what, and why.

use tidegate_proto::v1;

use super::text::{or_dash, plain};
use super::time::rfc3339;
use crate::client::commands::audit::subject;

/// One record, for a pipe or a log.
pub(crate) fn line(record: &v1::DecisionRecord) -> String {
    let time = record.time.as_ref().and_then(rfc3339).unwrap_or_default();
    let v1::DecisionRecord { sequence, actor, event, detail, .. } = record;
    let said = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    let on = or_dash(subject(record));
    plain(&format!("{sequence} {time} {actor} {event} {on}{said}"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::client::clock;
    use crate::client::output::Show;
    use crate::client::output::sample;
    use crate::client::output::table::render;

    fn records() -> [v1::DecisionRecord; 2] {
        let operators = v1::DecisionRecord {
            actor: "ada".to_owned(),
            event: "token.created".to_owned(),
            subject: "tokens/free-1".to_owned(),
            detail: String::new(),
            request_id: "1b4e28ba-2fa1-4d2e-883f-0016d3cca427".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..sample::record(6)
        };
        let judges = v1::DecisionRecord {
            time: Some(prost_types::Timestamp { seconds: 60, nanos: 5_000_000 }),
            ..sample::record(7)
        };
        [judges, operators]
    }

    #[test]
    fn a_record_is_one_line_whatever_it_says() {
        let hostile = v1::DecisionRecord { detail: "x\n8 fine".to_owned(), ..records()[0].clone() };
        let lines: Vec<String> = records().iter().chain([&hostile]).map(line).collect();
        expect![[r#"
            7 1970-01-01T00:01:00.005Z judge rollout.halted 113.1: 4 of 120 crashed, 3 are the most
            6 1970-01-01T00:00:00Z ada token.created tokens/free-1
            7 1970-01-01T00:01:00.005Z judge rollout.halted 113.1: x 8 fine"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_list_shows_the_newest_first_and_with_wide_the_request_and_the_hash() {
        let wide = render(&records(), Show::Wide, true, clock::now());
        let ages = without_ages(&wide);
        expect![[r#"
            RECORD LOG WHEN ACTOR EVENT ON REQUEST HASH DETAIL
            7 4730 judge rollout.halted 113.1 - abababab 4 of 120 crashed, 3 are the most
            6 4730 ada token.created tokens/free-1 1b4e28ba-2fa1-4d2e-883f-0016d3cca427 abababab -"#]].assert_eq(&ages);
    }

    /// The table without how long ago each record was.
    fn without_ages(table: &str) -> String {
        let lines = table.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ago = words.iter().position(|word| *word == "ago");
            let kept = words.iter().enumerate();
            let kept = kept.filter(|(at, _)| ago.is_none_or(|ago| *at != ago && *at + 1 != ago));
            kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
