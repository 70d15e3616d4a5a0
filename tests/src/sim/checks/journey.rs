//! I7 and I10: does a rollout go on step by step, when its tier has shown what the operators wanted, and on no data that
//! is missing? The books say who began, who was verified, and since when the controllers listen.

use tidegate_controller::machine::ids::RolloutId;
use tidegate_controller::machine::rollouts::Place;
use tidegate_policies::evidence::Class;

use super::Violation;
use super::books::{Book, Books};

/// Who goes on where no person does.
const JUDGE: &str = "judge";

/// Since when the controllers listen.
#[derive(Debug)]
pub(super) struct Listening {
    /// How often hosts report.
    beat: u64,
    /// The leader of the last tick, and the running time of its first one.
    term: u64,
    since: u64,
    now: u64,
    /// Waves that the judge let pass.
    pub(super) promotions: u64,
}

/// What the hosts of a tier have shown.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    /// Hosts that began, less those whose failure was acknowledged and those that refused.
    judged: u64,
    verified: u64,
}

impl Listening {
    pub(super) const fn new(beat: u64) -> Self {
        Self { beat, term: 0, since: 0, now: 0, promotions: 0 }
    }

    /// Time went on: the running time of a tick of this term.
    pub(super) const fn ticked(&mut self, term: u64, now: u64) {
        if term != self.term {
            (self.term, self.since) = (term, now);
        }
        self.now = now;
    }
}

impl Books {
    /// A rollout goes on to `next`, or to its end, because this person or the judge says so.
    pub(super) fn goes_on(
        &mut self,
        index: u64,
        rollout: &RolloutId,
        (next, actor): (Option<Place>, &str),
    ) -> Result<(), Violation> {
        let Some(book) = self.rollouts.get(rollout) else { return Ok(()) };
        let expected = self.after(book.place);
        if next != expected {
            let what = format!("{rollout} goes on to {next:?} at index {index}, not {expected:?}");
            return Err(Violation::new("I7", what));
        }
        let Some(place) = book.place.filter(|_| actor == JUDGE) else { return Ok(()) };
        let leaves = next.is_some_and(|next| next.stage != place.stage);
        let shown = self.shown(book, place.stage);
        self.listening.promotions += 1;
        self.has_shown(shown, leaves).map_err(|(invariant, why)| {
            let what = format!("{rollout} goes on from {place:?} at index {index}: {why}");
            Violation::new(invariant, what)
        })
    }

    /// The place after another; `None` after the last one, the first one after none.
    fn after(&self, place: Option<Place>) -> Option<Place> {
        let Some(place) = place else { return Some(Place { stage: 0, wave: 0 }) };
        if place.wave + 1 < self.meant.waves.get(place.stage)?.len() {
            return Some(Place { wave: place.wave + 1, ..place });
        }
        let stage = place.stage + 1;
        (stage < self.meant.waves.len()).then_some(Place { stage, wave: 0 })
    }

    /// What the hosts of a step have shown, but for those of halted slices.
    fn shown(&self, book: &Book, stage: usize) -> Shown {
        let mut shown = Shown::default();
        for (&host, row) in &book.hosts {
            let is_here = self.grants.get(&row.grant).is_some_and(|of| of.stage == stage);
            if !is_here || self.halted_slice(&book.version, host).is_some() {
                continue;
            }
            let counts = row.begun && !row.acknowledged && row.class != Class::Refused;
            shown.judged += u64::from(counts);
            shown.verified += u64::from(row.class == Class::Verified);
        }
        shown
    }

    /// Whether that is enough, and recent enough. Where hosts are compared with others, the evidence speaks of the
    /// share that is verified.
    fn has_shown(&self, shown: Shown, leaves: bool) -> Result<(), (&'static str, String)> {
        let Listening { beat, since, now, .. } = self.listening;
        if now - since < beat {
            let why = format!("the leader has listened for {} ms, less than a beat", now - since);
            return Err(("I10", why));
        }
        if leaves && shown.verified < self.meant.least_verified {
            let least = self.meant.least_verified;
            return Err(("I10", format!("{shown:?}, and it takes {least} verified hosts")));
        }
        let share = self.meant.verified;
        if self.credit.is_none() && shown.verified * 100 < shown.judged * share {
            return Err(("I7", format!("{shown:?}, and {share} % are to be verified")));
        }
        Ok(())
    }
}
