//! How do the pieces of a snapshot travel? As the peers' service hands them on: in answers of their
//! own, which may be lost, doubled, late and damaged.

use tidegate_controller::journal::PieceHash;
use tidegate_controller::machine::frozen::PieceHash as Name;

use super::happening::PeerMessage;
use super::world::World;

/// Most pieces in one answer.
const MOST_AT_ONCE: usize = 16;

impl World {
    /// A controller gives another the pieces that it has of those that are asked for.
    pub(super) fn give_pieces(&mut self, id: u64, to: u64, hashes: &[Name]) {
        let damaged = self.luck.happens(self.faults.links.bad_pieces);
        let Some(controller) = self.controllers.get(&id).filter(|one| one.node().is_some()) else {
            return;
        };
        let stored = controller.stored.borrow();
        let found = hashes.iter().filter_map(|hash| stored.piece(&PieceHash(hash.0)));
        let mut pieces: Vec<Vec<u8>> =
            found.take(MOST_AT_ONCE).map(|piece| piece.to_vec()).collect();
        drop(stored);
        if pieces.is_empty() {
            return;
        }
        if damaged && let Some(byte) = pieces.first_mut().and_then(|piece| piece.last_mut()) {
            *byte ^= 1;
        }
        self.send_peer(id, to, &PeerMessage::Pieces { pieces });
    }
}
