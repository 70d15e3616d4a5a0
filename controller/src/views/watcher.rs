//! What is a watcher told next? Everything behind its position: the last state of each thing, and every
//! record; or, where it stayed away for too long, that it should come again.

use std::time::Duration;

use prost::Message as _;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::watch_response::Body;

use super::board::{Board, Since};
use super::filter::Filter;
use super::token::Token;
use crate::api::error::WatchError;

/// Most records that a watcher may be behind, and most in one message.
pub(super) const MAX_BEHIND: usize = 1_000;
/// Most bytes of records that it may be behind, and most in one message.
const MAX_BEHIND_BYTES: usize = 1024 * 1024;

/// One stream's position on the board.
#[derive(Debug)]
pub struct Watcher {
    filter: Filter,
    position: Position,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    /// Nothing was told.
    Start,
    /// Another stream was told so much: what has piled up since then comes in pieces.
    Behind(Token),
    /// Everything was told up to this log index and step.
    At { revision: u64, step: u64 },
}

/// What a watcher is told next.
#[derive(Debug)]
pub enum Next {
    /// It knows everything.
    Nothing,
    /// This.
    Message(Box<pb::WatchResponse>),
    /// It is too far behind, and the stream ends.
    TooSlow(WatchError),
}

/// Records that fit a message, and whether they are all.
struct Piece {
    records: Vec<pb::DecisionRecord>,
    /// The log index up to which records are in it; `None`: up to the board's.
    through: Option<u64>,
}

impl Watcher {
    pub(super) const fn new(filter: Filter) -> Self {
        Self { filter, position: Position::Start }
    }

    pub(super) const fn resumed(filter: Filter, token: Token) -> Self {
        Self { filter, position: Position::Behind(token) }
    }

    /// What comes next, and the position behind it.
    pub(super) fn next(&mut self, board: &Board, now: Duration) -> Next {
        match self.position {
            Position::Start => {
                let snapshot = board.overview(&self.filter, now);
                self.move_on(board);
                self.message(board, now, Body::Snapshot(snapshot))
            }
            Position::Behind(token) => self.catch_up(board, now, token),
            Position::At { revision, step } => {
                let piece = self.piece(board, revision);
                if piece.through.is_some() {
                    return Next::TooSlow(WatchError::TooSlow { token: self.token(board).write() });
                }
                self.tell_rest(board, now, (piece, Since::Step(step)))
            }
        }
    }

    /// A sign of life.
    pub(super) fn bookmark(&self, board: &Board, now: Duration) -> pb::WatchResponse {
        self.response(board, now, Body::Bookmark(pb::Bookmark {}))
    }

    /// Records in pieces; with the last one everything else. The token of a piece says that the other things
    /// were not told yet.
    fn catch_up(&mut self, board: &Board, now: Duration, token: Token) -> Next {
        if token.records < board.trail.floor() {
            let oldest = board.trail.floor();
            return Next::TooSlow(WatchError::Compacted { asked: token.records, oldest });
        }
        let piece = self.piece(board, token.records);
        let Some(records) = piece.through else {
            return self.tell_rest(board, now, (piece, Since::Revision(token.things)));
        };
        self.position = Position::Behind(token.through(records));
        let changes = pb::Changes { records: piece.records, ..pb::Changes::default() };
        self.message(board, now, Body::Changes(changes))
    }

    fn tell_rest(&mut self, board: &Board, now: Duration, (piece, since): (Piece, Since)) -> Next {
        let changes = pb::Changes { records: piece.records, ..board.changes(&self.filter, since) };
        self.move_on(board);
        if changes == pb::Changes::default() {
            return Next::Nothing;
        }
        self.message(board, now, Body::Changes(changes))
    }

    /// The records behind a log index, as many as a message holds. Those of one index stay together.
    fn piece(&self, board: &Board, after: u64) -> Piece {
        let (mut records, mut bytes): (Vec<pb::DecisionRecord>, usize) = (Vec::new(), 0);
        for record in board.records(&self.filter, after) {
            bytes += record.encoded_len();
            let full = records.len() >= MAX_BEHIND || bytes > MAX_BEHIND_BYTES;
            match records.last() {
                Some(last) if full && last.log_index < record.log_index => {
                    let through = Some(last.log_index);
                    return Piece { records, through };
                }
                Some(_) | None => records.push((**record).clone()),
            }
        }
        Piece { records, through: None }
    }

    const fn move_on(&mut self, board: &Board) {
        self.position = Position::At { revision: board.revision(), step: board.step() };
    }

    fn message(&self, board: &Board, now: Duration, body: Body) -> Next {
        Next::Message(Box::new(self.response(board, now, body)))
    }

    fn response(&self, board: &Board, now: Duration, body: Body) -> pb::WatchResponse {
        let token = self.token(board);
        pb::WatchResponse {
            revision: token.records,
            resume_token: token.write(),
            leaderless_ms: board.leaderless_ms(now),
            clocks: Some(board.clocks()),
            body: Some(body),
        }
    }

    /// Where the stream goes on from here.
    fn token(&self, board: &Board) -> Token {
        let told = match self.position {
            Position::Start => (0, 0),
            Position::Behind(token) => (token.records, token.things),
            Position::At { revision, .. } => (revision, revision),
        };
        Token::new(board.origin(), self.filter.hash(), told)
    }
}
