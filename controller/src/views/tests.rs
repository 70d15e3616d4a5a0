//! Is every record told once, in order, and of each thing the last state, whichever board is read, and however
//! often a stream breaks off?

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::watch_response::Body;

use super::board::Board;
use super::drawn::{Changed, Drawn};
use super::filter::Filter;
use super::token::{Origin, Token};
use super::watcher::{MAX_BEHIND, Next, Watcher};
use crate::api::error::WatchError;

const ORIGIN: Origin = Origin { cluster: [1; 16], generation: 1 };

/// An entry of a log: which rollout it changes, and how many records it leaves on it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    rollout: u64,
    records: u64,
}

fn name(rollout: u64) -> String {
    format!("rollouts/{rollout}")
}

/// A node: how far it has applied a log, and its board.
struct Node<'a> {
    log: &'a [Entry],
    seen: u64,
    board: Board,
}

impl<'a> Node<'a> {
    fn new(log: &'a [Entry]) -> Self {
        let mut node = Self { log, seen: 0, board: Board::default() };
        node.look(0);
        node
    }

    /// A look when the entries up to `index` are applied.
    fn look(&mut self, index: u64) {
        let first = usize::try_from(self.seen).unwrap();
        let upto = usize::try_from(index.max(self.seen)).unwrap().min(self.log.len());
        let mut touched = BTreeMap::new();
        let before: u64 = self.log[..first].iter().map(|entry| entry.records).sum();
        let (mut sequence, mut records) = (before, Vec::new());
        for (at, entry) in self.log.iter().enumerate().take(upto).skip(first) {
            let index = at as u64 + 1;
            touched.insert(entry.rollout, index);
            for _ in 0..entry.records {
                sequence += 1;
                let subject = name(entry.rollout);
                let of = pb::DecisionRecord {
                    sequence,
                    log_index: index,
                    subject,
                    ..Default::default()
                };
                records.push(of);
            }
        }
        self.seen = upto as u64;
        let view =
            |(rollout, at): (u64, u64)| Changed { thing: view(rollout, at), at, order: rollout };
        let drawn = Drawn {
            revision: self.seen,
            origin: ORIGIN,
            rollouts: touched.into_iter().map(view).collect(),
            cluster: pb::ClusterStatus { leader_id: 1, ..Default::default() },
            records,
            ..Drawn::default()
        };
        self.board.put(drawn, Duration::ZERO);
    }
}

/// A rollout that entry `at` has changed last.
fn view(rollout: u64, at: u64) -> pb::RolloutView {
    let rollout = pb::Rollout { name: name(rollout), revision: at, ..Default::default() };
    pb::RolloutView { rollout: Some(rollout), ..Default::default() }
}

/// What a client has been told.
#[derive(Debug, Default, PartialEq)]
struct Client {
    token: String,
    revision: u64,
    records: Vec<u64>,
    rollouts: BTreeMap<String, u64>,
}

impl Client {
    fn take(&mut self, message: pb::WatchResponse) {
        assert!(message.revision >= self.revision, "a stream goes back");
        (self.revision, self.token) = (message.revision, message.resume_token);
        let (rollouts, records) = match message.body.unwrap() {
            Body::Snapshot(overview) => (overview.rollouts, overview.recent_records),
            Body::Changes(changes) => (changes.rollouts, changes.records),
            Body::Bookmark(_) => (Vec::new(), Vec::new()),
        };
        self.records.extend(records.iter().map(|record| record.sequence));
        for rollout in rollouts.into_iter().filter_map(|view| view.rollout) {
            let before = self.rollouts.insert(rollout.name, rollout.revision);
            assert!(before.is_none_or(|before| before <= rollout.revision), "an older state");
        }
    }

    /// Takes all that a board has for the watcher; answers how many messages.
    fn read(&mut self, watcher: &mut Watcher, board: &Board) -> Result<usize, WatchError> {
        let mut messages = 0;
        loop {
            match watcher.next(board, Duration::ZERO) {
                Next::Nothing => return Ok(messages),
                Next::Message(message) => self.take(*message),
                Next::TooSlow(error) => return Err(error),
            }
            messages += 1;
            assert!(messages < 10, "a board that stands still has ever more to tell");
        }
    }

    fn resume(&self, board: &Board) -> Result<Watcher, WatchError> {
        let (filter, token) = (Filter::default(), Token::parse(&self.token)?);
        board.accepts(&token, &filter)?;
        Ok(Watcher::resumed(filter, token))
    }
}

/// Entries that each leave one record on one rollout.
fn plain(entries: usize) -> Vec<Entry> {
    vec![Entry { rollout: 1, records: 1 }; entries]
}

proptest! {
    #[test]
    fn who_comes_again_at_any_node_misses_nothing_and_sees_no_record_twice(
        log in prop::collection::vec((0..4_u64, 0..4_u64), 1..60),
        looks in prop::collection::vec((0..2_usize, 1..60_u64, any::<bool>()), 1..40),
    ) {
        let log: Vec<Entry> =
            log.into_iter().map(|(rollout, records)| Entry { rollout, records }).collect();
        let mut nodes = [Node::new(&log), Node::new(&log)];
        let mut client = Client::default();
        let mut at = 0;
        let mut watcher = Watcher::new(Filter::default());
        client.read(&mut watcher, &nodes[0].board).unwrap();
        for (node, ahead, breaks) in looks {
            let reached = nodes[node].seen + ahead % 7;
            nodes[node].look(reached);
            if breaks || node != at {
                // A node answers a token that it has come as far as.
                at = node;
                nodes[at].look(client.revision);
                watcher = client.resume(&nodes[at].board).unwrap();
            }
            client.read(&mut watcher, &nodes[at].board).unwrap();
            prop_assert_eq!(client.revision, nodes[at].seen);
        }
        let end = log.len() as u64;
        nodes[at].look(end);
        client.read(&mut watcher, &nodes[at].board).unwrap();
        let all: u64 = log.iter().map(|entry| entry.records).sum();
        prop_assert_eq!(&client.records, &(1..=all).collect::<Vec<_>>());
        for (index, entry) in log.iter().enumerate() {
            prop_assert!(client.rollouts[&name(entry.rollout)] > index as u64);
        }
    }
}

#[test]
fn a_thing_that_changes_often_between_two_looks_is_told_once_as_it_is_last() {
    let log = plain(500);
    let mut node = Node::new(&log);
    node.look(1);
    let (mut client, mut watcher) = (Client::default(), Watcher::new(Filter::default()));
    assert_eq!(client.read(&mut watcher, &node.board), Ok(1));
    node.look(500);
    assert_eq!(client.read(&mut watcher, &node.board), Ok(1));
    assert_eq!((client.rollouts["rollouts/1"], client.records.len()), (500, 500));
    // A look that changes nothing says nothing.
    node.look(500);
    assert_eq!(client.read(&mut watcher, &node.board), Ok(0));
}

#[test]
fn a_reader_may_be_so_many_records_behind_and_one_more_ends_its_stream_with_a_token() {
    let log = plain(2 * MAX_BEHIND + 2);
    let mut node = Node::new(&log);
    node.look(1);
    let (mut client, mut watcher) = (Client::default(), Watcher::new(Filter::default()));
    client.read(&mut watcher, &node.board).unwrap();
    node.look(1 + MAX_BEHIND as u64);
    assert_eq!(client.read(&mut watcher, &node.board), Ok(1));
    node.look(2 + 2 * MAX_BEHIND as u64);
    let ended = client.read(&mut watcher, &node.board).unwrap_err();
    let WatchError::TooSlow { token } = ended else { panic!("{ended}") };
    // The token is that of the last message, and with it all comes, in two pieces.
    assert_eq!(token, client.token);
    let mut watcher = client.resume(&node.board).unwrap();
    assert_eq!(client.read(&mut watcher, &node.board), Ok(2));
    let all: Vec<u64> = (1..=log.len() as u64).collect();
    assert_eq!(client.records, all);
}

#[test]
fn a_stream_that_breaks_off_between_two_pieces_goes_on_with_all_that_is_missing() {
    let mut log = plain(MAX_BEHIND + 500);
    // A rollout that moves early, and never again: only the token of a piece knows that it was not told.
    log[1].rollout = 2;
    let mut node = Node::new(&log);
    node.look(1);
    let mut client = Client::default();
    client.read(&mut Watcher::new(Filter::default()), &node.board).unwrap();
    node.look(log.len() as u64);
    let mut resumed = client.resume(&node.board).unwrap();
    let Next::Message(piece) = resumed.next(&node.board, Duration::ZERO) else {
        panic!("there is a piece")
    };
    client.take(*piece);
    assert_eq!((client.records.len(), client.rollouts.len()), (1 + MAX_BEHIND, 1));
    let mut watcher = client.resume(&node.board).unwrap();
    client.read(&mut watcher, &node.board).unwrap();
    assert_eq!(client.records.len(), log.len());
    let states = [(name(1), log.len() as u64), (name(2), 2)];
    assert_eq!(client.rollouts, BTreeMap::from(states));
}

#[test]
fn a_token_is_good_at_the_oldest_kept_index_and_too_old_one_before() {
    let log = plain(10);
    let mut node = Node::new(&log);
    (node.board.trail.limits.many, node.board.trail.limits.long) = (3, Duration::from_secs(600));
    node.look(5);
    // Old enough to go, all but the newest three.
    node.board.trail.add(Vec::new(), Duration::from_secs(601));
    let floor = node.board.trail.floor();
    assert_eq!(floor, 2);
    let filter = Filter::default();
    let at = |records: u64| Token::new(ORIGIN, filter.hash(), (records, records));
    assert_eq!(node.board.accepts(&at(2), &filter), Ok(()));
    let refused = node.board.accepts(&at(1), &filter);
    assert_eq!(refused, Err(WatchError::Compacted { asked: 1, oldest: 2 }));
}

#[test]
fn a_token_is_of_one_stream_of_one_life_of_one_cluster() {
    let log = plain(3);
    let mut node = Node::new(&log);
    node.look(3);
    let one = Filter::of(Some(&"1".parse().unwrap()));
    let (all, records) = (Filter::default(), one.clone().records_only());
    for (a, b) in [(&all, &one), (&one, &records), (&all, &all.clone().records_only())] {
        let token = Token::new(ORIGIN, a.hash(), (1, 1));
        assert_eq!(node.board.accepts(&token, b), Err(WatchError::OtherFilter), "{a:?} {b:?}");
    }
    let restored = Token::new(Origin { generation: 2, ..ORIGIN }, all.hash(), (3, 3));
    assert!(matches!(node.board.accepts(&restored, &all), Err(WatchError::Compacted { .. })));
}

#[test]
fn a_filter_shows_one_rollout_with_its_records_or_records_alone() {
    let log = [Entry { rollout: 1, records: 1 }, Entry { rollout: 2, records: 2 }];
    let mut node = Node::new(&log);
    let one = Filter::of(Some(&"2".parse().unwrap()));
    let shown = |filter: &Filter, board: &Board| {
        let mut client = Client { token: String::new(), ..Client::default() };
        client.read(&mut Watcher::new(filter.clone()), board).unwrap();
        (client.records, client.rollouts.into_keys().collect::<Vec<_>>())
    };
    node.look(2);
    assert_eq!(shown(&one, &node.board), (vec![2, 3], vec![name(2)]));
    assert_eq!(shown(&one.records_only(), &node.board), (vec![2, 3], Vec::new()));
    assert_eq!(shown(&Filter::default(), &node.board).1, [name(1), name(2)]);
}

#[test]
fn a_node_without_a_leader_says_for_how_long_it_has_known_none() {
    let mut board = Board::default();
    let status = |leader_id| pb::ClusterStatus { leader_id, ..Default::default() };
    let mut put = |leader, seconds| {
        let drawn = Drawn { cluster: status(leader), ..Drawn::default() };
        board.put(drawn, Duration::from_secs(seconds));
        board.leaderless_ms(Duration::from_secs(seconds + 4))
    };
    assert_eq!(put(1, 0), 0);
    assert_eq!(put(0, 10), 4_000);
    assert_eq!(put(0, 20), 14_000);
    assert_eq!(put(2, 30), 0);
}
