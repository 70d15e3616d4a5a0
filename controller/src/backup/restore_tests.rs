//! Is what a restore makes a folder that a controller can start from, and another cluster?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::backup::{Header, Writer};
use crate::journal::Recovered;
use crate::machine::{Bootstrap, Command, Position};

const OLD_ID: [u8; 16] = [1; 16];

/// The backup of a young cluster, whose last entry is the first one.
fn backup(dir: &Path, index: u64) -> Backup {
    let members = (1..=3).map(|node| (NodeId(node), format!("127.0.0.1:744{node}"))).collect();
    let (cluster, id) = ("c".to_owned(), OLD_ID);
    let bootstrap = Bootstrap { cluster, id, members, ladder: Vec::new() };
    let mut machine = Machine::new();
    machine.apply(Position { index: 1, term: 1 }, &Command::Bootstrap(bootstrap));
    let frozen = machine.freeze();
    let pieces: BTreeMap<_, _> = frozen.pieces().collect();
    let header = Header {
        cluster: "c".to_owned(),
        id: OLD_ID,
        generation: 1,
        version: machine.version(),
        index,
        pieces: u64::try_from(pieces.len()).unwrap(),
        artifacts: 0,
        written_by: String::new(),
    };
    let mut writer = Writer::begin(Vec::new(), &header, frozen.root()).unwrap();
    for piece in pieces.values() {
        writer.piece(piece).unwrap();
    }
    let path = dir.join("c.backup");
    fs::write(&path, writer.end().unwrap()).unwrap();
    Backup::open(&path).unwrap()
}

fn new(dir: &Path) -> NewCluster {
    NewCluster {
        data_dir: dir.join("data"),
        node: 5,
        address: "127.0.0.1:7445".to_owned(),
        now_seconds: 1_800_000_000,
    }
}

fn opened(dir: &Path) -> (DiskJournal, Recovered) {
    let identity = Identity { cluster: "c".to_owned(), node_id: 5 };
    let config = JournalConfig::new(identity, [9; 16], named_by);
    DiskJournal::open(&dir.join("data/journal"), &config).unwrap()
}

#[test]
fn a_restored_folder_holds_another_cluster_of_one_voter_far_on_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let restored = restore(&backup(dir.path(), 1), &new(dir.path())).unwrap();
    let (journal, recovered) = opened(dir.path());
    let checkpoint = recovered.checkpoint.unwrap();
    assert_eq!((checkpoint.index, checkpoint.term), (1 + INDEX_JUMP, TERM));
    assert_eq!(checkpoint.conf_state.voters, [5]);
    assert_eq!(recovered.hard_state.commit, 1 + INDEX_JUMP);
    assert_eq!(recovered.entries, []);
    let mut piece = |hash: &PieceHash| journal.piece(hash).unwrap();
    let machine = Machine::thaw(&checkpoint.root, &mut piece).unwrap();
    let cluster = machine.cluster().unwrap();
    assert_ne!(cluster.id, OLD_ID);
    assert_eq!((cluster.id, cluster.generation), (restored.id, 1_800_000_000));
    assert_eq!(cluster.members.keys().collect::<Vec<_>>(), [&NodeId(5)]);
    assert_eq!(cluster.removed, (1..=3).map(NodeId).collect::<BTreeSet<_>>());
}

#[test]
fn nothing_is_restored_over_what_a_folder_holds_and_an_empty_one_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let (backup, new) = (backup(dir.path(), 1), new(dir.path()));
    fs::create_dir(&new.data_dir).unwrap();
    fs::write(new.data_dir.join("a"), "b").unwrap();
    let refused = restore(&backup, &new).unwrap_err();
    assert!(matches!(&refused, BackupError::NotEmpty { holds, .. } if holds == "a"), "{refused}");
    assert_eq!(fs::read_dir(&new.data_dir).unwrap().count(), 1);
    fs::remove_file(new.data_dir.join("a")).unwrap();
    restore(&backup, &new).unwrap();
}

/// A mount cannot be replaced by another folder: the one that is there has to be kept.
#[test]
fn a_folder_that_is_there_is_kept_and_holds_what_a_controller_needs_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (backup, new) = (backup(dir.path(), 1), new(dir.path()));
    fs::create_dir_all(new.data_dir.join("lost+found")).unwrap();
    let kept = fs::metadata(&new.data_dir).unwrap().ino();
    restore(&backup, &new).unwrap();
    assert_eq!(fs::metadata(&new.data_dir).unwrap().ino(), kept);
    let names = fs::read_dir(&new.data_dir).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        ["artifacts", "journal", "lost+found"].map(Into::into).into()
    );
    assert_eq!(opened(dir.path()).1.hard_state.commit, 1 + INDEX_JUMP);
}

#[test]
fn a_header_that_names_another_index_than_its_state_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = restore(&backup(dir.path(), 2), &new(dir.path()));
    assert!(matches!(refused, Err(BackupError::NoState { .. })));
    assert!(!dir.path().join("data").exists());
}

#[test]
fn an_address_without_a_port_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["", "127.0.0.1", ":7443", "127.0.0.1:0", "127.0.0.1:x"] {
        let new = NewCluster { address: address.to_owned(), ..new(dir.path()) };
        let refused = restore(&backup(dir.path(), 1), &new);
        assert!(matches!(refused, Err(BackupError::Refused(_))), "{address}");
    }
}
