//! Does the agent do what its life cycle says? Scripts in, transcripts out.
//!
//! A line of a script is a time in milliseconds and a word; see [`bench::Bench::play`].

mod bench;
mod words;

mod asking;
mod coverage;
mod history;
mod later;
mod offers;
mod reports;
mod restarts;
mod reverting;
#[cfg(feature = "sabotage")]
mod sabotage;
mod soaking;
mod stalls;

use expect_test::Expect;

use crate::core::AgentConfig;

/// Nothing has happened since the start.
const START: &str = "";
/// The start is known, and the first beat is under way.
const STARTED: &str = "10 reports counted
    900 wake";
/// The artifact of grant 7 is verified, and the host asks to go since 1100 ms.
const ASKING: &str = "10 reports counted
    900 wake
    1000 sync offer 7
    1100 fetched";
/// The module of grant 7 is in.
const INSERTED: &str = "10 reports counted
    900 wake
    1000 sync offer 7
    1100 fetched
    1200 go
    1300 driver says inserted";
/// Grant 7 soaks since 1700 ms.
const SOAKING: &str = "10 reports counted
    900 wake
    1000 sync offer 7
    1100 fetched
    1200 go
    1300 driver says inserted
    1700 driver says done";

/// Plays `given` and `script`, and compares the transcript of the script.
fn check(given: &str, script: &str, expected: &Expect) {
    check_with(AgentConfig::default(), given, script, expected);
}

fn check_with(config: AgentConfig, given: &str, script: &str, expected: &Expect) {
    let mut bench = bench::Bench::new(config);
    for line in lines(given) {
        bench.play(line);
    }
    if !given.is_empty() {
        bench.forget_transcript();
    }
    for line in lines(script) {
        bench.play(line);
    }
    expected.assert_eq(&bench.transcript());
}

fn lines(script: &str) -> impl Iterator<Item = &str> {
    script.lines().map(str::trim).filter(|line| !line.is_empty())
}
