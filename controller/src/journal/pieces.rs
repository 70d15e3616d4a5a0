//! Which pieces are here, which of them does a checkpoint need, and which may go?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::store::{self, Store};
use super::{JournalFailed, MAX_PIECE_BYTES, NamedBy, PieceHash, Violation, record};

/// Most pieces that one call lets go of, so that a node does not stand still for them.
const LET_GO_PIECES: usize = 256;

/// The pieces in the store.
#[derive(Debug)]
pub(super) struct Pieces {
    named_by: NamedBy,
    /// Every piece in the store, and what it names.
    held: BTreeMap<PieceHash, Vec<PieceHash>>,
    /// What the newest checkpoint names.
    newest: BTreeSet<PieceHash>,
    /// What the checkpoint before it names.
    before: BTreeSet<PieceHash>,
    /// Stored since the newest checkpoint.
    fresh: BTreeSet<PieceHash>,
    /// Stored between the checkpoint before and the newest one, and named by neither.
    stale: BTreeSet<PieceHash>,
    /// Still here, and on their way out.
    garbage: BTreeSet<PieceHash>,
}

impl Pieces {
    /// Reads and checks every piece that a checkpoint names, and lets go of the others.
    pub(super) fn open(
        store: &Store,
        named_by: NamedBy,
        newest: Named<'_>,
        before: Named<'_>,
    ) -> Result<Self, Violation> {
        let mut found = BTreeMap::new();
        for pair in store.with_prefix(record::PIECE_PREFIX) {
            let (key, piece) = pair?;
            let hash = record::piece_hash(&key).ok_or_else(|| damaged(&key, "it has no hash"))?;
            // Only the damage of a piece that is needed counts.
            let named = store::check_piece(&key, &piece).ok().and_then(|_| named_by(&piece));
            found.insert(hash, named);
        }
        let mut pieces = Self::empty(named_by);
        pieces.newest = pieces.load(&found, newest)?;
        pieces.before = pieces.load(&found, before)?;
        found.retain(|hash, _| !pieces.held.contains_key(hash));
        let orphans: Vec<_> = found.into_keys().collect();
        for slice in orphans.chunks(LET_GO_PIECES) {
            remove(store, slice).map_err(Violation::Unwritable)?;
        }
        Ok(pieces)
    }

    fn empty(named_by: NamedBy) -> Self {
        let (held, newest, before) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (fresh, stale, garbage) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { named_by, held, newest, before, fresh, stale, garbage }
    }

    /// Takes everything below a checkpoint's root out of what was found.
    fn load(&mut self, found: &Found, named: Named<'_>) -> Result<BTreeSet<PieceHash>, Violation> {
        let Named { index, root } = named;
        let mut seen = BTreeSet::new();
        let no_root = || Violation::Damaged {
            record: format!("of the checkpoint of entry {index}"),
            what: "its root is none",
        };
        let names = if root.is_empty() { Some(Vec::new()) } else { (self.named_by)(root) };
        let mut open = names.ok_or_else(no_root)?;
        while let Some(hash) = open.pop() {
            if !seen.insert(hash) {
                continue;
            }
            let piece = found.get(&hash).ok_or(Violation::MissingPiece { index, hash })?;
            let named = piece.as_ref().ok_or_else(|| {
                damaged(&record::piece_key(&hash), "its bytes are not what its hash says")
            })?;
            open.extend(named);
            self.held.insert(hash, named.clone());
        }
        Ok(seen)
    }

    /// Stores what is not here yet.
    pub(super) fn store(
        &mut self,
        store: &Store,
        pieces: &[(PieceHash, Arc<[u8]>)],
    ) -> Result<(), JournalFailed> {
        let mut batch = sled::Batch::default();
        let mut added = BTreeMap::new();
        for (hash, piece) in pieces {
            if piece.len() > MAX_PIECE_BYTES {
                return Err(JournalFailed::refused("a piece is larger than 60 KiB"));
            }
            if self.held.contains_key(hash) {
                continue;
            }
            let key = record::piece_key(hash);
            let checked = store::check_piece(&key, piece);
            checked.map_err(|_| JournalFailed::refused("a piece is not what its hash says"))?;
            let named = (self.named_by)(piece);
            let named =
                named.ok_or_else(|| JournalFailed::refused("a piece is no part of a state"))?;
            batch.insert(key.as_slice(), &**piece);
            added.insert(*hash, named);
        }
        store.apply("store pieces", batch)?;
        self.held.extend(added);
        for (hash, _) in pieces {
            self.garbage.remove(hash);
            self.stale.remove(hash);
            self.fresh.insert(*hash);
        }
        self.let_go(store)
    }

    /// Everything below `root`, all of which is here.
    pub(super) fn below(&self, root: &[u8]) -> Result<BTreeSet<PieceHash>, JournalFailed> {
        let mut seen = BTreeSet::new();
        if root.is_empty() {
            return Ok(seen);
        }
        let named = (self.named_by)(root);
        let mut open =
            named.ok_or_else(|| JournalFailed::refused("the checkpoint's root is none"))?;
        while let Some(hash) = open.pop() {
            let named = self.held.get(&hash);
            let named = named
                .ok_or_else(|| JournalFailed::refused("a piece of the checkpoint is missing"))?;
            if seen.insert(hash) {
                open.extend(named);
            }
        }
        Ok(seen)
    }

    /// A checkpoint that names these became the newest one, and is durable.
    pub(super) fn turn(&mut self, newest: BTreeSet<PieceHash>) {
        let before = std::mem::replace(&mut self.newest, newest);
        let dropped = std::mem::replace(&mut self.before, before);
        let unnamed = std::mem::take(&mut self.fresh);
        self.garbage.extend(dropped);
        self.garbage.append(&mut self.stale);
        self.stale = unnamed;
        let is_named = |hash: &PieceHash| self.newest.contains(hash) || self.before.contains(hash);
        self.stale.retain(|hash| !is_named(hash));
        self.garbage.retain(|hash| !is_named(hash) && !self.stale.contains(hash));
    }

    /// Lets go of some of what nothing names.
    pub(super) fn let_go(&mut self, store: &Store) -> Result<(), JournalFailed> {
        let slice: Vec<PieceHash> = self.garbage.iter().take(LET_GO_PIECES).copied().collect();
        remove(store, &slice)?;
        for hash in slice {
            self.garbage.remove(&hash);
            self.held.remove(&hash);
        }
        Ok(())
    }

    /// Whether the piece is here, and stays for now.
    pub(super) fn holds(&self, hash: &PieceHash) -> bool {
        self.held.contains_key(hash) && !self.garbage.contains(hash)
    }
}

/// A checkpoint's root, and its index for the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'r> {
    pub(super) index: u64,
    pub(super) root: &'r [u8],
}

/// What is in the store: each piece, and what it names, where it is whole.
type Found = BTreeMap<PieceHash, Option<Vec<PieceHash>>>;

fn damaged(key: &[u8], what: &'static str) -> Violation {
    Violation::Damaged { record: record::name(key), what }
}

fn remove(store: &Store, hashes: &[PieceHash]) -> Result<(), JournalFailed> {
    if hashes.is_empty() {
        return Ok(());
    }
    let mut batch = sled::Batch::default();
    hashes.iter().for_each(|hash| batch.remove(record::piece_key(hash).as_slice()));
    store.apply("let go of pieces", batch)
}
