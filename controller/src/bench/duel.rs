//! How are two systems compared fairly? They take turns in short slices, so that whatever else the
//! machine does falls on both; the medians over the slices are compared.

use std::time::Duration;

use serde::Serialize;

use super::figures::{Spread, median, rounded};
use super::load::{Slice, Write, slice};
use super::show::Show;
use super::{BenchError, Turns};

/// How long each system works before anything is counted, at most.
const WARM_UP: Duration = Duration::from_secs(1);

/// The clients of both systems.
pub(super) struct Side<W, R> {
    /// Ours.
    pub(super) clients: Vec<W>,
    /// Those of the other, where there is one.
    pub(super) rival: Option<Vec<R>>,
}

/// What both systems did under the same load. Without a rival its figures are absent.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    tidegate_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    etcd_per_s: Option<f64>,
    etcd_p50_ms: Option<f64>,
    etcd_p99_ms: Option<f64>,
    /// Ours over theirs.
    ratio: Option<f64>,
    tidegate_spread_per_s: Spread,
    etcd_spread_per_s: Option<Spread>,
    /// Requests of either system that were refused or not answered, over all slices.
    failed: u64,
}

impl Pair {
    fn of(ours: &[Slice], theirs: Option<&[Slice]>) -> Self {
        let (mine, other) = (Medians::of(ours), theirs.map(Medians::of));
        let failed = ours.iter().chain(theirs.unwrap_or_default()).map(|slice| slice.failed).sum();
        Self {
            tidegate_per_s: mine.per_s,
            p50_ms: mine.p50_ms,
            p99_ms: mine.p99_ms,
            etcd_per_s: other.as_ref().map(|other| other.per_s),
            etcd_p50_ms: other.as_ref().map(|other| other.p50_ms),
            etcd_p99_ms: other.as_ref().map(|other| other.p99_ms),
            ratio: other.as_ref().map(|other| rounded(mine.per_s / other.per_s, 2)),
            tidegate_spread_per_s: mine.spread,
            etcd_spread_per_s: other.map(|other| other.spread),
            failed,
        }
    }

    /// The cells of a table's line.
    pub(super) fn cells(&self) -> Vec<String> {
        let or_dash = |number: Option<f64>, digits: usize| {
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
        };
        let spread = |spread: Spread| format!("{:.0}..{:.0}", spread.min, spread.max);
        vec![
            format!("{:.0}", self.tidegate_per_s),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            or_dash(self.etcd_per_s, 0),
            or_dash(self.etcd_p50_ms, 2),
            or_dash(self.etcd_p99_ms, 2),
            or_dash(self.ratio, 2),
            spread(self.tidegate_spread_per_s),
            self.etcd_spread_per_s.map_or_else(|| "-".to_owned(), spread),
        ]
    }
}

/// The medians over one system's slices.
struct Medians {
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    spread: Spread,
}

impl Medians {
    fn of(slices: &[Slice]) -> Self {
        let all = |figure: fn(&Slice) -> f64| slices.iter().map(figure).collect::<Vec<f64>>();
        let per_s = all(|slice| slice.per_s);
        Self {
            per_s: rounded(median(&per_s), 1),
            p50_ms: rounded(median(&all(|slice| slice.p50.ms())), 2),
            p99_ms: rounded(median(&all(|slice| slice.p99.ms())), 2),
            spread: Spread::of(&per_s, 1),
        }
    }
}

/// Lets both systems take turns.
pub(super) async fn duel<W: Write, R: Write>(
    side: &mut Side<W, R>,
    turns: &Turns,
    what: &str,
    show: &Show,
) -> Result<Pair, BenchError> {
    let span = turns.slice();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    slice(&mut side.clients, span.min(WARM_UP)).await?;
    if let Some(rival) = &mut side.rival {
        slice(rival, span.min(WARM_UP)).await?;
    }
    for number in 1..=turns.slices {
        let mine = slice(&mut side.clients, span).await?;
        let mut line =
            format!("{what}, slice {number}/{}: tidegate {:.0}/s", turns.slices, mine.per_s);
        ours.push(mine);
        if let Some(rival) = &mut side.rival {
            let other = slice(rival, span).await?;
            line = format!("{line}, etcd {:.0}/s", other.per_s);
            theirs.push(other);
        }
        show.say(&line);
    }
    Ok(Pair::of(&ours, side.rival.is_some().then_some(&*theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Micros;

    fn a_slice(per_s: f64, p99: u64) -> Slice {
        Slice { per_s, p50: Micros(p99 / 2), p99: Micros(p99), failed: 1 }
    }

    #[test]
    fn one_disturbed_slice_does_not_move_the_medians() {
        let ours = [a_slice(100.0, 4_000), a_slice(1.0, 900_000), a_slice(110.0, 4_200)];
        let theirs = [a_slice(50.0, 8_000), a_slice(40.0, 8_400), a_slice(50.0, 8_200)];
        let pair = serde_json::to_value(Pair::of(&ours, Some(&theirs))).unwrap();
        assert_eq!(pair["tidegate_per_s"], 100.0);
        assert_eq!(pair["p99_ms"], 4.2);
        assert_eq!(pair["etcd_p99_ms"], 8.2);
        assert_eq!(pair["ratio"], 2.0);
        assert_eq!(pair["tidegate_spread_per_s"], serde_json::json!({"min": 1.0, "max": 110.0}));
        assert_eq!(pair["failed"], 6);
    }

    #[test]
    fn without_a_rival_its_figures_are_there_and_null() {
        let pair = serde_json::to_value(Pair::of(&[a_slice(100.0, 4_000)], None)).unwrap();
        for key in ["etcd_per_s", "etcd_p50_ms", "etcd_p99_ms", "ratio", "etcd_spread_per_s"] {
            assert_eq!(pair.get(key), Some(&serde_json::Value::Null), "{key}");
        }
    }
}
