//! What does it look like? One run over time, and where every run ended, as an SVG.

use std::fmt::Write as _;

use super::batch::Played;
use super::outcome::{Course, End, Outcome, Sample};
use super::scenario::Scenario;

/// Width of the picture, and of each of its two parts, in pixels.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 300.0;
/// Room around a part.
const LEFT: f64 = 70.0;
const TOP: f64 = 46.0;
const BELOW: f64 = 46.0;
const RIGHT: f64 = 170.0;

/// A line of the first part: its name, its colour, its number at a moment.
type Curve = (&'static str, &'static str, fn(&Sample) -> u64);

const CURVES: [Curve; 4] = [
    ("verified", "#1b7837", |sample| sample.verified),
    ("in flight", "#2166ac", |sample| sample.in_flight),
    ("gone wrong", "#e08214", |sample| sample.gone_wrong),
    ("harmed by the patch", "#b2182b", |sample| sample.harmed),
];

/// The picture.
pub(super) fn svg(scenario: &Scenario, played: &Played) -> String {
    let mut svg = String::new();
    let height = 2.0 * HEIGHT;
    put(
        &mut svg,
        &format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">"#
        ),
    );
    put(&mut svg, r#"<rect width="100%" height="100%" fill="white"/>"#);
    over_time(&mut svg, scenario, played);
    ends(&mut svg, &played.outcomes);
    put(&mut svg, "</svg>");
    svg
}

/// One run over time: hosts on a logarithmic scale, so that few are seen beside many.
fn over_time(svg: &mut String, scenario: &Scenario, played: &Played) {
    let Course { samples, .. } = &played.course;
    let hours = samples.last().map_or(1.0, |last| hours(last.at)).max(0.1);
    let most = scale(scenario.fleet.hosts);
    let seed = played.outcomes.first().map_or(0, |outcome| outcome.seed);
    let frame = Frame { top: 0.0, hours, most };
    frame.draw(svg, &format!("{}: seed {seed}, hosts over hours", plain(&scenario.name)));
    for power in 0..=9_u32 {
        let hosts = 10_u64.pow(power);
        if scale(hosts) <= most {
            frame.mark(svg, scale(hosts), &hosts.to_string());
        }
    }
    for (nth, (name, colour, of)) in CURVES.iter().enumerate() {
        let points = samples.iter().map(|sample| {
            let (x, y) = frame.at(self::hours(sample.at), scale(of(sample)));
            format!("{x:.1},{y:.1}")
        });
        let points: Vec<String> = points.collect();
        put(
            svg,
            &format!(
                r#"<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{}"/>"#,
                points.join(" ")
            ),
        );
        frame.legend(svg, nth, (colour, name));
    }
}

/// Where each run ended: when, and how many hosts the patch had harmed.
fn ends(svg: &mut String, outcomes: &[Outcome]) {
    let ended = |outcome: &Outcome| {
        let to_halt = outcome.to_halt.map(|span| span + outcome.first_harm.unwrap_or(0));
        outcome.to_full.or(to_halt).map(hours)
    };
    let most_hours = outcomes.iter().filter_map(ended).fold(0.1, f64::max);
    let most = outcomes.iter().map(|outcome| outcome.harmed).max().unwrap_or(0).max(1);
    let frame = Frame { top: HEIGHT, hours: most_hours, most: float(most) };
    frame.draw(svg, "every run: hosts harmed over hours to its end");
    for part in [0, most / 2, most] {
        frame.mark(svg, float(part), &part.to_string());
    }
    let colours = [(End::Completed, "#1b7837"), (End::Halted, "#b2182b")];
    for (nth, (end, colour)) in colours.into_iter().enumerate() {
        for outcome in outcomes.iter().filter(|outcome| outcome.end == end) {
            let Some(hours) = ended(outcome) else { continue };
            let (x, y) = frame.at(hours, float(outcome.harmed));
            put(
                svg,
                &format!(
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}" fill-opacity="0.5"/>"#
                ),
            );
        }
        frame.legend(svg, nth, (colour, end.word()));
    }
}

/// One part of the picture, and its scales.
struct Frame {
    top: f64,
    hours: f64,
    most: f64,
}

impl Frame {
    fn at(&self, hours: f64, height: f64) -> (f64, f64) {
        let (width, tall) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BELOW);
        (LEFT + width * hours / self.hours, self.top + TOP + tall * (1.0 - height / self.most))
    }

    fn draw(&self, svg: &mut String, title: &str) {
        let (left, low) = self.at(0.0, 0.0);
        let (right, high) = self.at(self.hours, self.most);
        put(
            svg,
            &format!(
                r#"<text x="{left}" y="{:.1}" font-size="14">{title}</text>"#,
                self.top + TOP - 18.0
            ),
        );
        put(
            svg,
            &format!(
                r##"<path d="M{left:.1} {high:.1} V{low:.1} H{right:.1}" fill="none" stroke="#444"/>"##
            ),
        );
        for part in 0..=4_u32 {
            let hours = self.hours * f64::from(part) / 4.0;
            let (x, y) = self.at(hours, 0.0);
            put(
                svg,
                &format!(
                    r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{hours:.1} h</text>"#,
                    y + 18.0
                ),
            );
        }
    }

    fn mark(&self, svg: &mut String, height: f64, label: &str) {
        let (x, y) = self.at(0.0, height);
        let right = self.at(self.hours, height).0;
        put(svg, &format!(r##"<path d="M{x:.1} {y:.1} H{right:.1}" stroke="#ddd"/>"##));
        put(
            svg,
            &format!(
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                x - 6.0,
                y + 4.0
            ),
        );
    }

    fn legend(&self, svg: &mut String, nth: usize, (colour, name): (&str, &str)) {
        let nth = f64::from(u32::try_from(nth).unwrap_or(0));
        let (x, y) = (WIDTH - RIGHT + 16.0, self.top + TOP + 18.0 * nth);
        put(svg, &format!(r#"<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>"#));
        put(svg, &format!(r#"<text x="{}" y="{}">{name}</text>"#, x + 18.0, y + 10.0));
    }
}

fn put(svg: &mut String, line: &str) {
    // A string takes whatever is written.
    let _written = writeln!(svg, "{line}");
}

/// Text that an SVG takes.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Where a number of hosts is on the logarithmic scale: nobody is at 0, and so is nearly nobody.
fn scale(hosts: u64) -> f64 {
    (float(hosts) + 1.0).log10()
}

fn hours(span: u64) -> f64 {
    float(span) / 3_600_000.0
}

#[expect(clippy::cast_precision_loss, reason = "what is drawn has fewer than 53 bits")]
const fn float(number: u64) -> f64 {
    number as f64
}
