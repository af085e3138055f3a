//! The recording as an animated SVG: two terminals side by side, each line appearing when it did.

use std::fmt::Write;

use super::{Line, Terminal};

/// Width of a character in pixels, for the font below.
const CHARACTER: f32 = 6.62;
/// Height of a line in pixels.
const HEIGHT: f32 = 15.0;
const MARGIN: f32 = 14.0;
const TITLE: f32 = 24.0;

/// Draws the lines. Viewers that do not animate show the end.
pub fn draw(lines: &[Line]) -> String {
    let mut body = String::new();
    let mut left = 0.0;
    let mut rows = 0;
    for (terminal, title) in [(Terminal::Traffic, "terminal 1: traffic"), (Terminal::Control, "terminal 2: control")] {
        let mine: Vec<_> = lines
            .iter()
            .filter(|line| line.terminal == terminal)
            .flat_map(|line| line.text.split('\n').map(move |text| (line.at, text)))
            .collect();
        let columns = mine.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default();
        let x = left + MARGIN;
        let _ = writeln!(body, r#"<text class="t" x="{x}" y="{}">{title}</text>"#, TITLE - 6.0);
        for (row, (at, text)) in mine.iter().enumerate() {
            let y = TITLE + MARGIN + HEIGHT * row as f32;
            let class = if text.starts_with("$ ") { "l c" } else { "l" };
            let at = at.as_secs_f64();
            let _ = writeln!(
                body,
                r#"<text class="{class}" x="{x:.1}" y="{y:.1}" style="animation-delay:{at:.2}s">{}</text>"#,
                escape(text)
            );
        }
        rows = rows.max(mine.len());
        left = x + CHARACTER * columns as f32 + MARGIN;
    }
    let (width, height) = (left, TITLE + 2.0 * MARGIN + HEIGHT * rows as f32);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}">
<style>
text {{ font: 11px monospace; white-space: pre; fill: #d8dee9 }}
.t {{ fill: #7b88a1 }}
.c {{ fill: #a3be8c }}
.l {{ animation: appear 0.01s backwards }}
@keyframes appear {{ from {{ opacity: 0 }} }}
</style>
<rect width="100%" height="100%" rx="6" fill="#20242c"/>
{body}</svg>
"##
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
