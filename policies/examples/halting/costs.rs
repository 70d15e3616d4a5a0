//! What do a failure, a ruling and a clean host cost? Measured, so that no two runs are alike.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window, Windows};
use tidegate_policies::detector::{Detector, Subject};
use tidegate_policies::time::Elapsed;

use crate::words;
use crate::world::Fleet;

/// What a failure, a ruling, and a clean host cost.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed(n: u32, mut work: impl FnMut(usize)) -> Duration {
    let start = Instant::now();
    for i in 0..n {
        work(usize::try_from(i).unwrap_or(0));
    }
    start.elapsed() / n
}

pub(crate) fn print(out: &mut impl Write, fleet: &Fleet) -> io::Result<()> {
    writeln!(out, "\n## Costs\n")?;
    let n = 20_000.min(u32::try_from(fleet.hosts.len() / 2).unwrap_or(1));
    let half = fleet.hosts.len() / 2;
    let own = |host: &Subject| {
        let mut host = *host;
        host.place.domain = DomainId(host.host);
        host
    };
    let hosts: Vec<Subject> = fleet.hosts.iter().map(own).collect();
    let mut detector: Detector = fleet.detector.clone();
    let control = timed(n, |i| detector.enter_control(&hosts[half + i]));
    let begin = timed(n, |i| detector.begin(&hosts[i]));
    let outlive = timed(n, |i| detector.outlive(&hosts[i], Window::Early));
    let windows = Windows::EVERY.without(Window::Early);
    let early = timed(n / 2, |i| {
        let at = Elapsed(i as u64 * 200_000);
        detector.fail(&hosts[half + i], Cohort::Control, Symptom::Hard, at);
    });
    let mut late = Duration::ZERO;
    let pairs = u64::from(n / 4).min(200);
    for i in 0..pairs {
        let (at, place) = (Elapsed((1 << 40) + i * 200_000), usize::try_from(i).unwrap_or(0));
        late += timed(1, |_| {
            detector.fail(&hosts[place], Cohort::Treated(windows), Symptom::Silence, at);
        });
        // As many control hosts fail, so that nothing halts.
        let other = half + usize::try_from(n / 2).unwrap_or(0) + place;
        detector.fail(&hosts[other], Cohort::Control, Symptom::Silence, at);
    }
    late /= u32::try_from(pairs).unwrap_or(1);
    let ruling = timed(2_000, |_| {
        black_box(detector.ruling());
    });
    let slices = detector.slices().count();
    writeln!(
        out,
        "{slices} slices, 3 streams, 3 windows, 8 hazard ratios; 8 slices a host. Measured on this machine.\n\n| what | \
         cost | asked | |\n| --- | --- | --- | --- |"
    )?;
    let clean = control.max(begin).max(outlive);
    for (what, cost, asked) in [
        ("a failure of a control host", early, Duration::from_micros(25)),
        ("a failure of a patched host", late, Duration::from_micros(25)),
        ("a clean host that enters, begins or outlives a window", clean, Duration::from_nanos(100)),
    ] {
        writeln!(out, "| {what} | {cost:?} | ≤ {asked:?} | {} |", words::met(cost <= asked))?;
    }
    writeln!(out, "| a ruling, with evidence in every slice | {ruling:?} | | |\n")?;
    let bytes = |encoded: Result<Vec<u8>, postcard::Error>| encoded.map_or(0, |bytes| bytes.len());
    writeln!(
        out,
        "encoded: the state {} bytes, of them sums {}, hosts at risk {}, domains {}, trail {}; a record {}",
        bytes(postcard::to_stdvec(&detector)),
        bytes(postcard::to_stdvec(detector.ledger())),
        bytes(postcard::to_stdvec(detector.risk())),
        bytes(postcard::to_stdvec(detector.domains())),
        bytes(postcard::to_stdvec(detector.trail())),
        bytes(postcard::to_stdvec(&detector.record())),
    )
}
