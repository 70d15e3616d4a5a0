//! Does every recorded verdict follow from its record, to the bit, when nothing else is left of the log?

use std::collections::BTreeMap;

use super::super::world::World;
use super::{Beats, Keep, scene};
use crate::machine::Machine;
use crate::machine::records::rollout_subject;

/// What goes well and what goes wrong, each with its own gates and numbers.
const STORIES: [&str; 4] = [
    "",
    "[[fault]]\nshare = \"20%\"\nshows = \"crash\"\nafter = \"20s\"",
    "[[fault]]\nshare = \"5%\"\nshows = \"silent\"\nafter = \"20s\"",
    "[fleet.by-itself]\ncrash = \"20%\"\nsilent = \"20%\"",
];

/// The machine as a checkpoint gives it back: no entry of the log is left.
fn compacted(machine: &Machine) -> Machine {
    let frozen = machine.freeze();
    let pieces: BTreeMap<_, _> = frozen.pieces().collect();
    Machine::thaw(frozen.root(), &mut |hash| pieces.get(hash).cloned()).unwrap()
}

#[test]
fn a_thousand_recorded_verdicts_are_computed_again_to_the_bit() {
    let scenes = STORIES.map(scene);
    let (mut replayed, mut seed) = (0, 0);
    while replayed < 1_000 {
        seed += 1;
        for scene in &scenes {
            let mut world = World::new(scene, seed, Beats::ThatMatter, Keep::Nothing);
            world.play();
            let machine = compacted(&world.controllers.machine);
            let rollout = &machine.rollouts()[&world.controllers.rollout];
            let (records, subject) = (machine.records(), rollout_subject(rollout.id.as_str()));
            let verdicts = records.on(&subject);
            let indices: Vec<u64> = verdicts
                .filter(|record| record.basis.is_some())
                .map(|record| record.index)
                .collect();
            assert!(!indices.is_empty());
            for index in indices {
                let again = machine.replay(rollout, index).unwrap();
                assert!(again.is_same(), "seed {seed}: {again:?}");
                replayed += 1;
            }
        }
    }
}
