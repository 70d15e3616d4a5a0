//! What does the machine claim, and does it hold? Scripts in, transcripts out.
//!
//! [`check`] runs a script, one command a line, and compares what each was answered and did. After
//! every command of every test the [`watch::Watch`] looks for broken invariants, and at the end the
//! log is replayed.

mod begins;
mod blocks;
mod books;
mod calendar;
mod calendar_words;
mod census;
mod cluster_books;
mod cluster_words;
mod coverage;
mod crashes;
mod enrolment;
mod etags;
mod evictions;
mod golden;
mod halts;
mod host_words;
mod incidents;
mod limits;
mod measure;
mod members;
mod offers;
mod open_fixes;
mod outlooks;
mod overdue;
mod people;
mod plan;
mod policy;
mod promotion;
mod proven;
mod quarantines;
mod random;
mod records;
mod reports;
mod requests;
mod restores;
mod resumes;
mod rollbacks;
mod script;
mod show;
mod silence;
mod slices;
mod token_words;
mod tokens;
mod trial_books;
mod trials;
mod versions;
mod vouches;
mod wall;
mod watch;
mod webhooks;
mod world;

use expect_test::Expect;

/// Runs `script` on a new machine and compares the transcript of the lines after `---`.
///
/// The lines before it run under the same watch, unshown. See [`script`] for the words.
#[track_caller]
fn check(script: &str, expected: &Expect) {
    let mut world = world::World::new();
    let transcript = script::run(&mut world, script);
    world.finish();
    expected.assert_eq(&transcript);
}
