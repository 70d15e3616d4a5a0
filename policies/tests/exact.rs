//! Is what is stored never more than what is true, and hardly less?
//!
//! The truth is computed with mantissas of 256 bits, far beyond the 32 binary places that are stored.

use std::collections::BTreeMap;

use tidegate_policies::detector::grid::GRID;
use tidegate_policies::detector::place::{DomainId, Place};
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::slices::{Membership, SliceId, Slices};
use tidegate_policies::detector::stream::{Cohort, Stream, Symptom, Window, Windows};
use tidegate_policies::detector::{Detector, EvidenceRule, Subject};
use tidegate_policies::time::Elapsed;

/// Binary places of the truth.
const PLACES: u32 = 80;

/// A number of 256 bits, the lowest limb first.
type Wide = [u64; 4];

/// The logarithm of `x` in units of 2⁻⁸⁰, rounded down; one unit more is above it.
fn log2(x: u64) -> i128 {
    let zeros = x.leading_zeros();
    let mut mantissa: Wide = [0, 0, 0, x << zeros];
    let mut log = i128::from(63 - zeros);
    for _ in 0..PLACES {
        let (next, passes) = squared(mantissa);
        mantissa = next;
        log = log * 2 + i128::from(passes);
    }
    log
}

/// The square of a mantissa between 1 and 2, again between 1 and 2, and how often it was halved.
fn squared(m: Wide) -> (Wide, u8) {
    let mut product = [0_u64; 8];
    for i in 0..4 {
        let mut carry = 0_u128;
        for j in 0..4 {
            let sum = u128::from(product[i + j]) + u128::from(m[i]) * u128::from(m[j]) + carry;
            product[i + j] = low(sum);
            carry = sum >> 64;
        }
        product[i + 4] = low(carry);
    }
    let top = [product[4], product[5], product[6], product[7]];
    if top[3] >> 63 == 1 {
        return (top, 1);
    }
    let mut shifted = [0; 4];
    for n in 0..4 {
        let below = if n == 0 { product[3] } else { top[n - 1] };
        shifted[n] = (top[n] << 1) | (below >> 63);
    }
    (shifted, 0)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(n: u128) -> u64 {
    n as u64
}

/// What a failure truly adds at the ratio `k`, at least and at most.
fn truth(treated: u64, control: u64, k: usize, patched: bool) -> (i128, i128) {
    let ratio = GRID[k];
    let plus = [5 * treated + 4 * control, ratio.under];
    let minus = [4, ratio.over * treated + ratio.under * control];
    let more: &[u64] = if patched { &[ratio.over, 4] } else { &[] };
    let less: &[u64] = if patched { &[ratio.under, 5] } else { &[] };
    let sum = |terms: &[u64]| terms.iter().map(|&x| log2(x)).sum::<i128>();
    let exact = sum(&plus) + sum(more) - sum(&minus) - sum(less);
    (exact - 4, exact + 4)
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 32) % n
    }
}

/// Lets thousands of random failures add up, and holds every sum against the truth after each.
#[test]
fn every_sum_is_at_most_the_truth_and_within_a_ten_millionth_of_a_bit_a_failure() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&BTreeMap::new()));
    let mut next = 0;
    let mut host = || {
        next += 1;
        let place = Place { domain: DomainId(next), unit: None };
        Subject { host: next, stratum: Stratum(0), slices: Membership::WHOLE, place }
    };
    let mut exact = [(0_i128, 0_i128); GRID.len()];
    let ten_millionth = (1_i128 << PLACES) / 10_000_000;
    let (mut failures, mut worst) = (0_i128, 0_i128);
    for n in 0..2_500_u64 {
        // Cohorts grow and shrink over the magnitudes.
        for _ in 0..chance.below(1 + (n % 97)) {
            detector.enter_control(&host());
        }
        for _ in 0..chance.below(1 + (n % 31)) {
            detector.begin(&host());
        }
        let at = detector.risk().at(Stratum(0), SliceId(0));
        let patched = chance.below(2) == 1;
        let (cohort, count) = if patched {
            (Cohort::Treated(Windows::EVERY), at.treated[0])
        } else {
            (Cohort::Control, at.control)
        };
        if count == 0 {
            continue;
        }
        detector.fail(&host(), cohort, Symptom::Hard, Elapsed(n * 200_000));
        if at.control == 0 || at.treated[0] == 0 {
            continue;
        }
        failures += 1;
        let shown = detector.ledger().shown(SliceId(0), Stream::Union);
        for (k, exact) in exact.iter_mut().enumerate() {
            let (least, most) = truth(at.treated[0].into(), at.control.into(), k, patched);
            *exact = (exact.0 + least, exact.1 + most);
            let stored = i128::from(shown.sums[Window::Soak.index()][k].0) << (PLACES - 32);
            assert!(
                stored <= exact.0,
                "more than the truth after {failures} failures at ratio {k}"
            );
            let short = exact.1 - stored;
            assert!(short < ten_millionth * failures, "too little after {failures} failures");
            worst = worst.max(short / failures);
        }
    }
    assert!(failures > 2_000, "{failures}");
    assert!(worst > 0, "the truth is never met exactly by chance");
}

#[test]
fn the_truth_itself_is_right() {
    assert_eq!(log2(1), 0);
    assert_eq!(log2(1 << 40), 40_i128 << PLACES);
    // log2(3) = 1.584962500721156…
    let three = (log2(3) * 1_000_000_000_000) >> PLACES;
    assert_eq!(three, 1_584_962_500_721);
}
