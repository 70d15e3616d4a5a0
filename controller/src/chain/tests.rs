//! Is every change to a chain of records found, and where it was made?

use super::file::{BadFile, Held, Row, Writer, time, verify};
use super::{Head, Link, Misfit, Walk, hex};

const RECORDS: u64 = 6;

/// A record behind `before`.
fn row(before: Head) -> Row {
    let sequence = before.sequence + 1;
    let judged = sequence.is_multiple_of(2).then_some([7; 32]);
    let link = Link {
        sequence,
        log_index: sequence * 10,
        elapsed_ms: sequence * 1_000,
        wall_ms: 1_793_697_000_000 + sequence,
        actor: "ada",
        event: "rollout.paused",
        subject: "rollouts/113.1",
        detail: "\"odd\"\n§",
        request_id: "1b4e28ba-2fa1-4d2e-883f-0016d3cca427",
        basis: judged.as_ref(),
        verdict: judged.as_ref(),
    };
    let judged_hex = judged.as_ref().map_or_else(String::new, |hash| hex(hash));
    Row {
        sequence,
        log_index: link.log_index,
        elapsed_ms: link.elapsed_ms,
        wall_ms: link.wall_ms,
        time: time(link.wall_ms),
        actor: link.actor.to_owned(),
        event: link.event.to_owned(),
        subject: link.subject.to_owned(),
        detail: link.detail.to_owned(),
        request_id: link.request_id.to_owned(),
        basis_hash: judged_hex.clone(),
        verdict_hash: judged_hex,
        hash: hex(&link.hash(&before.hash)),
    }
}

/// A file with [`RECORDS`] records behind `after`.
fn exported(after: Head) -> (Vec<u8>, Head) {
    let mut writer = Writer::begin(Vec::new(), after).unwrap();
    let mut walk = Walk::from(after, None);
    for _ in 0..RECORDS {
        let row = row(walk.at());
        writer.write(&row).unwrap();
        row.step(&mut walk).unwrap();
    }
    let (head, bytes) = writer.finish().unwrap();
    assert_eq!(head, walk.at());
    (bytes, head)
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The line of the first thing in a file that does not fit.
fn found(error: &BadFile) -> Option<u64> {
    match error {
        BadFile::Misfit { line, .. }
        | BadFile::Malformed { line, .. }
        | BadFile::OtherEnd { line, .. }
        | BadFile::TooLong { line } => Some(*line),
        BadFile::Unreadable(_) => None,
    }
}

#[test]
fn a_file_proves_itself_from_its_beginning_to_its_head() {
    let (bytes, head) = exported(Head::default());
    let held = verify(&*bytes, None).unwrap();
    assert_eq!(held, Held { after: Head::default(), head });
    assert_eq!(head.sequence, RECORDS);
    let (later, last) = exported(head);
    assert_eq!(verify(&*later, None).unwrap(), Held { after: head, head: last });
}

#[test]
fn a_byte_changed_anywhere_in_a_file_is_found_where_it_is() {
    let (bytes, _) = exported(Head::default());
    let mut line = 1;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let error = verify(&*changed, None).unwrap_err();
            // A record that still reads well can be told from its neighbour only by the chain between them.
            let said = found(&error).unwrap();
            assert!(said == line || said == line + 1, "byte {at} of line {line}: {error}");
        }
        line += u64::from(bytes[at] == b'\n');
    }
}

#[test]
fn a_changed_record_is_named_with_its_log_index() {
    let (bytes, _) = exported(Head::default());
    let text = String::from_utf8(bytes).unwrap();
    let third = text.lines().nth(3).unwrap();
    let changed = text.replace(third, &third.replace("ada", "eve"));
    let error = verify(changed.as_bytes(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: record 3 (log index 30) is not what was chained: it, or the record before it, was changed"
    );
}

#[test]
fn a_removed_record_two_swapped_ones_and_one_told_twice_are_found() {
    let (bytes, _) = exported(Head::default());
    let lines = lines(&bytes);
    for at in 1..=usize::try_from(RECORDS).unwrap() {
        let mut without = lines.clone();
        without.remove(at);
        let error = verify(&*without.concat(), None).unwrap_err();
        assert_eq!(found(&error), Some(at as u64 + 1), "without line {}: {error}", at + 1);
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        let error = verify(&*twice.concat(), None).unwrap_err();
        assert_eq!(found(&error), Some(at as u64 + 2), "{error}");
    }
    for at in 1..usize::try_from(RECORDS).unwrap() {
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        let error = verify(&*swapped.concat(), None).unwrap_err();
        let sequence = at as u64;
        let BadFile::Misfit { line, misfit: Misfit::OutOfOrder { expected, found, .. } } = error
        else {
            panic!("{error}")
        };
        assert_eq!((line, expected, found), (sequence + 1, sequence, sequence + 1));
    }
}

#[test]
fn a_file_that_was_cut_off_or_goes_on_is_found() {
    let (bytes, _) = exported(Head::default());
    for length in 0..bytes.len() {
        assert!(verify(&bytes[..length], None).is_err(), "the first {length} bytes");
    }
    let longer = [&*bytes, b"\n"].concat();
    assert_eq!(found(&verify(&*longer, None).unwrap_err()), Some(RECORDS + 3));
}

#[test]
fn a_history_that_was_written_anew_is_found_by_a_head_that_was_kept() {
    let (bytes, head) = exported(Head::default());
    let other = exported(Head { sequence: 0, hash: [9; 32] }).1;
    assert!(verify(&*bytes, Some(head)).is_ok());
    let error = verify(&*bytes, Some(other)).unwrap_err();
    assert!(
        matches!(error, BadFile::Misfit { misfit: Misfit::Rewritten { sequence: 6, .. }, .. }),
        "{error}"
    );
    let begins = Head { sequence: 0, hash: [9; 32] };
    assert_eq!(found(&verify(&*bytes, Some(begins)).unwrap_err()), Some(1));
}

#[test]
fn a_head_reads_as_it_is_written_and_nothing_else_does() {
    let head = Head { sequence: 12, hash: [0xa5; 32] };
    assert_eq!(head.to_string().parse(), Ok(head));
    let upper = head.to_string().to_uppercase();
    for text in ["", "12", "12:", "x:a5", &format!("{head}0"), &upper] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}
