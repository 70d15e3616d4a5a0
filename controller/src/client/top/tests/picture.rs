//! How does a frame look with its colours? As an SVG, for a person's eyes: `TIDEGATE_PICTURES=DIR` has the frame
//! tests leave one of each there.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

const WIDTH: u16 = 8;
const HEIGHT: u16 = 17;

/// Leaves a picture where one is wanted.
pub(super) fn leave(name: &str, buffer: &Buffer) {
    let Some(folder) = std::env::var_os("TIDEGATE_PICTURES") else { return };
    let path = std::path::Path::new(&folder).join(format!("{name}.svg"));
    std::fs::write(path, svg(buffer)).unwrap();
}

fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (area.width * WIDTH, area.height * HEIGHT);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"DejaVu Sans Mono\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#101418\"/>\n"
    );
    for y in 0..area.height {
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let reversed = cell.modifier.contains(Modifier::REVERSED);
            let ink = if reversed { "#101418" } else { colour(cell.fg) };
            if reversed {
                let (left, top) = (x * WIDTH, y * HEIGHT);
                let _written = write!(
                    text,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#d8dee9\"/>"
                );
            }
            if cell.symbol() == " " {
                continue;
            }
            let bold = if cell.modifier.contains(Modifier::BOLD) { "bold" } else { "normal" };
            let opacity = if cell.modifier.contains(Modifier::DIM) { "0.6" } else { "1" };
            let symbol = cell.symbol().replace('&', "&amp;").replace('<', "&lt;");
            let (left, base) = (x * WIDTH, y * HEIGHT + 13);
            let _written = writeln!(
                text,
                "<text x=\"{left}\" y=\"{base}\" fill=\"{ink}\" font-weight=\"{bold}\" opacity=\"{opacity}\">{symbol}</text>"
            );
        }
    }
    text + "</svg>\n"
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the dashboard uses no others")]
fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Cyan => "#56b6c2",
        Color::LightBlue => "#61afef",
        Color::Yellow => "#e5c07b",
        Color::LightRed => "#ff6b6b",
        Color::DarkGray => "#5c6370",
        _ => "#d8dee9",
    }
}
