//! Are the sums those of the reference, bit for bit?

use proptest::prelude::*;

use super::*;
use crate::detector::grid::{AtStake, GAIN, GRID, shifts};

/// The reference, written as it was first: one number at a time, one place at a time.
fn reference_log2(x: u64) -> i64 {
    let n = 63 - i64::from(x.leading_zeros());
    let mut m = u128::from(x) << (63 - n);
    let mut fraction = 0;
    for place in (0..32).rev() {
        let square = m * m;
        if square >> 127 == 1 {
            fraction |= 1 << place;
            m = square >> 64;
        } else {
            m = square >> 63;
        }
    }
    (n << 32) | fraction
}

fn reference_log2_up(x: u64) -> i64 {
    reference_log2(x) + if x.is_power_of_two() { 0 } else { 64 }
}

/// What the reference adds for a control host's failure, and for a patched one's.
fn reference(treated: u64, control: u64, k: usize) -> (i64, i64) {
    let ratio = GRID[k];
    let margin = reference_log2(5 * treated + 4 * control) - (2 << 32);
    let with = reference_log2_up(ratio.over * treated + ratio.under * control);
    let shift = margin - (with - reference_log2(ratio.under));
    let gain = reference_log2(ratio.over * 4) - reference_log2_up(ratio.under * 5);
    (shift, shift + gain)
}

#[test]
fn the_golden_vector_holds_bit_for_bit() {
    let mut world = World::new(OnSlice::Everything);
    let controls = world.controls("5.15", 99_900);
    let patched = world.patched("5.15", 100);
    let sums = |world: &World| {
        let shown = world.detector.ledger().shown(WHOLE, Stream::Hard);
        shown.sums[Window::Soak.index()].map(|sum| sum.0)
    };
    world.fail(&patched[0], PATCHED);
    assert_eq!(
        sums(&world),
        [
            1_623_372_308,
            3_635_927_167,
            6_791_894_351,
            11_063_732_363,
            16_672_495_991,
            24_929_094_856,
            34_618_365_859,
            39_958_157_921,
        ]
    );
    // The reference's second vector has all hundred at risk again.
    let back = world.host("5.15");
    world.detector.begin(&back);
    world.fail(&controls[0], Cohort::Control);
    assert_eq!(
        sums(&world),
        [
            1_621_049_637,
            3_629_735_418,
            6_776_426_660,
            11_025_135_388,
            16_565_024_709,
            24_488_287_847,
            32_111_652_136,
            30_306_236_219,
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_increment_is_the_references(treated in 1..=10_000_000_u32, control in 1..=10_000_000_u32) {
        let shifts = shifts(AtStake { treated, control }).unwrap();
        for k in 0..GRID.len() {
            let expected = reference(treated.into(), control.into(), k);
            prop_assert_eq!((shifts[k], shifts[k] + GAIN[k]), expected);
        }
    }
}
